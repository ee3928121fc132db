import copy
import tomllib

import pytest
import tomli_w

from zoo.augmentation import Augmentation
from zoo.errors import ArgumentError
from zoo.recipes import Recipe
from zoo.weights.paper import Scores, paper_of

TABLE = {
    "model": "vgg",
    "arguments": {"width": 16, "squeeze_excitation": False},
    "input_shape": [48, 48, 1],
    "class_names": ["sad", "happy"],
    "data": {
        "name": "fer2013",
        "options": {"drop_duplicates": True},
        "images": {"train": 900, "validation": 100, "test": 50},
        "fingerprint": {"train": "0", "validation": "1", "test": "2"},
        "digests_sha256": "0" * 64,
    },
    "recipe": {"epochs": 3, "augmentation": {"cutmix": 1.0}},
    "seed": 0,
    "seconds": 12.5,
    "scores": {
        part: {
            "correct": 40, "n": 50, "negative_log_likelihood": 0.5, "calibration_error": 0.01,
        }
        for part in ("validation", "test")
    },
    "rounding": {"kernels": "float16", "largest_difference": 0.001, "changed": 0},
    "experiment": "weights/fer2013-vgg",
    "environment": {"cores": 2},
    "sha256": "a" * 64,
}  # fmt: skip


def changed(path, value):
    """The table with another value; None takes the key out."""
    table = copy.deepcopy(TABLE)
    *parents, key = path.split(".")
    inner = table
    for parent in parents:
        inner = inner[parent]
    inner[key] = value
    if value is None:
        del inner[key]
    return table


def test_a_paper_survives_a_round_trip_through_its_file():
    paper = paper_of("fer2013/vgg-0", TABLE)
    assert paper_of("fer2013/vgg-0", tomllib.loads(tomli_w.dumps(paper.to_table()))) == paper
    assert (paper.set, paper.member) == ("fer2013", "vgg-0")
    assert paper.recipe == Recipe(epochs=3, augmentation=Augmentation(cutmix=1))
    assert paper.input_shape == (48, 48, 1)


def test_the_interval_of_the_accuracy_comes_from_the_counts():
    accuracy = Scores(80, 100, 0.5, 0.1).accuracy
    assert (accuracy.value, accuracy.n) == (0.8, 100)
    assert accuracy.low < 0.8 < accuracy.high


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("titel", "x", "The paper must have the keys"),
        ("model", None, "The paper must have the keys"),
        ("input_shape", [48, 48], "input_shape"),
        ("input_shape", [48, 0, 1], "input_shape"),
        ("input_shape", 48, "The paper must have values of the right types"),
        ("class_names", 7, "The paper must have values of the right types"),
        ("class_names", ["sad", "sad"], "two different names"),
        ("class_names", ["sad"], "two different names"),
        ("data.images", {"train": 3}, "images of validation"),
        ("data.digests_sha256", "0", "64 hexadecimal digits"),
        ("data", 3, "data must be a table"),
        ("recipe.epochs", 0, "epochs must be a whole number"),
        ("recipe.epoch", 1, "recipe must have values of zoo.Recipe"),
        ("seed", -1, "seed must be a whole number"),
        ("seconds", "long", "seconds must be a finite number"),
        ("scores.test", None, "scores must be those on validation and test"),
        ("scores.test.correct", 51, "correct must be a whole number"),
        ("scores.test.calibration_error", 2.0, "calibration_error must be"),
        ("rounding.kernels", "float8", "float16 or float32"),
        ("rounding.largest_difference", 2.0, "largest_difference must be"),
        ("sha256", "A" * 64, "64 hexadecimal digits"),
    ],
)
def test_a_wrong_value_is_an_error_that_says_where(path, value, words):
    with pytest.raises(ArgumentError, match=words):
        paper_of("fer2013/vgg-0", changed(path, value))


@pytest.mark.parametrize("name", ["vgg-0", "../vgg-0", "a/b/c", "a/.b", "a/ü", "/a", "a/"])
def test_a_name_is_a_set_and_a_member(name):
    with pytest.raises(ArgumentError, match="must be a set and a member"):
        paper_of(name, TABLE)
