"""Copies as one wide model: the same numbers as each by itself."""

from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
from zoo.datasets.split import Split
from zoo.training.fusion import ModelGroup
from zoo.training.fusion.fused import FusedModels
from zoo.training.fusion.fusible import architecture, optimizer_settings, stem
from zoo.training.learner import Learner
from zoo.training.train import train

SHAPE, CLASSES = (5, 6, 1), 3
ENTRIES = {
    "softmax": {},
    "mlp": {"hidden": (7, 6), "dropout": 0.3, "l1": 1e-3, "l2": 1e-2},
    "bn_mlp": {"hidden": (7, 6), "dropout": 0.2},
    "lasso_mlp": {"hidden": (7,)},
    "deep_mlp": {"hidden": (7, 6, 5), "activation": "tanh"},
}


def models(name, count=3, precision=None, **arguments):
    arguments = {"input_shape": SHAPE, "num_classes": CLASSES, **ENTRIES[name], **arguments}
    return [zoo.build(name, seed=k, precision=precision, **arguments) for k in range(count)]


@pytest.fixture
def split():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (50, *SHAPE)).astype("uint8")
    return Split("train", images, rng.integers(0, CLASSES, 50), ("a", "b", "c"))


def trained(name, split, together, precision=None, **recipe):
    recipe = zoo.Recipe(**{"batch_size": 8, "epochs": 3, "learning_rate": 0.05, **recipe})
    names = name.split()
    counts = [1] * len(names) if len(names) > 1 else [3]
    made = [
        one
        for each, count in zip(names, counts, strict=True)
        for one in models(each, count, precision)
    ]
    learners = [Learner(f"m{k}", model, recipe) for k, model in enumerate(made)]
    validation = split.take(np.arange(20), name="validation")
    history = train(learners, split, validation, together=together, verbose=0)
    return learners, history.history


@pytest.mark.parametrize(("precision", "rtol"), [("float64", 1e-9), (None, 2e-4)])
@pytest.mark.parametrize("name", ENTRIES)
def test_copies_learn_the_same_together_as_alone(name, precision, rtol, split):
    together, scores = trained(name, split, together=True, precision=precision)
    alone, expected = trained(name, split, together=False, precision=precision)
    for one, other in zip(together, alone, strict=True):
        for mine, theirs in zip(one.model.get_weights(), other.model.get_weights(), strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=rtol, atol=rtol * abs(theirs).max())
    for key, values in expected.items():
        np.testing.assert_allclose(scores[key], values, rtol=max(rtol, 1e-6))


@pytest.mark.parametrize(
    "recipe",
    [
        {"optimizer_arguments": {"momentum": 0.9, "nesterov": True}},
        {"optimizer": "adam", "learning_rate": 0.01, "schedule": "cosine"},
        {"optimizer": "adamw", "learning_rate": 0.01},
        {"optimizer": "rmsprop", "learning_rate": 0.01},
        {"optimizer_arguments": {"use_ema": True}},
        {"optimizer_arguments": {"global_clipnorm": 0.1}},  # looks at all weights: no stack
    ],
    ids=str,
)
def test_optimisers_do_the_same(recipe, split):
    together, _ = trained("bn_mlp", split, together=True, precision="float64", **recipe)
    alone, _ = trained("bn_mlp", split, together=False, precision="float64", **recipe)
    # A schedule is computed in float32, where XLA may round the last bit otherwise: a rate that is
    # off by 1e-7 would move these by up to 5e-7.
    atol = 2e-7 if "schedule" in recipe else 2e-9
    for one, other in zip(together, alone, strict=True):
        for mine, theirs in zip(one.optimizer.variables, other.optimizer.variables, strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=1e-6, atol=atol)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_models_that_begin_alike_learn_the_same_together_as_alone(optimizer, split):
    names = "bn_mlp lasso_mlp softmax lasso_mlp"
    recipe = {"optimizer": optimizer, "learning_rate": 0.01, "precision": "float64"}
    together, scores = trained(names, split, together=True, **recipe)
    group = ModelGroup([one.model for one in together], [one.optimizer for one in together])
    assert [type(part) for part in group.parts] == [FusedModels]
    alone, expected = trained(names, split, together=False, **recipe)
    for one, other in zip(together, alone, strict=True):
        mine, theirs = (
            [*learner.model.variables, *learner.optimizer.variables] for learner in (one, other)
        )
        for a, b in zip(mine, theirs, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-9)
    for key, values in expected.items():
        np.testing.assert_allclose(scores[key], values, rtol=1e-6)


