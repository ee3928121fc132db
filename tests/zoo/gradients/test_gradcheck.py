"""The checker finds every planted fault and names it, and raises no false alarm."""

import itertools
import json

import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
from zoo.errors import ArgumentError
from zoo.gradients import catalogue
from zoo.gradients.agreement import WITH_TWIN
from zoo.gradients.subject import keras_twin
from zoo.layers import LocalResponseNormalization

L = keras.layers


def test_it_is_a_function_also_after_its_package_is_imported():
    import zoo.gradients.check

    assert callable(zoo.gradcheck)


# Planted faults


class Affine(L.Layer):
    """x W + b with a gradient to be spoiled: `fault` changes (dx, dW, db)."""

    def __init__(self, units=4, fault=None, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.fault = fault

    def build(self, shape):
        self.kernel = self.add_weight(name="kernel", shape=(shape[-1], self.units))
        self.bias = self.add_weight(name="bias", shape=(self.units,))

    def call(self, x):
        fault = FAULTS[self.fault][0] if isinstance(self.fault, str) else self.fault

        @tf.custom_gradient
        def affine(x, w, b):
            def backward(dy):
                dx, dw, db = dy @ tf.transpose(w), tf.transpose(x) @ dy, tf.reduce_sum(dy, axis=0)
                return fault(dx, dw, db, dy=dy, x=x, w=w) if fault else (dx, dw, db)

            return x @ w + b, backward

        return affine(x, tf.convert_to_tensor(self.kernel), tf.convert_to_tensor(self.bias))

    def get_config(self):
        return {**super().get_config(), "units": self.units, "fault": self.fault}


FAULTS = {
    "sign": (lambda dx, dw, db, **_: (dx, -dw, db), "kernel: wrong sign"),
    "factor": (
        lambda dx, dw, db, **_: (dx, 7.0 * dw, db),
        "kernel: analytic gradient is 7 times the numeric one: a factor of the batch size?",
    ),
    "missing 1/n": (
        lambda dx, dw, db, **_: (dx, dw, db / 7.0),
        "bias: analytic gradient is 0.1429 times the numeric one: a factor of the batch size?",
    ),
    "odd factor": (
        lambda dx, dw, db, **_: (1.7 * dx, dw, db),
        "input: analytic gradient is 1.7 times the numeric one (",
    ),
    "transposed": (lambda dx, dw, db, **_: (dx, tf.transpose(dw), db), "kernel: looks transposed"),
    "not reduced": (
        lambda dx, dw, db, dy, **_: (dx, dw, dy),
        "bias: gradient has shape (7, 4), the tensor (4,): not summed over the leading axes",
    ),
    "none": (lambda dx, dw, db, **_: (dx, None, db), "kernel: gradient is None; the slopes reach"),
    "zero": (
        lambda dx, dw, db, **_: (dx, 0 * dw, db),
        "kernel: the analytic gradient is zero everywhere",
    ),
    "upstream ignored": (
        lambda dx, dw, db, dy, x, w: (tf.ones_like(dy) @ tf.transpose(w), dw, db),
        "input: the gradient ignores the upstream gradient",
    ),
    "upstream squared": (
        lambda dx, dw, db, dy, **_: (dx, dw, tf.reduce_sum(dy**2, axis=0)),
        "bias: the gradient is not linear in the upstream gradient",
    ),
    "not a number": (
        lambda dx, dw, db, **_: (dx, dw, db / tf.constant([1.0, 1, 0, 1], "float64")),
        "bias: 1 values are not finite, such as at (2,)",
    ),
    "one element": (
        lambda dx, dw, db, **_: (
            dx,
            dw * (1 + tf.scatter_nd([[3, 1]], tf.constant([0.1], dw.dtype), [4, 4])),
            db,
        ),
        "kernel: wrong at 1 of 16 elements (largest error at (3, 1)",
    ),
}


def check_affine(fault, **options):
    layer = Affine(fault=fault)
    return zoo.gradcheck(layer, input_shape=(4,), batch_size=7, **options)


def test_a_right_custom_gradient_passes():
    report = check_affine(None)
    assert report.ok, str(report)
    assert report.findings == ()
    assert all(one.scale == pytest.approx(1) for one in report.tensors)
    assert max(one.max_relative_error for one in report.tensors) < 1e-9
    assert max(one.max_relative_error or 0 for one in report.second_order) < 1e-6


@pytest.mark.parametrize("mode", ["full", "fast"])
@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_found_and_named(name, mode):
    report = check_affine(name, mode=mode)
    assert not report.ok
    assert len(report.findings) == 1, str(report)
    assert report.findings[0].startswith(FAULTS[name][1])
    assert "second order not checked" in " ".join(report.notes).lower()


def test_a_fault_in_graph_only_is_found():
    report = check_affine(
        lambda dx, dw, db, **_: (dx if tf.executing_eagerly() else 2 * dx, dw, db)
    )
    assert report.findings == ("input: the gradients in eager execution and in a graph differ",)


def test_a_gradient_that_raises_in_eager_is_a_finding():
    def fault(dx, dw, db, **_):
        if tf.executing_eagerly():
            raise TypeError("no eager execution, please")
        return dx, dw, db

    report = check_affine(fault)
    assert report.findings == (
        "gradient in eager execution raises TypeError: no eager execution, please",
    )
    assert all(not one.problem for one in report.tensors)


def unary(forward, backward):
    """A layer without weights: backward takes (x, dy, training)."""

    class Unary(L.Layer):
        def call(self, x, training=None):
            @tf.custom_gradient
            def function(x):
                return forward(x), lambda dy: backward(x, dy, training)

            return function(x)

    return Unary()


def test_wrong_only_in_training_mode():
    layer = unary(tf.sin, lambda x, dy, training: dy * tf.cos(x) * (2.0 if training else 1.0))
    (finding,) = zoo.gradcheck(layer, (5,)).findings
    assert finding.startswith("input: analytic gradient is 2 times the numeric one")
    assert finding.endswith("; wrong only in training mode")


def test_one_mode_may_be_asked_for():
    layer = unary(tf.sin, lambda x, dy, training: dy * tf.cos(x) * (2.0 if training else 1.0))
    assert zoo.gradcheck(layer, (5,), training=False).ok
    assert not zoo.gradcheck(layer, (5,), training=True).ok


class Masked(L.Layer):
    """tanh(x) at the masked time steps, zero elsewhere; the mask is forgotten backwards."""

    supports_masking = True

    def call(self, x, mask=None):
        @tf.custom_gradient
        def function(x):
            kept = tf.cast(mask, x.dtype)[..., None]
            return tf.tanh(x) * kept, lambda dy: dy * (1 - tf.tanh(x) ** 2)

        return function(x)


def test_a_mask_not_applied_backwards():
    mask = np.array([[True, True, False], [True, False, False]])
    (finding,) = zoo.gradcheck(Masked(), (3, 2), batch_size=2, mask=mask).findings
    assert finding.startswith("input: not zero where the output does not depend on it: a mask")


def test_a_dropout_mask_not_applied_backwards():
    class ForgetfulDropout(L.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.seed_generator = keras.random.SeedGenerator(3)

        def call(self, x, training=None):
            if not training:
                return x
            draws = keras.random.uniform(tf.shape(x), seed=self.seed_generator, dtype=x.dtype)

            @tf.custom_gradient
            def drop(x):
                return 2 * x * tf.cast(draws > 0.5, x.dtype), lambda dy: 2 * dy

            return drop(x)

    (finding,) = zoo.gradcheck(ForgetfulDropout(), (6,)).findings
    assert "a mask that is not applied backwards?" in finding
    assert "wrong only in training mode" in finding


def normalisation(drop):
    """Batch normalisation by hand, without the term that is named."""

    @tf.custom_gradient
    def normalise(x):
        centred = x - tf.reduce_mean(x, axis=0)
        deviation = tf.sqrt(tf.reduce_mean(centred**2, axis=0) + 1e-3)
        y = centred / deviation

        def backward(dy):
            terms = {"mean": tf.reduce_mean(dy, 0), "variance": y * tf.reduce_mean(dy * y, 0)}
            return (dy - sum(term for name, term in terms.items() if name != drop)) / deviation

        return y, backward

    class Normalise(L.Layer):
        def call(self, x):
            return normalise(x)

    return Normalise()


def test_batch_normalisation_by_hand_passes():
    assert zoo.gradcheck(normalisation(None), (4,), batch_size=6).ok


@pytest.mark.parametrize(
    ("term", "words"),
    [("mean", "input: off by the same amount in the whole batch"), ("variance", "input: wrong at")],
)
def test_a_dropped_term_of_batch_normalisation(term, words):
    (finding,) = zoo.gradcheck(normalisation(term), (4,), batch_size=6).findings
    assert finding.startswith(words)


class Convolution(L.Layer):
    """3x3 convolution; `wrong_padding` spoils the input's gradient along the border."""

    def __init__(self, wrong=None, **kwargs):
        super().__init__(**kwargs)
        self.wrong = wrong

    def build(self, shape):
        self.kernel = self.add_weight(name="kernel", shape=(3, 3, shape[-1], 2))

    def call(self, x):
        @tf.custom_gradient
        def convolve(x, w):
            def backward(dy):
                common = {"strides": [1, 1, 1, 1], "padding": "SAME", "out_backprop": dy}
                dx = tf.raw_ops.Conv2DBackpropInput(input_sizes=tf.shape(x), filter=w, **common)
                dw = tf.raw_ops.Conv2DBackpropFilter(input=x, filter_sizes=tf.shape(w), **common)
                if self.wrong == "border":
                    inside = tf.pad(
                        tf.ones_like(dx)[:, 1:-1, 1:-1], [[0, 0], [1, 1], [1, 1], [0, 0]]
                    )
                    dx = dx * (0.5 + 0.5 * inside)
                elif self.wrong == "flipped":
                    dw = dw[::-1, ::-1]
                return dx, dw

            return tf.nn.conv2d(x, w, 1, "SAME"), backward

        return convolve(x, tf.convert_to_tensor(self.kernel))

    def get_config(self):
        return {**super().get_config(), "wrong": self.wrong}


@pytest.mark.parametrize(
    ("wrong", "words"),
    [("border", "input: wrong only at the border"), ("flipped", "kernel: looks flipped in space")],
)
def test_a_convolution_wrong_at_the_border_or_flipped(wrong, words):
    (finding,) = zoo.gradcheck(Convolution(wrong), (6, 6, 2)).findings
    assert finding.startswith(words)


def square(residual):
    return unary(tf.square, lambda x, dy, training: 2 * residual(x) * dy)


def test_second_order_that_is_none_is_told():
    report = zoo.gradcheck(square(tf.stop_gradient), (4,))
    assert report.ok
    assert any("second-order gradient is None" in note for note in report.notes)
    report = zoo.gradcheck(square(tf.stop_gradient), (4,), second_order=True)
    assert report.findings[0].startswith("input: second-order gradient is None")


def test_wrong_second_order_is_a_finding_when_asked_for():
    @tf.custom_gradient
    def residual(x):
        return x, lambda dy: 3 * dy

    assert zoo.gradcheck(square(tf.identity), (4,), second_order=True).ok
    (finding,) = zoo.gradcheck(square(residual), (4,), second_order=True).findings
    assert finding.startswith("input: second-order gradient is wrong: analytic")
    assert zoo.gradcheck(square(residual), (4,), second_order=False).second_order == ()


def test_second_order_that_raises_is_noted():
    def backward(x, dy, training):
        @tf.custom_gradient
        def once(x):
            def never(_):
                raise NotImplementedError("only one gradient is written")

            return 2 * x, never

        return dy * once(x)

    report = zoo.gradcheck(unary(tf.square, backward), (4,))
    assert report.ok
    assert report.second_order == ()
    assert "NotImplementedError: only one gradient is written" in " ".join(report.notes)


def test_randomness_without_a_seed_generator_is_found():
    class Noise(L.Layer):
        def call(self, x):
            return x * tf.random.uniform(tf.shape(x), dtype=x.dtype)

    report = zoo.gradcheck(Noise(), (3,))
    assert "two passes with the same random state differ" in report.findings[0]
    assert report.tensors == ()


def test_outputs_that_are_not_finite_are_a_finding():
    class Root(L.Layer):
        def call(self, x):
            return tf.sqrt(x)

    report = zoo.gradcheck(Root(), inputs=np.array([[1.0, -1.5]]))
    assert report.findings == ("outputs are not finite, so they have no differences",)
    assert zoo.gradcheck(Root(), inputs=np.array([[1.3, 1e-3]])).ok


# No false alarm


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (lambda: L.Dense(4, activation="tanh"), (5,)),
        (lambda: L.Dense(3), (4, 5)),
        (lambda: L.Conv2D(2, 3, strides=2, padding="same"), (6, 6, 2)),
        (lambda: L.Conv2D(2, (3, 2), padding="valid"), (5, 5, 2)),
        (lambda: L.Conv2D(2, 3, dilation_rate=2, padding="same"), (6, 6, 1)),
        (lambda: L.Conv2D(4, 3, groups=2), (5, 5, 4)),
        (lambda: L.BatchNormalization(), (4,)),
        (lambda: L.BatchNormalization(), (3, 3, 2)),
        (lambda: L.LayerNormalization(), (5,)),
        (lambda: L.MaxPooling2D(2), (4, 4, 2)),
        (lambda: L.AveragePooling2D(3, strides=2, padding="same"), (5, 5, 2)),
        (lambda: L.Dropout(0.4), (8,)),
        (lambda: L.Softmax(), (5,)),
        (lambda: L.GRU(3), (4, 2)),
        (lambda: L.MultiHeadAttention(2, 3), [(3, 4), (5, 4)]),
        (lambda: L.Add(), [(3,), (3,)]),
        (lambda: L.TimeDistributed(L.Dense(2)), (3, 4)),
        (lambda: LocalResponseNormalization(), (2, 2, 6)),
    ],
)
def test_no_false_alarm_on_a_right_layer(layer, shape):
    report = zoo.gradcheck(layer(), input_shape=shape)
    assert report.ok, str(report)
    assert all(one.checked for one in report.tensors)
    assert not any(one.kinks for one in report.tensors)
    assert all(len(one.sweep) == 9 for one in report.tensors)


