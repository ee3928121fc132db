"""The application `zoo`: what its commands have in common, and the way in which it fails.

A new command is a file of this room with a function under `@app.command`, and its name in the list
of imports in `zoo/cli/__init__.py`. The signature of the function gives the options of the command,
and its docstring the help.
"""

import os
import sys
import traceback
from collections.abc import Sequence
from dataclasses import fields
from importlib.metadata import version
from typing import Any, NoReturn, get_args

from cyclopts import App, CycloptsError, Group, Parameter, exceptions
from rich.console import Console

from zoo.arguments import as_path
from zoo.augmentation import Augmentation
from zoo.cli.console import (
    WRONG,
    HelpFormatter,
    errors_of_output,
    print_error,
    warnings_as_notes,
)
from zoo.cli.runs.resuming import take_options_of_run
from zoo.cli.words.wording import in_options
from zoo.errors import ArgumentError, ZooError
from zoo.starting.interrupts import EXIT_CODE, STOPPED, end_at_next_interrupt, raise_at_interrupt
from zoo.starting.streams import ensure_streams, write_every_letter
from zoo.text import did_you_mean


def take_paths(app: App, commands: Sequence[str], arguments: Any) -> None:
    """Write out the user's home for `~` in paths, and refuse texts that cannot be a path.

    A shell leaves the `~` of `--log-dir=~/runs` as it is. It passes an empty text in place of a
    variable that is not set, and Python takes it for the current folder. This is a `config` of the
    application, which cyclopts calls after it has read the words.

    Args:
        app: The application of the command.
        commands: The names of the command.
        arguments: The `cyclopts.ArgumentCollection` of the command.

    Raises:
        ArgumentError: No file system takes such a path.
    """
    for argument in arguments:
        if "Path" in str(argument.hint):  # perhaps in a list, or beside None
            argument.tokens[:] = [
                token.evolve(value=str(as_path(token.keyword or argument.name, token.value)))
                for token in argument.tokens
            ]


app = App(
    name="zoo",
    version=lambda: f"committee-zoo {version('committee-zoo')}",
    help="A Keras model zoo and committee toolkit for image classification.",
    help_epilogue="`--debug` after any command shows the traceback of an error.",
    help_format="markdown",
    help_formatter=HelpFormatter(),
    version_flags=("--version",),
    group_parameters=Group("Options", sort_key=0),
    # A switch has no opposite unless it names one, and of a repeated option the last counts. The
    # help does not show defaults that only say that something is off.
    default_parameter=Parameter(
        negative=(),
        allow_repeating=True,
        show_default=lambda value: None if value is None or value is False else str(value),
        json_list=False,
    ),
    config=(take_paths, take_options_of_run),
    exit_on_error=False,
    print_error=False,
    suppress_keyboard_interrupt=False,
    result_action="return_value",
)
app["--help"].group = app["--version"].group = app.group_parameters

FIRST_COMMANDS = ("train", "committee", "predict")
"""The commands that the help lists first. The other commands follow by the alphabet."""


def main(words: Sequence[str] | None = None) -> NoReturn:
    """Run the command line with the words after the program's name, and end the process.

    The exit code is 0, or what the command returns. Wrong use, and every error that Zoo raises on
    purpose, is one line on standard error and exit code 2. `--debug` also shows the traceback.
    Ctrl-C is exit code 130, and an output that nobody reads any more is 141. Without `words`, those
    of the process are taken.
    """
    ensure_streams()
    write_every_letter()
    with errors_of_output():
        code = _exit_code(list(sys.argv[1:] if words is None else words))
    sys.exit(code)


