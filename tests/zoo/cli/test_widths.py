"""Whatever the width of the terminal, no line breaks in the middle of a word."""

import re

import pytest

HELP = [
    *([], ["train"], ["committee"], ["evaluate"], ["models"], ["describe"], ["gradcheck"]),
    *(["data"], ["data", "show"], ["data", "get"], ["data", "cache"]),
]
LONG = "a-folder-with-a-name-that-is-longer-than-every-terminal" + 20 * "-and-on"
COMMANDS = [
    *([*command, "--help"] for command in HELP),
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
    return [word.rstrip(":") for word in re.sub("[│╭╮╰╯─]", " ", text).split()]


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
