import gc
import shutil
from dataclasses import replace

import numpy as np
import optuna
import pytest
from tensorflow.python.framework.func_graph import FuncGraph

import zoo
from zoo.augmentation import Augmentation
from zoo.ensembles import Member
from zoo.errors import ArgumentError, DataError, RunError
from zoo.recipes import Recipe
from zoo.training.learner import Learner
from zoo.training.pieces import in_worker
from zoo.training.train import train
from zoo.tuning import rounds

SPACE = {"learning_rate": [1e-4, 0.05, 0.5], "momentum": [0.0, 0.9]}


def again(swept, images, base, **changes):
    """The arguments of the sweep that the tests share."""
    arguments = {"round_size": 4, "seeds": 2, "seed": 5, "log_dir": swept.log_dir, "verbose": 0}
    return zoo.tune(base, images, **{"space": SPACE, "resume": True, **arguments, **changes})


@pytest.fixture
def copied(swept, tmp_path):
    """A copy of the folder of the sweep, to go on with."""
    return shutil.copytree(swept.log_dir, tmp_path / "copy")


def test_a_grid_trains_each_combination_once(swept):
    combinations = {(t.parameters["learning_rate"], t.parameters["momentum"]) for t in swept.trials}
    assert len(swept.trials) == len(combinations) == 6


