"""Run folders: the configuration of a training, and the state that resuming needs."""

import json
import os
import platform
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from zoo.arguments import as_path
from zoo.augmentation import Augmentation
from zoo.errors import RunError
from zoo.files import (
    FolderLock,
    damaged_file,
    holds_files,
    is_locked,
    open_plain,
    read_json,
    values_of_file,
    write_atomically,
)
from zoo.files.packing import read_packed, write_packed
from zoo.text import json_text, shortened

MANIFEST = "run.json"
_RUN_FOLDER = "run folder"
START_ANEW = "Start the run anew in another folder."
"""What to do about a damaged manifest."""


class RunFolder:
    """The folder of one training run, new or resumed.

    The folder holds `run.json` (the configuration and the versions of the packages), `state/` (what
    resuming needs) and folders for TensorBoard: `committee` and `models/<name>` for each model.

    Args:
        path: The folder, such as `"logs/emotions"`. If files are in it and `resume` is False, the
            run gets a new folder beside it, with a warning.
        config: The configuration, as JSON values. A run is resumed only with the same
            configuration, except that its numbers of epochs may be higher.
        resume: Whether to go on with the run in the folder. In an empty folder a new run starts.

    Attributes:
        path: The folder of this run.

    Raises:
        RunError: The path is no folder; or, with `resume`, the folder holds files but no run, or a
            run with another configuration.
    """

    def __init__(
        self, path: str | os.PathLike[str], config: Mapping[str, Any], *, resume: bool = False
    ) -> None:
        self.path, self._lock = _existing(path) if resume else _new_folder(path)
        self.config = json.loads(json.dumps(config))
        try:
            self._versions_before: dict[str, str] = {}
            if resume and holds_files(self.path):
                self._check_same_config()
            self.finish("running")
        except BaseException:
            self._lock.release()
            raise

    def finish(self, status: str) -> None:
        """Write `run.json`; at the end of the run, let other processes into the folder.

        Args:
            status: The state of the run: `"running"`, `"stopped"` or `"finished"`.
        """
        try:
            self._write_manifest(status)
        finally:
            if status != "running":
                self._lock.release()

    def _write_manifest(self, status: str) -> None:
        write_in_manifest(
            self.path,
            status=status,
            written=datetime.now(UTC).isoformat(timespec="seconds"),
            versions=_versions(),
            config=self.config,
        )

    def save_state(self, name: str, arrays: Mapping[str, np.ndarray], facts: Any) -> None:
        """Write the state that resuming needs.

        Args:
            name: The name of the state.
            arrays: Arrays by name.
            facts: JSON values.

        Raises:
            RunError: The file cannot be written; the state before it is still there.
        """

        def write(path: Path) -> None:
            with open(path, "wb") as file:
                write_packed(file, arrays, facts)

        write_atomically(self.state_file(name), write)

    def load_state(
        self, name: str, names: Sequence[str] | None = None
    ) -> tuple[dict[str, np.ndarray], Any] | None:
        """Read the state that `save_state` wrote.

        Args:
            name: The name of the state.
            names: The arrays to read; None reads all.

        Returns:
            The arrays and the facts, or None where no state was written.

        Raises:
            RunError: The file is damaged.
        """
        path = self.state_file(name)
        if not path.exists():
            return None
        return _read_state(path, names)

    def state_file(self, name: str) -> Path:
        """Give the path of a state."""
        return self.path / "state" / f"{name}.npz"

    def written_by(self) -> str:
        """Say which versions wrote this run before it was resumed, and which go on with it."""
        versions = (f"{name} {number}" for name, number in self._versions_before.items())
        now = (f"{name} {number}" for name, number in _versions().items())
        return f"Written by {', '.join(versions) or 'unknown versions'}; this is {', '.join(now)}."

    def _check_same_config(self) -> None:
        manifest = read_manifest(self.path)
        before = manifest.get("config")
        if not isinstance(before, dict):
            raise damaged_file(self.path / MANIFEST, "it has no configuration", START_ANEW)
        self._compare_versions(manifest.get("versions"))
        with values_of_file(self.path / MANIFEST, START_ANEW):
            if _are_more_epochs(before, self.config):
                before = {**before, "recipes": _with_epochs(before, self.config)}
            changed = config_differences(before, self.config)
        if changed:
            raise RunError(
                "A run must be resumed with the configuration that it was started with. Received: "
                f"for {self.path}, {'; '.join(changed)}. Pass the same arguments, perhaps with "
                "more epochs, or name another folder."
            )

    def _compare_versions(self, before: Any) -> None:
        """Warn of a resumed run whose numbers other versions may round otherwise."""
        if not isinstance(before, dict):
            return
        self._versions_before = {str(name): str(number) for name, number in before.items()}
        now = _versions()
        changed = [
            f"{name} {number} (now {now[name]})"
            for name, number in self._versions_before.items()
            if name in ("keras", "tensorflow") and now[name] != number
        ]
        if changed:
            warnings.warn(
                f"The run in {self.path} was written with {', '.join(changed)}. It goes on, and "
                "its numbers may differ a little from those of a run without a stop.",
                UserWarning,
                stacklevel=2,
            )


