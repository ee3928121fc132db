"""The data sets of the zoo: `load` a data set by its name, or `register` a data set of your own.

Importing this package loads neither TensorFlow, scikit-learn, Pillow nor NumPy: the names are
resolved when they are first used (PEP 562).

The rooms, from the bottom to the top: `files` (folders and archives as one tree of files),
`formats` (decoding), `looking` (sample sheets, duplicates), `cache` (decoded images on disk),
`fetching` (downloads), `sources` (one file for each data set). `loading` uses all of them and
gives an `ImageData`, which holds up to three `Split`s.

Example:
    >>> import zoo.datasets
    >>> data = zoo.datasets.load("digits")
    >>> data.image_shape, data.num_classes
    ((8, 8, 1), 10)
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoo.datasets.description import DatasetInfo as DatasetInfo
    from zoo.datasets.description import RemoteFile as RemoteFile
    from zoo.datasets.image_data import ImageData as ImageData
    from zoo.datasets.image_files import read_image_blocks as read_image_blocks
    from zoo.datasets.image_files import read_images as read_images
    from zoo.datasets.loading import download as download
    from zoo.datasets.loading import list_datasets as list_datasets
    from zoo.datasets.loading import load as load
    from zoo.datasets.loading import register as register
    from zoo.datasets.looking.near_duplicates import NearDuplicates as NearDuplicates
    from zoo.datasets.looking.near_duplicates import near_duplicates as near_duplicates
    from zoo.datasets.registry import ReadRequest as ReadRequest
    from zoo.datasets.split import Split as Split
    from zoo.datasets.split import as_split as as_split

# `register` comes from `loading`, which registers the zoo's own data sets first: so a name that
# they have is refused at once.
_HOMES = {
    "ImageData": "image_data",
    "ReadRequest": "registry",
    **dict.fromkeys(("read_image_blocks", "read_images"), "image_files"),
    **dict.fromkeys(("NearDuplicates", "near_duplicates"), "looking.near_duplicates"),
    **dict.fromkeys(("DatasetInfo", "RemoteFile"), "description"),
    **dict.fromkeys(("Split", "as_split"), "split"),
    **dict.fromkeys(("download", "list_datasets", "load", "register"), "loading"),
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
