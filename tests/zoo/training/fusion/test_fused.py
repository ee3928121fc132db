"""Fused models: the same numbers as of each model by itself."""

from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
from zoo.datasets.split import Split
from zoo.training import lockstep
from zoo.training.fusion import ModelGroup
from zoo.training.fusion.fused import FusedModels
from zoo.training.learner import Learner
from zoo.training.train import train

SHAPE, CLASSES = (4, 5, 1), 3
ENTRIES = {
    "softmax": {},
    "mlp": {"hidden": (7, 6), "dropout": 0.3, "l1": 1e-3, "l2": 1e-2},
    "bn_mlp": {"hidden": (7, 6), "dropout": 0.2},
    "lasso_mlp": {"hidden": (7,)},
    "deep_mlp": {"hidden": (7, 6, 5), "activation": "tanh"},
}


def models(name, count=2, precision=None, **arguments):
    arguments = {"input_shape": SHAPE, "num_classes": CLASSES, **ENTRIES[name], **arguments}
    return [zoo.build(name, seed=k, precision=precision, **arguments) for k in range(count)]


@pytest.fixture(scope="module")
def split():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (36, *SHAPE)).astype("uint8")
    return Split("train", images, rng.integers(0, CLASSES, 36), ("a", "b", "c"))


def trained(names, split, together, precision="float64", validated=False, hidden=None, **recipe):
    """Train models of the named entries, with the hidden layers of `ENTRIES` or with others."""
    recipe = zoo.Recipe(**{"batch_size": 8, "epochs": 2, "learning_rate": 0.05, **recipe})
    layers = {"hidden": hidden} if hidden else {}
    made = [model for name in names for model in models(name, 1, precision, **layers)]
    for k, model in enumerate(made):  # copies of an entry start with different weights
        model.layers[-2].kernel.assign_add(0.1 * k * np.ones_like(model.layers[-2].kernel))
    learners = [Learner(f"m{k}", model, recipe) for k, model in enumerate(made)]
    validation = split.take(np.arange(20), name="validation") if validated else None
    history = train(learners, split, validation, together=together, verbose=0)
    return learners, history.history


def assert_learned_the_same(together, apart, rtol=1e-6, atol=1e-9):
    for learner, alone in zip(together, apart, strict=True):
        for kind in ("model", "optimizer"):
            variables = [getattr(each, kind).variables for each in (learner, alone)]
            for variable, expected in zip(*variables, strict=True):
                np.testing.assert_allclose(variable, expected, rtol=rtol, atol=atol)


# Copies of two architectures among models that only begin alike.
EVERY_ENTRY = [*ENTRIES, "bn_mlp", "mlp"]


@pytest.fixture(scope="module")
def apart(split):
    """All entries, each model trained by itself, with the scores."""
    return trained(EVERY_ENTRY, split, together=False, validated=True)


@pytest.fixture(scope="module")
def together(split):
    """All entries, trained as one wide model, with the scores."""
    return trained(EVERY_ENTRY, split, together=True, validated=True)


def test_models_that_begin_alike_learn_the_same_together_as_alone(together, apart):
    learners, _ = together
    group = ModelGroup(
        [learner.model for learner in learners], [learner.optimizer for learner in learners]
    )
    assert [type(part) for part in group.parts] == [FusedModels]
    assert_learned_the_same(learners, apart[0])


def test_scores_are_the_same_together_as_alone(together, apart):
    (_, scores), (_, expected) = together, apart
    assert scores.keys() == expected.keys()
    for key, values in expected.items():
        np.testing.assert_allclose(scores[key], values, rtol=1e-6)


def test_in_float32_they_learn_the_same_to_its_rounding(split):
    names = ["mlp", "bn_mlp", "mlp"]
    together, _ = trained(names, split, together=True, precision=None)
    apart, _ = trained(names, split, together=False, precision=None)
    for learner, alone in zip(together, apart, strict=True):
        for weight, expected in zip(
            learner.model.get_weights(), alone.model.get_weights(), strict=True
        ):
            np.testing.assert_allclose(weight, expected, atol=2e-4 * abs(expected).max())


# One hidden layer: the graphs of deeper models have nothing new for an optimiser.
PAIR = ["bn_mlp", "lasso_mlp"]
QUICK = {"epochs": 1, "hidden": (7,)}
ADAM = {"optimizer": "adam", "learning_rate": 0.01, "schedule": "cosine"}


@pytest.fixture(scope="module")
def adam_together(split):
    """Two models, trained together by Adam."""
    return trained(PAIR, split, together=True, **QUICK, **ADAM)[0]


