import numpy as np
import pytest

from zoo.pages import parts
from zoo.pages.parts import Cell, Thumbnail

HOSTILE = "<script>alert(\"1\" & '2')</script>\n\x1b[31m\udcff" + "x" * 3000
SAFE = "<script>alert(\"1\" & '2')</script>"
IMAGE = np.zeros((4, 4, 1), "uint8")
CELL = Cell(3, 0.6, HOSTILE, [Thumbnail(IMAGE, [HOSTILE])])
MAKERS = {
    "paragraph": lambda: parts.paragraph(HOSTILE),
    "note": lambda: parts.note(HOSTILE),
    "table": lambda: parts.table(HOSTILE, ["", HOSTILE], [[HOSTILE, HOSTILE]], images=[IMAGE]),
    "image_sheet": lambda: parts.image_sheet([Thumbnail(IMAGE, [HOSTILE])], HOSTILE),
    "matrix": lambda: parts.matrix_of_cells([HOSTILE], [[CELL]], HOSTILE),
    "list": lambda: parts.list_of_cells([(HOSTILE, HOSTILE, CELL)], HOSTILE),
}


@pytest.mark.parametrize("kind", MAKERS)
def test_a_hostile_text_is_shown_as_text_and_cut_off(kind, read_page):
    html = MAKERS[kind]()
    found = read_page(html)
    assert SAFE[:23] in found.text
    assert "x" * 2000 not in html
    assert html.encode()
    descriptions = [tag["alt"] for tag in found.named("img")]
    assert all(text.startswith(SAFE) for text in descriptions)


def test_a_figure_is_described_and_captioned(read_page):
    from zoo.plots import new_figure

    found = read_page(parts.figure(new_figure(2, 1), HOSTILE))
    (image,) = found.named("img")
    assert image["alt"].startswith(SAFE)
    assert (image["width"], image["height"]) == ("160", "80")
    assert SAFE in found.text
    described = read_page(parts.figure(new_figure(2, 1), description="two curves"))
    assert described.named("img")[0]["alt"] == "two curves"
    assert described.named("figcaption") == []


def test_the_row_that_is_bold_is_the_row_of_that_name(read_page):
    found = read_page(parts.table("", ["", "n"], [["a", "1"], ["b", "2"]], bold="b"))
    assert [tag.get("class") for tag in found.named("tr")] == [None, None, "bold"]


def test_a_table_can_scroll_by_itself_and_by_the_keyboard(read_page):
    (box,) = read_page(parts.table("Scores", ["a"], [])).named("div")
    assert box == {
        "class": "scroll", "tabindex": "0", "role": "region", "aria-label": "Scores"
    }  # fmt: skip


def test_a_cell_with_pictures_is_a_button_that_opens_them(read_page):
    empty = Cell(0, 0.0)
    found = read_page(parts.matrix_of_cells(["a", "b"], [[CELL, empty], [empty, CELL]], ""))
    opening = [tag for tag in found.named("button") if "popovertargetaction" not in tag]
    closing = [tag for tag in found.named("button") if "popovertargetaction" in tag]
    assert [tag["popovertarget"] for tag in opening] == ["cell-0-0", "cell-1-1"]
    assert [tag["popovertarget"] for tag in closing] == ["cell-0-0", "cell-1-1"]
    assert all("autofocus" in tag for tag in closing)
    assert [tag.get("class") for tag in found.named("td")][1:] == [None, "empty", "empty", None]
    assert len(found.named("img")) == 2


def test_parts_side_by_side(read_page):
    found = read_page(parts.row(parts.paragraph("first"), parts.paragraph("second")))
    assert found.tags[0] == ("div", {"class": "row"})
    assert len(found.named("p")) == 2
