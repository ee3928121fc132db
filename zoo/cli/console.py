"""What the command lines of this package share: options, data, and one way to fail."""

import contextlib
import os
import re
import shlex
import shutil
import sys
import traceback
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer
from rich.console import Console
from rich.text import Text

from zoo.errors import ArgumentError, ZooError

Data = Annotated[str, typer.Option("--data", "-d", help="Data set; `zoo data` lists them.")]
Root = Annotated[
    Path | None,
    typer.Option(help="Where its files are: archive, folder that holds it, or unpacked folder."),
]
Classes = Annotated[
    str | None, typer.Option(help="Take these classes only, in this order: `angry,happy`.")
]
ImageSize = Annotated[
    str | None, typer.Option(help="Scale images to this size: `48` or `48x64` (height x width).")
]
Color = Annotated[str | None, typer.Option(help="`grayscale` or `rgb`; by default as found.")]
Validation = Annotated[
    float,
    typer.Option(
        min=0, help="Training images held out for validation: a share, or so many of every class."
    ),
]
Test = Annotated[
    float, typer.Option(min=0, help="The same for the test, where the data have no part for it.")
]
Parts = Annotated[
    str | None,
    typer.Option(help="Parts of the data set: `train=Training,test=PrivateTest`; `+` joins some."),
]
DropDuplicates = Annotated[
    bool,
    typer.Option(
        "--drop-duplicates", help="Of images that are the same, keep one: in the test part first."
    ),
]

# Usage errors have no public name in typer; this is the class that it raises for them.
_UsageError: type[Exception] = typer.BadParameter.__mro__[2]


def run(app: typer.Typer, arguments: Sequence[str] | None = None) -> None:
    """Run a command line and end the process.

    Wrong use, and every error that Zoo raises on purpose, is one line on standard error and
    exit code 2; `--debug` shows the traceback.

    Args:
        app: The commands.
        arguments: Words after the program's name; None takes the process's own.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words
    words = [word for word in words if word != "--debug"]
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            code = app(args=words, standalone_mode=False)
    except (ZooError, _UsageError) as error:
        if debug:
            traceback.print_exc()
        message = error.format_message() if hasattr(error, "format_message") else str(error)
        _complain(message)
        code = 2
    except (KeyboardInterrupt, typer.Abort):
        _complain("stopped")
        code = 130
    sys.exit(code if isinstance(code, int) else 0)


def start_tensorflow(*, verbose: bool = True) -> None:
    """Import TensorFlow without its pages of start-up notes, and say what it runs on.

    Args:
        verbose: Whether to say it, on standard error.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    with _without_standard_error():
        import tensorflow as tf

        gpus = tf.config.list_logical_devices("GPU")
    if verbose:
        device = f"{len(gpus)} GPU" if gpus else "the CPU"
        _console().print(f"TensorFlow {tf.__version__} on {device}", highlight=False)


def load_data(
    name: str,
    root: Path | None,
    classes: str | Sequence[str] | None,
    image_size: str | Sequence[int] | None = None,
    color: str | None = None,
    **settings: Any,
) -> Any:
    """Load a data set as the options say.

    Args:
        name: The data set.
        root: Where its files are.
        classes: Names with commas between, or a list of them.
        image_size: `48` or `48x64`, or (48, 64).
        color: `grayscale` or `rgb`.
        **settings: Other arguments of `zoo.datasets.load`; `parts` also as text,
            `train=Training,test=PrivateTest`.

    Returns:
        The `ImageData`.

    Raises:
        ArgumentError: A size that is none.
        DataError: Data that cannot be loaded.
    """
    from zoo.datasets import load

    if isinstance(classes, str):
        classes = parse_names(classes)
    size = parse_size(image_size) if isinstance(image_size, str) else image_size
    if isinstance(settings.get("parts"), str):
        settings["parts"] = parse_parts(settings["parts"])
    for part in ("validation", "test"):
        if (share := settings.get(part, 0)) >= 1 and float(share).is_integer():
            settings[part] = int(share)
    return load(name, root, classes=classes, image_size=size, color=color, **settings)


def parse_names(text: str) -> list[str]:
    """Read names with commas between.

    Example:
        >>> parse_names("angry, happy")
        ['angry', 'happy']
    """
    return [word.strip() for word in text.split(",")]


def parse_parts(text: str) -> dict[str, list[str]]:
    """Read which parts of a data set train, validate and test.

    Args:
        text: `train=train+extra,test=test`.

    Returns:
        The parts, as `zoo.datasets.load` takes them.

    Raises:
        ArgumentError: Anything else.

    Example:
        >>> parse_parts("train=train+extra,test=test")
        {'train': ['train', 'extra'], 'test': ['test']}
    """
    parts = {}
    for word in parse_names(text):
        role, equals, names = word.partition("=")
        if not equals or not names or role in parts:
            raise ArgumentError(
                f"Parts are like train=Training,test=PrivateTest. Received: {text!r}"
            )
        parts[role] = names.split("+")
    return parts


def parse_size(text: str) -> tuple[int, int]:
    """Read an image size.

    Args:
        text: `48` or `48x64`, height first.

    Returns:
        (height, width) in pixels.

    Raises:
        ArgumentError: Anything else.

    Example:
        >>> parse_size("48x64")
        (48, 64)
    """
    match = re.fullmatch(r"([1-9]\d*)(?:[x×]([1-9]\d*))?", text)
    if not match:
        raise ArgumentError(f"An image size is like 48 or 48x64, in pixels. Received: {text!r}")
    height, width = match[1], match[2] or match[1]
    return int(height), int(width)


def print_tensorboard(what: str, folder: Path) -> None:
    """Say how to look at what was written for TensorBoard."""
    command = f"{_tensorboard()} --logdir {shlex.quote(str(folder))}"
    Console().print(f"{what}: {command}", highlight=False, soft_wrap=True)


def _tensorboard() -> str:
    """TensorBoard's command, also where the environment is not activated."""
    if shutil.which("tensorboard"):
        return "tensorboard"
    return shlex.quote(os.path.relpath(Path(sys.executable).with_name("tensorboard")))


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """What concerns the user in one line; where it stands in the code does not."""
    if issubclass(category, UserWarning):
        _console().print(Text(f"Note: {message}", style="yellow"), highlight=False, soft_wrap=True)


def _complain(message: str) -> None:
    line = " ".join(message.split())
    if not line:  # the help was asked for
        return
    _console().print(line, style="red", markup=False, highlight=False)


def _console() -> Console:
    return Console(stderr=True, soft_wrap=True)


@contextlib.contextmanager
def _without_standard_error() -> Iterator[None]:
    """Drop what C++ code writes there; Python's own sys.stderr cannot catch that."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
