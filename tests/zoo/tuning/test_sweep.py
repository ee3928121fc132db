import json
from dataclasses import replace

import numpy as np
import pytest

from zoo.errors import ArgumentError
from zoo.tuning.sweep import rank


def test_the_best_trial_has_the_highest_mean_accuracy(swept):
    assert swept.best.score == max(trial.score for trial in swept.trials)
    scores = [trial.score for trial in swept.ranking]
    assert scores == sorted(scores, reverse=True)


def test_by_loss_the_lowest_is_best_and_pruned_trials_come_last(swept):
    setup = replace(swept.setup, metric="loss")
    trials = [replace(trial, setup=setup) for trial in swept.trials]
    lowest = min(trials, key=lambda trial: trial.losses.mean())
    assert rank(trials)[0] is lowest
    trials[trials.index(lowest)] = pruned = replace(lowest, state="pruned")
    assert rank(trials)[-1] is pruned


def test_rivals_are_not_worse_beyond_chance(swept):
    best = swept.best.right.mean(axis=0)
    for trial in swept.ranking[1:]:
        differences = best - trial.right.mean(axis=0)
        error = differences.std() / np.sqrt(len(differences))
        if differences.mean() > 2.5 * error:
            assert trial not in swept.rivals
        if differences.mean() < 1.5 * error:
            assert trial in swept.rivals


def test_the_table_has_a_row_for_each_trial(swept):
    frame = swept.to_frame()
    assert list(frame.columns) == [
        *("trial", "learning_rate", "momentum", "accuracy", "deviation", "loss", "epochs", "state")
    ]
    assert frame.accuracy.tolist() == [trial.mean_accuracy for trial in swept.trials]


def test_the_printed_table_and_sentence_say_what_chose(swept):
    text = " ".join(str(swept).split())
    assert text.startswith("6 trials, the best first")
    assert swept.best.name in text
    assert "These images chose it, so this accuracy is too high." in text
    assert "mean of 2 seeds with a standard deviation of" in text
    assert "±" in text
    assert swept.best.text in repr(swept)


def test_json_holds_every_trial(swept):
    values = json.loads(swept.to_json())
    assert values["best"]["trial"] == swept.best.number == values["trials"][0]["trial"]
    assert len(values["trials"]) == 6
    assert values["best"]["interval"][0] <= values["best"]["accuracy"]


def test_the_picture_shows_the_kept_epoch_of_each_value(swept):
    axes = swept.plot("learning_rate")
    assert axes.get_xscale() == "log"
    assert axes.get_xlabel() == "learning_rate"
    assert "The runs also differ in momentum." in axes.get_title()
    validation = next(line for line in axes.get_lines() if line.get_label() == "validation images")
    rates, means = validation.get_data()
    for rate, mean in zip(rates, means, strict=True):
        of_rate = [t.mean_accuracy for t in swept.trials if t.parameters["learning_rate"] == rate]
        assert mean == pytest.approx(100 * np.mean(of_rate), abs=1e-3)
    assert swept.plot().get_xlabel() == "learning_rate"
    assert swept.curve("learning_rate").validation_mean == pytest.approx(means / 100)


def test_a_picture_of_another_setting_is_refused(swept):
    with pytest.raises(ArgumentError, match="parameter must be a setting that varies: learning_"):
        swept.plot("momentun")


def test_learning_curves_are_of_each_trial(swept):
    curves = swept.learning_curves()
    assert curves.validation.shape == (6, 3)
    assert curves.names[0] == f"trial-0: {swept.trials[0].text}"
    expected = np.mean([history["val_accuracy"] for history in swept.trials[1].histories], axis=0)
    np.testing.assert_allclose(curves.validation[1], expected)
    assert len(curves.plot().get_lines()) > 6
