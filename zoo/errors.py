"""Every error that Zoo raises on purpose, as one family.

Catch `ZooError` for all of them, or the built-in that fits (`LookupError`, `ValueError`,
`OSError`). A message says what was expected, what was received, and what to do.
"""


class ZooError(Exception):
    """Base of every error that Zoo raises on purpose."""


class UnknownModelError(ZooError, LookupError):
    """No registered model has that name."""


class ArgumentError(ZooError, ValueError):
    """An argument is unknown, of the wrong kind, or out of range."""


class DataError(ZooError, ValueError):
    """A file, folder or array cannot be read as the data it should be."""


class RunError(ZooError, OSError):
    """A run folder cannot be started, resumed or written."""