@pytest.mark.parametrize(
    "recipe",
    [
        {"optimizer_arguments": {"momentum": 0.9, "nesterov": True}},
        {"optimizer": "adamw", "learning_rate": 0.01},
        {"optimizer": "rmsprop", "learning_rate": 0.01},
        {"optimizer_arguments": {"use_ema": True}},
        {"optimizer_arguments": {"global_clipnorm": 0.1}},  # looks at all weights: not fused
        {"optimizer_arguments": {"loss_scale_factor": 1024.0}},  # also scales the penalty
    ],
    ids=lambda recipe: str(recipe.get("optimizer_arguments", recipe.get("optimizer"))),
)
def test_optimisers_do_the_same(recipe, split):
    apart, _ = trained(PAIR, split, together=False, **QUICK, **recipe)
    together, _ = trained(PAIR, split, together=True, **QUICK, **recipe)
    assert_learned_the_same(together, apart)


def test_adam_with_a_schedule_does_the_same(adam_together, split):
    apart, _ = trained(PAIR, split, together=False, **QUICK, **ADAM)
    assert_learned_the_same(adam_together, apart)


@pytest.mark.parametrize("recipe", [{}, ADAM], ids=["sgd", "adam"])
def test_optimisers_compiled_by_xla_do_the_same(recipe, split, adam_together, monkeypatch):
    plain = adam_together if recipe else trained(PAIR, split, together=True, **QUICK)[0]
    monkeypatch.setattr(lockstep, "COMPILE_FROM", 0)
    compiled, _ = trained(PAIR, split, together=True, **QUICK, **recipe)
    # A schedule is computed in float32, where XLA may round the last bit otherwise: a rate that is
    # off by 1e-7 would move these by up to 5e-7.
    assert_learned_the_same(compiled, plain, atol=2e-7 if recipe else 2e-9)


OF_THEIR_OWN = [
    {"learning_rate": 0.05},
    {"learning_rate": 0.02, "optimizer_arguments": {"momentum": 0.9}},
    {"optimizer_arguments": {"weight_decay": 0.1}, "class_weight": "balanced"},
]
"""Settings of three copies' recipes."""


@pytest.mark.parametrize("schedule", ["constant", "cosine"])
def test_copies_with_recipes_of_their_own_learn_the_same(schedule, split, monkeypatch):
    def train_all(together):
        recipe = zoo.Recipe(batch_size=8, epochs=2, learning_rate=0.1, schedule=schedule)
        recipes = [replace(recipe, **changes) for changes in OF_THEIR_OWN]
        rates = ({}, {"dropout": 0.0, "l1": 0.0}, {"dropout": 0.5})
        made = [
            models("mlp", 3, "float64", **{"hidden": (7,), **changes})[k]
            for k, changes in enumerate(rates)
        ]
        learners = [
            Learner(f"m{k}", *pair) for k, pair in enumerate(zip(made, recipes, strict=True))
        ]
        scores = train(learners, split, together=together, verbose=0).history
        return learners, scores

    apart, expected = train_all(together=False)
    monkeypatch.setattr(lockstep, "COMPILE_FROM", 0)
    together, scores = train_all(together=True)
    group = together[0].model._zoo_lockstep[1]._group((True,) * 3)[0]
    assert [type(part) for part in group.parts] == [FusedModels]
    assert len(group.parts[0]._branches) == 1
    # A schedule is computed in float32, where XLA may round the last bit otherwise.
    assert_learned_the_same(together, apart, atol=2e-7 if schedule == "cosine" else 1e-9)
    for key, values in expected.items():
        np.testing.assert_allclose(scores[key], values, rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "optimizer", "frozen"), [("lasso_mlp", "sgd", "layer"), ("bn_mlp", "adam", "weight")]
)
def test_frozen_weights_stay_as_they_are(name, optimizer, frozen, split):
    def train_both(together):
        made = models(name, 2, "float64", hidden=(7,))
        for model in made:
            dense = next(layer for layer in model.layers if layer.weights)
            (dense.kernel if frozen == "weight" else dense).trainable = False
        recipe = zoo.Recipe(optimizer, 0.05, batch_size=8, epochs=1)
        learners = [Learner(f"m{k}", model, recipe) for k, model in enumerate(made)]
        before = [model.get_weights()[0] for model in made]
        scores = train(learners, split, together=together, verbose=0).history
        for model, kernel in zip(made, before, strict=True):
            np.testing.assert_array_equal(model.get_weights()[0], kernel)
        return learners, scores

    (together, scores), (apart, expected) = train_both(True), train_both(False)
    assert_learned_the_same(together, apart)
    for key, values in expected.items():
        np.testing.assert_allclose(scores[key], values, rtol=1e-6)


