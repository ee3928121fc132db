"""The registry of data sets: names, and the function that reads the images for each name."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from inspect import Parameter
from pathlib import Path
from typing import Any

import numpy as np

from zoo.arguments import argument_error, is_same_function, where_defined
from zoo.datasets.description import DatasetInfo
from zoo.datasets.files.checks import data_error
from zoo.datasets.files.class_folders import labels_of
from zoo.datasets.files.mapped import fill
from zoo.datasets.files.tree import Tree
from zoo.datasets.formats.conversion import ImageConversion
from zoo.datasets.formats.decode import decode
from zoo.datasets.formats.image_file import Target
from zoo.datasets.split import Split, as_split
from zoo.errors import ArgumentError, DataError
from zoo.text import did_you_mean, unknown_name

# The files of an embedded data set.
NO_FILES = Tree(Path(), {}, frozenset(), open_file=lambda name: open(name, "rb"))  # noqa: SIM115


@dataclass(frozen=True)
class ReadRequest:
    """What `load` asks of the function that reads a data set.

    Args:
        tree: The files of the data set. Empty for an embedded data set.
        parts: The parts that are wanted. Empty for a data set without parts of its own.
        classes: Names of the classes that are wanted. None: all of them. Only a data set whose
            description says `reads_classes` has to look at it.
        conversion: The size and the colour that the images are converted to.
        on_error: "raise" if a damaged image file is an error, "skip" if it is left out.
        known_classes: Names of the classes of a model, if the images are to judge the model. Then
            the split "train" is not needed, and a class may have no images. Empty: the model does
            not know the names. None: the images are to train a model.

    Example:
        >>> import numpy as np
        >>> request = ReadRequest(conversion=ImageConversion(size=(4, 4)))
        >>> request.split("train", np.zeros((2, 8, 8, 1), "uint8"), [0, 1], ["cat", "dog"])
        Split('train', 2 images of 4×4×1: cat 1, dog 1)
    """

    tree: Tree = NO_FILES
    parts: tuple[str, ...] = ()
    classes: tuple[str, ...] | None = None
    conversion: ImageConversion = field(default_factory=ImageConversion)
    on_error: str = "raise"
    known_classes: tuple[str, ...] | None = None

    def split(
        self, name: str, images: Any, labels: Any, class_names: Any, label_shares: Any = None
    ) -> Split:
        """Make a split of arrays, and convert the images to the size and colour that are wanted.

        Args:
            name: "train", "validation" or "test"; or the name of a part, if the data set has parts.
            images: Images, uint8 [n, height, width, 1 or 3].
            labels: Class ids, integers [n].
            class_names: The name of each class id.
            label_shares: The share of each class in the votes of people, [n, classes], or None.

        Raises:
            DataError: An array has another dtype or shape, a label has no class name, or the shares
                of an image do not sum to 1.
        """
        split = as_split(
            images, labels, name=name, class_names=class_names, label_shares=label_shares
        )
        if (channels := split.image_shape[-1]) not in (1, 3):
            raise DataError(
                f"images of {name!r} must be grey or RGB, with 1 or 3 channels. "
                f"Received: {channels} channels. Leave out the other channels."
            )
        converted = self.conversion.convert(name, split.images)
        shares = split.label_shares
        return Split(name, converted, split.labels, split.class_names, label_shares=shares)

    def decode(
        self,
        part: str,
        classes: Mapping[str, Sequence[str]],
        target: Target,
        *,
        alike: str = "",
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Decode the image files of a part of the data set.

        Args:
            part: "train", "validation" or "test"; or the name of a part of the data set's own.
            classes: Paths of files in the tree by class name, in the order of the class ids.
            target: Size and colour of the images.
            alike: Name of the image that the size was taken from, if it was, for the message.

        Returns:
            Images uint8 [n, height, width, channels], class ids int64 [n], and which of the files
            they are, bool: with `on_error="skip"`, damaged files are missing, and a warning lists
            them.

        Raises:
            DataError: A file is damaged; or all files of a class are.
        """
        files, labels = labels_of(classes)
        room = self.conversion.new(part, (len(files), *target.shape))
        images, kept = decode(
            self.tree, files, target, on_error=self.on_error, alike=alike, out=room
        )
        if kept.all():
            return images, labels, kept
        if lost := np.setdiff1d(labels, labels[kept]).tolist():
            expected = f"have a readable image in {part} of {self.tree.path}"
            received = f"none of class {[*classes][lost[0]]!r}"
            raise data_error("Every class", expected, received, "Add images or remove the class")
        room = self.conversion.new(part, images.shape)  # the cache keeps whole arrays
        fill(room, images)
        return room, labels[kept], kept


