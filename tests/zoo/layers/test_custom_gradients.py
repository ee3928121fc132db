"""The gradient by hand is used in each way to run, and each weight gets its own gradient."""

import importlib
import inspect
import pkgutil
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
import zoo.layers
from zoo.layers.registration import EXAMPLES

# For functions that the example of the layer in their module does not use as wanted: a layer that
# uses the function, its input shape, and arguments of the call.
USES = {
    "dense.sparse_linear": (lambda: zoo.layers.Dense(3), (4,), {}),
    "conv2d.convolution": (lambda: zoo.layers.Conv2D(4, 2, groups=2), (5, 5, 4), {}),
    "activations.rectifier": (lambda: zoo.layers.Dense(3, "relu"), (4,), {}),
    "activations.silu": (lambda: zoo.layers.Activation("silu"), (4,), {}),
    "activations.gelu": (lambda: zoo.layers.Activation("gelu"), (4,), {}),
    "average_pooling2d.mean_over": (lambda: zoo.layers.GlobalAveragePooling2D(), (5, 5, 2), {}),
    "depthwise_conv2d.convolution": (lambda: zoo.layers.SeparableConv2D(3, 2), (5, 5, 2), {}),
    "merging.multiply": (lambda: zoo.layers.Multiply(), ((4, 3), (1, 3)), {}),
    "activations.tanh": (lambda: zoo.layers.Dense(3, "tanh"), (4,), {}),
    "activations.sigmoid": (lambda: zoo.layers.Conv2D(3, 2, activation="sigmoid"), (3, 3, 2), {}),
    "activations.softmax_over": (lambda: zoo.layers.Dense(3, "softmax"), (4,), {}),
    "dropout.scale": (lambda: zoo.layers.Dropout(1e-9), (4,), {"training": True}),
    "batch_normalization.batch_normalizer": (
        lambda: zoo.layers.BatchNormalization(), (4,), {"training": True}
    ),
    "batch_normalization.fixed_normalizer": (
        lambda: zoo.layers.BatchNormalization(), (4,), {"training": False}
    ),
}  # fmt: skip


def handwritten_functions():
    """Names `module.function` of the functions with a gradient by hand, wherever they are used."""
    names = []
    for found in pkgutil.iter_modules(zoo.layers.__path__):
        module = importlib.import_module(f"zoo.layers.{found.name}")
        for name, function in vars(module).items():
            bare = getattr(function, "__wrapped__", None)
            if bare and "@ops.custom_gradient" in inspect.getsource(bare):
                names.append(f"{found.name}.{name}")
    return names


def use_of(name):
    """A layer that uses the function, its input shape, and arguments of the call."""
    if name in USES:
        return USES[name]
    module = f"zoo.layers.{name.split('.')[0]}"
    kinds = [kind for kind in EXAMPLES if getattr(zoo.layers, kind).__module__ == module]
    assert kinds, f"{module} has no layer: add a use of {name} to USES"
    layer, example = getattr(zoo.layers, kinds[0]), EXAMPLES[kinds[0]]
    return lambda: layer(**example.arguments), example.input_shape, {}


FUNCTIONS = handwritten_functions()


def change(patch, name, decorator):
    """Replace `custom_gradient` of a function by `decorator` until the patch is undone."""
    module_name, attribute = name.split(".")
    module = importlib.import_module(f"zoo.layers.{module_name}")
    function = getattr(module, attribute)
    bare = function.__wrapped__  # without custom_gradient, or without lru_cache

    def made(*options):
        with pytest.MonkeyPatch.context() as inner:
            inner.setattr(keras.ops, "custom_gradient", decorator)
            return bare(*options)

    patch.setattr(module, attribute, made if hasattr(function, "cache_info") else decorator(bare))


def marked(f):
    """A custom gradient that is 42 times the gradient by hand."""

    @tf.custom_gradient
    def function(*arguments):
        y, backward = f(*arguments)

        def by_hand(*upstream):
            return tf.nest.map_structure(
                lambda g: None if g is None else 42 * g, backward(*upstream)
            )

        return y, by_hand

    return function


def model_and_inputs(name):
    make, shape, call = use_of(name)
    sparse = "sparse" in name
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    shapes = shape if isinstance(shape[0], tuple) else (shape,)
    inputs = [keras.Input(sides, sparse=sparse) for sides in shapes]
    arrays = [tf.constant(rng.normal(size=(3, *sides)), "float32") for sides in shapes]
    if len(shapes) > 1:
        return keras.Model(inputs, make()(inputs, **call)), arrays
    model = keras.Model(inputs[0], make()(inputs[0], **call))
    return model, tf.sparse.from_dense(arrays[0]) if sparse else arrays[0]


def input_gradient(function, x):
    at = x.values if isinstance(x, tf.SparseTensor) else x
    with tf.GradientTape() as tape:
        tape.watch(at)
        y = function(x)
        uneven = tf.reshape(tf.range(tf.size(y)), tf.shape(y))
        loss = tf.reduce_sum(y * tf.sin(tf.cast(uneven, y.dtype)))
    gradient = tape.gradient(loss, at)
    return gradient[0] if isinstance(gradient, list) else gradient


def export(model, x, path):
    if not isinstance(x, tf.SparseTensor):
        model.export(path, verbose=False)
        return
    # Keras exports models of dense inputs only.
    module = tf.Module()
    module.weights = [weight.value for weight in model.weights]
    module.serve = tf.function(model, input_signature=[tf.SparseTensorSpec((None, *x.shape[1:]))])
    tf.saved_model.save(module, path)


def test_every_gradient_by_hand_is_found():
    sources = Path(zoo.layers.__file__).parent.glob("*.py")
    written = sum(source.read_text("utf-8").count("@ops.custom_gradient") for source in sources)
    assert written == len({name.split(".")[1] for name in FUNCTIONS})


@pytest.mark.parametrize(
    ("name", "way"),
    [
        (name, way) for name in FUNCTIONS for way in ("eager", "xla", "exported")
        if (name, way) != ("dense.sparse_linear", "xla")  # XLA has no sparse matrices
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
            gradient = tf.function(lambda x: input_gradient(model, x), jit_compile=True)(x)
    if way == "exported":
        restored = tf.saved_model.load(tmp_path / "saved")
        gradient = input_gradient(restored.serve, x)
    assert np.max(np.abs(right)) > 0
    np.testing.assert_allclose(gradient, 42 * right, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("graph", [False, True])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_gradients_by_hand_get_tensors_by_position_and_capture_no_variable(name, graph):
    # Keyword arguments would lose the gradient, variables fail outside of fit, and the order of
    # the gradients of captured tensors differs between eager execution and a graph.
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
        assert all(isinstance(argument, tf.Tensor) for argument in arguments)


@pytest.mark.parametrize("graph", [False, True])
@pytest.mark.parametrize(
    ("name", "arguments", "shape"),
    [
        ("Dense", {"units": 3}, (2, 4, 3)),  # a kernel as wide as the bias, for one to be the other
        ("Conv2D", {"filters": 3, "kernel_size": 2}, (2, 4, 4, 3)),
        ("DepthwiseConv2D", {"kernel_size": 2, "depth_multiplier": 2}, (2, 4, 4, 3)),
        ("SeparableConv2D", {"filters": 3, "kernel_size": 2}, (2, 4, 4, 3)),
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
