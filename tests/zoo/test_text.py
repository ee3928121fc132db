import pytest
from rich.table import Table

from zoo.text import (
    as_plain_text,
    did_you_mean,
    markdown_table,
    percent,
    rich_table,
    unknown_name,
)

KNOWN = ["cnn", "Deep_MLP", "bn_mlp", "bn_mlp2"]


@pytest.mark.parametrize(
    ("word", "end"),
    [
        ("cn", "; did you mean 'cnn'?"),
        ("CNN", "; did you mean 'cnn'?"),  # letter case does not matter
        ("deepmlp", "; did you mean 'Deep_MLP'?"),
        ("bn_ml", "; did you mean 'bn_mlp' or 'bn_mlp2'?"),
        ("transformer", "."),
        ("", "."),
    ],
)
def test_an_unknown_name_is_answered_with_the_closest_names(word, end):
    assert did_you_mean(word, KNOWN) == end


def test_an_unknown_name_lists_the_close_and_all_registered_names():
    message = unknown_name("model", "cn", {"mlp", "cnn"}, "Import your module.")
    assert message == (
        "The model must be registered. Received: 'cn'; did you mean 'cnn'? Registered: cnn, mlp. "
        "Import your module."
    )


def test_an_unknown_name_may_be_no_text():
    assert unknown_name("model", ["cnn"], {"mlp"}, "Import.").startswith(
        "The model must be registered. Received: ['cnn']"
    )


@pytest.mark.parametrize(
    ("fraction", "text"), [(0.4714, "47.1 %"), (0, "0.0 %"), (1, "100.0 %"), (0.9996, "100.0 %")]
)
def test_percentages_have_one_decimal(fraction, text):
    assert percent(fraction) == text


def test_a_markdown_table_aligns_numbers_to_the_right():
    assert markdown_table(["", "n", "p"], [["a", "3", "0.1"]]).splitlines() == [
        "|  | n | p |",
        "| --- | ---: | ---: |",
        "| a | 3 | 0.1 |",
    ]


def test_cells_of_a_markdown_table_stay_in_their_column():
    table = markdown_table(["a|b", "n"], iter([["line\n break", "|"]]))
    assert table.splitlines() == ["| a\\|b | n |", "| --- | ---: |", "| line break | \\| |"]


def test_a_table_of_the_terminal_takes_no_text_for_markup():
    table = rich_table(["[red]", "n"], [["[bold]a[/]", "3"]], title="Scores", bold="[bold]a[/]")
    assert isinstance(table, Table)
    assert as_plain_text(table).splitlines() == ["Scores", "[red]       n", "[bold]a[/]  3"]
    assert table.rows[0].style == "bold"


def test_columns_are_aligned_to_the_right_unless_they_hold_text():
    rows = [["a", "x"], ["b", "long"]]
    aligned = {right: as_plain_text(rich_table(["", "t"], rows, right=right)) for right in (1, 0)}
    assert aligned[True].splitlines()[1] == "a     x"
    assert aligned[False].splitlines()[1] == "a  x"


def test_plain_text_has_no_colours_and_no_spaces_at_line_ends():
    text = as_plain_text(rich_table(["", "n"], [["a", ""]], bold="a"), width=30)
    assert "\x1b" not in text
    assert all(line == line.rstrip() for line in text.splitlines())


def test_a_table_of_numbers_that_is_too_wide_is_printed_in_blocks_of_columns():
    table = rich_table(["", "first", "second", "third"], [["a", "1 %", "2", "3"]], title="A title")
    assert as_plain_text(table, 16).splitlines() == [
        *("A title", "   first  second", "a    1 %       2", ""),
        *("   third", "a      3"),
    ]


def test_a_table_of_words_that_is_too_wide_is_printed_as_a_list():
    table = rich_table(["name", "source"], [["digits", "somewhere else"]], right=False)
    assert as_plain_text(table, 14).splitlines() == [
        *("digits", "  source:", "  somewhere", "  else"),
    ]