def test_in_half_precision_copies_learn_as_alone_to_its_rounding(split):
    changes = {}
    for together in (True, False):
        made = models("lasso_mlp", 2, "mixed_bfloat16")
        before = [model.get_weights() for model in made]
        recipe = zoo.Recipe(batch_size=8, epochs=1, learning_rate=0.05)
        learners = [Learner(f"m{k}", model, recipe) for k, model in enumerate(made)]
        train(learners, split, together=together, verbose=0)
        changes[together] = [
            now - start
            for model, starts in zip(made, before, strict=True)
            for now, start in zip(model.get_weights(), starts, strict=True)
        ]
    for change, expected in zip(changes[True], changes[False], strict=True):
        assert np.linalg.norm(change - expected) < 0.05 * np.linalg.norm(expected)


def test_a_model_that_diverges_leaves_the_others_their_penalty():
    made = [*models("lasso_mlp", 2), *models("mlp", 1), *models("deep_mlp", 1)]
    expected = [float(sum(model.losses, start=tf.zeros(()))) for model in made]
    made[1].trainable_variables[0].assign(made[1].trainable_variables[0] * np.nan)
    group = ModelGroup(made)
    group.load()
    _, penalties = group(np.zeros((1, *SHAPE), "uint8"))
    assert np.isnan(penalties[1])
    np.testing.assert_allclose(np.delete(penalties, 1), np.delete(expected, 1), rtol=1e-5)


STOPPING = {
    "patience": 1,
    "epochs": 5,
    "learning_rate": 0.5,
    "validated": True,
    "hidden": (7,),
}


@pytest.fixture(scope="module")
def stopped_apart(split):
    return trained(["lasso_mlp", "bn_mlp", "mlp"], split, together=False, **STOPPING)[0]


@pytest.mark.parametrize("retraced", [False, True], ids=["in one graph", "in graphs of their own"])
def test_a_model_that_stops_early_leaves_the_others_as_they_would_be(
    retraced, split, stopped_apart, monkeypatch
):
    monkeypatch.setattr(lockstep, "RETRACE_FROM", 0 if retraced else np.inf)
    together, _ = trained(["lasso_mlp", "bn_mlp", "mlp"], split, together=True, **STOPPING)
    assert len({learner.stopped for learner in together}) > 1
    for learner, alone in zip(together, stopped_apart, strict=True):
        assert (learner.stopped, learner.best_epoch) == (alone.stopped, alone.best_epoch)
    assert_learned_the_same(together, stopped_apart)


@pytest.mark.parametrize("precision", [None, "mixed_bfloat16"])
def test_models_are_fused_and_answer_in_their_order(precision):
    made = [
        model for k in (0, 1) for name in ENTRIES for model in models(name, 2, precision)[k:][:1]
    ]
    group = ModelGroup(made)
    # In half precision the entry with one layer is different: its layer computes in float32.
    assert [type(part) for part in group.parts] == [FusedModels] * (2 if precision else 1)
    group.load()
    images = np.random.default_rng(1).integers(0, 256, (4, *SHAPE)).astype("uint8")
    outputs, penalties = group(images)
    expected = [model(tf.cast(images, "float32"), training=False) for model in made]
    rounding = 2e-2 if precision else 1e-6
    np.testing.assert_allclose(outputs, expected, rtol=rounding, atol=rounding)
    losses = [float(sum(model.losses, start=tf.zeros(()))) for model in made]
    np.testing.assert_allclose(penalties, losses, rtol=1e-5)
    assert any(losses)
    assert not all(losses)


def test_making_fused_models_draws_no_random_numbers():
    keras.utils.set_random_seed(3)
    expected = float(keras.random.uniform(()))
    made = models("mlp")
    keras.utils.set_random_seed(3)
    ModelGroup(made)
    assert float(keras.random.uniform(())) == expected


def test_models_that_cannot_be_fused_train_one_by_one():
    mixed = [*models("softmax", 1), zoo.build("cnn", input_shape=(8, 8, 1)), *models("mlp", 1)]
    optimizers = [zoo.Recipe().make_optimizer(1), None, zoo.Recipe().make_optimizer(1)]
    for model, optimizer in zip(mixed, optimizers, strict=True):
        if optimizer:
            optimizer.build(model.trainable_variables)
    kinds = [type(part).__name__ for part in ModelGroup(mixed, optimizers).parts]
    assert kinds == ["FusedModels", "SingleModel"]
    optimizers[2] = replace(zoo.Recipe(), optimizer="adam").make_optimizer(1)
    optimizers[2].build(mixed[2].trainable_variables)
    assert len(ModelGroup(mixed, optimizers).parts) == 3
