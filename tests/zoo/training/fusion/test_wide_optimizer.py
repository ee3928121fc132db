"""Copies with settings of their own: the weights that each would have alone."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.framework.ops import gradient_registry

import zoo
from zoo.training.fusion import ModelGroup
from zoo.training.fusion.fused import FusedModels
from zoo.training.fusion.fusible import OPTIMIZERS
from zoo.training.scores import TrainingLoss

IMAGES = np.random.default_rng(0).normal(size=(6, 4))
LABELS = np.arange(6) % 3

SETTINGS = {
    "SGD": [{"nesterov": True}, {"nesterov": True, "momentum": 0.4},
            {"nesterov": True, "momentum": 0.9}],
    "Adam": [{"beta_1": 0.8}, {"beta_2": 0.9}, {"epsilon": 1e-3}],
    "AdamW": [{"weight_decay": 0.1}, {"weight_decay": 0.2, "beta_1": 0.8}, {"epsilon": 1e-3}],
    "Adamax": [{"beta_1": 0.8}, {"beta_2": 0.9}, {"epsilon": 1e-3}],
    "Nadam": [{"beta_1": 0.8}, {"beta_2": 0.9}, {"epsilon": 1e-3}],
    "RMSprop": [{"rho": 0.5}, {"momentum": 0.5}, {"epsilon": 1e-3}],
    "Adagrad": [{"initial_accumulator_value": 0.3}, {"epsilon": 1e-3}, {}],
    "Adadelta": [{"rho": 0.5}, {"epsilon": 1e-3}, {}],
    "Ftrl": [{"learning_rate_power": -0.4, "beta": 0.1},
             {"l1_regularization_strength": 0.01, "l2_regularization_strength": 0.1},
             {"l2_shrinkage_regularization_strength": 0.1}],
    "Lion": [{"beta_1": 0.8}, {"beta_2": 0.9}, {}],
}  # fmt: skip
"""Optimiser → settings of three copies, beside the learning rate and the weight decay."""

RATES = (0.02, 0.05, 0.1)
DECAYS = (None, 0.01, 0.3)


def copies(precision="float64", count=3, **settings):
    """Build small networks, whose settings are lists with a value for each."""

    def build(k):
        own = {name: values[k] for name, values in settings.items()}
        penalty = keras.regularizers.L1L2(own.get("l1", 0.0), own.get("l2", 0.0))
        layers, keywords = keras.layers, {"dtype": precision}
        drop = [layers.Dropout(own["dropout"], seed=k, **keywords)] if "dropout" in own else []
        model = keras.Sequential([
            keras.Input((4,), dtype="float32"),
            # No bias: batch normalisation takes it out again, and rounding would be its gradient.
            layers.Dense(5, use_bias=False, kernel_regularizer=penalty, **keywords),
            layers.BatchNormalization(**keywords),
            layers.ReLU(**keywords),
            *([] if own.get("dropout") == 0 else drop),
            layers.Dense(3, kernel_regularizer=penalty, **keywords),
            layers.Softmax(**keywords),
        ])  # fmt: skip
        rng = np.random.default_rng(k)
        for layer in model.layers:
            if isinstance(layer, layers.Dense):
                layer.kernel.assign(rng.normal(size=layer.kernel.shape))
        return model

    return [build(k) for k in range(count)]


def losses_of(rows, logits, penalties):
    recipes = [zoo.Recipe()] * (max(rows) + 1)
    return TrainingLoss(recipes).of_batch(None, LABELS)(rows, logits, penalties)


def take_steps(models, optimizers, steps=3, images=IMAGES):
    """Train models as one group: a few steps."""
    for model, optimizer in zip(models, optimizers, strict=True):
        if not optimizer.built:
            optimizer.build(model.trainable_variables)
    group, active = ModelGroup(models, optimizers), tf.fill([len(models)], True)
    group.load(active)

    for _ in range(steps):
        group.train(images, losses_of, active)
    group.store(active)
    return group


def assert_the_same_together_and_apart(make_models, make_optimizers, rtol=1e-9, atol=1e-12):
    together, apart = ((make_models(), make_optimizers()) for _ in range(2))
    group = take_steps(*together)
    assert [type(part) for part in group.parts] == [FusedModels]
    assert len(group.parts[0]._branches) == 1
    for model, optimizer in zip(*apart, strict=True):
        take_steps([model], [optimizer])
    for copied, expected in zip((*together[0], *together[1]), (*apart[0], *apart[1]), strict=True):
        for variable, value in zip(copied.variables, expected.variables, strict=True):
            np.testing.assert_allclose(variable, value, rtol=rtol, atol=atol)


def optimizers_of(name):
    return [
        getattr(keras.optimizers, name)(rate, **{"weight_decay": decay or 0.004, **settings})
        for rate, decay, settings in zip(RATES, DECAYS, SETTINGS[name], strict=True)
    ]


def test_every_optimiser_is_tried():
    assert set(SETTINGS) == set(OPTIMIZERS)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_copies_with_settings_of_their_own_learn_as_alone(name):
    assert_the_same_together_and_apart(copies, lambda: optimizers_of(name))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_in_float32_they_learn_as_alone_to_its_rounding(name):
    assert_the_same_together_and_apart(
        lambda: copies("float32"), lambda: optimizers_of(name), rtol=1e-4, atol=1e-6
    )


def sgd(rates=RATES, **settings):
    return [
        keras.optimizers.SGD(rate, **{name: values[k] for name, values in settings.items()})
        for k, rate in enumerate(rates)
    ]


@pytest.mark.parametrize(
    "settings",
    [
        {"momentum": (0.0, 0.4, 0.9)},
        {"weight_decay": (None, 0.01, 0.3)},
        {"rates": (0.1, 0.1, 0.1), "momentum": (0.9, 0.8, 0.9), "global_clipnorm": (None,) * 3},
    ],
    ids=["momentum", "weight decay", "only the momentum differs"],
)
def test_a_setting_that_differs_alone(settings):
    assert_the_same_together_and_apart(copies, lambda: sgd(**settings))


SCHEDULES = {
    "cosine": lambda rate: keras.optimizers.schedules.CosineDecay(rate, 4),
    "warm-up": lambda rate: keras.optimizers.schedules.CosineDecay(
        rate / 10, 4, warmup_target=rate, warmup_steps=2
    ),
    "restarts": lambda rate: keras.optimizers.schedules.CosineDecayRestarts(rate, 2, t_mul=1.0),
    "exponential": lambda rate: keras.optimizers.schedules.ExponentialDecay(rate, 2, 0.5),
    "inverse time": lambda rate: keras.optimizers.schedules.InverseTimeDecay(rate, 2, 0.5),
    "polynomial": lambda rate: keras.optimizers.schedules.PolynomialDecay(rate, 4, 0.001),
}


@pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=list(SCHEDULES))
def test_schedules_of_one_length_have_rates_of_their_own(schedule):
    assert_the_same_together_and_apart(copies, lambda: sgd([schedule(rate) for rate in RATES]))


@pytest.mark.parametrize(
    "settings",
    [
        {"dropout": (0.0, 0.2, 0.7)},
        {"l1": (0.0, 0.01, 0.1), "l2": (0.1, 0.0, 0.01)},
        {"dropout": (0.5, 0.0, 0.0), "l1": (0.0, 0.0, 0.1)},
    ],
    ids=["dropout", "L1 and L2", "both"],
)
def test_dropout_and_penalties_differ_from_copy_to_copy(settings):
    assert_the_same_together_and_apart(lambda: copies(**settings), lambda: sgd((0.1,) * 3))


def test_settings_are_numbers_of_the_copies_after_other_steps_too():
    """A second training of the same models goes on from their own variables."""
    models, optimizers = copies(), optimizers_of("Nadam")
    take_steps(models, optimizers, steps=2)
    rates = [float(optimizer.learning_rate) for optimizer in optimizers]
    np.testing.assert_allclose(rates, RATES, rtol=1e-6)
    take_steps(models, optimizers, steps=2)
    for model, optimizer, other, alone in zip(
        models, optimizers, copies(), optimizers_of("Nadam"), strict=True
    ):
        take_steps([other], [alone], steps=4)
        for variable, value in zip(model.weights, other.weights, strict=True):
            np.testing.assert_allclose(variable, value, rtol=1e-9)
        for variable, value in zip(optimizer.variables, alone.variables, strict=True):
            np.testing.assert_allclose(variable, value, rtol=1e-9)


@pytest.mark.parametrize("count", [1, 2], ids=["single model", "fused models"])
def test_a_graph_leaves_no_gradient_in_the_registry_of_tensorflow(count):
    """A registered gradient lives as long as the process, and so do the weights of its graph."""
    made, before = copies(count=count), len(gradient_registry.list())
    optimizers = sgd(RATES[:count])
    for model, optimizer in zip(made, optimizers, strict=True):
        optimizer.build(model.trainable_variables)
    group = ModelGroup(made, optimizers)

    @tf.function(autograph=False)
    def step():
        group.train(IMAGES, losses_of, tf.fill([count], True))

    step.get_concrete_function()
    assert len(gradient_registry.list()) == before
