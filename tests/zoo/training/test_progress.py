"""The progress of a training, in a terminal and in a file."""

import io

import pytest
from rich.console import Console

from zoo.training.progress import Progress
from zoo.training.scores import SCORES, Score

MEMBERS = {"cnn": 2, "mlp#2": 3, "committee": 3}
FIRST = {
    "cnn": {
        "loss": 1.25,
        "accuracy": 0.5,
        "learning_rate": 0.1,
        "val_loss": 1,
        "val_accuracy": 0.25,
    },
    "mlp#2": {"loss": 2.0, "accuracy": 0.125},  # no validation
    "committee": {"loss": 0.5, "accuracy": 0.75, "val_loss": 0.5, "val_accuracy": 1.0},
}
SECOND = {name: FIRST[name] for name in ("mlp#2", "committee")}


def train(console, verbose="auto"):
    with Progress(MEMBERS, verbose=verbose, console=console) as shown:
        shown.step(["cnn", "mlp#2"], 0.5)
        shown.epoch(1, FIRST, 1.26)
        shown.say("[bold]half[/bold] way")
        shown.end("cnn", "stopped after epoch 1")
        shown.step(["mlp#2"], 1.5)
        shown.epoch(2, SECOND, 0.04)


@pytest.fixture
def file():
    return io.StringIO()


@pytest.fixture
def terminal(file):
    environment = {"TERM": "xterm-256color"}  # and not that of who runs the tests
    return Console(file=file, force_terminal=True, width=100, record=True, _environ=environment)


def cells(text, name):
    """The last row that begins with a name, however wide its columns are."""
    return words([line for line in text.splitlines() if line.startswith(name)][-1])


def rendered(shown):
    console = Console(file=io.StringIO(), width=100)
    console.print(shown._table.get_renderable())
    return console.file.getvalue()


def words(line):
    return line.split()


def test_elsewhere_than_on_a_terminal_each_epoch_is_a_line(file):
    train(Console(file=file, force_terminal=False, width=40))  # narrower than a line
    assert file.getvalue().splitlines() == [
        "epoch 1/3 (1.3 s) · cnn loss 1.2500 accuracy 50.0 % validation accuracy 25.0 %"
        " · mlp#2 loss 2.0000 accuracy 12.5 %"
        " · committee loss 0.5000 accuracy 75.0 % validation accuracy 100.0 %",
        "[bold]half[/bold] way",
        "cnn: stopped after epoch 1",
        "epoch 2/3 (0.0 s) · mlp#2 loss 2.0000 accuracy 12.5 %"
        " · committee loss 0.5000 accuracy 75.0 % validation accuracy 100.0 %",
    ]


@pytest.mark.parametrize("force_terminal", [True, False])
def test_silence_is_silent(file, force_terminal):
    train(Console(file=file, force_terminal=force_terminal), verbose=0)
    assert file.getvalue() == ""


def test_verbose_1_shows_what_auto_shows(file):
    train(Console(file=file, force_terminal=False), verbose=1)
    other = io.StringIO()
    train(Console(file=other, force_terminal=False), verbose="auto")
    assert file.getvalue() == other.getvalue() != ""


def test_terminal_shows_a_table_with_a_row_for_each_member(terminal):
    train(terminal)
    text = terminal.export_text()
    for title in ("member", "epoch", "loss", "accuracy", "validation accuracy", "time left"):
        assert title in text
    assert cells(text, "cnn") == words("cnn 1.0/2 1.2500 50.0 % 25.0 % stopped after epoch 1")
    assert cells(text, "mlp#2")[:-1] == words("mlp#2 2.0/3 2.0000 12.5 %")
    assert cells(text, "committee") == words("committee 2.0/3 0.5000 75.0 % 100.0 %")
    assert "epoch 1/3" not in text  # no lines besides


def test_terminal_shows_lines_above_the_table(terminal):
    train(terminal)
    text = terminal.export_text()
    assert "[bold]half[/bold] way" in text  # as it is, not as markup
    assert "cnn: stopped" not in text  # that is in the table
    assert text.rindex("half") < text.rindex("member")


def test_members_wait_before_they_train(terminal):
    with Progress(MEMBERS, console=terminal):
        pass
    assert cells(terminal.export_text(), "cnn") == ["cnn", "0.0/2", "waits"]


def test_the_table_shows_the_time_left_once_a_member_has_a_pace(terminal, monkeypatch):
    now = iter(range(0, 10_000_000, 600))  # each look at the clock is ten minutes later
    with Progress(MEMBERS, console=terminal) as shown:
        monkeypatch.setattr(shown._table, "get_time", lambda: next(now))
        shown.step(["cnn"], 0.25)
        assert cells(rendered(shown), "cnn") == ["cnn", "0.2/2", "-:--:--"]
        shown.step(["cnn"], 0.5)
        left = cells(rendered(shown), "cnn")[-1]
    hours, minutes, seconds = left.split(":")
    assert int(hours) >= 1  # a quarter of an epoch took ten minutes or more, and six are left
    assert len(minutes) == len(seconds) == 2
    assert cells(terminal.export_text(), "mlp#2") == ["mlp#2", "0.0/3", "waits"]


