"""What goes wrong easily with gradients by hand, each where it would show."""

import importlib
import warnings
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo.layers
from zoo.errors import ArgumentError

SPARSE = np.array([[1, 0, -2, 0], [0, 0, 0, 0], [0, 3, 0, 0.5]])  # an empty row and column


def dense_twins(**arguments):
    """The Keras layer and ours, for inputs of four, with the same random weights."""
    rng = np.random.default_rng(1)
    layers = [library.Dense(3, **arguments) for library in (keras.layers, zoo.layers)]
    weights = [rng.normal(size=shape) for shape in ((4, 3), (3,))]
    for layer in layers:
        layer.build((None, 4))
        layer.set_weights(weights[: len(layer.weights)])
    return layers


def of_values(layer, x):
    """Outputs, and the gradients of an uneven loss by the values of x and by the weights."""
    with tf.GradientTape() as tape:
        tape.watch(x.values)
        y = layer(x)
        loss = tf.reduce_sum(tf.sin(tf.cast(y, "float64") + tf.cast(tf.range(3), "float64")))
    gradients = tape.gradient(loss, [x.values, *layer.trainable_variables])
    return [tf.cast(tf.convert_to_tensor(v), "float64") for v in (y, *gradients)]


# --- sparse inputs ----------------------------------------------------------------------


@pytest.mark.parametrize("graph", [False, True])
@pytest.mark.parametrize(
    ("dtype", "tolerance"),
    [("float64", 1e-12), ("float32", 1e-5), ("mixed_float16", 5e-3), ("mixed_bfloat16", 0.05)],
)
@pytest.mark.parametrize("arguments", [{"activation": "softmax"}, {"use_bias": False}])
def test_dense_takes_sparse_inputs_as_keras_does(arguments, dtype, tolerance, graph):
    results = []
    for layer in dense_twins(dtype=dtype, **arguments):
        run = tf.function(of_values) if graph else of_values
        x = tf.sparse.from_dense(tf.constant(SPARSE, layer.variable_dtype))
        results.append(run(layer, x))
    for theirs, ours in zip(*results, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance, strict=True)


def test_dense_gives_sparse_inputs_the_gradients_of_dense_ones():
    layer = dense_twins(dtype="float64")[1]
    x = tf.sparse.from_dense(SPARSE)
    y, d_values, d_kernel, d_bias = of_values(layer, x)
    full = tf.constant(SPARSE)
    with tf.GradientTape() as tape:
        tape.watch(full)
        z = layer(full)
        loss = tf.reduce_sum(tf.sin(z + tf.cast(tf.range(3), "float64")))
    d_x, *expected = tape.gradient(loss, [full, *layer.trainable_variables])
    np.testing.assert_allclose(y, z)
    np.testing.assert_allclose(d_values, tf.gather_nd(d_x, x.indices))
    np.testing.assert_allclose(d_kernel, expected[0])
    np.testing.assert_allclose(d_bias, expected[1])


def test_dense_has_second_order_gradients_for_sparse_inputs():
    layer = dense_twins(dtype="float64")[1]
    x, full = tf.sparse.from_dense(SPARSE), tf.constant(SPARSE)
    found = []
    for at, inputs in ((x.values, x), (full, full)):
        with tf.GradientTape() as outer:
            outer.watch(at)
            with tf.GradientTape() as tape:
                tape.watch(at)
                loss = tf.reduce_sum(tf.sin(layer(inputs)))
            first = tape.gradient(loss, layer.kernel.value)
            value = tf.reduce_sum(tf.sin(first))
        found.append(outer.gradient(value, [at, layer.kernel.value]))
    (d_values, d_kernel), (d_x, expected) = found
    np.testing.assert_allclose(d_values, tf.gather_nd(d_x, x.indices))
    np.testing.assert_allclose(tf.convert_to_tensor(d_kernel), expected)


def test_a_model_of_sparse_inputs_trains_as_keras_own():
    x, y = tf.sparse.from_dense(tf.constant(SPARSE, "float32")), np.ones((3, 3))
    after = []
    for layer in dense_twins(activation="relu"):
        inputs = keras.Input((4,), sparse=True)
        model = keras.Model(inputs, layer(inputs))
        assert model.output.shape == (None, 3)
        model.compile(keras.optimizers.SGD(0.1), "mse", jit_compile=False)
        model.fit(x, y, batch_size=3, epochs=2, verbose=0)
        after.append([*model.get_weights(), model.predict(x, verbose=0)])
    for theirs, ours in zip(*after, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


def test_a_sparse_kernel_gradient_in_bfloat16_counts_every_row():
    layer = zoo.layers.Dense(1, dtype="mixed_bfloat16")
    x = tf.sparse.from_dense(tf.ones((5000, 1)))
    layer.build(x.shape)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.cast(layer(x), "float32"))
    np.testing.assert_allclose(tape.gradient(loss, layer.kernel.value), [[5000]], rtol=5e-3)