def test_tensorflows_wrong_second_order_of_moments_is_told_but_does_not_count():
    report = zoo.gradcheck(L.BatchNormalization(), (4,))
    assert report.ok
    assert any("second-order gradient is wrong" in note for note in report.notes)


def test_relu_at_exact_zeros_is_counted_and_left_out():
    x = np.array([[0.0, 1.0, -2.0], [0.0, 0.0, 3.0]])
    report = zoo.gradcheck(L.ReLU(), inputs=x)
    (tensor,) = report.tensors
    assert report.ok
    assert (tensor.checked, tensor.kinks) == (6, 3)
    assert "6 elements, 3 of them left out at kinks" in report.verdict()


def test_nothing_but_kinks_is_told():
    report = zoo.gradcheck(L.ReLU(), inputs=np.zeros((2, 3)))
    assert not report.ok
    assert "input: nothing but kinks, so nothing could be compared" in report.findings


def test_ties_of_max_pooling_are_counted():
    x = np.arange(32.0).reshape(2, 4, 4, 1)
    x[0, :2, :2, 0] = [[5.0, 9.0], [9.0, 1.0]]
    report = zoo.gradcheck(L.MaxPooling2D(2), inputs=x)
    assert report.ok, str(report)
    assert report.tensors[0].kinks == 2


