import numpy as np
import pytest

from zoo.datasets import load
from zoo.errors import ArgumentError, DataError

# arguments, error, part of the message
BAD_ARGUMENTS = [
    (
        {"name": "digit"},
        DataError,
        "Received: 'digit'; did you mean 'digits'? Registered",
    ),
    ({"name": "imagenet"}, DataError, "Import the module that registers a data set"),
    ({"classes": ["1", "seven"]}, DataError, "Received: 'seven'. Choose among 0, 1"),
    ({"classes": ["1", "10"]}, DataError, "did you mean '1'"),
    ({"classes": ["1", "1"]}, DataError, "'1' twice"),
    ({"classes": ["1"]}, DataError, "at least two classes"),
    ({"classes": "17"}, ArgumentError, "a list of names"),
    ({"validation": 1.0}, ArgumentError, "validation must be at least 0 and below 1"),
    ({"validation": -0.1}, ArgumentError, "Received: -0.1"),
    ({"test": float("nan")}, ArgumentError, "test must be"),
    ({"test": "0.2"}, ArgumentError, "Received: '0.2'"),
    ({"seed": -1}, ArgumentError, "seed must be"),
    ({"seed": None}, ArgumentError, "seed must be"),
    ({"root": "."}, ArgumentError, "root must be None, since digits is embedded"),
    ({"root": 3}, ArgumentError, "root must be a path"),
    ({"image_size": 0}, ArgumentError, "image_size must be a whole number of 1 or more"),
    (
        {"image_size": 10**30},
        ArgumentError,
        "image_size must be a whole number of 50,000,000 or less",
    ),
    ({"image_size": (8000, 8000)}, ArgumentError, "image_size must make at most"),
    ({"name": ["digits"]}, DataError, "The data set must be registered. Received: ['digits']"),
    ({"classes": 5}, ArgumentError, "classes must be a list of names. Received: 5"),
    ({"classes": [1, 2]}, ArgumentError, "classes must be a list of names"),
    ({"root": "a\0b"}, ArgumentError, "root must be a path: "),
    ({"root": "a" * 5000}, ArgumentError, "root must be a path: File name too long"),
    ({"root": "~no-such-user-of-zoo"}, ArgumentError, "root must be a path: "),
    ({"color": ["rgb"]}, ArgumentError, 'color must be "grayscale", "rgb" or None'),
    ({"color": np.array(["rgb", "a"])}, ArgumentError, "color must be"),
    ({"classes": {"1", "2"}}, ArgumentError, "classes must be a list of names"),
    ({"color": "bgr"}, ArgumentError, 'color must be "grayscale", "rgb" or None'),
    ({"parts": {"train": "train"}}, ArgumentError, "parts must be None, since digits has no parts"),
    ({"name": "mnist", "parts": ["train"]}, ArgumentError, 'must be a dict with "train"'),
    ({"name": "mnist", "parts": {"test": "test"}}, ArgumentError, 'must be a dict with "train"'),
    ({"name": "mnist", "parts": {"train": []}}, ArgumentError, "at least one part for each split"),
    ({"name": "mnist", "parts": {"train": [3]}}, ArgumentError, "parts must be a list of names"),
    ({"name": "mnist", "parts": {"train": 5}}, ArgumentError, "parts must be a list of names"),
    (
        {"name": "mnist", "parts": {"train": "train", "test": "train"}},
        ArgumentError,
        "each part once",
    ),
]


@pytest.mark.parametrize(("arguments", "error", "message"), BAD_ARGUMENTS)
def test_bad_arguments_are_refused(arguments, error, message):
    with pytest.raises(error) as raised:
        load(**{"name": "digits"} | arguments)
    assert message in str(raised.value)
