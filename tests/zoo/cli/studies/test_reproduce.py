import json
import os
import signal
import threading
import time

import pytest

from zoo.experiments import experiment_names, running
from zoo.training.loop import Loop

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
    of_reports, of_weights = out.split("Weights; --all leaves")
    assert "weights/" not in of_reports
    assert not any(name in of_weights for name in reports)
    assert "facescrub-faces.zip" in of_reports
    assert "cifar10 and cifar10" not in out
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


def test_an_experiment_that_fails_is_named_at_the_end_and_the_others_go_on(
    zoo_command, mine, work_here
):
    bad = FILE.replace('"digits"', '"digits", options = {classes = ["0", "x"]}')
    (mine / "bad.toml").write_text(bad, "utf-8")
    words = "reproduce", "bad.toml", "mine.toml", "--quick"
    code, out, err = zoo_command(*words)
    assert code == 2
    assert out.count("Results, environment and figures") == 1
    assert "bad.toml failed, and the others go on: " in err
    assert "Received: no result of bad.toml. The others are finished; the same command" in err
    code, out, err = zoo_command(*words, "--jobs", 2)
    assert code == 2
    assert out.count("Results, environment and figures") == 1
    assert "mine.toml: is finished" in err
    assert "Received: no result of bad.toml. The others are finished; the same command" in err
    assert "\nbad.toml: Traceback (most recent call last):\n  File " in err


def test_ctrl_c_stops_an_experiment_in_a_thread_of_a_worker_after_its_step(
    zoo_command, mine, work_here, monkeypatch
):
    """A Dask worker runs pieces in a thread, which gets no Ctrl-C: the connection tells it."""

    def run_in_thread(self, tasks):
        for function, arguments, _ in tasks:
            thread = threading.Thread(target=function, args=arguments)
            thread.start()
            while thread.is_alive():
                thread.join(0.02)

    end_epoch = Loop._end_epoch

    def send_ctrl_c(loop, group, epoch, started):
        if epoch == 2:
            os.kill(os.getpid(), signal.SIGINT)
            end = time.monotonic() + 10
            while not loop.signals.received and time.monotonic() < end:
                time.sleep(0.01)
        return end_epoch(loop, group, epoch, started)

    monkeypatch.setattr(work_here, "__call__", run_in_thread)
    long = FILE.replace("epochs = 1", "epochs = 4")
    (mine / "mine.toml").write_text(long, "utf-8")
    with monkeypatch.context() as patch:
        patch.setattr(Loop, "_end_epoch", send_ctrl_c)
        code, out, _ = zoo_command("reproduce", "mine.toml", "--jobs", 2)
    assert (code, out) == (130, "")
    run = mine / "logs" / "reproduce" / "mine" / "seed-0"
    assert json.loads((run / "run.json").read_text("utf-8"))["status"] == "stopped"
    assert not (run / "committee.keras").exists()
    code, out, _ = zoo_command("reproduce", "mine.toml", "-q")
    assert code == 0
    assert json.loads((run / "run.json").read_text("utf-8"))["status"] == "finished"
