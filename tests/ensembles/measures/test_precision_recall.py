import numpy as np
import pytest
from sklearn.metrics import precision_score, recall_score

from zoo.ensembles.measures.precision_recall import threshold_counts
from zoo.errors import ArgumentError


def test_precision_and_recall_agree_with_scikit_learn_at_every_threshold():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 200)
    probabilities = rng.dirichlet(np.ones(3), 200).round(2)
    probabilities[:, 2] = 1 - probabilities[:, :2].sum(axis=1)
    right, wrong = threshold_counts(probabilities.clip(0, 1), labels, thresholds=101)
    for label in range(3):
        for k in range(0, 101, 7):
            found = probabilities[:, label] >= k / 100 - 1e-9
            precision = right[label, k] / max(right[label, k] + wrong[label, k], 1)
            is_label = labels == label
            assert precision == precision_score(is_label, found, zero_division=0)
            assert right[label, k] / right[label, 0] == recall_score(is_label, found)


def test_shares_of_votes_reach_the_threshold_that_they_are():
    probabilities = [[0.29, 0.71], [1 / 3, 2 / 3], [1.0, 0.0]]
    right, wrong = threshold_counts(probabilities, [0, 0, 1], thresholds=101)
    assert [right[0, 29], right[0, 30], right[0, 34]] == [2, 1, 0]
    assert [wrong[0, 100], wrong[1, 71], wrong[1, 72]] == [1, 1, 0]


def test_a_class_without_images_is_never_found_rightly():
    right, wrong = threshold_counts([[0.5, 0.25, 0.25]], [0], thresholds=3)
    assert right[1:].sum() == 0
    assert wrong[1:, 0].tolist() == [1, 1]


def test_thresholds_are_two_or_more():
    with pytest.raises(ArgumentError, match="thresholds must be a whole number of 2 or more"):
        threshold_counts([[1.0, 0.0]], [0], thresholds=1)
