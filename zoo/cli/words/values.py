"""Values of options: for each kind of value, its type and the function that reads it from text.

A type is what a command or a dataclass of options writes as annotation: `epochs: Positive | None`.
A function takes the word behind the option, and raises a `ValueError` if the word has another form.
`_option` turns that into a message for the user.
"""

import ast
import contextlib
import importlib
import json
import re
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter, Token

from zoo.arguments import as_path, whole_number
from zoo.errors import ArgumentError
from zoo.starting.start_up_notes import without_start_up_notes

_A_NUMBER = "number"
"""The subject of messages about a number, before the name of the option takes its place."""


def parse_whole_number(text: str, least: int) -> int:
    """Read a whole number of `least` or more."""
    return whole_number(_A_NUMBER, int(text), least)


def parse_port(text: str) -> int:
    """Read the number of a port."""
    if not 0 <= int(text) < 2**16:
        raise ValueError(text)
    return int(text)


def parse_scheduler(text: str) -> str:
    """Read the address of the scheduler of a Dask cluster.

    Example:
        >>> parse_scheduler("tcp://host:8786")
        'tcp://host:8786'
    """
    if not re.fullmatch(r"(tcp|tls|ws|wss|ucx)://.+:\d+", text):
        raise ValueError(text)
    return text


def parse_share(text: str) -> float:
    """Read how much to hold out: a fraction, or a whole number of images of every class.

    Example:
        >>> parse_share("0.1"), parse_share("20")
        (0.1, 20)
    """
    share = float(text)
    if not share >= 0:
        raise ValueError(text)
    return int(share) if share >= 1 and share.is_integer() else share


def parse_held_out(text: str) -> float | str:
    """Read which images to hold out: a share, as in `parse_share`, or the name of a data set.

    Example:
        >>> parse_held_out("0.1"), parse_held_out("fer2013")
        (0.1, 'fer2013')
    """
    return text if re.match(r"[^\W\d]", text) else parse_share(text)


def parse_names(text: str) -> list[str]:
    """Read names with commas between: `angry, happy`."""
    return [word.strip() for word in text.split(",")]


def parse_numbers(text: str) -> list[float]:
    """Read numbers with commas between: `2,1,1`."""
    return [float(word) for word in text.split(",")]


def parse_weights(text: str) -> list[float] | str:
    """Read the weight of each member in a vote, `2,1,1`, or the name of trained weights.

    Example:
        >>> parse_weights("2,1,1"), parse_weights("fer2013")
        ([2.0, 1.0, 1.0], 'fer2013')
    """
    return text if re.match(r"[^\W\d]", text) else parse_numbers(text)


def parse_parts(text: str) -> dict[str, list[str]]:
    """Read which parts of a data set's files each split takes, as `zoo.datasets.load` takes it.

    Example:
        >>> parse_parts("train=train+extra,test=test")
        {'train': ['train', 'extra'], 'test': ['test']}
    """
    pairs = [word.partition("=") for word in parse_names(text)]
    parts = {split: names.split("+") for split, _, names in pairs if names}
    if len(parts) < len(pairs):
        raise ValueError(text)
    return parts


def parse_size(text: str) -> tuple[int, int]:
    """Read an image size in pixels, `48` or `48x64`, as (height, width)."""
    match = re.fullmatch(r"([1-9]\d*)(?:[x×]([1-9]\d*))?", text)
    if not match:
        raise ValueError(text)
    return int(match[1]), int(match[2] or match[1])


def parse_shape(text: str) -> tuple[int, ...]:
    """Read a shape: whole numbers with commas between, perhaps in parentheses."""
    axes = text.strip("() ").rstrip(",").split(",")
    if not all(axis.strip().isdecimal() for axis in axes):
        raise ValueError(text)
    return tuple(map(int, axes))


