"""What is known about the runs below a folder, read without TensorFlow.

A run folder may be damaged or half-written. What cannot be read is a `problem` of the run, never
an error.
"""

import contextlib
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from zoo.cli.runs.resuming import KEY, MANIFEST
from zoo.errors import RunError
from zoo.files import open_plain, read_json
from zoo.files.packing import read_packed
from zoo.metrics import Accuracy

REPORT, STATE, MODEL = "report.json", "state", "committee.keras"
"""The parts of a run folder besides the manifest."""

INSIDE = (STATE, "committee", "models")
"""Folders inside a run, in which there are no other runs."""


@dataclass(frozen=True)
class RunSummary:
    """What a run folder tells about a training.

    Attributes:
        path: The run folder.
        status: `"running"`, `"stopped"`, `"finished"`, or `"unknown"` where the manifest is missing
            or damaged. A run that was killed stays `"running"`.
        written: When the run last wrote its status or its state; None if that is not known.
        data: The data set, or the shape of the images if the name is not known.
        models: What was trained, such as `"3 × cnn, mlp"`.
        epochs: The epochs that are done; of models that train one after another, those of the last.
        planned: The epochs that were asked for, or None.
        validation: The best accuracy of the committee on the validation images, or that of the best
            model if the committee has none; None if it is not known.
        test: The accuracy on the test images, or None.
        problems: What could not be read, in words.
    """

    path: Path
    status: str = "unknown"
    written: datetime | None = None
    data: str = ""
    models: str = ""
    epochs: int = 0
    planned: int | None = None
    validation: float | None = None
    test: Accuracy | None = None
    problems: Sequence[str] = field(default=())

    def to_dict(self) -> dict[str, Any]:
        """Give the summary as JSON values."""
        values = {**vars(self), "path": str(self.path), "problems": [*self.problems]}
        values["written"] = self.written and self.written.isoformat()
        values["test"] = self.test and vars(self.test)
        return values


def find_runs(folder: Path) -> list[RunSummary]:
    """Read all runs below a folder.

    Args:
        folder: The folder, which may also be a run itself.

    Returns:
        The runs, the newest first; those without a time come last.
    """
    runs = [read_run(path) for path in _run_folders(folder)]
    oldest = datetime.min.replace(tzinfo=UTC)
    return sorted(runs, key=lambda run: (run.written or oldest, str(run.path)), reverse=True)


def read_run(folder: Path) -> RunSummary:
    """Read what a run folder tells.

    Args:
        folder: The run folder.

    Returns:
        The summary, with what could not be read in `problems`.

    Example:
        >>> read_run(Path("gone")).problems
        ('run.json is missing',)
    """
    problems: list[str] = []
    manifest = _read_object(folder / MANIFEST, problems)
    if not os.path.exists(folder / MANIFEST):
        problems.append(f"{MANIFEST} is missing")
    report = _read_object(folder / REPORT, problems)
    config = _mapping(manifest.get("config"))
    recipes = _mapping(config.get("recipes"))

    def part(file: str, read: Callable[[], Any], otherwise: Any = None) -> Any:
        """Read a part of a file, whose values may be others than Zoo writes."""
        try:
            return read()
        except Exception:  # such values raise many kinds of errors
            if (problem := f"{file} is damaged") not in problems:
                problems.append(problem)
            return otherwise

    first_models = part(MANIFEST, lambda: _first_models(config), [])
    epochs, history = _read_states(folder, first_models, problems)
    return RunSummary(
        path=folder,
        status=str(manifest.get("status", "unknown")),
        written=part(MANIFEST, lambda: _last_written(folder, manifest)),
        data=part(MANIFEST, lambda: _data(manifest, config), ""),
        models=part(MANIFEST, lambda: _models(config, recipes), ""),
        epochs=epochs,
        planned=part(MANIFEST, lambda: _planned(recipes)),
        validation=part(REPORT, lambda: _best_validation(history, report)),
        test=part(REPORT, lambda: _test_accuracy(report)),
        problems=tuple(problems),
    )


def _run_folders(folder: Path) -> Iterator[Path]:
    """Find run folders: those with a manifest, and those that hold other parts of a run only."""
    for path, names, files in os.walk(folder):
        parts = {MANIFEST, REPORT, MODEL} & {*files}
        has_state = STATE in names and any((Path(path) / STATE).glob("*.npz"))
        if parts or has_state:
            yield Path(path)
            names[:] = [name for name in names if name not in INSIDE]


