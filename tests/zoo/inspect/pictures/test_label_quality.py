import numpy as np
import pytest

from zoo.errors import ArgumentError
from zoo.inspect.pictures.label_quality import (
    confident_classes,
    find_score,
    normalized_margin,
    self_confidence,
)


def test_scores_are_lowest_where_the_label_is_contradicted():
    probabilities = np.array([[0.7, 0.2, 0.1], [0.05, 0.05, 0.9], [1 / 3, 1 / 3, 1 / 3]])
    labels = np.array([1, 2, 0])
    np.testing.assert_allclose(self_confidence(probabilities, labels), [0.2, 0.9, 1 / 3])
    np.testing.assert_allclose(normalized_margin(probabilities, labels), [0.25, 0.925, 0.5])


def test_the_confident_joint_finds_labels_that_were_changed():
    rng = np.random.default_rng(0)
    true = np.arange(600) % 3
    labels = np.where(rng.random(600) < 0.1, (true + 1) % 3, true)
    probabilities = np.full((600, 3), 0.1)
    probabilities[np.arange(600), true] = 0.8
    probabilities = (probabilities + rng.uniform(0, 0.05, (600, 3))) / 1.075
    found = confident_classes(probabilities / probabilities.sum(1, keepdims=True), labels)
    assert ((found != labels) == (true != labels)).all()


def test_an_image_may_have_no_confident_class_and_a_class_no_image():
    probabilities = [[0.9, 0.1, 0.0], [0.5, 0.2, 0.3], [0.1, 0.9, 0.0]]
    np.testing.assert_array_equal(confident_classes(probabilities, [0, 0, 1]), [0, -1, 1])


def test_an_unknown_score_is_named():
    with pytest.raises(ArgumentError, match="'self_confidence' or 'normalized_margin'"):
        find_score("entropy")
