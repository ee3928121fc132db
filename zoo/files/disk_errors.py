"""Errors of the disk, whichever library raises them."""

import errno
import os


def is_error_of_disk(error: BaseException) -> bool:
    """Whether an error says that a file cannot be written or read.

    TensorFlow has error classes of its own for that, and HDF5 raises a RuntimeError.

    Example:
        >>> is_error_of_disk(RuntimeError("write failed (No space left on device)"))
        True
        >>> is_error_of_disk(RuntimeError("the model is not built"))
        False
    """
    names = {kind.__name__ for kind in type(error).__mro__}
    return (
        isinstance(error, OSError)
        or ("OpError" in names and type(error).__module__.startswith("tensorflow"))
        or os.strerror(errno.ENOSPC) in str(error)
    )