@pytest.mark.parametrize(("name", "optimizer"), [("lasso_mlp", "sgd"), ("bn_mlp", "adam")])
@pytest.mark.parametrize("what", ["weight", "layer"])
def test_what_is_frozen_stays_as_it_is(name, optimizer, what, split):
    def train_both(together):
        made = models(name, 2, "float64")
        for model in made:
            dense = next(layer for layer in model.layers if layer.weights)
            (dense.kernel if what == "weight" else dense).trainable = False
        recipe = zoo.Recipe(optimizer, 0.05, batch_size=8, epochs=2)
        learners = [Learner(f"m{k}", model, recipe) for k, model in enumerate(made)]
        before = [model.get_weights()[0] for model in made]
        scores = train(learners, split, together=together, verbose=0).history
        for model, kernel in zip(made, before, strict=True):
            np.testing.assert_array_equal(model.get_weights()[0], kernel)
        return [weight for model in made for weight in model.get_weights()], scores

    (mine, scores), (theirs, expected) = train_both(True), train_both(False)
    for one, other in zip(mine, theirs, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-9)
    for key, values in expected.items():
        np.testing.assert_allclose(scores[key], values, rtol=1e-6)


def test_a_scaled_loss_scales_its_penalty_too(split):
    arguments = {"optimizer_arguments": {"loss_scale_factor": 1024.0}, "precision": "float64"}
    together, _ = trained("lasso_mlp", split, together=True, **arguments)
    alone, _ = trained("lasso_mlp", split, together=False, **arguments)
    for one, other in zip(together, alone, strict=True):
        for mine, theirs in zip(one.model.get_weights(), other.model.get_weights(), strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=1e-6, atol=1e-9)


def test_in_half_precision_copies_learn_as_alone_to_its_rounding(split):
    changes = {}
    for together in (True, False):
        learners, _ = trained("lasso_mlp", split, together, precision="mixed_bfloat16")
        starts = models("lasso_mlp", 3, "mixed_bfloat16")
        changes[together] = [
            now - before
            for one, start in zip(learners, starts, strict=True)
            for now, before in zip(one.model.get_weights(), start.get_weights(), strict=True)
        ]
    for mine, theirs in zip(changes[True], changes[False], strict=True):
        assert np.linalg.norm(mine - theirs) < 0.05 * np.linalg.norm(theirs)


def test_a_model_that_diverges_leaves_the_others_their_penalty():
    made = [*models("lasso_mlp", 2), *models("mlp", 1), *models("deep_mlp", 1)]
    expected = [float(sum(model.losses, start=tf.zeros(()))) for model in made]
    made[1].trainable_variables[0].assign(made[1].trainable_variables[0] * np.nan)
    group = ModelGroup(made)
    group.load()
    _, penalties = group(np.zeros((1, *SHAPE), "uint8"))
    assert np.isnan(penalties[1])
    np.testing.assert_allclose(np.delete(penalties, 1), np.delete(expected, 1), rtol=1e-5)


