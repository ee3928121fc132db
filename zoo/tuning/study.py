"""Optuna's study: sampler, pruner and storage; and what a sweep trains again when it goes on."""

import contextlib
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from zoo.arguments import argument_error, as_path
from zoo.errors import ArgumentError, RunError, ZooError
from zoo.inspect.curves.sweep_runs import value_text
from zoo.text import did_you_mean, error_of_traceback, first_line
from zoo.training.run_folder import config_differences
from zoo.tuning.pruning import median_pruner

SAMPLERS = ("grid", "random", "tpe", "qmc")
PRUNERS = ("median", "halving", "hyperband")
STUDY_FILE = "study.db"
"""The storage in the folder of a sweep, an SQLite file, which optuna-dashboard opens."""

FAILURE = "failure"
"""The attribute of a trial that could not be trained: the traceback."""

_AGAIN = "again"
"""The attribute of a trial in the queue: the number of the earlier trial with its settings."""

_SQLITE = "sqlite:///"

_CONFIG = "zoo"
"""The attribute of a study that holds the configuration of the sweep."""


def import_optuna() -> ModuleType:
    """Import Optuna, which is an extra.

    Returns:
        The module.

    Raises:
        ArgumentError: Optuna is not installed.
    """
    try:
        import optuna
    except ImportError as error:
        raise ArgumentError(
            "zoo.tune needs the package Optuna. Received: Optuna is not installed. Install it: "
            'pip install "committee-zoo[tune]".'
        ) from error
    return optuna


@contextlib.contextmanager
def quiet_optuna() -> Iterator[None]:
    """Within this context, keep Optuna from printing a line for each trial."""
    optuna = import_optuna()
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(before)


def make_sampler(sampler: Any, seed: int) -> Any:
    """Make Optuna's sampler.

    Args:
        sampler: A name of `SAMPLERS`, or a sampler of Optuna.
        seed: The seed of a sampler that is given by its name.

    Returns:
        The sampler. For `"grid"` it only fills in what the queue of the study leaves open.

    Raises:
        ArgumentError: There is no such sampler.

    Example:
        >>> type(make_sampler("tpe", seed=0)).__name__
        'TPESampler'
    """
    samplers = import_optuna().samplers
    if isinstance(sampler, samplers.BaseSampler):
        return sampler
    if sampler not in SAMPLERS:
        raise _unknown("sampler", sampler, SAMPLERS)
    if sampler == "tpe":
        # Trials of a round are proposed before any of them has a score. With `constant_liar`,
        # TPE keeps away from the settings of trials that are still training.
        return samplers.TPESampler(seed=seed, constant_liar=True)
    if sampler == "qmc":
        return samplers.QMCSampler(seed=seed, scramble=True)
    return samplers.RandomSampler(seed=seed)


