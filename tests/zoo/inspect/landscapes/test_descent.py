"""Optimisers over two weights go where the formulas say."""

import keras
import numpy as np
import pytest

import zoo
from zoo.errors import ArgumentError
from zoo.inspect import descend

PAIR = [("logits/kernel", 7, 1), ("logits/bias", 2)]


@pytest.fixture(scope="module")
def model():
    return zoo.build("softmax", input_shape=(6, 6, 1), num_classes=3, seed=0)


def loss_and_slope(model, split, position):
    """The mean loss of softmax regression and its gradient over the two weights, in NumPy."""
    kernel, bias = (np.array(weight, "float64") for weight in model.get_weights())
    kernel[7, 1], bias[2] = position
    x = split.images.reshape(len(split), -1) / 255
    logits = x @ kernel + bias
    exponentials = np.exp(logits - logits.max(-1, keepdims=True))
    p = exponentials / exponentials.sum(-1, keepdims=True)
    hit = np.eye(3)[split.labels]
    loss = -np.log((p * hit).sum(-1)).mean()
    return loss, np.array([(x[:, 7] * (p - hit)[:, 1]).mean(), (p - hit)[:, 2].mean()])


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_gradient_descent_follows_the_formula(momentum, model, test_split):
    before = model.get_weights()
    optimizer = keras.optimizers.SGD(2.0, momentum=momentum)
    (path,) = descend(
        model, test_split, PAIR, {"descent": optimizer}, start=(-3, 2), steps=4, batch_size=25
    )
    position, velocity = np.array([-3.0, 2.0]), np.zeros(2)
    for found, loss in zip(path.positions, path.losses, strict=True):
        expected, slope = loss_and_slope(model, test_split, position)
        np.testing.assert_allclose(found, position, rtol=1e-4)
        assert loss == pytest.approx(expected, rel=1e-5)
        velocity = momentum * velocity - 2.0 * slope
        position = position + velocity
    assert path.name == "descent"
    assert all((a == b).all() for a, b in zip(before, model.get_weights(), strict=True))
    assert not optimizer.built


def test_each_optimizer_starts_at_the_values_of_the_model(model, test_split):
    optimizers = {"slow": keras.optimizers.SGD(0.1), "fast": keras.optimizers.Adam(0.1)}
    paths = descend(model, test_split, PAIR, optimizers, steps=2)
    kernel, bias = model.get_weights()
    assert [path.name for path in paths] == ["slow", "fast"]
    for path in paths:
        np.testing.assert_allclose(path.positions[0], [kernel[7, 1], bias[2]])
        assert path.losses[2] < path.losses[0]


def test_a_path_ends_with_a_warning_where_the_loss_is_no_number(model, test_split):
    optimizer = {"wild": keras.optimizers.SGD(1e38, momentum=0.99)}
    with pytest.warns(UserWarning, match="wild has a loss that is no number"):
        (path,) = descend(model, test_split, PAIR, optimizer, start=(1.0, 1.0), steps=9)
    assert len(path.positions) == len(path.losses) < 10
    assert np.isfinite(path.losses).all()


@pytest.mark.parametrize(
    ("optimizers", "options", "message"),
    [
        (keras.optimizers.SGD(), {}, "optimizers must be names"),
        ({"sgd": "sgd"}, {}, "must be a Keras optimiser. Received: 'sgd'"),
        ({"sgd": keras.optimizers.SGD()}, {"start": (1,)}, "start must be two numbers"),
        ({"sgd": keras.optimizers.SGD()}, {"start": (1, np.inf)}, "start must be two numbers"),
        ({"sgd": keras.optimizers.SGD()}, {"start": "ab"}, "start must be two numbers"),
        ({"sgd": keras.optimizers.SGD()}, {"start": (1, "b")}, "start must be two numbers"),
        ({"sgd": keras.optimizers.SGD()}, {"start": (3e38, 3e38)}, "where the loss is a number"),
        ({"sgd": keras.optimizers.SGD()}, {"steps": 0}, "steps must be"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(optimizers, options, message, model, test_split):
    with pytest.raises(ArgumentError, match=message):
        descend(model, test_split, PAIR, optimizers, **options)
