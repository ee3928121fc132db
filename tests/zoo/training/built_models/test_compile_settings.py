"""The optimiser of a compiled model becomes a recipe, whole and fresh."""

import json
from dataclasses import asdict

import keras
import numpy as np
import pytest

from zoo import Recipe
from zoo.errors import ArgumentError
from zoo.training.built_models.compile_settings import compiled_recipe, settings_without_effect

schedules = keras.optimizers.schedules


@keras.saving.register_keras_serializable(package="tests")
class SlowSGD(keras.optimizers.SGD):
    """An optimiser of the user's own."""


def compiled(optimizer="adam", loss="sparse_categorical_crossentropy", **settings):
    model = keras.Sequential([keras.Input((2, 2, 1)), keras.layers.Flatten()])
    model.compile(optimizer, loss, **settings)
    return model


def rounded(config):
    """Round all numbers to what float32 holds of them."""
    if isinstance(config, dict):
        return {key: rounded(value) for key, value in config.items()}
    return float(np.float32(config)) if isinstance(config, float) else config


def test_a_model_that_is_not_compiled_has_no_recipe():
    assert compiled_recipe(keras.Sequential([keras.Input((2, 2, 1))])) is None


@pytest.mark.parametrize(
    "optimizer",
    [
        keras.optimizers.Adam(0.01, beta_1=0.8, epsilon=1e-5, clipnorm=1.0, amsgrad=True),
        keras.optimizers.AdamW(3e-4, weight_decay=0.1),
        keras.optimizers.SGD(0.1, momentum=0.9, nesterov=True, weight_decay=1e-4),
        keras.optimizers.RMSprop(schedules.ExponentialDecay(0.05, 10, 0.5)),
        keras.optimizers.Adam(schedules.CosineDecay(0.0, 10, warmup_target=0.1, warmup_steps=3)),
        keras.optimizers.Adam(schedules.PiecewiseConstantDecay([2, 4], [0.3, 0.2, 0.1])),
        keras.optimizers.LossScaleOptimizer(keras.optimizers.Nadam(0.02)),
        SlowSGD(0.5, momentum=0.5),
        "lion",
    ],
    ids=lambda optimizer: getattr(optimizer, "name", optimizer),
)
def test_the_recipe_makes_an_optimizer_of_the_same_configuration(optimizer):
    model = compiled(optimizer)
    recipe = compiled_recipe(model)
    made = Recipe(**json.loads(json.dumps(asdict(recipe)))).make_optimizer(steps=10)
    given = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    assert made is not given
    assert type(made) is type(given)
    for config in (expected := given.get_config(), found := made.get_config()):
        config.pop("name")
    assert json.dumps(rounded(found)) == json.dumps(rounded(expected))


def test_numbers_are_as_they_were_written():
    assert compiled_recipe(compiled(keras.optimizers.Adam(0.003))).learning_rate == 0.003


def test_a_schedule_has_its_own_learning_rate():
    recipe = compiled_recipe(compiled(keras.optimizers.SGD(schedules.CosineDecay(0.1, 10))))
    assert recipe.learning_rate == 0.1
    with pytest.raises(ArgumentError, match=r"learning_rate must be 0\.1, which the schedule has"):
        Recipe(schedule=recipe.schedule, learning_rate=0.2)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({}, []),
        ({"metrics": ["accuracy", keras.metrics.SparseCategoricalAccuracy()]}, []),
        ({"loss": keras.losses.CategoricalCrossentropy()}, []),
        ({"loss": keras.losses.sparse_categorical_crossentropy}, []),
        ({"loss": "SparseCategoricalCrossentropy"}, []),
        ({"loss": None}, []),
        ({"loss": "mse"}, ["loss=mse"]),
        ({"loss": lambda y, p: 0.0}, ["loss=<lambda>"]),
        ({"loss": keras.losses.CategoricalCrossentropy(label_smoothing=0.1)}, []),
        ({"loss": keras.losses.SparseCategoricalCrossentropy(ignore_class=1)}, ["ignore_class=1"]),
        ({"metrics": ["auc"]}, ["metrics=['auc']"]),
        ({"weighted_metrics": ["accuracy"]}, ["weighted_metrics=['accuracy']"]),
        ({"run_eagerly": True}, ["run_eagerly=True"]),
        ({"steps_per_execution": 4}, ["steps_per_execution=4"]),
        ({"optimizer": keras.optimizers.SGD(use_ema=True)}, []),
        (
            {"optimizer": keras.optimizers.SGD(use_ema=True, ema_overwrite_frequency=9)},
            ["ema_overwrite_frequency=9"],
        ),
    ],
)
def test_settings_that_a_training_does_not_follow_are_named(settings, named):
    assert settings_without_effect(compiled(**settings)) == named


def test_the_smoothing_of_labels_is_that_of_the_loss():
    smooth = compiled(loss=keras.losses.CategoricalCrossentropy(label_smoothing=0.1))
    assert compiled_recipe(smooth).label_smoothing == 0.1
    assert compiled_recipe(compiled()).label_smoothing is None


def test_the_moving_average_is_that_of_the_optimiser():
    recipe = compiled_recipe(compiled(keras.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.9)))
    assert (recipe.ema, recipe.optimizer_arguments) == (0.9, {})
    assert compiled_recipe(compiled(keras.optimizers.SGD(0.1))).ema is None


def test_float32_numbers_are_not_changed():
    rate = float(np.float32(1 / 3))
    recipe = compiled_recipe(compiled(keras.optimizers.SGD(rate)))
    assert np.float32(recipe.learning_rate) == np.float32(rate)