def test_a_trial_has_the_weights_that_it_would_have_alone(swept, images, base):
    trial = swept.trials[2]
    member = swept.setup.space.member(trial.parameters)
    model = member.build(images.image_shape, images.num_classes, seed=6)  # the second seed
    learner = Learner("alone", model, member.recipe)
    history = train([learner], images.train, images.validation, seed=5, verbose=0)
    for alone, kept in zip(model.get_weights(), trial.models([1])[0].get_weights(), strict=True):
        np.testing.assert_allclose(kept, alone, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(
        trial.histories[1]["val_loss"], history.history["val_loss"], rtol=1e-4
    )


def test_the_study_opens_in_optuna_with_scores_of_each_epoch(swept):
    study = optuna.load_study(
        study_name="sweep", storage=f"sqlite:///{swept.log_dir.absolute()}/study.db"
    )
    assert study.best_trial.number == swept.best.number
    assert study.best_value == swept.best.score
    assert sorted(study.best_trial.intermediate_values) == [1, 2, 3]


def test_rounds_leave_no_graphs_behind(images, base):
    """Three rounds that fuse, of two trials each: the second reuses the graphs of the first."""
    found = []

    def count_graphs(sweep):
        gc.collect()
        found.append(sum(isinstance(thing, FuncGraph) for thing in gc.get_objects()))

    space = {"learning_rate": "0.001..0.1:log"}
    options = {"trials": 6, "round_size": 2, "sampler": "random", "callbacks": [count_graphs]}
    zoo.tune(base, images, space, verbose=0, **options)
    before_all, after_first, *others = found
    assert after_first > before_all
    assert others == [after_first] * 2


def test_transforms_vary_and_the_trials_have_batches_of_their_own(images, base, tmp_path):
    """Trials with other augmentations train one after another, as with other batch sizes."""
    space = {"cutmix": [0, 1], "learning_rate": [0.05, 0.5]}
    options = {"seed": 5, "log_dir": tmp_path / "run", "verbose": 0}
    sweep = zoo.tune(base, images, space, **options)
    assert {trial.text for trial in sweep.trials} == {
        f"cutmix={cutmix}, learning_rate={rate}" for cutmix in (0, 1) for rate in (0.05, 0.5)
    }
    assert "cutmix" in str(sweep).splitlines()[1]
    for trial in sweep.trials:
        changes = dict(trial.parameters)
        augmentation = Augmentation(cutmix=1) if changes.pop("cutmix") else None
        recipe = replace(base.recipe, augmentation=augmentation, **changes)
        assert trial.recipe == recipe
        model = base.build(images.image_shape, images.num_classes, seed=5)
        alone = train(
            [Learner("alone", model, recipe)], images.train, images.validation, seed=5, verbose=0
        )
        np.testing.assert_allclose(trial.histories[0]["loss"], alone.history["loss"], rtol=1e-4)
    resumed = zoo.tune(base, images, space, resume=True, **options)
    assert resumed.to_dict() == sweep.to_dict()


def test_a_resumed_sweep_trains_nothing_again(swept, images, base, monkeypatch):
    monkeypatch.setattr(rounds, "train", None)
    resumed = again(swept, images, base)
    assert resumed.to_dict() == swept.to_dict()


def test_a_stopped_round_is_trained_again(images, base, tmp_path, monkeypatch, capsys):
    original, calls = rounds.train, []

    def stop_in_second_round(*arguments, **options):
        calls.append(len(arguments[0]))
        if len(calls) == 2:
            raise KeyboardInterrupt
        return original(*arguments, **options)

    monkeypatch.setattr(rounds, "train", stop_in_second_round)
    options = {"log_dir": tmp_path / "run", "round_size": 2, "seed": 1}
    space = {"learning_rate": SPACE["learning_rate"]}
    with pytest.raises(KeyboardInterrupt):
        zoo.tune(base, images, space, **options)
    assert "can be resumed" in capsys.readouterr().err
    files = {path: path.stat().st_mtime_ns for path in (tmp_path / "run/trials").iterdir()}
    sweep = zoo.tune(base, images, space, resume=True, **options)
    assert "2 of 3 trials have ended before, and are kept." in capsys.readouterr().err
    assert calls == [2, 1, 1]
    assert sorted(t.parameters["learning_rate"] for t in sweep.trials) == [1e-4, 0.05, 0.5]
    assert all(path.stat().st_mtime_ns == time for path, time in files.items())
    alone = zoo.tune(base, images, space, seed=1, verbose=0)
    assert {t.text: t.score for t in sweep.trials} == {t.text: t.score for t in alone.trials}


def test_a_sweep_goes_on_with_the_same_arguments_only(copied, swept, images, base):
    with pytest.raises(RunError, match=r"seeds was 2 and is now 3. Pass the same arguments"):
        again(swept, images, base, seeds=3, log_dir=copied)
    with pytest.raises(RunError, match=r"space\.?.* was .* and is now"):
        again(swept, images, base, space={"learning_rate": [0.1, 0.2]}, log_dir=copied)


def test_a_study_that_lacks_the_trials_of_the_folder_is_refused(
    copied, swept, images, base, tmp_path, monkeypatch
):
    """As with a relative path of the storage in another folder, or without storage=."""
    monkeypatch.setattr(rounds, "train", None)
    message = r"lacks the trial of .*0000\.npz\. Pass the same storage= and study_name="
    elsewhere = f"sqlite:///{tmp_path}/other.db"
    for _ in range(2):  # the first call makes the study
        with pytest.raises(RunError, match=message):
            again(swept, images, base, log_dir=copied, storage=elsewhere)
    right = f"sqlite:///{copied}/study.db"
    resumed = again(swept, images, base, log_dir=copied, storage=right, study_name="sweep")
    assert resumed.to_dict() == swept.to_dict()


def test_a_sweep_goes_on_in_the_home_of_the_user(copied, swept, images, base, monkeypatch):
    monkeypatch.setenv("HOME", str(copied.parent))
    monkeypatch.setattr(rounds, "train", None)
    assert again(swept, images, base, log_dir="~/copy").log_dir == copied


def test_a_taken_name_in_a_storage_is_refused(images, base, copied, tmp_path):
    storage = f"sqlite:///{copied}/study.db"
    with pytest.raises(RunError, match="The name of a new study must be free"):
        zoo.tune(
            *(base, images, SPACE), storage=storage, study_name="sweep", log_dir=tmp_path / "new"
        )


def test_distributions_with_a_journal_and_more_trials_after_resuming(images, base, tmp_path):
    space = {
        "learning_rate": optuna.distributions.FloatDistribution(1e-3, 1, log=True),
        "batch_size": [50, 100],
    }
    options = {"log_dir": tmp_path / "run", "storage": tmp_path / "study.log", "verbose": 0}
    few = zoo.tune(base, images, space, trials=2, **options)
    more = zoo.tune(base, images, space, trials=4, resume=True, **options)
    assert (tmp_path / "study.log").is_file()
    assert [t.parameters for t in more.trials[:2]] == [t.parameters for t in few.trials]
    assert len({t.parameters["learning_rate"] for t in more.trials}) == 4


def test_a_pruned_trial_leaves_the_training(images, base):
    space = {"learning_rate": [1e-5, 2e-5, 0.1, 0.3, 0.5]}
    sweep = zoo.tune(base, images, space, pruner="median", metric="loss", verbose=0)
    pruned = [trial for trial in sweep.trials if trial.state == "pruned"]
    assert pruned
    assert all(trial.parameters["learning_rate"] < 0.1 for trial in pruned)
    assert all(trial.epochs == (2,) and len(trial.histories[0]["loss"]) == 2 for trial in pruned)
    assert all(trial.outcomes == ("pruned in epoch 2",) for trial in pruned)
    assert sweep.ranking[-1].state == "pruned"
    assert sweep.best.state == "finished"


def test_samplers_of_optuna_propose(images, base):
    sampler = optuna.samplers.GridSampler({"learning_rate": [0.1, 0.2]})
    sweep = zoo.tune(
        base, images, {"learning_rate": [0.1, 0.2]}, trials=2, sampler=sampler, verbose=0
    )
    assert {trial.parameters["learning_rate"] for trial in sweep.trials} == {0.1, 0.2}


def test_validation_images_are_held_out_where_there_are_none(images, base, capsys):
    sweep = zoo.tune(base, images.train, {"learning_rate": [0.1]})
    assert "of the training images are held out for validation" in capsys.readouterr().err
    assert "validation images that were held out of the training images" in sweep.sentence()
    validation = sweep.setup.validation
    assert len(sweep.setup.train) + len(validation) == len(images.train)
    assert sweep.setup.train.count_among(validation.digests) == 0


def test_the_test_split_takes_no_part(images, base):
    for data, validation in ((images.test, None), (images.train, images.test)):
        with pytest.raises(DataError, match="Received: the test split"):
            zoo.tune(base, data, {"learning_rate": [0.1]}, validation_data=validation)


def test_a_sweep_without_a_folder_leaves_no_files(images, base):
    sweep = zoo.tune(base, images, {"learning_rate": [0.1]}, verbose=0)
    folder = sweep.log_dir
    assert sweep.best.model is not None
    assert folder.is_dir()
    del sweep
    gc.collect()
    assert not folder.exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"space": {}}, "space must map names of settings"),
        ({"space": {"dropuot": [0.1]}}, "Received: 'dropuot'; did you mean 'dropout'"),
        ({"space": {"num_classes": [3]}}, "Received: 'num_classes'"),
        ({"space": {"learning_rate": [0.1, -1]}}, "learning_rate must be a finite number above 0"),
        ({"metric": "f1"}, 'metric must be "accuracy" or "loss"'),
        ({"sampler": "tpee"}, "sampler must be one of grid, .*did you mean 'tpe'"),
        ({"pruner": "mean"}, "pruner must be one of median, .*did you mean 'median'"),
        ({"trials": 0}, "trials must be a whole number of 1 or more"),
        ({"resume": True}, "log_dir must be given with resume"),
        ({"storage": "sqlite:///x.db"}, "log_dir must be given with storage"),
        ({"verbose": 7}, "verbose must be"),
        ({"callbacks": print}, "callbacks must be a list of functions"),
        ({"callbacks": ["print"]}, "callbacks must be a list of functions"),
        ({"sampler": []}, "sampler must be one of grid"),
        ({"metric": []}, 'metric must be "accuracy" or "loss"'),
        ({"study_name": ["sweep"]}, "study_name must be a text or None"),
    ],
)
def test_a_wrong_argument_is_refused_before_any_training(images, tmp_path, arguments, message):
    member = Member("mlp", recipe=Recipe(epochs=1))
    space = {"learning_rate": [0.1]}
    with pytest.raises(ArgumentError, match=message):
        zoo.tune(member, images, **{"space": space, **arguments})
    if not {"resume", "storage"} & {*arguments}:
        with pytest.raises(ArgumentError, match=message):
            zoo.tune(member, images, log_dir=tmp_path / "run", **{"space": space, **arguments})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("recipe", "space", "message"),
    [
        ({"optimizer": "sdg"}, {"learning_rate": [0.1]}, "Received: 'sdg'; did you mean 'sgd'"),
        ({}, {"precision": ["float32", "float7"]}, "Received: 'float7' for 'precision'"),
        ({}, {"hidden": [[8], [0]]}, r"Received: \[0\] for 'hidden'"),
        ({}, {"dropout": "0..1.5"}, "Received: 1.5 for 'dropout'"),
    ],
)
def test_a_trial_that_cannot_be_built_is_refused_before_a_file_is_written(
    images, tmp_path, recipe, space, message
):
    member = Member("mlp", recipe=Recipe(epochs=1, **recipe))
    with pytest.raises(ArgumentError, match=message):
        zoo.tune(member, images, space, log_dir=tmp_path / "sweep")
    assert not list(tmp_path.iterdir())


