"""The barrier between two models is 0 within a valley, and has an interval."""

import keras
import numpy as np
import pytest

import zoo
from zoo.errors import ArgumentError
from zoo.inspect import barrier
from zoo.inspect.landscapes.barrier import heights


@pytest.fixture(scope="module")
def model(train_split):
    model = zoo.build("mlp", input_shape=(6, 6, 1), num_classes=3, hidden=(6,), seed=0)
    model.compile(keras.optimizers.Adam(0.03), "sparse_categorical_crossentropy")
    model.fit(train_split.images, train_split.labels, epochs=8, verbose=0)
    return model


@pytest.fixture(scope="module")
def permuted(model):
    """The same function with its hidden units in another order."""
    twin = zoo.build("mlp", input_shape=(6, 6, 1), num_classes=3, hidden=(6,), seed=1)
    (kernel, bias, head, last), order = model.get_weights(), [3, 0, 5, 1, 2, 4]
    twin.set_weights([kernel[:, order], bias[order], head[order], last])
    return twin


def test_a_model_has_no_barrier_to_itself(model, test_split):
    found = barrier(model, model, test_split, points=5)
    assert (found.height.value, found.height.low, found.height.high) == (0, 0, 0)
    assert found.names == ("mlp (first)", "mlp (second)")
    assert found.statistics is None


def test_a_permuted_copy_lies_behind_a_barrier(model, permuted, test_split):
    before = [model.get_weights(), permuted.get_weights()]
    found = barrier(model, permuted, test_split, points=11)
    assert found.losses[0] == pytest.approx(found.losses[-1], rel=1e-5)
    assert 0 < found.height.low < found.height.value < found.height.high
    assert found.height.value == pytest.approx(
        max(found.losses - np.linspace(found.losses[0], found.losses[-1], 11))
    )
    after = [model.get_weights(), permuted.get_weights()]
    for old, new in zip(before, after, strict=True):
        assert all((a == b).all() for a, b in zip(old, new, strict=True))


def test_the_ends_have_the_losses_of_the_models(model, permuted, test_split):
    wrong = barrier(model, permuted, test_split, points=3, measure="error")
    answers = model.predict(test_split.images, verbose=0).argmax(-1)
    assert wrong.losses[0] == pytest.approx(np.mean(answers != test_split.labels))
    assert "share of wrong answers" in wrong.plot().get_ylabel()


def test_images_count_by_their_weights(model, permuted, test_split):
    weighted = test_split.take(slice(None))
    weighted.sample_weight = np.zeros(len(weighted), "float32")
    weighted.sample_weight[:20] = 3
    few = barrier(model, permuted, test_split.take(slice(20)), points=3)
    found = barrier(model, permuted, weighted, points=3)
    np.testing.assert_allclose(found.losses, few.losses, rtol=1e-5)
    assert found.height.value == pytest.approx(few.height.value, rel=1e-4)
    assert found.height.low == pytest.approx(few.height.low, rel=1e-4)
    assert found.height.high == pytest.approx(few.height.high, rel=1e-4)


def test_between_models_with_batch_normalisation_statistics_are_taken_anew(train_split, test_split):
    members = [
        zoo.build("bn_mlp", input_shape=(6, 6, 1), num_classes=3, hidden=(8,), seed=seed)
        for seed in range(2)
    ]
    for member in members:
        member.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
        member.fit(train_split.images, train_split.labels, epochs=3, verbose=0)
    anew = barrier(*members, test_split, points=5)
    kept = barrier(*members, test_split, points=5, batch_statistics="kept")
    assert (anew.statistics, kept.statistics) == ("anew", "kept")
    assert abs(anew.losses - kept.losses).max() > 1e-3
    assert "taken anew" in anew.plot().get_title(loc="left")


def test_models_of_other_architectures_are_refused(model, test_split):
    other = zoo.build("mlp", input_shape=(6, 6, 1), num_classes=3, hidden=(7,))
    with pytest.raises(ArgumentError, match="same architecture"):
        barrier(model, other, test_split)
    with pytest.raises(ArgumentError, match='measure must be "loss" or "error"'):
        barrier(model, model, test_split, measure="accuracy")


def test_a_barrier_is_the_rise_above_the_straight_line_and_never_below_0():
    places = np.array([0, 0.5, 1.0])
    np.testing.assert_allclose(heights(np.array([[0, 3, 2.0], [4, 1, 0.0]]), places), [2, 0])
