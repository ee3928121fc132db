"""What a data set says of itself, for `list_datasets` and the command line."""

from dataclasses import dataclass


@dataclass(frozen=True)
class DatasetInfo:
    """The description of a data set.

    The module of a data set has one, as `INFO`, and a function `read` that takes the named
    options as keywords and returns a dict of splits: "train", and "validation" or "test"
    where the data set has its own.

    Args:
        name: what `load` knows it by.
        summary: one line: how many images, their size, how many classes.
        source: where the files come from.
        options: the options of `load` that its `read` takes, of "root", "image_size",
            "color" and "cache"; the others raise when they are given.

    Example:
        >>> DatasetInfo("dots", "4 dots, 1×1", "made up", options=()).needs_root
        False
    """

    name: str
    summary: str
    source: str
    options: tuple[str, ...]

    @property
    def needs_root(self) -> bool:
        """Whether the images are files on disk that the user has to bring."""
        return "root" in self.options