def test_a_built_model_is_refused(images):
    model = zoo.build("softmax", input_shape=images.image_shape, num_classes=3)
    with pytest.raises(ArgumentError, match="entry must be the name of a registered model"):
        zoo.tune(model, images, {"learning_rate": [0.1]})


def test_trials_in_other_processes_have_the_same_scores(images, base, work_here):
    def histories(n_jobs):
        space = {"batch_size": [25, 50]}  # other batches, so that each trial is a piece
        sweep = zoo.tune(base, images, space, seed=5, n_jobs=n_jobs, verbose=0)
        return {trial.parameters["batch_size"]: trial.histories for trial in sweep.trials}

    assert histories(2) == histories(None)


def test_a_pruner_stops_trials_in_other_processes(images, base, work_here):
    """The worker of the tests runs one piece after another, so the same trials are pruned."""

    def outcomes(n_jobs):
        space = {"batch_size": [25, 50], "learning_rate": [0.5, 0.1, 1e-5]}
        averaged = replace(base, recipe=replace(base.recipe, ema=0.9))
        sweep = zoo.tune(averaged, images, space, n_jobs=n_jobs, pruner="median", verbose=0)
        return {
            trial.text: (
                trial.state, trial.outcomes, trial.epochs,
                [weight.tolist() for weight in trial.model.get_weights()],
            )
            for trial in sweep.trials
        }  # fmt: skip

    spread = outcomes(2)
    assert spread == outcomes(None)
    assert {state for state, *_ in spread.values()} == {"finished", "pruned"}


