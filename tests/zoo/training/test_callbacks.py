"""Keras's own callbacks do here what they do in `keras.Model.fit`."""

import csv
import inspect

import keras
import numpy as np
import pytest

import zoo
from zoo.ensembles import Committee, Member
from zoo.errors import ArgumentError
from zoo.training.callbacks import (
    MemberCallback,
    MonitorCallback,
    as_list,
    choose_directions,
)

callbacks = keras.callbacks
NAMES = ["cnn", "mlp"]


def committee(*learning_rates):
    return Committee(
        [
            Member("softmax", recipe=zoo.Recipe("adam", rate, batch_size=50, epochs=3), name=name)
            for name, rate in zip(NAMES, learning_rates, strict=False)
        ]
    )


def fit(members, train_split, validation_split, *given):
    return members.fit(
        train_split, validation_data=validation_split, callbacks=given, verbose=0
    ).history


@pytest.mark.parametrize("kind", [callbacks.EarlyStopping, callbacks.ModelCheckpoint])
@pytest.mark.parametrize(
    ("monitor", "names", "mode"),
    [
        ("val_loss", NAMES, "min"),
        ("loss", NAMES, "min"),
        ("val_accuracy", NAMES, "max"),
        ("accuracy", ["cnn"], "max"),
        ("val_cnn_accuracy", NAMES, "max"),
        ("cnn_accuracy", NAMES, "max"),
        ("mlp_loss", NAMES, "min"),
        ("val_mlp_loss", NAMES, "min"),
    ],
)
def test_auto_mode_knows_whether_a_score_should_rise(kind, monitor, names, mode):
    first = ["m.keras"] if kind is callbacks.ModelCheckpoint else []
    automatic = kind(*first, monitor=monitor)
    reverse = {"min": "max", "max": "min"}[mode]
    given = kind(*first, monitor=monitor, mode=reverse)
    choose_directions([automatic, given], names)
    assert (automatic.mode, given.mode) == (mode, reverse)


def test_a_file_name_has_names_of_scores_before_the_training():
    for path in ("{epoch:02d}-{val_loss:.2f}.keras", "{cnn_learning_rate}.keras", "m.keras"):
        choose_directions([callbacks.ModelCheckpoint(path)], NAMES)
    with pytest.raises(ArgumentError, match=r"Received: 'val_acc' in .*mean 'val_accuracy'"):
        choose_directions([callbacks.ModelCheckpoint("{epoch}-{val_acc:.2f}.keras")], NAMES)
    with pytest.raises(ArgumentError, match=r"Received: '' in {}\.keras"):
        choose_directions([callbacks.ModelCheckpoint("{}.keras")], NAMES)


def test_a_file_name_has_no_validation_score_without_validation_images(train_split):
    checkpoint = callbacks.ModelCheckpoint("{val_loss:.2f}.keras")
    with pytest.raises(ArgumentError, match=r"Received: 'val_loss' in .*mean 'loss'"):
        committee(0.01).fit(train_split, callbacks=checkpoint, verbose=0)


def test_callbacks_come_alone_in_a_list_or_not_at_all():
    stopping = callbacks.EarlyStopping()
    assert as_list(None) == []
    assert as_list(stopping) == as_list([stopping]) == as_list((stopping,)) == [stopping]
    for wrong in (callbacks.EarlyStopping, "early", [None], 3, {"a": 1}):
        with pytest.raises(ArgumentError, match=r"must be Keras callbacks\. Received"):
            as_list(wrong)


def test_a_checkpoint_that_could_not_be_written_is_refused_before_the_training(train_split):
    with pytest.raises(ArgumentError, match=r"must end in \.keras\. Received: m\.h5"):
        committee(0.01).fit(train_split, callbacks=callbacks.ModelCheckpoint("m.h5"), verbose=0)


@pytest.mark.parametrize("monitor", ["val_acc", "val_dog_accuracy", "learning_rate"])
def test_a_score_that_there_is_not_is_named_before_the_training(monitor):
    with pytest.raises(ArgumentError, match="monitor must be a score of this training: loss"):
        choose_directions([callbacks.EarlyStopping(monitor)], NAMES)


def test_a_mistyped_score_gets_the_closest():
    with pytest.raises(ArgumentError, match="did you mean 'val_accuracy'"):
        choose_directions([callbacks.EarlyStopping("val_acuracy")], ["cnn"])


def test_every_callback_of_keras_that_looks_at_a_score_is_known():
    kinds = [kind for kind in vars(callbacks).values() if isinstance(kind, type)]
    looking = {kind for kind in kinds if "monitor" in inspect.signature(kind.__init__).parameters}
    assert callbacks.EarlyStopping in looking
    assert looking == {kind for kind in kinds if issubclass(kind, MonitorCallback)}


