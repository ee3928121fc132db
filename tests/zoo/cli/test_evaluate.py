import json
import runpy
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

import zoo
from zoo.ensembles import Committee, pretrained
from zoo.ensembles.evaluate import evaluate_file
from zoo.errors import ArgumentError, DataError


@pytest.fixture(scope="module")
def plain_model(tmp_path_factory):
    """File of a Keras model for digits."""
    file = tmp_path_factory.mktemp("plain") / "m.keras"
    zoo.build("softmax", input_shape=(8, 8, 1)).save(file)
    return file


def test_evaluation_gives_the_report_of_the_training(zoo_command, trained, tmp_path):
    run = trained[0] / "my run"
    words = "evaluate", run / "committee.keras", "--json", "-o", "again.md", "-o", "again.png"
    code, out, err = zoo_command(*words)
    assert code == 0
    assert "Replaced" not in err
    assert json.loads(out) == json.loads((run / "report.json").read_text("utf-8"))
    assert (tmp_path / "again.md").read_text("utf-8") == (run / "report.md").read_text("utf-8")
    assert (tmp_path / "again.png").is_file()
    (tmp_path / "again.png").unlink()
    _, same, err = zoo_command(*words)
    assert same == out
    assert [line for line in err.splitlines() if "Replaced" in line] == ["Replaced: again.md"]


@pytest.fixture(scope="module")
def photo_run(zoo_command_in, photos, tmp_path_factory):
    """Saved committee, trained on two classes of the photos, in grey, small, without duplicates."""
    folder = tmp_path_factory.mktemp("photo_run")
    code, _, err = zoo_command_in(
        folder, "train", "softmax", "--data", "folder", "--root", photos,
        "--classes", "cat,dog", "--image-size", "7x9", "--color", "grayscale",
        "--drop-duplicates", "--epochs", 1, "--log-dir", "run", "-q",
    )  # fmt: skip
    assert (code, err) == (0, "")
    return folder / "run"  # the run folder, which stands for the committee in it


def test_evaluation_takes_classes_size_and_colour_from_the_committee(
    zoo_command, photos, photo_run
):
    words = "evaluate", photo_run, "--data", "folder", "--root", photos, "--json"
    code, out, _ = zoo_command(*words)
    values = json.loads(out)
    assert code == 0
    assert values["class_names"] == ["cat", "dog"]
    assert values["trained_on"] == 0
    assert values["committee"]["accuracy"]["n"] == 17


def test_the_place_that_a_model_names_is_said_before_it_is_read(
    zoo_command, photos, photo_run, monkeypatch
):
    def check_files(file, data, root):
        raise DataError("nothing is read here")

    monkeypatch.setattr("zoo.ensembles.evaluate.check_files", check_files)
    code, out, err = zoo_command("evaluate", photo_run)
    said, failed = err.splitlines()
    assert (code, out) == (2, "")
    assert said == f"Data: {photos}, the place that {photo_run} names. --root names another."
    assert "nothing is read here" in failed
    assert zoo_command("evaluate", photo_run, "--root", photos)[2].count("\n") == 1


def test_duplicates_dropped_in_training_are_dropped_in_evaluation(photos, photo_run):
    report = evaluate_file(photo_run, "folder", root=photos, split="train").to_dict()
    dropped = zoo.datasets.load(
        "folder", photos, classes=["cat", "dog"], color="grayscale", image_size=(7, 9),
        drop_duplicates=True,
    )  # fmt: skip
    assert report["trained_on"] == report["committee"]["accuracy"]["n"] == len(dropped.train)


def test_duplicates_are_dropped_for_a_model_of_any_origin(zoo_command, photos, tmp_path):
    zoo.build("softmax", input_shape=(8, 8, 1), num_classes=3).save(tmp_path / "m.keras")
    words = "evaluate", "m.keras", "-d", "folder", "--root", photos, "--split", "train", "--json"
    counts = [
        json.loads(zoo_command(*words, *more)[1])["committee"]["accuracy"]["n"]
        for more in ((), ("--drop-duplicates",))
    ]
    expected = [
        len(zoo.datasets.load("folder", photos, drop_duplicates=dropped, validation=0).train)
        for dropped in (False, True)
    ]
    assert counts == expected
    assert counts[1] < counts[0]


def test_evaluation_holds_out_what_was_held_out_in_training(zoo_command, tmp_path):
    data = zoo.datasets.load("digits", seed=3, test=0.3, validation=0)
    committee = zoo.ensembles.Committee("softmax")
    committee.fit(data.train, epochs=1, batch_size=256, verbose=0)
    committee.save(tmp_path / "c.keras")
    _, out, _ = zoo_command("evaluate", "c.keras", "--json")
    values = json.loads(out)
    assert values["trained_on"] == 0
    assert values["committee"]["accuracy"]["n"] == len(data.test)
    code, _, err = zoo_command("evaluate", "c.keras", "--split", "validation")
    assert code == 2
    assert "split must be a split of digits: train or test." in err


