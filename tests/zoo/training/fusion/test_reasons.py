"""Why models are not computed as one wide model, in words."""

from dataclasses import replace

import keras
import pytest

import zoo
from zoo.training.fusion import reasons_apart
from zoo.training.fusion.fusible import obstacle

SGD = zoo.Recipe()


def mlp(name="mlp", **arguments):
    return zoo.build(name, input_shape=(5, 6, 1), num_classes=3, hidden=(7,), **arguments)


def reasons(models, recipes):
    names = [f"m{k}" for k in range(len(models))]
    optimizers = [recipe.make_optimizer(1) for recipe in recipes]
    return reasons_apart(names, models, optimizers)


def test_models_that_are_fused_need_no_reason():
    models = [mlp(), mlp("deep_mlp"), mlp(dropout=0.2)]
    assert reasons(models, [SGD, replace(SGD, learning_rate=0.5), SGD]) == {}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"optimizer": "adam"}, "the optimizer Adam, where m0 has SGD"),
        ({"schedule": "cosine"}, "another schedule of the learning rate than m0"),
        ({"optimizer_arguments": {"nesterov": True}}, "nesterov=True, where m0 has nesterov=False"),
        (
            {"optimizer_arguments": {"clipnorm": 1.0}},
            "the optimizer with clipnorm, which looks at many weights at a time",
        ),
    ],
)
def test_the_reason_names_what_differs_in_the_optimiser(changes, reason):
    assert reasons([mlp()] * 3, [SGD, SGD, replace(SGD, **changes)]) == {reason: ["m2"]}


def test_the_reason_names_what_differs_in_the_models():
    models = [
        mlp(),
        mlp(),
        mlp(precision="mixed_bfloat16"),
        zoo.build("cnn", input_shape=(8, 8, 1)),
    ]
    models += [zoo.build("mlp", input_shape=(5, 7, 1)), models[3]]
    assert reasons(models, [SGD] * 6) == {
        "computed in mixed_bfloat16, where m0 is computed in float32": ["m2"],
        "layers of the type Conv2D": ["m3", "m5"],
        "other first layers than m0": ["m4"],
    }


def test_models_of_which_none_can_be_fused_have_a_reason_each():
    cnn = zoo.build("cnn", input_shape=(8, 8, 1))
    assert reasons([cnn, cnn], [SGD, SGD]) == {"layers of the type Conv2D": ["m0", "m1"]}


def dense(**arguments):
    layers = keras.layers
    hidden = layers.Dense(3, name="hidden", **arguments)
    return keras.Sequential([keras.Input((4,)), hidden, layers.Dense(2), layers.Softmax()])


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"kernel_constraint": "non_neg"}, "a constraint in the layer hidden"),
        ({"activity_regularizer": "l2"}, "a penalty other than L1 and L2 in the layer hidden"),
        ({"trainable": False}, "frozen weights in the layer hidden"),
        ({"activation": "softmax"}, "an activation of many units at a time in the layer hidden"),
        ({}, ""),
    ],
)
def test_an_obstacle_names_the_layer(arguments, reason):
    assert obstacle(dense(**arguments)) == reason
