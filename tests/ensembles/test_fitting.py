"""Training a committee: what members learn, what stops them, and what is recorded."""

from dataclasses import replace

import keras
import numpy as np
import pytest

import zoo
from zoo import Recipe, Teacher
from zoo.datasets.split import as_split
from zoo.ensembles import Committee, Member, stack
from zoo.ensembles.combining.bagging import resample
from zoo.ensembles.provenance import record_exposure
from zoo.errors import ArgumentError, DataError, RunError
from zoo.tensorboard import TensorBoardLog
from zoo.training.recording import Recorder
from zoo.training.run_folder import RunFolder, read_manifest

QUICK = Recipe(learning_rate=0.1, batch_size=32, epochs=3)


def small_members(**changes):
    """Members with all that makes training together delicate: optimisers with state, batch
    normalisation, dropout, penalties, a schedule."""
    momentum = replace(QUICK, optimizer_arguments={"momentum": 0.9}, **changes)
    adam = replace(QUICK, optimizer="adam", learning_rate=0.01, schedule="cosine", **changes)
    return [
        Member("bn_mlp", {"hidden": (8,), "dropout": 0.2}, adam),
        Member("lasso_mlp", {"hidden": (8,)}, momentum),
    ]


def softmax(**changes):
    """The smallest member."""
    return Member("softmax", recipe=replace(QUICK, **changes))


def fit(members, train_split, validation_split=None, **arguments):
    committee = Committee(members, seed=7)
    history = committee.fit(train_split, validation_data=validation_split, verbose=0, **arguments)
    return committee, history


def assert_same_weights(model, other, **tolerance):
    for a, b in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, **tolerance)


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory):
    return tmp_path_factory.mktemp("run")


@pytest.fixture(scope="module")
def whole(train_split, validation_split, run_folder):
    """A training without interruption: the committee, its history, and its run folder."""
    return fit(small_members(), train_split, validation_split, together=True, log_dir=run_folder)


@pytest.fixture(scope="module")
def whole_apart(train_split, validation_split):
    """The same training, one member after another."""
    return fit(small_members(), train_split, validation_split, together=False)


# --- what members learn -------------------------------------------------------------------


def test_together_and_apart_give_the_same_weights(whole, whole_apart):
    (together, history), (apart, other) = whole, whole_apart
    assert_same_weights(together, apart, rtol=1e-5, atol=1e-6)
    for key in ("bn_mlp_loss", "lasso_mlp_accuracy", "val_lasso_mlp_loss"):
        np.testing.assert_allclose(history.history[key], other.history[key], rtol=1e-4)


def test_a_member_learns_what_keras_fit_would_teach_it(whole, train_split):
    for index, member in enumerate(small_members()):
        model = member.build((6, 6, 1), 3, seed=7 + index)
        steps = int(np.ceil(len(train_split) / 32))
        optimizer = member.recipe.make_optimizer(steps * 3)
        model.compile(optimizer, "sparse_categorical_crossentropy", jit_compile=False)
        batches = train_split.batches(32, shuffle=True, seed=7, epochs=3)
        model.fit(batches.repeat(), epochs=3, steps_per_epoch=steps, shuffle=False, verbose=0)
        assert_same_weights(whole[0].members[index], model, rtol=1e-4, atol=1e-5)


def test_the_same_seed_gives_the_same_committee_from_arrays_and_from_splits(
    whole, train_split, validation_split
):
    committee = Committee(small_members(), seed=7)
    committee.fit(
        train_split.images,
        train_split.labels,
        validation_data=validation_split.batches(20),
        verbose=0,
    )
    assert committee.class_names == ("0", "1", "2")
    assert_same_weights(committee, whole[0], rtol=0)


def test_copies_of_the_same_trained_weights_are_no_independent_trainings(tiny_weights):
    data = zoo.datasets.load("digits")
    recipe = zoo.Recipe(epochs=1, batch_size=512)
    vgg = Member("vgg", recipe=recipe)
    known = {}
    for name in ("tiny", "tiny/vgg-0"):
        committee = Committee(vgg, copies=2, weights=name)
        committee.fit(data.train, verbose=0)
        known[name] = committee.training["copies"]
    assert known == {"tiny": ["vgg", "vgg_2"], "tiny/vgg-0": None}