def test_a_kink_near_by_does_no_harm():
    x = np.array([[1e-3, -1e-5, 2e-7, 1.0]])
    report = zoo.gradcheck(L.ReLU(), inputs=x)
    assert report.ok, str(report)
    assert report.tensors[0].kinks == 0


@pytest.mark.parametrize(
    "loss",
    [
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        keras.losses.SparseCategoricalCrossentropy(),
        keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1),
        keras.losses.CategoricalCrossentropy(label_smoothing=0.1, reduction="none"),
        keras.losses.BinaryCrossentropy(),
        keras.losses.MeanSquaredError(reduction="sum"),
        keras.losses.KLDivergence(),
        keras.losses.sparse_categorical_crossentropy,
    ],
)
def test_no_false_alarm_on_a_right_loss(loss):
    report = zoo.gradcheck(loss, input_shape=(5,))
    assert report.ok, str(report)
    (tensor,) = report.tensors
    assert (tensor.name, tensor.shape, tensor.dtype) == ("y_pred", (3, 5), "float64")


def test_a_loss_of_ones_own_is_checked_as_it_stands():
    class Scaled(keras.losses.Loss):  # without get_config
        def __init__(self, factor):
            super().__init__()
            self.factor = factor

        def call(self, y_true, y_pred):
            @tf.custom_gradient
            def half_square(p):
                e = p - y_true
                return self.factor * e**2 / 2, lambda dy: dy * e

            return tf.reduce_sum(half_square(y_pred), axis=-1)

    assert zoo.gradcheck(Scaled(1.0), (4,)).ok
    assert not zoo.gradcheck(Scaled(2.0), (4,)).ok
    labels, predictions = np.zeros((2, 3)), np.ones((2, 3))
    assert not zoo.gradcheck(Scaled(2.0), inputs=(labels, predictions)).ok


