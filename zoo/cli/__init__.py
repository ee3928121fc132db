"""The command line `zoo`: one file for each command, and the options that commands share.

It reads words, calls the functions that Python users call, and prints what they return. No other
room imports from this room. `application` is what all commands share, `options` holds the groups of
options that several commands share, and `words` the functions that read the text of an option.
"""

from zoo.cli import (  # noqa: F401
    committee,
    data,
    evaluate,
    gradcheck,
    logs,
    models,
    predict,
    train,
    tune,
)
from zoo.cli.application import FIRST_COMMANDS, app, main
from zoo.cli.studies import reproduce  # noqa: F401

__all__ = ["app", "main"]

for _position, _name in enumerate(FIRST_COMMANDS):
    if _name in app:
        app[_name].sort_key = _position
