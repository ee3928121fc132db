"""Averages of weights, and what else of a recipe changes a step: together as alone."""

import os
import signal
from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
from zoo import Recipe
from zoo.datasets.split import Split
from zoo.errors import ArgumentError
from zoo.schedules import rate_factor
from zoo.training import train
from zoo.training.fusion import reasons_apart
from zoo.training.fusion.moving_average import MovingAverage, average_of
from zoo.training.learner import Learner

SHAPE = (4, 4, 1)
RECIPE = Recipe(learning_rate=0.1, batch_size=10, epochs=3)
DECAYED = {"optimizer": "adamw", "optimizer_arguments": {"weight_decay": 0.5}}


@pytest.fixture(scope="module")
def split():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (30, *SHAPE), dtype=np.uint8)
    return Split("train", images, np.arange(30) % 3, ("a", "b", "c"))


def learners_of(*recipes, policy="float64", name="bn_mlp"):
    settings = {"input_shape": SHAPE, "num_classes": 3, "precision": policy}
    settings |= {"hidden": (5,)} if name == "bn_mlp" else {}
    return [
        Learner(f"m{k}", zoo.build(name, seed=k, **settings), recipe)
        for k, recipe in enumerate(recipes)
    ]


def assert_same(learners, expected, **tolerance):
    for learner, other in zip(learners, expected, strict=True):
        pairs = zip(learner.model.get_weights(), other.model.get_weights(), strict=True)
        for weight, value in pairs:
            np.testing.assert_allclose(weight, value, **tolerance)


@pytest.mark.parametrize("together", [False, True])
def test_the_average_of_weights_in_half_precision_does_not_stand_still(split, together):
    recipe = replace(RECIPE, ema=0.999, learning_rate=1e-9)
    learners = learners_of(recipe, recipe, policy="bfloat16")[: 1 + together]
    train(learners, split, together=together, verbose=0)
    for learner in learners:
        average = average_of(learner.optimizer)
        assert {variable.dtype for variable in average.variables} == {"float32"}
        weight, mean = average._weights[0], average.variables[0]
        mean.assign(weight.value + tf.ones_like(weight))
        for _ in range(2000):
            average.update(tf.constant(10**6))
        assert float(abs(mean - tf.cast(weight.value, "float32")).numpy().max()) == pytest.approx(
            0.999**2000, rel=1e-2
        )


def test_the_average_is_that_of_the_formula():
    model = keras.Sequential([keras.Input((2,)), keras.layers.BatchNormalization()])
    average = MovingAverage(model, 0.6)
    assert len(average.variables) == 4  # the statistics of the batches too
    expected = [weight.numpy() for weight in model.weights]
    for step in range(1, 40):
        for weight in model.weights:
            weight.assign(weight + step)
        average.update(tf.constant(step))
        decay = min(0.6, (1 + step) / (10 + step))
        expected = [
            decay * old + (1 - decay) * weight.numpy()
            for old, weight in zip(expected, model.weights, strict=True)
        ]
    for weight, value in zip(model.weights, expected, strict=True):
        np.testing.assert_allclose(average.of(weight).numpy(), value, rtol=1e-5)


@pytest.mark.parametrize(
    "recipes",
    [
        [replace(RECIPE, ema=0.9), RECIPE, replace(RECIPE, ema=0.3)],
        [replace(RECIPE, warm_up=1, learning_rate=rate) for rate in (0.1, 0.1, 0.3)],
        [
            replace(RECIPE, warm_up=1, epochs=6, plateau=1, plateau_factor=f, learning_rate=2.0)
            for f in (0.1, 0.5)
        ],
        [
            replace(RECIPE, **{**DECAYED, "optimizer_arguments": {"weight_decay": decay}},
                    weight_decay_of="kernels", ema=0.9)
            for decay in (0.5, 0.1)
        ],
    ],
    ids=["moving averages", "warm-up", "plateau", "weight decay"],
)  # fmt: skip
def test_copies_with_these_values_learn_together_as_alone(recipes, split):
    together, apart = learners_of(*recipes), learners_of(*recipes)
    history = train(together, split, split, together=True, verbose=0).history
    expected = train(apart, split, split, together=False, verbose=0).history
    columns = zip(*((each.name, each.model, each.optimizer) for each in together), strict=True)
    assert not reasons_apart(*columns)
    assert_same(together, apart, atol=1e-9)
    for key, values in expected.items():
        np.testing.assert_allclose(history[key], values, rtol=1e-6)
    if recipes[0].plateau:
        rates = [history[f"m{k}_learning_rate"] for k in range(2)]
        assert rates[0] != rates[1]
        assert min(rates[0]) < 0.5


def test_a_model_answers_with_the_average_and_goes_on_from_the_last_weights(split, tmp_path):
    recipe = replace(RECIPE, ema=0.8, epochs=4)
    (whole,), (halved,) = learners_of(recipe), learners_of(replace(recipe, epochs=2))
    scores = train([whole], split, split, verbose=0).history
    probabilities = np.asarray(whole.model(split.images.astype("float64")))
    loss = -np.log(probabilities[np.arange(30), split.labels]).mean()
    penalty = float(sum(whole.model.losses)) if whole.model.losses else 0.0
    assert scores["val_loss"][-1] == pytest.approx(loss + penalty, rel=1e-6)
    assert "moving average of the weights" in whole.finish(split)
    (plain,) = learners_of(replace(RECIPE, epochs=4))
    train([plain], split, split, verbose=0)
    assert not np.allclose(plain.model.get_weights()[0], whole.model.get_weights()[0], atol=1e-4)

    train([halved], split, split, verbose=0, log_dir=tmp_path / "run")
    (resumed,) = learners_of(recipe)
    train([resumed], split, split, verbose=0, log_dir=tmp_path / "run", resume=True)
    assert_same([resumed], [whole], atol=1e-9)