Reader = Callable[[ReadRequest], Mapping[str, Split]]


@dataclass(frozen=True)
class Dataset:
    """A registered data set: the description, and the function that reads the images.

    The function takes a `ReadRequest` and returns splits by name: by the names of the wanted parts,
    as far as the files hold them; or, for a data set without parts, by "train", and "validation"
    and "test" where there are such images.
    """

    info: DatasetInfo
    read: Reader


_datasets: dict[str, Dataset] = {}


def register(
    reader: Reader | None = None, *, info: DatasetInfo | None = None, override: bool = False
) -> Any:
    """Register a function that reads a data set, so that `zoo.datasets.load` finds it by name.

    Args:
        reader: The function, if the decorator is used without parentheses. It takes a
            `ReadRequest` and returns a dict of splits by name, of which one is "train".
        info: The description. None, or a description without name and summary: the name of the
            function is the name of the data set, and the first line of its docstring the summary.
        override: Whether to replace another data set of that name.

    Returns:
        The function, unchanged.

    Raises:
        ArgumentError: The name is taken by another function or is no plain word, or the function
            does not take one argument.

    Example:
        >>> import numpy as np
        >>> import zoo.datasets
        >>> @zoo.datasets.register(override=True)
        ... def dots(request):
        ...     '''Eight dots, 1×1 grey, 2 classes.'''
        ...     images = np.arange(8, dtype="uint8").reshape(8, 1, 1, 1)
        ...     return {"train": request.split("train", images, [0, 1] * 4, ["even", "odd"])}
        >>> zoo.datasets.load("dots", validation=0, test=1).train
        Split('train', 6 images of 1×1×1: even 3, odd 3)
    """
    if reader is None:
        return lambda function: register(function, info=info, override=override)
    parameters = inspect.signature(reader).parameters.values() if inspect.isfunction(reader) else ()
    kinds = [parameter.kind for parameter in parameters]
    if kinds not in ([Parameter.POSITIONAL_ONLY], [Parameter.POSITIONAL_OR_KEYWORD]):
        expected = "be read by a function with one parameter, the ReadRequest"
        remedy = "Write @register above such a function; constants of its module are the options"
        raise argument_error("A data set", expected, reader, remedy)
    info = info or DatasetInfo()
    name = info.name or reader.__name__
    if not re.fullmatch("[a-z][a-z0-9_]*", name):
        expected = "be small letters, digits and underscores"
        remedy = "Rename the function, or pass info=DatasetInfo(name=…)"
        raise argument_error("The name of a data set", expected, name, remedy)
    registered = _datasets.get(name)
    if registered and not override and not is_same_function(registered.read, reader):
        raise ArgumentError(
            f"The name of a data set must be free. Received: {name!r} for {where_defined(reader)}, "
            f"which is taken by {where_defined(registered.read)}. Rename the function, or pass "
            "override=True."
        )
    summary = info.summary or (inspect.getdoc(reader) or "").split("\n")[0]
    _datasets[name] = Dataset(replace(info, name=name, summary=summary), reader)
    return reader


def get_dataset(name: Any) -> Dataset:
    """Find a registered data set by its name, or raise a DataError."""
    if not isinstance(name, str) or name not in _datasets:
        raise DataError(
            unknown_name(
                "data set",
                name,
                _datasets,
                "Import the module that registers a data set of your own.",
            )
        )
    return _datasets[name]


def check_name(argument: str, name: str) -> str:
    """Take an argument that may name a data set beside other values, or raise an ArgumentError."""
    if name not in _datasets:
        raise ArgumentError(
            f"{argument} must be a number, or the name of a data set. Received: {name!r}"
            f"{did_you_mean(name, _datasets)} Registered: {', '.join(sorted(_datasets))}. Import "
            "the module that registers a data set of your own."
        )
    return name


def list_datasets() -> list[DatasetInfo]:
    """Describe every registered data set.

    Returns:
        Descriptions, sorted by name. Each has a `name`, a `summary`, a `source` and `needs_root`.

    Example:
        >>> import zoo.datasets
        >>> names = [info.name for info in zoo.datasets.list_datasets()]
        >>> "cifar10" in names, "mnist" in names
        (True, True)
    """
    return [_datasets[name].info for name in sorted(_datasets)]
