import json
import re
import shutil
import subprocess
from html import escape, unescape

import numpy as np
import pytest

from zoo.pages.frame import Section, fragment, is_own_page, whole_page
from zoo.pages.parts import Cell, Thumbnail, figure, matrix_of_cells, paragraph, table
from zoo.plots import new_figure

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)

WIDTHS = (390, 1280)
"""The widths of a phone and of a desk."""

MEASURE = """
<script>
addEventListener("load", () => {
  const shown = node => node.checkVisibility();
  const button = document.querySelector("[popovertarget]");
  const opened = document.getElementById(button.getAttribute("popovertarget"));
  const before = shown(opened);
  button.click();
  const result = {
    width: document.documentElement.scrollWidth,
    before: before,
    after: shown(opened),
    focus: document.activeElement.textContent,
    background: getComputedStyle(document.body).backgroundColor,
  };
  opened.querySelector("button").click();
  result.closed = !shown(opened);
  parent.document.body.dataset["width" + innerWidth] = JSON.stringify(result);
});
</script>
"""
"""Opens the first cell of a confusion matrix, and writes into the page around it what happens."""


def test_a_page_has_a_table_of_contents_and_facts(read_page):
    sections = [Section(key, key.title(), [paragraph(key)]) for key in ("first", "second")]
    page = read_page(whole_page("Title", sections, facts={"Model": "a <b>.keras"}))
    assert page.ids == ["first", "second"] == page.links
    assert "a <b>.keras" in page.text


def test_a_page_of_one_section_has_no_table_of_contents(read_page):
    assert read_page(whole_page("Title", [Section("only", "Only", [])])).links == []


def test_a_browser_is_told_to_load_and_to_run_nothing():
    assert "default-src 'none'; img-src data:; style-src 'unsafe-inline'" in whole_page("", [])


def test_a_fragment_has_its_style_and_no_identifiers(read_page):
    page = read_page(fragment(paragraph("Good."), table("", ["a"], [["b"]])))
    assert page.tags[:2] == ["div", "style"]
    assert page.ids == []


def test_every_rule_of_the_style_is_only_for_the_pages_of_zoo():
    style = re.search(r"<style>(.*)</style>", whole_page("", []), re.DOTALL)[1]
    selectors = re.findall(r"([^{}]+)\{", style)
    names = [part.strip() for text in selectors for part in text.split(",")]
    assert [name for name in names if not name.startswith((".zoo", "@media"))] == []


def test_pages_of_zoo_are_recognised(tmp_path):
    own, other = tmp_path / "own.html", tmp_path / "other.html"
    own.write_text(whole_page("", []), "utf-8")
    other.write_text("<html>committee-zoo</html>", "utf-8")
    assert is_own_page(own)
    assert not is_own_page(other)


@pytest.fixture(scope="module")
def wide_page(hostile_names):
    """A page with a table, a figure and a matrix that are wider than a phone."""
    thumbnails = [Thumbnail(np.zeros((8, 8, 1), "uint8"), ["#1", "0.99"])] * 24
    cell = Cell(30, 0.6, "24 of 30, the most confident first", thumbnails)
    names = [*hostile_names, *"abcdefg"]
    parts = [
        table("Wide", [f"column {number}" for number in range(20)], [["0.123"] * 20]),
        figure(new_figure(12, 2), "A wide figure."),
        matrix_of_cells(names, [[cell] * 10] + [[Cell(1, 0.1)] * 10] * 9, "A matrix."),
    ]
    return whole_page(hostile_names[2], [Section("a", hostile_names[2], parts)])


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_in_chromium_a_page_fits_wide_and_narrow_windows_and_opens_pictures(
    wide_page, tmp_path, scheme
):
    html = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", wide_page)
    html = escape(html.replace("</body>", f"{MEASURE}</body>"))
    # The window of a headless browser has a least width; a frame can be as narrow as a phone.
    frames = [
        f'<iframe srcdoc="{html}" style="width: {width}px; height: 900px; border: 0"></iframe>'
        for width in WIDTHS
    ]
    file = tmp_path / "frames.html"
    file.write_text(f"<!DOCTYPE html><body>{''.join(frames)}</body>", "utf-8")
    command = (
        CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--window-size=1700,1900",
        f"--blink-settings=preferredColorScheme={['dark', 'light'].index(scheme)}",
        f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", file.as_uri(),
    )  # fmt: skip
    run = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    for width in WIDTHS:
        result = json.loads(unescape(re.search(rf'data-width{width}="([^"]*)"', run.stdout)[1]))
        assert result["width"] <= width
        assert (result["before"], result["after"], result["closed"]) == (False, True, True)
        assert result["focus"] == "Close"
        brightness = sum(map(int, re.findall(r"\d+", result["background"])[:3])) / 3
        assert (brightness < 64) == (scheme == "dark")
