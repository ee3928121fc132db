from hypothesis import given
from hypothesis import strategies as st

from zoo.pages.words import shortened


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
