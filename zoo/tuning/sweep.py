"""The sweep: all trials, the best of them, tables and pictures."""

from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Group
from rich.text import Text

from zoo.arguments import argument_error
from zoo.ensembles.committee import Committee
from zoo.ensembles.measures.bootstrap import percentile_interval, resampled_means
from zoo.ensembles.reports.leaderboard import Leaderboard
from zoo.inspect.curves.learning import LearningCurves, learning_curves
from zoo.inspect.curves.settings import as_key
from zoo.inspect.curves.sweep import SweepCurve, sweep_curve
from zoo.inspect.curves.sweep_runs import value_text
from zoo.text import (
    as_plain_text,
    data_frame,
    did_you_mean,
    json_text,
    percent,
    rich_table,
    terminal_text,
)
from zoo.tuning.choosing import choose_committee, rank_committee
from zoo.tuning.confirming import Confirmation, confirm_trial
from zoo.tuning.figures import draw_importances, draw_parallel_coordinates, importances
from zoo.tuning.study import FailedTrial, failed_trials
from zoo.tuning.trials import SweepSetup, Trial, rank

if TYPE_CHECKING:
    import pandas
    from matplotlib.axes import Axes

SHOWN_TRIALS = 10
"""The number of trials in the printed table: the best."""


@dataclass(frozen=True, eq=False, repr=False)
class Sweep:
    """The trials of a sweep. `zoo.tune` makes it; print it for a table.

    Attributes:
        trials: All trials that have ended, in the order in which they were proposed.
        setup: What the trials share: the images, the seeds and the search space.
        study: The `optuna.Study`.
    """

    trials: tuple[Trial, ...]
    setup: SweepSetup
    study: Any

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the settings that vary."""
        return self.setup.space.names

    @cached_property
    def failed(self) -> tuple[FailedTrial, ...]:
        """The trials that could not be trained, each with its settings and the traceback."""
        return failed_trials(self.study, self.setup.space.values_of)

    @cached_property
    def ranking(self) -> tuple[Trial, ...]:
        """The trials, the best first: finished trials, then pruned trials."""
        return tuple(rank(self.trials))

    @property
    def best(self) -> Trial:
        """The best trial by the mean score on the validation images over the seeds.

        Its `accuracy` has an interval, and its `model` is trained. The validation images have
        chosen it, so that its accuracy on them is too high.
        """
        return self.ranking[0]

    @cached_property
    def rivals(self) -> tuple[Trial, ...]:
        """The other finished trials that are not worse than the best beyond chance.

        Each is compared with the best on the same validation images, by a paired bootstrap over
        the images: the 95 % interval of the difference of their accuracies holds 0.
        """
        others = [trial for trial in self.ranking[1:] if trial.state == "finished"]
        if not others:
            return ()
        best = self.best.right.mean(axis=0)
        differences = np.stack([best - trial.right.mean(axis=0) for trial in others], axis=1)
        low, _ = percentile_interval(resampled_means(differences))
        return tuple(trial for trial, least in zip(others, low, strict=True) if least <= 0)

    def sentence(self) -> str:
        """Say which trial is the best, and how much of that is chance."""
        best, count = self.best, len(self.trials)
        seeds = ""
        if self.setup.seeds > 1:
            seeds = (
                f", mean of {self.setup.seeds} seeds with a standard deviation of "
                f"{percent(best.deviation)}"
            )
        where = "validation images"
        if self.setup.held_out:
            where += " that were held out of the training images"
        chosen = f"The best of {count} trials is {best.name} ({best.text})"
        failed = ", ".join(str(trial) for trial in self.failed)
        lost = f" {len(self.failed)} more failed: {failed}." if failed else ""
        if count == 1:
            alone = f"{best.name} ({best.text}) has an accuracy of {best.accuracy} {where}{seeds}."
            return alone + lost
        rivals = len(self.rivals)
        near = {
            0: "Every other trial is worse beyond chance.",
            1: "One other trial is not worse beyond chance.",
        }.get(rivals, f"{rivals} other trials are not worse beyond chance.")
        return (
            f"{chosen}, with an accuracy of {best.accuracy} {where}{seeds}. These images chose it, "
            f"so this accuracy is too high. {near}{lost}"
        )

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({len(self.trials)} trials over {', '.join(self.names)}; best: "
            f"{self.best.name}, {percent(self.best.mean_accuracy)} with {self.best.text})"
        )

    def to_frame(self) -> "pandas.DataFrame":
        """Make a table with a row for each trial.

        Returns:
            A `pandas.DataFrame` with the columns `trial`, each setting that varies, `accuracy`,
            `deviation` (over the seeds), `loss`, `epochs` (the most of a seed) and `state`.
            Accuracy and loss are means over the seeds, on the validation images.

        Raises:
            ArgumentError: pandas is not installed.
        """
        columns = {name: [trial.parameters[name] for trial in self.trials] for name in self.names}
        return data_frame(
            {
                "trial": [trial.number for trial in self.trials],
                **columns,
                "accuracy": [trial.mean_accuracy for trial in self.trials],
                "deviation": [trial.deviation for trial in self.trials],
                "loss": [float(trial.losses.mean()) for trial in self.trials],
                "epochs": [max(trial.epochs) for trial in self.trials],
                "state": [trial.state for trial in self.trials],
            }
        )

    def to_dict(self) -> dict[str, Any]:
        """Give the sweep as JSON values."""
        trials = [
            {
                "trial": trial.number,
                "parameters": trial.parameters,
                "accuracy": trial.mean_accuracy,
                "accuracies": trial.accuracies.tolist(),
                "losses": trial.losses.tolist(),
                "epochs": list(trial.epochs),
                "state": trial.state,
                "outcomes": list(trial.outcomes),
            }
            for trial in self.ranking
        ]
        interval = [self.best.accuracy.low, self.best.accuracy.high]
        return {
            "best": {**trials[0], "interval": interval},
            "rivals": [trial.number for trial in self.rivals],
            "sentence": self.sentence(),
            "trials": trials,
            "failed": [asdict(trial) for trial in self.failed],
        }

    def to_json(self) -> str:
        """Write `to_dict` as JSON text."""
        return json_text(self.to_dict(), indent=2, default=str)

    def plot(
        self, parameter: str | None = None, ax: "Axes | None" = None, *, metric: str = "accuracy"
    ) -> "Axes":
        """Draw a score over the values of a setting, on training and on validation images.

        Each run is a dot. Runs with the same value, of several seeds or with other values of the
        other settings, have a mean and a band of one standard deviation.

        Args:
            parameter: The name of a setting that varies; None takes the first.
            ax: The axes to draw into. None makes a figure.
            metric: `"accuracy"` or `"loss"`.

        Returns:
            The axes.

        Raises:
            ArgumentError: The setting does not vary.
        """
        return self.curve(parameter, metric=metric).plot(ax)

    def curve(self, parameter: str | None = None, *, metric: str = "accuracy") -> SweepCurve:
        """Collect a score for each value of a setting, on training and on validation images.

        Args:
            parameter: The name of a setting that varies; None takes the first.
            metric: `"accuracy"` or `"loss"`.

        Returns:
            The `SweepCurve`: means and deviations for each value. `plot` draws it.

        Raises:
            ArgumentError: The setting does not vary.
        """
        name = self._checked_name(parameter)
        runs: dict[Any, list[dict[str, list[float]]]] = {}
        for trial in self.trials:
            runs.setdefault(as_key(trial.parameters[name]), []).extend(trial.histories)
        others = [other for other in self.names if other != name and self._differs(other)]
        if any(trial.state == "pruned" for trial in self.trials):
            others.append("epochs (some were pruned)")
        # The epoch whose weights the trials keep.
        keeps_best = "patience" in self.names or self.setup.space.recipe.patience
        curve = sweep_curve(runs, name, metric=metric, epoch="best" if keeps_best else "last")
        return replace(curve, also_differing=tuple(others))

    def learning_curves(self, metric: str = "accuracy") -> LearningCurves:
        """Collect the score of each trial over the epochs, as the mean over its seeds.

        Args:
            metric: `"accuracy"` or `"loss"`.

        Returns:
            The `LearningCurves`; call its `plot`.
        """
        means = [trial.mean_history for trial in self.trials]
        curves = learning_curves(means, metric)
        names = tuple(f"{trial.name}: {trial.text}" for trial in self.trials)
        return replace(curves, names=names, differing=self.names)

    def importance(self) -> dict[str, float]:
        """Tell how much of the differences between scores each setting explains.

        Returns:
            Name of a setting → share of the variance of the scores over finished trials, by
            Optuna's functional ANOVA (Hutter et al., 2014); the largest first.

        Raises:
            ArgumentError: There are too few finished trials, or their scores are all equal.
        """
        return importances(self.study, self.setup.seed)

    def plot_importance(self, ax: "Axes | None" = None) -> "Axes":
        """Draw `importance` as bars.

        Args:
            ax: The axes to draw into. None makes a figure.
        """
        return draw_importances(self.importance(), ax)

    def plot_parallel_coordinates(self, ax: "Axes | None" = None) -> "Axes":
        """Draw each trial as a line through its settings, in the colour of its score.

        Args:
            ax: The axes to draw into. None makes a figure.
        """
        return draw_parallel_coordinates(self.trials, self.names, self.setup.metric, ax)

    def committee(self, x: Any = None, y: Any = None, *, rounds: int = 50) -> Committee:
        """Choose a committee among the trained models of all trials, also of pruned trials.

        Models are taken greedily with replacement, each time the model that improves the mean
        probabilities most: a hyper-deep ensemble (Wenzel et al., 2020).

        Args:
            x: Validation images: a `Split`, or uint8 [n, height, width, channels]. None takes those
                of the sweep, whose answers are kept with the trials.
            y: Labels int [n], if `x` is an array.
            rounds: How often a model is taken.

        Returns:
            A `Committee` with soft voting, in which the weight of a member is how often it was
            taken. `leaderboard` says whether it is better than the best trial.

        Raises:
            DataError: The images are the test split, or do not fit.
            RunError: The file of a trial is missing.
        """
        return choose_committee(self.trials, x, y, rounds)

    def leaderboard(
        self, x: Any, y: Any = None, *, committee: Committee | None = None
    ) -> Leaderboard:
        """Say whether the committee of the sweep is better than the best trial, beyond chance.

        Args:
            x: Images that chose nothing, such as `data.test`: a `Split`, or uint8 [n, height,
                width, channels].
            y: Labels int [n], if `x` is an array.
            committee: The committee; None takes `committee()`.

        Returns:
            A leaderboard of the committee, its members and the best trial. Its sentence compares
            the committee with the member that has the highest accuracy on the validation images.
        """
        return rank_committee(committee or self.committee(), self.best, x, y)

    def confirm(self, data: Any, *, seeds: int = 5, verbose: str | int = "auto") -> Confirmation:
        """Train the best trial again with fresh seeds, and judge it on test images.

        The accuracy of the best trial on the validation images is too high, since they chose it,
        together with its seed.

        Args:
            data: An `ImageData`, whose test split judges; test images, as `Committee.report` takes
                them; or None for no test.
            seeds: The number of fresh seeds.
            verbose: `"auto"` or 1 shows the progress, 0 shows nothing.

        Returns:
            The `Confirmation`: print it.

        Raises:
            DataError: The images do not fit, or there is no test split.
        """
        return confirm_trial(self.best, len(self.trials), data, seeds, verbose)

    def _checked_name(self, parameter: str | None) -> str:
        """Take the name of a setting that varies."""
        if parameter is None:
            return self.names[0]
        if parameter not in self.names:
            hint = did_you_mean(str(parameter), self.names)
            raise argument_error(
                "parameter",
                f"be a setting that varies: {', '.join(self.names)}",
                parameter,
                f"Leave it out for {self.names[0]}{hint if '?' in hint else ''}".rstrip("?."),
            )
        return parameter

    def _differs(self, name: str) -> bool:
        return len({str(trial.parameters[name]) for trial in self.trials}) > 1

    def __rich__(self) -> Group:
        header, rows = self._table()
        hidden = len(self.trials) - len(rows)
        title = f"{len(self.trials)} trials, the best first"
        if hidden:
            title += f" ({hidden} more are not shown)"
        table = rich_table(header, rows, title=title, bold=self.best.name)
        return Group(table, Text(), terminal_text(self.sentence()))

    def __str__(self) -> str:
        return as_plain_text(self)

    def _table(self) -> tuple[list[str], list[list[str]]]:
        """Give the header and the rows of the printed table."""
        shown = self.ranking[:SHOWN_TRIALS]
        several = self.setup.seeds > 1
        remarks = [_remark(trial) for trial in shown]
        header = ["", *self.names, "validation accuracy", "±", "loss", "epochs", "remark"]
        rows = [
            [
                trial.name,
                *(value_text(as_key(trial.parameters[name])) for name in self.names),
                percent(trial.mean_accuracy),
                percent(trial.deviation),
                f"{trial.losses.mean():.3f}",
                str(max(trial.epochs)),
                remark,
            ]
            for trial, remark in zip(shown, remarks, strict=True)
        ]
        left_out = {"±"} if not several else set()
        if not any(remarks):
            left_out.add("remark")
        kept = [index for index, name in enumerate(header) if name not in left_out]
        return [header[k] for k in kept], [[row[k] for k in kept] for row in rows]

    @property
    def log_dir(self) -> Path:
        """The folder of the sweep."""
        return self.setup.folder


def _remark(trial: Trial) -> str:
    """Say how the training of a trial ended early, in short."""
    texts = list(dict.fromkeys(text.split(",")[0] for text in trial.outcomes if text))
    return "; ".join(texts)
