"""Batch normalisation folded into the layers before it: the same answers from fewer layers."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
import zoo.layers
from zoo.errors import ArgumentError
from zoo.layers.folding import fold_batch_normalization, inference_of

L = keras.layers


def trained(model):
    """Weights as after a training: moments and slopes that differ from 0 and 1."""
    rng = np.random.default_rng(0)
    ranges = {"moving_variance": (0.5, 2.0), "gamma": (0.5, 1.5)}
    for weight in model.weights:
        if weight.name in ("gamma", "beta", "bias", "moving_mean", "moving_variance"):
            weight.assign(rng.uniform(*ranges.get(weight.name, (-0.3, 0.3)), weight.shape))
    return model


def images_for(model):
    shape = model.input_shape[1:]
    return tf.constant(np.random.default_rng(1).integers(0, 256, (3, *shape)), "float32")


def norms(model):
    return sum(isinstance(layer, L.BatchNormalization) for layer in model.layers)


def assert_same(model, rtol=1e-5):
    images = images_for(model)
    expected = np.asarray(model(images, training=False))
    scale = np.abs(expected).max()
    for found in (fold_batch_normalization(model)(images), inference_of(model)(images)):
        np.testing.assert_allclose(found, expected, rtol=0, atol=rtol * scale)


CHAINS = {
    "convolution": [L.Conv2D(4, 3), L.BatchNormalization()],
    "strides, dilation and groups": [
        L.Conv2D(4, 3, strides=2, use_bias=False), L.BatchNormalization(),
        L.Conv2D(4, 2, dilation_rate=2, groups=2), L.BatchNormalization(axis=3),
    ],
    "depthwise": [L.DepthwiseConv2D(3, depth_multiplier=2), L.BatchNormalization()],
    "separable": [L.SeparableConv2D(4, 3, strides=2), L.BatchNormalization()],
    "dense": [L.Flatten(), L.Dense(4), L.BatchNormalization(scale=False)],
    "dense at each position": [L.Dense(4), L.BatchNormalization(center=False)],
    "change by low ranks": [
        L.Conv2D(4, 3, lora_rank=2), L.BatchNormalization(),
        L.Dense(4, lora_rank=2), L.BatchNormalization(), L.Dense(4, lora_rank=2),
    ],
    "dropout of somebody": [L.Conv2D(4, 3), L.BatchNormalization(), L.Dropout(0.5)],
}  # fmt: skip


@pytest.mark.parametrize("chain", CHAINS.values(), ids=list(CHAINS))
def test_a_normalisation_behind_a_linear_layer_is_folded(chain):
    model = trained(keras.Sequential([keras.Input((9, 8, 2)), *chain]))
    assert_same(model)
    assert norms(fold_batch_normalization(model)) == 0


KEPT = {
    "after an activation": [L.Conv2D(4, 3, activation="relu"), L.BatchNormalization()],
    "of another axis": [L.Conv2D(4, 3), L.BatchNormalization(axis=1)],
    "of the input": [L.BatchNormalization()],
    "channels first": [
        L.DepthwiseConv2D(2, data_format="channels_first"), L.BatchNormalization(axis=1)
    ],
}  # fmt: skip


@pytest.mark.parametrize("chain", KEPT.values(), ids=list(KEPT))
def test_other_normalisations_stay(chain):
    model = trained(keras.Sequential([keras.Input((9, 8, 2)), *chain]))
    assert norms(fold_batch_normalization(model)) == 1
    assert_same(model)


def test_a_layer_whose_output_is_read_twice_stays():
    inputs = keras.Input((8, 8, 2))
    x = L.Conv2D(2, 3, padding="same")(inputs)
    model = trained(keras.Model(inputs, L.Add()([x, L.BatchNormalization()(x)])))
    assert norms(fold_batch_normalization(model)) == 1
    assert_same(model)


def test_a_layer_that_is_called_twice_stays():
    inputs = keras.Input((8, 8, 2))
    norm = L.BatchNormalization()
    x = norm(L.Conv2D(2, 3, padding="same")(norm(inputs)))
    model = trained(keras.Model(inputs, x))
    assert norms(fold_batch_normalization(model)) == 1
    assert_same(model)


@pytest.mark.parametrize("gradients", ["auto", "handwritten"])
@pytest.mark.parametrize(
    ("name", "arguments", "left"),
    [
        ("vgg", {"squeeze_excitation": True}, 0),
        ("rep_vgg", {}, 0),
        ("resnet", {"depth": 8}, 0),
        ("wide_resnet", {"depth": 10}, 3),  # of three sums; the others stand behind convolutions
        ("mini_xception", {}, 0),
        ("conv_bn", {"input_shape": (48, 48, 1)}, 0),
        ("bn_mlp", {}, 2),  # behind activations
        ("lenet", {"input_shape": (28, 28, 1)}, 0),
    ],
)
def test_entries_answer_the_same(name, gradients, arguments, left):
    options = {"input_shape": (17, 19, 1), "num_classes": 3, "seed": 0, **arguments}
    options |= {"width": 4} if name in ("vgg", "rep_vgg", "resnet", "mini_xception") else {}
    model = trained(zoo.build(name, **options, gradients=gradients, classifier_activation=None))
    assert_same(model)
    assert norms(fold_batch_normalization(model)) == left


def test_parallel_convolutions_become_a_single_one():
    model = trained(zoo.build("rep_vgg", width=4, depths=(2,), input_shape=(8, 8, 1)))
    folded = fold_batch_normalization(model)
    kernels = [layer.kernel.shape for layer in folded.layers if isinstance(layer, L.Conv2D)]
    assert kernels == [(3, 3, 1, 4), (3, 3, 4, 4)]
    assert not [layer for layer in folded.layers if isinstance(layer, L.Add)]
    assert folded.count_params() == (9 + 1) * 4 + (9 * 4 + 1) * 4 + 5 * 7
    assert_same(model)


@pytest.mark.parametrize(
    ("branches", "kernel"),
    [
        ([(4, (5, 1)), (4, (1, 3))], (5, 3, 2, 4)),
        ([(4, (1, 3)), (4, (3, 1)), (4, (5, 1))], (5, 3, 2, 4)),
        ([(1, (3, 3)), (4, (1, 1))], (3, 3, 2, 4)),
    ],
)
def test_kernels_of_other_sides_or_filters_become_a_single_one(branches, kernel):
    inputs = keras.Input((8, 7, 2))
    sums = [
        L.BatchNormalization()(L.Conv2D(filters, size, padding="same")(inputs))
        for filters, size in branches
    ]
    model = trained(keras.Model(inputs, L.Add()(sums)))
    (folded,) = (layer for layer in fold_batch_normalization(model).layers if layer.weights)
    assert folded.kernel.shape == kernel
    assert_same(model)


def test_sums_of_other_branches_stay_sums():
    inputs = keras.Input((8, 8, 2))
    strided = L.BatchNormalization()(L.Conv2D(2, 3, strides=2, padding="same")(inputs))
    pooled = L.BatchNormalization()(L.MaxPooling2D(2)(inputs))
    model = trained(keras.Model(inputs, L.Add()([strided, pooled])))
    folded = fold_batch_normalization(model)
    assert norms(folded) == 1
    assert any(isinstance(layer, L.Add) for layer in folded.layers)
    assert_same(model)


def test_half_precision_answers_within_its_own_rounding():
    model = trained(
        zoo.build("vgg", width=4, precision="mixed_bfloat16", input_shape=(16, 16, 1), seed=0)
    )
    assert_same(model, rtol=0.02)


def test_the_answers_follow_a_training():
    model = zoo.build("vgg", width=4, input_shape=(16, 16, 1), seed=0)
    images = images_for(model)
    answers = tf.function(inference_of(model), autograph=False)
    before = answers(images)
    trained(model)
    np.testing.assert_allclose(answers(images), model(images), atol=1e-5)
    assert not np.allclose(answers(images), before)


def test_a_folded_model_has_weights_of_its_own_and_is_saved(tmp_path):
    model = trained(zoo.build("rep_vgg", width=4, input_shape=(16, 16, 1), seed=0))
    folded = fold_batch_normalization(model)
    images = images_for(model)
    expected = folded(images)
    for weight in model.weights:
        weight.assign(weight * 0)
    np.testing.assert_array_equal(folded(images), expected)
    folded.save(tmp_path / "folded.keras")
    loaded = keras.models.load_model(tmp_path / "folded.keras", compile=False)
    np.testing.assert_allclose(loaded(images), expected, rtol=1e-6)


def test_models_inside_models_and_dropout_in_inference_stay_right():
    inner = keras.Sequential([keras.Input((8, 8, 2)), L.Conv2D(2, 3), L.BatchNormalization()])
    inputs = keras.Input((8, 8, 2))
    x = L.BatchNormalization()(L.Conv2D(2, 1)(inputs))
    model = trained(keras.Model(inputs, L.Dropout(0.5)(inner(x))))
    assert_same(model)


def test_models_inside_models_are_folded_too():
    inner = trained(zoo.build("vgg", width=4, input_shape=(16, 16, 1), seed=0))
    inputs = keras.Input((16, 16, 1))
    sum_of_two = L.Add()([keras.Sequential([inner])(inputs), inner(inputs=inputs)])
    model = keras.Model(inputs, sum_of_two)
    assert_same(model)
    folded = fold_batch_normalization(model)
    left = [layer for layer in folded._flatten_layers() if isinstance(layer, L.BatchNormalization)]
    assert norms(inner) == 8
    assert not left
    assert not {*map(id, folded.weights)} & {*map(id, model.weights)}


def test_a_change_by_low_ranks_keeps_its_size():
    layers = [L.Flatten(), L.Dense(4), L.BatchNormalization(), L.Dense(3)]
    model = trained(keras.Sequential([keras.Input((4, 4, 1)), *layers]))
    for layer in (layers[1], layers[3]):
        layer.enable_lora(2, lora_alpha=8)
        layer.lora_kernel_b.assign(np.ones(layer.lora_kernel_b.shape))
    assert_same(model)


def test_the_inputs_keep_their_names():
    inputs = keras.Input((9, 9, 1), name="pixels")
    outputs = L.BatchNormalization()(L.Conv2D(2, 3)(inputs))
    folded = fold_batch_normalization(keras.Model({"pixels": inputs}, {"features": outputs}))
    assert {*folded.input} == {"pixels"}
    assert {*folded({"pixels": np.zeros((2, 9, 9, 1))})} == {"features"}


def test_a_model_without_a_graph_is_called_or_refused():
    class Subclassed(keras.Model):
        def call(self, x):
            return 2 * x

    model = Subclassed()
    np.testing.assert_array_equal(inference_of(model)(tf.ones((1, 2))), [[2, 2]])
    with pytest.raises(ArgumentError, match="model must be a graph of layers"):
        fold_batch_normalization(model)
