from dataclasses import replace

import numpy as np
import pytest

from zoo.errors import ArgumentError
from zoo.tuning.figures import draw_parallel_coordinates, importances
from zoo.tuning.study import quiet_optuna


def test_importance_is_of_each_setting_and_sums_to_1(swept):
    shares = swept.importance()
    assert set(shares) == {"learning_rate", "momentum"}
    assert sum(shares.values()) == pytest.approx(1)
    axes = swept.plot_importance()
    assert [text.get_text() for text in axes.get_yticklabels()] == [*shares][::-1]


def test_importance_of_a_single_trial_is_refused():
    import optuna

    with quiet_optuna():
        study = optuna.create_study()
        with pytest.raises(ArgumentError, match="A sweep must have two finished trials or more"):
            importances(study, 0)


def test_parallel_coordinates_have_a_line_for_each_trial(swept):
    axes = swept.plot_parallel_coordinates()
    labels = [text.get_text() for text in axes.get_xticklabels()]
    assert labels == ["learning_rate (log)", "momentum", "validation accuracy in %"]
    lines = [line for line in axes.get_lines() if len(line.get_xdata()) == 3]
    assert len(lines) == 6
    top = lines[-1].get_ydata()  # the best is drawn last
    assert top[-1] == 1
    rates = np.log([1e-4, 0.05, 0.5])
    scale = (rates - rates.min()) / np.ptp(rates)
    assert min(abs(scale - top[0])) < 1e-9


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ([[512, 512], [64], [512, 64], [128], [64]], ["64", "128", "512, 64", "512, 512"]),
        ([0.5, None, 0.2], ["none", "0.2", "0.5"]),
        (["sgd", "adam", "adamw"], ["adam", "adamw", "sgd"]),
        ([True, False], ["False", "True"]),
    ],
    ids=["lists", "numbers and None", "names", "switches"],
)
def test_values_that_are_no_numbers_are_sorted(swept, values, shown):
    trials = [replace(swept.trials[0], parameters={"setting": value}) for value in values]
    axes = draw_parallel_coordinates(trials, ["setting"], "accuracy", None)
    heights = {text.get_text(): text.get_position()[1] for text in axes.texts}
    assert sorted(heights, key=heights.__getitem__) == shown
