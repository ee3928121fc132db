"""Run folders: the configuration of a training, and the state that resuming needs."""

import json
import os
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from zoo.errors import RunError
from zoo.files import write_atomically

MANIFEST = "run.json"


class RunFolder:
    """The folder of one training run, new or resumed.

    The folder holds `run.json` (the configuration and the versions of the packages), `state/` (what
    resuming needs) and folders for TensorBoard: `committee` and `models/<name>` for each model.

    Args:
        path: The folder, such as `"logs/emotions"`.
        config: The configuration, as JSON values. A run is resumed only with the same
            configuration.
        resume: Whether to go on with the run in the folder. In an empty folder a new run starts.

    Raises:
        RunError: The folder is not empty and `resume` is False; or it holds no run, or a run with
            another configuration.
    """

    def __init__(
        self, path: str | os.PathLike[str], config: Mapping[str, Any], *, resume: bool = False
    ) -> None:
        self.path = Path(path)
        self.config = json.loads(json.dumps(config))
        if self.path.exists() and not self.path.is_dir():
            raise RunError(
                f"A run folder must be a folder. Received: the file {self.path}. Name a folder."
            )
        used = self.path.is_dir() and any(self.path.iterdir())
        if used and not resume:
            raise RunError(
                f"The run folder must be new or empty. Received: {self.path}, which is not empty, "
                "and nothing in the folder was touched. Name another folder, or resume the run "
                "(resume=True, on the command line --resume)."
            )
        if used:
            self._check_same_config()
        self.finish("running")

    def finish(self, status: str) -> None:
        """Write `run.json`.

        Args:
            status: The state of the run: `"running"`, `"stopped"` or `"finished"`.
        """
        manifest = {
            "status": status,
            "written": datetime.now(UTC).isoformat(timespec="seconds"),
            "versions": {
                "python": platform.python_version(),
                **{name: version(name) for name in ("committee-zoo", "keras", "tensorflow")},
            },
            "config": self.config,
        }
        text = json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
        write_atomically(self.path / MANIFEST, lambda path: path.write_text(text, "utf-8"))

    def save_state(self, name: str, arrays: Mapping[str, np.ndarray], facts: Any) -> None:
        """Write the state that resuming needs.

        Args:
            name: The name of the state.
            arrays: Arrays by name.
            facts: JSON values.

        Raises:
            RunError: The file cannot be written; the state before it is still there.
        """
        contents: dict[str, Any] = {"facts": np.array(json.dumps(facts)), **arrays}

        def write(path: Path) -> None:
            with open(path, "wb") as file:
                np.savez(file, **contents)

        write_atomically(self._state(name), write)

    def load_state(self, name: str) -> tuple[dict[str, np.ndarray], Any] | None:
        """Read the state that `save_state` wrote.

        Args:
            name: The name of the state.

        Returns:
            The arrays and the facts, or None where no state was written.

        Raises:
            RunError: The file is damaged.
        """
        path = self._state(name)
        if not path.exists():
            return None
        try:
            with open(path, "rb") as stream, np.load(stream, allow_pickle=False) as file:
                arrays = {key: file[key] for key in file.files}
            return arrays, json.loads(str(arrays.pop("facts")))
        except Exception as error:  # a damaged zip file raises many kinds of errors
            raise RunError(
                f"The state of a run must be a file as Zoo wrote it. Received: {path}, which is "
                f"damaged ({error}). Start the run anew in another folder."
            ) from error

    def _state(self, name: str) -> Path:
        return self.path / "state" / f"{name}.npz"

    def _check_same_config(self) -> None:
        path = self.path / MANIFEST
        try:
            before = json.loads(path.read_text("utf-8"))["config"]
        except FileNotFoundError:
            raise RunError(
                f"A run to resume must have a {MANIFEST}. Received: {self.path}, which holds files "
                f"but no {MANIFEST}. Name another folder."
            ) from None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise RunError(
                f"{MANIFEST} must be as Zoo wrote it. Received: {path}, which is damaged "
                f"({error}). Start the run anew in another folder."
            ) from error
        changed = _differences(before, self.config)
        if changed:
            raise RunError(
                "A run must be resumed with the configuration that it was started with. Received: "
                f"for {self.path}, {'; '.join(changed)}. Pass the same arguments, or name another "
                "folder."
            )


def _differences(before: Any, now: Any, name: str = "") -> list[str]:
    """Say in words where two JSON values differ."""
    if isinstance(before, dict) and isinstance(now, dict):
        return [
            line
            for key in sorted({*before, *now})
            for line in _differences(before.get(key), now.get(key), f"{name}.{key}".lstrip("."))
        ]
    return [] if before == now else [f"{name or 'config'} was {before!r} and is now {now!r}"]