def test_a_copy_that_stops_early_leaves_the_others_as_they_would_be(split):
    recipe = {"patience": 1, "epochs": 8, "learning_rate": 2.0}
    together, _ = trained("lasso_mlp", split, together=True, precision="float64", **recipe)
    alone, _ = trained("lasso_mlp", split, together=False, precision="float64", **recipe)
    assert len({one.stopped for one in together}) > 1
    for one, other in zip(together, alone, strict=True):
        assert (one.stopped, one.best_epoch) == (other.stopped, other.best_epoch)
        for mine, theirs in zip(one.model.get_weights(), other.model.get_weights(), strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("precision", [None, "mixed_bfloat16"])
@pytest.mark.parametrize("name", ENTRIES)
def test_copies_are_stacked_and_answer_alike(name, precision):
    made = models(name, precision=precision)
    group = ModelGroup(made)
    assert [type(part) for part in group.parts] == [FusedModels]
    group.load()
    images = np.random.default_rng(1).integers(0, 256, (4, *SHAPE)).astype("uint8")
    outputs, penalties = group(images)
    expected = [model(tf.cast(images, "float32"), training=False) for model in made]
    rounding = 2e-2 if precision else 1e-6
    np.testing.assert_allclose(outputs, expected, rtol=rounding, atol=rounding)
    losses = [float(sum(model.losses, start=tf.zeros(()))) for model in made]
    np.testing.assert_allclose(penalties, losses, rtol=1e-5)


def test_rows_come_in_the_models_order():
    a, b = models("softmax", 2), models("lasso_mlp", 2)
    mixed = [a[0], b[0], a[1], b[1]]
    group = ModelGroup(mixed)
    assert [type(part) for part in group.parts] == [FusedModels]
    group.load()
    images = np.random.default_rng(1).integers(0, 256, (4, *SHAPE)).astype("uint8")
    outputs, penalties = group(images)
    for row, penalty, model in zip(outputs, penalties, mixed, strict=True):
        np.testing.assert_allclose(row, model(tf.cast(images, "float32")), rtol=1e-5)
        assert (penalty > 0) == bool(model.losses)


def chain(*middle, activation="relu"):
    layers = keras.layers
    first = layers.Dense(4, activation=activation)
    return keras.Sequential(
        [
            keras.Input((4, 4, 1)),
            layers.Flatten(),
            first,
            *middle,
            layers.Dense(2),
            layers.Softmax(),
        ]
    )


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
    "model",
    [
        lambda: zoo.build("cnn"),
        lambda: zoo.build("mlp", gradients="handwritten"),
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
def test_what_cannot_be_stacked_is_left_alone(model):
    one = model()
    assert architecture(one) is None


def test_other_settings_are_another_architecture():
    keys = {
        architecture(one)
        for one in (
            *models("mlp", 2), *models("mlp", 1, dropout=0.4), *models("mlp", 1, l2=0.5),
            *models("mlp", 1, activation="tanh"), *models("mlp", 1, precision="mixed_bfloat16"),
        )
    }  # fmt: skip
    assert len(keys) == 5
    assert None not in keys
    frozen = models("mlp", 1)[0]
    frozen.layers[3].trainable = False
    assert architecture(frozen) not in keys


def test_heads_differ_in_what_comes_before_the_first_product():
    wide, narrow = models("mlp", 1, hidden=(9,))[0], models("lasso_mlp", 1)[0]
    assert stem(wide) == stem(narrow) is not None
    others = [
        *models("mlp", 1, input_shape=(4, 4, 1)), *models("mlp", 1, precision="mixed_bfloat16"),
        chain(),
    ]  # fmt: skip
    assert len({stem(one) for one in others} | {stem(wide)}) == 4
    frozen = models("mlp", 1)[0]
    frozen.layers[3].trainable = False
    assert stem(frozen) != stem(wide)
    assert stem(zoo.build("cnn")) is None


def test_other_optimisers_are_not_shared():
    recipe = zoo.Recipe()
    kinds = [recipe, replace(recipe, learning_rate=0.5), replace(recipe, optimizer="adam")]
    assert len({optimizer_settings(kind.make_optimizer(3)) for kind in kinds}) == 3
    assert optimizer_settings(recipe.make_optimizer(3)) == optimizer_settings(
        recipe.make_optimizer(3)
    )
    clipped = replace(recipe, optimizer_arguments={"clipnorm": 1.0})
    assert optimizer_settings(clipped.make_optimizer(3)) is None
    assert optimizer_settings(keras.optimizers.LossScaleOptimizer(recipe.make_optimizer(3))) is None


def test_making_a_stack_draws_no_random_numbers():
    keras.utils.set_random_seed(3)
    expected = float(keras.random.uniform(()))
    made = models("mlp")
    keras.utils.set_random_seed(3)
    ModelGroup(made)
    assert float(keras.random.uniform(())) == expected
