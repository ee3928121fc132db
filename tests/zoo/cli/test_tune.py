import json
import shutil

import optuna
import pytest

import zoo
from zoo.tuning.study import FailedTrial
from zoo.tuning.sweep import Sweep
from zoo.weights.catalogue import find_weights


@pytest.fixture(scope="module")
def tuned(tmp_path_factory, zoo_command_in):
    """A sweep of three trials with two seeds."""
    folder = tmp_path_factory.mktemp("tune")
    words = (
        *("tune", "softmax", "--vary", "learning_rate=1e-5,0.01", "--epochs", 1, "--seeds", 2),
        *("--batch-size", 256, "--log-dir", "my run", "--round-size", 1, "--confirm", 1),
    )
    return folder, zoo_command_in(folder, *words)


def test_a_sweep_prints_its_table_and_what_it_chose(tuned):
    folder, output = tuned
    assert output.code == 0
    assert output.err.count("· best: trial-") == 2
    text = " ".join(output.out.split())
    assert "2 trials, the best first" in text
    assert "These images chose it, so this accuracy is too high." in text
    assert "Trained again with another seed, it has" in text
    assert "optuna-dashboard 'sqlite:///my run/study.db'" in text
    names = {path.name for path in (folder / "my run").iterdir()}
    assert names >= {"best.keras", "sweep.json", "study.db", "learning_rate.png", "run.json"}


def test_the_best_model_is_saved(tuned):
    folder, _ = tuned
    best = zoo.load(folder / "my run/best.keras")
    values = json.loads((folder / "my run/sweep.json").read_text("utf-8"))
    assert len(best.members) == 1
    assert best.validation_accuracy[0] == pytest.approx(values["best"]["accuracies"][0])
    assert best.data_settings["name"] == "digits"


def test_a_sweep_is_resumed_with_its_own_options(tuned, zoo_command_in):
    folder, _ = tuned
    before = json.loads((folder / "my run/sweep.json").read_text("utf-8"))
    words = ("tune", "--resume", "--log-dir", "my run", "-q", "--json", "--confirm", 0)
    code, out, err = zoo_command_in(folder, *words)
    assert (code, err) == (0, "")
    assert before.pop("confirmation")["trial"] == before["best"]["trial"]
    assert json.loads(out) == before


@pytest.mark.usefixtures("tiny_weights")
def test_a_sweep_starts_from_weights_and_keeps_them(zoo_command, tmp_path):
    words = ("tune", "vgg", "--weights", "tiny/vgg-1", "--vary", "freeze=features,none",
             "--epochs", 1, "--log-dir", "run", "--confirm", 0,
             "--standardize", "mean_image")  # fmt: skip
    code, out, err = zoo_command(*words)
    assert code == 0
    assert "vgg takes --standardize per_image, as the weights tiny/vgg-1 were trained" in err
    assert "freeze" in out.splitlines()[1]
    trained = find_weights("tiny/vgg-1")[0].paper
    study = optuna.load_study(study_name="sweep", storage=f"sqlite:///{tmp_path}/run/study.db")
    config = study.user_attrs["zoo"]
    assert config["arguments"] == {**trained.arguments, "weights": "tiny/vgg-1"}
    assert config["recipe"]["standardize"] == "per_image"
    assert {trial.params["freeze"] for trial in study.trials} == {"features", None}
    values = json.loads((tmp_path / "run/sweep.json").read_text("utf-8"))
    again = ("tune", "--resume", "--log-dir", "run", "-q", "--json", "--confirm", 0)
    assert json.loads(zoo_command(*again).out) == values


@pytest.mark.filterwarnings("default:Each trial of a sweep")
def test_a_trial_that_failed_is_named_after_the_results(
    tuned, zoo_command_in, monkeypatch, tmp_path
):
    folder = shutil.copytree(tuned[0], tmp_path / "copy")
    failed = FailedTrial(7, {"learning_rate": 0.5}, "ValueError: no luck")
    monkeypatch.setattr(Sweep, "failed", (failed,))
    words = ("tune", "--resume", "--log-dir", "my run", "--json", "--confirm", 0)
    code, out, err = zoo_command_in(folder, *words)
    assert code == 2
    values = json.loads(out)
    assert values["sentence"].endswith("1 more failed: trial-7 (learning_rate=0.5).")
    assert values["failed"][0]["number"] == 7
    message = err.strip().splitlines()[-1]
    assert "no result of trial-7" in message
    assert "with --resume, only these trials are trained again." in message
    assert message.endswith(": ValueError: no luck")


def test_errors_name_options(zoo_command):
    code, out, err = zoo_command("tune", "mlp", "-q", "--vary", "dropuot=0.1")
    assert (code, out) == (2, "")
    assert "--vary must name settings of the recipe" in err
    assert "did you mean 'dropout'?" in err
    assert "Augmentation: 'brightness_range', " in err
    _, _, err = zoo_command("tune", "mlp", "-q", "--vary", "mixup=-1,1")
    assert err.startswith("--vary must give values that a trial can have. Received: -1 for 'mixup'")
    _, _, err = zoo_command("tune", "mlp", "-q", "--vary", "learning_rate=-1,1")
    assert err.startswith("--vary must give values that a trial can have. Received: -1 for")


def test_a_stopped_sweep_says_how_to_go_on(zoo_command, monkeypatch):
    from zoo.tuning import rounds

    def stop(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(rounds, "train", stop)
    code, _, err = zoo_command("tune", "softmax", "--vary", "learning_rate=1,2", "--log-dir", "run")
    assert code == 130
    assert "Go on with: zoo tune --resume --log-dir run" in err
