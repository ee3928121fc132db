"""Lower rates for lower layers."""

from dataclasses import replace

import keras
import numpy as np
import pytest

import zoo
from zoo import Recipe
from zoo.datasets.split import Split
from zoo.training import train
from zoo.training.fusion import graph_key, reasons_apart
from zoo.training.learner import Learner
from zoo.training.transfer.layer_rates import layer_factors

SHAPE = (4, 4, 1)
RECIPE = Recipe(learning_rate=0.1, batch_size=30, epochs=1)


@pytest.fixture(scope="module")
def split():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (30, *SHAPE), dtype=np.uint8)
    return Split("train", images, np.arange(30) % 3, ("a", "b", "c"))


def learner_of(name="m", **values):
    model = zoo.build(
        "mlp", input_shape=SHAPE, num_classes=3, hidden=(5, 4), seed=0, precision="float64"
    )
    return Learner(name, model, replace(RECIPE, **values))


def changes(split, **values):
    learner = learner_of(**values)
    before = learner.model.get_weights()
    train([learner], split, verbose=0)
    return [new - old for old, new in zip(before, learner.model.get_weights(), strict=True)]


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"optimizer_arguments": {"momentum": 0.9}},
        {"optimizer": "adam"},
        {"optimizer": "adamw", "optimizer_arguments": {"weight_decay": 0.5}},
        {"optimizer": "rmsprop"},
    ],
)
def test_the_change_of_each_layer_is_its_factor_of_the_full_change(split, values):
    full, lowered = changes(split, **values), changes(split, layer_decay=0.5, **values)
    for number, (whole, part) in enumerate(zip(full, lowered, strict=True)):
        np.testing.assert_allclose(part, 0.5 ** (2 - number // 2) * whole, rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("decay", [1, 1.0])
def test_a_factor_of_1_changes_nothing(split, decay):
    pairs = zip(changes(split), changes(split, layer_decay=decay), strict=True)
    assert all((a == b).all() for a, b in pairs)


def test_models_train_together_as_alone_and_the_log_says_why_they_are_apart(split):
    values = [{}, {"layer_decay": 0.5}, {"layer_decay": 0.9}]
    trained = []
    for together in (True, False):
        learners = [learner_of(f"m{k}", epochs=2, **row) for k, row in enumerate(values)]
        train(learners, split, together=together, verbose=0)
        trained.append([learner.model.get_weights() for learner in learners])
    for together, alone in zip(*trained, strict=True):
        assert all(np.allclose(a, b, atol=1e-12) for a, b in zip(together, alone, strict=True))
    optimizers = [learner.make_optimizer(1) for learner in learners]
    models = [learner.model for learner in learners]
    reasons = reasons_apart(["a", "b", "c"], models, optimizers)
    assert reasons == {"layer_decay, which gives each layer a learning rate of its own": ["b", "c"]}
    keys = [graph_key(models[:1], [optimizer]) for optimizer in optimizers]
    assert len({str(key) for key in keys}) == 3


def test_layers_within_models_have_rates_of_their_own():
    inner = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2), keras.layers.Dense(2)])
    model = keras.Sequential([keras.Input((3,)), inner, keras.layers.Dense(2)])
    factors = layer_factors(model, 0.1)
    found = [factors[id(variable)] for variable in model.trainable_variables]
    np.testing.assert_allclose(found, [0.01, 0.01, 0.1, 0.1, 1, 1])