def _versions() -> dict[str, str]:
    """Give the versions on which the numbers of a training depend."""
    packages = ("committee-zoo", "keras", "tensorflow")
    return {"python": platform.python_version(), **{name: version(name) for name in packages}}


def _existing(path: str | os.PathLike[str]) -> tuple[Path, FolderLock]:
    """Lock the folder of a run that goes on, or begins there."""
    folder = as_path("log_dir", path)
    if _is_used(folder) and not (folder / MANIFEST).exists():
        raise _no_manifest(folder)
    return folder, FolderLock(folder, _RUN_FOLDER)


def _new_folder(path: str | os.PathLike[str]) -> tuple[Path, FolderLock]:
    """Find a folder for a new run, and lock the folder before another process finds the same."""
    while True:
        folder = free_folder(path)
        try:
            lock = FolderLock(folder, _RUN_FOLDER)
        except RunError:
            if is_locked(folder):
                continue  # the process that took the folder was faster
            raise
        if not holds_files(folder):
            return folder, lock
        lock.release()


def free_folder(path: str | os.PathLike[str]) -> Path:
    """Find a folder for a new run: the folder itself, or a new folder beside it.

    A folder that holds files is left alone, with a warning: the run in `logs/emotions` gets the
    folder `logs/emotions-2`, or the next number that is free.

    Args:
        path: The folder.

    Returns:
        The path of a folder that is empty or does not exist.

    Raises:
        RunError: The path is a file.

    Example:
        >>> free_folder("logs/new").as_posix()
        'logs/new'
    """
    folder = as_path("log_dir", path)
    if not _is_used(folder):
        return folder
    named, number = folder.absolute(), 2
    while named.with_name(f"{named.name}-{number}").exists():
        number += 1
    free = folder.with_name(f"{folder.name}-{number}") if folder.name else None
    free = free or named.with_name(f"{named.name}-{number}")
    reason = "is in use" if is_locked(folder) else "holds files, which stay as they are"
    warnings.warn(
        f"The folder {folder} {reason}: this run is written to {free}.",
        UserWarning,
        stacklevel=2,
    )
    return free


def _is_used(folder: Path) -> bool:
    """Whether a folder holds files, or another process works in it.

    The unfinished files of a process that was killed before its first step do not count.
    """
    if folder.exists() and not folder.is_dir():
        raise RunError(
            f"A run folder must be a folder. Received: the file {folder}. Name a folder."
        )
    return holds_files(folder) or is_locked(folder)


def read_manifest(folder: str | os.PathLike[str]) -> dict[str, Any]:
    """Read the manifest of a run.

    Args:
        folder: The run folder.

    Returns:
        The values of `run.json`.

    Raises:
        RunError: The folder holds no manifest, or the manifest is damaged.
    """
    try:
        return read_json(as_path("folder", folder) / MANIFEST, START_ANEW)
    except FileNotFoundError:
        raise _no_manifest(folder) from None


def _no_manifest(folder: str | os.PathLike[str]) -> RunError:
    return RunError(
        f"A run folder must have a {MANIFEST}. Received: {folder}, which holds no {MANIFEST}. "
        "Name another folder."
    )