def test_a_sweep_from_trained_weights_knows_its_images_and_its_classes(tiny_weights, caplog):
    digits = zoo.datasets.load("digits", validation=0.2)
    letters = tuple("abcdefghij")
    train, validation = (
        replace(split.take(range(40)), class_names=letters)
        for split in (digits.train, digits.validation)
    )
    member = Member("vgg", {"weights": "tiny/vgg-0"}, Recipe(epochs=1, batch_size=20))
    space = {"learning_rate": [1e-4]}
    with pytest.warns(UserWarning, match="40 of the 40 validation images are training images too"):
        sweep = zoo.tune(member, train, space, validation_data=train, verbose=0)
    assert "vgg keeps the last layer of tiny/vgg-0" in caplog.text
    assert zoo.ensembles.Committee([sweep.best.model]).label_names == letters
    with pytest.warns(UserWarning, match="of weights that a member"):  # which the weights know
        zoo.tune(member, validation, space, validation_data=train, verbose=0)
    with pytest.raises(ArgumentError, match="standardize must be that of the weights, 'per_im"):
        zoo.tune(member, train, {"standardize": ["per_image", "mean_image"]})


@pytest.fixture
def unlucky(monkeypatch):
    """Trials whose numbers are in this set cannot be trained in other processes."""
    make, numbers = in_worker.make_learners, {1}

    def fail_or_make(described, arrays):
        names = {values["name"] for values in described["learners"]}
        if names & {f"trial-{number}" for number in numbers}:
            raise ValueError("no luck")
        return make(described, arrays)

    monkeypatch.setattr(in_worker, "make_learners", fail_or_make)
    return numbers


