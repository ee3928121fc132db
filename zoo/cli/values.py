"""Values of options: for each kind of value, the function that reads it from text, and its type.

Every function takes `name`, the option's name for the message of an error, and `text`, the word
behind the option. It returns the value, or raises an `ArgumentError` for a text of another
kind. A type is what a command or a dataclass of options writes as annotation:
`epochs: Positive | None`.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Annotated, Any

from cyclopts import Parameter, Token

from zoo.arguments import whole_number
from zoo.errors import ArgumentError


def parse_whole_number(name: str, text: str, least: int) -> int:
    """Read a whole number of `least` or more.

    Example:
        >>> parse_whole_number("--epochs", "20", least=1)
        20
    """
    try:
        return whole_number(name, int(text), least)
    except ValueError:
        raise ArgumentError(
            f"{name} must be a whole number of {least} or more. Received: {text!r}"
        ) from None


def parse_number(name: str, text: str) -> float:
    """Read a number.

    Example:
        >>> parse_number("--learning-rate", "1e-2")
        0.01
    """
    try:
        return float(text)
    except ValueError:
        raise ArgumentError(f"{name} must be a number. Received: {text!r}") from None


def parse_share(name: str, text: str) -> float:
    """Read how much to hold out: a fraction, or a whole number of images of every class.

    Example:
        >>> parse_share("--test", "0.2"), parse_share("--test", "20")
        (0.2, 20)
    """
    share = parse_number(name, text)
    if not share >= 0:
        raise ArgumentError(
            f"{name} must be a fraction, or a number of images of 0 or more. Received: {text!r}"
        )
    return int(share) if share >= 1 and share.is_integer() else share


def parse_names(name: str, text: str) -> list[str]:
    """Read names with commas between.

    Example:
        >>> parse_names("--classes", "angry, happy")
        ['angry', 'happy']
    """
    return [word.strip() for word in text.split(",")]


def parse_numbers(name: str, text: str) -> list[float]:
    """Read numbers with commas between.

    Example:
        >>> parse_numbers("--weights", "2,1,1")
        [2.0, 1.0, 1.0]
    """
    try:
        return [float(word) for word in text.split(",")]
    except ValueError:
        raise ArgumentError(f"{name} must be numbers such as 2,1,1. Received: {text!r}") from None


def parse_parts(name: str, text: str) -> dict[str, list[str]]:
    """Read which parts of a data set train, validate and test, as `zoo.datasets.load` takes it.

    Example:
        >>> parse_parts("--parts", "train=train+extra,test=test")
        {'train': ['train', 'extra'], 'test': ['test']}
    """
    parts: dict[str, list[str]] = {}
    for word in parse_names(name, text):
        split, _, joined = word.partition("=")
        if not joined or split in parts:
            raise ArgumentError(
                f"{name} must be like train=Training,test=PrivateTest. Received: {text!r}"
            )
        parts[split] = joined.split("+")
    return parts


def parse_size(name: str, text: str) -> tuple[int, int]:
    """Read an image size in pixels, `48` or `48x64`, as (height, width).

    Example:
        >>> parse_size("--image-size", "48x64")
        (48, 64)
    """
    match = re.fullmatch(r"([1-9]\d*)(?:[x×]([1-9]\d*))?", text)
    if not match:
        raise ArgumentError(f"{name} must be like 48 or 48x64, in pixels. Received: {text!r}")
    height, width = match[1], match[2] or match[1]
    return int(height), int(width)


def parse_shape(name: str, text: str) -> tuple[int, ...]:
    """Read a shape: whole numbers with commas between, perhaps in parentheses.

    Example:
        >>> parse_shape("--input-shape", "48,48,1")
        (48, 48, 1)
    """
    axes = text.strip("() ").rstrip(",").split(",")
    if not all(axis.strip().isdecimal() for axis in axes):
        raise ArgumentError(f"{name} must be whole numbers such as 48,48,1. Received: {text!r}")
    return tuple(map(int, axes))


def parse_argument(name: str, text: str) -> tuple[str, Any]:
    """Read `name=value`. The value is JSON; other text is taken as a string.

    Example:
        >>> parse_argument("--set", "groups=2"), parse_argument("--set", "padding=same")
        (('groups', 2), ('padding', 'same'))
    """
    argument, equals, value = text.partition("=")
    if not argument or not equals:
        raise ArgumentError(f"{name} must be like name=value. Received: {text!r}")
    try:
        return argument, json.loads(value)
    except ValueError:
        return argument, value


def _last(parse: Callable[[str, str], Any], metavar: str = "NUMBER") -> Parameter:
    """An option that takes one word; where the option is repeated, the last counts."""

    def convert(kind: Any, tokens: Sequence[Token]) -> Any:
        return parse(tokens[-1].keyword or "", tokens[-1].value)

    return Parameter(converter=convert, n_tokens=1, accepts_keys=False, metavar=metavar)


def _every(parse: Callable[[str, str], Any], metavar: str) -> Parameter:
    """An option that takes one word and may be repeated; the value is a list."""

    def convert(kind: Any, tokens: Sequence[Token]) -> Any:
        return [parse(token.keyword or "", token.value) for token in tokens]

    return Parameter(converter=convert, n_tokens=1, accepts_keys=False, metavar=metavar)


Positive = Annotated[int, _last(partial(parse_whole_number, least=1))]
"""A whole number of 1 or more."""
Seed = Annotated[int, _last(partial(parse_whole_number, least=0))]
"""A whole number of 0 or more."""
Name = Annotated[str, Parameter(metavar="NAME")]
Number = Annotated[float, _last(parse_number)]
Share = Annotated[float, _last(parse_share)]
Names = Annotated[list[str], _last(parse_names, "NAME,NAME")]
Numbers = Annotated[list[float], _last(parse_numbers, "NUMBER,NUMBER")]
Parts = Annotated[Mapping[str, list[str]], _last(parse_parts, "SPLIT=PART")]
Size = Annotated[tuple[int, int], _last(parse_size, "SIZE")]
Shapes = Annotated[list[tuple[int, ...]], _every(parse_shape, "SHAPE")]
Arguments = Annotated[list[tuple[str, Any]], _every(parse_argument, "NAME=VALUE")]
