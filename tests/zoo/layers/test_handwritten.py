"""Layers with gradients by hand against Keras's own layers of the same name."""

import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
import zoo.layers
from zoo.errors import ArgumentError

# Layer, input shape [batch, …], arguments, arguments of the call.
CASES = {
    "dense": ("Dense", (3, 5), {"units": 4}, {}),
    "dense without bias": ("Dense", (3, 5), {"units": 4, "use_bias": False}, {}),
    "dense of rank 3, relu": ("Dense", (3, 2, 5), {"units": 4, "activation": "relu"}, {}),
    "dense of rank 4, softmax": ("Dense", (2, 3, 2, 5), {"units": 4, "activation": "softmax"}, {}),
    "dense, Keras's tanh": ("Dense", (3, 5), {"units": 4, "activation": "tanh"}, {}),
    "relu": ("ReLU", (4, 5), {}, {}),
    "relu, all options": (
        "ReLU", (8, 9), {"negative_slope": 0.2, "max_value": 0.8, "threshold": 0.1}, {}
    ),
    "relu6": ("ReLU", (8, 9), {"max_value": 6}, {}),
    "softmax": ("Softmax", (3, 5), {}, {}),
    "softmax over two axes": ("Softmax", (3, 4, 5), {"axis": (1, 2)}, {}),
    "softmax, masked": ("Softmax", (2, 3), {}, {"mask": np.array([[1, 1, 0], [0, 1, 1]], bool)}),
    "softmax, all masked": ("Softmax", (1, 3), {}, {"mask": np.zeros((1, 3), bool)}),
    "dropout": ("Dropout", (6, 7), {"rate": 0.4, "seed": 3}, {"training": True}),
    "dropout of whole columns": (
        "Dropout", (4, 3, 5), {"rate": 0.4, "seed": 3, "noise_shape": (None, 1, 5)},
        {"training": True},
    ),
    "dropout in inference": ("Dropout", (6, 7), {"rate": 0.4, "seed": 3}, {"training": False}),
    "batch normalisation": ("BatchNormalization", (6, 5), {}, {"training": True}),
    "batch normalisation in inference": ("BatchNormalization", (6, 5), {}, {"training": False}),
    "batch normalisation of images": ("BatchNormalization", (2, 3, 4, 5), {}, {"training": True}),
    "batch normalisation, other axis": (
        "BatchNormalization", (2, 3, 4, 5), {"axis": 1}, {"training": True}
    ),
    "batch normalisation, bare": (
        "BatchNormalization", (6, 5), {"center": False, "scale": False}, {"training": True}
    ),
    "batch normalisation, masked": (
        "BatchNormalization", (2, 3, 4), {},
        {"training": True, "mask": np.array([[1, 1, 0], [1, 0, 0]], bool)},
    ),
    "batch normalisation, frozen": (
        "BatchNormalization", (6, 5), {"trainable": False}, {"training": True}
    ),
    "convolution": ("Conv2D", (2, 6, 5, 4), {"filters": 6, "kernel_size": 3}, {}),
    "convolution, same": (
        "Conv2D", (2, 6, 5, 4), {"filters": 6, "kernel_size": (2, 4), "padding": "same"}, {}
    ),
    "convolution, strides": (
        "Conv2D", (2, 9, 8, 4), {"filters": 6, "kernel_size": 3, "strides": (2, 3)}, {}
    ),
    "convolution, strides and same": (
        "Conv2D", (2, 9, 8, 4),
        {"filters": 6, "kernel_size": 3, "strides": 2, "padding": "same"}, {},
    ),
    "convolution, dilated": (
        "Conv2D", (2, 9, 8, 4),
        {"filters": 6, "kernel_size": 3, "dilation_rate": (2, 1), "padding": "same"}, {},
    ),
    "convolution in groups, relu": (
        "Conv2D", (2, 6, 5, 4),
        {"filters": 6, "kernel_size": 3, "groups": 2, "activation": "relu"}, {},
    ),
    "convolution without bias": (
        "Conv2D", (2, 6, 5, 4), {"filters": 6, "kernel_size": 1, "use_bias": False}, {}
    ),
    "pooling": ("MaxPooling2D", (2, 7, 8, 3), {}, {}),
    "pooling, overlapping, same": (
        "MaxPooling2D", (2, 7, 8, 3), {"pool_size": 3, "strides": 2, "padding": "same"}, {}
    ),
    "pooling of oblongs": ("MaxPooling2D", (2, 7, 8, 3), {"pool_size": (1, 3), "strides": 1}, {}),
}  # fmt: skip
DRAWS = {"dropout", "dropout of whole columns"}  # random numbers, anew in each call
MIXES = {  # samples, which then share in each other's gradients
    name for name, (layer, _, arguments, call) in CASES.items()
    if layer == "BatchNormalization" and call["training"] and arguments.get("trainable", True)
}  # fmt: skip
ids = pytest.mark.parametrize("case", CASES)