def test_a_lowered_rate_stays_low_when_a_run_is_resumed(split, tmp_path):
    recipe = replace(RECIPE, plateau=1, epochs=6, learning_rate=5.0)
    (whole,), (halved,), (resumed,) = (
        learners_of(replace(recipe, epochs=epochs)) for epochs in (6, 4, 6)
    )
    expected = train([whole], split, split, verbose=0).history
    train([halved], split, split, verbose=0, log_dir=tmp_path / "run")
    scores = train([resumed], split, split, verbose=0, log_dir=tmp_path / "run", resume=True)
    np.testing.assert_allclose(scores.history["learning_rate"], expected["learning_rate"])
    assert min(expected["learning_rate"]) < max(expected["learning_rate"])
    assert_same([resumed], [whole], atol=1e-9)


def test_weight_decay_of_kernels_spares_biases_and_normalisations(split):
    recipe = replace(RECIPE, **DECAYED, learning_rate=1e-3, epochs=1, batch_size=30)
    (kernels,), (every,) = (
        learners_of(replace(recipe, weight_decay_of="kernels")),
        learners_of(recipe),
    )
    (none,) = learners_of(replace(recipe, optimizer="adam", optimizer_arguments={}))
    for learner in (kernels, every, none):
        for weight in learner.model.trainable_variables:
            weight.assign(np.full(weight.shape, 0.3) + np.arange(weight.shape[-1]) / 10)
        train([learner], split, verbose=0)
    weights = zip(*(x.model.trainable_variables for x in (kernels, every, none)), strict=True)
    for spared, decayed, plain in weights:
        expected = decayed if len(spared.shape) == 2 else plain
        np.testing.assert_allclose(spared, expected, atol=1e-9)
        assert not np.allclose(decayed, plain, atol=1e-5)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"ema": 1}, "ema must be a number above 0 and below 1"),
        ({"ema": 0.9, "average_from": 0.5}, "ema and average_from must not both be given"),
        ({"weight_decay_of": "all"}, 'weight_decay_of must be "kernels" or None'),
    ],
)
def test_values_without_a_meaning_are_refused(settings, message):
    with pytest.raises(ArgumentError, match=message):
        Recipe(**settings)


def test_no_weight_decay_is_left_to_spare():
    with pytest.raises(ArgumentError, match="weight_decay_of must stand beside a weight decay"):
        Recipe(weight_decay_of="kernels").make_optimizer(1)


@pytest.mark.parametrize(("given", "factor"), [(None, 0.1), (0.5, 0.5)])
def test_the_rate_falls_after_as_many_epochs_without_a_lower_loss(given, factor):
    (learner,) = learners_of(replace(RECIPE, plateau=2, plateau_factor=given, epochs=9))
    learner.start(3)
    lowered = []
    # Epochs 3 and 4 are not below 0.9, nor are 6 and 7 below 0.85.
    for epoch, loss in enumerate([1.0, 0.9, 0.95, 0.9, 0.85, 0.9, 0.85, 0.8], 1):
        learner.observe(epoch, {"loss": 1.0, "val_loss": loss})
        lowered.append(float(rate_factor(learner.optimizer)))
    assert lowered == pytest.approx([1, 1, 1, factor, factor, factor, factor**2, factor**2])


def test_a_plateau_needs_validation_data(split):
    with pytest.raises(ArgumentError, match=r"m0 must have validation data.*plateau=3"):
        train(learners_of(replace(RECIPE, plateau=3)), split, verbose=0)


def test_an_interrupted_training_goes_on_with_its_average(split, tmp_path):
    recipe = replace(RECIPE, ema=0.8)
    (whole,), (stopped,), (resumed,) = (learners_of(recipe) for _ in range(3))
    train([whole], split, split, verbose=0)

    def stop(batch, logs):
        if int(stopped.optimizer.iterations) == 5:  # within the second epoch
            os.kill(os.getpid(), signal.SIGINT)

    callback = keras.callbacks.LambdaCallback(on_train_batch_end=stop)
    with pytest.raises(KeyboardInterrupt):
        train([stopped], split, split, verbose=0, log_dir=tmp_path / "run", callbacks=[callback])
    train([resumed], split, split, verbose=0, log_dir=tmp_path / "run", resume=True)
    assert_same([resumed], [whole], atol=1e-9)


def test_the_moving_average_of_keras_is_that_of_the_recipe():
    recipe = Recipe(optimizer_arguments={"use_ema": True, "ema_momentum": 0.9, "momentum": 0.5})
    assert (recipe.ema, recipe.optimizer_arguments) == (0.9, {"momentum": 0.5})
    assert Recipe(optimizer_arguments={"use_ema": True}).ema == 0.99
    without = Recipe(optimizer_arguments={"use_ema": False, "ema_momentum": 0.9})
    assert (without.ema, without.optimizer_arguments) == (None, {})
    chosen = Recipe(ema=0.5, optimizer_arguments={"use_ema": True, "ema_momentum": 0.9})
    assert (chosen.ema, chosen.optimizer_arguments) == (0.5, {})


def test_overwriting_the_weights_with_their_average_is_refused():
    for arguments in ({}, {"use_ema": True}):
        with pytest.raises(ArgumentError, match="must not hold ema_overwrite_frequency"):
            Recipe(optimizer_arguments={"ema_overwrite_frequency": 100, **arguments})
    recipe = Recipe(optimizer_arguments={"ema_overwrite_frequency": None})  # Keras's default
    assert recipe.optimizer_arguments == {}