def test_images_that_lower_the_learning_rate_are_told(train_split, validation_split):
    committee = Committee(softmax(epochs=1, plateau=1))
    committee.fit(train_split, validation_data=validation_split, verbose=0)
    assert committee.overlap_with(validation_split).tuned_on == len(validation_split)


def test_copies_begin_from_different_seeds(train_split):
    committee, _ = fit(softmax(epochs=1), train_split)
    copies = Committee(softmax(epochs=1), copies=2, seed=7)
    copies.fit(train_split, verbose=0)
    assert_same_weights(copies.members[0], committee.members[0], rtol=1e-5, atol=1e-6)
    first, second = (model.get_weights()[0] for model in copies.members)
    assert not np.allclose(first, second)


def test_scores_are_those_of_the_models(whole, validation_split):
    committee, history = whole
    for name, votes in zip(committee.member_names, committee.votes(validation_split), strict=True):
        accuracy = (votes == validation_split.labels).mean()
        assert history.history[f"val_{name}_accuracy"][-1] == pytest.approx(accuracy)
    decision = committee.predict(validation_split).argmax(axis=1)
    accuracy = (decision == validation_split.labels).mean()
    assert history.history["val_accuracy"][-1] == pytest.approx(accuracy)
    assert history.epoch == [1, 2, 3]


def test_losses_contain_the_penalties_as_in_keras(whole, validation_split):
    committee, history = whole
    model = keras.models.clone_model(committee.members[1])
    model.set_weights(committee.members[1].get_weights())
    model.compile(loss="sparse_categorical_crossentropy")
    expected = model.evaluate(validation_split.images, validation_split.labels, verbose=0)
    assert history.history["val_lasso_mlp_loss"][-1] == pytest.approx(expected, rel=1e-5)


def test_members_with_the_same_batches_train_together(train_split, validation_split):
    members = [
        softmax(),
        softmax(batch_size=16),
        softmax(),
    ]
    mixed, history = fit(members, train_split, validation_split, epochs=1)
    apart, _ = fit(members, train_split, epochs=1, together=False)
    assert_same_weights(mixed, apart, rtol=1e-5, atol=1e-6)
    assert len(history.history["val_accuracy"]) == 1  # scored once, after the last of them


# --- what stops a member ------------------------------------------------------------------


class Weights(keras.callbacks.Callback):
    """The weights of every member after every epoch; may stop the training."""

    def __init__(self, last_epoch=None):
        super().__init__()
        self.weights = []
        self.last_epoch = last_epoch

    def on_epoch_end(self, epoch, logs=None):
        self.weights.append([model.get_weights() for model in self.model.members])
        self.model.stop_training = epoch == self.last_epoch


def test_a_stopped_member_keeps_its_best_weights_and_changes_no_more(train_split, validation_split):
    wild = Member("bn_mlp", {"hidden": (8,)}, replace(QUICK, learning_rate=5.0, patience=1))
    weights = Weights()
    members = [wild, softmax(learning_rate=0.01)]
    _, history = fit(members, train_split, validation_split, epochs=12, callbacks=[weights])
    losses = history.history["val_bn_mlp_loss"]
    assert len(losses) < 12 == len(history.history["val_softmax_loss"])
    best = weights.weights[int(np.argmin(losses))][0]
    # The epoch that stops it puts the best weights back before callbacks look.
    for later in weights.weights[len(losses) - 1 :]:
        assert all((a == b).all() for a, b in zip(later[0], best, strict=True))
    last, before = weights.weights[-1][1], weights.weights[-2][1]
    assert not all((a == b).all() for a, b in zip(last, before, strict=True))