def twins(case, dtype="float64"):
    """The Keras layer and ours, with the same random weights."""
    name, shape, arguments, _ = CASES[case]
    layers = [
        getattr(library, name)(dtype=dtype, **arguments) for library in (keras.layers, zoo.layers)
    ]
    rng = np.random.default_rng(1)
    for layer in layers:
        layer.build(shape)
    weights = [rng.uniform(0.2, 1, weight.shape) for weight in layers[0].weights]
    for layer in layers:
        layer.set_weights(weights)
    return layers


def inputs_of(case, dtype="float64"):
    return tf.constant(np.random.default_rng(0).normal(size=CASES[case][1]), dtype)


def restart(layer):
    """Let dropout draw the mask of its first call again."""
    if hasattr(layer, "seed_generator"):
        layer.seed_generator.state.assign(keras.random.SeedGenerator(layer.seed).state)


def outputs_and_gradients(layer, x, call, decorate=lambda function: function):
    """Outputs, gradients of inputs and weights for an uneven upstream, and the weights after."""

    def run(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x, **call)
            uneven = tf.reshape(tf.range(tf.size(y)), tf.shape(y))
            loss = tf.reduce_sum(tf.sin(tf.cast(y, "float64") + 0.1 * tf.cast(uneven, "float64")))
        return [y, *tape.gradient(loss, [x, *layer.trainable_variables])]

    return [np.asarray(tf.cast(v, "float64")) for v in decorate(run)(x)] + layer.get_weights()


def assert_close(ours, theirs, **tolerance):
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, strict=True, **tolerance)


@ids
def test_outputs_gradients_and_state_are_keras_own(case):
    theirs, ours = twins(case)
    x, call = inputs_of(case), CASES[case][3]
    expected = outputs_and_gradients(theirs, x, call)
    assert_close(outputs_and_gradients(ours, x, call), expected, rtol=1e-9, atol=1e-12)


# XLA draws other random numbers for dropout: see the next test.
@pytest.mark.parametrize(
    ("case", "jit_compile"),
    [(case, jit) for case in CASES for jit in (False, True) if not (jit and case in DRAWS)],
)
def test_graph_and_xla_agree_with_eager(case, jit_compile):
    x, call = inputs_of(case), CASES[case][3]
    _, eager = twins(case)
    _, compiled = twins(case)
    decorate = tf.function(jit_compile=jit_compile)
    result = outputs_and_gradients(compiled, x, call, decorate)
    assert_close(result, outputs_and_gradients(eager, x, call), rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_dropout_goes_backwards_through_the_mask_it_went_forwards_through(jit_compile):
    layer, x = zoo.layers.Dropout(0.4, seed=3), tf.ones((50, 40))

    @tf.function(jit_compile=jit_compile)
    def run(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x, training=True)
        return y, tape.gradient(y, x)

    y, gradient = run(x)
    np.testing.assert_array_equal(y, gradient)
    np.testing.assert_allclose(np.unique(y), [0, 1 / 0.6], rtol=1e-6)
    assert np.mean(y == 0) == pytest.approx(0.4, abs=0.05)
    assert not np.array_equal(run(x)[0], y)


def test_dropout_of_all_is_zero_both_ways():
    layer, x = zoo.layers.Dropout(1.0), tf.ones((2, 3))
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x, training=True)
    np.testing.assert_array_equal(y, np.zeros((2, 3)))
    np.testing.assert_array_equal(tape.gradient(y, x), np.zeros((2, 3)))


