"""Labels, class names and weights that are refused come with an advice that can be followed."""

import re

import numpy as np
import pandas as pd
import pytest

from zoo.datasets.arrays.labels import (
    check_class_names,
    check_label_shares,
    check_labels,
    check_sample_weight,
)
from zoo.datasets.split import as_split
from zoo.errors import DataError

GOOD = np.zeros((3, 2, 2, 1), np.uint8)
LABELS = [0, 1, 1]


def advised(labels, **arguments):
    """Follow the advice of the error: run the code between backticks, and give the labels."""
    with pytest.raises(DataError) as raised:
        as_split(GOOD, labels, **arguments)
    code = re.findall(r"`([^`]+)`", str(raised.value))[0]
    names = {"labels": labels, "numpy": np, **arguments}
    if "labels = " in code:
        exec(code, names)
        return names["labels"]
    return eval(code, names)


@pytest.mark.parametrize(
    "labels",
    [
        LABELS,
        np.array(LABELS, np.uint8),
        pd.Series(LABELS, index=[7, 3, 5]),
        pd.Series(LABELS, dtype="Int64"),
        pd.DataFrame({"label": LABELS}),
        np.array(LABELS)[:, None],  # as in Keras's CIFAR-10
    ],
    ids=["list", "uint8", "series", "nullable series", "frame", "column"],
)
def test_class_ids_of_any_container_are_labels(labels):
    assert as_split(GOOD, labels).labels.tolist() == LABELS


@pytest.mark.parametrize(
    ("labels", "arguments"),
    [
        (np.eye(2)[LABELS], {}),
        (np.eye(2, dtype=int)[LABELS].tolist(), {}),
        (np.array([[0.9, 0.1], [0.2, 0.8], [0.4, 0.6]]), {}),
        (pd.get_dummies(pd.Series(LABELS)), {}),
        ([0.0, 1.0, 1.0], {}),
        ([False, True, True], {}),
        (np.array(LABELS, object), {}),
        (["cat", "dog", "dog"], {}),
        (pd.Series(["cat", "dog", "dog"]), {}),
        (pd.Series(["cat", "dog", "dog"], dtype="category"), {}),
        (["dog", "cat", "cat"], {"class_names": ["dog", "cat"]}),
        ([1, 2, 2], {}),
        ([3, 8, 8], {}),
        ([-1, 1, 1], {}),
        ([0, 10**9, 10**9], {}),
        (np.array([0, 2**63, 2**63], np.uint64), {}),
    ],
)
def test_the_advice_for_other_labels_gives_class_ids(labels, arguments):
    assert as_split(GOOD, advised(labels, **arguments), **arguments).labels.tolist() == LABELS


def test_labels_with_a_gap_must_have_class_names():
    with pytest.raises(DataError, match=r"without a gap from 0 on, here 0 to 9.*Received: 1"):
        check_class_names(None, np.arange(1, 11))
    with pytest.raises(DataError, match=r"0 to 1\. Received: 3, 8\. Number .* class_names="):
        check_class_names(None, np.array([3, 8, 3]))
    names = list("abcdefghi")
    assert as_split(GOOD, [3, 8, 3], class_names=names).num_classes == 9


@pytest.mark.parametrize(
    ("labels", "class_names", "message"),
    [
        (None, None, "Pass `labels`"),
        ([0, 1], None, "one label for each of 3 images. Received: 2"),
        ([0, 1, 1, 1], None, "one label for each of 3 images. Received: 4"),
        ([0, np.nan, 1], None, r"Leave out the 1 images whose label is not finite \(NaN"),
        ([0.5, 1.5, 2], None, "Pass class ids, as numbers from 0"),
        ([[1, 1], [0, 1], [0, 1]], None, "an image has a single class here"),
        (pd.DataFrame({"a": ["x"] * 3, "b": [1] * 3}), None, "the column of the labels alone"),
        ([[0], [1, 2], [3]], None, "a single object of the type list. Pass a list or an array"),
        ((label for label in LABELS), None, "a single object of the type generator"),
        (1, None, "a single object of the type int"),
        ([], None, "labels must be"),
        (["a", 1, None], None, "labels must be integers"),
        (pd.Series([0, None, 1], dtype="Int64"), None, "labels must be integers"),
        ([0, 1, 2], ("cat", "dog"), "labels must be below 2"),
        (np.array([0, 1, 2**63], np.uint64), "ab", "a list of names. Received: 'ab'"),
        (LABELS, 5, "a list of names. Received: 5"),
        (LABELS, ("cat", "cat"), "each name once. Received: 'cat' more than once"),
    ],
)
def test_wrong_labels_and_names_are_refused_with_a_remedy(labels, class_names, message):
    with pytest.raises(DataError, match=message):
        as_split(GOOD, labels, class_names=class_names)


@pytest.mark.parametrize("weights", [[1, 0, 2], np.array([1, 0, 2]), pd.Series([1.0, 0, 2])])
def test_weights_of_any_container(weights):
    weights = check_sample_weight(weights, 3)
    assert weights.dtype == np.float32
    assert weights.tolist() == [1, 0, 2]


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1, 2], r"numbers \[3\], one for each image. Received: int64 of the shape \(2,\)"),
        (np.ones((3, 2)), r"Received: float64 of the shape \(3, 2\)"),
        (2.0, r"Received: float64 of the shape \(\)"),
        (["a", "b", "c"], "Received: <U1"),
        ({0: 1.0}, "Received: object"),
        ([1, np.nan, 1], "be finite. Received: nan at index 1"),
        ([1, 1e300, 1], r"be below 3\.4e38\. Received: 1e\+300 at index 1\. Divide"),
        ([1, -1, 1], "be 0 or more. Received: -1"),
        ([0, 0, 0], "above 0 for some image. Received: only zeros"),
    ],
)
def test_wrong_weights_are_refused(weights, message):
    with pytest.raises(DataError, match=message):
        check_sample_weight(weights, 3)


def test_labels_need_no_copy():
    labels = np.array(LABELS)
    assert check_labels(labels, 3) is labels


@pytest.mark.parametrize(
    ("shares", "message"),
    [
        ([[0.5, 0.5]], r"numbers \[2, 2\], a row for each image. Received: float64 .*\(1, 2\)"),
        ([[1], [1]], r"numbers \[2, 2\]"),
        ([["1", "0"], ["0", "1"]], "numbers"),
        ([[1, 0], [7, 3]], r"rows that sum to 1. Received: \[7, 3\] in row 1. Divide the votes"),
        ([[1, 0], [2, -1]], "be 0 or more"),
        ([[1, 0], [np.nan, 1]], "rows that sum to 1"),
        ("majority", "numbers"),
    ],
)
def test_shares_that_are_not_as_described_are_refused(shares, message):
    with pytest.raises(DataError, match=message):
        check_label_shares(shares, 2, 2)
