"""Running an experiment: load the images, train the members seed by seed, judge, and write."""

import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import cache, cached_property, lru_cache, partial
from pathlib import Path
from typing import Any

from zoo.arguments import as_path, check_verbose, true_or_false
from zoo.datasets import ImageData
from zoo.ensembles import Committee, pretrained
from zoo.errors import RunError
from zoo.experiments.catalogue import load_experiment
from zoo.experiments.definition import Experiment
from zoo.experiments.environment import describe_environment, fingerprints
from zoo.experiments.features import (
    features_network,
    frozen_features,
    make_beginning_member,
    make_member,
)
from zoo.experiments.images import load_images
from zoo.experiments.published.confusion import confusions
from zoo.experiments.published.values import COMMITTEE
from zoo.experiments.results import Reproduction, SeedResult
from zoo.experiments.sweeping import BEST, FOLDER, SweepOutcome, run_sweep
from zoo.experiments.views.choices import Choice, TrainedSeed
from zoo.experiments.views.finishing import START_ANEW, finish, write_json
from zoo.experiments.views.measuring import Measurement
from zoo.files import FolderLock, holds_files, read_json, values_of_file, write_atomically
from zoo.training.distillation import Teacher


def reproduce(
    name: str,
    root: str | os.PathLike[str] | None = None,
    *,
    log_dir: str | os.PathLike[str] | None = None,
    quick: bool = False,
    verbose: str | int = "auto",
) -> Reproduction:
    """Run an experiment of a report again, and compare the result with the published values.

    A second call goes on where the first call was stopped, and prints the result of a finished run
    without training.

    Args:
        name: A name of `experiment_names()`, or the path of a `.toml` file of yours.
        root: Where the images are, as for `zoo.datasets.load`, or the folder that holds the archive
            which the experiment names. None: `$ZOO_DATA`, then the platform's data folder.
        log_dir: The run folder. None: `logs/reproduce/NAME`.
        quick: Whether to run on a few images for one epoch, to try that the experiment runs.
        verbose: `"auto"` or 1 shows the progress, 0 shows nothing.

    Returns:
        The results. The folder holds them as `results.json` and `results.md`, beside the
        environment, the figures and the runs for TensorBoard.

    Raises:
        ArgumentError: There is no such experiment, or its file is not as described.
        DataError: The images are missing or damaged.
        RunError: The folder holds a run of other settings, or cannot be written.

    Example:
        >>> import tempfile
        >>> folder = tempfile.mkdtemp()
        >>> result = reproduce("co395-group11-gradients", log_dir=folder, verbose=0)
        >>> {measurement.verdict for measurement in result.measured}
        {'right'}
    """
    check_verbose(verbose)
    true_or_false("quick", quick)
    experiment = load_experiment(name)
    folder = (
        experiment_folder(experiment, quick) if log_dir is None else as_path("log_dir", log_dir)
    )
    with FolderLock(folder, "run folder of an experiment"):
        _check_settings(folder, experiment, quick)
        return _reproduce(experiment, root, folder, quick=quick, verbose=verbose)


def experiment_folder(experiment: Experiment, quick: bool) -> Path:
    """Give the run folder of an experiment where the user names none."""
    return Path("logs/reproduce", experiment.name + ("-quick" if quick else ""))


