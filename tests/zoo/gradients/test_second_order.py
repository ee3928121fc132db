"""Second-order gradients are checked where the first-order gradients are right."""

import keras
import pytest
import tensorflow as tf

import zoo

L = keras.layers


@pytest.fixture
def square(unary):
    """A function that makes a layer x², whose backward pass holds `residual(x)`."""
    return lambda residual: unary(tf.square, lambda x, dy, training: 2 * residual(x) * dy)


def test_second_order_that_is_none_is_told(square):
    report = zoo.gradcheck(square(tf.stop_gradient), (4,), twin=False)
    assert report.ok
    assert any("second-order gradient is None" in note for note in report.notes)
    report = zoo.gradcheck(square(tf.stop_gradient), (4,), second_order=True, twin=False)
    assert report.findings[0].startswith("input: second-order gradient is None")


def test_wrong_second_order_is_a_finding_when_asked_for(square):
    @tf.custom_gradient
    def residual(x):
        return x, lambda dy: 3 * dy

    assert zoo.gradcheck(square(tf.identity), (4,), second_order=True, twin=False).ok
    options = {"second_order": True, "twin": False}
    (finding,) = zoo.gradcheck(square(residual), (4,), **options).findings
    assert finding.startswith("input: second-order gradient is wrong: analytic")
    options["second_order"] = False
    assert zoo.gradcheck(square(residual), (4,), **options).second_order == ()


def test_second_order_that_raises_is_noted(unary):
    def backward(x, dy, training):
        @tf.custom_gradient
        def once(x):
            def never(_):
                raise NotImplementedError("only one gradient is written")

            return 2 * x, never

        return dy * once(x)

    report = zoo.gradcheck(unary(tf.square, backward), (4,), twin=False)
    assert report.ok
    assert report.second_order == ()
    assert "NotImplementedError: only one gradient is written" in " ".join(report.notes)


def test_tensorflows_wrong_second_order_of_moments_is_told_but_does_not_count():
    report = zoo.gradcheck(L.BatchNormalization(), (4,), twin=False)
    assert report.ok
    assert any("second-order gradient is wrong" in note for note in report.notes)
