import io
from dataclasses import replace

from rich.console import Console

from zoo.tuning.progress import SweepProgress
from zoo.tuning.study import FailedTrial


def test_a_round_ends_with_a_line(swept):
    output = io.StringIO()
    with SweepProgress(16, console=Console(file=output, width=200)) as progress:
        progress.resume(swept.trials[:2])
        progress.propose(2)
        progress.start_round(12)
        progress.step(4)
        pruned = replace(swept.trials[3], state="pruned")
        failed = [FailedTrial(4, {"dropout": 0.5}, "ValueError: no luck")]
        progress.end_round([swept.trials[2], pruned], swept.ranking, 1.25, failed)
        progress.propose(2)
        progress.end_round([], [], 1.25)
    first, failure, second, last = output.getvalue().splitlines()
    assert failure == "trial-4 (dropout=0.5) failed: ValueError: no luck"
    assert last == "round 2 (1.2 s) · 4/16 trials"
    assert first == "2 of 16 trials have ended before, and are kept."
    assert second.startswith("round 1 (1.2 s) · 4/16 trials (1 pruned, 1 failed) · best: trial-")
    assert second.endswith(swept.best.text)


def test_on_a_terminal_a_bar_shows_the_round(swept):
    output = io.StringIO()
    console = Console(file=output, width=120, force_terminal=True)
    with SweepProgress(6, console=console) as progress:
        progress.propose(4)
        progress.start_round(24)
        progress.step(4)
        progress.propose(2)
        progress.start_round(6)
    assert "round 1: trials 1 to 4 of 6" in output.getvalue()


def test_silence_prints_nothing(capsys):
    with SweepProgress(2, verbose=0) as progress:
        progress.propose(1)
        progress.say("word")
    assert capsys.readouterr() == ("", "")
