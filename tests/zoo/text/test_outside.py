"""Text from files and users is safe in the terminal, in Markdown, in pictures and in JSON."""

import io
import json
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from zoo.plots import confusion_figure, figure_pixels
from zoo.text import (
    for_markdown,
    for_picture,
    for_terminal,
    json_text,
    markdown_table,
    rich_table,
    shortened,
    visible,
)

ANY_TEXT = st.text(st.characters(), max_size=30) | st.sampled_from(
    ["\x1b[31mred\x1b[0m", "a\nb", "<script>alert(1)</script>", "caf\udce9", "\u202eevil", "\x9b2J"]
)
COMMANDS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


@given(ANY_TEXT, ANY_TEXT)
def test_a_name_stands_in_one_line_and_other_names_stay_others(text, other):
    line = visible(text)
    assert not COMMANDS.search(line)
    assert line.splitlines() in ([line], [])
    assert line.encode() is not None  # a file can hold the name
    assert visible(line) == line
    if "\\" not in text + other:
        assert (visible(other) == line) == (other == text)


@pytest.mark.parametrize("name", ["žlutý kůň 猫", "a b_c-d", "زبان\u200cها", "👩\u200d🔬", ""])
def test_a_usual_name_stays_as_it_is(name):
    assert visible(name) == for_terminal(name) == for_markdown(name) == name


@given(st.lists(ANY_TEXT, min_size=1, max_size=3))
def test_no_text_commands_a_terminal(cells):
    console = Console(file=io.StringIO(), width=200, force_terminal=True, color_system=None)
    console.print(rich_table(["name", *cells[1:]], [cells], title=cells[0]))
    printed = console.file.getvalue()
    assert not COMMANDS.search(printed.replace("\x1b[1m", "").replace("\x1b[0m", ""))


@given(st.lists(ANY_TEXT, min_size=1, max_size=3))
def test_no_text_is_a_tag_or_a_row_of_a_table_in_markdown(cells):
    table = markdown_table(["name"] * len(cells), [cells])
    assert len(table.split("\n")) == 3
    assert not re.search(r"<[A-Za-z/!?]", table)
    assert not COMMANDS.search(table.replace("\n", ""))


def test_no_text_is_a_link_in_markdown():
    assert for_markdown("[a](javascript:b) ![c](d)") == r"[a]\(javascript:b) ![c]\(d)"
    assert for_markdown("1 < 2, <0.001, **bold**, `code`") == "1 < 2, <0.001, **bold**, `code`"


@given(st.recursive(st.none() | st.integers() | ANY_TEXT, st.lists, max_leaves=4))
def test_json_holds_the_same_values_and_can_be_printed(value):
    text = json_text(value)
    assert json.loads(text) == value
    assert text.encode() is not None
    assert not COMMANDS.search(text)


def test_names_of_any_length_and_letters_are_drawn():
    names = ["a" * 3000, "\x1b[31m\n", "caf\udce9", "$x"]
    figure = confusion_figure(np.arange(16).reshape(4, 4), names, "title " * 100)
    height, width = figure_pixels(figure).shape[:2]
    assert max(height, width) < 1200
    assert max(len(for_picture(name)) for name in names) == 40
    (axes,) = figure.axes
    assert [len(tick.get_text()) for tick in axes.get_xticklabels()] == [40, 9, 9, 2]


def test_a_text_becomes_a_line_of_printable_characters():
    assert shortened("cat\n\t dog\x1b[31m!\x1b[0m\x00\udcff \u202eevil") == "cat dog! evil"


def test_a_long_text_is_cut_off():
    assert shortened("a" * 3000, 10) == "a" * 9 + "…"


@given(st.text(st.characters(), max_size=30), st.integers(1, 20))
def test_any_text_fits_on_a_page(text, most):
    line = shortened(text, most)
    assert len(line) <= most
    assert line.isprintable()
    assert line.encode() is not None  # no lone surrogate is left
    assert line == line.strip()