def small_model():
    return keras.Sequential(
        [
            L.Input((6, 6, 1)),
            L.Rescaling(1 / 255),
            L.Conv2D(3, 3, dtype="mixed_bfloat16"),
            L.BatchNormalization(),
            L.ReLU(),
            L.MaxPooling2D(2),
            L.Flatten(),
            L.Dropout(0.3),
            L.Dense(4),
            L.Softmax(dtype="float32"),
        ]
    )


@pytest.mark.parametrize("mode", ["full", "fast"])
def test_no_false_alarm_on_a_small_model(seeded, mode):
    report = zoo.gradcheck(small_model(), mode=mode)
    assert report.ok, str(report)
    assert {one.training for one in report.tensors} == {False, True}
    weights = {one.name for one in report.tensors if one.role == "weight"}
    assert len(weights) == 6


def test_a_fault_inside_a_model_is_found_by_directions(seeded):
    inputs = keras.Input((4,))
    right = Affine(4, name="right")
    wrong = Affine(4, fault="sign", name="wrong")
    model = keras.Model(inputs, wrong(keras.activations.tanh(right(inputs))))
    (finding,) = zoo.gradcheck(model, mode="fast").findings
    assert finding.startswith("wrong/kernel: wrong sign")


def test_a_large_model_is_checked_by_directions(seeded):
    report = zoo.gradcheck(zoo.build("cnn", input_shape=(12, 12, 1)), batch_size=2)
    assert report.mode == "fast"
    assert report.ok, str(report)
    assert all(one.index is None for one in report.tensors)


def test_token_ids_have_no_gradient_and_the_table_has():
    ids = np.array([[0, 2, 1], [2, 2, 4]])
    report = zoo.gradcheck(L.Embedding(5, 3), inputs=ids)
    assert report.ok, str(report)
    assert [one.name for one in report.tensors] == ["embeddings"]


# What it is asked, and what it leaves alone


