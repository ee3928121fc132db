import io

import pytest
from rich.console import Console

from zoo.errors import ArgumentError
from zoo.inspect.networks.progress import progress_bar


def drawn(verbose, terminal):
    console = Console(file=io.StringIO(), force_terminal=terminal, width=60)
    with progress_bar("explaining", 2, verbose=verbose, console=console) as advance:
        advance(2)
    return console.file.getvalue()


def test_the_bar_is_drawn_on_a_terminal_only():
    assert "explaining" in drawn("auto", True)
    assert "100 %" in drawn(1, True)
    assert drawn(0, True) == drawn("auto", False) == ""


def test_another_verbose_is_refused():
    with pytest.raises(ArgumentError, match="verbose must be"), progress_bar("x", 1, verbose=3):
        pass
