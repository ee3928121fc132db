"""Sweeps: a score over the values of a setting, with the mean and the spread of several seeds."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from zoo.arguments import argument_error
from zoo.errors import ArgumentError
from zoo.inspect.curves.drawing import (
    COLOURS,
    MARKERS,
    STYLES,
    draw_band,
    plain_legend,
    plain_title,
)
from zoo.inspect.curves.histories import ModelHistory
from zoo.inspect.curves.spread import (
    PART_NAMES,
    PARTS,
    RunScores,
    deviation_over_runs,
    is_better_high,
    mean_over_runs,
    padded,
    scores_of_all,
    unit_of,
)
from zoo.inspect.curves.sweep_runs import (
    group_by_value,
    is_by_value,
    runs_by_value,
    value_text,
    warn_of_other_settings,
)
from zoo.pages.notebook import ShownAsPicture
from zoo.plots import take_axes
from zoo.tensorboard import BUILDER
from zoo.text import data_frame

if TYPE_CHECKING:
    import pandas
    from matplotlib.axes import Axes

_SPAN_OF_LOGARITHM = 10
"""Values that are above 0 and span more than this factor are drawn on a logarithmic axis."""


@dataclass(frozen=True, eq=False, repr=False)
class SweepCurve(ShownAsPicture):
    """A score for each value of a setting.

    Attributes:
        values: The values of the setting, [values]: float64 and rising, or texts.
        train: The score of each run on the training images, float64 [values, runs], padded with
            NaN. It is NaN too where the score was not measured.
        validation: The score of each run on the validation images, in the same way.
        counts: The number of runs of each value, int64 [values].
        parameter: The name of the setting.
        metric: The name of the score.
        epoch: `"best"`: each run counts with its epoch of the lowest validation loss, or training
            loss without validation; `"last"`: with its last epoch.
        best: The position of the value with the best mean on the validation images; None without
            validation images.
        log: Whether the axis of the values is logarithmic.
        also_differing: Other settings in which the runs differ, apart from seeds.

    Example:
        >>> import zoo.inspect
        >>> runs = {rate: {"val_accuracy": [1 - rate]} for rate in (0.5, 0.25)}
        >>> curve = zoo.inspect.sweep_curve(runs, epoch="last")
        >>> curve.values, curve.validation, curve.best
        (array([0.25, 0.5 ]), array([[0.75],
               [0.5 ]]), 0)
    """

    values: NDArray[Any]
    train: NDArray[np.float64]
    validation: NDArray[np.float64]
    counts: NDArray[np.int64]
    parameter: str
    metric: str
    epoch: str
    best: int | None
    log: bool
    also_differing: tuple[str, ...] = ()

    @property
    def best_value(self) -> Any:
        """The value with the best mean on the validation images; None without such images."""
        if self.best is None:
            return None
        value = self.values[self.best]
        return value.item() if isinstance(value, np.generic) else value

    @cached_property
    def train_mean(self) -> NDArray[np.float64]:
        """The mean over the runs on the training images, float64 [values]."""
        return mean_over_runs(self.train.T, self._is_run)

    @cached_property
    def train_deviation(self) -> NDArray[np.float64]:
        """The standard deviation over the runs (n − 1), float64 [values]; NaN of a single run."""
        return deviation_over_runs(self.train.T, self._is_run)

    @cached_property
    def validation_mean(self) -> NDArray[np.float64]:
        """The mean over the runs on the validation images, float64 [values]."""
        return mean_over_runs(self.validation.T, self._is_run)

    @cached_property
    def validation_deviation(self) -> NDArray[np.float64]:
        """The standard deviation over the runs (n − 1), float64 [values]; NaN of a single run."""
        return deviation_over_runs(self.validation.T, self._is_run)

    @property
    def _is_run(self) -> NDArray[np.bool_]:
        """Where there is a run, bool [runs, values]."""
        return np.arange(self.train.shape[1])[:, None] < self.counts

    def __repr__(self) -> str:
        best = "" if self.best is None else f", best {value_text(self.best_value)}"
        return (
            f"{type(self).__name__}({self.metric} over {len(self.values)} values of "
            f"{self.parameter}{best})"
        )

    def to_frame(self) -> "pandas.DataFrame":
        """Make a table with a row for each value.

        Returns:
            A `pandas.DataFrame` with the setting as its first column, and `runs`, `train_mean`,
            `train_deviation`, `validation_mean` and `validation_deviation`.

        Raises:
            ArgumentError: pandas is not installed.
        """
        columns = {f"{part}_{name}": getattr(self, f"{part}_{name}") for part in PARTS
                   for name in ("mean", "deviation")}  # fmt: skip
        return data_frame({self.parameter: self.values, "runs": self.counts, **columns})

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw the mean score over the values, with a band of one standard deviation.

        Each run is a dot, and the best value by the validation images has a star. Texts, such as
        names of optimisers, have error bars instead of a band, and no line that joins them.

        Args:
            ax: The axes to draw into. None makes a figure.

        Returns:
            The axes.
        """
        axes = take_axes(ax, 6, 4)
        label, factor = unit_of(self.metric)
        is_number = self.values.dtype.kind == "f"
        x = self.values if is_number else np.arange(len(self.values), dtype=float)
        if self.log:
            axes.set_xscale("log")
        for part in PARTS:
            self._draw_part(axes, x, part, factor, joined=is_number)
        self._mark_diverged(axes, x)
        if self.best is not None:
            self._mark_best(axes, x[self.best], factor)
        if not is_number:
            names = [str(value) for value in self.values]
            axes.set_xticks(x, names, fontsize="small", parse_math=False)
            axes.set_xlim(-0.6, len(x) - 0.4)
        axes.set_xlabel(self.parameter.removeprefix(BUILDER), parse_math=False)
        axes.set_ylabel(label, parse_math=False)
        plain_title(axes, self._title())
        axes.grid(alpha=0.3)
        plain_legend(axes)
        return axes

    def _draw_part(
        self, axes: "Axes", x: NDArray[np.float64], part: str, factor: float, *, joined: bool
    ) -> None:
        """Draw means, spread and single runs on training or on validation images."""
        runs = factor * getattr(self, part)
        if not np.isfinite(runs).any():
            return
        mean = factor * getattr(self, f"{part}_mean")
        deviation = factor * getattr(self, f"{part}_deviation")
        style: dict[str, Any] = {"color": COLOURS[part], "marker": MARKERS[part]}
        if joined:
            draw_band(axes, x, mean, deviation, part)
            axes.plot(x, mean, STYLES[part], markersize=4, label=PART_NAMES[part], **style)
        else:
            axes.errorbar(
                x, mean, yerr=deviation, capsize=4, linestyle="none", label=PART_NAMES[part],
                **style,
            )  # fmt: skip
        if self.counts.max() > 1:
            repeated = np.broadcast_to(x[:, None], runs.shape)
            axes.plot(repeated, runs, ".", color=COLOURS[part], alpha=0.4, markersize=4, zorder=1)

    def _mark_diverged(self, axes: "Axes", x: NDArray[np.float64]) -> None:
        """Mark the values at which a run has no finite score, at the upper edge."""
        measured = [getattr(self, part) for part in PARTS]
        measured = [values for values in measured if np.isfinite(values).any()]
        has_diverged = np.zeros(len(x), bool)
        for values in measured:
            has_diverged |= (~np.isfinite(values.T) & self._is_run).any(axis=0)
        if has_diverged.any():
            axes.plot(
                x[has_diverged],
                np.ones(has_diverged.sum()),
                "kx",
                transform=axes.get_xaxis_transform(),
                clip_on=False,
                label="a run diverged: no finite value",
            )

    def _mark_best(self, axes: "Axes", x: float, factor: float) -> None:
        """Mark the best value, and say if it lies at an end of the sweep."""
        assert self.best is not None
        mean, deviation = self.validation_mean[self.best], self.validation_deviation[self.best]
        write = (lambda score: f"{100 * score:.1f}") if factor == 100 else "{:.3g}".format
        spread = f" ± {write(deviation)}" if np.isfinite(deviation) else ""
        unit = " %" if factor == 100 else ""
        is_at_end = self.values.dtype.kind == "f" and self.best in (0, len(self.values) - 1)
        label = f"best: {value_text(self.best_value)} ({write(mean)}{spread}{unit})"
        axes.plot(
            x,
            factor * mean,
            "*",
            color=COLOURS["validation"],
            markeredgecolor="black",
            markersize=13,
            zorder=4,
            linestyle="none",
            label=label + (", at an end of the sweep" if is_at_end else ""),
        )

    def _title(self) -> str:
        fewest, most = self.counts.min(), self.counts.max()
        runs = f"{most if fewest == most else f'{fewest} to {most}'} runs"
        losses = "validation" if np.isfinite(self.validation).any() else "training"
        when = f"at the lowest {losses} loss" if self.epoch == "best" else "in the last epoch"
        lines = [f"{self.metric} {when}"]
        if most > 1:
            lines.append(f"{runs} each: mean ± standard deviation")
        if self.also_differing:
            lines.append(f"The runs also differ in {', '.join(self.also_differing[:4])}.")
        return "\n".join(lines)


