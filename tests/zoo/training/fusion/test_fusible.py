"""Which models and optimisers can run side by side."""

from dataclasses import replace

import keras
import pytest

import zoo
from zoo.training.fusion.fusible import architecture_key, optimizer_key, stem_key


def mlp(name="mlp", **arguments):
    arguments = {"input_shape": (5, 6, 1), "num_classes": 3, "hidden": (7, 6), **arguments}
    return zoo.build(name, seed=0, **arguments)


def chain(*middle, activation="relu"):
    layers = keras.layers
    first = [layers.Flatten(), layers.Dense(4, activation=activation)]
    last = [layers.Dense(2), layers.Softmax()]
    return keras.Sequential([keras.Input((4, 4, 1)), *first, *middle, *last])


class Doubling(keras.layers.Layer):
    def call(self, x):
        return 2 * x


class DoublingModel(keras.Sequential):
    def call(self, inputs, training=None, mask=None):
        return 2 * super().call(inputs, training, mask)


def flat_later():
    layers = keras.layers
    return [layers.Dense(3), layers.Flatten(), layers.Dense(2), layers.Softmax()]


def residual():
    x = keras.Input((4,))
    y = keras.layers.Dense(4)(x)
    return keras.Model(x, keras.layers.Dense(2)(keras.layers.Add()([y, keras.layers.ReLU()(y)])))


@pytest.mark.parametrize(
    "build",
    [
        lambda: zoo.build("cnn", input_shape=(8, 8, 1)),
        lambda: mlp(gradients="handwritten"),
        lambda: chain(Doubling()),
        lambda: chain(keras.layers.Dense(3, kernel_constraint="non_neg")),
        lambda: chain(keras.layers.Dense(3, kernel_regularizer="orthogonal_regularizer")),
        lambda: chain(keras.layers.Dense(3, activity_regularizer="l2")),
        lambda: chain(activation="softmax"),
        lambda: chain(keras.layers.LayerNormalization()),
        lambda: DoublingModel(chain().layers),
        lambda: keras.Sequential([keras.Input((4,)), keras.layers.Softmax()]),
        lambda: keras.Sequential([keras.Input((4, 4, 1)), *flat_later()]),
        residual,
    ],
)  # fmt: skip
def test_models_of_unknown_layers_are_not_fused(build):
    model = build()
    assert architecture_key(model) is None
    assert stem_key(model) is None


def test_other_layers_are_another_architecture():
    plain = architecture_key(mlp())
    others = [{"activation": "tanh"}, {"precision": "mixed_bfloat16"}, {"hidden": (7, 5)}]
    keys = {architecture_key(mlp(**arguments)) for arguments in others} | {plain}
    assert len(keys) == 4
    assert None not in keys
    frozen = mlp()
    frozen.layers[3].trainable = False
    assert architecture_key(frozen) not in keys


@pytest.mark.parametrize("arguments", [{}, {"dropout": 0.4}, {"l2": 0.5}, {"initializer": "zeros"}])
def test_copies_may_differ_in_dropout_penalties_and_initial_weights(arguments):
    assert architecture_key(mlp(**arguments)) == architecture_key(mlp())


def test_stems_differ_in_the_layers_before_the_first_product():
    wide, narrow = mlp(hidden=(9,)), mlp("lasso_mlp", hidden=(7,))
    assert stem_key(wide) == stem_key(narrow) is not None
    others = [mlp(input_shape=(4, 4, 1)), mlp(precision="mixed_bfloat16"), chain()]
    assert len({stem_key(model) for model in others} | {stem_key(wide)}) == 4
    frozen = mlp()
    frozen.layers[3].trainable = False
    assert stem_key(frozen) != stem_key(wide)


def test_optimisers_may_differ_in_numbers_of_their_step():
    adam = zoo.Recipe("adam", schedule="cosine")
    changes = [
        {"learning_rate": 0.5},
        {"optimizer_arguments": {"beta_1": 0.5}},
        {"optimizer_arguments": {"weight_decay": 0.5}},
    ]
    keys = {optimizer_key(replace(adam, **change).make_optimizer(3)) for change in changes}
    assert keys == {optimizer_key(adam.make_optimizer(3))}


def test_optimisers_of_another_kind_are_not_shared():
    recipe = zoo.Recipe()
    changes = [
        {},
        {"optimizer": "adam"},
        {"schedule": "cosine"},
        {"schedule": "cosine", "cycles": 2},
        {"optimizer_arguments": {"nesterov": True}},
        {"optimizer_arguments": {"clipvalue": 0.5}},
    ]
    optimizers = [replace(recipe, **change).make_optimizer(6) for change in changes]
    optimizers.append(replace(recipe, schedule="cosine").make_optimizer(7))
    assert len({optimizer_key(optimizer) for optimizer in optimizers}) == len(optimizers)
    clipped = replace(recipe, optimizer_arguments={"clipnorm": 1.0})
    assert optimizer_key(clipped.make_optimizer(3)) is None
    scaled = keras.optimizers.LossScaleOptimizer(recipe.make_optimizer(3))
    assert optimizer_key(scaled) is None
