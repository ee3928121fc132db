"""Running the sweep of an experiment by `zoo.tune`, and judging its best trial."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from zoo.datasets import ImageData
from zoo.ensembles import Member
from zoo.errors import ArgumentError
from zoo.experiments.definition import Experiment
from zoo.experiments.environment import fingerprints
from zoo.experiments.published.confusion import confusions
from zoo.experiments.published.values import Published
from zoo.experiments.results import SeedResult
from zoo.experiments.sweeps.trials import SweepResult, TrialResult
from zoo.files import errors_as_warnings, write_atomically
from zoo.inspect.curves.drawing import COLOURS
from zoo.inspect.curves.settings import as_key
from zoo.inspect.curves.spread import PART_NAMES
from zoo.tuning.study import check_complete
from zoo.tuning.sweep import Sweep
from zoo.tuning.trials import Trial
from zoo.tuning.tune import tune

FOLDER = "sweep"
"""The folder of the sweep in the run folder."""

BEST = "best.keras"
"""The committee of the best trial's networks in that folder."""


@dataclass(frozen=True)
class SweepOutcome:
    """What a sweep gave.

    Attributes:
        sweep: The trials.
        seeds: For each seed the confusion matrices of the best trial, and of the trials for which
            the report published a value.
    """

    sweep: SweepResult
    seeds: tuple[SeedResult, ...]

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "SweepOutcome":
        """Make the outcome of the values of `dataclasses.asdict`."""
        seeds = tuple(SeedResult.from_dict(seed) for seed in values["seeds"])
        return cls(SweepResult.from_dict(values["sweep"]), seeds)


def run_sweep(
    experiment: Experiment,
    member: Member,
    data: ImageData,
    folder: Path,
    *,
    quick: bool = False,
    verbose: str | int = "auto",
) -> SweepOutcome:
    """Train the trials of a sweep, or go on with them; judge and draw them.

    Args:
        experiment: An experiment with a sweep.
        member: The member whose settings vary.
        data: The images, with a validation split.
        folder: The run folder of the experiment.
        quick: Whether to train a few trials with a single seed.
        verbose: As for `zoo.tune`.

    Returns:
        The trials, and the results of each seed.

    Raises:
        ArgumentError: The data has no validation images, or a setting cannot vary.
        RunError: A trial could not be trained. The others are kept, and the next call trains it.
    """
    settings, seeds = experiment.sweep, [*experiment.protocol.seeds]
    assert settings is not None
    if data.validation is None:
        raise ArgumentError(
            "An experiment with a sweep must hold out validation images, which choose. Received: "
            f"{data.name} without them. Write options = {{validation = 0.1}} in [data]."
        )
    if quick:
        settings, seeds = settings.quick(experiment.points.values()), seeds[:1]
    rates = _rates(experiment, member, settings.vary)
    run = folder / FOLDER
    is_resumed, start = run.exists(), time.perf_counter()
    sweep = tune(
        member,
        data,
        {**settings.vary, **({"learning_rate": [*rates]} if rates else {})},
        trials=settings.trials,
        round_size=settings.round_size,
        sampler=settings.sampler or None,
        seeds=len(seeds),
        seed=seeds[0],
        log_dir=run,
        resume=True,
        verbose=verbose,
    )
    seconds = time.perf_counter() - start
    check_complete(sweep.failed, run)
    trials = [_result_of(trial, rates) for trial in sweep.ranking]
    judged = {settings.member: sweep.best}
    for name, point in experiment.points.items():
        judged[name] = sweep.ranking[[trial.settings for trial in trials].index(dict(point))]
    found = _judge(experiment, judged, data, seeds)
    sweep.best.committee().save(run / BEST)
    _draw(experiment, sweep, rates, folder)
    classes, checksums = [*data.class_names], fingerprints(data)
    results = tuple(
        SeedResult(seed, 0.0 if k else seconds, is_resumed, found[k], classes, checksums)
        for k, seed in enumerate(seeds)
    )
    near = [trials[sweep.ranking.index(trial)].words for trial in sweep.rivals]
    return SweepOutcome(
        SweepResult(settings.member, tuple(trials), len(data.validation), near), results
    )