def test_a_trial_that_fails_is_named_and_trained_again_after_resuming(
    images, base, work_here, unlucky, tmp_path
):
    options = {"log_dir": tmp_path / "run", "round_size": 3, "seed": 5, "n_jobs": 2, "verbose": 0}
    space = {"batch_size": [20, 25, 40, 50]}
    with pytest.warns(UserWarning, match="Each trial of a sweep must be trained") as caught:
        sweep = zoo.tune(base, images, space, **options)
    (failed,) = sweep.failed
    named = f"trial-1 (batch_size={failed.parameters['batch_size']})"
    (message,) = [str(warning.message) for warning in caught]
    assert f"Received: no result of {named}. The other trials are kept in {tmp_path}" in message
    assert 'raise ValueError("no luck")' in message
    assert failed.reason == "ValueError: no luck"
    assert [trial.number for trial in sweep.trials] == [0, 2, 3]  # the next round went on
    assert sweep.sentence().endswith(f"1 more failed: {named}.")
    assert sweep.to_dict()["failed"][0]["number"] == 1
    unlucky.clear()
    files = {path: path.stat().st_mtime_ns for path in (tmp_path / "run/trials").iterdir()}
    whole = zoo.tune(base, images, space, resume=True, **options)
    assert whole.failed == ()
    assert sorted(trial.parameters["batch_size"] for trial in whole.trials) == [20, 25, 40, 50]
    assert all(path.stat().st_mtime_ns == time for path, time in files.items())


def test_a_sweep_of_which_no_trial_can_be_trained_is_an_error(
    images, base, work_here, unlucky, capsys
):
    unlucky |= {0}
    with pytest.raises(RunError, match=r"no result of trial-0 .*, trial-1 .*Pass log_dir=, so"):
        zoo.tune(base, images, {"batch_size": [20, 25, 40, 50]}, round_size=2, n_jobs=2)
    printed = capsys.readouterr().err
    assert "trial-1 (batch_size=" in printed
    assert "No trial of this round could be trained, so 2 more are not begun." in printed


def test_a_trial_that_cannot_be_built_does_not_end_the_sweep(images, base, monkeypatch):
    learners = rounds._learners

    def fail_or_build(setup, proposal):
        if proposal.number == 0:
            raise MemoryError("too wide")
        return learners(setup, proposal)

    monkeypatch.setattr(rounds, "_learners", fail_or_build)
    with pytest.warns(UserWarning, match="MemoryError: too wide"):
        sweep = zoo.tune(base, images, {"learning_rate": [0.1, 0.2]}, verbose=0)
    assert [trial.number for trial in sweep.trials] == [1]


def test_a_round_that_failed_in_this_process_is_trained_again_after_resuming(
    images, base, monkeypatch, tmp_path
):
    def fail(*arguments, **options):
        raise ValueError("no luck")

    arguments = base, images, {"learning_rate": [0.1, 0.2]}
    with monkeypatch.context() as patch:
        patch.setattr(rounds, "train", fail)
        with pytest.raises(ValueError, match="no luck"):
            zoo.tune(*arguments, log_dir=tmp_path / "run", verbose=0)
    sweep = zoo.tune(*arguments, log_dir=tmp_path / "run", resume=True, verbose=0)
    assert sorted(trial.parameters["learning_rate"] for trial in sweep.trials) == [0.1, 0.2]
