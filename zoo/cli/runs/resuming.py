"""Resuming a run with the options that the run was started with.

The words of a command are kept in the manifest of the run. `--resume` takes those options from
there that the user does not give again.
"""

import contextlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cyclopts import App, Token

from zoo.arguments import as_path
from zoo.ensembles.loading.names import SAVED
from zoo.errors import ArgumentError
from zoo.files import damaged_file, holds_files, read_json

MANIFEST = "run.json"  # of zoo.training.run_folder, whose import loads TensorFlow

OWN = ("--log-dir", "--resume", "--quiet", "--jobs", "--scheduler")
"""Options of a single call, which are not kept for another."""

HIDDEN = "--options-of-run"
"""The option, which no help shows, that hands the words of the command to the command."""

_START_ANEW = "Start the run anew in another folder."

KEY = "command"
"""The value in the manifest: the name of the command, and its words by option."""


def take_options_of_run(app: App, commands: Sequence[str], arguments: Any) -> None:
    """Add the options of an earlier run to those that the user gives, before values are read.

    This is a `config` of the application, which cyclopts calls after it has read the words.

    Args:
        app: The application of the command.
        commands: The names of the command.
        arguments: The `cyclopts.ArgumentCollection` of the command.

    Raises:
        ArgumentError: The run was started by another command.
    """
    by_name = {argument.name: argument for argument in arguments}
    if HIDDEN not in by_name:
        return
    given: dict[str, Sequence[Sequence[Any]]] = {
        name: [_word(token) for token in argument.tokens]
        for name, argument in by_name.items()
        if argument.tokens and name not in OWN
    }
    if by_name["--resume"].tokens and by_name["--log-dir"].tokens:
        folder = by_name["--log-dir"].tokens[-1].value
        for name, words in _options_of_run(folder, commands[-1]).items():
            if name in by_name and name not in given:
                given[name] = words
                for word in words:
                    by_name[name].append(_token(by_name[name], *word, source=MANIFEST))
    value = json.dumps({"name": commands[-1], "options": given})
    by_name[HIDDEN].append(Token(keyword=HIDDEN, value=value))


def _options_of_run(folder: str, command: str) -> Mapping[str, Sequence[Sequence[Any]]]:
    """Read the words of the command that started a run; a run without them has none."""
    kept, file = None, Path(folder) / MANIFEST
    with contextlib.suppress(OSError):  # the training says what is wrong with it
        kept = read_json(file, "").get(KEY)
    if not isinstance(kept, dict):
        return {}
    if not isinstance(kept.get("name"), str) or not _are_options(kept.get("options")):
        raise damaged_file(file, "its command is not as it was given", _START_ANEW)
    if kept["name"] != command:
        raise ArgumentError(
            f"A run must be resumed by the command that started it, `zoo {kept['name']}`. "
            f"Received: `zoo {command}` for {folder}. Write `zoo {kept['name']} --resume "
            f"--log-dir {folder}`."
        )
    return kept["options"]


def _are_options(options: Any) -> bool:
    """Whether a value holds the words of each option, as `_word` gives them."""
    return isinstance(options, dict) and all(
        isinstance(words, list)
        and all(
            isinstance(word, list)
            and len(word) == 2
            and all(part is None or isinstance(part, str) for part in word)
            for word in words
        )
        for words in options.values()
    )


def check_run(folder: Path) -> None:
    """Check that a folder holds a run, before TensorFlow starts.

    Args:
        folder: The folder that the user names.

    Raises:
        ArgumentError: There is no run in the folder.
        RunError: The manifest of the run is damaged.

    Example:
        >>> check_run(Path("gone"))
        Traceback (most recent call last):
        zoo.errors.ArgumentError: --log-dir must be the folder of the run to resume. Received: \
gone, which does not exist. Check the path, or leave --resume out.
    """
    file = folder / MANIFEST
    if not file.is_file():
        if folder.is_dir() and any(folder.iterdir()) and not holds_files(folder):
            raise ArgumentError(
                "--log-dir must be the folder of the run to resume. Received: "
                f"{folder}, whose run was stopped before its first step. Start it again: leave "
                "--resume out, and give all other options."
            )
        fault = f"which holds no {MANIFEST}" if folder.exists() else "which does not exist"
        raise ArgumentError(
            f"--log-dir must be the folder of the run to resume. Received: {folder}, {fault}. "
            "Check the path, or leave --resume out."
        )
    read_json(file, _START_ANEW)


def _word(token: Token) -> tuple[str | None, str | None]:
    """Give an option with its word; a switch has no word.

    The path of a file, or of the run folder of a teacher, is made absolute, so that a run can be
    resumed in another folder.
    """
    option, word = token.keyword, token.value
    if not word:
        return option, None
    is_file = option in (None, "--import", "--teacher") and Path(word).suffix in (".keras", ".py")
    is_file |= option == "--teacher" and os.path.isfile(Path(word) / SAVED)
    if is_file or option == "--root" or (option == "--storage" and "://" not in word):
        return option, str(as_path(option or "A member", word).absolute())
    scheme, _, file = word.partition("sqlite:///")
    if option == "--storage" and file and not (scheme or file.startswith((":memory:", "file:"))):
        return option, f"sqlite:///{Path(file).absolute()}"
    return option, word


def _token(argument: Any, keyword: str | None, word: str | None, *, source: str) -> Token:
    """Make a token of an option with its word."""
    if word is not None:
        return Token(keyword=keyword, value=word, source=source)
    is_on = keyword not in argument.negatives
    return Token(keyword=keyword, implicit_value=is_on, source=source)
