import numpy as np
import pytest

from zoo.errors import ArgumentError
from zoo.inspect.explaining.targets import as_targets


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (1, [[1], [1]]),
        (np.int64(2), [[2], [2]]),
        ([0, 2], [[0], [2]]),
        ([[0], [2]], [[0], [2]]),
        ([[0, 2]], [[0, 2], [0, 2]]),
        ([[0, 2], [1, 1]], [[0, 2], [1, 1]]),
        ("all", [[0, 1, 2], [0, 1, 2]]),
    ],
)
def test_labels_become_classes_of_each_image(labels, expected):
    targets = as_targets(labels, 2, 3)
    assert targets.dtype == np.int32
    assert targets.tolist() == expected


@pytest.mark.parametrize(
    "labels", [[0, 1, 2], 1.0, True, "every", [[0], [1], [2]], [[0, 1], [2]], []]
)
def test_other_labels_are_refused(labels):
    with pytest.raises(ArgumentError, match="labels must be a class id, 2 class ids"):
        as_targets(labels, 2, 3)


@pytest.mark.parametrize("label", [-1, 3])
def test_labels_out_of_range_are_refused(label):
    with pytest.raises(ArgumentError, match=f"from 0 to 2. Received: {label}"):
        as_targets([0, label], 2, 3)