@ids
@pytest.mark.parametrize(
    ("policy", "tolerance"), [("mixed_bfloat16", 0.06), ("mixed_float16", 0.01), ("float32", 1e-4)]
)
def test_other_precisions_agree_with_keras_within_their_own(case, policy, tolerance):
    theirs, ours = twins(case, policy)
    x, call = inputs_of(case, "float32"), CASES[case][3]
    assert ours(x, **call).dtype == theirs(x, **call).dtype
    expected = outputs_and_gradients(theirs, x, call)
    result = outputs_and_gradients(ours, x, call)
    assert_close(result, expected, rtol=tolerance, atol=2 * tolerance)


@ids
def test_gradients_are_those_of_finite_differences(case):
    _, layer = twins(case)
    x, call = inputs_of(case), CASES[case][3]
    rng = np.random.default_rng(2)

    def loss(values):
        restart(layer)
        return float(tf.reduce_sum(tf.sin(layer(tf.constant(values), **call))))

    with tf.GradientTape() as tape:
        tape.watch(x)
        value = tf.reduce_sum(tf.sin(layer(x, **call)))
    gradient = tape.gradient(value, x).numpy()
    for _ in range(3):
        direction = rng.normal(size=x.shape)
        numeric = (loss(x + 1e-6 * direction) - loss(x - 1e-6 * direction)) / 2e-6
        assert np.sum(gradient * direction) == pytest.approx(numeric, rel=1e-6, abs=1e-7)


@ids
def test_second_order_gradients_are_those_of_finite_differences(case):
    # Keras is no oracle here: TensorFlow's moments stop a gradient that counts in second order.
    _, layer = twins(case)
    x, call = inputs_of(case), CASES[case][3]

    def of_the_first(x):
        restart(layer)
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.reduce_sum(tf.sin(layer(x, **call)))
        return tf.reduce_sum(tape.gradient(loss, x) * tf.cos(x))

    with tf.GradientTape() as tape:
        tape.watch(x)
        value = of_the_first(x)
    gradient = tape.gradient(value, x)
    assert gradient is not None
    direction = np.random.default_rng(2).normal(size=x.shape)
    step = 1e-5 * direction
    numeric = float(of_the_first(x + step) - of_the_first(x - step)) / 2e-5
    assert np.sum(gradient * direction) == pytest.approx(numeric, rel=1e-6, abs=1e-7)


@ids
def test_the_checker_finds_nothing(case):
    _, layer = twins(case, "float32")
    _, shape, _, call = CASES[case]
    training = call.get("training")
    mask = call.get("mask")
    report = zoo.gradcheck(
        layer, shape[1:], batch_size=shape[0], training=training, mask=mask, second_order=True
    )
    assert report.ok, str(report)
    names = {one.name for one in report.tensors}
    assert len(names) == 1 + len(layer.trainable_variables)
    assert {one.name for one in report.second_order} == names


@pytest.mark.parametrize("case", [case for case in CASES if case not in DRAWS | MIXES])
def test_vectorized_map_gives_each_samples_gradient(case):
    _, shape, _, call = CASES[case]
    _, layer = twins(case)
    samples = {"x": inputs_of(case)}
    if "mask" in call:
        samples["mask"] = tf.constant(call["mask"])

    def one(sample):
        x = sample["x"]
        own = {name: sample[name][None] for name in sample if name != "x"}
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.reduce_sum(tf.sin(layer(x[None], **{**call, **own})))
        return tape.gradient(loss, x)

    mapped = tf.vectorized_map(one, samples)
    single = tf.stack([one({k: v[i] for k, v in samples.items()}) for i in range(shape[0])])
    np.testing.assert_allclose(mapped, single, rtol=1e-9, atol=1e-12)


@ids
def test_config_and_weights_are_interchangeable(case):
    theirs, ours = twins(case)
    ours_config, their_config = ours.get_config(), theirs.get_config()
    assert {**ours_config, "name": ""} == {**their_config, "name": ""}
    assert [w.path.split("/")[-1] for w in ours.weights] == [
        w.path.split("/")[-1] for w in theirs.weights
    ]
    again = type(ours).from_config(theirs.get_config())
    again.build(CASES[case][1])
    again.set_weights(theirs.get_weights())
    x, call = inputs_of(case), CASES[case][3]
    np.testing.assert_allclose(again(x, **call), theirs(x, **call), rtol=1e-9, atol=1e-12)


