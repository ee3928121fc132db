import numpy as np
import pytest

from zoo.errors import ArgumentError
from zoo.experiments.published.confusion import class_id, image_noise, measure_confusion
from zoo.metrics import accuracy_interval, macro_f1, per_class

CONFUSION = [[30, 10, 0], [5, 40, 5], [0, 0, 0]]


def test_measures_are_those_of_the_report():
    scores = per_class(CONFUSION, ["a", "b", "c"])
    for k, score in enumerate(scores):
        for measure in ("precision", "recall", "f1"):
            assert measure_confusion(CONFUSION, measure, k) == pytest.approx(
                getattr(score, measure)
            )
    assert measure_confusion(CONFUSION, "f1") == pytest.approx(macro_f1(CONFUSION))
    assert measure_confusion([CONFUSION, CONFUSION], "accuracy") == pytest.approx([7 / 9, 7 / 9])


def test_the_noise_of_an_accuracy_is_that_of_a_share():
    low, high, variance = image_noise(CONFUSION, "accuracy")
    assert (low, high) == accuracy_interval(70, 90)
    assert variance == pytest.approx(7 / 9 * 2 / 9)


def test_the_noise_of_a_recall_is_that_of_a_share_of_the_class():
    _, _, variance = image_noise([[300, 100], [100, 300]], "recall", 0)
    assert variance == pytest.approx(0.75 * 0.25 * 2, rel=0.15)  # half of the images are of a class


def test_the_interval_holds_the_value():
    for measure in ("precision", "recall", "f1"):
        low, high, _ = image_noise(np.array(CONFUSION) / 2, measure)
        assert low < measure_confusion(CONFUSION, measure) < high


def test_an_unknown_class_is_an_error():
    assert class_id("", ["cat"]) is None
    with pytest.raises(ArgumentError, match="did you mean 'cat'"):
        class_id("catt", ["cat", "dog"])
