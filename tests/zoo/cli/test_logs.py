import json
import subprocess
import sys

import pytest


def test_runs_are_listed_with_their_scores(trained, zoo_command_in, monkeypatch):
    monkeypatch.setenv("COLUMNS", "140")
    folder, _ = trained
    code, out, err = zoo_command_in(folder, "logs", ".")
    assert (code, err) == (0, "")
    report = json.loads((folder / "my run" / "report.json").read_text("utf-8"))
    for text in ("my run", "digits", "softmax, bn_mlp", "finished", "2 of 2"):
        assert text in out
    accuracy = report["committee"]["accuracy"]
    assert f"{100 * accuracy['value']:.1f} % [{100 * accuracy['low']:.1f}," in out


def test_json_has_numbers(trained, zoo_command_in):
    folder, _ = trained
    code, out, err = zoo_command_in(folder, "logs", "my run", "--json")
    assert (code, err) == (0, "")
    (run,) = json.loads(out)
    assert (run["path"], run["status"], run["epochs"], run["planned"]) == (
        "my run",
        "finished",
        2,
        2,
    )
    report = json.loads((folder / "my run" / "report.json").read_text("utf-8"))
    assert run["test"] == report["committee"]["accuracy"]
    assert 0 < run["validation"] <= 1


def test_a_damaged_run_is_listed_with_a_note(zoo_command, tmp_path):
    (tmp_path / "logs" / "broken").mkdir(parents=True)
    (tmp_path / "logs" / "broken" / "run.json").write_text("{")
    code, out, err = zoo_command("logs")
    assert code == 0
    assert "unknown, damaged" in out
    assert err == "logs/broken: run.json is damaged.\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["logs"], "FOLDER must be a folder with runs. Received: logs, which does not exist."),
        (["logs", "file"], "Received: file, which is a file."),
        (["logs", "--port", "80"], "--port must come with --serve. Received: --port 80 alone."),
        (["logs", "--serve", "--port", "65536"], "--port must be a port, 0 to 65535. Received"),
        (["logs", "--serve", "--json"], "Give --json or --serve. Received: both."),
    ],
)
def test_wrong_use_is_a_line(zoo_command, tmp_path, words, message):
    (tmp_path / "file").write_text("")
    code, out, err = zoo_command(*words)
    assert (code, out) == (2, "")
    assert message in err


def test_no_runs_is_said(zoo_command, tmp_path):
    (tmp_path / "logs").mkdir()
    code, out, _ = zoo_command("logs")
    assert (code, out) == (0, "No runs in logs. `zoo train` and `zoo committee` write runs.\n")


def test_listing_does_not_load_tensorflow(tmp_path):
    script = """
import sys
from zoo.cli import main
try:
    main(["logs", sys.argv[1]])
finally:
    print("tensorflow" in sys.modules or "keras" in sys.modules)
"""
    command = [sys.executable, "-c", script, str(tmp_path)]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert out.splitlines()[-1] == "False"
