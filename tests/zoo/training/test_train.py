"""Training of single models; committees are tried in tests/ensembles/test_committee.py."""

import json

import keras
import numpy as np
import pytest

import zoo
from zoo.datasets.split import Split
from zoo.errors import ArgumentError, DataError
from zoo.training.grouping import group_learners
from zoo.training.learner import Learner
from zoo.training.lockstep import Lockstep
from zoo.training.train import train


@pytest.fixture
def split():
    rng = np.random.default_rng(0)
    labels = np.arange(70) % 2
    images = rng.integers(0, 100, (70, 4, 4, 1)) + 100 * labels[:, None, None, None]
    return Split("train", images.astype("uint8"), labels, ("dark", "bright"))


def learner(**recipe):
    model = zoo.build("softmax", input_shape=(4, 4, 1), num_classes=2, seed=0)
    return Learner("softmax", model, zoo.Recipe(**{"batch_size": 16, "epochs": 4, **recipe}))


def test_a_single_models_scores_carry_no_name(split):
    quick = learner(optimizer="adam", learning_rate=0.1)
    history = train([quick], split, split.take(np.arange(20)), verbose=0)
    assert set(history.history) == {"loss", "accuracy", "learning_rate", "val_loss", "val_accuracy"}
    assert history.history["accuracy"][-1] > 0.9


def test_the_learning_rate_follows_the_schedule(split):
    history = train([learner(learning_rate=0.1, schedule="cosine")], split, verbose=0)
    steps = 5 * 4  # 70 images in batches of 16 are 5 steps
    expected = [0.1 * (1 + np.cos(np.pi * 5 * epoch / steps)) / 2 for epoch in (1, 2, 3, 4)]
    np.testing.assert_allclose(history.history["learning_rate"], expected, atol=1e-7)


def test_the_seed_decides_the_order_of_the_batches(split):
    def weights(seed):
        one = learner()
        train([one], split, seed=seed, verbose=0)
        return one.model.get_weights()[0]

    expected = weights(1)
    assert (weights(1) == expected).all()
    assert not np.allclose(weights(2), expected, rtol=0, atol=1e-7)


def test_steps_and_epochs_reach_callbacks(split):
    seen = []

    class Watch(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            seen.append(dict(self.params))

        def on_train_batch_end(self, batch, logs=None):
            seen.append(batch)

    train([learner(epochs=1)], split, callbacks=[Watch()], verbose=0)
    assert seen[0]["steps"] == 5
    assert seen[0]["epochs"] == 1
    assert seen[-1] == 4


def test_checkpoint_callbacks_of_keras_work(split, tmp_path):
    checkpoint = keras.callbacks.ModelCheckpoint(tmp_path / "best.keras", monitor="loss")
    one = learner()
    train([one], split, callbacks=[checkpoint], verbose=0)
    saved = keras.saving.load_model(tmp_path / "best.keras")
    for a, b in zip(saved.get_weights(), one.model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16", "float64"])
def test_other_precisions_learn_too(split, precision):
    model = zoo.build("mlp", input_shape=(4, 4, 1), num_classes=2, hidden=(8,), seed=0,
                      precision=precision)  # fmt: skip
    one = Learner("mlp", model, zoo.Recipe(learning_rate=0.1, batch_size=16, epochs=8))
    history = train([one], split, verbose=0)
    assert history.history["accuracy"][-1] > 0.9


def test_class_names_and_shapes_must_agree(split):
    other = Split("validation", split.images, split.labels, ("a", "b"))
    with pytest.raises(DataError, match=r"dark, bright\. Received: \(4, 4, 1\) with a, b"):
        train([learner()], split, other, verbose=0)
    small = Split("train", np.zeros((2, 3, 4, 1), "uint8"), np.array([0, 1]), ("a", "b"))
    with pytest.raises(ArgumentError, match=r"softmax must be given images .*\(4, 4, 1\)"):
        train([learner()], small, verbose=0)


def test_a_split_without_images_is_refused_by_name(split, tmp_path):
    empty = split.take([], name="held out")
    rows = learner()
    rows.rows = np.array([], int)
    for learners, data, validation in (
        ([learner()], empty, None),
        ([learner()], split, empty),
        ([rows], split, None),
    ):
        name = "train" if rows in learners else "held out"
        with pytest.raises(DataError, match=f"at least one image. Received: '{name}', an empty"):
            train(learners, data, validation, log_dir=tmp_path / "run", verbose=0)
    assert not (tmp_path / "run").exists()


@keras.saving.register_keras_serializable(package="tests of zoo")
class OfTheProgram(keras.layers.Flatten):
    """A layer that no other process can import."""


def learners_of_the_program():
    inputs = keras.Input((4, 4, 1))
    for name in ("a", "b"):
        outputs = keras.layers.Dense(2, activation="softmax")(OfTheProgram()(inputs))
        model = keras.Model(inputs, outputs)
        yield Learner(name, model, zoo.Recipe(epochs=1))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"learners": lambda: [learner(optimizer="sdg")]}, "Received: 'sdg'"),
        ({"verbose": 2}, r'verbose must be "auto", 1 or 0\. Received: 2\.'),
        ({"verbose": None}, r'verbose must be "auto", 1 or 0\. Received: None\.'),
        ({"together": "x"}, "together must be True, False or None"),
        ({"callbacks": [keras.callbacks.EarlyStopping("los")]}, "did you mean 'loss'"),
        ({"n_jobs": 0}, "n_jobs must be a whole number of 1 or more"),
        ({"n_jobs": 2, "learners": learners_of_the_program}, "OfTheProgram of the program itself"),
    ],
)
def test_a_wrong_argument_leaves_no_run_folder(split, tmp_path, monkeypatch, arguments, message):
    monkeypatch.setattr(OfTheProgram, "__module__", "__main__")
    options = {"log_dir": tmp_path / "run", "together": False, "verbose": 0, **arguments}
    learners = options.pop("learners", lambda: [learner()])()
    with pytest.raises(ArgumentError, match=message):
        train([*learners], split, **options)
    assert not (tmp_path / "run").exists()