def test_a_score_of_the_table_gets_columns_and_words(terminal, file, monkeypatch):
    monkeypatch.setitem(SCORES, "doubt", Score(lambda labels, probabilities: 0, "{:.1f}°".format))
    scores = {"cnn": {"loss": 1.0, "accuracy": 0.5, "doubt": 0.25, "val_doubt": 0.75}}
    for console in (terminal, Console(file=file, force_terminal=False)):
        with Progress({"cnn": 1}, console=console) as shown:
            shown.epoch(1, scores, 1)
    text = terminal.export_text()
    assert "validation doubt" in text
    assert cells(text, "cnn")[2:] == ["1.0000", "50.0", "%", "0.2°", "0.8°", "waits"]
    assert "accuracy 50.0 % doubt 0.2° validation doubt 0.8°" in file.getvalue()


def test_terminal_is_given_back_after_an_error(terminal, file):
    with pytest.raises(KeyError), Progress(MEMBERS, console=terminal):
        raise KeyError
    assert file.getvalue().rindex("\x1b[?25h") > file.getvalue().rindex("\x1b[?25l")  # the cursor


def test_it_writes_to_standard_error(capsys):
    with Progress({"cnn": 1}) as shown:
        shown.say("hello")
    assert capsys.readouterr() == ("", "hello\n")


@pytest.mark.parametrize("force_terminal", [True, False])
def test_the_weights_that_are_kept_have_the_last_line(file, force_terminal):
    environment = {"TERM": "xterm-256color"}
    console = Console(
        file=file, force_terminal=force_terminal, width=100, record=True, _environ=environment
    )
    with Progress(MEMBERS, console=console) as shown:
        shown.epoch(2, FIRST, 1)
        shown.end("cnn", "best: epoch 1")
        kept = {"val_loss": 0.5, "val_accuracy": 0.625}
        shown.kept({"cnn": kept, "committee": {**kept, "val_accuracy": 0.875}})
    text = console.export_text()
    if force_terminal:
        assert cells(text, "cnn") == words("cnn 2.0/2 62.5 % best: epoch 1")
        assert cells(text, "mlp#2")[:4] == words("mlp#2 2.0/3 2.0000 12.5")
        assert cells(text, "committee") == words("committee 2.0/3 87.5 %")
    else:
        assert text.splitlines()[-1] == (
            "weights that are kept · cnn validation accuracy 62.5 %"
            " · committee validation accuracy 87.5 %"
        )


STATES = {"cnn": "stopped after epoch 100; best: epoch 88", "mlp#2": "trained; best: epoch 3"}


def table_at(width, names=tuple(MEMBERS), states=STATES, scores=FIRST):
    """The table after the last epoch, as a terminal of some columns shows the table."""
    file = io.StringIO()
    terminal = Console(file=file, force_terminal=True, width=width, _environ={"TERM": "xterm"})
    with Progress(dict.fromkeys(names, 120), console=terminal) as shown:
        shown.epoch(100, scores, 1)
        for name, state in states.items():
            shown.end(name, state)
        table = Console(file=io.StringIO(), width=width)
        table.print(shown._table.get_renderable())
    return table.file.getvalue()


@pytest.mark.parametrize(
    ("width", "titles"),
    [
        (40, "member epoch accuracy validation time left"),
        (60, "member epoch loss accuracy accuracy validation time left"),
        (80, "member epoch loss accuracy accuracy validation time left"),
        (120, "member epoch loss accuracy validation accuracy time left"),
    ],
)
def test_a_narrow_terminal_shows_fewer_columns_and_whole_words(width, titles):
    text = table_at(width)
    lines = text.splitlines()
    assert max(map(len, lines)) <= width
    assert set(text.split()) <= set(table_at(1000).split())
    first = next(index for index, line in enumerate(lines) if line.startswith("cnn"))
    assert sorted(" ".join(lines[:first]).split()) == sorted(titles.split())
    assert "25.0 %" in lines[first]  # the validation accuracy, with its unit
    assert "best: epoch 3" in " ".join(" ".join(lines).split())


def test_scores_without_values_leave_first():
    trained = {"cnn": {"loss": 1.25, "accuracy": 0.5}}
    lines = table_at(40, ["cnn"], {"cnn": "trained"}, trained).splitlines()
    assert [line.split() for line in lines[-2:]] == [
        ["member", "epoch", "loss", "accuracy", "left"],
        words("cnn 100.0/120 1.2500 50.0 % trained"),
    ]


def test_a_long_name_of_a_member_gets_more_lines():
    name = "a_name_that_is_longer_than_the_terminal_is_wide#12"
    lines = table_at(40, [name], {name: "trained"}, {name: FIRST["cnn"]}).splitlines()
    assert max(map(len, lines)) <= 40
    assert "".join(line[:22].strip() for line in lines if line[:1] not in " m") == name
