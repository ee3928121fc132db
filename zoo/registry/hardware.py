"""The precision in which the hardware of this machine is fast."""

from functools import lru_cache
from pathlib import Path

CPU_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}
"""Linux's names for products of bfloat16: on AMD and Intel, on Intel's matrix unit, on Arm."""


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


def _cpu_flags(path: Path = Path("/proc/cpuinfo")) -> set[str]:
    """Read the CPU features that Linux lists. On other systems the set is empty."""
    try:
        lines = path.read_text("utf-8", "replace").splitlines()
    except OSError:
        return set()
    flags = (line.partition(":")[2] for line in lines if line.startswith(("flags", "Features")))
    return set(next(flags, "").split())
