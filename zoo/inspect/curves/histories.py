"""Histories of training: read from run folders, from Keras, and from plain lists."""

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from zoo.arguments import as_path
from zoo.errors import ArgumentError, RunError
from zoo.inspect.curves.settings import common_settings, model_settings
from zoo.text import did_you_mean
from zoo.training.run_folder import MANIFEST, read_history, read_manifest
from zoo.training.scores import LOSS

COMMITTEE = "committee"
"""The name under which a committee's own scores are taken."""

_VALIDATION = "val_"


class ModelHistory(NamedTuple):
    """The scores of one trained model, epoch by epoch.

    Attributes:
        name: The name of the run or of the model, for legends.
        scores: Name of a score, as Keras names it (`loss`, `val_accuracy`) → values.
        first: The number of the epoch that the first value belongs to; epochs count from 1.
        settings: The settings of the training, from the run folder. Of a member without a run
            folder only the model is known, by its name. None if nothing is known.
    """

    name: str
    scores: Mapping[str, list[float]]
    first: int = 1
    settings: Mapping[str, Any] | None = None


class _Training(NamedTuple):
    """The scores of all models of one training, with the configuration if it is known."""

    name: str
    scores: Mapping[str, list[float]]
    first: int
    config: Mapping[str, Any] | None


def model_histories(runs: Any, member: str | None = None) -> list[ModelHistory]:
    """Read the histories of trained models.

    Args:
        runs: A run folder; what `fit` or `train` returned, a `keras.callbacks.History`; a dict of
            lists, such as `{"loss": [...], "val_loss": [...]}`; or several of these.
        member: The name of a member, of committees; `"committee"` takes the committees' own scores.
            None takes all members.

    Returns:
        A history for each model.

    Raises:
        ArgumentError: There is no run, or no such member.
        RunError: A folder holds no run, or no epoch of it has ended.

    Example:
        >>> model_histories({"loss": [2.0, 1.0]})
        [ModelHistory(name='run 1', scores={'loss': [2.0, 1.0]}, first=1, settings=None)]
    """
    trainings = [_training(run, number) for number, run in enumerate(_each(runs), start=1)]
    if not trainings:
        raise ArgumentError(
            "runs must hold one run or more. Received: none. Pass run folders, such as "
            '[*Path("logs").glob("seed-*")].'
        )
    several = len(trainings) > 1
    return [history for training in trainings for history in _of_models(training, member, several)]


def _each(runs: Any) -> Iterable[Any]:
    """Go through runs, which may be a single run."""
    is_single = isinstance(runs, (str, os.PathLike, Mapping)) or hasattr(runs, "history")
    if is_single or not isinstance(runs, Iterable):
        return [runs]
    return runs


def _training(run: Any, number: int) -> _Training:
    """Read a training from a folder, a `History` or a dict of lists."""
    if isinstance(run, (str, os.PathLike)):
        folder = as_path("runs", run)
        return _Training(folder.name, _history_of_folder(folder), 1, _config(folder))
    if isinstance(run, Mapping):
        return _Training(f"run {number}", _checked(run), 1, None)
    scores = getattr(run, "history", None)
    if not isinstance(scores, Mapping):
        raise ArgumentError(
            "runs must be run folders, histories that fit returned, or dicts of lists. Received: "
            f'{run!r:.80}. Pass a folder such as "logs/mnist", or history = model.fit(...).'
        )
    epochs = getattr(run, "epoch", None) or [1]
    if not hasattr(run, "log_dir"):  # a history of Keras, which counts epochs from 0
        return _Training(f"run {number}", _checked(scores), epochs[0] + 1, None)
    if run.log_dir is None:
        return _Training(f"run {number}", _checked(scores), 1, None)
    log_dir = Path(run.log_dir)
    config = _config(log_dir) if (log_dir / MANIFEST).is_file() else None
    return _Training(log_dir.name, _checked(scores), 1, config)


def _history_of_folder(folder: Path) -> dict[str, list[float]]:
    """Read the scores of a run folder."""
    if not (folder / MANIFEST).is_file():
        below = sorted(folder.glob(f"*/{MANIFEST}"))
        hint = (
            f'Its runs are below: pass [*Path({str(folder)!r}).glob("*")].'
            if below
            else "Name a folder that `zoo train` or fit(log_dir=...) wrote."
        )
        fault = f"which holds no {MANIFEST}" if folder.is_dir() else "which is no folder"
        raise RunError(f"runs must be run folders. Received: {folder}, {fault}. {hint}")
    scores = read_history(folder)
    if not scores:
        raise RunError(
            f"A run must have finished an epoch. Received: {folder}, which has not. Wait, or go on "
            "with the run with resume=True."
        )
    return scores


