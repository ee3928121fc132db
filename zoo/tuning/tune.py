"""`zoo.tune`: the way into a sweep."""

import json
import shutil
import tempfile
import time
import warnings
import weakref
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from zoo.arguments import (
    argument_error,
    as_path,
    check_verbose,
    is_among,
    true_or_false,
    whole_number,
)
from zoo.datasets import ImageData
from zoo.datasets.split import Split
from zoo.ensembles.fit_arguments import (
    training_split,
    validation_split,
    warn_of_known_images,
)
from zoo.ensembles.members import Member
from zoo.errors import ArgumentError, DataError, RunError
from zoo.files import FolderLock, no_scratch_space
from zoo.registry.class_order import tell_other_classes
from zoo.spreading import check_jobs
from zoo.training.lockstep import Graphs
from zoo.training.run_folder import free_folder
from zoo.tuning.progress import SweepProgress
from zoo.tuning.rounds import train_round
from zoo.tuning.space import SearchSpace, make_search_space
from zoo.tuning.study import (
    default_storage,
    describe_failures,
    errors_of_storage,
    import_optuna,
    make_pruner,
    make_sampler,
    open_study,
    quiet_optuna,
    train_again,
)
from zoo.tuning.sweep import Sweep
from zoo.tuning.trial_log import log_trials
from zoo.tuning.trials import SweepSetup, trials_of

METRICS = {"accuracy": "maximize", "loss": "minimize"}
"""The scores that choose, and Optuna's direction of each."""

HELD_OUT = 0.1
"""The share of the training images that is held out where there are no validation images."""