@ids
def test_empty_and_growing_batches(case):
    _, layer = twins(case, "float32")
    call = {k: v for k, v in CASES[case][3].items() if k != "mask"}
    shape = CASES[case][1]

    @tf.function(input_signature=[tf.TensorSpec((None, *shape[1:]), "float32")])
    def gradient(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.reduce_sum(layer(x, **call))
        return tape.gradient(loss, [x, *layer.trainable_variables])

    for batch in (0, 1, 5):
        x = tf.ones((batch, *shape[1:]))
        gradients = gradient(x)
        assert gradients[0].shape == x.shape
        if batch or case not in MIXES:  # of an empty batch there are no moments
            assert all(np.isfinite(g).all() for g in gradients)


def small_model(library):
    inputs = keras.Input((8, 8, 2))
    x = library.Conv2D(3, 3, padding="same")(inputs)
    x = library.BatchNormalization()(x)
    x = library.MaxPooling2D()(library.ReLU()(x))
    x = library.Dropout(0.2, seed=1)(library.Flatten()(x))
    return keras.Model(inputs, library.Softmax()(library.Dense(3)(x)))


LOAD = """
import sys
import keras, numpy as np, zoo
model = zoo.load(sys.argv[1])
assert type(model.layers[1]).__module__ == "zoo.layers.conv2d", type(model.layers[1])
np.save(sys.argv[3], model.predict(np.load(sys.argv[2]), verbose=0))
"""


def test_a_saved_model_loads_in_a_fresh_process_with_our_layers(tmp_path):
    model, x = small_model(zoo.layers), np.random.default_rng(0).normal(size=(4, 8, 8, 2))
    file, images, predicted = (tmp_path / name for name in ("m.keras", "x.npy", "p.npy"))
    model.save(file)
    np.save(images, x)
    subprocess.run([sys.executable, "-c", LOAD, file, images, predicted], check=True)
    np.testing.assert_allclose(np.load(predicted), model.predict(x, verbose=0), rtol=1e-6)


# That they are those by hand, layer by layer: see test_handwritten_traps.py.
def test_an_exported_model_keeps_its_gradients(tmp_path):
    model = small_model(zoo.layers)
    model.export(tmp_path / "saved", verbose=False)
    restored = tf.saved_model.load(tmp_path / "saved")
    x = tf.constant(np.random.default_rng(0).normal(size=(4, 8, 8, 2)), "float32")
    gradients = []
    for function in (lambda x: model(x, training=False), restored.serve):
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.reduce_sum(tf.sin(3 * function(x)))
        gradients.append(tape.gradient(loss, x))
    np.testing.assert_allclose(*gradients, rtol=1e-4, atol=1e-6)


def test_weights_move_both_ways_and_regularisers_and_constraints_work():
    options = {
        "kernel_regularizer": keras.regularizers.L1L2(0.1, 0.2),
        "kernel_constraint": keras.constraints.NonNeg(),
        "kernel_initializer": keras.initializers.GlorotUniform(seed=5),
    }
    results = []
    for library in (keras.layers, zoo.layers):
        model = keras.Sequential([keras.Input((4,)), library.Dense(3, **options)])
        model.compile(keras.optimizers.SGD(0.1), "mse", jit_compile=False)
        x = np.random.default_rng(0).normal(size=(16, 4))
        losses = [model.train_on_batch(x, x[:, :3]) for _ in range(3)]
        results.append([*model.get_weights(), losses])
    assert_close(*results, rtol=1e-5)
    assert (results[1][0] >= 0).all()


def test_a_keras_mask_goes_through():
    inputs = keras.Input((3,), dtype="int32")
    results = []
    for library in (keras.layers, zoo.layers):
        keras.utils.set_random_seed(0)
        x = keras.layers.Embedding(5, 4, mask_zero=True)(inputs)
        model = keras.Model(inputs, library.BatchNormalization()(library.Dense(2)(x)))
        results.append(model(np.array([[1, 2, 0], [3, 0, 0]]), training=True))
    np.testing.assert_allclose(*results, rtol=1e-5, atol=1e-6)
    assert results[1]._keras_mask is not None


@pytest.mark.parametrize("option", ["renorm", "synchronized"])
def test_what_has_no_gradient_by_hand_says_so(option):
    with pytest.raises(ArgumentError, match=f"{option}=True has no gradient by hand"):
        zoo.layers.BatchNormalization(**{option: True})


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("name", ["Dense", "Conv2D"])
def test_a_bias_over_many_rows_is_summed_with_enough_digits(name, policy):
    arguments = {"units": 3} if name == "Dense" else {"filters": 3, "kernel_size": 1}
    layer = getattr(zoo.layers, name)(dtype=policy, **arguments)
    x = tf.ones((10_000, 4) if name == "Dense" else (4, 50, 50, 4))
    layer.build(x.shape)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.cast(layer(x), "float32"))
    gradient = tape.gradient(loss, layer.bias.value)
    np.testing.assert_allclose(gradient, 10_000, rtol=5e-3)


