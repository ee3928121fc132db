import json
import shutil
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

import zoo
from zoo.ensembles import Committee
from zoo.errors import ArgumentError, RunError
from zoo.experiments import experiment_names, load_experiment, reproduce, running, spreading
from zoo.experiments.images import load_images
from zoo.experiments.results import SeedResult
from zoo.experiments.views.drawing import FIGURES
from zoo.tensorboard import TensorBoardLog


@pytest.fixture
def common_figures(monkeypatch):
    """Leaves out figures that most experiments have; `digits_run` and other tests draw them."""
    for name in ("report", "curves", "samples", "weights"):
        draw = lambda trained, stem, name=name, **_: Path(f"{stem}-{name}.png").touch()  # noqa: E731
        monkeypatch.setitem(FIGURES, name, draw)
    monkeypatch.setattr(TensorBoardLog, "figure", lambda *words, **options: None)


@pytest.mark.usefixtures("common_figures")
@pytest.mark.parametrize("name", [*experiment_names(), *experiment_names("weights")])
def test_every_experiment_runs_on_a_few_images(name, report_data, tmp_path):
    results = reproduce(name, report_data, log_dir=tmp_path / "run", quick=True, verbose=0)
    experiment = load_experiment(name)
    assert {row.result for row in results.rows} >= {part.name for part in experiment.members}
    assert all(row.verdict is None for row in results.rows)
    assert sum(row.published is not None for row in results.rows) == len(experiment.published)
    assert results.rows or results.measured or results.figures
    assert bool(results.measured) == bool(experiment.measurements)
    assert all(row.verdict != "wrong" for row in results.measured)
    assert "accuracies mean nothing" in results.notes()[0]
    for figure in experiment.figures:
        assert any(figure.name in path.name for path in results.figures)


TAUGHT = """
title = "a student of ten networks, and a network that goes on"
report = "a test"
place = "here"
minutes = 0.1

[data]
name = "mnist"

[teacher]
weights = "mnist/lenet-0"
temperature = 2
share = 0.5

[[members]]
name = "student"
model = "softmax"
recipe = {epochs = 1}

[[members]]
name = "more"
model = "lenet"
arguments = {weights = "mnist/lenet-1"}
recipe = {epochs = 1, learning_rate = 1e-9}
"""


def test_members_learn_from_trained_weights_and_go_on_from_them(report_data, tmp_path):
    file = tmp_path / "taught.toml"
    file.write_text(TAUGHT)
    reproduce(str(file), report_data, log_dir=tmp_path / "run", quick=True, verbose=0)
    config = json.loads((tmp_path / "run/seed-0/run.json").read_text("utf-8"))["config"]
    teacher = config["teacher"]
    assert (teacher["temperature"], teacher["share"]) == (2, 0.5)
    _, more = Committee.load(tmp_path / "run/seed-0/committee.keras").members
    trained = zoo.build("lenet", weights="mnist/lenet-1")
    for weight, expected in zip(more.get_weights(), trained.get_weights(), strict=True):
        np.testing.assert_allclose(weight, expected, atol=1e-6)


def test_a_run_folder_holds_results_environment_and_figures(digits_run):
    results, folder = digits_run
    files = {path.name for path in folder.iterdir()}
    assert files >= {"experiment.json", "results.json", "results.md", "seed-0.json", "seed-1.json"}
    figures = {path.name for path in results.figures}
    assert {"seed-0-report.png", "seed-1-curves.png", "seed-0-weights-softmax_0.1.png"} <= figures
    written = json.loads((folder / "experiment.json").read_text("utf-8"))
    assert written["environment"]["cores"] >= 1
    assert written["settings"]["members"][0]["recipe"]["learning_rate"] == 0.01
    assert json.loads((folder / "results.json").read_text("utf-8")) == results.to_dict()


def test_a_second_call_trains_nothing(digits_run, digits_file, monkeypatch):
    results, folder = digits_run
    monkeypatch.setattr(running, "Committee", None)
    again = reproduce(str(digits_file), log_dir=folder, verbose=0)
    assert again.to_dict() == results.to_dict()


def test_a_run_in_the_home_of_the_user_is_found_there(digits_run, digits_file, monkeypatch):
    results, folder = digits_run
    monkeypatch.setenv("HOME", str(folder.parent))
    again = reproduce(str(digits_file), log_dir=f"~/{folder.name}", verbose=0)
    assert (again.folder, again.to_dict()) == (folder, results.to_dict())
    settings = spreading._settings(str(digits_file), "~/images", quick=False)
    assert settings["root"] == f"{folder.parent}/images"


@pytest.mark.usefixtures("common_figures")
def test_a_stopped_run_goes_on_to_the_same_result(digits_run, digits_file, tmp_path):
    class Stopped(Exception):
        pass

    def stop(*arguments, **options):
        raise Stopped

    results, _ = digits_run
    folder = tmp_path / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(running, "confusions", stop)  # after the training, before the result
        with pytest.raises(Stopped):
            reproduce(str(digits_file), log_dir=folder, verbose=0)
    again = reproduce(str(digits_file), log_dir=folder, verbose=0)
    assert [seed.confusion for seed in again.seeds] == [seed.confusion for seed in results.seeds]
    assert [seed.is_resumed for seed in again.seeds] == [True, False]
    assert any("stopped in between" in note for note in again.notes())


