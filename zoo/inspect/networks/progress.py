"""A progress bar on standard error, for work that takes long."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from zoo.arguments import check_verbose


@contextmanager
def progress_bar(
    description: str, total: float, *, verbose: str | int = "auto", console: Any = None
) -> Iterator[Callable[..., None]]:
    """Show how much of some work is done.

    Args:
        description: What is being done, in a few words.
        total: How much there is to do.
        verbose: `"auto"` shows the bar on a terminal, 1 too, 0 shows nothing.
        console: A rich console, for tests.

    Yields:
        A function that takes how much more has been done, and perhaps what is being done next.

    Raises:
        ArgumentError: `verbose` has another value.

    Example:
        >>> with progress_bar("counting", 3, verbose=0) as advance:
        ...     for _ in range(3):
        ...         advance(1)
    """
    # Imported here because most callers show nothing.
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    check_verbose(verbose)
    console = console or Console(stderr=True)
    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=verbose == 0 or not console.is_terminal,
    )
    with bar:
        task = bar.add_task(description, total=total)
        yield lambda amount, description=None: bar.update(
            task, advance=amount, description=description
        )
