"""The command `zoo predict`: what a saved model says of pictures."""

from __future__ import annotations

import csv
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter
from rich.cells import cell_len
from rich.console import Console, JustifyMethod
from rich.progress import Progress
from rich.table import Table

from zoo.cli.application import app
from zoo.cli.console import print_error, standard_output, start_tensorflow
from zoo.cli.options import ViewsName
from zoo.cli.words.values import Modules, Name
from zoo.text import json_text, percent, terminal_text, wrapped

if TYPE_CHECKING:
    from zoo.ensembles import Answer, Committee

NUMBERS = ("probability", "share of votes", "uncertainty")
"""Columns of numbers, which are aligned to the right."""

SKIPPED = 1
"""The exit code if pictures were left out."""


@app.command
def predict(
    model: Path,
    files: Annotated[tuple[str, ...], Parameter(required=True)],
    /,
    *,
    as_json: Annotated[bool, Parameter(name="--json")] = False,
    as_csv: Annotated[bool, Parameter(name="--csv")] = False,
    on_error: Literal["raise", "skip"] = "raise",
    views: ViewsName | None = None,
    precision: Name | None = None,
    modules: Modules | None = None,
) -> int:
    """Say which class pictures are of: class, probability, each member's vote, uncertainty.

    Pictures are brought to the size and the colour that the model was trained on.

    Args:
        model: A saved committee or model, `.keras`, the run folder of a training, or trained
            weights by their name in `zoo weights`, such as `mnist`.
        files: Pictures; folders, with all pictures inside; or patterns such as `'photos/*.jpg'`.
        as_json: Print JSON Lines, an object for each picture.
        as_csv: Print CSV, a row for each picture and a column for each member's vote.
        on_error: At a picture that cannot be read, stop, or `skip` it: then the skipped pictures
            are listed at the end, and the exit code is 1.
        views: Average the members' answers over views of each picture: the picture and its mirror
            image, or ten crops.
        precision: Keras dtype policy in which trained weights compute, such as `mixed_bfloat16`;
            `auto` is faster on some machines, and rounds. By default `float32`.
        modules: Import a module of yours first, which registers models or layers: `my_models`, or
            `./my_models.py`; may be repeated.
    """
    from zoo.ensembles.answering.files import picture_files
    from zoo.ensembles.loading.names import check_precision, committee_of, settings_of
    from zoo.errors import ArgumentError

    if as_json and as_csv:
        raise ArgumentError("Give --json or --csv. Received: both. Leave one out.")
    settings_of(model)  # refuses a damaged file before TensorFlow starts
    check_precision(model, precision)
    pictures = picture_files(files)
    start_tensorflow(verbose=False)
    committee = committee_of(model, precision)
    write = (_write_json if as_json else _write_csv if as_csv else _table_writer)(
        committee, pictures
    )
    skipped: list[str] = []
    skipped_count = 0
    for answers, count, reasons in _with_progress(committee, pictures, on_error, views):
        write(answers)
        skipped += reasons
        skipped_count += count
    sys.stdout.flush()
    if not skipped_count:
        return 0
    total = f"{skipped_count:,} of {len(pictures):,} pictures cannot be read and were skipped"
    print_error(f"{total}: {', '.join(skipped)}")
    return SKIPPED


def _with_progress(
    committee: Committee, pictures: Sequence[Path], on_error: str, views: str | None
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
            yield committee.answers(block, views), len(block.skipped), reasons
            progress.advance(task, len(block.sources) + len(block.skipped))


def _write_json(committee: Committee, pictures: Sequence[Path]) -> Callable[[list[Answer]], None]:
    """Make the function that prints answers as JSON Lines."""

    def write(answers: list[Answer]) -> None:
        for answer in answers:
            print(json_text(answer.to_dict()))

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
    """Make the function that prints answers as rows of a table, or as a list.

    The votes have a column for each member where the terminal is wide enough, else the votes are
    counted. Where the terminal is too narrow for the other columns, answers are printed as a list:
    each picture, and below it the answer with the titles of the columns.
    """
    longest = max(map(cell_len, committee.label_names))
    names = committee.member_names if len(committee.member_names) > 1 else ()
    counts_votes = committee.rule.definition.counts_votes and len(names) > 1
    columns = {
        "picture": max(cell_len(str(path)) for path in pictures),
        "class": longest,
        "share of votes" if counts_votes else "probability": 0,
        "uncertainty": 0,
    }
    columns = {title: max(width, cell_len(title)) for title, width in columns.items()}
    members = {name: max(longest, cell_len(name)) for name in names}
    console = standard_output()
    in_columns = _width(columns | members) <= console.width
    room_for_votes = console.width - _width(columns) - 2
    if names:
        widest_count = cell_len(f"{len(names)} ,") + longest
        columns |= members if in_columns else {"votes": widest_count}
    if _width(columns) > console.width:
        return partial(_print_list, console, list(columns))
    is_first = True

    def write(answers: list[Answer]) -> None:
        nonlocal is_first
        if not answers:
            return
        table = Table(box=None, pad_edge=False, header_style="bold", show_header=is_first)
        for title, least in columns.items():
            justify: JustifyMethod = "right" if title in NUMBERS else "left"
            table.add_column(terminal_text(title), justify=justify, min_width=least)
        for answer in answers:
            cells = _cells(answer)
            if names and in_columns:
                cells += answer.votes.values()
            elif names:
                votes = ", ".join(_counted(answer))
                is_short = cell_len(votes) <= room_for_votes
                cells.append(votes if is_short else ",\n".join(_counted(answer)))
            table.add_row(*map(terminal_text, cells))
        console.print(table)
        is_first = False

    return write


def _width(columns: Mapping[str, int]) -> int:
    """Give the width of a table, with two spaces between each two columns."""
    return sum(2 + width for width in columns.values()) - 2


def _print_list(console: Console, titles: Sequence[str], answers: list[Answer]) -> None:
    """Print answers as a list, with line breaks between words only."""
    for answer in answers:
        source, *cells = _cells(answer)
        if "votes" in titles:
            cells.append(", ".join(_counted(answer)))
        told = "; ".join(f"{title}: {cell}" for title, cell in zip(titles[1:], cells, strict=True))
        told = wrapped(told, console.width, indent="  ")
        console.print(terminal_text(source, style="bold"), soft_wrap=True)
        console.print(terminal_text(told), soft_wrap=True)


def _cells(answer: Answer) -> list[str]:
    """Write an answer without the votes: picture, class, probability and uncertainty."""
    numbers = percent(answer.probability), f"{answer.uncertainty:.2f}"
    return [str(answer.source), answer.class_name, *numbers]


def _counted(answer: Answer) -> list[str]:
    """Count the votes for each class, the most first: `["2 cat", "1 dog"]`."""
    counts = Counter(answer.votes.values()).most_common()
    return [f"{count} {name}" for name, count in counts]
