"""The command line `zoo`: one file for each command, and the options that commands share.

It reads words, calls the functions that Python users call, and prints what they return.
"""

from zoo.cli.app import main

__all__ = ["main"]