def test_early_stopping_and_checkpoints_follow_accuracies(train_split, validation_split, tmp_path):
    stopping = callbacks.EarlyStopping("val_accuracy", patience=1, restore_best_weights=True,
                                       min_delta=0.5)  # fmt: skip
    of_member = callbacks.ModelCheckpoint(
        tmp_path / "best.keras", monitor="val_cnn_accuracy", save_best_only=True
    )
    of_weights = callbacks.ModelCheckpoint(
        tmp_path / "{epoch}.weights.h5", monitor="val_loss", save_weights_only=True
    )
    members = committee(0.01, 0.02)
    history = fit(members, train_split, validation_split, stopping, of_member, of_weights)
    assert len(history["loss"]) == stopping.stopped_epoch + 1 == 2
    assert stopping.best == history["val_accuracy"][0]
    # The best weights are those of the first epoch again.
    restored = members.get_weights()
    members.load_weights(tmp_path / "1.weights.h5")
    for weight, expected in zip(members.get_weights(), restored, strict=True):
        np.testing.assert_array_equal(weight, expected)
    loaded = Committee.load(tmp_path / "best.keras")
    accuracy = (loaded.votes(validation_split)[0] == validation_split.labels).mean()
    assert accuracy == pytest.approx(max(history["val_cnn_accuracy"]))
    assert of_member.best == max(history["val_cnn_accuracy"])


