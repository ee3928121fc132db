import pytest
from optuna.distributions import FloatDistribution, IntDistribution

from zoo.errors import ArgumentError
from zoo.tuning.ranges import parse_values


def test_a_range_is_a_distribution():
    assert parse_values("rate", "1e-5..1e-2:log") == FloatDistribution(1e-5, 1e-2, log=True)
    assert parse_values("rate", "-1..0.5") == FloatDistribution(-1, 0.5)
    assert parse_values("size", "8..64", is_whole=True) == IntDistribution(8, 64)
    assert parse_values("size", "8..64") == FloatDistribution(8, 64)


def test_values_are_json_or_literals_or_texts():
    assert parse_values("a", "0,0.2,1e-3") == [0, 0.2, 0.001]
    assert parse_values("a", "(64,),(64, 32)") == [(64,), (64, 32)]
    assert parse_values("a", "null, 5") == [None, 5]
    assert parse_values("a", "None,balanced") == [None, "balanced"]
    assert parse_values("a", "adam") == ["adam"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1..a", "space must give a range as LOW..HIGH"),
        ("1..2:lin", "space must give a range as LOW..HIGH"),
        ("2..1", "from a lower to a higher number. Received: '2..1' for 'rate'"),
        ("0..1:log", "to a higher number above 0"),
    ],
)
def test_a_wrong_range_is_refused(text, message):
    with pytest.raises(ArgumentError, match=message):
        parse_values("rate", text)
