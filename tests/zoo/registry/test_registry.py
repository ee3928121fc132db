import functools
import importlib
import inspect
import pickle
import random
import sys

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import zoo
from zoo import registry
from zoo.errors import ArgumentError, UnknownModelError, ZooError

# The tests see only these models, so that a new model does not change their results.
ENTRIES = ["alexnet", "bn_mlp", "cnn", "conv_bn", "deep_mlp", "lasso_mlp", "mlp", "softmax"]
TINY = {"input_shape": (3, 4, 1), "num_classes": 2}


@pytest.fixture(autouse=True)
def registry_as_before(monkeypatch):
    """After each test, the registry is as before."""
    specs = registry.specs._specs
    monkeypatch.setattr(registry.specs, "_specs", {name: specs[name] for name in ENTRIES})


def tiny(layers, input_shape=(2, 2, 1), num_classes=3, *, units=4, dropout=0.0):
    """A tiny net.

    With more to say about it.
    """
    inputs = layers.Input(input_shape)
    x = layers.Dropout(dropout)(layers.Dense(units)(layers.Flatten()(inputs)))
    return keras.Model(inputs, layers.Dense(num_classes, activation="softmax")(x))


def definition(function):
    return f"{function.__code__.co_filename}:{function.__code__.co_firstlineno}"


def weights(model):
    return np.concatenate([array.ravel() for array in model.get_weights()])


# list_models


def test_all_models_are_listed_in_order():
    assert zoo.list_models() == ENTRIES


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        ({"pattern": "*mlp"}, ["bn_mlp", "deep_mlp", "lasso_mlp", "mlp"]),
        ({"pattern": "mlp"}, ["mlp"]),  # a string is one pattern, not its letters
        ({"pattern": ["c*", "softmax"]}, ["cnn", "conv_bn", "softmax"]),
        ({"pattern": ["*mlp", "bn*"]}, ["bn_mlp", "deep_mlp", "lasso_mlp", "mlp"]),  # once each
        ({"pattern": []}, []),
        ({"pattern": (word for word in ["cnn"])}, ["cnn"]),
        ({"pattern": "*mlp", "exclude": "deep*"}, ["bn_mlp", "lasso_mlp", "mlp"]),
        ({"exclude": ["*mlp", "*n*"]}, ["softmax"]),
        ({"pattern": "cnn", "exclude": "alexnet"}, ["cnn"]),  # excluding what is not included
        ({"tags": "conv"}, ["alexnet", "cnn", "conv_bn"]),
        ({"tags": ["conv", "batchnorm"]}, ["conv_bn"]),  # all of the tags
        ({"pattern": "*mlp", "exclude": "deep*", "tags": "report"}, ["bn_mlp", "lasso_mlp", "mlp"]),
        ({"pattern": "mlp", "tags": "conv"}, []),  # both are there, but never together
        ({"pattern": "[cm]*"}, ["cnn", "conv_bn", "mlp"]),
    ],
)
def test_list_takes_patterns_exclusions_and_tags(arguments, names):
    assert zoo.list_models(**arguments) == names


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"pattern": "mpl*"}, r"No model matches 'mpl\*'; did you mean 'mlp'"),
        ({"pattern": ["cnn", "lexnet"]}, "No model matches 'lexnet'; did you mean 'alexnet'"),
        ({"exclude": "sofmax"}, "No model matches 'sofmax'; did you mean 'softmax'"),
        ({"pattern": "zzz"}, r"No model matches 'zzz'\. Registered: alexnet, bn_mlp"),
        ({"pattern": ""}, "No model matches ''"),
        ({"pattern": "CNN*"}, "No model matches 'CNN"),  # names are matched as they are written
        ({"tags": "batch-norm"}, "No model has the tag 'batch-norm'; did you mean 'batchnorm'"),
        ({"tags": ["conv", "zzz"]}, r"No model has the tag 'zzz'\. Tags: batchnorm, conv"),
    ],
)
def test_pattern_or_tag_that_matches_nothing_raises_with_the_closest_match(arguments, message):
    with pytest.raises(UnknownModelError, match=message):
        zoo.list_models(**arguments)


# describe


def test_description_says_what_the_builder_says():
    zoo.register(tiny, tags="toy", source="nowhere", recipe=zoo.Recipe(epochs=3))
    spec = zoo.describe("tiny")
    assert isinstance(spec, zoo.ModelSpec)
    assert (spec.name, spec.summary, spec.source) == ("tiny", "A tiny net.", "nowhere")
    assert spec.tags == ("toy",)  # a string is one tag, not its letters
    assert spec.recipe.epochs == 3
    assert spec.builder is tiny
    assert spec.parameters == {
        "input_shape": (2, 2, 1),
        "num_classes": 3,
        "units": 4,
        "dropout": 0.0,
    }
    assert str(spec) == (
        "tiny(input_shape=(2, 2, 1), num_classes=3, units=4, dropout=0.0): A tiny net."
    )


def test_required_parameter_is_marked():
    @zoo.register
    def strict(layers, input_shape, num_classes, *, width):
        """Nothing has a default."""

    assert set(zoo.describe("strict").parameters.values()) == {registry.REQUIRED}
    assert str(zoo.describe("strict")).startswith("strict(input_shape, num_classes, width):")


