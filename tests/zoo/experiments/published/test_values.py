import pytest

from zoo.errors import ArgumentError
from zoo.experiments.published.values import Published


def test_the_range_of_a_published_value_is_what_rounds_to_it():
    assert Published("net", "test", "47", "here").range == (0.465, 0.475)
    assert Published("net", "test", "46.9", "here").range == (0.4685, 0.4695)
    assert Published("net", "test", "99", "here", or_more=True).range == (0.99, 1.0)
    assert Published("net", "test", "100", "here").range == (0.995, 1.0)


def test_a_value_that_is_not_known_here_is_told_so():
    value = Published("net", "test", "unknown", "here", measure="recall", of="happy")
    assert str(value) == "not known here"
    assert not value.is_known


def test_the_result_of_a_trial_is_named_by_its_settings():
    value = Published("net", "test", "47", "here", at={"l2": 0.5, "hidden": [64, 8]})
    assert value.result == "net, l2=0.5, hidden=64-8"


@pytest.mark.parametrize("value", ["much", "101", 46.9])
def test_a_value_is_a_text_with_percent(value):
    with pytest.raises(ArgumentError, match="must be a text"):
        Published("net", "test", value, "here")