def test_stopped_by_a_callback_a_member_still_takes_its_best_weights(train_split, validation_split):
    weights = Weights(last_epoch=5)
    member = Member("bn_mlp", {"hidden": (8,)}, replace(QUICK, learning_rate=3.0, patience=99))
    committee, history = fit(member, train_split, validation_split, epochs=99, callbacks=[weights])
    best = int(np.argmin(history.history["val_loss"]))
    assert best < 5
    kept = weights.weights[best][0]
    assert all((a == b).all() for a, b in zip(committee.get_weights(), kept, strict=True))


def test_a_member_with_fewer_epochs_does_not_change_afterwards(train_split):
    short = Member("bn_mlp", {"hidden": (8,)}, replace(QUICK, epochs=2))
    alone, _ = fit(short, train_split)
    committee, history = fit([short, softmax()], train_split)
    assert_same_weights(committee.members[0], alone.members[0], rtol=1e-5, atol=1e-6)
    assert [len(history.history[f"{name}_loss"]) for name in committee.member_names] == [2, 3]


def test_a_diverged_member_stops_with_sound_weights_and_the_others_go_on(train_split):
    lost = Member("mlp", {"hidden": (8,)}, replace(QUICK, learning_rate=1e30))
    committee = Committee([lost, softmax()])
    with pytest.warns(UserWarning, match="mlp diverged in epoch 1.*Lower its learning rate"):
        history = committee.fit(train_split, epochs=4, verbose=0)
    assert len(history.history["mlp_loss"]) < 4 == len(history.history["softmax_loss"])
    assert np.isfinite(committee.predict(train_split)).all()
    assert committee.report(train_split).members[1].accuracy.n == len(train_split)


# --- callbacks and progress ---------------------------------------------------------------


def test_callbacks_see_the_committee_every_batch_and_can_stop_it(train_split):
    class Stop(keras.callbacks.Callback):
        batches = ()

        def on_train_batch_end(self, batch, logs=None):
            self.batches += (batch,)

        def on_epoch_end(self, epoch, logs=None):
            assert {"loss", "accuracy", "softmax_loss", "softmax_2_learning_rate"} <= set(logs)
            self.model.stop_training = epoch == 1

    stop = Stop()
    _, history = fit([softmax(), softmax()], train_split, callbacks=stop)
    assert history.epoch == [1, 2]
    assert stop.batches == (0, 1, 2, 3) * 2


def test_without_a_terminal_each_epoch_is_a_line_and_silence_is_silent(train_split, capsys):
    committee = Committee(softmax(), copies=2)
    committee.fit(train_split, verbose=0)
    assert capsys.readouterr() == ("", "")
    committee.fit(train_split)
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("epoch")]
    assert [line.split(" (")[0] for line in lines] == ["epoch 1/3", "epoch 2/3", "epoch 3/3"]
    assert all(f"{name} loss" in lines[0] for name in ("softmax", "softmax_2", "committee"))


# --- what is recorded ---------------------------------------------------------------------


def test_each_member_knows_its_own_images_only(train_split):
    committee, _ = fit([softmax(), softmax()], train_split, epochs=1, resampling="folds")
    assert committee.trained_images == len(train_split)
    rows = resample(train_split, 2, "folds", seed=7)
    for model, own in zip(committee.members, rows, strict=True):
        assert Committee([model]).trained_images == len(own) == 50


def test_images_that_said_when_to_stop_are_remembered(whole, train_split, validation_split):
    assert whole[0].overlap_with(validation_split).tuned_on == 0  # they stopped nothing
    committee, _ = fit(softmax(epochs=1, patience=2), train_split, validation_split)
    assert committee.report(validation_split).tuned_on == len(validation_split)
    assert Committee(committee.members).overlap_with(validation_split).tuned_on == 48
    student = Committee(softmax())
    student.fit(train_split, epochs=1, teacher=Teacher(committee.members[0]), verbose=0)
    assert student.overlap_with(validation_split).tuned_on == len(validation_split)


def test_images_that_a_teacher_knows_are_not_out_of_bag(train_split):
    teacher = zoo.build("softmax", input_shape=(6, 6, 1), num_classes=3)
    record_exposure([teacher], "trained_on", train_split.digests[:9])
    taught = Committee(softmax(epochs=1), copies=2)
    taught.fit(train_split, resampling="folds", teacher=Teacher(teacher), verbose=0)
    assert taught.out_of_bag.n == 91


