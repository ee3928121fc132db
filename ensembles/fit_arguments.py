"""The arguments of `Committee.fit`: training images, validation images and the teacher."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from zoo.datasets.arrays.streams import is_stream
from zoo.datasets.split import Split
from zoo.ensembles.checks import as_labelled, check_part
from zoo.ensembles.provenance import provenance_of
from zoo.errors import ArgumentError, DataError
from zoo.training.distillation import Teacher


def training_split(
    x: Any, y: Any, sample_weight: Any, class_names: Sequence[str] | None, name: str = "train"
) -> Split:
    """Take training images with labels, without the images of weight 0.

    Args:
        x: As in `Committee.fit`.
        y: The labels, or None.
        sample_weight: The weights, or None.
        class_names: The names of the classes; None numbers them.
        name: The name of a new split.

    Returns:
        The split.

    Raises:
        DataError: The images, labels or weights are not as described, or there is a single class.
    """
    data = as_labelled(x, y, name, class_names, sample_weight)
    if data.num_classes < 2:
        raise DataError(
            "Training images must be of 2 classes or more. Received: a single class, "
            f"{data.class_names[0]!r}. Add images of another class, or pass class_names=."
        )
    if data.sample_weight is not None and not data.sample_weight.all():
        return data.take(data.sample_weight > 0)
    return data


def validation_split(given: Any, data: Split) -> Split | None:
    """Take validation images with labels.

    Args:
        given: Images with labels, as in `Committee.fit`, or None.
        data: The training images.

    Returns:
        The split, or None.

    Raises:
        DataError: The images, labels or weights are not as described.
    """
    if given is None:
        return None
    check_part(given)
    if isinstance(given, list) and len(given) in (2, 3):
        given = tuple(given)
    is_pair = isinstance(given, tuple) and len(given) in (2, 3)
    if not (is_pair or isinstance(given, Split) or is_stream(given)):
        received = f"{len(given)} values" if isinstance(given, tuple) else type(given).__name__
        raise DataError(
            "validation_data must be a Split, a pair (images, labels) or a dataset of such pairs. "
            f"Received: {received}. Pass the images and the labels in a tuple."
        )
    return as_labelled(given, None, "validation", data.class_names)


def warn_of_known_images(validation: Split | None, data: Split, models: Sequence[Any]) -> None:
    """Warn of validation images that any training has seen.

    Args:
        validation: The validation images, or None.
        data: The training images.
        models: The members and the teacher, which may know images from earlier trainings.
    """
    if validation is None:
        return
    trained_on = np.union1d(data.digests, provenance_of(models).trained_on)
    if known := validation.count_among(trained_on):
        warnings.warn(
            f"{known:,} of the {len(validation):,} validation images are training images too, of "
            "this training or of weights that a member or the teacher brings, so the validation "
            "scores are too good. Hold out images that differ, for example with "
            "zoo.datasets.load(drop_duplicates=True), or with load(validation=NAME) where the "
            "weights know the images by the data set of that name.",
            UserWarning,
            stacklevel=3,
        )


def models_of_teacher(teacher: Any) -> list[Any]:
    """Give the models that a teacher consists of.

    Args:
        teacher: A `Teacher`, or None.

    Returns:
        The members of a committee, or the model; no model without a teacher.

    Raises:
        ArgumentError: The teacher is something else, such as a committee.

    Example:
        >>> models_of_teacher(None)
        []
    """
    if teacher is None:
        return []
    if not isinstance(teacher, Teacher):
        raise ArgumentError(
            f"teacher must be a zoo.Teacher or None. Received: {teacher!r:.80}. Make a teacher of "
            "a trained committee or model: zoo.Teacher(committee)."
        )
    return list(getattr(teacher.model, "members", None) or [teacher.model])
