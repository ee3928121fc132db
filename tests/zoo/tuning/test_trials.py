from dataclasses import replace

import numpy as np
import optuna
import pytest

from zoo.ensembles.provenance import provenance_of
from zoo.errors import RunError
from zoo.files.packing import pack, unpack
from zoo.tuning.trials import mean_accuracy, trials_of


def test_the_models_of_a_trial_are_trained_and_know_their_images(swept, images):
    trial = swept.best
    models = trial.models()
    for model, accuracy, answers in zip(models, trial.accuracies, trial.probabilities, strict=True):
        predicted = model.predict(images.validation.images, verbose=0)
        np.testing.assert_allclose(predicted, answers, atol=1e-6)
        assert (predicted.argmax(1) == images.validation.labels).mean() == accuracy
    known = provenance_of(models)
    assert set(known.trained_on) == set(images.train.digests)
    assert set(known.tuned_on) == set(images.validation.digests)
    assert trial.model.get_weights()[0].tolist() == models[0].get_weights()[0].tolist()


def test_scores_are_means_over_the_seeds(swept, images):
    trial = swept.trials[0]
    assert trial.score == trial.mean_accuracy == trial.accuracies.mean()
    assert trial.deviation == pytest.approx(np.std(trial.accuracies, ddof=1))
    assert trial.accuracy.value == pytest.approx(trial.mean_accuracy)
    assert trial.accuracy.low <= trial.accuracy.value <= trial.accuracy.high
    assert trial.accuracy.n == len(images.validation)
    by_loss = replace(trial, setup=replace(trial.setup, metric="loss"))
    assert by_loss.score == trial.losses.mean()


def test_the_interval_of_several_seeds_is_over_images():
    right = np.zeros((3, 100), bool)
    right[:, :50] = True  # the same images with each seed: no narrower than for one seed
    several, single = mean_accuracy(right), mean_accuracy(right[:1])
    assert several.value == single.value == 0.5
    assert several.high - several.low == pytest.approx(single.high - single.low, abs=0.03)


def test_a_missing_or_damaged_file_is_an_error_that_says_so(swept, tmp_path):
    trial = replace(swept.trials[0], setup=replace(swept.setup, folder=tmp_path))
    with pytest.raises(RunError, match=r"trial-0 must be in a file .* which does not exist"):
        trial.models()
    trial.setup.file(0).parent.mkdir()
    for damaged in (b"PK", pack({}, {"histories": 5}), pack({}, [])):
        trial.setup.file(0).write_bytes(damaged)
        with pytest.raises(RunError, match="which is damaged"):
            _ = replace(trial).histories


@pytest.mark.parametrize(
    ("changed", "read"),
    [
        ({"probabilities": np.ones((1, 1, 1))}, lambda trial: trial.right),
        ({"weights/0/0": np.ones(3)}, lambda trial: trial.model),
        ({"weights/0/0": np.array("text")}, lambda trial: trial.model),
        ({"histories": [{"accuracy": ["x"]}] * 2}, lambda trial: trial.mean_history),
        ({"histories": []}, lambda trial: trial.mean_history),
    ],
)
def test_other_values_in_the_file_of_a_trial_are_damage(swept, tmp_path, changed, read):
    trial = replace(swept.trials[0], setup=replace(swept.setup, folder=tmp_path))
    arrays, facts = unpack(swept.setup.file(0).read_bytes())
    facts = {"histories": changed.pop("histories", facts["histories"])}
    trial.setup.file(0).parent.mkdir()
    trial.setup.file(0).write_bytes(pack({**arrays, **changed}, facts))
    with pytest.raises(RunError, match=r"0000\.npz, which is damaged"):
        read(trial)


@pytest.mark.parametrize(
    "attributes",
    [{"accuracy": "x"}, {"loss": [1.0] * 5}, {"outcomes": []}, {"epochs": [10**400, "x"]}],
)
def test_other_values_in_the_study_are_damage(swept, attributes):
    study = optuna.create_study()
    for frozen in swept.study.get_trials():
        frozen.user_attrs.update(attributes)
        study.add_trial(frozen)
    with pytest.raises(RunError, match=r"study\.db, which is damaged"):
        trials_of(study, swept.setup)
