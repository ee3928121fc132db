"""Layers with gradients by hand, against Keras's own layers of the same name."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.stats import norm

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
    "convolution 1×1, strides": (
        "Conv2D", (2, 9, 8, 4), {"filters": 6, "kernel_size": 1, "strides": (2, 3)}, {}
    ),
    "convolution 1×1, strides and same": (
        "Conv2D", (2, 9, 7, 4),
        {"filters": 6, "kernel_size": 1, "strides": 3, "padding": "same", "groups": 2}, {},
    ),
    "depthwise": ("DepthwiseConv2D", (2, 6, 5, 3), {"kernel_size": (2, 3)}, {}),
    "depthwise, strides, same, relu": (
        "DepthwiseConv2D", (2, 9, 8, 3),
        {"kernel_size": 3, "strides": 2, "padding": "same", "depth_multiplier": 2,
         "activation": "relu"}, {},
    ),
    "depthwise, dilated": (
        "DepthwiseConv2D", (2, 9, 8, 3),
        {"kernel_size": 3, "dilation_rate": (2, 1), "padding": "same", "use_bias": False}, {},
    ),
    "depthwise 1×1, strides": (
        "DepthwiseConv2D", (2, 9, 7, 1), {"kernel_size": 1, "strides": 2, "padding": "same"}, {}
    ),
    "separable": (
        "SeparableConv2D", (2, 6, 5, 3),
        {"filters": 4, "kernel_size": 3, "padding": "same", "depth_multiplier": 2,
         "activation": "tanh"}, {},
    ),
    "separable, strides": (
        "SeparableConv2D", (2, 9, 8, 3),
        {"filters": 4, "kernel_size": 3, "strides": 2, "use_bias": False}, {},
    ),
    "separable 1×1, strides": (
        "SeparableConv2D", (2, 9, 8, 1), {"filters": 4, "kernel_size": 1, "strides": 2}, {}
    ),
    "average pooling": ("AveragePooling2D", (2, 7, 8, 3), {"pool_size": 2}, {}),
    "average pooling, overlapping, same": (
        "AveragePooling2D", (2, 7, 8, 3), {"pool_size": 3, "strides": 2, "padding": "same"}, {}
    ),
    "average pooling of single pixels": (
        "AveragePooling2D", (2, 7, 8, 3), {"pool_size": 1, "strides": (2, 3)}, {}
    ),
    "global average pooling": ("GlobalAveragePooling2D", (2, 4, 5, 3), {}, {}),
    "global average pooling, channels first": (
        "GlobalAveragePooling2D", (2, 4, 5, 3),
        {"data_format": "channels_first", "keepdims": True}, {},
    ),
    "swish": ("Activation", (4, 5), {"activation": "silu"}, {}),
    "pooling": ("MaxPooling2D", (2, 7, 8, 3), {}, {}),
    "pooling, overlapping, same": (
        "MaxPooling2D", (2, 7, 8, 3), {"pool_size": 3, "strides": 2, "padding": "same"}, {}
    ),
    "pooling of oblongs": ("MaxPooling2D", (2, 7, 8, 3), {"pool_size": (1, 3), "strides": 1}, {}),
}  # fmt: skip
DRAWS = {"dropout", "dropout of whole columns"}  # cases with new random numbers in each call
MIXES = {  # cases in which the gradient of a sample depends on the other samples
    name for name, (layer, _, arguments, call) in CASES.items()
    if layer == "BatchNormalization" and call["training"] and arguments.get("trainable", True)
}  # fmt: skip
ONCE = {  # a case of each layer, for promises that take long to test and concern the layer
    "dense of rank 3, relu",
    "relu, all options",
    "softmax, masked",
    "dropout",
    "batch normalisation",
    "batch normalisation in inference",
    "convolution, dilated",
    "depthwise, strides, same, relu",
    "separable",
    "average pooling, overlapping, same",
    "global average pooling",
    "swish",
    "pooling, overlapping, same",
}
GRAPHS = ONCE | {  # cases whose operations are other than those of the cases above
    "softmax over two axes",
    "batch normalisation, masked",
    "convolution in groups, relu",
    "convolution 1×1, strides",
    "depthwise, dilated",
}
each_case = pytest.mark.parametrize("case", CASES)


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
    """Set the random state of dropout back, so that it draws the first mask again."""
    if hasattr(layer, "seed_generator"):
        layer.seed_generator.state.assign(keras.random.SeedGenerator(layer.seed).state)


def tensors_of(layer, x, call):
    """Outputs, and gradients of inputs and weights for an uneven upstream."""
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x, **call)
        uneven = tf.reshape(tf.range(tf.size(y)), tf.shape(y))
        loss = tf.reduce_sum(tf.sin(tf.cast(y, "float64") + 0.1 * tf.cast(uneven, "float64")))
    return [y, *tape.gradient(loss, [x, *layer.trainable_variables])]


def outputs_and_gradients(layer, x, call):
    """The tensors of the layer, and the weights after."""
    tensors = [np.asarray(tf.cast(v, "float64")) for v in tensors_of(layer, x, call)]
    return tensors + layer.get_weights()


def assert_close(ours, theirs, **tolerance):
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, strict=True, **tolerance)


@each_case
def test_outputs_gradients_and_state_are_keras_own(case):
    theirs, ours = twins(case)
    x, call = inputs_of(case), CASES[case][3]
    expected = outputs_and_gradients(theirs, x, call)
    assert_close(outputs_and_gradients(ours, x, call), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("name", sorted({case[0] for case in CASES.values()}))
def test_graph_and_xla_agree_with_eager(name, jit_compile):
    # All cases of a layer share a graph: XLA compiles a large graph in less time than many small
    # graphs. XLA draws other random numbers for dropout, which test_dropout.py covers.
    cases = [
        case for case in CASES if CASES[case][0] == name and not (jit_compile and case in DRAWS)
    ]
    inputs = [inputs_of(case) for case in cases]

    def run(layers, inputs):
        return [
            tensors_of(layer, x, CASES[case][3])
            for layer, x, case in zip(layers, inputs, cases, strict=True)
        ]

    graph_layers, eager_layers = ([twins(case)[1] for case in cases] for _ in range(2))
    graph = tf.function(
        lambda *inputs: run(graph_layers, inputs), autograph=False, jit_compile=jit_compile
    )
    results = graph(*inputs), run(eager_layers, inputs)
    for number, case in enumerate(cases):
        ours, theirs = (
            [*tensors[number], *layers[number].get_weights()]
            for tensors, layers in zip(results, (graph_layers, eager_layers), strict=True)
        )
        assert_close(ours, theirs, rtol=1e-7, atol=1e-9, err_msg=case)


@pytest.mark.parametrize("case", sorted(ONCE))
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


@each_case
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


@each_case
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


@pytest.mark.parametrize("case", sorted(ONCE - {"dropout", "batch normalisation in inference"}))
def test_the_checker_finds_nothing_with_options_and_masks(case):
    _, layer = twins(case, "float32")
    _, shape, _, call = CASES[case]
    training = call.get("training")
    mask = call.get("mask")
    report = zoo.gradcheck(
        layer,
        shape[1:],
        batch_size=shape[0],
        training=training,
        mask=mask,
        second_order=True,
        twin=False,
    )
    assert report.ok, str(report)
    names = {check.name for check in report.tensors}
    assert len(names) == 1 + len(layer.trainable_variables)
    assert {check.name for check in report.second_order} == names


@pytest.mark.parametrize("case", sorted(GRAPHS - DRAWS - MIXES))
def test_vectorized_map_gives_each_samples_gradient(case):
    _, shape, _, call = CASES[case]
    _, layer = twins(case)
    samples = {"x": inputs_of(case)}
    if "mask" in call:
        samples["mask"] = tf.constant(call["mask"])

    def gradient_of(sample):
        x = sample["x"]
        own = {name: sample[name][None] for name in sample if name != "x"}
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.reduce_sum(tf.sin(layer(x[None], **{**call, **own})))
        return tape.gradient(loss, x)

    mapped = tf.vectorized_map(gradient_of, samples)
    single = tf.stack([gradient_of({k: v[i] for k, v in samples.items()}) for i in range(shape[0])])
    np.testing.assert_allclose(mapped, single, rtol=1e-9, atol=1e-12)


@each_case
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


@pytest.mark.parametrize("case", sorted(GRAPHS | {"pooling", "convolution"}))
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
        if batch or case not in MIXES:  # an empty batch has no moments
            assert all(np.isfinite(g).all() for g in gradients)


def test_gelu_is_the_normal_distribution_function_times_x():
    # Keras's own rounds a constant to float32, also in float64.
    x = np.random.default_rng(0).normal(size=(4, 5))
    layer = zoo.layers.Activation("gelu", dtype="float64")
    np.testing.assert_allclose(layer(x), x * norm.cdf(x), rtol=1e-14)
    theirs = keras.layers.Activation("gelu")(x.astype("float32"))
    np.testing.assert_allclose(zoo.layers.Activation("gelu")(x), theirs, rtol=1e-5, atol=1e-7)
    assert zoo.gradcheck(layer, (5,), second_order=True, twin=False, mode="fast").ok


@pytest.mark.parametrize("option", ["renorm", "synchronized"])
def test_what_has_no_gradient_by_hand_says_so(option):
    with pytest.raises(ArgumentError, match=f"{option}=True has no gradient by hand"):
        zoo.layers.BatchNormalization(**{option: True})


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("Conv2D", {"filters": 4, "kernel_size": 3}),
        ("DepthwiseConv2D", {"kernel_size": 3}),
        ("SeparableConv2D", {"filters": 4, "kernel_size": 3}),
        ("AveragePooling2D", {"pool_size": 3}),
    ],
)
def test_channels_first_is_the_same_layer_transposed(name, arguments):
    x = tf.constant(np.random.default_rng(0).normal(size=(2, 6, 5, 3)), "float32")
    last, first = (
        getattr(zoo.layers, name)(**arguments, data_format=data_format)
        for data_format in ("channels_last", "channels_first")
    )
    expected = last(x)
    first.build((2, 3, 6, 5))
    first.set_weights(last.get_weights())
    result = first(tf.transpose(x, (0, 3, 1, 2)))
    np.testing.assert_allclose(tf.transpose(result, (0, 2, 3, 1)), expected, rtol=1e-5, atol=1e-6)