def test_validation_images_that_are_training_images_are_warned_of(train_split):
    committee = Committee(softmax(epochs=1))
    with pytest.warns(UserWarning, match="^7 of the 7 validation images are training") as warned:
        committee.fit(train_split, validation_data=train_split.take(range(7)), verbose=0)
    assert warned[0].filename == __file__
    # Images of an earlier training count, too.
    rest, known = train_split.take(range(60, 100)), train_split.take(range(40, 60))
    with pytest.warns(UserWarning, match="^20 of the 20 validation images are training"):
        committee.fit(rest, validation_data=known, verbose=0)


def test_the_best_member_is_forgotten_when_a_fit_has_no_validation(
    train_split, validation_split, test_split
):
    committee, _ = fit([softmax(epochs=1), softmax(epochs=1)], train_split, validation_split)
    assert committee.report(test_split).chosen_on == "validation"
    committee.fit(train_split, verbose=0)
    assert committee.report(test_split).chosen_on == "these images"


# --- interrupted and resumed --------------------------------------------------------------


class Crash(keras.callbacks.Callback):
    """Calls a function at a step of an epoch; both are counted from 0."""

    def __init__(self, action, epoch=1, step=1):
        super().__init__()
        self.action = action
        self.chosen = epoch
        self.step = step
        self.epoch = 0

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if self.epoch == self.chosen and batch >= self.step:
            self.action()


def interrupt():
    import signal

    signal.raise_signal(signal.SIGINT)


def terminate():
    import signal

    signal.raise_signal(signal.SIGTERM)


def fall():
    raise RuntimeError("power cut")


@pytest.mark.parametrize(
    ("action", "error", "together"),
    [
        (interrupt, KeyboardInterrupt, True),
        (terminate, SystemExit, False),
        (fall, RuntimeError, False),
    ],
)
def test_a_killed_training_resumes_as_if_it_had_not_been_killed(
    train_split, validation_split, tmp_path, request, action, error, together
):
    whole, history = request.getfixturevalue("whole" if together else "whole_apart")
    options = {"together": together, "log_dir": tmp_path / "run"}
    with pytest.raises(error):
        fit(small_members(), train_split, validation_split, **options, callbacks=[Crash(action)])
    resumed, again = fit(small_members(), train_split, validation_split, **options, resume=True)
    assert_same_weights(resumed, whole, rtol=0)
    assert again.history.keys() == history.history.keys()
    for key, values in history.history.items():
        assert again.history[key] == pytest.approx(values, rel=1e-6)
    assert again.epoch == history.epoch


def test_early_stopping_resumes_too(train_split, validation_split, tmp_path):
    # When the training falls over, the first member has waited an epoch for a lower loss, and the
    # second member has stopped.
    members = [
        Member("bn_mlp", {"hidden": (4,)}, replace(QUICK, learning_rate=3.0, patience=2)),
        softmax(learning_rate=30.0, patience=1),
    ]
    options = {"epochs": 6, "together": True, "log_dir": tmp_path / "run"}
    whole, history = fit(members, train_split, validation_split, epochs=6, together=True)
    crash = Crash(fall, epoch=3)
    with pytest.raises(RuntimeError, match="power cut"):
        fit(members, train_split, validation_split, **options, callbacks=[crash])
    resumed, again = fit(members, train_split, validation_split, **options, resume=True)
    assert_same_weights(resumed, whole, rtol=0)
    assert again.epoch == history.epoch


ADAM = softmax(optimizer="adam", learning_rate=0.01)


@pytest.fixture(scope="module")
def whole_softmax(train_split):
    """The smallest member after a training without interruption."""
    return fit(ADAM, train_split)[0]


