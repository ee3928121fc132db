import pytest

from zoo.errors import ArgumentError
from zoo.experiments.views.choices import Choice, choices_of


def draw(trained, stem, *, layer, steps=8): ...


def test_an_entry_is_a_name_or_a_table_with_options():
    known = {"plain": lambda trained: None, "drawn": draw}
    chosen = choices_of("figures", ["plain", {"name": "drawn", "layer": 3}], known)
    assert chosen == (Choice("plain"), Choice("drawn", {"layer": 3}))


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("drawn", r'figures must be a list .* Write figures = \["drawn"\]'),
        ([3], "figures must be a list"),
        (["drown"], "The figure must be registered. Received: 'drown'; did you mean 'drawn'"),
        ([{"layer": 3}], "Received: ''"),
        ([{"name": "drawn", "layer": 3, "step": 1}], "among layer, steps.*did you mean 'steps'"),
        (["drawn"], "must hold layer. Received: nothing"),
    ],
)
def test_a_wrong_entry_is_an_error_that_says_what_is_known(value, words):
    with pytest.raises(ArgumentError, match=words):
        choices_of("figures", value, {"drawn": draw})