def tune(
    entry: Any,
    data: Any,
    space: Mapping[str, Any],
    *,
    validation_data: Any = None,
    trials: int | None = None,
    round_size: int = 16,
    sampler: Any = None,
    pruner: Any = None,
    seeds: int = 1,
    metric: str = "accuracy",
    seed: int = 0,
    storage: Any = None,
    study_name: str | None = None,
    log_dir: str | Path | None = None,
    resume: bool = False,
    callbacks: Iterable[Callable[[Sweep], Any]] = (),
    n_jobs: int | None = None,
    verbose: str | int = "auto",
) -> Sweep:
    """Train a model with many settings, and find the best by its score on validation images.

    Optuna proposes a round of trials, Zoo trains them together in one training, and Optuna learns
    from their scores what to propose next. The test images take no part.

    Args:
        entry: The name of a registered model, or a `Member` with such a name, with its arguments
            and its recipe.
        data: The images: an `ImageData`; or training images, as `Committee.fit` takes them.
        space: Name of a setting → a list of values, a distribution of Optuna, or a text such as
            `"1e-5..1e-2:log"`, `"8..64"` or `"sgd,adam"`. Settings are the fields of `zoo.Recipe`
            (`learning_rate`, `batch_size`, …) and of its `zoo.Augmentation` (`cutmix`), arguments
            of the optimiser (`momentum`), and of the model's builder (`dropout`, `hidden`).
        validation_data: The images that choose, where `data` has no validation split. None holds
            out a tenth of the training images.
        trials: The number of trials. None takes 16, or every combination of a grid.
        round_size: The number of trials that train together. Optuna learns between rounds.
        sampler: How settings are proposed: `"grid"` (every combination, in random order),
            `"random"`, `"tpe"`, `"qmc"`, or a sampler of Optuna. None takes `"grid"` if each
            setting has a list of values, else `"tpe"`.
        pruner: Stops trials early: `"median"`, `"halving"`, `"hyperband"`, or a pruner of Optuna.
            It sees the validation score of each epoch. None stops none.
        seeds: The number of seeds that each trial is trained with. Repetitions differ in their
            initial weights and in dropout.
        metric: The score that chooses: `"accuracy"`, or `"loss"`.
        seed: The seed of the sampler, of the order of the batches, and of the first repetition.
        storage: Where Optuna keeps the study: an URL such as `"sqlite:///sweeps.db"`, the path of
            a journal file, or a storage of Optuna. None takes the file `study.db` in `log_dir`,
            which optuna-dashboard opens.
        study_name: The name of the study in the storage. None takes `"sweep"`, or the
            name of `log_dir` where a storage is given.
        log_dir: The folder of the sweep, with the curves and weights of all trials, or a new folder
            beside it if it holds files. None keeps them in a temporary folder, which is removed
            with the sweep.
        resume: Whether to go on with the sweep in `log_dir`, perhaps with more trials. Trials that
            have ended are kept. The round that was training is trained again, and so are trials
            that failed.
        callbacks: Functions that get the `Sweep` so far: before the first round, when it may have
            no trials, and after each round.
        n_jobs: How many trials of a round train at the same time in other processes, as in joblib;
            trials that are computed as one wide model are one piece. With a pruner, which trials
            leave depends on which are faster. None trains in this process.
        verbose: `"auto"` or 1 shows the progress, 0 shows nothing.

    Returns:
        The `Sweep`. A trial that cannot be built, or fails three times in other processes, does not
        end the sweep: a warning with its traceback says so at the end, and `Sweep.failed` has it.

    Raises:
        ArgumentError: An argument is not as described, or Optuna is not installed.
        DataError: The images do not fit, or are the test split.
        RunError: The study exists already, or cannot be resumed; or no trial could be trained.

    Example:
        >>> import zoo
        >>> data = zoo.datasets.load("digits")
        >>> recipe = zoo.Recipe(batch_size=256, epochs=2)
        >>> member = zoo.ensembles.Member("softmax", recipe=recipe)
        >>> sweep = zoo.tune(member, data, {"learning_rate": [1e-3, 0.1]}, verbose=0)
        >>> sweep.best.parameters
        {'learning_rate': 0.1}
    """
    optuna = import_optuna()
    for name, value in (("round_size", round_size), ("seeds", seeds)):
        whole_number(name, value, 1)
    whole_number("seed", seed, 0)
    check_verbose(verbose)
    callbacks = _functions(callbacks)
    if not is_among(metric, METRICS):
        raise argument_error("metric", 'be "accuracy" or "loss"', metric, "Leave it out")
    check_jobs(n_jobs)
    if not isinstance(study_name, str | None):
        raise argument_error("study_name", "be a text or None", study_name, "Leave it out")
    if log_dir is None and (resume or storage is not None):
        raise _no_folder("resume" if resume else "storage")
    searched = make_search_space(_base_member(entry), space)
    if sampler is None:
        sampler = "grid" if searched.is_grid else "tpe"
    points = searched.grid() if sampler == "grid" else None
    total = _number_of_trials(trials, points)
    longest = _most_epochs(searched)
    make_sampler(sampler, seed), make_pruner(pruner, longest)  # refuse bad names before loading
    train, validation, held_out = _images(data, validation_data, seed)
    with SweepProgress(total, verbose=verbose) as progress, quiet_optuna():
        if held_out:
            progress.say(
                f"{len(validation):,} of the training images are held out for validation, since "
                "the data has no validation images."
            )
        # Before anything is written.
        model = searched.check(train.image_shape, train.num_classes, seed)
        tell_other_classes(searched.base.name or "", model, train.class_names)
        warn_of_known_images(validation, train, [model])
        folder = _folder(log_dir, resume)
        with FolderLock(folder, "sweep folder"):
            setup = SweepSetup(searched, train, validation, metric, seeds, seed, folder, held_out)
            if log_dir is None:
                weakref.finalize(setup, shutil.rmtree, folder, ignore_errors=True)
                storage = optuna.storages.InMemoryStorage()
            is_own = storage is None
            storage = default_storage(folder) if is_own else storage
            study = open_study(
                storage,
                study_name or ("sweep" if is_own else folder.name),
                sampler=optuna.samplers.RandomSampler(),
                pruner=make_pruner(pruner, longest),
                direction=METRICS[metric],
                config=_configuration(setup),
                resume=resume,
                is_own=is_own,
            )
            with errors_of_storage(storage, is_own):
                # A sampler that begins again with the same seed would propose the same settings.
                study.sampler = make_sampler(sampler, seed + len(study.get_trials(deepcopy=False)))
                if resume:
                    _check_trials(study, setup)
                    train_again(study)
                return _run(
                    setup, study, points, total, round_size, callbacks, progress,
                    log_dir is not None, n_jobs,
                )  # fmt: skip


