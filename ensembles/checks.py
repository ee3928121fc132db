"""Checks of votes, probabilities, labels, weights and splits.

Each function takes an argument as the caller passed it, and returns it as an array of a fixed type,
or raises an `ArgumentError`.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zoo.arguments import argument_error, whole_number
from zoo.datasets.arrays.images import check_images
from zoo.datasets.arrays.labels import check_any_label
from zoo.datasets.arrays.streams import collect, is_stream
from zoo.datasets.image_data import ImageData
from zoo.datasets.split import Split, as_split
from zoo.errors import ArgumentError, DataError
from zoo.metrics import LEAST_PROBABILITY, check_range_of_ids, sums_to_1


def checked_votes(votes: ArrayLike, num_classes: int | None = None) -> NDArray[np.int64]:
    """Check the members' votes.

    Args:
        votes: int [members, n], class ids.
        num_classes: The number of classes; the ids must be from 0 to num_classes − 1. None allows
            all ids.

    Returns:
        int64 [members, n].

    Raises:
        ArgumentError: The votes are not as described, or there is no member.

    Example:
        >>> checked_votes([[0, 1], [1, 1]], num_classes=2).shape
        (2, 2)
    """
    votes = np.asarray(votes)
    if num_classes is not None:
        whole_number("num_classes", num_classes, 1)
    if votes.ndim != 2 or len(votes) == 0 or votes.dtype.kind not in "iu":
        raise ArgumentError(
            "votes must be integers [members, n], of one member or more. "
            f"Received: {votes.dtype} of shape {votes.shape}. "
            "For probabilities, pass probabilities.argmax(axis=-1)."
        )
    if num_classes is not None:
        for member, ids in enumerate(votes):
            check_range_of_ids(f"The votes of member {member}", ids, num_classes)
    return votes.astype(np.int64, copy=False)


def checked_labels(labels: ArrayLike, n: int, num_classes: int | None = None) -> NDArray[np.int64]:
    """Check the true class ids.

    Args:
        labels: int [n].
        n: The number of images, 1 or more.
        num_classes: The number of classes; the ids must be from 0 to num_classes − 1. None allows
            all ids.

    Returns:
        int64 [n].

    Raises:
        ArgumentError: The labels are not as described.

    Example:
        >>> checked_labels([2, 0], n=2, num_classes=3)
        array([2, 0])
    """
    check_any_image(n)
    labels = np.asarray(labels)
    if labels.shape != (n,) or labels.dtype.kind not in "iu":
        raise ArgumentError(
            f"labels must be class ids, integers [n], one for each of the {n} images. "
            f"Received: {labels.dtype} of shape {labels.shape}. "
            "For one-hot labels, pass labels.argmax(axis=-1)."
        )
    if num_classes is not None:
        check_range_of_ids("labels", labels, num_classes)
    return labels.astype(np.int64, copy=False)


def check_any_image(n: int) -> None:
    """Check that there is at least one image, since a mean over no image is not a number.

    Args:
        n: The number of images.

    Raises:
        ArgumentError: There is no image.
    """
    if n == 0:
        raise ArgumentError(
            "There must be one image or more. Received: no image. Check the condition by which the "
            "images were selected."
        )


def checked_probabilities(
    probabilities: ArrayLike, axes: str = "[members, n, classes]"
) -> NDArray[np.float64]:
    """Check that each row holds one probability for each class.

    Args:
        probabilities: Numbers with these axes, each axis of length 1 or more. Each number is from
            0 to 1, and each row has a sum of 1 to within 0.01.
        axes: `"[members, n, classes]"` or `"[n, classes]"`.

    Returns:
        float64, the same numbers.

    Raises:
        ArgumentError: The probabilities are not as described.

    Example:
        >>> checked_probabilities([[0.25, 0.75]], "[n, classes]")
        array([[0.25, 0.75]])
    """
    values = np.asarray(probabilities)
    if values.ndim != axes.count(",") + 1 or values.size == 0 or values.dtype.kind not in "fiu":
        raise ArgumentError(
            f"probabilities must be numbers {axes}, with no axis of length 0. "
            f"Received: {values.dtype} of shape {values.shape}. For a single member, "
            "probabilities[np.newaxis] adds the axis of the members."
        )
    values = values.astype(np.float64, copy=False)
    _check_range(values)
    if not sums_to_1(values).all():
        sums = values.sum(axis=-1)
        farthest = sums.flat[abs(sums - 1).argmax()]
        raise ArgumentError(
            "probabilities must have rows that sum to 1. "
            f"Received: a row that sums to {farthest:.4g}. Divide each row by its sum."
        )
    return values


def checked_member_probabilities(
    probabilities: ArrayLike, shape: tuple[int, int, int] | None = None
) -> NDArray:
    """Check the members' probabilities for voting, where the sums of the rows do not matter.

    Args:
        probabilities: Numbers from 0 to 1, [members, n, classes], of 1 member and 1 class or more.
            There may be no images.
        shape: The shape of the votes with the number of classes; None allows all shapes.

    Returns:
        The same numbers, of the same type.

    Raises:
        ArgumentError: The probabilities are not as described.

    Example:
        >>> checked_member_probabilities([[[0.25, 0.75]]]).shape
        (1, 1, 2)
    """
    values = np.asarray(probabilities)
    if shape is not None and values.shape != shape:
        raise ArgumentError(
            f"probabilities must have the shape [members, n, classes] of the votes, {shape}. "
            f"Received: shape {values.shape}. Pass the probabilities that the votes come from."
        )
    if values.ndim != 3 or 0 in (len(values), values.shape[2]):
        raise ArgumentError(
            "probabilities must be [members, n, classes], of one member and class or more. "
            f"Received: shape {values.shape}. For a single member, pass probabilities[np.newaxis]."
        )
    _check_range(values)
    return values


def logarithms(probabilities: ArrayLike) -> NDArray[np.float64]:
    """Take the logarithms of probabilities, of which none counts as less than `LEAST_PROBABILITY`.

    Example:
        >>> logarithms([1.0, 0.0]).round(1)
        array([  0. , -87.3])
    """
    return np.log(np.maximum(probabilities, LEAST_PROBABILITY, dtype=np.float64))


def checked_weights(weights: ArrayLike | None, members: int) -> NDArray[np.float64]:
    """Check the members' weights.

    Args:
        weights: [members], finite numbers of 0 or more, not all 0; None gives each member the
            weight 1.
        members: The number of members.

    Returns:
        float64 [members], scaled by a power of two.

    Raises:
        ArgumentError: The weights are not as described.

    Example:
        >>> checked_weights([1, 3], members=2).tolist()
        [0.25, 0.75]
    """
    try:
        weights = np.ones(members) if weights is None else np.asarray(weights, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise ArgumentError(
            f"weights must be numbers, one for each member. Received: {weights!r}. "
            "Pass None to give each member the weight 1."
        ) from error
    if weights.shape != (members,):
        raise ArgumentError(
            f"weights must be one number for each of the {members} members. "
            f"Received: shape {weights.shape}. Pass None to give each member the weight 1."
        )
    if not np.isfinite(weights).all() or np.min(weights) < 0 or np.max(weights) == 0:
        raise ArgumentError(
            f"weights must be finite, none below 0 and not all 0. Received: {weights.tolist()}. "
            "Pass 0 for a member that has no vote."
        )
    # Only ratios matter. A power of two changes no rounding, and keeps sums from overflowing.
    return np.ldexp(weights, -np.frexp(np.max(weights))[1])


def checked_shares(weights: ArrayLike | None, members: int) -> NDArray[np.float64]:
    """Check the members' weights, as `checked_weights` does, and scale them to a sum of 1.

    Example:
        >>> checked_shares(None, members=2)
        array([0.5, 0.5])
    """
    weights = checked_weights(weights, members)
    return weights / weights.sum()


def checked_scores(scores: ArrayLike, name: str) -> NDArray[np.float64]:
    """Check a score of each image.

    Args:
        scores: float or bool [n], finite, of 1 image or more.
        name: The name of the argument, for the message.

    Returns:
        float64 [n].

    Raises:
        ArgumentError: The scores are not as described.

    Example:
        >>> checked_scores([True, False], "correct")
        array([1., 0.])
    """
    scores = np.asarray(scores)
    if scores.ndim != 1 or scores.size == 0 or scores.dtype.kind not in "bfiu":
        raise ArgumentError(
            f"{name} must be numbers [n], 1 or more. "
            f"Received: {scores.dtype} of shape {scores.shape}. Pass one number for each image."
        )
    if not np.isfinite(scores).all():
        index = np.flatnonzero(~np.isfinite(scores))[0]
        raise ArgumentError(
            f"{name} must be finite. Received: {scores[index]} at index {index}. "
            "Leave out this image, or correct its score."
        )
    return scores.astype(np.float64)


def checked_fraction(name: str, value: float) -> float:
    """Check a number between 0 and 1.

    Args:
        name: The name of the argument, for the message.
        value: The number, above 0 and below 1.

    Returns:
        The number.

    Raises:
        ArgumentError: The number is not as described.

    Example:
        >>> checked_fraction("confidence", 0.95)
        0.95
    """
    if not 0 < value < 1:
        raise argument_error(name, "be between 0 and 1", value, "Pass 0.95 for 95 %")
    return float(value)


def as_labelled(
    x: Any, y: Any, name: str, class_names: Sequence[str] | None, sample_weight: Any = None
) -> Split:
    """Take a `Split` as it is, or make a split of images and labels.

    Args:
        x: A `Split`; images uint8 [n, height, width, channels]; a tuple (images, labels) or
            (images, labels, weights); or a `tf.data.Dataset` or a `keras.utils.PyDataset` of such.
        y: The labels of the images, int [n]; None where `x` has the labels.
        name: The name of a new split.
        class_names: The names of the classes of a new split; None numbers them.
        sample_weight: The weight of each image, [n], or None.

    Returns:
        The split.

    Raises:
        DataError: The images, labels or weights are not as described.
    """
    check_part(x)
    if isinstance(x, Split):
        check_any_label(x.labels, x.name)
        class_names = None
    elif is_stream(x):  # of a folder that Keras reads, whose classes have names
        class_names = getattr(x, "class_names", class_names)
    return as_split(x, y, name=name, class_names=class_names, sample_weight=sample_weight)


def as_unlabelled(x: Any) -> Split:
    """Take a `Split` as it is, or make a split of images whose labels do not matter.

    Args:
        x: As for `as_labelled`, but also without labels. Labels are left out.

    Returns:
        The split, in which all images of arrays and datasets are of one class.

    Raises:
        DataError: The images are not as described.

    Example:
        >>> as_unlabelled(np.zeros((3, 8, 8, 1), "uint8"))
        Split('images', 3 images of 8×8×1: unknown 3)
    """
    if isinstance(x, Split):
        return x
    images = x[0] if isinstance(x, tuple) else x
    images = collect(images).images if is_stream(images) else check_images(images)
    return Split("images", images, np.zeros(len(images), np.int64), ("unknown",))


def check_part(x: Any) -> None:
    """Refuse a whole data set where the images of a part are asked for.

    Args:
        x: Images in any container.

    Raises:
        DataError: `x` is an `ImageData`.
    """
    if isinstance(x, ImageData):
        raise DataError(
            "images must be a part of a data set. Received: an ImageData with the parts "
            f"{', '.join(x.splits)}. Pass a part: data.train to fit, data.test to report."
        )


def check_classes(split: Split, num_classes: int, class_names: Sequence[str] | None) -> None:
    """Check that a split has the classes that a committee knows.

    Args:
        split: The images with labels.
        num_classes: The number of classes that the committee knows.
        class_names: The names of these classes; None allows any names.

    Raises:
        DataError: The split has other classes.
    """
    if split.num_classes != num_classes:
        raise DataError(
            f"The images must be of the {num_classes} classes that the committee knows. "
            f"Received: {split.num_classes} classes, {', '.join(split.class_names)}. "
            "Load these classes only, with zoo.datasets.load(classes=...)."
        )
    if class_names is not None and split.class_names != tuple(class_names):
        raise DataError(
            "The images must be of the classes that the committee knows, in this order: "
            f"{', '.join(class_names)}. Received: {', '.join(split.class_names)}. "
            "Pass this order to zoo.datasets.load(classes=...). Where the members know other "
            "classes, make the committee with class_names=."
        )


def _check_range(probabilities: NDArray) -> None:
    """Check that all numbers are finite and from 0 to 1, to within float32 rounding."""
    # The extremes of an array with a NaN in it are NaN, and no comparison with NaN holds.
    low, high = probabilities.min(initial=0), probabilities.max(initial=0)
    if not (low >= 0 and high <= 1 + 1e-6):
        raise ArgumentError(
            "probabilities must be finite and from 0 to 1. "
            f"Received: values from {low} to {high}. Logits need a softmax first."
        )
