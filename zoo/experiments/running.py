"""Running an experiment: load the images, train the members seed by seed, judge, and write."""

import json
import os
import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from zoo.arguments import as_path
from zoo.datasets import ImageData, Split, load
from zoo.datasets.registry import get_dataset
from zoo.ensembles import Committee, Member
from zoo.errors import RunError
from zoo.experiments.catalogue import load_experiment
from zoo.experiments.definition import DataSettings, Experiment, MemberSettings
from zoo.experiments.drawing import draw_figures
from zoo.experiments.environment import describe_environment, fingerprints
from zoo.experiments.published.confusion import confusions
from zoo.experiments.results import Reproduction, SeedResult
from zoo.experiments.sweeping import SweepOutcome, run_sweep, write_outcome
from zoo.files import read_json, write_atomically

QUICK_IMAGES = 6
"""The number of images of each class and split in a quick trial."""

START_ANEW = "Name another run folder."


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
    """
    experiment = load_experiment(name)
    suffix = "-quick" if quick else ""
    folder = Path("logs/reproduce", experiment.name + suffix) if log_dir is None else Path(log_dir)
    _check_settings(folder, experiment, quick)
    outcome = _sweep(experiment, root, folder, quick, verbose) if experiment.sweep else None
    results, data = [*(outcome.seeds if outcome else ())], None
    seeds = experiment.protocol.seeds[: 1 if quick else None]
    for k, seed in enumerate(seeds if experiment.plain_members else ()):
        path = folder / f"seed-{seed}.json"
        if path.exists():
            result = SeedResult(**read_json(path, START_ANEW))
        else:
            if data is None or experiment.protocol.new_splits:
                data = load_images(experiment, root, seed, quick=quick)
            result = _run_seed(experiment, data, seed, folder, quick, verbose)
            _write_json(path, asdict(result))
        results[k : k + 1] = [results[k].joined_with(result) if outcome else result]
    figures = tuple(sorted(folder.glob("*.png")))
    trials = outcome.sweep if outcome else None
    answer = Reproduction(experiment, tuple(results), folder, quick, figures, trials)
    _write_json(folder / "results.json", answer.to_dict())
    text = answer.to_markdown()
    write_atomically(folder / "results.md", lambda path: path.write_text(text, "utf-8"))
    return answer


def _sweep(
    experiment: Experiment, root: Any, folder: Path, quick: bool, verbose: Any
) -> SweepOutcome:
    """Run the sweep of an experiment, or read what it gave."""
    path = folder / "sweep.json"
    if path.exists():
        return SweepOutcome.from_dict(read_json(path, START_ANEW))
    data = load_images(experiment, root, experiment.protocol.seeds[0], quick=quick)
    member = _member(experiment.swept_member, len(data.train), quick)
    outcome = run_sweep(experiment, member, data, folder, quick=quick, verbose=verbose)
    write_outcome(path, outcome)
    return outcome


def load_images(experiment: Experiment, root: Any, seed: int, *, quick: bool = False) -> ImageData:
    """Load the images of an experiment.

    Args:
        experiment: The experiment.
        root: As for `reproduce`.
        seed: The seed of the images that are held out, where each seed holds out others.
        quick: Whether to take a few images only.

    Returns:
        The data set.
    """
    settings = experiment.data
    options = {**settings.options, "root": _root(settings, root)}
    if experiment.protocol.new_splits:
        options["seed"] = seed
    data = load(settings.name, **options)
    if settings.training_images is not None:
        count = min(settings.training_images, len(data.train))
        data = replace(data, train=data.train.sample(count, stratified=True, seed=seed))
    if not quick:
        return data
    few = {name: _few(split) for name, split in data.splits.items()}
    return ImageData(data.name, **few)


def _few(split: Split) -> Split:
    """Take a few images of each class."""
    each = min(QUICK_IMAGES, *split.class_counts.values())
    return split.sample(each * split.num_classes, stratified=True)


def _root(settings: DataSettings, root: Any) -> Path | None:
    """Find the archive in the folder of the data, where the experiment names the archive."""
    base = root if root is not None else os.environ.get("ZOO_DATA") or None
    if base is None:
        return None
    path = as_path("root", base)
    if settings.archive and (path / settings.archive).is_file():
        return path / settings.archive
    return path if root is not None or not get_dataset(settings.name).info.markers else None


def _check_settings(folder: Path, experiment: Experiment, quick: bool) -> None:
    """Write the settings and the environment into a new folder, or compare them with the folder's.

    What the report published, and how the experiment is described, may change.
    """
    settings = json.loads(json.dumps({"quick": quick, **asdict(experiment)}))
    path = folder / "experiment.json"
    if path.exists():
        before = read_json(path, START_ANEW).get("settings", {})
        for key in ("name", "quick", "data", "members", "protocol", "sweep"):
            if not _are_alike(key, before.get(key), settings[key]):
                raise RunError(
                    "An experiment must go on with the settings that it was started with. "
                    f"Received: {folder}, whose {key!r} differs. {START_ANEW}"
                )
    elif folder.exists() and any(folder.iterdir()):
        raise RunError(
            "The run folder of an experiment must be empty, or hold a run of the experiment. "
            f"Received: {folder}, which holds other files. {START_ANEW}"
        )
    else:
        _write_json(path, {"settings": settings, "environment": describe_environment()})


def _are_alike(key: str, before: Any, now: Any) -> bool:
    """Whether settings train the same members: checksums and the tolerance may differ."""
    free = {"data": "fingerprint", "protocol": "tolerance"}.get(key)
    if free is None or not isinstance(before, Mapping):
        return bool(before == now)
    return {**before, free: None} == {**now, free: None}


def _run_seed(
    experiment: Experiment, data: ImageData, seed: int, folder: Path, quick: bool, verbose: Any
) -> SeedResult:
    """Train all members from a seed, or go on with their training, and judge them."""
    run = folder / f"seed-{seed}"
    members = [_member(member, len(data.train), quick) for member in experiment.plain_members]
    voting = experiment.protocol.voting
    committee = Committee(members, voting=voting or "soft", seed=seed)
    is_resumed = run.exists()
    start = time.perf_counter()
    committee.fit(
        data.train, validation_data=data.validation, log_dir=run, resume=True, verbose=verbose
    )
    seconds = time.perf_counter() - start
    counted = confusions(committee, data, experiment.judged_splits, votes=bool(voting))
    committee.save(run / "committee.keras")
    draw_figures(experiment.figures, committee, data, run, folder / f"seed-{seed}")
    classes = [*data.class_names]
    return SeedResult(seed, seconds, is_resumed, counted, classes, fingerprints(data))


def _member(settings: MemberSettings, images: int, quick: bool) -> Member:
    """Make a member with the recipe for this number of training images."""
    recipe = settings.recipe_for(images)
    if quick:
        recipe = replace(recipe, epochs=1, cycles=1, batch_size=min(recipe.batch_size, images))
    return Member(settings.model, settings.arguments, recipe, name=settings.name)


def _write_json(path: Path, values: Any) -> None:
    text = json.dumps(values, indent=2, ensure_ascii=False) + "\n"
    write_atomically(path, lambda file: file.write_text(text, "utf-8"))