def test_sparse_inputs_of_rank_3_are_refused():
    with pytest.raises(ArgumentError, match=r"\[batch, inputs\].*Received: .*\(2, 3, 4\)"):
        zoo.layers.Dense(2)(tf.sparse.from_dense(tf.ones((2, 3, 4))))


# --- what Keras does to a layer afterwards ----------------------------------------------


def test_quantising_is_refused():
    _, layer = dense_twins()
    with pytest.raises(NotImplementedError, match="Dense does not have a `quantize` method"):
        layer.quantize("int8")
    model = keras.Sequential([keras.Input((4,)), layer])
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        model.quantize("int8")  # warns of its input layer too
    assert any("Layer Dense does not have a `quantize`" in str(one.message) for one in said)
    assert layer.quantization_mode is None


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize("graph", [False, True])
@pytest.mark.parametrize("name", ["Dense", "Conv2D"])
def test_lora_is_keras_own(name, graph, dtype):
    arguments = {"units": 3} if name == "Dense" else {"filters": 3, "kernel_size": 2}
    x = tf.constant(np.random.default_rng(0).normal(size=(2, 5, 5, 4)), "float32")
    results = []
    for library in (keras.layers, zoo.layers):
        layer = getattr(library, name)(dtype=dtype, **arguments)
        layer.build(x.shape)
        layer.enable_lora(2)
        rng = np.random.default_rng(1)
        layer.set_weights([rng.normal(size=weight.shape) for weight in layer.weights])

        def run(layer=layer):
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = layer(x)
                loss = tf.reduce_sum(tf.sin(tf.cast(y, "float32")))
            return [y, *tape.gradient(loss, [x, *layer.trainable_variables])]

        found = tf.function(run)() if graph else run()
        assert [v.name for v in layer.trainable_variables] == [
            "bias", "lora_kernel_a", "lora_kernel_b"
        ]  # fmt: skip
        results.append([tf.cast(value, "float32") for value in found])
    tolerance = 1e-4 if dtype == "float32" else 0.05
    for theirs, ours in zip(*results, strict=True):
        atol = tolerance * np.max(np.abs(theirs))
        np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=atol, strict=True)


# --- the gradient that is used ----------------------------------------------------------

# Function with a gradient by hand, a layer that uses it, input shape, arguments of the call.
FUNCTIONS = {
    "dense.linear": (lambda: zoo.layers.Dense(3), (4,), {}),
    "dense.add_bias": (lambda: zoo.layers.Dense(3), (4,), {}),
    "dense.sparse_linear": (lambda: zoo.layers.Dense(3), (4,), {}),
    "conv2d.convolution": (lambda: zoo.layers.Conv2D(4, 2, groups=2), (5, 5, 4), {}),
    "conv2d.add_bias": (lambda: zoo.layers.Conv2D(3, 2), (5, 5, 4), {}),
    "max_pooling2d.pooling": (lambda: zoo.layers.MaxPooling2D(), (4, 4, 2), {}),
    "relu.rectifier": (lambda: zoo.layers.ReLU(), (4,), {}),
    "activations.rectifier": (lambda: zoo.layers.Dense(3, "relu"), (4,), {}),
    "activations.tanh": (lambda: zoo.layers.Dense(3, "tanh"), (4,), {}),
    "activations.sigmoid": (lambda: zoo.layers.Conv2D(3, 2, activation="sigmoid"), (3, 3, 2), {}),
    "softmax.softmax_over": (lambda: zoo.layers.Softmax(), (4,), {}),
    "activations.softmax_over": (lambda: zoo.layers.Dense(3, "softmax"), (4,), {}),
    "dropout.scale": (lambda: zoo.layers.Dropout(1e-9), (4,), {"training": True}),
    "batch_normalization.batch_normalizer": (
        lambda: zoo.layers.BatchNormalization(), (4,), {"training": True}
    ),
    "batch_normalization.fixed_normalizer": (
        lambda: zoo.layers.BatchNormalization(), (4,), {"training": False}
    ),
}  # fmt: skip
SPARSE_HAS_NO_XLA = ("dense.sparse_linear", "xla")


