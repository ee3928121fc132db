"""The data sets of the zoo: `load` one by name, or hand over your own images.

Importing this package loads neither TensorFlow, scikit-learn, Pillow nor NumPy: the names
are resolved when they are first used (PEP 562).

Example:
    >>> import zoo.datasets
    >>> data = zoo.datasets.load("digits")
    >>> data.image_shape, data.num_classes
    ((8, 8, 1), 10)
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoo.datasets.image_data import ImageData
    from zoo.datasets.loading import download, list_datasets, load
    from zoo.datasets.split import Split, as_split

__all__ = ["ImageData", "Split", "as_split", "download", "list_datasets", "load"]

_HOMES = {
    "ImageData": "image_data",
    **dict.fromkeys(("Split", "as_split"), "split"),
    **dict.fromkeys(("download", "list_datasets", "load"), "loading"),
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
