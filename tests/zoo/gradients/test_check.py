"""What `zoo.gradcheck` accepts, and what it leaves unchanged."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
from zoo.errors import ArgumentError

L = keras.layers


def test_it_is_a_function_also_after_its_package_is_imported():
    import zoo.gradients.check

    assert callable(zoo.gradcheck)


@pytest.mark.usefixtures("without_xla")
def test_one_mode_may_be_asked_for(unary):
    layer = unary(tf.sin, lambda x, dy, training: dy * tf.cos(x) * (2.0 if training else 1.0))
    assert zoo.gradcheck(layer, (5,), training=False, twin=False).ok
    assert not zoo.gradcheck(layer, (5,), training=True).ok


@pytest.mark.usefixtures("without_xla")
def test_the_target_is_left_alone(seeded, small_model):
    layer = L.Dense(3)
    layer.build((None, 4))
    model = small_model
    before = [np.array(v) for v in [*layer.variables, *model.variables]]
    zoo.gradcheck(layer, twin=False)
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
    report = zoo.gradcheck(layer, batch_size=1, training=False, twin=False)
    by_input = next(one for one in report.tensors if one.name == "input")
    assert by_input.shape == (1, 2)  # known, since the layer is built
    # The gradients of the two elements are upstream times 2 and -3.
    report = zoo.gradcheck(layer, inputs=np.ones((1, 2)), training=False, twin=False)
    assert report.ok


def test_weights_that_could_hide_a_fault_are_noted():
    layer = keras.layers.Dense(2)
    layer.build((None, 3))
    notes = zoo.gradcheck(layer, (3,), twin=False).notes
    (note,) = (note for note in notes if "0 or 1" in note)
    assert "bias" in note
    assert "kernel" not in note
    notes = zoo.gradcheck(keras.layers.Dense(2), (3,), twin=False).notes
    assert not any("0 or 1" in note for note in notes)


@pytest.mark.usefixtures("without_xla")
def test_the_same_seed_gives_the_same_report():
    first, second, other = (
        zoo.gradcheck(L.Dropout(0.5), (6,), seed=seed, mode="fast").to_dict() for seed in (3, 3, 4)
    )
    assert first == second != other


@pytest.mark.parametrize(
    ("target", "options", "words"),
    [
        (L.Dense(2), {}, "input_shape or inputs must be given for"),
        (L.Dense(2), {"input_shape": (0,)}, "shape of whole numbers"),
        (L.Dense(2), {"input_shape": "big"}, "shape of whole numbers"),
        (L.Dense(2), {"input_shape": (2,), "inputs": np.ones((2, 2))}, "must not both be given"),
        (L.Dense(2), {"input_shape": (2,), "mode": "quick"}, 'mode must be "full", "fast" or None'),
        (
            L.Dense(2),
            {"input_shape": (2,), "batch_size": 0},
            "batch_size must be a whole",
        ),
        (L.Dense(2), {"input_shape": (2,), "tolerance": 0}, "tolerance must be between 0 and 1"),
        (L.ReLU(), {"input_shape": (2,), "mask": np.ones((3, 2), bool)}, "takes no mask"),
        (
            L.Conv2D(2, 3),
            {"input_shape": (4,)},
            r"cannot be called.*shape \(3, 4\)",
        ),
        (keras.losses.MeanSquaredError(), {}, "must be the shape of a loss's predictions"),
        (keras.losses.MeanSquaredError(), {"inputs": np.ones((2, 2))}, "Received: 1 arrays"),
        (
            L.ReLU(),
            {"input_shape": (2,), "training": True},
            "the same in training and in",
        ),
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

    with pytest.raises(ArgumentError, match="must compute in float64"):
        zoo.gradcheck(Single(), (3,))


def test_one_sample_hides_the_batch_size_and_that_is_noted():
    notes = [zoo.gradcheck(L.Dense(2), (3,), batch_size=n, twin=False).notes for n in (1, 2)]
    assert [any("With one sample" in note for note in report) for report in notes] == [True, False]