def test_a_training_interrupted_at_the_last_step_of_an_epoch_resumes(
    train_split, whole_softmax, tmp_path
):
    run = {"log_dir": tmp_path / "run"}
    with pytest.raises(KeyboardInterrupt):
        fit(ADAM, train_split, callbacks=[Crash(interrupt, step=3)], **run)
    resumed, _ = fit(ADAM, train_split, resume=True, **run)
    assert_same_weights(resumed, whole_softmax, rtol=0)


def at_the_end_of_the_last_epoch(monkeypatch):
    return keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: epoch == 2 and interrupt()
    )


def at_the_end_of_the_training(monkeypatch):
    return keras.callbacks.LambdaCallback(on_train_end=lambda logs: terminate())


def in_the_last_pictures(monkeypatch):
    end = Recorder.end
    monkeypatch.setattr(Recorder, "end", lambda *args: (end(*args), terminate()))
    return keras.callbacks.Callback()


def while_the_log_is_closed(monkeypatch):
    close = TensorBoardLog.close
    monkeypatch.setattr(TensorBoardLog, "close", lambda log: (close(log), interrupt()))
    return keras.callbacks.Callback()


@pytest.mark.parametrize(
    "moment",
    [
        at_the_end_of_the_last_epoch,
        at_the_end_of_the_training,
        in_the_last_pictures,
        while_the_log_is_closed,
    ],
)
def test_a_signal_after_the_last_step_is_not_swallowed(
    train_split, whole_softmax, tmp_path, monkeypatch, moment
):
    run = {"log_dir": tmp_path / "run"}
    with monkeypatch.context() as patch, pytest.raises((KeyboardInterrupt, SystemExit)):
        fit(ADAM, train_split, callbacks=[moment(patch)], **run)
    assert read_manifest(run["log_dir"])["status"] == "stopped"
    resumed, history = fit(ADAM, train_split, resume=True, **run)
    assert_same_weights(resumed, whole_softmax, rtol=0)
    assert read_manifest(run["log_dir"])["status"] == "finished"
    assert history.epoch == [1, 2, 3]