def test_the_target_is_left_alone(seeded):
    layer = L.Dense(3)
    layer.build((None, 4))
    model = small_model()
    before = [np.array(v) for v in [*layer.variables, *model.variables]]
    zoo.gradcheck(layer)
    zoo.gradcheck(model, mode="fast", second_order=False)
    for old, new in zip(before, [*layer.variables, *model.variables], strict=True):
        np.testing.assert_array_equal(old, new)
    assert layer.kernel.dtype == "float32"
    assert keras.config.floatx() == "float32"
    assert keras.config.dtype_policy().name == "float32"


def test_a_built_layer_is_checked_with_its_own_weights():
    layer = L.Dense(1, use_bias=False)
    layer.build((None, 2))
    layer.set_weights([np.array([[2.0], [-3.0]])])
    report = zoo.gradcheck(layer, batch_size=1, training=False)
    by_input = next(one for one in report.tensors if one.name == "input")
    assert by_input.shape == (1, 2)  # known, since the layer is built
    # The gradients of the two elements are upstream times 2 and -3.
    report = zoo.gradcheck(layer, inputs=np.ones((1, 2)), training=False)
    assert report.ok


def test_weights_that_could_hide_a_fault_are_noted():
    layer = keras.layers.Dense(2)
    layer.build((None, 3))
    (note,) = (note for note in zoo.gradcheck(layer, (3,)).notes if "0 or 1" in note)
    assert "bias" in note
    assert "kernel" not in note
    assert not any("0 or 1" in note for note in zoo.gradcheck(keras.layers.Dense(2), (3,)).notes)


def test_a_twin_that_cannot_run_is_a_note():
    class Broken(keras.layers.Dense):
        def call(self, inputs):
            raise NotImplementedError("not on this device")

    report = zoo.gradcheck(keras.layers.Dense(2), (3,), twin=Broken(2))
    assert report.ok
    assert any("Not compared with the twin: NotImplementedError" in note for note in report.notes)


def test_the_same_seed_gives_the_same_report():
    one, other = (zoo.gradcheck(L.Dropout(0.5), (6,), seed=3).to_dict() for _ in range(2))
    assert one == other
    assert one != zoo.gradcheck(L.Dropout(0.5), (6,), seed=4).to_dict()


def test_a_large_tensor_is_sampled_in_full_mode_and_the_sample_is_counted():
    report = zoo.gradcheck(L.Dense(20), (30,), mode="full", limit=50)
    sizes = {one.name: (one.checked, one.size) for one in report.tensors}
    assert sizes == {"input": (50, 90), "kernel": (50, 600), "bias": (20, 20)}
    assert "50/600" in str(report)


def test_the_sweep_is_a_v():
    report = zoo.gradcheck(L.Softmax(), (5,))
    errors = np.array(report.tensors[0].sweep)
    lowest = errors.argmin()
    assert 2 <= lowest <= 6
    assert errors[0] > 100 * errors[lowest] < errors[-1]


@pytest.mark.parametrize(
    ("target", "options", "words"),
    [
        (L.Dense(2), {}, "does not say what it takes; pass input_shape"),
        (L.Dense(2), {"input_shape": (0,)}, "shape of whole numbers"),
        (L.Dense(2), {"input_shape": "big"}, "shape of whole numbers"),
        (L.Dense(2), {"input_shape": (2,), "inputs": np.ones((2, 2))}, "not both"),
        (L.Dense(2), {"input_shape": (2,), "mode": "quick"}, 'mode is "full", "fast" or None'),
        (L.Dense(2), {"input_shape": (2,), "batch_size": 0}, "batch_size=0"),
        (L.Dense(2), {"input_shape": (2,), "tolerance": 0}, "tolerance is between 0 and 1"),
        (L.ReLU(), {"input_shape": (2,), "mask": np.ones((3, 2), bool)}, "takes no mask"),
        (L.Conv2D(2, 3), {"input_shape": (4,)}, r"cannot be called on inputs of shape \(3, 4\)"),
        (keras.losses.MeanSquaredError(), {}, "A loss needs input_shape"),
        (keras.losses.MeanSquaredError(), {"inputs": np.ones((2, 2))}, "Received: 1 arrays"),
        (L.ReLU(), {"input_shape": (2,), "training": True}, "the same in training and"),
        (L.Dense(2), {"inputs": np.ones((0, 2))}, "not empty"),
        ("Dense", {}, "Received: 'Dense'"),
    ],
)
def test_wrong_use_is_an_argument_error(target, options, words):
    with pytest.raises(ArgumentError, match=words):
        zoo.gradcheck(target, **options)


def test_a_layer_that_computes_in_float32_is_refused():
    class Single(L.Layer):
        def call(self, x):
            return tf.cast(tf.sin(tf.cast(x, "float32")), x.dtype)

    with pytest.raises(ArgumentError, match="computes in float32 inside"):
        zoo.gradcheck(Single(), (3,))


