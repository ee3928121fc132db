import json
import math
import shutil

import matplotlib.image
import optuna
import pytest

from zoo.errors import ArgumentError, RunError
from zoo.experiments import experiment_names, load_experiment, reproduce, sweeping
from zoo.experiments.features import make_member
from zoo.text import as_plain_text
from zoo.tuning.space import make_search_space


def test_the_best_trial_and_published_trials_are_judged_beside_the_other_members(rates_run):
    results, _ = rates_run
    rows = {(row.result, row.split, row.measure): row for row in results.rows}
    low = "net, learning_rate=1e-07"
    assert rows[low, "train", "accuracy"].verdict.word == "below"
    assert rows[low, "validation", "accuracy"].published.value == "42"
    assert len(rows["net", "test", "accuracy"].values) == 2
    assert rows["net", "test", "accuracy"].mean > rows[low, "test", "accuracy"].mean
    assert ("other", "test", "accuracy") in rows
    assert len(results.seeds) == 2


def test_trials_are_in_the_table_with_the_rates_of_the_file(rates_run):
    results, _ = rates_run
    assert results.sweep.trials[0].settings == {"learning_rate": 5e-5}
    text = as_plain_text(results, 220)
    assert "net (best of 2: learning_rate=5e-05)" in text
    assert "training, in %" in text
    assert "net, learning_rate=1e-07" in results.to_markdown()
    assert "| 1e-07 |" in results.to_markdown()
    assert json.loads(json.dumps(results.to_dict()))["sweep"]["member"] == "net"


def test_precision_recall_and_f1_have_a_row_and_a_verdict_where_the_value_is_known(rates_run):
    results, _ = rates_run
    rows = {row.measure: row for row in results.rows if row.published and row.result == "net"}
    assert rows["f1"].verdict is not None
    assert rows["f1"].interval[0] < rows["f1"].mean < rows["f1"].interval[1]
    assert rows["recall"].verdict is None
    text = as_plain_text(results, 220)
    assert "F1 of the classes, mean" in text
    assert "recall of 7" in text
    assert "not known here" in text
    assert any("only its tables would tell" in note for note in results.notes())


def test_the_picture_of_the_sweep_is_drawn(rates_run):
    results, folder = rates_run
    assert folder / "sweep-learning_rate.png" in results.figures
    assert matplotlib.image.imread(folder / "sweep-learning_rate.png").std() > 0.05


def test_a_second_call_reads_the_sweep_also_with_other_rounds(
    rates_run, rates_file, tmp_path, monkeypatch
):
    results, folder = rates_run
    monkeypatch.setattr(sweeping, "tune", None)
    other = tmp_path / "rates.toml"
    text = rates_file.read_text("utf-8")
    other.write_text(text.replace("[sweep]\n", "[sweep]\nround_size = 1\n"), "utf-8")
    again = reproduce(str(other), log_dir=folder, verbose=0)
    assert again.to_dict() == results.to_dict()


def damaged_trial(**changed):
    def damage(values):
        values["sweep"]["trials"][0].update(changed)

    return damage


@pytest.mark.parametrize(
    "damage",
    [
        damaged_trial(settings=math.nan),
        damaged_trial(train="x"),
        damaged_trial(validation=10**400),
        lambda values: values["sweep"].update(trials=[]),
        lambda values: values["sweep"].update(n="x"),
        lambda values: values["seeds"].pop(),
        lambda values: values["seeds"][1]["confusion"].pop("net"),
    ],
)
def test_a_sweep_with_other_values_is_named(rates_run, rates_file, tmp_path, damage):
    copy = shutil.copytree(rates_run[1], tmp_path / "run")
    values = json.loads((copy / "sweep.json").read_text("utf-8"))
    damage(values)
    (copy / "sweep.json").write_text(json.dumps(values), "utf-8")
    with pytest.raises(RunError, match=r"sweep\.json, which is damaged"):
        reproduce(str(rates_file), log_dir=copy, verbose=0)


def test_a_sweep_without_validation_images_is_refused(rates_file, tmp_path):
    text = rates_file.read_text("utf-8")
    other = tmp_path / "other.toml"
    other.write_text(text.replace('"digits"\n', '"digits"\noptions = {validation = 0}\n'), "utf-8")
    with pytest.raises(ArgumentError, match="hold out validation images"):
        reproduce(str(other), log_dir=tmp_path / "run", verbose=0)


TRANSFORMS = """
title = "CutMix on digits"
report = "a test"
place = "here"
minutes = 0.1
data = {name = "digits"}

[[members]]
name = "net"
model = "softmax"
recipe = {epochs = 1, augmentation = {rotation_range = 5}}

[sweep]
member = "net"
vary = {cutmix = [0, 1]}

[[published]]
member = "net"
at = {cutmix = 1}
split = "validation"
value = "50"
source = "made up"
"""


def test_the_transforms_of_a_member_can_vary(tmp_path):
    (tmp_path / "cutmix.toml").write_text(TRANSFORMS, "utf-8")
    results = reproduce(
        str(tmp_path / "cutmix.toml"), log_dir=tmp_path / "run", quick=True, verbose=0
    )
    assert {trial.settings["cutmix"] for trial in results.sweep.trials} == {0, 1}
    assert "net, cutmix=1" in {row.result for row in results.rows}
    study = optuna.load_study(
        study_name="sweep", storage=f"sqlite:///{tmp_path}/run/sweep/study.db"
    )
    assert study.user_attrs["zoo"]["recipe"]["augmentation"]["rotation_range"] == 5


@pytest.mark.parametrize("name", experiment_names())
def test_the_settings_of_every_sweep_can_vary(name):
    experiment = load_experiment(name)
    if experiment.sweep:
        member = make_member(experiment.swept_member, 1000, quick=False)
        assert make_search_space(member, dict(experiment.sweep.vary)).names