def test_classes_with_commas_go_from_training_to_evaluation(zoo_command, tmp_path):
    for name, level in {"a, b": 40, " c": 200}.items():
        folder = tmp_path / "photos" / name
        folder.mkdir(parents=True)
        for index in range(20):
            Image.fromarray(np.full((8, 8), level + index, "uint8")).save(folder / f"{index}.png")
    committee = zoo.ensembles.Committee("softmax")
    data = zoo.datasets.load("folder", tmp_path / "photos")
    committee.fit(data.train, epochs=1, verbose=0)
    committee.save(tmp_path / "c.keras")
    code, out, _ = zoo_command("evaluate", "c.keras", "-d", "folder", "--root", "photos", "--json")
    assert code == 0
    assert json.loads(out)["class_names"] == [" c", "a, b"]


@pytest.mark.parametrize("views", ["flip", "ten_crop"])
def test_views_of_each_image_are_averaged(zoo_command, trained, views):
    """Accuracy and log loss are those of `Committee.report`, and other than without views."""
    file = trained[0] / "my run" / "committee.keras"
    committee, digits = Committee.load(file), zoo.datasets.load("digits")
    committee.keep_training_images(digits.train)
    expected = committee.report(digits.test, augmentation=views)
    code, out, err = zoo_command("evaluate", file, "--views", views, "--json")
    assert (code, err) == (0, "")
    values = json.loads(out)
    assert values == json.loads(expected.to_json())
    plain = json.loads(zoo_command("evaluate", file, "--json").out)
    for part, other in zip(scores_of(values), scores_of(plain), strict=True):
        assert part["negative_log_likelihood"] != other["negative_log_likelihood"]
    _, out, _ = zoo_command("evaluate", file, "--views", views)
    row = next(line for line in out.splitlines() if line.split()[:1] == ["committee"])
    assert f"{100 * values['committee']['accuracy']['value']:.1f} %" in row


def scores_of(values):
    """The scores of the committee, and of each member."""
    return [values["committee"], *values["members"]]


@pytest.mark.usefixtures("tiny_weights")
def test_trained_weights_are_judged_in_another_precision(zoo_command):
    digits = zoo.datasets.load("digits", validation=0.2)
    committee = pretrained("tiny", precision="mixed_bfloat16")
    committee.keep_training_images(digits.train)
    code, out, err = zoo_command("evaluate", "tiny", "--precision", "mixed_bfloat16", "--json")
    assert (code, err) == (0, "")
    values = json.loads(out)
    assert values == json.loads(committee.report(digits.test).to_json())
    plain = json.loads(zoo_command("evaluate", "tiny", "--json").out)
    assert values["leaks"] == plain["leaks"]
    assert [part["negative_log_likelihood"] for part in scores_of(values)] != [
        part["negative_log_likelihood"] for part in scores_of(plain)
    ]


def test_a_saved_model_keeps_its_precision(zoo_command, plain_model):
    for words in (("evaluate", plain_model, "-d", "digits"), ("predict", plain_model, ".")):
        code, out, err = zoo_command(*words, "--precision", "float16")
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert err.startswith("--precision must be left out for a saved model")


def test_a_plain_keras_model_is_judged(zoo_command, plain_model):
    code, out, _ = zoo_command("evaluate", plain_model, "-d", "digits", "--json")
    assert code == 0
    assert json.loads(out)["members"][0]["name"] == "softmax"


def test_a_model_with_another_number_of_classes_is_no_result(zoo_command, tmp_path):
    zoo.build("softmax", input_shape=(8, 8, 1), num_classes=7).save(tmp_path / "m.keras")
    code, out, err = zoo_command("evaluate", "m.keras", "--data", "digits")
    assert (code, out) == (2, "")
    assert "7 classes" in err
    assert "Received: 10" in err


def test_a_file_that_is_not_there_is_one_line(zoo_command):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("zoo.cli.evaluate.start_tensorflow", lambda **_: pytest.fail("too early"))
        code, out, err = zoo_command("evaluate", "gone.keras")
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert "gone.keras" in err


def test_a_split_has_one_of_three_names(plain_model):
    with pytest.raises(ArgumentError, match=r"split must be .* Received: 'best'"):
        evaluate_file(plain_model, "digits", split="best")


def test_the_evaluation_script_is_the_same_command(zoo_command, plain_model):
    script = [sys.executable, "-m", "zoo.ensembles.evaluate"]
    done = subprocess.run(
        [*script, plain_model, "-d", "digits", "--json"], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == zoo_command("evaluate", plain_model, "-d", "digits", "--json")[1]


@pytest.mark.filterwarnings("ignore:.*found in sys.modules:RuntimeWarning")
def test_the_evaluation_script_ends_with_the_exit_code_of_the_command(
    zoo_command, monkeypatch, capsys
):
    words = ["gone.keras", "--split", "train"]
    monkeypatch.setattr(sys, "argv", ["evaluate", *words])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("zoo.ensembles.evaluate", run_name="__main__")
    assert (ended.value.code, *capsys.readouterr()) == zoo_command("evaluate", *words)