def read_history(folder: str | os.PathLike[str]) -> dict[str, list[float]]:
    """Read the scores of all epochs that a run has finished.

    Args:
        folder: The run folder.

    Returns:
        Name of a score, as in `keras.callbacks.History` → its values from epoch 1 on; nothing if no
        epoch has ended.

    Raises:
        RunError: The state of the run is damaged.

    Example:
        >>> read_history("logs/new")
        {}
    """
    history: dict[str, list[float]] = {}
    # Models that were trained one after another have a state each, with the history until then.
    for path in sorted((Path(folder) / "state").glob("*.npz")):
        _, facts = _read_state(path, names=())
        with values_of_file(path, START_ANEW):
            for key, values in facts.get("history", {}).get("history", {}).items():
                if len(values) > len(history.get(key, ())):
                    history[key] = [float(value) for value in values]
    return history


def _read_state(
    path: Path, names: Sequence[str] | None = None
) -> tuple[dict[str, np.ndarray], Any]:
    """Read the facts and the arrays of these names, or all arrays, of a state."""
    try:
        with open_plain(path) as stream:
            return read_packed(stream, names)
    except Exception as error:  # a damaged zip file raises many kinds of errors
        raise RunError(
            f"The state of a run must be a file as Zoo wrote it. Received: {path}, which is "
            f"damaged ({error}). {START_ANEW}"
        ) from error


def write_in_manifest(folder: str | os.PathLike[str], **values: Any) -> None:
    """Set values in the manifest of a run, and keep its other values.

    Args:
        folder: The run folder.
        **values: JSON values by name.

    Raises:
        RunError: The manifest is damaged, or cannot be written.
    """
    path = Path(folder) / MANIFEST
    manifest = {**(read_manifest(folder) if path.exists() else {}), **values}
    text = json_text(manifest, indent=2) + "\n"
    write_atomically(path, lambda path: path.write_text(text, "utf-8"))


def _are_more_epochs(before: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """Whether a run may go on for more epochs.

    All models must have gone through the same epochs, and no recipe may divide the epochs in parts.
    """
    earlier, later = ([*config.get("recipes", {}).values()] for config in (before, now))
    epochs = [{recipe.get("epochs") for recipe in recipes} for recipes in (earlier, later)]
    divided = any(
        recipe.get("cycles", 1) > 1 or recipe.get("average_from") is not None for recipe in later
    )
    return (
        not divided and all(len(some) == 1 for some in epochs) and min(epochs[0]) < min(epochs[1])
    )


def _with_epochs(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """Give the earlier recipes with the present numbers of epochs."""
    return {
        name: {**recipe, "epochs": now["recipes"].get(name, recipe)["epochs"]}
        for name, recipe in before["recipes"].items()
    }


def config_differences(before: Any, now: Any) -> list[str]:
    """Say in words where two configurations differ.

    A setting that is missing, because an earlier version did not have it, counts as None.

    Args:
        before: The earlier configuration, as JSON values.
        now: The present configuration.

    Returns:
        A text for each difference.

    Example:
        >>> config_differences({"recipe": {"epochs": 3}}, {"recipe": {"epochs": 5, "ema": None}})
        ['recipe.epochs was 3 and is now 5']
    """
    return _differences(_with_all_transforms(before), _with_all_transforms(now))


def _with_all_transforms(config: Any) -> Any:
    """Give each augmentation in JSON values the transforms that earlier versions did not have."""
    if not isinstance(config, dict):
        return config
    filled = {name: _with_all_transforms(value) for name, value in config.items()}
    if isinstance(config.get("augmentation"), dict):
        filled["augmentation"] = {**asdict(Augmentation()), **config["augmentation"]}
    return filled


def _differences(before: Any, now: Any, name: str = "") -> list[str]:
    """Say in words where two JSON values differ."""
    if isinstance(before, dict) and isinstance(now, dict):
        return [
            line
            for key in sorted({*before, *now})
            for line in _differences(before.get(key), now.get(key), f"{name}.{key}".lstrip("."))
        ]
    was, is_now = shortened(repr(before)), shortened(repr(now))
    return [] if before == now else [f"{shortened(name or 'config')} was {was} and is now {is_now}"]
