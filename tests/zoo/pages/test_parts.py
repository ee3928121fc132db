import numpy as np

from zoo.pages.frame import Section, whole_page
from zoo.pages.parts import (
    Cell,
    Thumbnail,
    figure,
    image_sheet,
    list_of_cells,
    matrix_of_cells,
    note,
    paragraph,
    row,
    table,
)
from zoo.plots import new_figure

IMAGE = np.zeros((4, 4, 1), "uint8")


def every_part(text):
    """Each kind of part, with a text wherever a part takes one."""
    opened = Cell(3, 0.75, text, [Thumbnail(IMAGE, [text, text])])
    return [
        paragraph(text),
        note(text),
        table(text, [text, text], [[text, text]], bold=text, images=[IMAGE]),
        figure(new_figure(1, 1), text, text),
        row(figure(new_figure(1, 1)), note(text)),
        image_sheet([Thumbnail(IMAGE, [text])], text),
        matrix_of_cells([text, text], [[opened, Cell(0, 0)], [Cell(1, 0.25), opened]], text),
        list_of_cells([(text, text, opened)], text),
    ]


def test_hostile_text_is_escaped_and_shortened_in_every_part(read_page, hostile_names):
    for name in hostile_names:
        html = whole_page(name, [Section("all", name, every_part(name))], subtitle=name)
        page = read_page(html)
        assert "x" * 2001 not in html
        assert "\x1b" not in html
        if "script" in name:
            assert page.text.count(name) >= 8


def test_a_table_aligns_numbers_and_marks_a_row():
    html = table("Scores", ["", "n"], [["a", "1"], ["b", "2"]], bold="b")
    assert '<tr class="bold"><th scope="row">b</th><td>2</td></tr>' in html
    assert 'class="words"' not in html
    assert 'class="words"' in table("Answers", ["", "answer"], [["a", "cat"]], numbers=False)


def test_cells_open_their_pictures(read_page):
    cells = [[Cell(2, 1.0, "right", [Thumbnail(IMAGE)] * 2), Cell(0, 0.0)]]
    page = read_page(whole_page("", [Section("matrix", "", [matrix_of_cells(["a"], cells, "")])]))
    assert page.ids == ["matrix", "cell-0-0"]
    assert page.links == ["cell-0-0", "cell-0-0"]  # the number opens, and a button closes
    assert page.tags.count("img") == 2


def test_counts_have_commas():
    assert "12,345" in matrix_of_cells(["a"], [[Cell(12345, 1.0)]], "")