def _run(
    setup: SweepSetup,
    study: Any,
    points: Sequence[Mapping[str, Any]] | None,
    total: int,
    round_size: int,
    callbacks: Sequence[Callable[[Sweep], Any]],
    progress: SweepProgress,
    is_logged: bool,
    n_jobs: int | None,
) -> Sweep:
    """Train rounds of trials until there are enough."""
    sweep = Sweep(tuple(trials_of(study, setup)), setup, study)
    progress.resume(sweep.trials)
    graphs = Graphs()
    for callback in callbacks:
        callback(sweep)
    while (left := total - len(sweep.trials) - len(sweep.failed)) > 0:
        proposals = _propose(setup, study, points, min(round_size, left))
        if not proposals:
            break  # every combination of the grid has been trained
        progress.propose(len(proposals))
        started = time.monotonic()
        try:
            trained = train_round(setup, study, proposals, progress, graphs, n_jobs)
        except (KeyboardInterrupt, SystemExit):
            progress.say(
                f"Stopped. The sweep in {setup.folder} can be resumed; the round that was training "
                "is trained again."
            )
            raise
        known = {trial.number for trial in sweep.failed}
        sweep = Sweep(tuple(trials_of(study, setup)), setup, study)
        if is_logged and trained:
            log_trials(setup.folder, trained)
        failed = [trial for trial in sweep.failed if trial.number not in known]
        progress.end_round(trained, sweep.ranking, time.monotonic() - started, failed)
        for callback in callbacks:
            callback(sweep)
        if not trained:
            if not_begun := left - len(proposals):
                progress.say(
                    f"No trial of this round could be trained, so {not_begun} more are not begun."
                )
            break
    if sweep.failed:
        _tell_failures(sweep, setup.folder if is_logged else None)
    return sweep


def _tell_failures(sweep: Sweep, folder: Path | None) -> None:
    """Say at the end which trials failed: a warning, or an error where no trial has ended."""
    text = describe_failures(sweep.failed, folder, with_tracebacks=True)
    if not sweep.trials:
        raise RunError(text)
    warnings.warn(text, UserWarning, stacklevel=4)


def _propose(
    setup: SweepSetup, study: Any, points: Sequence[Mapping[str, Any]] | None, count: int
) -> list[Any]:
    """Ask Optuna for trials. The combinations of a grid wait in Optuna's queue."""
    if points is not None:
        states = import_optuna().trial.TrialState
        known = study.get_trials(deepcopy=False)
        waiting = sum(trial.state == states.WAITING for trial in known)
        first = 1 + max((trial.user_attrs.get("grid", -1) for trial in known), default=-1)
        order = np.random.default_rng(setup.seed).permutation(len(points)).tolist()
        for position in range(first, min(first + max(count - waiting, 0), len(points))):
            point = points[order[position]]
            study.enqueue_trial(point, user_attrs={"grid": position})
            waiting += 1
        count = min(count, waiting)
    return [study.ask(setup.space.distributions) for _ in range(count)]


def _no_folder(given: str) -> ArgumentError:
    return ArgumentError(
        f"log_dir must be given with {given}: the folder that keeps the curves and weights of the "
        'trials. Received: None. Pass log_dir="logs/sweep", for example.'
    )