def _reproduce(
    experiment: Experiment,
    root: str | os.PathLike[str] | None,
    folder: Path,
    *,
    quick: bool,
    verbose: str | int,
) -> Reproduction:
    """Run an experiment, or what is left of the experiment, in a folder with its settings."""

    @lru_cache(maxsize=1)
    def images(seed: int) -> Any:  # ImageData, or None for an experiment without images
        if experiment.data is None:
            return None
        is_new = experiment.protocol.new_splits
        data = load_images(experiment.data, root, seed, new_split=is_new, quick=quick)
        if experiment.features is None or experiment.features.layer is None:
            return data
        return frozen_features(
            experiment.features, data, root, folder, quick=quick, verbose=verbose
        )

    @cache
    def network() -> Any:
        assert experiment.features is not None  # Experiment makes sure of it.
        return features_network(experiment.features, root, folder, quick=quick, verbose=verbose)

    first, *others = experiment.protocol.seeds
    outcome: SweepOutcome | None = None
    measured: tuple[Measurement, ...] = ()
    if experiment.sweep:
        outcome, measured = _sweep(experiment, partial(images, first), folder, quick, verbose)
    results = [*(outcome.seeds if outcome else ())]
    seeds = [first] if quick or not experiment.members else [first, *others]
    for k, seed in enumerate(() if outcome and not experiment.plain_members else seeds):
        chosen = partial(images, seed if experiment.protocol.new_splits else first)
        run = SeedRun(experiment, chosen, network, folder / f"seed-{seed}", seed, quick, verbose)
        result = run.result()
        results[k : k + 1] = [results[k].joined_with(result) if outcome else result]
        measured += run.finish(experiment.measurements if seed == first else ())
    figures = tuple(sorted(folder.glob("*.png")))
    trials = outcome.sweep if outcome else None
    answer = Reproduction(experiment, tuple(results), folder, quick, figures, trials, measured)
    write_json(folder / "results.json", answer.to_dict())
    text = answer.to_markdown()
    write_atomically(folder / "results.md", lambda path: path.write_text(text, "utf-8"))
    return answer


def _sweep(
    experiment: Experiment,
    images: Callable[[], ImageData],
    folder: Path,
    quick: bool,
    verbose: str | int,
) -> tuple[SweepOutcome, tuple[Measurement, ...]]:
    """Run the sweep of an experiment, or read what it gave; then look at the best trial."""
    path, run = folder / "sweep.json", folder / FOLDER
    if path.exists():
        with values_of_file(path, START_ANEW):
            outcome = SweepOutcome.from_dict(read_json(path, START_ANEW))
            _ = outcome.sweep.to_markdown(), outcome.sweep.sentence()  # can be written
            for k in range(1 if quick else len(experiment.protocol.seeds)):
                _ = [
                    outcome.seeds[k].confusion[name]
                    for name in (outcome.sweep.member, *experiment.points)
                ]
    else:
        seed = experiment.protocol.seeds[0]
        member = make_member(experiment.swept_member, len(images().train), seed, quick=quick)
        outcome = run_sweep(experiment, member, images(), folder, quick=quick, verbose=verbose)
        write_json(path, asdict(outcome))

    def trained() -> TrainedSeed:
        committee, seed = Committee.load(run / BEST), experiment.protocol.seeds[0]
        return TrainedSeed(committee, images(), run, seed, quick)

    # The sweep draws its own learning curves, and plain members have measurements of their own.
    figures = [choice for choice in experiment.figures if choice.name != "curves"]
    measurements = () if experiment.plain_members else experiment.measurements
    return outcome, finish(figures, measurements, trained, folder / "sweep-best")


def _check_settings(folder: Path, experiment: Experiment, quick: bool) -> None:
    """Write the settings and the environment into a new folder, or compare them with the folder's.

    What the report published, and how the experiment is described, may change.
    """
    settings = json.loads(json.dumps({"quick": quick, **asdict(experiment)}))
    path = folder / "experiment.json"
    if path.exists():
        with values_of_file(path, START_ANEW):
            before = {**read_json(path, START_ANEW)["settings"]}
        for key in ("name", "quick", "data", "features", "teacher", "members", "protocol", "sweep"):
            if not _are_alike(key, before.get(key), settings[key]):
                raise RunError(
                    "An experiment must go on with the settings that it was started with. "
                    f"Received: {folder}, whose {key!r} differs. {START_ANEW}"
                )
    elif holds_files(folder):
        raise RunError(
            "The run folder of an experiment must be empty, or hold a run of the experiment. "
            f"Received: {folder}, which holds other files. {START_ANEW}"
        )
    else:
        write_json(path, {"settings": settings, "environment": describe_environment()})


