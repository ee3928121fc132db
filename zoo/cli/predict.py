"""The command `zoo predict`: what a saved model says of pictures."""

from __future__ import annotations

import csv
import json
import os
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter
from rich.cells import cell_len
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from zoo.cli.application import app
from zoo.cli.console import print_error, start_tensorflow
from zoo.cli.values import Modules
from zoo.text import percent, wrapped

if TYPE_CHECKING:
    from zoo.ensembles import Answer, Committee

NUMBERS = ("probability", "share of votes", "uncertainty")
"""Columns of numbers, which are aligned to the right."""

SKIPPED = 1
"""The exit code if pictures were left out."""

STOPPED = 141
"""The exit code of a program that writes to a pipe that nobody reads."""


@app.command
def predict(
    model: Path,
    files: Annotated[tuple[str, ...], Parameter(required=True)],
    /,
    *,
    as_json: Annotated[bool, Parameter(name="--json")] = False,
    as_csv: Annotated[bool, Parameter(name="--csv")] = False,
    on_error: Literal["raise", "skip"] = "raise",
    modules: Modules | None = None,
) -> int:
    """Say which class pictures are of: class, probability, each member's vote, uncertainty.

    Pictures are brought to the size and the colour that the model was trained on.

    Args:
        model: A saved committee or model, `.keras`.
        files: Pictures; folders, with all pictures inside; or patterns such as `'photos/*.jpg'`.
        as_json: Print JSON Lines, an object for each picture.
        as_csv: Print CSV, a row for each picture and a column for each member's vote.
        on_error: At a picture that cannot be read, stop, or `skip` it: then the skipped pictures
            are listed at the end, and the exit code is 1.
        modules: Import a module of yours first, which registers models or layers: `my_models`, or
            `./my_models.py`; may be repeated.
    """
    from zoo.ensembles.answering.files import picture_files
    from zoo.errors import ArgumentError
    from zoo.saving import saved_description

    if as_json and as_csv:
        raise ArgumentError("Give --json or --csv. Received: both. Leave one out.")
    saved_description(model)  # refuses a damaged file before TensorFlow starts
    pictures = picture_files(files)
    start_tensorflow(verbose=False)
    from zoo.ensembles import Committee

    committee = Committee.load(model)
    write = (_write_json if as_json else _write_csv if as_csv else _table_writer)(
        committee, pictures
    )
    skipped: list[str] = []
    skipped_count = 0
    try:
        for answers, count, reasons in _with_progress(committee, pictures, on_error):
            write(answers)
            skipped += reasons
            skipped_count += count
        sys.stdout.flush()
    except (BrokenPipeError, SystemExit):  # the reader, such as `head`, has enough; Rich exits
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return STOPPED
    if not skipped_count:
        return 0
    total = f"{skipped_count:,} of {len(pictures):,} pictures cannot be read and were skipped"
    print_error(f"{total}: {', '.join(skipped)}")
    return SKIPPED


