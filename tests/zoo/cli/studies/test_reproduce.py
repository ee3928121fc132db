import json

import pytest

from zoo.experiments import experiment_names, running

FILE = """
title = "softmax regression"
report = "a test"
place = "here"
minutes = 0.1
figures = []
data = {name = "digits"}

[[members]]
name = "softmax"
model = "softmax"
recipe = {epochs = 1}

[[published]]
member = "softmax"
split = "test"
value = "90"
source = "made up"
"""


@pytest.fixture
def mine(tmp_path):
    (tmp_path / "mine.toml").write_text(FILE, "utf-8")
    return tmp_path


def test_the_list_names_every_experiment_with_data_and_minutes(zoo_command):
    code, out, _ = zoo_command("reproduce", "--list")
    assert code == 0
    reports, weights = experiment_names(), experiment_names("weights")
    assert all(name in out for name in [*reports, *weights])
    of_reports, of_weights = out.split("The weights that come with the package; --all leaves")
    assert "weights/" not in of_reports
    assert not any(name in of_weights for name in reports)
    assert "facescrub-faces.zip" in of_reports
    code, out, _ = zoo_command("reproduce", "--list", "--json")
    assert [row["name"] for row in json.loads(out)] == [*reports, *weights]


def test_an_experiment_prints_its_table_and_goes_on(zoo_command, mine):
    code, out, err = zoo_command("reproduce", "mine.toml", "-q")
    assert (code, err) == (0, "")
    assert "90 %, n not given" in out
    assert "logs/reproduce/mine" in out
    assert zoo_command("reproduce", "mine.toml", "-q").out == out


def test_a_quick_trial_is_json_when_asked_for(zoo_command, mine):
    code, out, err = zoo_command("reproduce", "mine.toml", "--quick", "--json")
    assert (code, err) == (0, "")
    (results,) = json.loads(out)
    assert results["quick"]
    assert results["rows"][0]["verdict"] is None


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "Received: neither."),
        (["mine.toml", "--all"], "Received: both."),
        (["mine.toml", "mine.toml", "--log-dir", "x"], "--log-dir must come with a single"),
        (["--all", "--log-dir", "x"], "--log-dir must come with a single"),
        (["csc412-faces"], "did you mean 'csc411-faces'"),
    ],
)
def test_wrong_words_are_one_line_that_says_so(zoo_command, mine, words, message):
    code, out, err = zoo_command("reproduce", *words)
    assert (code, out) == (2, "")
    assert message in " ".join(err.split())


def test_a_stopped_experiment_says_how_to_go_on(zoo_command, mine, monkeypatch):
    def stop(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(running.Committee, "fit", stop)
    code, _, err = zoo_command("reproduce", "mine.toml", "-q")
    assert code == 130
    assert "The same command goes on with mine.toml" in err


def test_experiments_run_in_other_processes(zoo_command, mine, work_here):
    (mine / "other.toml").write_text(FILE, "utf-8")
    words = "reproduce", "mine.toml", "other.toml", "--quick", "--jobs", 2
    code, out, err = zoo_command(*words)
    assert code == 0
    assert "mine.toml: begins\n" in err
    assert "other.toml: is finished\n" in err
    assert out.count("Results, environment and figures") == 2
    assert (mine / "logs" / "reproduce" / "other-quick" / "results.json").is_file()
    code, _, err = zoo_command("reproduce", "mine.toml", "--log-dir", "run", "--jobs", 2)
    assert code == 2
    assert "--log-dir must be left out with --jobs and --scheduler" in err
