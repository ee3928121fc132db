"""The precision in which the hardware of this machine is fast, by hardware and by model."""

from functools import lru_cache
from pathlib import Path
from typing import Any

from zoo.registry.flops import kernel_widths, layers_of, multiply_adds

CPU_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}
"""Linux's names for products of bfloat16: on AMD and Intel, on Intel's matrix unit, on Arm."""

WIDE = 16
"""The channels, of input and output, from which a product of bfloat16 is faster on a CPU."""
SHARE = 1 / 2
"""The share of a model's multiply-adds in wide layers from which the whole model is faster.

Far below, the conversions between the two precisions cost as much as the products gain. On two
cores with AVX-512 and AMX, Zoo trained `resnet` (99 %) with 1,032 images a second in bfloat16 and
713 in float32, `vgg` of width 8 (71 %) with 2,470 and 2,350, `mini_xception` (68 %) with 1,255 and
1,178, and `lenet` (14 %) with 19,464 and 19,210. Without AMX, it trained `mini_xception` with 1,933
and 1,452, and `lenet` with 18,739 and 18,650."""


@lru_cache
def fast_precision() -> str:
    """Choose the Keras dtype policy that trains fastest on this machine without loss scaling.

    Returns:
        `"mixed_bfloat16"` if every GPU multiplies bfloat16 itself (NVIDIA from compute capability
        8.0), or if there is no GPU and the CPU does so. Else `"float32"`, also if the hardware is
        not known.

    Example:
        >>> fast_precision() in ("float32", "mixed_bfloat16")
        True
    """
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
        has_bfloat16 = all(gpu.get("compute_capability", (0, 0)) >= (8, 0) for gpu in details)
    else:
        has_bfloat16 = bool(CPU_FLAGS & _cpu_flags())
    return "mixed_bfloat16" if has_bfloat16 else "float32"


def pays_in_bfloat16(model: Any) -> bool:
    """Whether a model is faster in bfloat16 than in float32, on hardware that multiplies bfloat16.

    On a CPU, a model is faster if half of its multiply-adds are in dense layers and
    convolutions with at least 16 channels of input and output. In a depthwise convolution each
    channel is convolved by itself and counts as a single channel. On a GPU every model is taken to
    be faster, and so is a model that is no graph of layers, whose products cannot be counted.

    Args:
        model: A built `keras.Model`.

    Returns:
        Whether bfloat16 pays.

    Example:
        >>> import zoo
        >>> [pays_in_bfloat16(zoo.build(name)) for name in ("vgg", "lenet")]
        [True, False]
    """
    import tensorflow as tf

    if tf.config.list_physical_devices("GPU") or not hasattr(model, "inputs"):
        return True
    every = wide = 0
    for layer in layers_of(model):
        work = multiply_adds(layer)
        every += work
        if work and min(kernel_widths(layer)) >= WIDE:
            wide += work
    return wide >= SHARE * every


def _cpu_flags(path: Path = Path("/proc/cpuinfo")) -> set[str]:
    """Read the CPU features that Linux lists. On other systems the set is empty."""
    try:
        lines = path.read_text("utf-8", "replace").splitlines()
    except OSError:
        return set()
    flags = (line.partition(":")[2] for line in lines if line.startswith(("flags", "Features")))
    return set(next(flags, "").split())
