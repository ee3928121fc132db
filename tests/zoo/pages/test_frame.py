import pytest

from zoo.pages.frame import Section, fragment, is_own_page, whole_page
from zoo.pages.parts import note, paragraph

HOSTILE = "</title></style><script src='http://example.org/x.js'></script>\n" + "x" * 3000


@pytest.fixture(scope="module")
def html():
    sections = [
        Section("first", HOSTILE, [paragraph("one"), note("two")]),
        Section("second", "Second", [paragraph("three")]),
    ]
    return whole_page(HOSTILE, sections, subtitle=HOSTILE, facts={HOSTILE: HOSTILE})


def test_a_page_loads_nothing_and_shows_hostile_texts_as_texts(html, read_page):
    found = read_page(html)
    assert found.text.count("</title></style><script src=") == 7
    assert "x" * 1000 not in html
    policy = next(tag["content"] for tag in found.named("meta") if "http-equiv" in tag)
    assert policy == "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def test_the_table_of_contents_leads_to_each_section(html, read_page):
    found = read_page(html)
    assert [tag["href"] for tag in found.named("a")] == ["#first", "#second"]
    assert [tag["aria-labelledby"] for tag in found.named("section")] == ["first", "second"]


def test_a_page_of_a_single_section_needs_no_table_of_contents(read_page):
    found = read_page(whole_page("Report", [Section("scores", "Scores", [])]))
    assert found.named("nav") == []
    assert found.named("dl") == []


def test_a_page_fits_screens_of_all_widths_and_schemes(html, read_page):
    content = {tag.get("name"): tag.get("content") for tag in read_page(html).named("meta")}
    assert content["viewport"] == "width=device-width, initial-scale=1"
    assert content["color-scheme"] == "light dark"


def test_a_fragment_brings_its_style(read_page):
    found = read_page(fragment(paragraph("one"), paragraph("two")))
    assert [tag for tag, _ in found.tags] == ["div", "style", "p", "p"]
    assert found.tags[0][1] == {"class": "zoo fragment"}


def test_a_page_of_zoo_is_recognised(html, tmp_path):
    path = tmp_path / "page.html"
    for text, known in ((html, True), ("<!DOCTYPE html>\n<html>", False), ("", False)):
        path.write_text(text, "utf-8")
        assert is_own_page(path) is known
    path.write_bytes(b"\xff\x00" * 9999)
    assert not is_own_page(path)