def _functions(callbacks: Any) -> list[Callable[[Sweep], Any]]:
    """Take the functions that get the sweep so far."""
    functions = [*callbacks] if isinstance(callbacks, Iterable) else [callbacks]
    if not isinstance(callbacks, Iterable) or not all(map(callable, functions)):
        remedy = "Pass [function], where the function takes a Sweep"
        raise argument_error("callbacks", "be a list of functions", callbacks, remedy)
    return functions


def _base_member(entry: Any) -> Member:
    """Take the model whose settings vary."""
    member = entry if isinstance(entry, Member) else Member(entry)
    if member.registered_name is None:
        raise argument_error(
            "entry",
            "be the name of a registered model, or a Member with such a name, since each trial "
            "builds the model anew",
            entry,
            "Register the function that builds the model: zoo.register",
        )
    return member


def _number_of_trials(trials: int | None, points: Sequence[Any] | None) -> int:
    if trials is None:
        return 16 if points is None else len(points)
    return whole_number("trials", trials, 1)


def _most_epochs(space: SearchSpace) -> int:
    """Give the number of epochs of the longest trial."""
    distribution = space.distributions.get("epochs")
    if distribution is None:
        return space.recipe.epochs
    return int(getattr(distribution, "high", None) or max(distribution.choices))


def _images(data: Any, validation_data: Any, seed: int) -> tuple[Split, Split, bool]:
    """Take training and validation images; and tell whether the latter were held out."""
    if isinstance(data, ImageData):
        validation_data = data.validation if validation_data is None else validation_data
        data = data.train
    train = training_split(data, None, None, None)
    validation = validation_split(validation_data, train)
    is_held_out = validation is None
    if validation is None:
        name = train.name
        train, validation = train.split(HELD_OUT, seed=seed)
        if name == "test":
            raise _test_images()
    if "test" in (train.name, validation.name):
        raise _test_images()
    return train, validation, is_held_out


def _test_images() -> DataError:
    return DataError(
        "The images of a sweep must be training and validation images. Received: the test split, "
        "which is for the report only. Pass the whole data set, or its training split."
    )


def _folder(log_dir: str | Path | None, resume: bool) -> Path:
    """Give the folder of the sweep."""
    true_or_false("resume", resume)
    if log_dir is None:
        try:
            return Path(tempfile.mkdtemp(prefix="zoo-sweep-"))
        except OSError as error:
            raise no_scratch_space(error) from error
    return as_path("log_dir", log_dir) if resume else free_folder(log_dir)


def _check_trials(study: Any, setup: SweepSetup) -> None:
    """Refuse to go on with a study that lacks trials whose files are in the folder."""
    known = {setup.file(trial.number).name for trial in study.get_trials(deepcopy=False)}
    files = sorted(setup.folder.glob("trials/*.npz"))
    if lost := [file for file in files if file.name not in known]:
        raise RunError(
            "A sweep must be resumed with the study that has its trials. Received: the study "
            f"{study.study_name!r}, which lacks the trial of {lost[0]}. Pass the same storage= and "
            "study_name= as before, with the absolute path of a file, or another log_dir=."
        )


def _configuration(setup: SweepSetup) -> dict[str, Any]:
    """Describe a sweep as JSON values, which are compared on resuming."""
    base = setup.space.base
    config = {
        "entry": base.registered_name,
        "arguments": dict(base.arguments),
        "recipe": asdict(setup.space.recipe),
        "space": setup.space.to_config(),
        "metric": setup.metric,
        "seeds": setup.seeds,
        "seed": setup.seed,
        "training images": _checksum(setup.train),
        "validation images": _checksum(setup.validation),
    }
    described: dict[str, Any] = json.loads(json.dumps(config))
    return described


def _checksum(split: Split) -> list[int]:
    """Give the number of the images and a checksum of images and labels."""
    labels = zlib.crc32(split.labels.tobytes())
    return [len(split), zlib.crc32(split.digests.tobytes(), labels)]
