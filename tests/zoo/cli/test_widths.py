"""Whatever the width of the terminal, no line breaks in the middle of a word."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.zoo.cli.conftest import command_names
from zoo.cli import predict
from zoo.ensembles.answering.answer import Answer
from zoo.ensembles.combining.rules import Rule

LONG = "a-folder-with-a-name-that-is-longer-than-every-terminal" + 20 * "-and-on"
COMMANDS = [
    ["--help"],
    *([*name.split(), "--help"] for name in command_names()),
    ["data"],
    ["models"],
    ["describe", "cnn"],
    ["data", "show", "digits"],
    ["data", "cache"],
    ["describe", "cn"],
    ["evaluate", f"{LONG}/gone.keras"],
    ["train", f"{LONG}/gone.keras"],
    ["data", "show", "folder", "--root", LONG],
]


def words_of(output):
    """The words of an output, without the lines of boxes."""
    text = re.sub("\x1b\\[[0-9;]*m", "", output.out + output.err)
    return [word.rstrip(":;,") for word in re.sub("[│╭╮╰╯─]", " ", text).split()]


@pytest.fixture
def output_at(zoo_command, monkeypatch):
    """The output of a command in a terminal of some columns."""

    def output(columns, words):
        monkeypatch.setenv("COLUMNS", str(columns))
        monkeypatch.setenv("TTY_COMPATIBLE", "1")
        monkeypatch.setenv("NO_COLOR", "1")
        monkeypatch.setenv("TERM", "xterm")
        return zoo_command(*words)

    return output


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_no_word_is_broken(output_at, words):
    whole = set(words_of(output_at(1000, words)))
    for columns in (40, 60, 80, 120):
        output = output_at(columns, words)
        assert sorted({*words_of(output)} - whole) == []
        for line in re.sub(r"\x1b\[[0-9;]*m", "", output.out + output.err).splitlines():
            assert len(line) <= columns or len(line.split()) == 1


def test_a_report_breaks_no_word(output_at, trained):
    file = trained[0] / "my run" / "committee.keras"
    words = ["evaluate", file]
    whole = set(words_of(output_at(1000, words)))
    for columns in (40, 60, 80, 120):
        output = output_at(columns, words)
        assert output.code == 0
        assert sorted({*words_of(output)} - whole) == []


class Answering:
    """A committee as the table of `zoo predict` sees it: rule, and names of members and classes."""

    rule = Rule()

    def __init__(self, members, classes):
        self.member_names, self.label_names = members, classes

    def answer(self, path, first):
        names = self.label_names
        votes = {m: names[(first + k) % len(names)] for k, m in enumerate(self.member_names)}
        return Answer(Path(path), names[first % len(names)], 0.875, votes, 0.25)


LONG_PATH = "Meine Bilder/" + "IMG_20261126_0613_and_more" + 3 * "_and_more" + ".jpg"
LONG_CLASS = "Australian_shepherd_dog_of_the_north"


@pytest.mark.parametrize("columns", [40, 60, 80, 120])
@pytest.mark.parametrize(
    ("paths", "members", "classes"),
    [
        (["a.png", "b.png"], ["cnn"], ["cat", "dog"]),
        (["a.png", "b.png"], ["cnn", "mlp", "bn_mlp"], ["cat", "dog"]),
        (["a.png", LONG_PATH], ["cnn", "mlp"], ["cat", "dog"]),
        (["a.png", "b.png"], ["cnn", "mlp"], ["cat", "a class of some words", LONG_CLASS]),
        (["a.png", "b.png"], [f"bn_mlp#{k + 1}" for k in range(30)], ["cat", "dog", "fish"]),
    ],
    ids=["a model", "a committee", "a long path", "long class names", "many members"],
)
def test_answers_about_pictures_break_no_word(
    monkeypatch, capsys, columns, paths, members, classes
):
    for name, value in {"COLUMNS": str(columns), "TTY_COMPATIBLE": "1", "TERM": "xterm"}.items():
        monkeypatch.setenv(name, value)
    committee = Answering(members, classes)
    write = predict._table_writer(committee, [*map(Path, paths)])
    for first, path in enumerate(paths):
        write([committee.answer(path, first)])
    output = capsys.readouterr()
    titles = "picture class probability share of the votes uncertainty"
    known = " ".join([titles, *paths, *members, *classes]).split()
    numbers = [str(k) for k in range(31)] + ["87.5", "%", "0.25"]
    assert sorted({*words_of(output)} - {*known, *numbers}) == []
    lines = re.sub(r"\x1b\[[0-9;]*m", "", output.out).splitlines()
    assert all(len(line) <= columns or line in paths for line in lines)
    assert sum("87.5 %" in line for line in lines) == len(paths)
    for path in paths:
        assert any(line.startswith(path) for line in lines)


def test_predict_breaks_no_word(output_at, tmp_path):
    (tmp_path / "pictures").mkdir()
    for name in ("a.png", "a_picture_with_a_name_as_phones_give_names_20261126_0613.png"):
        Image.fromarray(np.zeros((6, 6), "uint8")).save(tmp_path / "pictures" / name)
    words = ["predict", Path(__file__).parents[2] / "saved" / "majority.keras", "pictures"]
    whole = {*words_of(output_at(1000, words)), "votes", "1", "2", "3"}
    for columns in (40, 60, 80, 120):
        output = output_at(columns, words)
        assert output.code == 0
        assert sorted({*words_of(output)} - whole) == []
