import re
from typing import get_args

import pytest
from cyclopts import Token

from zoo.cli import values
from zoo.errors import ArgumentError


def read(kind, option, text):
    """Read the word behind an option of a kind, as the command line does."""
    _, parameter = get_args(kind)
    return parameter.converter(kind, [Token(keyword=option, value=text)])


@pytest.mark.parametrize(("text", "size"), [("48", (48, 48)), ("48x64", (48, 64)), ("4×8", (4, 8))])
def test_a_size_is_a_number_or_height_and_width(text, size):
    assert values.parse_size(text) == size


@pytest.mark.parametrize("text", ["", "0", "x8", "8x", "8x0", "-8", "8.5"])
def test_other_text_is_no_size(text):
    with pytest.raises(ArgumentError, match=r"--image-size must be .* for example, --image-size"):
        read(values.Size, "--image-size", text)


@pytest.mark.parametrize(
    ("text", "share"), [("0", 0), ("0.1", 0.1), ("1", 1), ("20", 20), ("20.0", 20), ("1.5", 1.5)]
)
def test_a_whole_share_is_a_number_of_images(text, share):
    parsed = values.parse_share(text)
    assert parsed == share
    assert isinstance(parsed, int) == (share >= 1 and share == int(share))


@pytest.mark.parametrize("text", ["-0.1", "nan", "-inf"])
def test_a_share_is_not_negative(text):
    with pytest.raises(ArgumentError, match=r"--test must be .* for example, --test"):
        read(values.Share, "--test", text)


@pytest.mark.parametrize("text", ["-0.1", "-inf", "+", ""])
def test_what_is_held_out_is_a_share_or_a_data_set(text):
    with pytest.raises(ArgumentError, match=r"--validation must be .* or a data set"):
        read(values.HeldOut, "--validation", text)


@pytest.mark.parametrize("text", ["train", "train=", "train=a,train=b", ""])
def test_parts_have_a_split_and_a_name_each(text):
    with pytest.raises(ArgumentError, match=r"--parts must be .* for example, --parts"):
        read(values.Parts, "--parts", text)


@pytest.mark.parametrize("text", ["", "a", "3,", ",3", "3,,4", "-3", "3.5", "²"])
def test_a_shape_has_whole_numbers(text):
    if text == "3,":
        assert values.parse_shape(text) == (3,)
        return
    with pytest.raises(ArgumentError, match=r"--input-shape must be .* for example, --input-shape"):
        read(values.Shapes, "--input-shape", text)


@pytest.mark.parametrize(
    ("text", "value"),
    [("2", 2), ("true", True), ("null", None), ("same", "same"), ("", ""), ("a=b", "a=b")],
)
def test_an_argument_is_json_or_else_text(text, value):
    assert values.parse_argument(f"name={text}") == ("name", value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("99999999999999999999", "be a whole number of 4,611,686,018,427,387,904 or less"),
        ("-1", "be a whole number of 0 or more. Received: -1"),
        ("many", "be a whole number of 0 or more. Received: 'many'. Write, for example, --seed 10"),
    ],
)
def test_a_seed_is_refused_with_its_true_limit(text, message):
    with pytest.raises(ArgumentError, match=rf"^--seed must {re.escape(message)}"):
        read(values.Seed, "--seed", text)


@pytest.mark.parametrize("text", ["name", "=2", ""])
def test_an_argument_has_a_name(text):
    with pytest.raises(ArgumentError, match=r"--set must be .* for example, --set"):
        read(values.Arguments, "--set", text)
