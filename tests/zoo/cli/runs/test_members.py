"""Members from names and files, and the arguments of builders by `--set`."""

import json
import sys

import pytest

import zoo
from zoo import registry
from zoo.cli.options import RecipeOptions
from zoo.cli.runs.members import members_from_words
from zoo.ensembles.members import with_weights
from zoo.errors import ArgumentError

MODULE = """
import keras
import zoo


@zoo.register(source="A test", override=True)
def tiny(layers, input_shape=(8, 8, 1), num_classes=10, *, units=4):
    '''A tiny model.'''
    return keras.Sequential([
        layers.Input(input_shape), layers.Rescaling(1 / 255), layers.Flatten(),
        layers.Dense(units), layers.Dense(num_classes, activation="softmax"),
    ])
"""


@pytest.fixture(autouse=True)
def registry_as_before(monkeypatch):
    """Models, modules and folders of a test are forgotten after it."""
    monkeypatch.setattr(registry.specs, "_specs", dict(registry.specs._specs))
    monkeypatch.setattr(sys, "path", [*sys.path])
    before = {*sys.modules}
    yield
    for name in {"my_models", "own_models", "own_models_2"} - before:
        sys.modules.pop(name, None)


def arguments_of(words, *arguments):
    members = members_from_words(words, arguments, RecipeOptions().change)
    return {member.name: member.arguments for member in members}


def test_an_argument_is_for_all_members_or_for_a_single_member():
    words = ["mlp", "bn_mlp", "mlp"]
    assert arguments_of(words, ("dropout", 0.3), ("mlp_2.hidden", [8])) == {
        "mlp": {"dropout": 0.3},
        "bn_mlp": {"dropout": 0.3},
        "mlp_2": {"dropout": 0.3, "hidden": [8]},
    }


@pytest.mark.parametrize(
    ("words", "argument", "message"),
    [
        (["cnn"], "dropuot", "--set must name an argument of cnn: .*; did you mean 'dropout'?"),
        (["mlp", "softmax"], "dropout", r"of softmax: .*Write --set mlp\.dropout=…\."),
        (
            ["mlp", "cnn"],
            "mpl.dropout",
            r"must name a member .*did you mean 'mlp'\? .*: mlp, cnn",
        ),
        (["mlp"], "num_classes", "num_classes, which comes from the training data"),
    ],
)
def test_an_argument_that_no_member_has_is_refused(words, argument, message):
    with pytest.raises(ArgumentError, match=message):
        arguments_of(words, (argument, 1))


@pytest.mark.usefixtures("tiny_weights")
def test_weights_of_a_member_are_taken_as_those_of_all_members():
    change = RecipeOptions(standardize="mean_image").change
    own = members_from_words(["vgg", "mlp"], [("vgg.weights", "tiny/vgg-1")], change)
    plain = members_from_words(["vgg"], [], change)
    (given,) = with_weights(plain, "tiny/vgg-1")
    assert (own[0].arguments, own[0].recipe) == (given.arguments, given.recipe)
    assert own[0].arguments["weights"] == "tiny/vgg-1"
    assert (plain[0].recipe.standardize, own[0].recipe.standardize) == (
        "mean_image", "per_image",
    )  # fmt: skip
    assert own[1].arguments == {}


@pytest.mark.usefixtures("tiny_weights")
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["committee", "vgg", "mlp", "--set", "vgg.weights=tiny/vgg-7"],
            "--set vgg.weights must be the name of a set of weights, or of its member. Received: "
            "'tiny/vgg-7'; did you mean 'tiny/vgg-1'",
        ),
        (["train", "cnn", "--set", "weights=tiny"], "--set weights must be of the model cnn. Rec"),
        (["train", "vgg", "--set", "weights=3"], "--set weights must be the name of a set"),
        (
            ["committee", "vgg", "mlp", "--weights", "tiny", "--set", "mlp.weights=tiny/mlp-0"],
            "--weights must be left out where --set gives weights. Received: --weights tiny and "
            "--set mlp.weights=tiny/mlp-0. Leave out either of them.",
        ),
        (
            ["tune", "vgg", "--vary", "freeze=none", "--weights", "tiny", "--set", "weights=tiny"],
            "--weights must be left out where --set gives weights. Received: --weights tiny and",
        ),
        (["tune", "cnn", "--vary", "freeze=none", "--weights", "tiny"], "must be of the model cnn"),
        (["tune", "cnn", "--vary", "freeze=none", "--weights", "tinny"], "did you mean 'tiny'"),
    ],
)
def test_wrong_weights_are_told_before_tensorflow_starts(zoo_command, words, message):
    code, out, err = zoo_command(*words)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert message in err


def test_another_optimiser_does_not_get_the_arguments_of_the_optimiser_before():
    recipe = zoo.Recipe("sgd", optimizer_arguments={"momentum": 0.9})
    assert RecipeOptions(optimizer="adam").change(recipe).optimizer_arguments == {}
    for options in (RecipeOptions(optimizer="SGD"), RecipeOptions()):
        assert options.change(recipe).optimizer_arguments == {"momentum": 0.9}


def test_saved_models_and_models_of_a_module_of_the_user_are_members(
    zoo_command, tmp_path, quiet_run
):
    (run,) = (quiet_run[0] / "logs").iterdir()
    (tmp_path / "my_models.py").write_text(MODULE)
    zoo.build("softmax", input_shape=(8, 8, 1)).save(tmp_path / "my model.keras")
    code, out, err = zoo_command(
        "committee", run / "committee.keras", "my model.keras", "tiny", "--import", "my_models",
        "--set", "tiny.units=3", "--epochs", 1, "-q", "--log-dir", "run",
    )  # fmt: skip
    assert (code, err) == (0, "")
    assert all(name in out for name in ("softmax", "my_model", "tiny"))
    config = json.loads((tmp_path / "run" / "run.json").read_text("utf-8"))["config"]
    assert config["members"]["tiny"]["arguments"] == {"units": 3}
    assert list(config["members"]) == ["softmax", "my_model", "tiny"]
    # The saved recipe goes on, without the arguments of building.
    assert config["recipes"]["softmax"]["class_weight"] == "balanced"
    assert config["recipes"]["softmax"]["standardize"] is None


@pytest.mark.parametrize("word", ["own_models", "./sub/own_models_2.py"])
def test_a_module_is_found_in_the_current_folder_or_by_its_path(zoo_command, tmp_path, word):
    path = tmp_path / (word if word.endswith(".py") else f"{word}.py")
    path.parent.mkdir(exist_ok=True)
    path.write_text(MODULE)
    code, out, err = zoo_command("describe", "tiny", "--import", word)
    assert (code, err) == (0, "")
    assert "units" in out


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("broken_1.py", "\ny = undefined\n", "'undefined' is not defined (broken_1.py, line 2)"),
        ("broken_2.py", "def f(:\n", "SyntaxError: invalid syntax (broken_2.py, line 1)"),
        ("broken_3.py", "import zoo\nzoo.register(3)\n", "ArgumentError: A builder must be"),
        ("broken_4.py", "import gone\n", "ModuleNotFoundError: No module named 'gone'"),
        ("json.py", "", "Rename the file"),
    ],
)  # fmt: skip
def test_an_error_in_a_module_is_shown_with_its_own_message(
    zoo_command, tmp_path, name, text, message
):
    (tmp_path / name).write_text(text)
    code, out, err = zoo_command("models", "--import", f"./{name}")
    assert (code, out) == (2, "")
    assert err.startswith("--import must")
    assert message in err
    assert err.count("\n") == 1
