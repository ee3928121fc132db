import numpy as np
import pytest

import zoo
from zoo.ensembles.checks import (
    as_labelled,
    checked_fraction,
    checked_labels,
    checked_probabilities,
    checked_scores,
    checked_votes,
)
from zoo.ensembles.fit_arguments import validation_split
from zoo.errors import ArgumentError, DataError


def test_what_is_right_comes_back_as_the_widest_type():
    assert checked_votes(np.zeros((2, 3), np.uint8)).dtype == np.int64
    assert checked_labels(np.zeros(3, np.uint8), 3).dtype == np.int64
    assert checked_probabilities(np.full((2, 4), 0.25, np.float16), "[n, classes]").dtype == float
    assert checked_scores([True], "correct").dtype == float
    assert checked_fraction("confidence", np.float32(0.5)) == 0.5


def test_scores_are_a_copy():
    scores = np.array([1.0, 2.0])
    assert not np.shares_memory(checked_scores(scores, "scores"), scores)


def test_rows_may_be_off_by_rounding():
    rows = np.random.default_rng(0).dirichlet(np.ones(1000), size=5).astype(np.float16)
    assert checked_probabilities(rows, "[n, classes]").shape == (5, 1000)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        # votes
        (lambda: checked_votes([0, 1]), r"integers \[members, n\].*int64 of shape \(2,\)"),
        (lambda: checked_votes([[0, 3]], 3), "of member 0 .* 0 to 2. Received: 3 at index 1"),
        (lambda: checked_votes([[0]], True), "num_classes must be a whole number .*Received: True"),
        # labels
        (lambda: checked_labels([], 0), "one image or more. Received: no image"),
        (lambda: checked_labels([0, 1], 3), r"each of the 3 images. Received: int64 of shape \(2"),
        (lambda: checked_labels([0.0], 1), "integers.*float64"),
        (lambda: checked_labels([0, 5], 2, 5), "from 0 to 4. Received: 5 at index 1"),
        (lambda: checked_labels([-1], 1, 5), "from 0 to 4. Received: -1 at index 0"),
        # probabilities
        (lambda: checked_probabilities([[1.0]]), r"\[members, n, classes\], with.*shape \(1, 1\)"),
        (lambda: checked_probabilities(np.ones((0, 2)), "[n, classes]"), r"shape \(0, 2\)"),
        (lambda: checked_probabilities([["a"]], "[n, classes]"), "must be numbers.*<U1"),
        (lambda: checked_probabilities([[np.nan]], "[n, classes]"), "finite.*from nan to nan"),
        (lambda: checked_probabilities([[3.0, -2]], "[n, classes]"), "from -2.0 to 3.0.*softmax"),
        (
            lambda: checked_probabilities([[0.5, 0.4]], "[n, classes]"),
            "row that sums to 0.9. Divide each row by its sum.$",
        ),
        # scores
        (lambda: checked_scores([[1.0]], "first"), r"first must be numbers \[n\].*shape \(1, 1\)"),
        (lambda: checked_scores([], "first"), r"1 or more.*shape \(0,\)"),
        (lambda: checked_scores(["a"], "first"), "must be numbers.*<U1"),
        (lambda: checked_scores([0, np.inf], "first"), "first must be finite.*inf at index 1"),
        # numbers
        (lambda: checked_fraction("confidence", 95), "confidence must be between 0 and 1.*95"),
        (lambda: checked_fraction("confidence", np.nan), "between 0 and 1. Received: nan"),
    ],
)
def test_errors_say_what_was_expected_and_received(call, message):
    with pytest.raises(ArgumentError, match=message):
        call()


def test_a_whole_data_set_is_refused_where_a_part_is_asked_for():
    data = zoo.datasets.load("digits")
    with pytest.raises(DataError, match=r"parts train, .*test\. Pass a part: data\.train"):
        as_labelled(data, None, "train", None)
    with pytest.raises(DataError, match=r"parts train, .*test"):
        validation_split(data, data.train)


def test_labelled_images_are_at_least_one():
    split = zoo.datasets.load("digits").train.take([])
    with pytest.raises(DataError, match=r"at least one image\. Received: 'train', an empty split"):
        as_labelled(split, None, "images", None)
    with pytest.raises(DataError, match="at least one image"):
        zoo.ensembles.Committee(["softmax"]).fit(split, verbose=0)