def _with_progress(
    committee: Committee, pictures: Sequence[Path], on_error: str
) -> Iterator[tuple[list[Answer], int, list[str]]]:
    """Go through pictures in blocks, with a progress bar on standard error.

    Yields for each block the answers, the number of pictures that were skipped, and texts that name
    these pictures and what is wrong with them.
    """
    from zoo.datasets.formats.decode import SKIPPED_NOTE, recorded_warnings

    # Rich draws lines for standard output above the bar only where both are the same terminal.
    progress = Progress(
        *Progress.get_default_columns(),
        console=Console(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty(),
        redirect_stdout=sys.stdout.isatty(),
    )
    with progress:
        task = progress.add_task("Pictures", total=len(pictures))
        blocks = committee.picture_blocks(pictures, on_error)
        while True:
            with recorded_warnings() as notes:
                block = next(blocks, None)
            if block is None:
                return
            reasons = []
            for note in notes:
                _, is_skipped, names = str(note.message).partition(SKIPPED_NOTE)
                if is_skipped:  # told at the end
                    reasons.append(names)
                else:
                    warnings.warn(note.message, stacklevel=2)
            yield committee.answers(block), len(block.skipped), reasons
            progress.advance(task, len(block.sources) + len(block.skipped))


def _write_json(committee: Committee, pictures: Sequence[Path]) -> Callable[[list[Answer]], None]:
    """Make the function that prints answers as JSON Lines."""

    def write(answers: list[Answer]) -> None:
        for answer in answers:
            print(json.dumps(answer.to_dict(), ensure_ascii=False))

    return write


def _write_csv(committee: Committee, pictures: Sequence[Path]) -> Callable[[list[Answer]], None]:
    """Print the header of a CSV table, and make the function that prints its rows."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    names = committee.member_names
    writer.writerow(["source", "class", "probability", "uncertainty", *names])

    def write(answers: list[Answer]) -> None:
        for answer in answers:
            numbers = f"{answer.probability:.6g}", f"{answer.uncertainty:.6g}"
            votes = [answer.votes[name] for name in names]
            writer.writerow([answer.source, answer.class_name, *numbers, *votes])

    return write


def _table_writer(committee: Committee, pictures: Sequence[Path]) -> Callable[[list[Answer]], None]:
    """Make the function that prints answers as rows of a table.

    The votes have a column for each member where the terminal is wide enough, else the votes are
    counted. Where the terminal is too narrow for that too, the cells stand below each other.
    """
    longest = max(map(cell_len, committee.label_names))
    counts_votes = committee.rule.definition.counts_votes and len(committee.member_names) > 1
    columns = {
        "picture": max(cell_len(str(path)) for path in pictures),
        "class": longest,
        "share of votes" if counts_votes else "probability": 0,
        "uncertainty": 0,
    }
    columns = {title: max(width, cell_len(title)) for title, width in columns.items()}
    members = {name: max(longest, cell_len(name)) for name in committee.member_names}
    console = Console()
    width = sum(2 + width for width in (*columns.values(), *members.values()))
    in_columns = not console.is_terminal or width <= console.width
    if len(members) > 1:
        columns |= members if in_columns else {"votes": longest + len("12 ,")}
    is_list = console.is_terminal and sum(columns.values()) + 2 * len(columns) - 2 > console.width
    if not console.is_terminal:  # a file has any width
        console = Console(width=width)
    is_first = True

    def write(answers: list[Answer]) -> None:
        nonlocal is_first
        table = Table(box=None, pad_edge=False, header_style="bold", show_header=is_first)
        for title, least in columns.items():
            table.add_column(
                Text(title),
                justify="right" if title in NUMBERS else "left",
                width=None if title == "votes" else least,
                min_width=least,
                overflow="fold",
            )
        for answer in answers:
            votes = answer.votes.values() if in_columns else [_counted(answer)]
            cells = [str(answer.source), answer.class_name, percent(answer.probability)]
            cells += [f"{answer.uncertainty:.2f}", *(votes if len(members) > 1 else ())]
            table.add_row(*map(Text, cells))
            if is_list:
                _print_list(console, dict(zip(columns, cells, strict=True)))
        if answers and not is_list:
            console.print(table)
            is_first = False

    return write


def _print_list(console: Console, cells: Mapping[str, str]) -> None:
    """Print the name of a picture, and below it the other cells, each with its column's title."""
    first, *others = cells
    console.print(Text(cells[first], style="bold"), soft_wrap=True)
    for title in others:
        text = wrapped(f"{title}: {cells[title]}", console.width, indent="  ")
        console.print(Text(text), highlight=False, soft_wrap=True)


def _counted(answer: Answer) -> str:
    """Count the votes for each class, the most first: `2 cat, 1 dog`."""
    counts = Counter(answer.votes.values()).most_common()
    return ", ".join(f"{count} {name}" for name, count in counts)
