import pytest

from zoo.pages.words import shortened


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("  two\n words\t", "two words"),
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07 after", "0;title after"),
        ("left \u202eright", "left right"),
        ("\x00null", "null"),
        ("Müller 猫", "Müller 猫"),
        ("43.6 %", "43.6\xa0%"),
        (12, "12"),
    ],
)
def test_a_text_becomes_a_line_of_printable_characters(text, line):
    assert shortened(text) == line


def test_a_long_text_is_cut_off():
    assert shortened("x" * 3000, 10) == "x" * 9 + "…"
    assert shortened("x" * 10, 10) == "x" * 10
