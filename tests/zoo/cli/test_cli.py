import json
import re
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import zoo
from zoo.cli import console
from zoo.cli.app import app
from zoo.errors import ArgumentError


@pytest.fixture
def zoo_command(capsys, tmp_path, monkeypatch):
    """Call the command line in a folder of its own: exit code, standard output and error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")

    def call(*words):
        with pytest.raises(SystemExit) as end:
            console.run(app, list(map(str, words)))
        output = capsys.readouterr()
        return end.value.code, output.out, output.err

    return call


def test_models_lists_every_entry(zoo_command):
    code, out, _ = zoo_command("models")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines() if line[:1].isalpha()][1:] == (
        zoo.list_models()
    )


def test_models_takes_a_pattern_and_a_tag(zoo_command):
    _, out, _ = zoo_command("models", "*mlp", "--tag", "batchnorm")
    assert "bn_mlp" in out
    assert "deep_mlp" not in out


def test_describe_shows_parameters_and_recipe(zoo_command):
    _, out, _ = zoo_command("describe", "cnn")
    for words in ("dropout", "0.5", "batch_size", "32", "rotation_range", "CO395"):
        assert words in out


def test_data_get_fetches_nothing_that_only_people_may(zoo_command, tmp_path):
    code, _, err = zoo_command("data", "get", "fer2013", "--root", tmp_path / "here")
    assert code == 2
    assert "kaggle.com/datasets/msambare/fer2013" in err.replace("\n", "")
    code, _, err = zoo_command("data", "get", "imagenet")
    assert code == 2
    assert "There is no data set 'imagenet'" in err


def test_data_cache_lists_and_clears(zoo_command, tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
    for name in ("cat/1.png", "cat/2.png", "dog/1.png", "dog/2.png"):
        (tmp_path / "pets" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (8, 8)).save(tmp_path / "pets" / name)
    zoo.datasets.load("folder", tmp_path / "pets", test=0, validation=0)
    _, out, _ = zoo_command("data", "cache")
    assert "train 4" in out
    assert "1 entries" in out
    assert "0 entries" in zoo_command("data", "cache", "mnist", "--clear")[1]
    assert "did you mean 'mnist'" in zoo_command("data", "cache", "mnits")[2]
    assert "deleted from" in zoo_command("data", "cache", "--clear")[1]
    assert "0 entries" in zoo_command("data", "cache")[1]


def test_shares_may_be_numbers_of_images(zoo_command):
    _, out, _ = zoo_command("data", "show", "digits", "--validation", "10", "--test", "20")
    rows = [line.split() for line in out.splitlines()]
    assert [row[2:] for row in rows if row[:1] == ["3"]] == [["10", "20"]]


def test_parts_are_chosen_by_name(zoo_command, tmp_path):
    code, _, err = zoo_command("data", "show", "digits", "--parts", "train=train")
    assert code == 2
    assert "digits has no parts to choose from" in err
    code, _, err = zoo_command("data", "show", "mnist", "--parts", "train")
    assert code == 2
    assert "Parts are like train=Training,test=PrivateTest" in err


def test_training_takes_standardization_and_class_weights(zoo_command, tmp_path):
    words = ("--epochs", 1, "--standardize", "mean_image", "--class-weight", "balanced", "-q")
    code, _, err = zoo_command("train", "softmax", *words, "--log-dir", "run")
    assert code == 0, err
    model = zoo.load(tmp_path / "run" / "committee.keras").members[0]
    assert float(model.get_layer("standardization").learned) == 1
    code, _, err = zoo_command("train", "softmax", "--standardize", "zscore")
    assert code == 2
    assert "per_image, mean_image or None" in err


def test_data_lists_the_sets(zoo_command):
    code, out, _ = zoo_command("data")
    assert code == 0
    assert all(name in out for name in ("digits", "fer2013", "folder", "mnist"))


def test_data_show_counts_classes(zoo_command):
    _, out, _ = zoo_command("data", "show", "digits", "--classes", "3,5")
    rows = [line.split() for line in out.splitlines()]
    assert rows[0][:3] == ["digits:", "8×8", "pixels,"]
    data = zoo.datasets.load("digits", classes=["3", "5"])
    assert rows[2] == [
        "3",
        *(str(part.class_counts["3"]) for part in (data.train, data.validation, data.test)),
    ]


def test_data_show_says_that_nothing_is_there_twice(zoo_command):
    code, out, err = zoo_command("data", "show", "digits")
    assert (code, err) == (0, "")
    assert out.rstrip().splitlines()[-1] == "No two images are the same, pixel for pixel."


@pytest.fixture
def photos(tmp_path):
    """Options for a folder of grey photos; one cat is also a dog, and a test image."""
    for part, count in (("train", 20), ("test", 8)):
        for name, start in (("cat", 0), ("dog", 100)):
            folder = tmp_path / "photos" / part / name
            folder.mkdir(parents=True)
            for i in range(count):
                level = start + i + 50 * (part == "test")
                Image.fromarray(np.full((8, 8), level, "uint8")).save(folder / f"{i}.png")
    for place in ("train/dog", "test/cat"):
        Image.fromarray(np.zeros((8, 8), "uint8")).save(tmp_path / "photos" / place / "again.png")
    return "--root", "photos"


def test_data_show_counts_duplicates_or_drops_them(zoo_command, photos):
    _, out, _ = zoo_command("data", "show", "folder", *photos)
    rows = [line.split() for line in out.splitlines()]
    assert ["test", "17", "0", "1", "0", "–"] in rows or ["test", "17", "0", "2", "0", "–"] in rows
    assert "2 of 58 images; 1 set of identical images with different labels" in out
    assert "--drop-duplicates" in out
    _, out, _ = zoo_command("data", "show", "folder", *photos, "--drop-duplicates")
    assert "No two images are the same" in out
    assert "--drop-duplicates" not in out


def test_data_show_draws_and_says_what_it_replaces(zoo_command, tmp_path):
    words = "data", "show", "digits", "--output", "digits.png"
    code, out, err = zoo_command(*words, "--log-dir", "logs of mine")
    assert (code, err) == (0, "")
    assert "Saved: digits.png" in out
    assert re.search(r"tensorboard'? --logdir 'logs of mine'$", out.rstrip())
    with Image.open(tmp_path / "digits.png") as picture:
        assert picture.width > picture.height > 500
    assert list((tmp_path / "logs of mine" / "data").glob("*.tfevents.*"))
    assert "Replaced: digits.png" in zoo_command(*words)[1]


def test_what_was_dropped_in_training_is_dropped_in_evaluation(zoo_command, photos, tmp_path):
    data = "--data", "folder", *photos
    zoo_command(
        "train", "softmax", *data, "--drop-duplicates", "--epochs", 1, "--log-dir", "r", "-q"
    )
    evaluate = "evaluate", "r/committee.keras", *data, "--json"
    values = json.loads(zoo_command(*evaluate, "--split", "train")[1])
    dropped = zoo.datasets.load("folder", tmp_path / "photos", drop_duplicates=True)
    assert values["trained_on"] == values["committee"]["accuracy"]["n"] == len(dropped.train)
    assert json.loads(zoo_command(*evaluate)[1])["trained_on"] == 0


def test_duplicates_are_dropped_for_a_model_of_any_origin(zoo_command, photos, tmp_path):
    zoo.build("softmax", input_shape=(8, 8, 1), num_classes=2).save(tmp_path / "m.keras")
    words = "evaluate", "m.keras", "--data", "folder", *photos, "--split", "train", "--json"
    counts = [
        json.loads(zoo_command(*words, *more)[1])["committee"]["accuracy"]["n"]
        for more in ((), ("--drop-duplicates",))
    ]
    whole = zoo.datasets.load("folder", tmp_path / "photos")
    dropped = zoo.datasets.load("folder", tmp_path / "photos", drop_duplicates=True)
    assert counts == [len(whole.train), len(dropped.train)]
    assert counts[1] < counts[0]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["data", "show", "digits", "-o", "digits.gif"],
            "must end in .png. Received: 'digits.gif'",
        ),
        (["data", "show", "digits", "--log-dir", "/dev/null"], "/dev/null is no folder"),
        (["modls"], "No such command 'modls'"),
        (["describe"], "Missing argument"),
        (["describe", "cn"], "did you mean 'cnn'"),
        (["models", "*mpl"], "No model matches '*mpl'"),
        (["models", "--tga", "conv"], "No such option"),
        (["train", "softmax", "--epochs", "0"], "epochs"),
        (["train", "softmax", "--epochs", "many"], "epochs"),
        (["train", "softmax", "--data", "digit"], "did you mean 'digits'"),
        (["train", "softmax", "--data", "fer2013", "--root", "nowhere"], "nowhere"),
        (["train", "softmax", "--learning-rate", "-1"], "learning_rate must be above 0"),
        (["train", "softmax", "--optimizer", "sdg"], "sdg"),
        (["train", "softmax", "--seed", "-1"], "seed"),
        (["train", "softmax", "--augmentation", "keras"], "'keras' is not one of 'recipe', 'none'"),
        (["train", "softmax", "--resume"], "--resume needs --log-dir"),
        (["train", "softmax", "--image-size", "8x"], "image size is like 48"),
        (["train", "conv_bn"], "at least 48×48"),
        (["committee", "softmax", "mlp", "--weights", "a,b"], "Received: 'a,b'"),
        (["committee", "softmax", "mlp", "--weights", "1"], "each of the 2 members"),
        (["committee", "softmax", "mlp", "--voting", "loud"], "loud"),
        (["gradcheck", "Desne"], "did you mean 'Dense'"),
        (["gradcheck", "Dense", "--mode", "quick"], 'mode is "full", "fast" or None'),
        (["gradcheck", "Dense", "--gradients", "none"], "Received: 'none'"),
        (["gradcheck", "Dense", "--input-shape", "5xx"], "numbers such as 48,48,1. Received: 5xx"),
        (["gradcheck", "Dense", "--set", "units"], "--set takes name=value. Received: units"),
        (["gradcheck", "Reshape"], "Reshape needs target_shape, such as `--set target_shape"),
        (["evaluate", "gone.keras"], "gone.keras does not exist"),
        (["evaluate", "gone.keras", "--split", "best"], "split is test"),
    ],
)
def test_wrong_use_is_one_line_and_exit_code_2(zoo_command, tmp_path, words, message):
    code, out, err = zoo_command(*words)
    assert code == 2
    assert out == ""
    lines = [line for line in err.splitlines() if not line.startswith("TensorFlow")]
    assert len(lines) == 1
    assert message in lines[0]
    assert not (tmp_path / "logs").exists()


def test_debug_shows_the_traceback(zoo_command):
    code, _, err = zoo_command("describe", "cn", "--debug")
    assert code == 2
    assert "Traceback" in err


def train_committee(zoo_command, *more):
    return zoo_command(
        "committee", "softmax", "bn_mlp", "--epochs", 2, "--batch-size", 64,
        "--learning-rate", 0.1, "--optimizer", "adam", "--log-dir", "run one", *more,
    )  # fmt: skip


def test_a_committee_from_training_to_evaluation(zoo_command, tmp_path):
    code, out, err = train_committee(zoo_command)
    run = tmp_path / "run one"
    assert code == 0
    assert "committee" in out
    assert re.search(r"tensorboard'? --logdir 'run one'$", out.rstrip())
    assert err.count("epoch ") == 2
    for name in ("committee.keras", "report.json", "report.md", "report.png", "run.json"):
        assert (run / name).is_file()

    code, _, err = train_committee(zoo_command)
    assert code == 2
    assert "is not empty" in err

    code, out, _ = train_committee(zoo_command, "--resume", "--quiet")
    assert code == 0

    file = run / "committee.keras"
    code, out, _ = zoo_command("evaluate", file, "--json", "-o", "again.md", "-o", "again.png")
    assert code == 0
    assert json.loads(out) == json.loads((run / "report.json").read_text("utf-8"))
    assert (tmp_path / "again.md").read_text("utf-8") == (run / "report.md").read_text("utf-8")


def test_quiet_says_nothing_but_the_report(zoo_command):
    _, out, err = zoo_command("train", "softmax", "--epochs", 1, "--quiet", "--log-dir", "run")
    assert err == ""
    assert "softmax" in out


@pytest.mark.parametrize(
    ("name", "option", "method", "rotation"),
    [
        ("cnn", "recipe", "projective", 45),
        ("cnn", "none", None, None),
        ("cnn", "ImageDataGenerator", "ImageDataGenerator", 45),
        ("softmax", "recipe", None, None),
        ("softmax", "ImageDataGenerator", "ImageDataGenerator", 45),
    ],
)
def test_augmentation_is_the_recipes_or_none_or_by_keras(
    zoo_command, tmp_path, name, option, method, rotation
):
    words = ["--epochs", 1, "--batch-size", 512, "--augmentation", option, "-q", "--log-dir", "run"]
    code, _, err = zoo_command("train", name, *words)
    assert (code, err) == (0, "")
    config = json.loads((tmp_path / "run" / "run.json").read_text("utf-8"))
    augmentation = find(config, "augmentation")
    if method is None:
        assert augmentation is None
    else:
        assert (augmentation["method"], augmentation["rotation_range"]) == (method, rotation)


def find(values, key):
    """The value of a key, wherever in a tree it is."""
    if key in values:
        return values[key]
    return next(
        (found for one in values.values() if isinstance(one, dict) and (found := find(one, key))),
        None,
    )


def test_by_default_each_run_gets_a_folder_in_logs(zoo_command, tmp_path):
    zoo_command("train", "softmax", "--epochs", 1, "--quiet")
    (run,) = (tmp_path / "logs").iterdir()
    assert run.name.startswith("digits-")


def test_evaluate_takes_classes_and_size_from_the_committee(zoo_command, tmp_path):
    rng = np.random.default_rng(0)
    for part in ("train", "test"):
        for name, level in {"dark": 40, "bright": 200, "odd": 120}.items():
            folder = tmp_path / "photos" / part / name
            folder.mkdir(parents=True)
            for i in range(12):
                pixels = np.clip(rng.normal(level, 20, (10 + i % 3, 12, 3)), 0, 255)
                Image.fromarray(pixels.astype("uint8")).save(folder / f"{i}.png")
    photos = ("--data", "folder", "--root", "photos")
    code, _, err = zoo_command(
        "train", "softmax", *photos, "--classes", "dark,bright", "--image-size", "7x9",
        "--color", "grayscale", "--epochs", 1, "--log-dir", "run", "-q",
    )  # fmt: skip
    assert (code, err) == (0, "")
    code, out, _ = zoo_command("evaluate", "run/committee.keras", *photos, "--json")
    values = json.loads(out)
    assert code == 0
    assert values["class_names"] == ["dark", "bright"]
    assert values["committee"]["accuracy"]["n"] == 24


def test_evaluate_holds_out_what_was_held_out_in_training(zoo_command, tmp_path):
    data = zoo.datasets.load("digits", seed=3, test=0.3, validation=0)
    committee = zoo.ensembles.Committee("softmax")
    committee.fit(data.train, epochs=1, batch_size=64, verbose=0)
    committee.save(tmp_path / "c.keras")
    _, out, _ = zoo_command("evaluate", "c.keras", "--json")
    values = json.loads(out)
    assert values["trained_on"] == 0
    assert values["committee"]["accuracy"]["n"] == len(data.test)
    assert "no validation split" in zoo_command("evaluate", "c.keras", "--split", "validation")[2]


def test_classes_with_commas_go_from_training_to_evaluation(zoo_command, tmp_path):
    for name, level in {"a, b": 40, " c": 200}.items():
        folder = tmp_path / "photos" / name
        folder.mkdir(parents=True)
        for i in range(20):
            Image.fromarray(np.full((8, 8), level + i, "uint8")).save(folder / f"{i}.png")
    photos = ("--data", "folder", "--root", "photos")
    code, _, _ = zoo_command("train", "softmax", *photos, "--epochs", 1, "--log-dir", "r", "-q")
    assert code == 0
    code, out, _ = zoo_command("evaluate", "r/committee.keras", *photos, "--json")
    assert code == 0
    assert json.loads(out)["class_names"] == [" c", "a, b"]


def test_a_model_with_another_number_of_classes_is_no_result(zoo_command, tmp_path):
    zoo.build("softmax", input_shape=(8, 8, 1), num_classes=7).save(tmp_path / "m.keras")
    code, out, err = zoo_command("evaluate", "m.keras")
    assert (code, out) == (2, "")
    assert "knows 7 classes. Received: 10" in err


def test_zoo_alone_shows_the_help(zoo_command):
    _, out, err = zoo_command()
    assert "Usage" in out
    assert err == ""


def test_evaluate_judges_a_plain_keras_model(zoo_command, tmp_path):
    zoo.build("softmax", input_shape=(8, 8, 1)).save(tmp_path / "m.keras")
    code, out, _ = zoo_command("evaluate", "m.keras", "--json")
    assert code == 0
    assert json.loads(out)["members"][0]["name"] == "softmax"


def test_the_evaluation_script_is_the_same_command(tmp_path):
    model = zoo.build("softmax", input_shape=(8, 8, 1))
    model.save(tmp_path / "m.keras")
    words = [sys.executable, "-m", "zoo.ensembles.evaluate"]
    done = subprocess.run(
        [*words, tmp_path / "m.keras"], capture_output=True, text=True, check=True
    )
    assert "classification rate" in done.stdout
    wrong = subprocess.run([*words, "gone.keras"], capture_output=True, text=True)
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert wrong.stderr.endswith("Received: gone.keras, which does not exist.\n")


@pytest.mark.parametrize(("text", "size"), [("48", (48, 48)), ("48x64", (48, 64)), ("4×8", (4, 8))])
def test_sizes(text, size):
    assert console.parse_size(text) == size


@pytest.mark.parametrize("text", ["", "0", "x8", "8x", "8x0", "-8", "8.5"])
def test_sizes_that_are_none(text):
    with pytest.raises(ArgumentError, match="like 48 or 48x64"):
        console.parse_size(text)


def test_precision_reaches_the_model(zoo_command, tmp_path):
    zoo_command(
        "train", "softmax", "--epochs", 1, "--precision", "mixed_bfloat16", "--log-dir", "r", "-q"
    )
    committee = zoo.ensembles.Committee.load(tmp_path / "r" / "committee.keras")
    assert committee.members[0].layers[1].compute_dtype == "bfloat16"
    assert keras.config.dtype_policy().name == "float32"


def test_gradcheck_without_a_name_checks_the_layers_of_zoo(zoo_command):
    code, out, _ = zoo_command("gradcheck")
    assert code == 0
    assert out.count("gradients agree with the differences") == 12
    assert "LocalResponseNormalization: gradients agree" in out
    assert "SoftmaxCrossEntropy: gradients agree" in out


def test_gradcheck_takes_zoos_layers_unless_told(zoo_command):
    for options, reference in ((), "the Keras twin"), (("--gradients", "auto"), "float64"):
        _, out, _ = zoo_command("gradcheck", "Dense", "--json", "--mode", "fast", *options)
        assert json.loads(out)["reports"][0]["reference"] == reference
    _, out, _ = zoo_command("gradcheck", "softmax", "--json", "--mode", "fast")
    assert json.loads(out)["reports"][0]["reference"] == "the Keras twin"


def test_gradcheck_takes_a_shape_and_arguments(zoo_command):
    options = "--input-shape", "3,4", "--set", "groups=2", "--set", "name=norm"
    code, out, _ = zoo_command("gradcheck", "GroupNormalization", "--json", *options)
    assert code == 0
    assert json.loads(out)["reports"][0]["tensors"][0]["shape"] == [3, 3, 4]


def test_gradcheck_takes_models_and_layers(zoo_command):
    code, out, _ = zoo_command("gradcheck", "softmax", "Softmax", "--json", "--mode", "fast")
    values = json.loads(out)
    assert (code, values["ok"]) == (0, True)
    assert [report["target"] for report in values["reports"]] == ["softmax", "Softmax"]
    assert {report["mode"] for report in values["reports"]} == {"fast"}


def test_a_wrong_gradient_is_exit_code_1(zoo_command, monkeypatch):
    class Wrong(keras.layers.Layer):
        def call(self, x):
            return tf.custom_gradient(lambda x: (tf.sin(x), lambda dy: -dy * tf.cos(x)))(x)

    monkeypatch.setattr(keras.layers, "Wrong", Wrong, raising=False)
    code, out, _ = zoo_command("gradcheck", "Wrong")
    assert code == 1
    assert "input: wrong sign" in out
    code, out, _ = zoo_command("gradcheck", "Wrong", "ReLU", "--json")
    assert code == 1
    assert [report["ok"] for report in json.loads(out)["reports"]] == [False, True]


def test_a_wrong_second_order_is_a_fault_when_asked_for(zoo_command):
    assert zoo_command("gradcheck", "LayerNormalization")[0] == 0
    assert zoo_command("gradcheck", "LayerNormalization", "--second-order")[0] == 1
