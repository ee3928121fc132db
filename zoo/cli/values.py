"""Values of options: for each kind of value, the function that reads it from text, and its type.

Every function takes `name`, the option's name for messages, and `text`, the word behind the
option. It returns the value, or raises an `ArgumentError`. A type is what a command or a
dataclass of options writes as annotation: `epochs: Positive | None`.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Annotated, Any

from cyclopts import Parameter, Token

from zoo.arguments import whole_number
from zoo.errors import ArgumentError


def _error(name: str, expected: str, text: str, example: str) -> ArgumentError:
    return ArgumentError(
        f"{name} must be {expected}. Received: {text!r}. Write, for example, {name} {example}."
    )


def parse_whole_number(name: str, text: str, least: int) -> int:
    """Read a whole number of `least` or more."""
    try:
        return whole_number(name, int(text), least)
    except ValueError:
        raise _error(name, f"a whole number of {least} or more", text, "10") from None


def parse_number(name: str, text: str) -> float:
    """Read a number."""
    try:
        return float(text)
    except ValueError:
        raise _error(name, "a number", text, "0.1") from None


def parse_share(name: str, text: str) -> float:
    """Read how much to hold out: a fraction, or a whole number of images of every class."""
    share = parse_number(name, text)
    if not share >= 0:
        raise _error(name, "a fraction, or a number of images of 0 or more", text, "0.1")
    return int(share) if share >= 1 and share.is_integer() else share


def parse_names(name: str, text: str) -> list[str]:
    """Read names with commas between: `angry, happy`."""
    return [word.strip() for word in text.split(",")]


def parse_numbers(name: str, text: str) -> list[float]:
    """Read numbers with commas between: `2,1,1`."""
    try:
        return [float(word) for word in text.split(",")]
    except ValueError:
        raise _error(name, "numbers with commas between", text, "2,1,1") from None


def parse_parts(name: str, text: str) -> dict[str, list[str]]:
    """Read which parts of a data set's files each split takes, as `zoo.datasets.load` takes it.

    Example:
        >>> parse_parts("--parts", "train=train+extra,test=test")
        {'train': ['train', 'extra'], 'test': ['test']}
    """
    pairs = [word.partition("=") for word in parse_names(name, text)]
    parts = {split: names.split("+") for split, _, names in pairs if names}
    if len(parts) < len(pairs):
        example = "train=Training,test=PrivateTest"
        raise _error(name, "parts of the files by split, each split once", text, example)
    return parts


def parse_size(name: str, text: str) -> tuple[int, int]:
    """Read an image size in pixels, `48` or `48x64`, as (height, width)."""
    match = re.fullmatch(r"([1-9]\d*)(?:[x×]([1-9]\d*))?", text)
    if not match:
        raise _error(name, "the size of a square or a height x width, in pixels", text, "48x64")
    return int(match[1]), int(match[2] or match[1])


def parse_shape(name: str, text: str) -> tuple[int, ...]:
    """Read a shape: whole numbers with commas between, perhaps in parentheses."""
    axes = text.strip("() ").rstrip(",").split(",")
    if not all(axis.strip().isdecimal() for axis in axes):
        raise _error(name, "whole numbers with commas between", text, "48,48,1")
    return tuple(map(int, axes))


def parse_argument(name: str, text: str) -> tuple[str, Any]:
    """Read `name=value`. The value is JSON; other text is taken as a string.

    Example:
        >>> parse_argument("--set", "groups=2"), parse_argument("--set", "padding=same")
        (('groups', 2), ('padding', 'same'))
    """
    argument, _, value = text.partition("=")
    if not argument or "=" not in text:
        raise _error(name, "a name and a value with = between", text, "groups=2")
    try:
        return argument, json.loads(value)
    except ValueError:
        return argument, value


def _option(
    parse: Callable[[str, str], Any], metavar: str = "NUMBER", *, every: bool = False
) -> Parameter:
    """An option that takes one word. Where it is repeated, the last word counts, or every word."""

    def convert(kind: Any, tokens: Sequence[Token]) -> Any:
        values = [parse(token.keyword or "", token.value) for token in tokens[0 if every else -1 :]]
        return values if every else values[0]

    return Parameter(converter=convert, n_tokens=1, accepts_keys=False, metavar=metavar)


Positive = Annotated[int, _option(partial(parse_whole_number, least=1))]  # 1 or more
Seed = Annotated[int, _option(partial(parse_whole_number, least=0))]  # 0 or more
Name = Annotated[str, Parameter(metavar="NAME")]
Number = Annotated[float, _option(parse_number)]
Share = Annotated[float, _option(parse_share)]
Names = Annotated[list[str], _option(parse_names, "NAME,NAME")]
Numbers = Annotated[list[float], _option(parse_numbers, "NUMBER,NUMBER")]
Parts = Annotated[Mapping[str, list[str]], _option(parse_parts, "SPLIT=PART")]
Size = Annotated[tuple[int, int], _option(parse_size, "SIZE")]
Shapes = Annotated[list[tuple[int, ...]], _option(parse_shape, "SHAPE", every=True)]
Arguments = Annotated[list[tuple[str, Any]], _option(parse_argument, "NAME=VALUE", every=True)]
