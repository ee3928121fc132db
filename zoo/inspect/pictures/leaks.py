"""Accuracy with and without the test images that nearly stand among the training images."""

from typing import Any

from zoo.datasets.looking.near_duplicates import near_duplicates
from zoo.datasets.split import Split
from zoo.ensembles.reports.leaks import MAX_SHIFT, THRESHOLD, Leaks, measure_leaks
from zoo.inspect.pictures.predictions import BATCH, labelled_split, predict_split

__all__ = ["Leaks", "leaks"]


def leaks(
    model_or_committee: Any,
    data: Any,
    training: Split,
    *,
    max_shift: int = MAX_SHIFT,
    threshold: float = THRESHOLD,
) -> Leaks:
    """Measure the accuracy with and without test images that the training images nearly hold.

    A test image that is also a training image, mirrored, moved or compressed again, says little
    about new images. `zoo.datasets.near_duplicates` finds these images. The report of a committee
    does the same for the images that the committee was trained on.

    Args:
        model_or_committee: A built `keras.Model` of any kind, or a `zoo.ensembles.Committee`.
        data: The test images with labels: a `Split`, a tuple (images, labels), or a dataset of such
            pairs.
        training: The images that it was trained on.
        max_shift: As for `near_duplicates`.
        threshold: As for `near_duplicates`.

    Returns:
        The `Leaks`; `sentence()` says them in words.

    Raises:
        ArgumentError: An argument is out of range, or the model is not built.
        DataError: The images, labels or classes do not fit.

    Example:
        >>> import zoo
        >>> data = zoo.datasets.load("digits")
        >>> model = zoo.build("softmax", input_shape=(8, 8, 1), num_classes=10)
        >>> leaks(model, data.test, data.train, max_shift=1).every.n
        359
    """
    split = labelled_split(model_or_committee, data)
    found = near_duplicates(split, training, max_shift=max_shift, threshold=threshold)
    answers = predict_split(model_or_committee, split, BATCH).answers
    return measure_leaks(split.labels, answers, found)
