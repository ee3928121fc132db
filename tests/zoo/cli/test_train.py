import json
import re
from dataclasses import replace

import keras
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import zoo
from zoo.cli.options import RecipeOptions, RunOptions
from zoo.errors import ArgumentError


def test_a_committee_is_trained_and_judged(trained):
    folder, output = trained
    assert output.code == 0
    assert "committee" in output.out
    assert "Saved: my run/committee.keras" in output.out
    assert re.search(r"tensorboard'? --logdir 'my run'$", output.out.rstrip())
    assert output.err.count("epoch ") == 2
    names = {path.name for path in (folder / "my run").iterdir()}
    reports = {"report.json", "report.md", "report.png", "analysis.png", "card.md"}
    assert names >= {"committee.keras", "run.json", *reports}


def test_tensorboard_gets_graphs_features_histograms_and_saliency(zoo_command, tmp_path):
    words = ("train", "softmax", "--epochs", 1, "-q", "--log-dir", "run", "--features", 20)
    assert zoo_command(*words, "--histograms", "--saliency", 2).code == 0
    folder = tmp_path / "run" / "models" / "softmax"
    assert len((folder / "projector" / "images.tsv").read_text().splitlines()) == 21
    events = EventAccumulator(str(folder), size_guidance={"tensors": 0})
    events.Reload()
    tags = events.Tags()
    assert tags["graph"]
    wanted = {"saliency/gradient", "weights/logits/kernel", "gradients/logits/kernel"}
    assert wanted <= {*tags["tensors"]}
    assert [event.step for event in events.Tensors("saliency/gradient")] == [0, 1]
    code, _, err = zoo_command(*words[:5], "--saliency", 2, "--validation", 0)
    assert code == 2
    assert "--saliency must be left out without validation images. Received: 2." in err


def test_a_run_can_be_resumed(train_again):
    code, out, err = train_again("--resume", "--quiet")
    assert (code, err) == (0, "")
    assert "committee" in out


def test_members_are_chosen_for_the_data_where_none_is_named(zoo_command, tmp_path):
    words = "committee", "--epochs", 1, "-q", "--log-dir", "run"
    code, out, err = zoo_command(*words)
    assert code == 0
    assert err.startswith("Members: bn_mlp, lasso_mlp, deep_mlp. The 1,295 training images have")
    assert all(name in out for name in ("bn_mlp", "lasso_mlp", "deep_mlp"))
    # A run keeps the members that were chosen.
    code, _, err = zoo_command("committee", "--resume", "--log-dir", "run", "-q")
    assert (code, err) == (0, "")


def test_a_recipe_is_chosen_by_its_name():
    options = RecipeOptions(recipe_name="CO395", epochs=3)
    recipe = zoo.describe("mlp").recipe_named("CO395")
    assert options.recipe("mlp") == replace(recipe, epochs=3)
    with pytest.raises(ArgumentError, match="--recipe must be left out for a saved model"):
        options.change(recipe)


def test_targets_are_an_option_that_needs_votes(zoo_command):
    assert RecipeOptions(targets="shares").recipe("mlp").targets == "shares"
    code, _, err = zoo_command("train", "softmax", "--targets", "shares", "-q", "--log-dir", "run")
    assert code == 2
    assert "--targets must be left out for images without label shares" in err


def test_quiet_prints_nothing_but_the_report(quiet_run):
    _, output = quiet_run
    assert (output.code, output.err) == (0, "")
    assert "softmax" in output.out


def test_by_default_each_run_gets_a_folder_in_logs(quiet_run):
    (run,) = (quiet_run[0] / "logs").iterdir()
    assert run.name.startswith("digits-")


def test_options_of_the_recipe_reach_the_model(quiet_run):
    (run,) = (quiet_run[0] / "logs").iterdir()
    model = zoo.ensembles.Committee.load(run / "committee.keras").members[0]
    assert float(model.get_layer("standardization").learned) == 1
    assert model.layers[1].compute_dtype == "bfloat16"
    assert keras.config.dtype_policy().name == "float32"
    config = json.loads((run / "run.json").read_text("utf-8"))
    assert find(config, "class_weight") == "balanced"
    assert find(config, "augmentation")["method"] == "ImageDataGenerator"


def find(values, key):
    """The value of a key, wherever in a tree the key is."""
    if isinstance(values, list):
        values = dict(enumerate(values))
    if not isinstance(values, dict):
        return None
    if key in values:
        return values[key]
    return next((found for value in values.values() if (found := find(value, key))), None)