def test_channels_first_is_the_same_convolution_transposed():
    x = tf.constant(np.random.default_rng(0).normal(size=(2, 6, 5, 3)), "float32")
    last = zoo.layers.Conv2D(4, 3)
    first = zoo.layers.Conv2D(4, 3, data_format="channels_first")
    expected = last(x)
    first.build((2, 3, 6, 5))
    first.set_weights(last.get_weights())
    result = first(tf.transpose(x, (0, 3, 1, 2)))
    np.testing.assert_allclose(tf.transpose(result, (0, 2, 3, 1)), expected, rtol=1e-5, atol=1e-6)


# --- whole entries ----------------------------------------------------------------------

ENTRY_SHAPES = {"alexnet": (67, 67, 3), "conv_bn": (48, 48, 1)}


def steps_of(name, gradients, precision):
    """Losses of three steps, the weights before them, and by how much the steps move each."""
    shape = ENTRY_SHAPES.get(name, (12, 12, 1))
    model = zoo.build(
        name, gradients=gradients, seed=1, precision=precision, input_shape=shape, num_classes=5
    )
    optimizer = keras.optimizers.SGD(0.001)
    optimizer.build(model.trainable_variables)
    before = model.get_weights()

    @tf.function(autograph=False)
    def step(x, y):
        with tf.GradientTape() as tape:
            p = model(x, training=True)
            loss = tf.reduce_mean(keras.losses.sparse_categorical_crossentropy(y, p))
            loss += sum(model.losses, start=tf.zeros((), loss.dtype))
        optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)
        return loss

    # With seed 0 a ReLU of AlexNet meets its kink, and falls to either side in float32.
    rng = np.random.default_rng(1)
    losses = [
        float(step(rng.integers(0, 256, (6, *shape)).astype("uint8"), rng.integers(0, 5, 6)))
        for _ in range(3)
    ]
    return losses, before, [b - a for a, b in zip(before, model.get_weights(), strict=True)]


@pytest.mark.parametrize(("precision", "rtol"), [("float32", 1e-4), ("float64", 1e-9)])
@pytest.mark.parametrize("name", zoo.list_models(tags="report"))
def test_three_steps_of_an_entry_are_those_of_its_keras_twin(name, precision, rtol):
    expected_losses, expected_start, expected = steps_of(name, "auto", precision)
    losses, start, moves = steps_of(name, "handwritten", precision)
    np.testing.assert_allclose(losses, expected_losses, rtol=rtol)
    assert_close(start, expected_start, rtol=0)
    # What the steps change, since they change it by little: each tensor relative to its own
    # largest change. Below that is rounding, of the weight that is added to, and of terms that
    # add up to 0 (a bias before a batch normalisation) but are as large as others.
    largest = max(abs(move).max() for move in expected)
    for ours, theirs, weight in zip(moves, expected, start, strict=True):
        rounding = 4 * np.finfo(precision).eps * (abs(weight).max() + largest)
        atol = rtol * abs(theirs).max() + rounding
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=atol, strict=True)


@pytest.mark.parametrize("name", zoo.list_models())
def test_entries_are_built_from_our_layers(name):
    own = {
        layer for layer in map(zoo.layers.__dict__.get, zoo.layers.__all__)
        if isinstance(layer, type) and layer.__module__.startswith("zoo.layers.")
    }  # fmt: skip
    assert len(own) == 11
    model = zoo.build(
        name, gradients="handwritten", input_shape=ENTRY_SHAPES.get(name, (12, 12, 1))
    )
    named = {one.__name__: one for one in own}
    found = [layer for layer in model.layers if type(layer).__name__ in named]
    assert found
    assert all(type(layer) is named[type(layer).__name__] for layer in found)