def _read_object(file: Path, problems: list[str]) -> Mapping[str, Any]:
    """Read a JSON object; a missing or damaged file gives an empty object."""
    try:
        return read_json(file, "")
    except FileNotFoundError:
        return {}
    except RunError:
        problems.append(f"{file.name} is damaged")
        return {}


def _read_states(
    folder: Path, first_models: Sequence[str], problems: list[str]
) -> tuple[int, dict[str, list[float]]]:
    """Read the epochs that are done, and the scores of the epochs.

    Args:
        folder: The run folder.
        first_models: The first model of each group that trains together; a group has a state.
        problems: Gets what cannot be read.

    Returns:
        The epochs of the group that has done the fewest, and the name of a score → its values.
    """
    epochs: list[int] = []
    history: dict[str, list[float]] = {}
    for name in first_models:
        file = folder / STATE / f"{name}.npz"
        try:
            with open_plain(file) as stream:
                _, facts = read_packed(stream, names=())
            epochs.append(int(facts["epoch"]))
            for key, values in facts["history"]["history"].items():
                if len(values) > len(history.get(key, ())):
                    history[key] = [float(value) for value in values]
        except FileNotFoundError:
            epochs.append(0)
        except Exception:  # a damaged zip file raises many kinds of errors
            problems.append(f"{STATE}/{file.name} is damaged")
    return min(epochs, default=0), history


def _first_models(config: Mapping[str, Any]) -> list[str]:
    """Name the first model of each group, or of the only group in runs of earlier versions."""
    groups = config.get("groups") or [[name] for name in _mapping(config.get("recipes"))][:1]
    return [str(group[0]) for group in groups if isinstance(group, list) and group]


def _planned(recipes: Mapping[str, Any]) -> int | None:
    """Give the most epochs that a recipe asks for."""
    planned = (_mapping(recipe).get("epochs") for recipe in recipes.values())
    return max((int(epochs) for epochs in planned if epochs is not None), default=None)


def _last_written(folder: Path, manifest: Mapping[str, Any]) -> datetime | None:
    """Give the time of the status, or that of the newest state of a run that goes on."""
    times = []
    with contextlib.suppress(ValueError, OverflowError):
        times.append(datetime.fromisoformat(str(manifest.get("written"))).astimezone(UTC))
    if not times or manifest.get("status") == "running":
        files = [
            *(folder / STATE).glob("*.npz"),
            folder / MANIFEST,
            folder / REPORT,
            folder / MODEL,
        ]
        times += [
            datetime.fromtimestamp(file.stat().st_mtime, UTC)
            for file in files
            if os.path.exists(file)
        ]
    return max(times, default=None)


def _data(manifest: Mapping[str, Any], config: Mapping[str, Any]) -> str:
    """Name the data set by the command of the run, or describe its images."""
    command = manifest.get(KEY)
    if isinstance(command, dict):
        words = _mapping(command.get("options")).get("--data", [[None, "digits"]])
        is_kept = isinstance(words, list) and words and isinstance(words[-1], list)
        return str(words[-1][-1]) if is_kept else ""
    train = _mapping(config.get("train"))
    if not train.get("image_shape"):
        return ""
    shape = "×".join(map(str, train["image_shape"]))
    return f"{train.get('images', 0):,} images of {shape}"


def _models(config: Mapping[str, Any], recipes: Mapping[str, Any]) -> str:
    """Name the models by their registered names, and count those of the same name."""
    members = _mapping(config.get("members"))
    names = [_mapping(member).get("entry") or name for name, member in members.items()]
    counts = Counter(map(str, names or recipes))
    return ", ".join(f"{n} × {name}" if n > 1 else name for name, n in counts.items())


def _best_validation(
    history: Mapping[str, Sequence[float]], report: Mapping[str, Any]
) -> float | None:
    """Give the best accuracy on validation images, of the committee if it is known."""
    of_report = _mapping(report.get("validation")).get("committee")
    known = of_report.get("value") if isinstance(of_report, dict) else of_report
    if "val_accuracy" in history and len(history["val_accuracy"]) > 0:
        return max(history["val_accuracy"])
    if isinstance(known, int | float):
        return float(known)
    of_models = [
        max(values)
        for key, values in history.items()
        if key.startswith("val_") and key.endswith("_accuracy") and values
    ]
    return max(of_models, default=None)


def _test_accuracy(report: Mapping[str, Any]) -> Accuracy | None:
    return Accuracy.from_values(report["committee"]["accuracy"]) if report else None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
