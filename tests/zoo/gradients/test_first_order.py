"""Right gradients raise no false alarm, and kinks are left out and counted."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
from zoo.layers import LocalResponseNormalization

L = keras.layers


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (lambda: L.Dense(4, activation="tanh"), (5,)),
        (lambda: L.Dense(3), (4, 5)),
        (lambda: L.Conv2D(2, 3, strides=2, padding="same"), (6, 6, 2)),
        (lambda: L.Conv2D(2, (3, 2), padding="valid"), (5, 5, 2)),
        (lambda: L.Conv2D(2, 3, dilation_rate=2, padding="same"), (6, 6, 1)),
        (lambda: L.BatchNormalization(), (4,)),
        (lambda: L.BatchNormalization(), (3, 3, 2)),
        (lambda: L.LayerNormalization(), (5,)),
        (lambda: L.MaxPooling2D(2), (4, 4, 2)),
        (lambda: L.AveragePooling2D(3, strides=2, padding="same"), (5, 5, 2)),
        (lambda: L.Dropout(0.4), (8,)),
        (lambda: L.Softmax(), (5,)),
        (lambda: L.GRU(2), (2, 2)),
        (lambda: L.MultiHeadAttention(2, 2), [(2, 3), (3, 3)]),
        (lambda: L.Add(), [(3,), (3,)]),
        (lambda: L.TimeDistributed(L.Dense(2)), (2, 3)),
        (lambda: LocalResponseNormalization(), (2, 2, 6)),
    ],
)
@pytest.mark.usefixtures("only_eager")
def test_no_false_alarm_on_a_right_layer(layer, shape):
    report = zoo.gradcheck(layer(), input_shape=shape)
    assert report.ok, str(report)
    assert all(one.checked for one in report.tensors)
    assert not any(one.kinks for one in report.tensors)
    assert all(len(one.sweep) == 9 for one in report.tensors)


def test_no_false_alarm_on_a_convolution_in_groups():
    # Without a comparison in other precisions: Keras compiles each group convolution with XLA.
    assert zoo.gradcheck(L.Conv2D(2, 2, groups=2), (3, 3, 2), twin=False).ok


def test_relu_at_exact_zeros_is_counted_and_left_out():
    x = np.array([[0.0, 1.0, -2.0], [0.0, 0.0, 3.0]])
    report = zoo.gradcheck(L.ReLU(), inputs=x, twin=False)
    (tensor,) = report.tensors
    assert report.ok
    assert (tensor.checked, tensor.kinks) == (6, 3)
    assert "6 elements, 3 of them left out at kinks" in report.verdict()


def test_nothing_but_kinks_is_told():
    report = zoo.gradcheck(L.ReLU(), inputs=np.zeros((2, 3)), twin=False)
    assert not report.ok
    assert report.findings == ()
    (sentence,) = report.unjudged
    assert sentence.startswith("input: cannot be judged here, because every checked element is at")
    assert sentence.endswith("Use a larger batch, or another seed")
    assert "WRONG" not in report.verdict()


def test_ties_of_max_pooling_are_counted():
    x = np.arange(32.0).reshape(2, 4, 4, 1)
    x[0, :2, :2, 0] = [[5.0, 9.0], [9.0, 1.0]]
    report = zoo.gradcheck(L.MaxPooling2D(2), inputs=x, twin=False)
    assert report.ok, str(report)
    assert report.tensors[0].kinks == 2


def test_a_kink_near_by_does_no_harm():
    x = np.array([[1e-3, -1e-5, 2e-7, 1.0]])
    report = zoo.gradcheck(L.ReLU(), inputs=x, twin=False)
    assert report.ok, str(report)
    assert report.tensors[0].kinks == 0


@pytest.mark.parametrize("mode", ["full", "fast"])
def test_no_false_alarm_on_a_small_model(seeded, mode, small_model):
    report = zoo.gradcheck(small_model, mode=mode, twin=None if mode == "fast" else False)
    assert report.ok, str(report)
    assert {one.training for one in report.tensors} == {False, True}
    weights = {one.name for one in report.tensors if one.role == "weight"}
    assert len(weights) == 6


def test_a_large_tensor_is_sampled_in_full_mode_and_the_sample_is_counted():
    report = zoo.gradcheck(L.Dense(20), (30,), mode="full", limit=50, twin=False)
    sizes = {one.name: (one.checked, one.size) for one in report.tensors}
    assert sizes == {"input": (50, 90), "kernel": (50, 600), "bias": (20, 20)}
    assert "50/600" in str(report)


def test_the_sweep_is_a_v():
    report = zoo.gradcheck(L.Softmax(), (5,), twin=False)
    errors = np.array(report.tensors[0].sweep)
    lowest = errors.argmin()
    assert 2 <= lowest <= 6
    assert errors[0] > 100 * errors[lowest] < errors[-1]


@pytest.mark.parametrize(
    ("shape", "gradients", "seed"), [((12, 12, 1), "handwritten", 3), ((8, 8, 1), "auto", 15)]
)
def test_an_unlucky_direction_is_no_false_alarm(shape, gradients, seed):
    # In the first case a step crosses a kink, in the second case a step was too large.
    model = zoo.build("cnn", gradients=gradients, input_shape=shape, num_classes=4, seed=seed)
    report = zoo.gradcheck(model, seed=seed, twin=False, second_order=False)
    assert report.ok, str(report)
    assert report.mode == "fast"  # a large model is checked along directions
    assert all(check.index is None for check in report.tensors)


def test_both_modes_are_checked_along_the_same_directions(unary):
    layer = unary(tf.sin, lambda x, dy, training: dy * tf.cos(x))
    report = zoo.gradcheck(layer, (5,), mode="fast", second_order=False, twin=False)
    inference, training = report.tensors
    assert inference.numeric == training.numeric
    assert inference.sweep == training.sweep


def test_the_upstream_gradient_is_not_the_input():
    # Along the input itself, the gradient of x / |x| is zero whatever the layer makes of it.
    layer = L.UnitNormalization()
    (tensor,) = zoo.gradcheck(layer, (6,), second_order=False, twin=False).tensors
    assert tensor.max_relative_error < 1e-6 < abs(tensor.numeric)