def _rates(experiment: Experiment, member: Member, vary: Mapping[str, Any]) -> dict[float, float]:
    """Give the rate on the mean loss → the rate in the file, for rates on a summed loss."""
    if not experiment.swept_member.summed_loss or "learning_rate" not in vary:
        return {}
    if not isinstance(vary["learning_rate"], list) or "batch_size" in vary:
        raise ArgumentError(
            "With summed_loss, a sweep must list its learning rates, and cannot vary the batch "
            f"size. Received: {dict(vary)}. Leave summed_loss out, or list the rates."
        )
    batch_size = member.recipe.batch_size  # type: ignore[union-attr]  # made by the experiment
    return {rate * batch_size: rate for rate in vary["learning_rate"]}


def _result_of(trial: Trial, rates: Mapping[float, float]) -> TrialResult:
    """Take the settings, as they stand in the file, and the accuracies of a trial."""
    settings = dict(trial.parameters)
    if rates:
        settings["learning_rate"] = rates[settings["learning_rate"]]
    keeps_best = trial.recipe.patience is not None
    train = []
    for history in trial.histories:
        epoch = int(np.argmin(history["val_loss"])) if keeps_best else -1
        train.append(history["accuracy"][epoch])
    validation = trial.accuracies.tolist()
    return TrialResult(
        settings,
        float(np.mean(train)),
        trial.mean_accuracy,
        _deviation(train),
        _deviation(validation),
        "; ".join(dict.fromkeys(filter(None, trial.outcomes))),
    )


def _deviation(values: list[float]) -> float:
    return float(np.std(values, ddof=1)) if len(values) > 1 else 0.0


def _judge(
    experiment: Experiment, trials: Mapping[str, Trial], data: ImageData, seeds: list[int]
) -> list[dict[str, dict[str, list[list[int]]]]]:
    """Count the answers of trials: for each seed, name of a result → split → confusion matrix."""
    found: list[dict[str, dict[str, list[list[int]]]]] = [{} for _ in seeds]
    for name, trial in trials.items():
        committee = trial.committee()
        counted = confusions(committee, data, experiment.judged_splits)
        for k, member in enumerate(committee.member_names):
            found[k][name] = counted[member]
    return found


def _draw(
    experiment: Experiment,
    sweep: Sweep,
    rates: Mapping[float, float],
    folder: Path,
) -> None:
    """Draw the accuracy over each setting beside the published values, and the learning curves."""
    for name in sweep.names:
        if len({str(trial.parameters[name]) for trial in sweep.trials}) > 1:
            with errors_as_warnings(f"The figure of {name}"):
                _draw_curve(experiment, sweep, name, rates, folder / f"sweep-{name}.png")
    if len(sweep.names) > 1:
        with errors_as_warnings("The figure of the trials"):
            figure = sweep.plot_parallel_coordinates().figure
            write_atomically(folder / "sweep-trials.png", figure.savefig)  # type: ignore[union-attr]
    if any(choice.name == "curves" for choice in experiment.figures):
        with errors_as_warnings("The figure curves"):
            figure = sweep.learning_curves().plot().figure
            write_atomically(folder / "sweep-curves.png", figure.savefig)  # type: ignore[union-attr]


def _draw_curve(
    experiment: Experiment, sweep: Sweep, name: str, rates: Mapping[float, float], path: Path
) -> None:
    """Draw the accuracy over a setting, with a diamond for each published value."""
    curve = sweep.curve(name)
    if rates and name == "learning_rate":
        curve = replace(curve, values=np.array([rates[float(rate)] for rate in curve.values]))
    axes = curve.plot()
    is_number = curve.values.dtype.kind == "f"
    positions = {str(value): k for k, value in enumerate(curve.values)}
    for value in experiment.published:
        if not value.at or not value.is_known or value.measure != "accuracy":
            continue
        key = as_key(value.at[name])
        at = float(key) if is_number else positions[str(key)]
        axes.plot(at, float(value.value), **_style(value))
    axes.legend(fontsize="small")
    figure = axes.get_figure(root=True)
    assert figure is not None
    write_atomically(path, lambda file: figure.savefig(file, format="png"))


def _style(value: Published) -> dict[str, Any]:
    """The look of a published value: the colour of its split, and what the legend says."""
    colours = {**COLOURS, "test": "#009e73"}
    names = {**PART_NAMES, "test": "test images"}
    return {
        "marker": "D",
        "linestyle": "none",
        "color": "none",
        "markeredgecolor": colours[value.split],
        "markeredgewidth": 2,
        "markersize": 9,
        "zorder": 5,
        "label": f"the report, {names[value.split]}: {value}",
    }