def test_a_signal_while_the_end_is_written_ends_a_finished_run(train_split, tmp_path, monkeypatch):
    finish = RunFolder.finish

    def interrupted(run, status):
        if status == "finished":
            interrupt()
        finish(run, status)

    monkeypatch.setattr(RunFolder, "finish", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fit(ADAM, train_split, log_dir=tmp_path / "run")
    assert read_manifest(tmp_path / "run")["status"] == "finished"


def test_a_signal_between_models_that_train_apart_is_not_left_to_the_next(train_split, tmp_path):
    def end(logs):
        ended.append(True)
        interrupt()

    ended = []
    callback = keras.callbacks.LambdaCallback(on_train_end=end)
    with pytest.raises(KeyboardInterrupt):
        fit([ADAM, ADAM], train_split, together=False, callbacks=[callback])
    assert len(ended) == 1


@pytest.mark.parametrize(
    "augmentation",
    [
        zoo.Augmentation(rotation_range=20, horizontal_flip=True),
        zoo.Augmentation(mixup=1, cutmix=1, random_erasing=0.5, crop_padding=1),
        "ImageDataGenerator",
    ],
)
def test_augmented_training_resumes_too(train_split, tmp_path, augmentation):
    members = [softmax(augmentation=augmentation, epochs=2)]
    whole, _ = fit(members, train_split)
    with pytest.raises(KeyboardInterrupt):
        fit(members, train_split, log_dir=tmp_path / "run", callbacks=[Crash(interrupt)])
    resumed, _ = fit(members, train_split, log_dir=tmp_path / "run", resume=True)
    assert_same_weights(resumed, whole, rtol=0)


def test_images_of_an_interrupted_training_are_remembered_and_refused_ones_not(
    train_split, test_split
):
    committee = Committee(softmax())
    with pytest.raises(DataError, match="must not be images of the test split"):
        committee.fit(test_split, verbose=0)
    with pytest.raises(KeyboardInterrupt):
        committee.fit(train_split, callbacks=[Crash(interrupt)], verbose=0)
    assert committee.report(train_split).trained_on == len(train_split)
    assert committee.report(test_split).trained_on == 0


def test_a_finished_run_gives_its_result(whole, train_split, validation_split, run_folder):
    done, history = whole
    options = {"together": True, "log_dir": run_folder, "resume": True}
    again, same = fit(small_members(), train_split, validation_split, **options)
    assert_same_weights(done, again, rtol=0)
    assert same.history == history.history


@pytest.mark.parametrize("together", [True, False])
def test_a_finished_run_goes_on_as_if_it_had_been_longer_from_the_start(
    train_split, validation_split, tmp_path, together
):
    # With patience the best weights are kept, but the training goes on from the last weights.
    members = [
        replace(member, recipe=replace(member.recipe, schedule="constant", patience=3))
        for member in small_members()
    ]
    data, options = (train_split, validation_split), {"together": together}
    fit(members, *data, epochs=2, log_dir=tmp_path, **options)
    longer, history = fit(members, *data, epochs=4, log_dir=tmp_path, resume=True, **options)
    straight, expected = fit(members, *data, epochs=4, **options)
    assert_same_weights(longer, straight, rtol=0)
    assert history.history.keys() == expected.history.keys()
    assert history.history["val_bn_mlp_loss"] == expected.history["val_bn_mlp_loss"]
    assert history.epoch == [1, 2, 3, 4]


def test_a_cosine_is_planned_anew_for_more_epochs(train_split, tmp_path, capsys):
    member = Member("softmax", recipe=replace(QUICK, schedule="cosine", learning_rate=0.4))
    fit(member, train_split, epochs=2, log_dir=tmp_path)
    Committee(member, seed=7).fit(train_split, epochs=4, log_dir=tmp_path, resume=True)
    _, text = capsys.readouterr()
    assert "softmax goes on to 4 epochs, instead of 2." in text
    assert "its learning rate is now 0.2." in text


def test_a_run_whose_recipe_divides_the_epochs_is_not_made_longer(train_split, tmp_path):
    member = Member("softmax", recipe=replace(QUICK, average_from=0.5))
    fit(member, train_split, epochs=2, log_dir=tmp_path)
    with pytest.raises(RunError, match="epochs was 2 and is now 4"):
        fit(member, train_split, epochs=4, log_dir=tmp_path, resume=True)


def test_a_used_run_folder_is_left_alone(whole, train_split, validation_split, run_folder):
    def contents():
        return {path: path.read_bytes() for path in run_folder.rglob("*") if path.is_file()}

    before, data = contents(), (train_split, validation_split)
    with pytest.warns(UserWarning, match="stay as they are"):
        _, history = fit(small_members(), *data, epochs=1, log_dir=run_folder)
    assert history.log_dir == run_folder.with_name(f"{run_folder.name}-2")
    assert (history.log_dir / "run.json").exists()
    with pytest.raises(RunError, match=r"recipes\.bn_mlp\.epochs was 3 and is now 2"):
        fit(small_members(), *data, epochs=2, log_dir=run_folder, resume=True)
    inverted = as_split(
        255 - train_split.images, train_split.labels, name="train", class_names=data[0].class_names
    )
    with pytest.raises(RunError, match=r"train\.crc32 was"):
        fit(small_members(), inverted, validation_split, log_dir=run_folder, resume=True)
    assert before == contents()


# --- what is refused ----------------------------------------------------------------------


@pytest.mark.parametrize("part", ["training", "validation"])
def test_the_test_split_trains_nothing(train_split, test_split, part):
    data = (test_split, None) if part == "training" else (train_split, test_split)
    with pytest.raises(DataError, match=r"test split.*for the report"):
        fit(softmax(), *data)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"resume": True}, "log_dir="),
        ({"callbacks": [keras.callbacks.ReduceLROnPlateau()]}, "ReduceLROnPlateau.*plateau="),
        ({"callbacks": keras.callbacks.TensorBoard()}, r"TensorBoard.*log_dir="),
    ],
)
def test_arguments_that_could_not_work_are_refused(train_split, arguments, message):
    with pytest.raises(ArgumentError, match=message):
        fit(softmax(), train_split, **arguments)


