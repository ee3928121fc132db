"""Models are registered, listed and described."""

import functools
import importlib
import inspect
import sys

import keras
import pytest

import zoo
from zoo import registry
from zoo.errors import ArgumentError, UnknownModelError, ZooError

ENTRIES = ["alexnet", "bn_mlp", "cnn", "conv_bn", "deep_mlp", "lasso_mlp", "mlp", "softmax"]


def tiny(layers, input_shape=(2, 2, 1), num_classes=3, *, units=4, dropout=0.0):
    """A tiny net.

    With more to say about it.
    """
    inputs = layers.Input(input_shape)
    x = layers.Dropout(dropout)(layers.Dense(units)(layers.Flatten()(inputs)))
    return keras.Model(inputs, layers.Dense(num_classes, activation="softmax")(x))


def no_layers(input_shape, num_classes): ...
def no_shape(layers, num_classes): ...
def no_classes(layers, input_shape): ...
def nothing(): ...
def default_library(layers=keras.layers, input_shape=(1, 1, 1), num_classes=2): ...
def any_keyword(layers, input_shape=(1, 1, 1), num_classes=2, **options): ...
def any_number(layers, input_shape=(1, 1, 1), num_classes=2, *widths): ...


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
        ({"pattern": "mpl*"}, r"Received: 'mpl\*'; did you mean 'mlp'"),
        ({"pattern": ["cnn", "lexnet"]}, "Received: 'lexnet'; did you mean 'alexnet'"),
        ({"exclude": "sofmax"}, "Received: 'sofmax'; did you mean 'softmax'"),
        ({"pattern": "zzz"}, r"Received: 'zzz'\. Choose from: alexnet, bn_mlp"),
        ({"pattern": ""}, "Received: ''"),
        (
            {"pattern": "CNN*"},
            "A pattern must match a registered model. Received: 'CNN",
        ),  # names are matched as they are written
        ({"tags": "batch-norm"}, "Received: 'batch-norm'; did you mean 'batchnorm'"),
        ({"tags": ["conv", "zzz"]}, r"Received: 'zzz'\. Choose from: batchnorm, conv"),
    ],
)
def test_pattern_or_tag_that_matches_nothing_raises_with_the_closest_match(arguments, message):
    with pytest.raises(UnknownModelError, match=message):
        zoo.list_models(**arguments)


@pytest.mark.parametrize("argument", ["pattern", "exclude", "tags"])
def test_a_filter_that_is_no_text_is_refused(argument):
    with pytest.raises(ArgumentError, match=f"{argument} must be a list of names. Received: 3"):
        zoo.list_models(**{argument: 3})


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
    with pytest.raises(UnknownModelError, match=f"Received: '{name}'; did you mean.*") as e:
        ask(name)
    assert closest in str(e.value)


def test_unknown_name_gets_the_names_and_the_hint_to_import():
    with pytest.raises(UnknownModelError) as error:
        zoo.build("zzz")
    message = str(error.value)
    assert message.startswith(
        "The model must be registered. Received: 'zzz'. Registered: " + ", ".join(ENTRIES)
    )
    assert "Import the module that registers" in message
    assert isinstance(error.value, ZooError)
    assert isinstance(error.value, LookupError)


@pytest.mark.parametrize("decorate", [zoo.register, zoo.register()])
def test_own_builder_is_registered_and_built(decorate, seeded):
    assert decorate(tiny) is tiny
    assert zoo.list_models("tiny") == ["tiny"]
    model = zoo.build("tiny", units=5, num_classes=4)
    assert model.input_shape == (None, 2, 2, 1)
    assert model.output_shape == (None, 4)
    assert model.count_params() == (4 * 5 + 5) + (5 * 4 + 4)


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
    assert "which is taken by zoo.models.softmax.softmax" in message
    assert definition(taken.builder) in message
    assert definition(softmax) in message
    assert "Rename the function, or pass override=True" in message
    assert zoo.describe("softmax") is taken


def test_two_local_functions_of_one_name_are_two():
    def make():
        def twin(layers, input_shape, num_classes): ...

        return twin

    zoo.register(make())
    with pytest.raises(ArgumentError, match=r"Received: 'twin' for .* is taken by"):
        zoo.register(make())


def test_parameters_that_build_takes_itself_are_refused():
    def mine(layers, input_shape, num_classes, *, seed=0, weights=None): ...

    with pytest.raises(ArgumentError, match=r"Received: mine with seed, weights\. Rename"):
        zoo.register(mine)


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


def definition(function):
    return f"{function.__code__.co_filename}:{function.__code__.co_firstlineno}"
