import numpy as np
import pytest

from zoo.datasets.split import as_split
from zoo.errors import DataError

GOOD = np.zeros((3, 2, 2, 1), np.uint8)
LABELS = [0, 1, 1]
# images, labels, class names, part of the message
BAD_ARRAYS = [
    (
        GOOD / 255,
        LABELS,
        None,
        "Received: float64. Multiply them by 255 and convert them by",
    ),
    (GOOD + 7.5, LABELS, None, 'float64. Convert them by `.astype("uint8")`'),
    (GOOD.astype(int), LABELS, None, 'int64. Convert them by `.astype("uint8")`'),
    (GOOD[..., 0], LABELS, None, "images[..., None]"),
    (GOOD[0, 0], LABELS, None, "Received: the shape (2, 1)"),
    (GOOD[:0], [], None, "at least one image"),
    (GOOD, None, None, "Pass `labels`"),
    (GOOD, np.eye(3), None, "labels.argmax(-1)"),
    (GOOD, [[0], [1], [1]], None, "labels.ravel()"),
    (GOOD, [0.0, 1.0, 1.0], None, "labels must be integers"),
    (GOOD, ["a", "b", "b"], None, "labels must be integers"),
    (GOOD, [0, 1], None, "one label for each of 3 images. Received: 2"),
    (GOOD, [0, -1, 1], None, "Received: -1"),
    (GOOD, [0, 1, 2], ("cat", "dog"), "labels must be below 2"),
    (GOOD, [0, 1, 10**9], None, "labels must be below 100,000"),
    (GOOD, np.array([0, 1, 2**63], np.uint64), None, "Received: 9223372036854775808"),
    (GOOD, np.array([0, 1, 2**63], np.uint64), "ab", "a list of names. Received: 'ab'"),
    (GOOD, LABELS, 5, "a list of names. Received: 5"),
    (GOOD, LABELS, ("cat", "cat"), "each name once. Received: 'cat' more than once"),
]


@pytest.mark.parametrize(("images", "labels", "class_names", "message"), BAD_ARRAYS)
def test_wrong_arrays_are_refused_with_a_remedy(images, labels, class_names, message):
    with pytest.raises(DataError) as raised:
        as_split(images, labels, class_names=class_names)
    assert message in str(raised.value)