def parse_argument(text: str) -> tuple[str, Any]:
    """Read `name=value`. The value is JSON or a literal of Python; other text is a string.

    Example:
        >>> parse_argument("groups=2"), parse_argument("hidden=(64, 32)")
        (('groups', 2), ('hidden', (64, 32)))
        >>> parse_argument("padding=same"), parse_argument("bias=None")
        (('padding', 'same'), ('bias', None))
    """
    argument, equals, value = text.partition("=")
    if not argument or not equals:
        raise ValueError(text)
    for read in (json.loads, ast.literal_eval):
        with contextlib.suppress(ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            return argument, read(value)
    return argument, value


def parse_setting(text: str) -> tuple[str, str]:
    """Read `name=values` of a setting that varies. The values stay text, for `zoo.tune`.

    Example:
        >>> parse_setting("learning_rate=1e-5..1e-2:log")
        ('learning_rate', '1e-5..1e-2:log')
    """
    name, _, values = text.partition("=")
    if not name.strip() or not values.strip():
        raise ValueError(text)
    return name.strip(), values.strip()


def import_module(text: str) -> str:
    """Import a module of the user, which registers models and layers.

    Args:
        text: The name of a module, which may stand in the current folder, or the path of a `.py`
            file.

    Returns:
        The text.

    Raises:
        ArgumentError: There is no such module, or the module raises an error.
    """
    is_file = text.endswith(".py")
    path = as_path("--import", text) if is_file else Path(text)
    name = path.stem if is_file else text
    fault = None
    if is_file and not path.is_file():
        fault = "which does not exist"
    elif not is_file and not all(word.isidentifier() for word in text.split(".")):
        fault = "which is no name of a module"
    if fault:
        raise ArgumentError(
            "--import must name a module that Python can import, or the path of a .py file. "
            f"Received: {text!r}, {fault}. Write, for example, --import ./my_models.py."
        )
    folder = str(path.absolute().parent if is_file else Path.cwd())
    if folder not in sys.path:
        sys.path.append(folder)  # at the end: no file of the folder may hide an installed package
    try:
        with without_start_up_notes():
            module = importlib.import_module(name)
    except (Exception, SystemExit) as error:
        raise ArgumentError(
            "--import must name a module that Python can import, or the path of a .py file. "
            f"Received: {text!r}, which raised {_described(error)}. Correct the module, or name "
            "another module."
        ) from error
    found = getattr(module, "__file__", None)
    if is_file and not (found and Path(found).samefile(path)):
        raise ArgumentError(
            "--import must be a file whose name no other module has. Received: "
            f"{text!r}, but Python finds {found or name}. Rename the file."
        )
    return text


def _described(error: BaseException) -> str:
    """Write the class, the message and the line of an error in a module of the user."""
    own = [
        f"{Path(frame.filename).name}, line {frame.lineno}"
        for frame in traceback.extract_tb(error.__traceback__)
        if "importlib" not in frame.filename and frame.filename != __file__
    ]
    where = f" ({own[0]})" if own else ""
    return f"{type(error).__name__}: {error}{where}"


def _option(
    parse: Callable[[str], Any], metavar: str, expected: str, example: str, *, every: bool = False
) -> Parameter:
    """An option that takes one word. Where it is repeated, the last word counts, or every word."""

    def read(token: Token) -> Any:
        try:
            return parse(token.value)
        except ArgumentError as error:  # of a number, perhaps too large: it says the limit
            message = str(error).removeprefix(_A_NUMBER)
            raise ArgumentError(f"{token.keyword}{message}") from None
        except ValueError:
            raise ArgumentError(
                f"{token.keyword} must be {expected}. Received: {token.value!r}. Write, for "
                f"example, {token.keyword} {example}."
            ) from None

    def convert(kind: Any, tokens: Sequence[Token]) -> Any:
        return list(map(read, tokens)) if every else [*map(read, tokens)][-1]

    return Parameter(converter=convert, n_tokens=1, accepts_keys=False, metavar=metavar)


def _named_value(example: str) -> Parameter:
    return _option(parse_argument, "NAME=VALUE", "a name = a value", example, every=True)


def _import_all(kind: Any, tokens: Sequence[Token]) -> Any:
    return [import_module(token.value) for token in tokens]


def _whole_number(least: int) -> Parameter:
    parse = partial(parse_whole_number, least=least)
    return _option(parse, "NUMBER", f"a whole number of {least} or more", "10")


_NUMBER = _option(float, "NUMBER", "a number", "0.1")
_SHARE = _option(parse_share, "NUMBER", "a fraction, or a number of images of 0 or more", "0.1")
_HELD_OUT = _option(
    parse_held_out, "NUMBER|NAME", "a fraction, a number of images, or a data set",
    "0.1",
)  # fmt: skip
_NAMES = _option(parse_names, "NAME,NAME", "names with commas between", "angry,happy")
_WEIGHTS = _option(
    parse_weights, "NUMBERS|NAME", "numbers with commas between, or the name of trained weights",
    "2,1,1",
)  # fmt: skip
_PARTS = _option(parse_parts, "SPLIT=PART", "parts by split, each split once", "train=a+b,test=c")
_SIZE = _option(parse_size, "SIZE", "a size or a height x width, in pixels", "48x64")
_SHAPE = _option(parse_shape, "SHAPE", "whole numbers with commas between", "48,48,1", every=True)
_SETTING = _option(
    parse_setting, "NAME=VALUES", "a setting = its values", "dropout=0,0.2,0.5", every=True
)
_MODULES = Parameter(
    name="--import",
    converter=_import_all,
    n_tokens=1,
    accepts_keys=False,
    metavar="MODULE",
)

Positive = Annotated[int, _whole_number(1)]
Seed = Annotated[int, _whole_number(0)]
Count = Annotated[int, _whole_number(0)]
Port = Annotated[int, _option(parse_port, "PORT", "a port, 0 to 65535", "6006")]
Scheduler = Annotated[
    str, _option(parse_scheduler, "ADDRESS", "an address of a Dask scheduler", "tcp://host:8786")
]
Name = Annotated[str, Parameter(metavar="NAME")]
Number = Annotated[float, _NUMBER]
Share = Annotated[float, _SHARE]
HeldOut = Annotated[float | str, _HELD_OUT]
Names = Annotated[list[str], _NAMES]
Weights = Annotated[list[float] | str, _WEIGHTS]
Parts = Annotated[Mapping[str, list[str]], _PARTS]
Size = Annotated[tuple[int, int], _SIZE]
Shapes = Annotated[list[tuple[int, ...]], _SHAPE]
Arguments = Annotated[list[tuple[str, Any]], _named_value("groups=2")]
Transforms = Annotated[list[tuple[str, Any]], _named_value("cutmix=1")]
OptimizerArguments = Annotated[list[tuple[str, Any]], _named_value("weight_decay=0.001")]
Settings = Annotated[list[tuple[str, str]], _SETTING]
Modules = Annotated[list[str], _MODULES]
