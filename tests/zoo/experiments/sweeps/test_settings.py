import pytest

from zoo.errors import ArgumentError
from zoo.experiments.sweeps.settings import SweepSettings


def test_a_quick_sweep_has_the_first_value_and_the_published_values():
    sweep = SweepSettings("net", {"dropout": [0, 0.2, 0.5], "l2": [0.1, 0.2]})
    quick = sweep.quick([{"dropout": 0.5, "l2": 0.1}])
    assert quick.vary == {"dropout": [0, 0.5], "l2": [0.1]}
    assert SweepSettings("net", {"dropout": "0..0.5"}, trials=60).quick([]).trials == 2


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"dropout": 0.3}, "Add the value"),
        ({}, "must give a value for dropout"),
        ({"l2": 0.2}, "must give a value for dropout"),
    ],
)
def test_settings_without_a_trial_are_refused(settings, words):
    with pytest.raises(ArgumentError, match=words):
        SweepSettings("net", {"dropout": [0, 0.2, 0.5]}).check_point(settings)


def test_a_point_needs_a_grid():
    with pytest.raises(ArgumentError, match="a sweep over a grid"):
        SweepSettings("net", {"dropout": [0, 0.2]}, sampler="tpe").check_point({"dropout": 0.2})


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"vary": {}}, "sweep.vary must map"),
        ({"vary": {"dropout": 0.5}}, "a list of values or a range"),
        ({"trials": 0}, "sweep.trials must be"),
        ({"round_size": 0}, "sweep.round_size must be"),
    ],
)
def test_wrong_settings_are_refused(options, words):
    with pytest.raises(ArgumentError, match=words):
        SweepSettings(**{"member": "net", "vary": {"dropout": [0, 0.2]}, **options})