def sweep_curve(
    runs: Any,
    parameter: str = "learning_rate",
    *,
    metric: str = "accuracy",
    epoch: Literal["best", "last"] = "best",
    best: Literal["max", "min"] | None = None,
    log: bool | None = None,
    member: str | None = None,
) -> SweepCurve:
    """Collect a score for each value of a setting, of one run or of several seeds for each value.

    Args:
        runs: A dict from values of the setting to runs; or run folders, whose `run.json` has the
            value of the setting. Runs with equal values count as repetitions with other seeds.
            Runs are what `learning_curves` takes.
        parameter: The name of the setting. For run folders it is a field of `zoo.Recipe`, an
            argument of the optimiser (`"momentum"`), an argument of the model's builder
            (`"dropout"`), or one of the names in TensorBoard's table (`"train.images"`).
        metric: The name of the score, as for `learning_curves`.
        epoch: `"best"` takes the epoch of each run with the lowest validation loss, or training
            loss without validation images, as TensorBoard's table of hyperparameters does. `"last"`
            takes the last epoch.
        best: `"max"` if a high value of the score is better, `"min"` if a low value is; None knows
            it for accuracies and losses.
        log: Whether the axis of the values is logarithmic; None decides: values above 0 that span
            more than a factor of ten.
        member: As for `learning_curves`.

    Returns:
        The `SweepCurve`.

    Raises:
        ArgumentError: No run has this setting, all have the same value, there is no such score, or
            an argument is not as described.
        RunError: A folder holds no run, or no epoch of it has ended.

    Warns:
        UserWarning: Runs of folders differ in other settings too, so that the curve may show the
            effect of these.

    Example:
        >>> runs = {rate: {"loss": [2.0, 1 - rate], "val_loss": [2.0, 1 + rate]}
        ...         for rate in (0.1, 0.01, 0.001)}
        >>> curve = sweep_curve(runs, metric="loss")
        >>> curve.values, curve.validation_mean, curve.best_value, curve.log
        (array([0.001, 0.01 , 0.1  ]), array([1.001, 1.01 , 1.1  ]), 0.001, True)
    """
    if epoch not in ("best", "last"):
        raise argument_error("epoch", 'be "best" or "last"', epoch, "Leave it out")
    keys, histories = runs_by_value(runs, parameter, member)
    values, groups = group_by_value(keys, parameter)
    also = [] if is_by_value(runs) else warn_of_other_settings(histories, parameter)
    is_logarithmic = _is_logarithmic(values, log)
    scores = [
        _at_epoch(history, run, epoch)
        for history, run in zip(histories, scores_of_all(histories, metric), strict=True)
    ]
    most = max(map(len, groups))
    train, validation = (
        padded([[scores[run][part] for run in group] for group in groups], [0] * len(groups), most)
        for part in range(len(PARTS))
    )
    is_high_better = is_better_high(metric, best)
    curve = SweepCurve(
        values,
        train,
        validation,
        np.array([len(group) for group in groups]),
        parameter,
        metric,
        epoch,
        None,
        is_logarithmic,
        tuple(also),
    )
    return _with_best(curve, is_high_better)