def test_a_layer_that_cannot_be_copied_says_so():
    class Stubborn(L.Layer):
        def __init__(self, function, **kwargs):
            super().__init__(**kwargs)
            self.function = function

        def call(self, x):
            return x

        def get_config(self):
            return super().get_config()

    with pytest.raises(
        ArgumentError, match=r"Stubborn\.from_config\(get_config\(\)\); that failed"
    ):
        zoo.gradcheck(Stubborn(np.sin), (2,))


# The report


def test_the_report_as_json():
    report = check_affine("transposed")
    values = json.loads(report.to_json())
    assert values["ok"] is False
    kernel = next(one for one in values["tensors"] if one["name"] == "kernel")
    assert kernel["shape"] == [4, 4]
    assert (kernel["dtype"], kernel["role"], kernel["training"]) == ("float64", "weight", None)
    assert set(kernel) >= {
        "max_absolute_error", "max_relative_error", "index", "analytic", "numeric", "scale",
        "checked", "kinks", "step", "sweep",
    }  # fmt: skip
    assert len(kernel["index"]) == 2
    assert kernel["analytic"] != pytest.approx(kernel["numeric"])
    assert len(values["steps"]) == 9
    assert values["findings"] == list(report.findings)


def test_the_report_as_text():
    text = str(check_affine("sign"))
    assert "Affine: WRONG" in text
    assert "  - kernel: wrong sign" in text
    assert "Relative error over the step" in text
    assert "4×4" in text


# The twin


EXECUTIONS = ("eager", "graph", "xla")


def test_twins_agree_in_every_precision_and_way_to_run():
    class Twin(L.Dense):
        pass

    report = zoo.gradcheck(Twin(3), (4,), twin=L.Dense(3))
    assert report.ok, str(report)
    assert report.reference == "the twin"
    ways = [(one.policy, one.training, one.execution) for one in report.agreement]
    assert ways == list(itertools.product(WITH_TWIN, (False, True), EXECUTIONS))
    assert all(one.max_error <= one.tolerance for one in report.agreement)


def test_a_twin_that_differs_is_found():
    layer = L.LayerNormalization(epsilon=0.5)
    report = zoo.gradcheck(layer, (4,), twin=L.LayerNormalization(), second_order=False)
    assert len(report.findings) == len(report.agreement) == 12
    assert report.findings[0].startswith(
        "against the twin, float64, eager: gradient of gamma differs by"
    )


def test_a_random_twin_is_compared_in_inference_only():
    report = zoo.gradcheck(L.Dropout(0.5), (4,), twin=L.Dropout(0.5, seed=3))
    assert report.ok, str(report)
    assert "Compared with the twin in inference only: it is random." in report.notes
    assert {one.training for one in report.agreement} == {False}


def test_dropout_draws_what_kerass_draws_and_is_compared_in_training_too():
    report = zoo.gradcheck(zoo.layers.Dropout(0.5), (40,))
    assert report.ok, str(report)
    assert report.reference == "the Keras twin"
    assert {one.training for one in report.agreement} == {False, True}


def test_layers_of_zoo_have_the_keras_layer_of_their_name_as_twin():
    assert keras_twin(zoo.layers.Dense) is L.Dense
    assert keras_twin(L.Dense) is None
    assert keras_twin(LocalResponseNormalization) is None
    assert zoo.gradcheck(zoo.layers.Dense(2), (3,)).reference == "the Keras twin"
    report = zoo.gradcheck(zoo.layers.Dense(2), (3,), twin=False)
    assert (report.agreement, report.reference) == ((), "")


def test_a_model_by_hand_is_compared_with_the_model_of_kerass_layers(monkeypatch, seeded):
    @tf.custom_gradient
    def wrong_below_float64(x, kernel):
        def backward(dy):
            factor = 1.0 if dy.dtype == "float64" else 2.0
            return factor * dy @ tf.transpose(kernel), tf.transpose(x) @ dy

        return x @ kernel, backward

    monkeypatch.setattr("zoo.layers.dense.linear", wrong_below_float64)
    model = zoo.build("cnn", gradients="handwritten", input_shape=(8, 8, 1), hidden=4)
    report = zoo.gradcheck(model, second_order=False)
    wrong = {(one.policy, one.execution) for one in report.agreement if one.problem}
    assert wrong == set(itertools.product(list(WITH_TWIN)[1:], EXECUTIONS))
    assert len(report.findings) == 9
    assert all(finding.startswith("against the Keras twin, ") for finding in report.findings)


@pytest.mark.parametrize("mode", ["fast", "full"])
def test_an_entry_by_hand_agrees_with_kerass(mode):
    model = zoo.build("bn_mlp", gradients="handwritten", input_shape=(4, 4, 1), hidden=(5, 5))
    report = zoo.gradcheck(model, mode=mode)
    assert report.ok, str(report)
    modes = {True} if mode == "fast" else {False, True}
    assert {one.training for one in report.agreement} == modes
    assert len(report.agreement) == 12 * len(modes)