def test_a_run_in_the_home_of_the_user_goes_on_in_its_groups(split, tmp_path, monkeypatch):
    def run(folder, **options):
        learners = [learner(epochs=1), learner(epochs=1)]
        learners[1].name = "other"
        return train(learners, split, log_dir=folder, verbose=0, **options).log_dir

    monkeypatch.setenv("HOME", str(tmp_path))
    assert run("~/run", together=False) == tmp_path / "run"
    assert run("~/run", resume=True) == tmp_path / "run"
    config = json.loads((tmp_path / "run/run.json").read_text("utf-8"))["config"]
    assert config["groups"] == [["softmax"], ["other"]]


def test_every_group_begins_with_a_single_step(split, monkeypatch):
    pieces = []
    own = Lockstep.train

    def note(self, batches, steps, *rest):
        pieces.append((self, steps))
        own(self, batches, steps, *rest)

    monkeypatch.setattr(Lockstep, "train", note)
    # As on a clock too coarse to see a step.
    monkeypatch.setattr("zoo.training.loop.time.monotonic", lambda: 0.0)
    learners = [learner(batch_size=2), learner(batch_size=2)]
    learners[1].name = "other"
    train(learners, split, together=False, verbose=0)
    for group in {id(lockstep): lockstep for lockstep, _ in pieces}.values():
        steps = [count for lockstep, count in pieces if lockstep is group]
        assert steps[:3] == [1, 2, 4]


def test_the_log_says_what_is_not_trained_or_computed_together_and_why(split, monkeypatch, capsys):
    def skip_steps(self, *arguments):
        self.reset(np.ones_like(self.totals))

    monkeypatch.setattr(Lockstep, "train", skip_steps)
    learners = [
        learner(epochs=1),
        learner(epochs=1, learning_rate=0.5),
        learner(epochs=1, optimizer="adam"),
        learner(epochs=1, batch_size=8),
    ]
    for name, member in zip("abcd", learners, strict=True):
        member.name = name
    train(learners, split, verbose=1)
    text = capsys.readouterr().err
    assert "Not trained on the same batches as a: d (another batch_size).\n" in text
    reason = "c (the optimizer Adam, where a has SGD)"
    assert f"Not computed as one wide model: {reason}.\n" in text
    train(learners[:2], split, verbose=1)
    assert "Not " not in capsys.readouterr().err


def test_a_member_with_kept_features_trains_apart_from_members_that_need_the_images():
    flips = zoo.Augmentation(horizontal_flip=True)
    frozen, other, flipped, augmented = (
        learner(**values)
        for values in (
            {"freeze": "features"},
            {},
            {"freeze": "features", "augmentation": flips},
            {"augmentation": flips},
        )
    )
    learners = [frozen, other, flipped, augmented]
    assert group_learners(learners, None) == [[frozen], [other], [flipped, augmented]]
    assert group_learners(learners[:2], True) == [[frozen, other]]