def change(patch, name, decorator):
    """Let `decorator` stand for `custom_gradient` over one function until the patch is undone."""
    module_name, attribute = name.split(".")
    module = importlib.import_module(f"zoo.layers.{module_name}")
    function = getattr(module, attribute)
    bare = function.__wrapped__  # of its custom_gradient, or of its lru_cache

    def made(*options):
        with pytest.MonkeyPatch.context() as inner:
            inner.setattr(keras.ops, "custom_gradient", decorator)
            return bare(*options)

    patch.setattr(module, attribute, made if hasattr(function, "cache_info") else decorator(bare))


def marked(f):
    """A custom gradient of 42 times what was written."""

    @tf.custom_gradient
    def function(*arguments):
        y, backward = f(*arguments)

        def by_hand(*upstream):
            return tf.nest.map_structure(
                lambda one: None if one is None else 42 * one, backward(*upstream)
            )

        return y, by_hand

    return function


def model_and_inputs(name):
    make, shape, call = FUNCTIONS[name]
    sparse = "sparse" in name
    keras.utils.set_random_seed(0)
    inputs = keras.Input(shape, sparse=sparse)
    model = keras.Model(inputs, make()(inputs, **call))
    x = tf.constant(np.random.default_rng(0).normal(size=(3, *shape)), "float32")
    return model, tf.sparse.from_dense(x) if sparse else x


def input_gradient(function, x):
    at = x.values if isinstance(x, tf.SparseTensor) else x
    with tf.GradientTape() as tape:
        tape.watch(at)
        y = function(x)
        uneven = tf.reshape(tf.range(tf.size(y)), tf.shape(y))
        loss = tf.reduce_sum(y * tf.sin(tf.cast(uneven, y.dtype)))
    return tape.gradient(loss, at)


def export(model, x, path):
    if not isinstance(x, tf.SparseTensor):
        model.export(path, verbose=False)
        return
    # Keras exports models of dense inputs only.
    module = tf.Module()
    module.weights = [weight.value for weight in model.weights]
    module.serve = tf.function(model, input_signature=[tf.SparseTensorSpec((None, *x.shape[1:]))])
    tf.saved_model.save(module, path)


def test_the_marked_are_all_that_is_written_by_hand():
    sources = Path(zoo.layers.__file__).parent.glob("*.py")
    written = sum(source.read_text("utf-8").count("@ops.custom_gradient") for source in sources)
    assert written == len({name.split(".")[1] for name in FUNCTIONS})