@pytest.mark.parametrize(
    ("labels", "smoothing", "reference"),
    [
        (np.array([0, 3]), 0.0, "the Keras twin"),
        (np.array([0, 3]), 0.1, "float64"),
        (np.eye(4)[[0, 3]], 0.1, "the Keras twin"),
    ],
)
def test_our_loss_is_compared_with_kerass_of_the_same_labels(labels, smoothing, reference):
    loss = zoo.losses.SoftmaxCrossEntropy(label_smoothing=smoothing)
    logits = np.random.default_rng(0).normal(size=(2, 4))
    report = zoo.gradcheck(loss, inputs=(labels, logits))
    assert report.ok, str(report)
    assert report.reference == reference
    assert {one.policy for one in report.agreement} == set(WITH_TWIN)


def test_a_fault_in_float32_alone_is_found_without_a_twin():
    layer = unary(tf.sin, lambda x, dy, _: dy * tf.cos(x) * (1 if x.dtype == "float64" else 1.01))
    report = zoo.gradcheck(layer, (5,), training=True)
    assert report.reference == "float64"
    assert [finding.split(":")[0] for finding in report.findings] == [
        f"against float64, float32, {run} (training)" for run in EXECUTIONS
    ]


def test_half_precision_that_is_far_from_float64_is_noted():
    layer = unary(tf.sin, lambda x, dy, _: dy * tf.cos(x) * (1.2 if x.dtype == "float16" else 1))
    report = zoo.gradcheck(layer, (5,), training=True)
    assert report.ok
    (note,) = (note for note in report.notes if "mixed_float16" in note)
    assert note.startswith("In mixed_float16 it is up to 0.2 from float64")


HALF_PRECISION_FAULTS = {
    "differs by": lambda x, dy: -dy * tf.cos(x),
    "is not finite": lambda x, dy: dy * np.inf,
    "is None here only": lambda x, dy: None,
}


@pytest.mark.parametrize("words", HALF_PRECISION_FAULTS)
def test_what_is_no_rounding_is_a_fault_in_half_precision_too(words):
    def backward(x, dy, training):
        fault = HALF_PRECISION_FAULTS[words]
        return fault(x, dy) if x.dtype == "bfloat16" else dy * tf.cos(x)

    report = zoo.gradcheck(unary(tf.sin, backward), (5,), training=True)
    assert len(report.findings) == 3
    for finding in report.findings:
        assert finding.startswith("against float64, mixed_bfloat16, ")
        assert f"gradient of input {words}" in finding


def test_a_gradient_that_fails_in_half_precision_is_found():
    layer = unary(tf.sin, lambda x, dy, _: dy * tf.cast(tf.cos(x), dy.dtype) * tf.cast(
        tf.ones_like(x), "float32" if x.dtype == "float16" else x.dtype))  # fmt: skip
    report = zoo.gradcheck(layer, (5,), training=True)
    assert report.findings
    assert all("mixed_float16" in finding and "raises" in finding for finding in report.findings)


def test_what_xla_cannot_compile_is_a_note_without_a_twin():
    class Sorted(L.Layer):
        def call(self, x):
            return tf.py_function(lambda x: x * 2, [x], x.dtype)

        def compute_output_shape(self, shape):
            return shape

    report = zoo.gradcheck(Sorted(), (3,), second_order=False)
    assert not [finding for finding in report.findings if "xla" in finding]
    assert any("float32, xla: raises" in note for note in report.notes)


class Float32Fault(L.Layer):
    def call(self, x):
        @tf.custom_gradient
        def identity(x):
            return x + 0, lambda dy: dy if dy.dtype == "float64" else -dy

        return identity(x)


@pytest.mark.parametrize("library", [L, zoo.layers])
def test_a_fault_in_float32_inside_a_model_is_found(library):
    # A model with a layer of unknown make has no Keras twin: that would have the fault too.
    model = keras.Sequential([keras.Input((4,)), library.Dense(3), Float32Fault(), L.Dense(2)])
    report = zoo.gradcheck(model)
    assert report.reference == "float64"
    assert {one.policy for one in report.agreement} == {"float64", "float32"}
    assert len(report.findings) == 6
    assert all("float32" in finding for finding in report.findings)
    assert any("Not compared in half precision" in note for note in report.notes)


def test_one_wrong_element_in_float32_is_found():
    def backward(x, dy, training):
        gradient = dy * tf.cos(x)
        if x.dtype == "float64":
            return gradient
        return gradient * (1 + tf.scatter_nd([[1, 7]], tf.constant([0.05], x.dtype), x.shape))

    report = zoo.gradcheck(unary(tf.sin, backward), (1000,), training=True, mode="fast")
    assert sum("float32" in finding for finding in report.findings) == 3