def test_a_second_call_draws_and_measures_what_is_new_in_the_file(
    digits_run, digits_file, tmp_path
):
    _, folder = digits_run
    copy = tmp_path / "run"
    shutil.copytree(folder, copy)
    (copy / "seed-0-report.png").unlink()
    changed = tmp_path / "digits.toml"
    text = digits_file.read_text("utf-8").replace('"report", ', '"report", "samples", ')
    measurement = '[[measurements]]\nname = "gradients"\nmember = "softmax_0.1"\n'
    changed.write_text(f"{text}\n{measurement}", "utf-8")
    again = reproduce(str(changed), log_dir=copy, verbose=0)
    names = {path.name for path in again.figures}
    assert {"seed-0-samples.png", "seed-1-samples.png"} <= names
    assert "seed-0-report.png" not in names  # It was drawn before, and is not drawn again.
    kernel, bias = again.measured
    assert kernel.subject == "softmax_0.1: logits/kernel"
    assert bias.verdict == "right"
    assert bias.value < bias.bound


def test_a_folder_of_other_settings_or_other_files_is_refused(digits_run, digits_file, tmp_path):
    _, folder = digits_run
    other = tmp_path / "digits.toml"
    text = digits_file.read_text("utf-8")
    other.write_text(text.replace("epochs = 2", "epochs = 3"), "utf-8")
    with pytest.raises(RunError, match="whose 'members' differs"):
        reproduce(str(other), log_dir=folder, verbose=0)
    with pytest.raises(RunError, match="'quick' differs"):
        reproduce(str(digits_file), log_dir=folder, quick=True, verbose=0)
    with pytest.raises(RunError, match="which holds other files"):
        reproduce(str(digits_file), log_dir=tmp_path, verbose=0)


RESULT = asdict(SeedResult(0, 1.0, False, {}, [], {}))
ROW = {"subject": "a layer", "quantity": "error"}


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("experiment.json", {"settings": [1]}),
        ("experiment.json", {"settings": None}),
        ("experiment.json", {}),
        ("seed-0.json", {"seed": 0}),
        ("seed-0.json", {**RESULT, "other": 0}),
        ("seed-0.json", {**RESULT, "confusion": 5}),
        ("seed-0.json", {**RESULT, "confusion": {"softmax": {"test": [[1, 0], ["x"]]}}}),
        ("seed-0.json", RESULT),
        ("seed-0.json", {**RESULT, "confusion": {"softmax": {"test": [[1]]}}}),
        ("seed-0.json", {**RESULT, "seconds": 10**400}),
        ("seed-0.json", {**RESULT, "confusion": {"softmax": {"test": [[10**400]]}}}),
        ("seed-0-finished.json", {"entries": [{"rows": [{**ROW, "value": "x"}]}]}),
        ("seed-0-finished.json", {}),
        ("seed-0-finished.json", {"entries": [3]}),
        ("seed-0-finished.json", {"entries": [{"rows": [{"other": 1}]}]}),
    ],
)
def test_a_file_of_the_run_with_other_values_is_named(
    digits_run, digits_file, tmp_path, name, values
):
    copy = shutil.copytree(digits_run[1], tmp_path / "run")
    (copy / name).write_text(json.dumps(values), "utf-8")
    with pytest.raises(RunError, match=rf"{name}, which is damaged .*Name another run folder"):
        reproduce(str(digits_file), log_dir=copy, verbose=0)


def test_what_was_published_may_be_corrected_after_the_run(digits_run, digits_file, tmp_path):
    _, folder = digits_run
    other = tmp_path / "digits.toml"
    text = digits_file.read_text("utf-8")
    other.write_text(text.replace('"50"', '"51"') + "\n", "utf-8")
    copy = shutil.copytree(folder, tmp_path / "run")  # other tests read the folder of all
    assert reproduce(str(other), log_dir=copy, verbose=0).rows[1].published.value == "51"


def test_new_splits_and_a_number_of_training_images_are_taken(digits_file, tmp_path):
    other = tmp_path / "other.toml"
    text = digits_file.read_text("utf-8")
    text = text.replace('name = "digits"', 'name = "digits"\ntraining_images = 50')
    other.write_text(text.replace("[protocol]", "[protocol]\nnew_splits = true"), "utf-8")
    experiment = load_experiment(str(other))
    assert experiment.protocol.new_splits
    first, second = (load_images(experiment.data, None, seed, new_split=True) for seed in (0, 1))
    assert set(first.train.class_counts.values()) == {5}
    assert set(first.test.digests) != set(second.test.digests)


def test_an_unknown_experiment_is_an_error():
    with pytest.raises(ArgumentError, match="zoo reproduce --list"):
        reproduce("csc412")


def test_a_wrong_verbose_is_refused_before_a_file_is_written(digits_file, tmp_path):
    with pytest.raises(ArgumentError, match="verbose must be"):
        reproduce(str(digits_file), log_dir=tmp_path / "run", verbose=2)
    assert not (tmp_path / "run").exists()
