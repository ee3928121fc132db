"""Models are built: arguments, layer library, seeds and precision."""

import pickle
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import zoo
from zoo.errors import ArgumentError

TINY = {"input_shape": (3, 4, 1), "num_classes": 2}


def tiny(layers, input_shape=(2, 2, 1), num_classes=3, *, units=4, dropout=0.0):
    """A tiny net.

    With more to say about it.
    """
    inputs = layers.Input(input_shape)
    x = layers.Dropout(dropout)(layers.Dense(units)(layers.Flatten()(inputs)))
    return keras.Model(inputs, layers.Dense(num_classes, activation="softmax")(x))


def weights(model):
    return np.concatenate([array.ravel() for array in model.get_weights()])


# describe


def test_builder_gets_the_layer_library():
    received = []

    @zoo.register
    def spy(layers, input_shape, num_classes):
        received.append((layers, input_shape, num_classes))
        return keras.Sequential([layers.Input(input_shape), layers.Flatten()])

    zoo.build("spy", **TINY)
    assert received == [(keras.layers, (3, 4, 1), 2)]


def test_a_builder_that_returns_no_model_is_named():
    @zoo.register
    def forgetful(layers, input_shape, num_classes):
        layers.Input(input_shape)

    with pytest.raises(
        ArgumentError, match=r"forgetful must return a keras\.Model\. Received: None"
    ):
        zoo.build("forgetful", **TINY)


@pytest.mark.parametrize("seed", ["a", 1.5, True])
def test_a_seed_is_a_whole_number(seed):
    with pytest.raises(ArgumentError, match="seed must be a whole number"):
        zoo.build("softmax", seed=seed)


# build


def test_missing_required_parameter_is_named():
    @zoo.register
    def strict(layers, input_shape, num_classes, *, width): ...

    with pytest.raises(
        ArgumentError, match=r"strict must be given width=.*input_shape, num_classes, width"
    ):
        zoo.build("strict", **TINY)


@pytest.mark.parametrize(
    ("name", "keyword", "message"),
    [
        ("mlp", "droput", "Received: 'droput'; did you mean 'dropout'"),
        ("mlp", "num_class", "did you mean 'num_classes'"),
        ("cnn", "hiden", "Received: 'hiden'; did you mean 'hidden'"),
        ("softmax", "zzz", r"softmax must be among input_shape=\(28, 28, 1\).*Received: 'zzz'\."),
        (
            "lasso_mlp",
            "dropout",
            r"must be among .*l1=0\.0001, l2=0\.0002",
        ),  # mlp has it, this has not
        ("softmax", "layers", "Received: 'layers'"),  # not the caller's to give
        ("softmax", "name", "Received: 'name'"),
    ],
)
def test_unknown_keyword_gets_the_closest_match(name, keyword, message):
    with pytest.raises(ArgumentError, match=message):
        zoo.build(name, **{keyword: 0.5})


@pytest.mark.parametrize(
    "shape",
    [
        (48, 48),
        (1, 48, 48, 1),
        (0, 48, 1),
        (48, -1, 1),
        (48.0, 48, 1),
        (48, 48, None),
        (True, 48, 1),  # not a number of pixels
        ("4", "8", "1"),
        "481",  # three letters are no sides either
        48,
        None,
        (),
        (10**400, 8, 1),
    ],
)
def test_bad_input_shape_is_rejected(shape):
    expected = (
        r"input_shape must be \(height, width, channels\), three whole numbers from 1 to 2\*\*31"
    )
    with pytest.raises(ArgumentError, match=expected):
        zoo.build("softmax", input_shape=shape)


@pytest.mark.parametrize("shape", [[3, 4, 1], (np.int64(3), np.uint8(4), 1), np.array([3, 4, 1])])
def test_input_shape_may_be_any_three_whole_numbers(shape, seeded):
    assert zoo.build("softmax", input_shape=shape).input_shape == (None, 3, 4, 1)


@pytest.mark.parametrize("classes", [1, 0, -3, 2.0, "7", None, True, (2,)])
def test_bad_num_classes_is_rejected(classes):
    expected = r"num_classes must be a whole number of 2 or more\. Received: "
    with pytest.raises(ArgumentError, match=expected):
        zoo.build("softmax", num_classes=classes)


def test_num_classes_may_be_a_whole_number_of_numpy(seeded):
    assert zoo.build("softmax", num_classes=np.int64(3)).output_shape == (None, 3)


@pytest.mark.parametrize("value", ["no", None, 2, np.array([True, False])])
def test_a_switch_is_true_or_false(value):
    with pytest.raises(ArgumentError, match="squeeze_excitation must be True or False"):
        zoo.build("vgg", input_shape=(32, 32, 3), num_classes=3, squeeze_excitation=value)


@pytest.mark.parametrize("value", [True, False, np.True_])
@pytest.mark.parametrize("name", ["conv_dropout", "dropout"])
def test_a_share_is_no_switch(name, value):
    with pytest.raises(ArgumentError, match=f"{name} must be a number for vgg. Received: "):
        zoo.build("vgg", **{name: value})


def test_gradients_choose_the_layer_library():
    def homes(gradients):
        model = zoo.build("softmax", **TINY, gradients=gradients)
        return {type(layer).__module__.split(".")[0] for layer in model.layers[-2:]}

    assert homes("auto") == {"keras"}
    assert homes("handwritten") == {"zoo"}