def test_the_other_callbacks_of_keras_do_their_work(train_split, validation_split, tmp_path):
    epochs, batches = [], []
    given = [
        callbacks.CSVLogger(tmp_path / "scores.csv"),
        callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: epochs.append((epoch, logs))),
        callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: batches.append(batch)),
        callbacks.History(),
    ]
    terminate = callbacks.TerminateOnNaN()
    callbacks.RemoteMonitor()  # needs a server to do its work
    history = fit(committee(0.01), train_split, validation_split, *given)
    assert batches == [0, 1] * 3
    fit(committee(0.01), train_split, validation_split, terminate)
    assert not terminate.model.stop_training
    assert [epoch for epoch, _ in epochs] == [0, 1, 2]
    assert [logs["val_accuracy"] for _, logs in epochs] == history["val_accuracy"]
    with (tmp_path / "scores.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [float(row["val_accuracy"]) for row in rows] == history["val_accuracy"]


@pytest.mark.parametrize(
    "callback",
    [
        callbacks.BackupAndRestore("x"),
        callbacks.LearningRateScheduler(lambda epoch: 0.1),
        callbacks.ReduceLROnPlateau(),
        callbacks.SwapEMAWeights(),
        callbacks.EarlyStopping,
        "EarlyStopping",
    ],
    ids=lambda callback: getattr(callback, "__name__", type(callback).__name__),
)
def test_callbacks_that_could_not_do_their_work_are_refused(callback, train_split):
    with pytest.raises(ArgumentError, match=r"[Cc]allbacks must"):
        committee(0.01).fit(train_split, callbacks=[callback], verbose=0)


# --- what a model that is saved during the training knows -----------------------------------


def test_a_committee_saved_after_any_batch_knows_its_images_and_its_data(tmp_path):
    class Save(callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.save(tmp_path / "first.keras")
            self.model.stop_training = True

    members = committee(0.01, 0.02)
    data = zoo.datasets.load("digits").train
    members.fit(data, callbacks=Save(), epochs=1, verbose=0)
    loaded = Committee.load(tmp_path / "first.keras")
    assert loaded.overlap_with(data).trained_on == len(data)
    assert loaded.tuned_on.size == 0
    assert loaded.data_settings == data.settings is not None
    assert loaded.class_names == data.class_names
    known = {key: value for key, value in members.training.items() if key != "seconds"}
    assert loaded.training == known  # how long the training takes is known at its end
    assert loaded.validation_accuracy is None


def test_a_single_member_saved_during_the_training_knows_its_images(
    train_split, validation_split, tmp_path
):
    checkpoint = callbacks.ModelCheckpoint(tmp_path / "{epoch}.keras", save_freq=1)
    members = committee(0.01)
    fit(members, train_split, validation_split, checkpoint)
    loaded = Committee.load(tmp_path / "1.keras")
    assert loaded.overlap_with(train_split).trained_on == len(train_split)


def test_a_new_training_forgets_the_scores_of_the_last(train_split, validation_split):
    accuracies = []
    members = committee(0.01)
    fit(members, train_split, validation_split)
    assert members.validation_accuracy
    look = callbacks.LambdaCallback(
        on_train_begin=lambda logs: accuracies.append(members.validation_accuracy)
    )
    fit(members, train_split, validation_split, look)
    assert accuracies == [None]


@pytest.mark.parametrize(
    ("callback", "tuned"),
    [
        (callbacks.EarlyStopping("val_accuracy"), True),
        (callbacks.EarlyStopping("loss"), False),
    ],
)
def test_validation_images_that_say_when_to_stop_are_remembered(
    callback, tuned, train_split, validation_split
):
    members = committee(0.01)
    fit(members, train_split, validation_split, callback)
    assert bool(members.overlap_with(validation_split).tuned_on) == tuned


class Watcher(MemberCallback):
    """Writes down what it is called with, and the weights that it finds."""

    def __init__(self, log_dir=None, fault=None):
        super().__init__(log_dir)
        self.calls, self.weights, self.fault = [], {}, fault

    def begin_members(self, members):
        self.calls.append((0, sorted(members)))

    def look_at_members(self, members, epoch):
        self.calls.append((epoch, sorted(members)))
        self.weights = {name: model.get_weights() for name, model in members.items()}
        if self.fault:
            raise self.fault


@pytest.mark.parametrize("together", [True, False])
def test_a_member_callback_gets_the_members_that_learned(train_split, tmp_path, together):
    watcher, members = Watcher(), committee(0.01, 0.02)
    members.fit(
        train_split, callbacks=watcher, together=together, log_dir=tmp_path / "run", verbose=0
    )
    epochs = range(4)
    if together:
        assert watcher.calls == [(epoch, NAMES) for epoch in epochs]
    else:
        assert watcher.calls == [(epoch, [name]) for name in NAMES for epoch in epochs]
    for name, weights in watcher.weights.items():
        model = members.members[NAMES.index(name)]
        for weight, value in zip(weights, model.get_weights(), strict=True):
            np.testing.assert_array_equal(weight, value)
    assert watcher.log is None


def test_an_error_of_a_member_callback_is_a_warning_and_the_training_goes_on(train_split, tmp_path):
    watcher = Watcher(fault=RuntimeError("no paper"))
    with pytest.warns(RuntimeWarning) as caught:
        history = committee(0.01).fit(
            train_split, callbacks=watcher, log_dir=tmp_path / "run", verbose=0
        )
    assert [str(warning.message).partition(" could")[0] for warning in caught] == [
        f"What Watcher draws after epoch {epoch}" for epoch in (1, 2, 3)
    ]
    assert history.epoch == [1, 2, 3]


def test_a_member_callback_works_with_keras_too(train_split, tmp_path):
    model = zoo.build("softmax", input_shape=train_split.image_shape, num_classes=3)
    model.compile("adam", "sparse_categorical_crossentropy")
    watcher = Watcher(tmp_path)
    model.fit(train_split.images, train_split.labels, epochs=2, callbacks=[watcher], verbose=0)
    assert watcher.calls == [(epoch, [model.name]) for epoch in range(3)]
    with pytest.raises(
        ArgumentError, match=r"log_dir of Watcher must be a folder .*Received: None"
    ):
        model.fit(train_split.images, train_split.labels, callbacks=[Watcher()], verbose=0)


def test_the_folder_of_a_member_callback_is_a_path(train_split, monkeypatch, tmp_path):
    class Writer(MemberCallback):
        def look_at_members(self, members, epoch):
            self.log.scalars("softmax", {"epoch": epoch}, epoch)

    monkeypatch.setenv("HOME", str(tmp_path))
    model = zoo.build("softmax", input_shape=train_split.image_shape, num_classes=3)
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(train_split.images, train_split.labels, callbacks=[Writer("~/mine")], verbose=0)
    assert list((tmp_path / "mine").rglob("events.*"))
    with pytest.raises(ArgumentError, match=r"log_dir must be a path: .*Received: ''"):
        Writer("")


def test_a_member_callback_writes_into_the_run_folder(train_split, tmp_path):
    with pytest.raises(ArgumentError, match=r"With Watcher, log_dir must be a run folder"):
        committee(0.01).fit(train_split, callbacks=Watcher(), verbose=0)
    with pytest.raises(
        ArgumentError, match=r"log_dir of Watcher must be None in a training by Zoo"
    ):
        committee(0.01).fit(
            train_split, callbacks=Watcher("mine"), log_dir=tmp_path / "run", verbose=0
        )
    assert not (tmp_path / "run").exists()