@pytest.mark.parametrize(
    ("name", "way"),
    [
        (name, way) for name in FUNCTIONS for way in ("eager", "graph", "xla", "exported")
        if (name, way) != SPARSE_HAS_NO_XLA
    ],
)  # fmt: skip
def test_the_gradient_by_hand_is_the_one_that_is_used(name, way, tmp_path):
    model, x = model_and_inputs(name)
    right = input_gradient(model, x)
    with pytest.MonkeyPatch.context() as patch:
        change(patch, name, marked)
        if way == "exported":
            export(model, x, tmp_path / "saved")
        elif way == "eager":
            gradient = input_gradient(model, x)
        else:
            run = tf.function(lambda x: input_gradient(model, x), jit_compile=way == "xla")
            gradient = run(x)
    if way == "exported":
        restored = tf.saved_model.load(tmp_path / "saved")
        gradient = input_gradient(restored.serve, x)
    assert np.max(np.abs(right)) > 0
    np.testing.assert_allclose(gradient, 42 * right, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("graph", [False, True])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_gradients_by_hand_get_tensors_by_position_and_capture_no_variable(name, graph):
    # Keywords would lose the gradient, variables fail outside of fit, and what is captured gets
    # its gradients in an order of its own.
    calls, captured = [], []

    def observed(f):
        @tf.custom_gradient
        def inner(*arguments):
            with tf.GradientTape() as tape:
                result = f(*arguments)
            captured.extend(tape.watched_variables())
            return result

        def function(*arguments, **keywords):
            calls.append((arguments, keywords))
            return inner(*arguments, **keywords)

        return function

    model, x = model_and_inputs(name)
    with pytest.MonkeyPatch.context() as patch:
        change(patch, name, observed)
        if graph:
            tf.function(lambda: input_gradient(model, x))()
        else:
            input_gradient(model, x)
    assert calls
    assert not captured
    for arguments, keywords in calls:
        assert not keywords
        assert all(isinstance(one, tf.Tensor) for one in arguments)


# --- weights ----------------------------------------------------------------------------


@pytest.mark.parametrize("graph", [False, True])
@pytest.mark.parametrize(
    ("name", "arguments", "shape"),
    [
        ("Dense", {"units": 3}, (2, 4, 3)),  # a kernel as wide as the bias, for one to be the other
        ("Conv2D", {"filters": 3, "kernel_size": 2}, (2, 4, 4, 3)),
        ("BatchNormalization", {}, (5, 3)),
    ],
)
def test_each_weight_gets_its_own_gradient_in_its_own_shape(name, arguments, shape, graph):
    layer = getattr(zoo.layers, name)(dtype="float64", **arguments)
    rng = np.random.default_rng(0)
    x = tf.constant(rng.normal(size=shape))
    layer.build(shape)
    layer.set_weights([rng.uniform(0.5, 1, weight.shape) for weight in layer.weights])

    def loss():
        return tf.reduce_sum(tf.sin(layer(x, training=True) if "Batch" in name else layer(x)))

    def gradients(order):
        with tf.GradientTape() as tape:
            value = loss()
        return tape.gradient(value, layer.trainable_variables[::order])

    for order in (1, -1):
        found = (tf.function(gradients) if graph else gradients)(order)
        for weight, gradient in zip(layer.trainable_variables[::order], found, strict=True):
            assert gradient.shape == weight.shape
            at, direction = weight.numpy(), rng.normal(size=weight.shape)
            values = []
            for sign in (1, -1):
                weight.assign(at + sign * 1e-6 * direction)
                values.append(float(loss()))
            weight.assign(at)
            numeric = (values[0] - values[1]) / 2e-6
            assert np.sum(gradient * direction) == pytest.approx(numeric, rel=1e-6, abs=1e-7)


# --- dtypes, names, random numbers ------------------------------------------------------

LAYERS = {
    "Dense": ({"units": 2}, (4,)),
    "Conv2D": ({"filters": 2, "kernel_size": 2}, (4, 4, 2)),
    "MaxPooling2D": ({}, (4, 4, 2)),
    "ReLU": ({}, (4,)),
    "Softmax": ({}, (4,)),
    "Dropout": ({"rate": 0.5}, (4,)),
    "BatchNormalization": ({}, (4,)),
    "LocalResponseNormalization": ({}, (4, 4, 2)),
    "Augment": ({"augmentation": {"rotation_range": 9}}, (4, 4, 2)),
    "MeanImageStandardization": ({}, (4, 4, 2)),
    "PerImageStandardization": ({}, (4, 4, 2)),
}


def test_the_layers_here_are_all_of_ours():
    ours = {
        name for name in zoo.layers.__all__
        if getattr(zoo.layers, name).__module__.startswith("zoo.")
    }  # fmt: skip
    assert set(LAYERS) == ours


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16", "float32", "float64"])
@pytest.mark.parametrize("name", LAYERS)
def test_the_dtype_and_shape_foretold_are_those_that_come(name, policy):
    arguments, shape = LAYERS[name]
    layer = getattr(zoo.layers, name)(dtype=policy, **arguments)
    symbol = keras.KerasTensor((3, *shape))
    foretold = layer.compute_output_spec(symbol) if layer.built else layer(symbol)
    again = layer.compute_output_spec(symbol)
    y = layer(np.ones((3, *shape), "float32"))
    assert foretold.dtype == again.dtype == layer.compute_dtype == y.dtype.name
    assert foretold.shape == again.shape == layer.compute_output_shape((3, *shape)) == y.shape


@pytest.mark.parametrize("name", LAYERS)
def test_layers_are_registered_under_their_name(name):
    layer = getattr(zoo.layers, name)
    assert keras.saving.get_registered_name(layer) == f"zoo>{name}"
    assert keras.saving.get_registered_object(f"zoo>{name}") is layer
    saved = keras.saving.serialize_keras_object(layer(**LAYERS[name][0]))
    assert type(keras.saving.deserialize_keras_object(saved)) is layer


@pytest.mark.parametrize("graph", [False, True])
def test_dropout_draws_a_new_mask_each_call_and_the_same_from_the_same_seed(graph):
    def masks(seed):
        layer = zoo.layers.Dropout(0.5, seed=seed)
        run = tf.function(lambda x: layer(x, training=True)) if graph else layer
        call = {} if graph else {"training": True}
        # The third is of another shape, so a graph is traced again.
        return [run(tf.ones(shape), **call).numpy() for shape in ((8, 8), (8, 8), (9, 8), (8, 8))]

    first, second, longer, last = masks(1)
    for other in (second, longer[:8], last):
        assert not np.array_equal(first, other)
    assert not np.array_equal(second, last)
    for one, same, another in zip((first, second, longer, last), masks(1), masks(2), strict=True):
        np.testing.assert_array_equal(one, same)
        assert not np.array_equal(one, another)
