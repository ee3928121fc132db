import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
from zoo.errors import ArgumentError
from zoo.losses import SoftmaxCrossEntropy

LOGITS = np.random.default_rng(0).normal(0, 3, (6, 5))
IDS = np.arange(6) % 5
ONE_HOT = np.eye(5)[IDS]


def value_and_gradient(loss, labels, logits):
    x = tf.constant(logits)
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = loss(labels, x)
    return np.asarray(value), np.asarray(tape.gradient(value, x))


def test_sparse_labels_agree_with_keras():
    expected = keras.losses.SparseCategoricalCrossentropy(from_logits=True, dtype="float64")
    ours = value_and_gradient(SoftmaxCrossEntropy(dtype="float64"), IDS, LOGITS)
    for a, b in zip(ours, value_and_gradient(expected, IDS, LOGITS), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "sum", None])
def test_one_hot_labels_agree_with_keras(smoothing, reduction):
    options = {"label_smoothing": smoothing, "reduction": reduction, "dtype": "float64"}
    expected = keras.losses.CategoricalCrossentropy(from_logits=True, **options)
    ours = value_and_gradient(SoftmaxCrossEntropy(**options), ONE_HOT, LOGITS)
    for a, b in zip(ours, value_and_gradient(expected, ONE_HOT, LOGITS), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-15)


def test_labels_of_every_form_say_the_same():
    loss = SoftmaxCrossEntropy(label_smoothing=0.2)
    values = [float(loss(labels, LOGITS)) for labels in (IDS, IDS[:, None], ONE_HOT)]
    assert values == pytest.approx([values[0]] * 3)


def test_the_gradient_is_p_minus_y():
    _, gradient = value_and_gradient(
        SoftmaxCrossEntropy(reduction="sum", dtype="float64"), IDS, LOGITS
    )
    p = np.exp(LOGITS) / np.exp(LOGITS).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(gradient, p - ONE_HOT, rtol=1e-12, atol=1e-15)


def test_it_is_stable_at_ten_thousand():
    logits = np.array([[1e4, -1e4, 0.0], [-1e4, 1e4, 0.0]], "float32")
    value, gradient = value_and_gradient(SoftmaxCrossEntropy(reduction=None), [0, 0], logits)
    np.testing.assert_allclose(value, [0, 2e4])
    np.testing.assert_allclose(gradient, [[0, 0, 0], [-1, 1, 0]])


def test_other_axes_and_ranks():
    logits = np.random.default_rng(1).normal(size=(2, 4, 3))
    labels = np.random.default_rng(2).integers(0, 4, (2, 3))
    moved = SoftmaxCrossEntropy()(labels, np.moveaxis(logits, 1, 2))
    assert float(SoftmaxCrossEntropy(axis=1)(labels, logits)) == pytest.approx(float(moved))


def test_sample_weights_and_masks_are_keras_own():
    weights = np.arange(6.0)
    expected = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    value = SoftmaxCrossEntropy()(IDS, LOGITS, sample_weight=weights)
    assert float(value) == pytest.approx(float(expected(IDS, LOGITS, sample_weight=weights)))


def test_soft_targets_have_a_gradient_too():
    y, loss = tf.constant(ONE_HOT), SoftmaxCrossEntropy(reduction="sum", dtype="float64")
    with tf.GradientTape() as tape:
        tape.watch(y)
        value = loss(y, LOGITS)
    expected = -tf.nn.log_softmax(LOGITS)
    np.testing.assert_allclose(tape.gradient(value, y), expected, rtol=1e-12)


def test_second_order_is_the_softmax_covariance():
    x = tf.constant(LOGITS[:1])
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            value = SoftmaxCrossEntropy(dtype="float64")(IDS[:1], x)
        gradient = inner.gradient(value, x)
    p = tf.nn.softmax(LOGITS[:1])[0].numpy()
    hessian = outer.jacobian(gradient, x)[0, :, 0, :]
    np.testing.assert_allclose(hessian, np.diag(p) - np.outer(p, p), rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_it_trains_a_model(jit_compile):
    results = []
    for loss in (
        SoftmaxCrossEntropy(),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    ):
        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(5)])
        model.compile("sgd", loss, jit_compile=jit_compile)
        results.append([model.train_on_batch(LOGITS, IDS) for _ in range(3)])
    np.testing.assert_allclose(*results, rtol=1e-6)


def test_an_empty_batch_has_no_losses():
    for labels in (np.zeros(0, int), np.zeros((0, 5))):
        loss = SoftmaxCrossEntropy(reduction=None)
        value, gradient = value_and_gradient(loss, labels, np.zeros((0, 5), "float32"))
        assert value.shape == (0,)
        assert gradient.shape == (0, 5)


def test_a_logit_of_minus_infinity_leaves_the_loss_finite():
    logits = np.array([[1.0, -np.inf, 0.0]], "float32")
    expected = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    value, gradient = value_and_gradient(SoftmaxCrossEntropy(), np.array([0]), logits)
    assert value == pytest.approx(float(expected(np.array([0]), logits)))
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize("label", [-1, 5])
def test_a_class_id_that_is_none_is_not_silent(label):
    assert np.isnan(float(SoftmaxCrossEntropy()(np.array([label]), LOGITS[:1])))


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_the_checker_finds_nothing(smoothing):
    report = zoo.gradcheck(
        SoftmaxCrossEntropy(label_smoothing=smoothing), inputs=[IDS, LOGITS], second_order=True
    )
    assert report.ok, str(report)


def test_config_round_trip():
    loss = SoftmaxCrossEntropy(label_smoothing=0.1, axis=1, reduction="sum", name="mine")
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert again.get_config() == loss.get_config()


def test_what_is_refused():
    with pytest.raises(ArgumentError, match=r"must be from 0 to 1\. Received: 2"):
        SoftmaxCrossEntropy(label_smoothing=2)
    with pytest.raises(ArgumentError, match=r"labels \(6, 5, 1\), logits \(6, 5\)"):
        SoftmaxCrossEntropy()(ONE_HOT[..., None], LOGITS)