@pytest.mark.parametrize(
    ("name", "option", "expected"),
    [
        ("cnn", "recipe", ("projective", 10)),
        ("cnn", "none", None),
        ("cnn", "ImageDataGenerator", ("ImageDataGenerator", 10)),
        ("softmax", "recipe", None),
        ("softmax", "none", None),
        ("softmax", "ImageDataGenerator", ("ImageDataGenerator", 45)),
    ],
)
def test_augmentation_is_the_recipes_or_none_or_by_keras(name, option, expected):
    augmentation = RecipeOptions(augmentation=option).recipe(name).augmentation
    if expected is None:
        assert augmentation is None
    else:
        assert (augmentation.method, augmentation.rotation_range) == expected


def test_transforms_are_added_to_those_of_the_recipe():
    recipes = zoo.describe("cnn").recipe.augmentation
    changed = RecipeOptions(transforms=[("cutmix", 1), ("zoom_range", 0)]).recipe("cnn")
    assert changed.augmentation == replace(recipes, cutmix=1, zoom_range=0)
    added = RecipeOptions(transforms=[("mixup", 0.2)]).recipe("softmax")
    assert added.augmentation == zoo.Augmentation(mixup=0.2)
    alone = RecipeOptions(augmentation="none", transforms=[("crop_padding", 4)]).recipe("cnn")
    assert alone.augmentation == zoo.Augmentation(crop_padding=4)


def test_arguments_of_the_optimiser_are_added_to_those_of_the_recipe():
    options = RecipeOptions(optimizer_arguments=[("beta_1", 0.8)])
    given = options.recipe("vgg").optimizer_arguments
    assert given == {**zoo.describe("vgg").recipe.optimizer_arguments, "beta_1": 0.8}
    assert replace(options, optimizer="adam").recipe("vgg").optimizer_arguments == {"beta_1": 0.8}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--optimizer-set", "learning_rate=1"], "--optimizer-set must not hold the learning"),
        (
            ["--optimizer-set", "momentom=1"],
            "--optimizer-set its arguments. Received: 'adam' with {'momentom': 1}",
        ),
        (["--augment", "mixup"], "Received: 'mixup'. Write, for example, --augment cutmix=1."),
        (["--augment", "mixup=-1"], "--augment mixup must be 0, or the α"),
        (["--weight-decay-of", "biases"], "'biases'. Write, for example, --weight-decay-of ker"),
        (["--weight-decay-of", "kernels"], "Pass --optimizer-set weight_decay=0.001, for example."),
        (["--warm-up", "9", "--epochs", "9"], "fewer epochs as --warm-up, more as --epochs, or"),
        (["--plateau", "1", "--schedule", "cosine"], "Leave out --plateau, or pass --schedule"),
    ],
)
def test_errors_about_the_recipe_are_in_the_words_of_the_command(zoo_command, words, message):
    code, _, err = zoo_command("train", "softmax", *words)
    assert (code, message in err) == (2, True), err


def test_a_transform_that_does_not_exist_is_named(zoo_command):
    code, _, err = zoo_command("train", "softmax", "--augment", "cutmx=1")
    assert code == 2
    assert "--augment must name a transform of zoo.Augmentation. Received: 'cutmx'" in err
    assert "did you mean 'cutmix'?" in err


def test_options_change_the_recipe_of_a_model_and_nothing_else():
    recipe = zoo.describe("cnn").recipe
    assert RecipeOptions().recipe("cnn") == recipe
    changed = RecipeOptions(epochs=3, optimizer="adam", patience=2).recipe("cnn")
    assert (changed.epochs, changed.optimizer, changed.patience) == (3, "adam", 2)
    assert changed.batch_size == recipe.batch_size


def test_to_resume_needs_a_run():
    with pytest.raises(ArgumentError, match="--resume must come with --log-dir"):
        RunOptions(resume=True)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["train", "conv_bn"], "at least 48×48"),
        (["train", "softmax", "--optimizer", "sdg"], "sdg"),
        (["committee", "softmax", "mlp", "--weights", "1"], "each of the 2 members"),
    ],
)
def test_what_cannot_be_trained_is_one_line_and_leaves_no_folder(
    zoo_command, tmp_path, words, message
):
    code, out, err = zoo_command(*words)
    assert (code, out) == (2, "")
    device, line = err.splitlines()
    assert device.startswith("TensorFlow")
    assert message in line
    assert not (tmp_path / "logs").exists()