def test_rounding_that_the_twin_has_too_is_no_fault():
    # Batch normalisations on a batch of 3 magnify what float32 rounds.
    arguments = {"input_shape": (6, 6, 1), "num_classes": 3, "hidden": (12,) * 6, "seed": 2}
    model = zoo.build("bn_mlp", gradients="handwritten", **arguments)
    report = zoo.gradcheck(model, batch_size=3)
    assert report.ok, str(report)
    assert any("which is no nearer to float64" in note for note in report.notes)
    assert not any("second-order" in note for note in report.notes)


@pytest.mark.parametrize(
    ("shape", "gradients", "seed"), [((12, 12, 1), "handwritten", 3), ((8, 8, 1), "auto", 15)]
)
def test_an_unlucky_direction_is_no_false_alarm(shape, gradients, seed):
    # In the first a step that crosses a kink; in the second, one that was too large.
    model = zoo.build("cnn", gradients=gradients, input_shape=shape, num_classes=4, seed=seed)
    report = zoo.gradcheck(model, seed=seed, twin=False, second_order=False)
    assert report.ok, str(report)


def test_a_stopped_gradient_is_hinted_at():
    class Stopped(L.Layer):
        def call(self, x):
            return x * tf.stop_gradient(x)

    report = zoo.gradcheck(Stopped(), (3,))
    assert not report.ok
    assert any("stops gradients (tf.stop_gradient)" in note for note in report.notes)
    report = zoo.gradcheck(Affine(fault="sign"), (4,))
    assert not any("tf.stop_gradient" in note for note in report.notes)
    # One that changes nothing is not worth a word.
    report = zoo.gradcheck(L.BatchNormalization(), (4,))
    assert not any("tf.stop_gradient" in note for note in report.notes)


def test_a_layer_that_stops_gradients_on_purpose_is_hinted_at_too():
    layer = L.SpectralNormalization(L.Dense(3))
    report = zoo.gradcheck(layer, (4,), training=True)
    assert not report.ok
    assert any("stops gradients (tf.stop_gradient)" in note for note in report.notes)


def test_both_modes_are_checked_along_the_same_directions():
    layer = unary(tf.sin, lambda x, dy, training: dy * tf.cos(x))
    report = zoo.gradcheck(layer, (5,), mode="fast", second_order=False)
    inference, training = report.tensors
    assert inference.numeric == training.numeric
    assert inference.sweep == training.sweep


def test_the_upstream_gradient_is_not_the_input():
    # Along the input itself, the gradient of x / |x| is zero whatever the layer makes of it.
    layer = L.UnitNormalization()
    (tensor,) = zoo.gradcheck(layer, (6,), second_order=False).tensors
    assert tensor.max_relative_error < 1e-6 < abs(tensor.numeric)


def test_one_sample_hides_the_batch_size_and_that_is_noted():
    notes = [zoo.gradcheck(L.Dense(2), (3,), batch_size=n).notes for n in (1, 2)]
    assert [any("With one sample" in note for note in some) for some in notes] == [True, False]


# The catalogue of the command line


@pytest.mark.parametrize(
    "name", ["softmax", "cnn", "Dense", "Conv2D", "LSTM", "Add", "SoftmaxCrossEntropy", "Huber"]
)
def test_a_name_of_the_command_line_has_a_place_to_be_checked_at(name):
    target, point = catalogue.target(name, "handwritten", seed=0)
    if isinstance(target, keras.Model):
        assert target.output_shape == (None, 3)
        assert target.input_shape[1] == 8
    else:
        assert zoo.gradcheck(target, **point, mode="fast").ok


def test_a_layer_that_needs_more_is_refused_with_the_way_out():
    with pytest.raises(ArgumentError, match=r"Reshape needs target_shape.*zoo.gradcheck\(Reshape"):
        catalogue.target("Reshape", "auto", seed=0)


def test_the_command_lines_shape_and_arguments_replace_the_tables():
    layer, point = catalogue.target("GroupNormalization", "auto", 0, [(3, 4)], {"groups": 2})
    assert (layer.groups, point) == (2, {"input_shape": [(3, 4)]})
    model, point = catalogue.target("softmax", "handwritten", 0, [(5, 6, 1)], {"num_classes": 4})
    assert (model.input_shape, model.output_shape, point) == ((None, 5, 6, 1), (None, 4), {})
    assert type(model.layers[-1]).__module__.startswith("zoo.layers")


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("Dense", {"units": "many"}, "Dense: Received an invalid value for `units`"),
        ("Discretization", {}, "Discretization: You need to set either"),
        ("Dense", {"colour": 1}, "Dense: .*colour"),
    ],
)
def test_arguments_that_do_not_fit_are_told_in_a_line(name, arguments, words):
    with pytest.raises(ArgumentError, match=words) as error:
        catalogue.target(name, "auto", 0, (), arguments)
    assert "\n" not in str(error.value)
