import subprocess
import sys

import numpy as np
import pytest
import sklearn.metrics
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from zoo.errors import ArgumentError
from zoo.metrics import (
    Accuracy,
    accuracy,
    accuracy_interval,
    are_probabilities,
    confusion_matrix,
    macro_f1,
    per_class,
    sums_to_1,
)

CLASSES = 5
NAMES = ["angry", "fear", "happy", "sad", "neutral"]
# Short lists leave classes out, both of the labels and of the predictions.
answers = st.lists(
    st.tuples(st.integers(0, CLASSES - 1), st.integers(0, CLASSES - 1)), min_size=1, max_size=20
).map(lambda pairs: np.array(pairs).T)


@settings(deadline=None)
@given(answers)
def test_confusion_matrix_counts_true_classes_in_rows(answers):
    labels, predictions = answers
    confusion = confusion_matrix(labels, predictions, CLASSES)
    expected = np.zeros((CLASSES, CLASSES), int)
    np.add.at(expected, (labels, predictions), 1)
    assert confusion.dtype == np.int64
    np.testing.assert_array_equal(confusion, expected)


@settings(deadline=None)
@given(answers)
def test_scores_are_scikit_learns(answers):
    labels, predictions = answers
    confusion = confusion_matrix(labels, predictions, CLASSES)
    scores = per_class(confusion, NAMES)
    expected = sklearn.metrics.precision_recall_fscore_support(
        labels, predictions, labels=range(CLASSES), zero_division=0
    )
    received = [(s.precision, s.recall, s.f1, s.support) for s in scores]
    np.testing.assert_allclose(received, np.transpose(expected), rtol=1e-14)
    assert [s.name for s in scores] == NAMES
    expected = sklearn.metrics.f1_score(labels, predictions, average="macro", zero_division=0)
    assert macro_f1(confusion) == pytest.approx(expected, rel=1e-14)


def test_class_neither_present_nor_predicted_scores_0():
    absent = per_class(confusion_matrix([0, 1], [0, 1], 3), ["a", "b", "c"])[2]
    assert (absent.precision, absent.recall, absent.f1, absent.support) == (0, 0, 0, 0)


def test_macro_f1_leaves_out_classes_that_do_not_occur():
    labels = np.array([3, 8] * 35)
    assert macro_f1(confusion_matrix(labels, labels, 10)) == 1
    predictions = np.where(np.arange(70) == 5, 3, labels)  # one 8 is taken for a 3
    f1 = (2 * 35 / 71, 2 * 34 / 69)
    assert macro_f1(confusion_matrix(labels, predictions, 10)) == pytest.approx(np.mean(f1))
    predictions[5] = 0  # a class without images is an answer, and so it counts
    f1 = (1, 2 * 34 / 69, 0)
    assert macro_f1(confusion_matrix(labels, predictions, 10)) == pytest.approx(np.mean(f1))
    assert macro_f1(np.zeros((3, 3), int)) == 0


@settings(deadline=None)
@given(
    st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
    st.floats(0.5, 0.999),
)
def test_interval_ends_solve_wilsons_equation(counts, confidence):
    # At either end e, the observed fraction lies z standard errors √(e(1 − e)/n) away.
    correct, total = counts
    z = norm.ppf((1 + confidence) / 2)
    for end in accuracy_interval(correct, total, confidence):
        distance = (correct / total - end) ** 2
        assert distance == pytest.approx(z**2 * end * (1 - end) / total, rel=1e-6, abs=1e-12)


def test_interval_is_never_outside_0_to_1_and_holds_the_value():
    for correct in (0, 1, 9, 10):
        low, high = accuracy_interval(correct, 10)
        assert 0 <= low <= correct / 10 <= high <= 1


@settings(deadline=None)
@given(answers)
def test_accuracy_is_scikit_learns_with_its_interval(answers):
    labels, predictions = answers
    result = accuracy(labels, predictions)
    assert result.value == sklearn.metrics.accuracy_score(labels, predictions)
    assert result.n == len(labels)
    correct = int((labels == predictions).sum())
    assert (result.low, result.high) == accuracy_interval(correct, len(labels))


def test_accuracy_reads_as_percent_with_interval_and_count():
    assert str(Accuracy(0.471, 0.452, 0.491, 2513)) == "47.1 % [45.2, 49.1], n = 2,513"


def test_importing_loads_neither_scikit_learn_nor_scipy_nor_tensorflow():
    code = (
        "import sys, zoo.metrics, zoo.ensembles.combining.voting;"
        "import zoo.ensembles.measures.significance;"
        "print(*{'sklearn', 'scipy', 'keras', 'tensorflow'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


@pytest.mark.parametrize(
    ("call", "message"),
    [
        # class ids
        (
            lambda: confusion_matrix([0, 1, 3], [0, 1, 1], 3),
            "labels must be class ids from 0 to 2. Received: 3 at index 2",
        ),
        (lambda: confusion_matrix([0, 1], [0, -1], 3), "predictions must be .* -1 at index 1"),
        (lambda: confusion_matrix([0], [0], 1), "num_classes must be a whole number of 2 or more"),
        (lambda: accuracy([0, 1], [0]), "same length. Received: labels of length 2, predic"),
        (lambda: accuracy([0, 1], [[0.2, 0.8]]), r"predictions must be class ids.*\(1, 2\)"),
        (lambda: accuracy([0.0], [0]), "labels must be class ids, integers.*float64"),
        (lambda: accuracy([], []), "1 or more"),
        # interval
        (lambda: accuracy_interval(3, 2), "correct=3, total=2"),
        (lambda: accuracy_interval(-1, 2), "correct=-1, total=2"),
        (lambda: accuracy_interval(0, 0), "total 1 or more"),
        (lambda: accuracy_interval(1, 2, 95), "confidence must be between 0 and 1. Received: 95"),
        # confusion matrix
        (lambda: per_class([[1, 0], [0, 1]], ["cat"]), "class_names must be 2 names.*Received: 1"),
        (lambda: macro_f1([[1, 0]]), r"\[classes, classes\].*shape \(1, 2\)"),
        (lambda: macro_f1([[1.0, 0.0], [0.0, 1.0]]), "integers of 0 or more.*float64"),
        (lambda: macro_f1([[1, -1], [0, 1]]), "integers of 0 or more"),
    ],
)
def test_errors_say_what_was_expected_and_received(call, message):
    with pytest.raises(ArgumentError, match=message):
        call()


def test_probabilities_are_told_from_logits_and_sigmoids():
    rows = [[0.2, 0.8], [0.205, 0.8], [0.3, 0.8], [-1, 2], [np.nan, 1]]
    assert sums_to_1(rows).tolist() == [True, True, False, True, False]
    assert [are_probabilities([row]) for row in rows] == [True, True, False, False, False]
    assert sums_to_1(np.ones((2, 3, 1))).shape == (2, 3)
    assert are_probabilities(np.full((4, 1000), 1 / 1000, "float16"))