def make_pruner(pruner: Any, epochs: int) -> Any:
    """Make Optuna's pruner.

    Args:
        pruner: A name of `PRUNERS`, a pruner of Optuna, or None for no pruning.
        epochs: The number of epochs of the longest trial.

    Returns:
        The pruner.

    Raises:
        ArgumentError: There is no such pruner.

    Example:
        >>> type(make_pruner("hyperband", epochs=9)).__name__
        'HyperbandPruner'
    """
    pruners = import_optuna().pruners
    if pruner is None:
        return pruners.NopPruner()
    if isinstance(pruner, pruners.BasePruner):
        return pruner
    if pruner == "median":
        return median_pruner(warm_up=max(1, epochs // 5))
    if pruner == "halving":
        return pruners.SuccessiveHalvingPruner()
    if pruner == "hyperband":
        return pruners.HyperbandPruner(max_resource=epochs)
    raise _unknown("pruner", pruner, PRUNERS)


def _unknown(kind: str, value: Any, known: Sequence[str]) -> ArgumentError:
    """Make the error for a name that is not known."""
    return ArgumentError(
        f"{kind} must be one of {', '.join(known)}, or a {kind} of Optuna. Received: {value!r}"
        f"{did_you_mean(str(value), known)} Pass optuna.{kind}s.… for the others."
    )


def open_study(
    storage: Any,
    name: str,
    *,
    sampler: Any,
    pruner: Any,
    direction: str,
    config: Mapping[str, Any],
    resume: bool,
    is_own: bool = False,
) -> Any:
    """Open a new study, or go on with a study.

    Args:
        storage: An URL of Optuna, such as `"sqlite:///sweep.db"`; the path of a journal file; a
            storage of Optuna; or None to keep the study in memory.
        name: The name of the study.
        sampler: The sampler.
        pruner: The pruner.
        direction: `"maximize"` or `"minimize"`.
        config: What must be the same for a study to go on, as JSON values.
        resume: Whether to go on with the study of this name, if there is such a study.
        is_own: Whether no other program uses the storage.

    Returns:
        The `optuna.Study`.

    Raises:
        ArgumentError: Optuna cannot open the storage.
        RunError: The study exists and `resume` is False, or it has another configuration.
    """
    optuna = import_optuna()
    with errors_of_storage(storage, is_own, kinds=(Exception,)):
        opened = _open_storage(storage)
        known = optuna.get_all_study_names(opened) if opened is not None else []
        if name in known and not resume:
            raise RunError(
                f"The name of a new study must be free in the storage. Received: {name!r}, which "
                "is taken. Pass resume=True to go on with that sweep, or another study_name=."
            )
        study = optuna.create_study(
            storage=opened,
            sampler=sampler,
            pruner=pruner,
            study_name=name,
            direction=direction,
            load_if_exists=True,
        )
        # A sweep that was killed at its first moment has a study without a configuration.
        if name in known and (study.user_attrs or not is_own):
            _check_same_config(study, config)
        else:
            study.set_user_attr(_CONFIG, dict(config))
            with quiet_optuna():
                # optuna-dashboard writes this name at its axes.
                study.set_metric_names([f"validation {config.get('metric', 'score')}"])
        return study


def _open_storage(storage: Any) -> Any:
    """Open the storage."""
    optuna = import_optuna()
    if storage is None or isinstance(storage, optuna.storages.BaseStorage):
        return storage
    if isinstance(storage, str) and "://" in storage:
        return optuna.storages.get_storage(storage)
    path = as_path("storage", storage)
    path.parent.mkdir(parents=True, exist_ok=True)
    backend = optuna.storages.journal.JournalFileBackend(str(path))
    return optuna.storages.JournalStorage(backend)


@contextlib.contextmanager
def errors_of_storage(
    storage: Any, is_own: bool, kinds: tuple[type[Exception], ...] = ()
) -> Iterator[None]:
    """Within this context, errors of the storage of a study become errors of this project.

    Args:
        storage: As for `open_study`.
        is_own: Whether the storage is the file in the folder of the sweep.
        kinds: The classes of these errors; none stands for the errors of a storage that is open.

    Raises:
        ArgumentError: The storage that the user names cannot be used.
        RunError: The file in the folder of the sweep cannot be used.
    """
    from sqlalchemy.exc import SQLAlchemyError  # which Optuna brings along

    kinds = kinds or (import_optuna().exceptions.StorageInternalError, SQLAlchemyError)
    try:
        yield
    except Exception as error:
        if isinstance(error, ZooError) or not isinstance(error, kinds):
            raise
        fault = first_line(error.__cause__ or error).rstrip(".")
        if is_own:
            raise RunError(
                "The study of a sweep must be a file that can be read and written. Received: "
                f"{str(storage).removeprefix(_SQLITE)}: {fault}. Free disk space; if the file is "
                "damaged, start the sweep anew in another folder."
            ) from error
        raise argument_error(
            "storage",
            "be an URL that Optuna opens, or the path of a journal file",
            storage,
            f"Optuna says: {fault}. Pass, for example, sqlite:///sweep.db",
        ) from error


def _check_same_config(study: Any, config: Mapping[str, Any]) -> None:
    """Refuse to go on with a study of another sweep."""
    before = study.user_attrs.get(_CONFIG)
    if not isinstance(before, dict):
        raise RunError(
            "The study must be of a sweep of Zoo. Received: "
            f"{study.study_name!r}, which another program made. Pass another study_name=."
        )
    changed = config_differences(before, config)
    if changed:
        raise RunError(
            "A sweep must be resumed with the arguments that it was started with. Received: "
            f"{'; '.join(changed)}. Pass the same arguments, perhaps with more trials, or another "
            "study_name= and log_dir=."
        )


def train_again(study: Any) -> int:
    """Put trials at the end of the queue: those that failed, or were training at a stop.

    Args:
        study: The study of a sweep that goes on.

    Returns:
        The number of these trials.
    """
    states = import_optuna().trial.TrialState
    failed = _failed(study)
    stopped = study.get_trials(deepcopy=False, states=(states.RUNNING,))
    for trial in stopped:
        study.tell(trial.number, state=states.FAIL)
    for trial in (*failed, *stopped):
        if trial.params:
            grid = {key: trial.user_attrs[key] for key in ("grid",) if key in trial.user_attrs}
            study.enqueue_trial(trial.params, user_attrs={**grid, _AGAIN: trial.number})
    return len(failed) + len(stopped)


def mark_failed(study: Any, proposal: Any, failure: str) -> None:
    """Tell Optuna that a trial could not be trained, and keep the reason in the study.

    Args:
        study: The `optuna.Study`.
        proposal: The `optuna.Trial`.
        failure: The traceback.
    """
    proposal.set_user_attr(FAILURE, failure)
    study.tell(proposal, state=import_optuna().trial.TrialState.FAIL)


def _failed(study: Any) -> list[Any]:
    """List the trials that could not be trained, and were not put in the queue again."""
    trials = study.get_trials(deepcopy=False)
    again = {trial.user_attrs.get(_AGAIN) for trial in trials}
    return [trial for trial in trials if FAILURE in trial.user_attrs and trial.number not in again]


@dataclass(frozen=True)
class FailedTrial:
    """A trial that could not be trained.

    Attributes:
        number: The number of the trial.
        parameters: Name of each setting that varies → value.
        traceback: How the training ended, with the traceback.

    Example:
        >>> trial = FailedTrial(3, {"dropout": 0.5}, "ValueError: no luck")
        >>> print(f"{trial}: {trial.reason}")
        trial-3 (dropout=0.5): ValueError: no luck
    """

    number: int
    parameters: dict[str, Any]
    traceback: str = field(repr=False)

    @property
    def reason(self) -> str:
        """The error of the traceback, in a line."""
        return error_of_traceback(self.traceback)

    def __str__(self) -> str:
        settings = ", ".join(f"{key}={value_text(value)}" for key, value in self.parameters.items())
        return f"trial-{self.number} ({settings})"


def failed_trials(
    study: Any, values_of: Callable[[Mapping[str, Any]], dict[str, Any]]
) -> tuple[FailedTrial, ...]:
    """List the trials of a study that could not be trained, and are not trained again.

    Args:
        study: The `optuna.Study`.
        values_of: Gives the values of settings from the parameters of a trial.

    Returns:
        The trials, in the order of their numbers.
    """
    return tuple(
        FailedTrial(trial.number, values_of(trial.params), trial.user_attrs[FAILURE])
        for trial in _failed(study)
    )


def describe_failures(
    failed: Sequence[FailedTrial], folder: Path | None, *, with_tracebacks: bool
) -> str:
    """Say which trials of a sweep could not be trained, why, and what to do.

    Args:
        failed: These trials, at least one.
        folder: The folder of the sweep, if it is kept.
        with_tracebacks: Whether the whole tracebacks follow, or only their last lines.

    Returns:
        The message.
    """
    advice = (
        f"The other trials are kept in {folder}; with resume=True, only these trials are trained "
        "again."
        if folder
        else "Pass log_dir=, so that resume=True trains only these trials again."
    )
    reasons = "\n".join(
        f"{trial}: {trial.traceback.strip() if with_tracebacks else trial.reason}"
        for trial in failed
    )
    names = ", ".join(str(trial) for trial in failed)
    return (
        f"Each trial of a sweep must be trained. Received: no result of {names}. {advice}\n"
        f"{reasons}"
    )


def check_complete(failed: Sequence[FailedTrial], folder: Path) -> None:
    """Raise an error if trials of a sweep could not be trained.

    Args:
        failed: These trials.
        folder: The folder of the sweep.

    Raises:
        RunError: There are such trials. The message names each.
    """
    if failed:
        raise RunError(describe_failures(failed, folder, with_tracebacks=False))


def default_storage(folder: Path) -> str:
    """Give the URL of the SQLite file in the folder of a sweep."""
    return f"{_SQLITE}{folder.absolute() / STUDY_FILE}"
