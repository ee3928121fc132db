"""A planted fault is found, and the finding names the kind of mistake."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo

L = keras.layers
pytestmark = pytest.mark.usefixtures("without_xla")


def wrong_sign(dx, dw, db, **_):
    return dx, -dw, db


FAULTS = {
    "sign": (wrong_sign, "kernel: wrong sign"),
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
        "bias: 1 values are not finite, the first at (2,)",
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


@pytest.fixture
def check(affine):
    """A function that checks the layer with a fault."""

    def run(fault, **options):
        return zoo.gradcheck(affine(fault=fault), input_shape=(4,), batch_size=7, **options)

    return run


def test_a_right_custom_gradient_passes(check):
    report = check(None, twin=False)
    assert report.ok, str(report)
    assert report.findings == ()
    assert all(one.scale == pytest.approx(1) for one in report.tensors)
    assert max(one.max_relative_error for one in report.tensors) < 1e-9
    assert max(one.max_relative_error or 0 for one in report.second_order) < 1e-6


@pytest.mark.parametrize("mode", ["full", "fast"])
@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_found_and_named(name, mode, check):
    report = check(FAULTS[name][0], mode=mode)
    assert not report.ok
    assert len(report.findings) == 1, str(report)
    assert report.findings[0].startswith(FAULTS[name][1])
    assert "second order not checked" in " ".join(report.notes).lower()


def test_a_fault_in_graph_only_is_found(check):
    report = check(lambda dx, dw, db, **_: (dx if tf.executing_eagerly() else 2 * dx, dw, db))
    assert report.findings == ("input: the gradients in eager execution and in a graph differ",)


def test_a_gradient_that_raises_in_eager_is_a_finding(check):
    def fault(dx, dw, db, **_):
        if tf.executing_eagerly():
            raise TypeError("no eager execution, please")
        return dx, dw, db

    report = check(fault)
    assert report.findings == (
        "gradient in eager execution raises TypeError: no eager execution, please",
    )
    assert all(not one.problem for one in report.tensors)


def test_wrong_only_in_training_mode(unary):
    layer = unary(tf.sin, lambda x, dy, training: dy * tf.cos(x) * (2.0 if training else 1.0))
    (finding,) = zoo.gradcheck(layer, (5,)).findings
    assert finding.startswith("input: analytic gradient is 2 times the numeric one")
    assert finding.endswith("; wrong only in training mode")


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
    assert finding.startswith("input: not zero where the output does not depend on it: is a mask")


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
    assert "is a mask not applied backwards?" in finding
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
    assert zoo.gradcheck(normalisation(None), (4,), batch_size=6, twin=False).ok


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
    assert zoo.gradcheck(Root(), inputs=np.array([[1.3, 1e-3]]), twin=False).ok


def test_a_fault_inside_a_model_is_found_by_directions(seeded, affine):
    class WrongSign(affine):
        def __init__(self, units=4, **kwargs):
            super().__init__(units, wrong_sign, **kwargs)

        def get_config(self):  # without the function, which Keras cannot serialise
            config = super().get_config()
            del config["fault"]
            return config

    inputs = keras.Input((4,))
    right = affine(4, name="right")
    wrong = WrongSign(name="wrong")
    model = keras.Model(inputs, wrong(keras.activations.tanh(right(inputs))))
    (finding,) = zoo.gradcheck(model, mode="fast").findings
    assert finding.startswith("wrong/kernel: wrong sign")


def test_a_stopped_gradient_is_hinted_at(affine):
    class Stopped(L.Layer):
        def call(self, x):
            return x * tf.stop_gradient(x)

    report = zoo.gradcheck(Stopped(), (3,))
    assert not report.ok
    assert any("stops gradients (tf.stop_gradient)" in note for note in report.notes)
    report = zoo.gradcheck(affine(fault=FAULTS["sign"][0]), (4,))
    assert not any("tf.stop_gradient" in note for note in report.notes)
    # A stopped gradient that changes nothing is not mentioned.
    report = zoo.gradcheck(L.BatchNormalization(), (4,), twin=False)
    assert not any("tf.stop_gradient" in note for note in report.notes)


def test_a_layer_that_stops_gradients_on_purpose_is_hinted_at_too():
    layer = L.SpectralNormalization(L.Dense(3))
    report = zoo.gradcheck(layer, (4,), training=True)
    assert not report.ok
    assert any("stops gradients (tf.stop_gradient)" in note for note in report.notes)