@pytest.mark.parametrize("gradients", ["x", "", None, True])
def test_other_gradients_are_rejected(gradients):
    with pytest.raises(
        ArgumentError, match=r'gradients must be "auto" or "handwritten"\. Received: '
    ):
        zoo.build("softmax", gradients=gradients)


def test_gradients_auto_is_the_default():
    one = zoo.build("softmax", **TINY, seed=1)
    other = zoo.build("softmax", **TINY, seed=1, gradients="auto")
    np.testing.assert_array_equal(weights(one), weights(other))


# seeds


@settings(max_examples=20)
@given(seed=st.integers(0, 2**32 - 1))
def test_same_seed_gives_the_same_weights(seed):
    one = zoo.build("bn_mlp", **TINY, hidden=(3,), seed=seed)
    random.random()
    other = zoo.build("bn_mlp", **TINY, hidden=(3,), seed=seed)
    np.testing.assert_array_equal(weights(one), weights(other))


@pytest.mark.parametrize("seeds", [(0, 1), (None, None), (0, None)])
def test_different_seeds_give_different_weights(seeds):
    one, other = (zoo.build("softmax", **TINY, seed=seed) for seed in seeds)
    assert not np.array_equal(one.get_weights()[0], other.get_weights()[0])


def test_layers_of_one_model_get_different_weights():
    first, second = zoo.build("mlp", input_shape=(3, 3, 1), hidden=(9, 9), seed=0).get_weights()[
        :4:2
    ]
    assert not np.array_equal(first, second)


def test_same_seed_drops_the_same_units():
    images = np.ones((2, 3, 4, 1), "float32")
    one, other = (
        np.asarray(zoo.build("mlp", **TINY, dropout=0.5, seed=7)(images, training=True))
        for _ in range(2)
    )
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("seed", [None, 0])
@pytest.mark.parametrize("precision", [None, "float16"])
def test_building_with_a_seed_leaves_the_callers_random_state_alone(seed, precision):
    random.seed(3)
    before, numpy_before = random.getstate(), pickle.dumps(np.random.get_state())  # noqa: NPY002
    zoo.build("mlp", **TINY, dropout=0.5, seed=seed, precision=precision)
    if seed is not None:  # without one, Keras draws its own from there
        assert random.getstate() == before
    assert pickle.dumps(np.random.get_state()) == numpy_before  # noqa: NPY002


def test_random_state_is_restored_after_an_error():
    before = random.getstate()
    with pytest.raises(ArgumentError):
        zoo.build("mlp", hidden=0, seed=1)
    assert random.getstate() == before


def test_seed_follows_keras_where_none_is_given():
    keras.utils.set_random_seed(5)
    one = weights(zoo.build("softmax", **TINY))
    keras.utils.set_random_seed(5)
    np.testing.assert_array_equal(one, weights(zoo.build("softmax", **TINY)))


def test_models_built_in_threads_have_the_weights_of_their_seeds():
    arguments = {**TINY, "hidden": (5,), "dropout": 0.5}
    expected = [weights(zoo.build("mlp", seed=seed, **arguments)) for seed in range(15)]
    done = threading.Event()

    def disturb():
        while not done.is_set():
            random.seed(random.randint(0, 9))

    others = [threading.Thread(target=disturb)]
    [thread.start() for thread in others]
    try:
        with ThreadPoolExecutor(3) as pool:
            build = partial(zoo.build, "mlp", **arguments)
            models = list(pool.map(lambda seed: build(seed=seed), range(15)))
    finally:
        done.set()
        [thread.join() for thread in others]
    for model, values in zip(models, expected, strict=True):
        np.testing.assert_array_equal(weights(model), values)


# precision


def test_precision_is_applied_and_the_policy_restored():
    before = keras.config.dtype_policy()
    model = zoo.build("mlp", **TINY, precision="mixed_bfloat16")
    assert model.get_layer("logits").dtype_policy.name == "float32"
    assert {layer.compute_dtype for layer in model.layers if "dense" in layer.name} == {"bfloat16"}
    assert {weight.dtype for weight in model.weights} == {"float32"}
    assert keras.config.dtype_policy() is before


def test_policy_is_restored_after_an_error():
    before = keras.config.dtype_policy()
    with pytest.raises(ArgumentError, match="hidden"):
        zoo.build("mlp", hidden=0, precision="float64")
    assert keras.config.dtype_policy() is before


def test_policy_of_keras_is_used_where_none_is_given():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float64")
    try:
        assert zoo.build("softmax", **TINY).dtype == "float64"
        assert zoo.build("softmax", **TINY, precision="float32").dtype == "float32"
        assert keras.config.dtype_policy().name == "float64"
    finally:
        keras.config.set_dtype_policy(before)


@pytest.mark.parametrize("fast", ["float32", "mixed_bfloat16"])
def test_auto_is_what_the_hardware_is_fast_at(monkeypatch, fast):
    monkeypatch.setattr("zoo.registry.building.fast_precision", lambda: fast)
    model = zoo.build("mlp", **TINY, precision="auto")
    assert model.layers[-3].dtype_policy.name == fast
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float64")  # whoever says so means it
    try:
        assert zoo.build("softmax", **TINY, precision="auto").dtype == "float64"
    finally:
        keras.config.set_dtype_policy(before)


@pytest.mark.parametrize("precision", ["float7", "", 16, ["float32"]])
def test_unknown_precision_is_rejected(precision):
    before = keras.config.dtype_policy()
    with pytest.raises(
        ArgumentError, match=r"precision must be a Keras dtype policy such as.*Received"
    ):
        zoo.build("softmax", precision=precision)
    assert keras.config.dtype_policy() is before
