from rich.table import Table

from zoo.text import as_plain_text, markdown_table, rich_table


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
