"""Adding a score takes one row of the table."""

import io

import keras
import numpy as np
import pytest
from rich.console import Console
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import zoo
from zoo.datasets.split import Split
from zoo.training import progress, train
from zoo.training.fusion import reasons_apart
from zoo.training.learner import Learner
from zoo.training.recording import changes_of
from zoo.training.scores import SCORES, Score


def top_2(labels, probabilities):
    return keras.metrics.sparse_top_k_categorical_accuracy(labels, probabilities, k=2)


def test_a_score_of_the_table_is_everywhere(monkeypatch, tmp_path):
    monkeypatch.setitem(SCORES, "top_2", Score(top_2))
    shown = io.StringIO()
    console = Console(file=shown, force_terminal=False)
    monkeypatch.setattr(progress, "Console", lambda **_: console)
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (30, 4, 4, 1), dtype=np.uint8)
    split = Split("train", images, np.arange(30) % 3, ("a", "b", "c"))
    validation = split.take(np.arange(12), name="validation")
    learners = [
        Learner(f"m{k}", zoo.build("softmax", input_shape=(4, 4, 1), num_classes=3, seed=k),
                zoo.Recipe(learning_rate=0.0001, batch_size=30, epochs=1))
        for k in range(2)
    ]  # fmt: skip
    history = train(
        learners, split, validation, combine=lambda members: members[0], log_dir=tmp_path / "run"
    )
    scores = history.history
    assert {"top_2", "val_top_2", "m0_top_2", "val_m1_top_2"} <= scores.keys()
    probabilities = np.asarray(learners[1].model(validation.images.astype("float32")))
    two = probabilities.argsort(axis=-1)[:, -2:]
    expected = (two == validation.labels[:, None]).any(axis=-1).mean()
    assert np.isclose(scores["val_m1_top_2"][0], expected)
    assert scores["top_2"] == scores["m0_top_2"]  # the committee is its first member

    for folder in ("models/m0", "models/m1", "committee"):
        events = EventAccumulator(str(tmp_path / "run" / folder), size_guidance={"tensors": 0})
        events.Reload()
        assert {"top_2/train", "top_2/validation"} <= set(events.Tags()["tensors"])
    assert f"validation top_2 {scores['val_m0_top_2'][0]:.4f}" in shown.getvalue()


def test_keras_functions_of_labels_and_probabilities_are_scores():
    labels, probabilities = np.array([[0, 1]]), np.array([[[0.9, 0.1], [0.8, 0.2]]])
    np.testing.assert_allclose(
        SCORES["loss"].values(labels, probabilities), -np.log([[0.9, 0.2]]), rtol=1e-6
    )
    right = SCORES["accuracy"].values(keras.ops.convert_to_tensor(labels), probabilities)
    np.testing.assert_array_equal(right, [[True, False]])


@pytest.mark.parametrize(("policy", "atol"), [("float64", 1e-9), (None, 1e-4)])
def test_copies_with_smoothing_of_their_own_learn_as_alone(policy, atol):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (30, 4, 4, 1), dtype=np.uint8)
    split = Split("train", images, np.arange(30) % 3, ("a", "b", "c"))

    def trained(together):
        learners = [
            Learner(
                f"m{k}",
                zoo.build(
                    "softmax", input_shape=(4, 4, 1), num_classes=3, seed=k, precision=policy
                ),
                zoo.Recipe(batch_size=10, epochs=2, label_smoothing=smoothing),
            )
            for k, smoothing in enumerate([0.2, None, 0.5])
        ]
        history = train(learners, split, split, together=together, verbose=0).history
        columns = zip(*((each.name, each.model, each.optimizer) for each in learners), strict=True)
        assert not reasons_apart(*columns)
        return [learner.model.get_weights() for learner in learners], history, learners

    together, history, learners = trained(together=True)
    apart, _, _ = trained(together=False)
    for weights, expected in zip(together, apart, strict=True):
        for weight, other in zip(weights, expected, strict=True):
            np.testing.assert_allclose(weight, other, atol=atol)
    assert not np.allclose(together[0][0], together[2][0], atol=1e-3)
    # The validation loss is that of the labels.
    for learner in learners:
        probabilities = np.asarray(learner.model(images))[np.arange(30), split.labels]
        loss = -np.log(probabilities).mean()
        assert history[f"val_{learner.name}_loss"][-1] == pytest.approx(loss, rel=1e-5)


@pytest.mark.parametrize(
    ("augmentation", "cell"),
    [
        (None, "none"),
        (zoo.Augmentation(), "default"),
        (
            zoo.Augmentation(horizontal_flip=True, zoom_range=0.25),
            "zoom_range=0.25, horizontal_flip=True",
        ),
    ],
)
def test_the_table_of_hyperparameters_says_how_images_are_changed(augmentation, cell):
    assert changes_of(augmentation) == cell