def _config(folder: Path) -> Mapping[str, Any] | None:
    config = read_manifest(folder).get("config")
    return config if isinstance(config, dict) and config.get("recipes") else None


def _checked(scores: Mapping[Any, Any]) -> dict[str, list[float]]:
    """Check that a history is names of scores with lists of numbers."""
    checked: dict[str, list[float]] = {}
    for key, values in scores.items():
        try:
            checked[str(key)] = [float(value) for value in values]
        except (TypeError, ValueError):
            raise ArgumentError(
                "A history must be names of scores with lists of numbers, a number for each "
                f"epoch. Received: {key!r}: {values!r:.60}. Pass history.history, or "
                '{"accuracy": [0.5, 0.6], "val_accuracy": [0.4, 0.5]}.'
            ) from None
    return checked


def _of_models(training: _Training, member: str | None, several: bool) -> list[ModelHistory]:
    """Take the models of a training apart."""
    names = _member_names(training)
    by_name = _scores_by_member(training.scores, names)
    settings = model_settings(training.config) if training.config else {}
    if not names or member == COMMITTEE:
        _check_member(training, member, names, by_name[COMMITTEE])
        known = common_settings(settings.values()) if settings else None
        return [ModelHistory(training.name, by_name[COMMITTEE], training.first, known)]
    if member is not None and member not in names:
        known_names = [*names, COMMITTEE]
        raise ArgumentError(
            f"member must be a name of a member of {training.name}: {', '.join(known_names)}. "
            f"Received: {member!r}{did_you_mean(member, known_names)} Leave member= out for all "
            "members."
        )
    return [
        ModelHistory(
            _name(training.name, name, several, chosen=member is not None),
            by_name[name],
            training.first,
            settings.get(name, {"model": re.sub(r"_\d+$", "", name)}),
        )
        for name in ([member] if member else names)
    ]


def _name(training: str, member: str, several: bool, chosen: bool) -> str:
    """Name a member by what tells it apart from the others."""
    if several and chosen:
        return training
    return f"{training}: {member}" if several else member


def _check_member(
    training: _Training, member: str | None, names: list[str], own: Mapping[str, list[float]]
) -> None:
    """Refuse a member of a single model, and a committee without scores of its own."""
    if not names and member is not None and member not in _names(training.config):
        raise ArgumentError(
            f"member must be left out for a single model. Received: {member!r} for "
            f"{training.name}. Leave member= out."
        )
    if names and LOSS not in own:
        raise ArgumentError(
            "Members must train together for a committee to have scores of each epoch. Received: "
            f"{training.name}, whose members trained one after another. Leave member= out to see "
            "the members."
        )


def _names(config: Mapping[str, Any] | None) -> list[str]:
    return list(config["recipes"]) if config else []


def _member_names(training: _Training) -> list[str]:
    """Name the models whose scores carry a name, `mlp_loss`; none for a single model."""
    if training.config:
        names = _names(training.config)
        return names if len(names) > 1 else []
    # Zoo records the learning rate of each member. Other scores, like `kl_loss`, are of no member.
    suffix = "_learning_rate"
    names = [key.removesuffix(suffix) for key in training.scores if key.endswith(suffix)]
    return [name for name in names if f"{name}_{LOSS}" in training.scores]


def _scores_by_member(
    scores: Mapping[str, list[float]], names: list[str]
) -> dict[str, dict[str, list[float]]]:
    """Give each score to the member whose name begins it, and the others to the committee."""
    by_name: dict[str, dict[str, list[float]]] = {name: {} for name in [*names, COMMITTEE]}
    longest_first = sorted(names, key=len, reverse=True)
    for key, values in scores.items():
        part = _VALIDATION if key.startswith(_VALIDATION) else ""
        score = key.removeprefix(part)
        owner = next((name for name in longest_first if score.startswith(f"{name}_")), COMMITTEE)
        by_name[owner][part + score.removeprefix(f"{owner}_")] = values
    return by_name
