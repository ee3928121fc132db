"""The command `zoo logs`: which runs there are, how good they are, and TensorBoard on them."""

import os
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from zoo.cli.application import app
from zoo.cli.console import print_note, print_table, print_text
from zoo.cli.runs.listing import RunSummary, find_runs
from zoo.cli.runs.serving import serve as serve_tensorboard
from zoo.cli.words.values import Port
from zoo.errors import ArgumentError
from zoo.text import json_text, percent, rich_table

COLUMNS = (
    "run",
    "last written",
    "data set",
    "models",
    "status",
    "epochs",
    "validation",
    "test [95 %]",
)


@app.command
def logs(
    folder: Path = Path("logs"),
    /,
    *,
    serve: bool = False,
    port: Port | None = None,
    as_json: Annotated[bool, Parameter(name="--json")] = False,
) -> None:
    """List the runs below a folder, and show them in TensorBoard.

    A row has the epochs done and planned, the best accuracy on the validation images, and the
    accuracy on the test images with its 95 % interval. The newest run stands first. A run that was
    killed keeps the status `running`.

    Args:
        folder: The folder, or a single run.
        serve: Start TensorBoard on the folder, until Ctrl-C.
        port: Port of TensorBoard; by default 6006, or the next that is free. 0 takes any free port.
        as_json: Print JSON instead of a table.
    """
    if as_json and serve:
        raise ArgumentError("Give --json or --serve. Received: both. Leave one out.")
    if port is not None and not serve:
        raise ArgumentError(
            f"--port must come with --serve. Received: --port {port} alone. Add --serve."
        )
    if not os.path.isdir(folder):
        fault = "which is a file" if os.path.exists(folder) else "which does not exist"
        raise ArgumentError(
            f"FOLDER must be a folder with runs. Received: {folder}, {fault}. Train with `zoo "
            "train`, which writes to logs, or name another folder."
        )
    runs = find_runs(folder)
    if as_json:
        print(json_text([run.to_dict() for run in runs], indent=2))
        return
    if runs:
        print_table(rich_table(COLUMNS, (_row(run, folder) for run in runs), right=False))
    else:
        print_text(f"No runs in {folder}. `zoo train` and `zoo committee` write runs.")
    for run in runs:
        for problem in run.problems:
            print_note(f"{run.path}: {problem}.")
    if serve:
        serve_tensorboard(folder, port, _tell_address)
        print_text("TensorBoard has ended.")


def _tell_address(address: str) -> None:
    print_text(f"TensorBoard: {address} (Ctrl-C ends it)")


def _row(run: RunSummary, folder: Path) -> list[str]:
    """Write the row of a run."""
    name = run.path.name if run.path == folder else str(run.path.relative_to(folder))
    written = "" if run.written is None else f"{run.written.astimezone():%Y-%m-%d %H:%M}"
    return [
        name,
        written,
        run.data,
        run.models,
        f"{run.status}, damaged" if run.problems else run.status,
        str(run.epochs) if run.planned is None else f"{run.epochs} of {run.planned}",
        "" if run.validation is None else percent(run.validation),
        "" if run.test is None else str(run.test).partition(", n =")[0],
    ]
