"""What the machine can do that Keras does not ask."""

from functools import lru_cache
from pathlib import Path

CPU_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}
"""What Linux calls products of bfloat16: of AMD and Intel, of Intel's matrix unit, of Arm."""


@lru_cache
def fast_precision() -> str:
    """The Keras dtype policy that trains fastest here without loss scaling.

    Returns:
        `"mixed_bfloat16"` where every GPU, or without one the CPU, multiplies bfloat16 itself
        (NVIDIA from compute capability 8.0); else, or where that cannot be found out, `"float32"`.

    Example:
        >>> fast_precision() in ("float32", "mixed_bfloat16")
        True
    """
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
        has_it = all(one.get("compute_capability", (0, 0)) >= (8, 0) for one in details)
    else:
        has_it = bool(CPU_FLAGS & _cpu_flags())
    return "mixed_bfloat16" if has_it else "float32"


def _cpu_flags(path: Path = Path("/proc/cpuinfo")) -> set[str]:
    """The features that Linux lists; none elsewhere."""
    try:
        lines = path.read_text("utf-8", "replace").splitlines()
    except OSError:
        return set()
    flags = (line.partition(":")[2] for line in lines if line.startswith(("flags", "Features")))
    return set(next(flags, "").split())
