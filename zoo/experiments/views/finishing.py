"""What follows the training with a seed: the figures and the measurements, each done once."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from zoo.experiments.views.choices import Choice, TrainedSeed
from zoo.experiments.views.drawing import FIGURES
from zoo.experiments.views.measuring import MEASUREMENTS, Measurement
from zoo.files import errors_as_warnings, read_json, values_of_file, write_atomically
from zoo.starting.signals import raise_shared
from zoo.text import json_text

START_ANEW = "Name another run folder."


def finish(
    figures: Sequence[Choice],
    measurements: Sequence[Choice],
    trained: Callable[[], TrainedSeed],
    stem: Path,
) -> tuple[Measurement, ...]:
    """Draw the figures and take the measurements that an earlier call has not done yet.

    Args:
        figures: The figures. A figure that cannot be drawn is a warning.
        measurements: The measurements.
        trained: Gives the networks of the seed. Called only if something is left to do.
        stem: The beginning of the files' paths: `seed-0` gives `seed-0-report.png`. The file
            `seed-0-finished.json` records what was done.

    Returns:
        All values that were measured, in this call or earlier.
    """
    record = Path(f"{stem}-finished.json")
    entries = _read_entries(record) if record.exists() else []
    choices = [*(("figure", choice) for choice in figures)]
    choices += [("measurement", choice) for choice in measurements]
    measured: list[Measurement] = []
    for kind, choice in choices:
        raise_shared()
        wanted = json.loads(json.dumps({"kind": kind, **asdict(choice)}))
        entry = next((entry for entry in entries if {**entry, **wanted} == entry), None)
        if entry is None:
            entry = {**wanted, "rows": []}
            if kind == "figure":
                with errors_as_warnings(f"The figure {choice.name}"):
                    FIGURES[choice.name](trained(), stem, **choice.options)
                    entries.append(entry)
            else:
                rows = MEASUREMENTS[choice.name](trained(), **choice.options)
                entry["rows"] = [asdict(row) for row in rows]
                entries.append(entry)
            write_json(record, {"entries": entries})
        measured += [Measurement(**row) for row in entry["rows"]]
    return tuple(measured)


def _read_entries(record: Path) -> list[dict[str, Any]]:
    """Read what earlier calls have drawn and measured."""
    with values_of_file(record, START_ANEW):
        entries = read_json(record, START_ANEW)["entries"]
        for entry in entries:
            _ = [Measurement(**row).cells for row in entry["rows"]]  # can be written
        return [*entries]


def write_json(path: Path, values: Any) -> None:
    """Write values as an indented JSON file."""
    text = json_text(values, indent=2) + "\n"
    write_atomically(path, lambda file: file.write_text(text, "utf-8"))