@pytest.mark.parametrize("ask", [zoo.describe, zoo.build])
@pytest.mark.parametrize(
    ("name", "closest"),
    [
        ("mlpp", "'mlp'"),
        ("AlexNet", "'alexnet'"),
        ("conv-bn", "'conv_bn'"),
        ("bnmlp", "'bn_mlp'"),
        ("CNN", "'cnn'"),  # only the case differs
    ],
)
def test_unknown_name_gets_the_closest_match(ask, name, closest):
    with pytest.raises(UnknownModelError, match=f"There is no model '{name}'; did you mean.*") as e:
        ask(name)
    assert closest in str(e.value)


def test_unknown_name_gets_the_names_and_the_hint_to_import():
    with pytest.raises(UnknownModelError) as error:
        zoo.build("zzz")
    message = str(error.value)
    assert message.startswith("There is no model 'zzz'. Registered: " + ", ".join(ENTRIES))
    assert "import the module that registers it" in message
    assert isinstance(error.value, ZooError)
    assert isinstance(error.value, LookupError)


# register


@pytest.mark.parametrize("decorate", [zoo.register, zoo.register()])
def test_own_builder_is_registered_and_built(decorate, seeded):
    assert decorate(tiny) is tiny
    assert zoo.list_models("tiny") == ["tiny"]
    model = zoo.build("tiny", units=5, num_classes=4)
    assert model.input_shape == (None, 2, 2, 1)
    assert model.output_shape == (None, 4)
    assert model.count_params() == (4 * 5 + 5) + (5 * 4 + 4)


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


def test_defaults_of_registration():
    def bare(layers, input_shape, num_classes): ...

    spec = zoo.describe(zoo.register(bare).__name__)
    assert (spec.summary, spec.source, spec.tags, spec.recipe) == ("", "", (), zoo.Recipe())


def test_taken_name_raises_and_names_both_definitions():
    def softmax(layers, input_shape, num_classes): ...

    taken = zoo.describe("softmax")
    with pytest.raises(ArgumentError) as error:
        zoo.register(softmax)
    message = str(error.value)
    assert "'softmax' is taken by zoo.models.softmax.softmax" in message
    assert definition(taken.builder) in message
    assert definition(softmax) in message
    assert "Rename the function, or pass override=True" in message
    assert zoo.describe("softmax") is taken


def test_two_local_functions_of_one_name_are_two():
    def make():
        def twin(layers, input_shape, num_classes): ...

        return twin

    zoo.register(make())
    with pytest.raises(ArgumentError, match="'twin' is taken"):
        zoo.register(make())


def test_override_replaces():
    def softmax(layers, input_shape, num_classes):
        """Mine."""

    zoo.register(softmax, override=True)
    assert zoo.describe("softmax").builder is softmax
    assert zoo.describe("softmax").summary == "Mine."


def test_same_function_may_be_registered_again():
    zoo.register(tiny, tags="old")
    zoo.register(tiny, tags="new")
    assert zoo.describe("tiny").tags == ("new",)


def test_module_may_be_reloaded(tmp_path, monkeypatch):
    code = (
        "import zoo\n@zoo.register\ndef mine(layers, input_shape, num_classes):\n    '''One.'''\n"
    )
    (tmp_path / "module_of_mine.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    module = importlib.import_module("module_of_mine")
    monkeypatch.setitem(sys.modules, "module_of_mine", module)  # and out of it after the test
    first = module.mine
    (tmp_path / "module_of_mine.py").write_text(
        "# moved a line down\n" + code.replace("One", "Two")
    )
    importlib.reload(module)
    assert module.mine is not first
    assert zoo.describe("mine").builder is module.mine
    assert zoo.describe("mine").summary == "Two."


def no_layers(input_shape, num_classes): ...
def no_shape(layers, num_classes): ...
def no_classes(layers, input_shape): ...
def nothing(): ...
def default_library(layers=keras.layers, input_shape=(1, 1, 1), num_classes=2): ...
def any_keyword(layers, input_shape=(1, 1, 1), num_classes=2, **options): ...
def any_number(layers, input_shape=(1, 1, 1), num_classes=2, *widths): ...


@pytest.mark.parametrize(
    "builder",
    [
        no_layers,
        no_shape,
        no_classes,
        nothing,
        default_library,
        # There is no way to describe what these take, nor to find a typo in it.
        any_keyword,
        any_number,
    ],
)
def test_builder_of_the_wrong_signature_is_rejected(builder):
    with pytest.raises(ArgumentError, match=r"A builder") as error:
        zoo.register(builder)
    message = str(error.value)
    assert f"Received: {builder.__name__}{inspect.signature(builder)}" in message
    with pytest.raises(UnknownModelError):
        zoo.describe(builder.__name__)


def test_builder_without_a_name_is_rejected():
    with pytest.raises(ArgumentError, match="function"):
        zoo.register(functools.partial(tiny, units=3))


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
        ("mlp", "droput", "mlp has no parameter 'droput'; did you mean 'dropout'"),
        ("mlp", "num_class", "did you mean 'num_classes'"),
        ("cnn", "hiden", "cnn has no parameter 'hiden'; did you mean 'hidden'"),
        ("softmax", "zzz", r"softmax has no parameter 'zzz'\. It takes: input_shape=\(28, 28, 1\)"),
        ("lasso_mlp", "dropout", r"It takes: .*l1=0\.0001, l2=0\.0002"),  # mlp has it, this has not
        ("softmax", "layers", "softmax has no parameter 'layers'"),  # not the caller's to give
        ("softmax", "name", "softmax has no parameter 'name'"),
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
    ],
)
def test_bad_input_shape_is_rejected(shape):
    expected = (
        r"input_shape must be \(height, width, channels\), three whole numbers above 0\. Received"
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