def _are_alike(key: str, before: Any, now: Any) -> bool:
    """Whether settings train the same members: some keys may differ, such as checksums."""
    free = {"data": "fingerprint", "protocol": "tolerance", "sweep": "round_size"}.get(key)
    if free is None or not isinstance(before, Mapping):
        return bool(before == now)
    return {**before, free: None} == {**now, free: None}


class SeedRun:
    """The training of all members with a seed, and what follows the training.

    Args:
        experiment: The experiment.
        images: Gives the images; called only if they are needed.
        network: Gives the network of the features; called only if a member begins with its weights.
        folder: The run folder of the training. The other files of the seed stand beside it, and
            their names begin as the folder's does.
        seed: The seed.
        quick: Whether to train for a single epoch.
        verbose: As for `reproduce`.
    """

    def __init__(
        self,
        experiment: Experiment,
        images: Callable[[], ImageData | None],
        network: Callable[[], Any],
        folder: Path,
        seed: int,
        quick: bool,
        verbose: str | int,
    ) -> None:
        self.experiment = experiment
        self.images = images
        self.network = network
        self.folder = folder
        self.seed = seed
        self.quick = quick
        self.verbose = verbose

    def result(self) -> SeedResult:
        """Train and judge the members, or read the result that an earlier call has written."""
        path = Path(f"{self.folder}.json")
        if not path.exists():
            write_json(path, asdict(self._train_and_judge()))
        with values_of_file(path, START_ANEW):
            result = SeedResult.from_dict(read_json(path, START_ANEW))
            names = [member.name for member in self.experiment.plain_members]
            if names and self.experiment.protocol.voting:
                names.append(COMMITTEE)
            _ = [result.confusion[name]["test"] for name in names]
        return result

    def finish(self, measurements: Sequence[Choice]) -> tuple[Measurement, ...]:
        """Draw the figures of the experiment, and take measurements."""
        return finish(self.experiment.figures, measurements, lambda: self.trained, self.folder)

    @cached_property
    def trained(self) -> TrainedSeed:
        """The trained members and their images, for figures and measurements."""
        committee = self._committee if self.experiment.members else None
        return TrainedSeed(committee, self.images(), self.folder, self.seed, self.quick)

    @cached_property
    def _committee(self) -> Committee:
        """The trained members: from the file of an earlier call, or trained now."""
        path = self.folder / "committee.keras"
        if path.exists():
            return Committee.load(path)
        data = self.images()
        assert data is not None  # Experiment makes sure of it, since there are members.
        members = [
            make_beginning_member(
                part, self.network(), data.train, self.seed + number, quick=self.quick
            )
            if part.begins_with
            else make_member(part, len(data.train), self.seed, quick=self.quick)
            for number, part in enumerate(self.experiment.plain_members)
        ]
        voting = self.experiment.protocol.voting or "soft"
        committee = Committee(members, voting=voting, seed=self.seed)
        committee.fit(
            data.train,
            validation_data=data.validation,
            teacher=self._teacher(),
            log_dir=self.folder,
            resume=True,
            verbose=self.verbose,
        )
        return committee

    def _teacher(self) -> Teacher | None:
        """Give the trained weights from which the members learn, as a committee."""
        settings = self.experiment.teacher
        if settings is None:
            return None
        committee = pretrained(settings.weights, precision="auto")
        return Teacher(committee, settings.temperature, settings.share)

    def _train_and_judge(self) -> SeedResult:
        data = self.images()
        if data is None or not self.experiment.members:
            return SeedResult(self.seed, 0.0, False, {}, [], fingerprints(data) if data else {})
        is_resumed = self.folder.exists()
        start = time.perf_counter()
        committee = self._committee
        seconds = time.perf_counter() - start
        votes = bool(self.experiment.protocol.voting)
        counted = confusions(committee, data, self.experiment.judged_splits, votes=votes)
        committee.save(self.folder / "committee.keras")
        classes = [*data.class_names]
        return SeedResult(self.seed, seconds, is_resumed, counted, classes, fingerprints(data))