def test_validation_data_is_a_pair(train_split):
    with pytest.raises(DataError, match=r"a pair \(images, labels\) or.* Received: 1 values"):
        fit(softmax(), train_split, (train_split.images,))


def test_a_dataset_without_an_end_is_refused_before_it_is_read(train_split):
    endless = train_split.batches(32).repeat()
    for x, validation in ((endless, None), (train_split, endless)):
        with pytest.raises(DataError, match="have an end"):
            fit(softmax(), x, validation)
    with pytest.raises(DataError, match="generator"):
        fit(softmax(), (batch for batch in endless))


def test_random_images_of_keras_are_refused_with_the_way_out(train_split):
    from keras.src.legacy.preprocessing.image import ImageDataGenerator

    flow = ImageDataGenerator(horizontal_flip=True).flow(train_split.images, train_split.labels)
    with pytest.raises(DataError, match=r"zoo\.Recipe\(augmentation=zoo\.Augmentation"):
        fit(softmax(), flow)


def test_labels_of_a_single_class_are_refused(train_split):
    with pytest.raises(DataError, match=r"2 classes or more. Received: a single class, '0'"):
        Committee(softmax()).fit(train_split.images, np.zeros(100, int), verbose=0)


def test_labels_with_a_gap_are_refused_unless_the_classes_are_known(train_split, built_model):
    images, labels = train_split.images, train_split.labels * 2
    with pytest.raises(DataError, match=r"Received: 0, 2, 4\..*numpy\.unique"):
        Committee(softmax()).fit(images, labels, verbose=0)
    named = Committee(softmax(), class_names=list("abcde"))
    named.fit(images, labels, epochs=1, verbose=0)
    assert named.report(images, labels).class_names == tuple("abcde")
    # The advice, followed literally.
    class_names, numbers = np.unique(labels, return_inverse=True)
    numbered = Committee(softmax(), class_names=class_names)
    numbered.fit(images, numbers, epochs=1, verbose=0)
    assert numbered.class_names == ("0", "2", "4")
    built = Committee(built_model("mine", outputs=5))
    built.fit(images, labels, epochs=1, verbose=0)
    assert built.class_names == ("0", "1", "2", "3", "4")


def test_early_stopping_needs_validation(train_split):
    with pytest.raises(ArgumentError, match="validation data"):
        fit(softmax(patience=2), train_split)


def test_together_needs_the_same_batches(train_split):
    members = [softmax(), Member("mlp", recipe=replace(QUICK, batch_size=8))]
    with pytest.raises(ArgumentError, match="softmax and mlp differ in batch_size"):
        fit(members, train_split, together=True)


@pytest.mark.parametrize("together", [True, False])
def test_the_last_line_of_the_progress_has_the_scores_of_the_report(
    train_split, validation_split, capsys, together
):
    stops = Recipe(learning_rate=0.5, batch_size=32, epochs=6, patience=2)
    averages = Recipe(learning_rate=0.5, batch_size=32, epochs=6, average_from=0.5)
    committee = Committee(
        [Member("mlp", {"hidden": (4,)}, stops), Member("softmax", recipe=averages)]
    )
    committee.fit(train_split, validation_data=validation_split, together=together, verbose=1)
    lines = capsys.readouterr().err.splitlines()
    for name, score in committee.validation_scores.items():
        told = [line.partition(f"{name} ")[2] for line in lines if f" · {name} " in line]
        accuracy = told[-1].partition("validation accuracy ")[2]
        assert accuracy.startswith(f"{100 * score.value:.1f} %"), name
    assert any("weights that are kept" in line for line in lines)


def test_a_committee_is_no_teacher_by_itself(train_split):
    with pytest.raises(ArgumentError, match=r"must be a zoo\.Teacher or None.*zoo\.Teacher\("):
        Committee([softmax()]).fit(train_split, teacher=Committee(["softmax"]), verbose=0)
    with pytest.raises(ArgumentError, match=r"must be a zoo\.Teacher or None"):
        stack([softmax()], train_split, teacher=Committee(["softmax"]), verbose=0)
