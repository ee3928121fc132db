"""All errors that Zoo raises on purpose.

Catch `ZooError` for all of them, or the built-in error that each of them also is (`LookupError`,
`ValueError`, `OSError`). A message says what was expected, what was received, and what to do.
"""


class ZooError(Exception):
    """The base class of all errors that Zoo raises on purpose."""


class UnknownModelError(ZooError, LookupError):
    """No registered model has this name."""


class UnknownWeightsError(ZooError, LookupError):
    """No trained weights have this name."""


class ArgumentError(ZooError, ValueError):
    """An argument is unknown, has a wrong type, or is out of its range."""


class DataError(ZooError, ValueError):
    """A file, folder or array does not hold the data that it should hold."""


class RunError(ZooError, OSError):
    """A run folder cannot be started, resumed or written."""