def _with_best(curve: SweepCurve, is_high_better: bool) -> SweepCurve:
    """Choose the best value by the means on the validation images."""
    means = curve.validation_mean
    if not np.isfinite(means).any():
        return curve
    worst = -np.inf if is_high_better else np.inf
    order = np.where(np.isfinite(means), means, worst)
    return replace(curve, best=int(order.argmax() if is_high_better else order.argmin()))


def _is_logarithmic(values: NDArray[Any], log: bool | None) -> bool:
    """Decide on the axis, and refuse a logarithmic axis for values that have no logarithm."""
    is_possible = values.dtype.kind == "f" and values[0] > 0
    if log and not is_possible:
        raise ArgumentError(
            "With log=True, all values must be numbers above 0. Received: "
            f"{', '.join(map(value_text, values))}. Leave log= out."
        )
    return bool(is_possible and values[-1] / values[0] > _SPAN_OF_LOGARITHM if log is None else log)


def _at_epoch(history: ModelHistory, run: RunScores, epoch: str) -> tuple[float, float]:
    """Take the score of a run on training and on validation images, in its best or last epoch."""
    position = -1
    if epoch == "best":
        losses = history.scores.get("val_loss") or history.scores.get("loss")
        if not losses or len(losses) != len(run):
            raise ArgumentError(
                'With epoch="best", each run must have a loss after each epoch. Received: none of '
                f'{history.name}. Pass epoch="last", or add val_loss.'
            )
        if np.isfinite(losses).any():
            position = int(np.argmin(np.where(np.isfinite(losses), losses, np.inf)))
    train, validation = (values[position] if values else np.nan for values in run)
    return train, validation