def _exit_code(given: Sequence[str]) -> int:
    """Run the command that the words name, tell its errors, and give the exit code."""
    debug = "--debug" in given
    given = [word for word in given if word != "--debug"]
    arguments: Sequence[Any] = ()
    options: dict[str, str] = {}
    try:
        raise_at_interrupt()
        _check_working_folder()
        arguments = _arguments_of_command(given)
        options = _options(arguments)
        with warnings_as_notes(lambda text: in_options(text, options)):
            return app(given, console=Console()) or 0
    except (ZooError, CycloptsError) as error:
        if debug:
            traceback.print_exc()
        print_error(in_options(_explain(error, arguments), options))
        return WRONG
    except KeyboardInterrupt:
        end_at_next_interrupt()
        print_error(STOPPED)
        return EXIT_CODE


def _check_working_folder() -> None:
    """Check that the folder still exists in which the user calls the command."""
    try:
        os.getcwd()
    except OSError as error:
        raise ArgumentError(
            f"A command must be called in a folder that exists. Received: {error.strerror}. Change "
            "to another folder first."
        ) from error


def _arguments_of_command(words: Sequence[str]) -> Sequence[Any]:
    """List the `cyclopts.Argument`s of the command that the words name."""
    # `--help` and `--version` are commands of their own for cyclopts.
    command = app.parse_commands([word for word in words if not word.startswith("-")])[1][-1]
    return [] if command.default_command is None else [*command.assemble_argument_collection()]


def _options(arguments: Sequence[Any]) -> dict[str, str]:
    """Map the names of arguments in Python to options."""
    names = [argument.name for argument in arguments if argument.name.startswith("--")]
    options = {name.removeprefix("--").replace("-", "_"): name for name in names}
    by_field = {argument.field_info.name: argument.name for argument in arguments}
    options |= {field: name for field, name in by_field.items() if name in names}
    if "--augment" in names:
        options = {
            field.name: f"--augment {field.name}" for field in fields(Augmentation)
        } | options
    return options


def _explain(error: ZooError | CycloptsError, arguments: Sequence[Any]) -> str:
    """The message of an error in the words of this project.

    Args:
        error: The error.
        arguments: The arguments of the command.
    """
    if isinstance(error, ZooError):
        return str(error)
    if isinstance(error.__cause__, ZooError):  # a value that `zoo.cli.words.values` refuses
        return str(error.__cause__)
    command = " ".join(["zoo", *(error.command_chain or ())])
    remedy = f"See `{command} --help`."
    if isinstance(error, exceptions.MissingArgumentError) and error.argument:
        who = error.keyword or f"`{command}`"
        what = "a value" if error.keyword else error.argument.name
        return f"{who} must be followed by {what}. Received: nothing. {remedy}"
    choices = error.argument.get_choices(force=True) if error.argument else None
    if isinstance(error, exceptions.CoercionError) and error.token and choices:
        value, known = error.token.value, ", ".join(choices)
        known = f"one of {known}" if len(choices) > 1 else known
        who = error.token.keyword or f"`{command}`"
        example = f"{error.token.keyword or command} {choices[0]}"
        hint = did_you_mean(value, choices)
        return f"{who} must be {known}. Received: {value!r}{hint} Write, for example, {example}."
    if isinstance(error, exceptions.UnknownOptionError):
        options = [name for argument in error.argument_collection for name in argument.names]
        word, what = error.token.keyword or error.token.value, "be an option"
    elif error.unused_tokens:
        switches = {
            name
            for argument in arguments
            if bool in (argument.hint, *get_args(argument.hint))
            for name in argument.names
        }
        for option, equals, value in (word.partition("=") for word in error.unused_tokens):
            if equals and option in switches:
                fault = f"{option} must stand without a value. Received: {value!r}."
                return f"{fault} Leave the value out."
        # An unknown command, or a word too many.
        options = [name for name in error.app or () if not name.startswith("-")]
        word, what = error.unused_tokens[0], "be a command" if options else "not be there"
        if word.startswith("-"):
            options, what = ["--help", "--version"], "be a command or an option"
    else:
        return f"{error} {remedy}"
    hint = did_you_mean(word, options)
    return f"The word after `{command}` must {what}. Received: {word!r}{hint} {remedy}"
