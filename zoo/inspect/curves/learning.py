"""Learning curves: scores over epochs, with the mean and the spread of several runs."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from zoo.inspect.curves.drawing import (
    COLOURS,
    RUN_COLOURS,
    STYLES,
    draw_band,
    plain_legend,
    plain_title,
)
from zoo.inspect.curves.histories import ModelHistory, model_histories
from zoo.inspect.curves.settings import differing_settings
from zoo.inspect.curves.spread import (
    PART_NAMES,
    PARTS,
    deviation_over_runs,
    mean_over_runs,
    padded,
    scores_of_all,
    unit_of,
)
from zoo.pages.notebook import ShownAsPicture
from zoo.plots import take_axes
from zoo.text import data_frame

if TYPE_CHECKING:
    import pandas
    from matplotlib.axes import Axes


@dataclass(frozen=True, eq=False, repr=False)
class LearningCurves(ShownAsPicture):
    """A score after each epoch, of one run or of several.

    Attributes:
        epochs: The numbers of the epochs, int64 [epochs], from 1 on.
        train: The score on the training images, float64 [runs, epochs]. NaN where a run has no such
            epoch, as after early stopping, or where the score was not measured.
        validation: The score on the validation images, in the same way.
        is_trained: Whether a run has this epoch, bool [runs, epochs].
        names: The names of the runs.
        metric: The name of the score.
        differing: The settings in which the runs differ, other than seeds. If there are any, the
            runs are no repetitions of the same training: a picture draws each by itself.

    Example:
        >>> import zoo.inspect
        >>> run = {"loss": [2.0, 1.0], "val_loss": [3.0, 2.0]}
        >>> curves = zoo.inspect.learning_curves(run, "loss")
        >>> curves.epochs, curves.validation
        (array([1, 2]), array([[3., 2.]]))
    """

    epochs: NDArray[np.int64]
    train: NDArray[np.float64]
    validation: NDArray[np.float64]
    is_trained: NDArray[np.bool_]
    names: tuple[str, ...]
    metric: str
    differing: tuple[str, ...] = ()

    @property
    def counts(self) -> NDArray[np.int64]:
        """The number of runs that have each epoch, int64 [epochs]."""
        return self.is_trained.sum(axis=0)

    @cached_property
    def train_mean(self) -> NDArray[np.float64]:
        """The mean over the runs on the training images, float64 [epochs]."""
        return mean_over_runs(self.train, self.is_trained)

    @cached_property
    def train_deviation(self) -> NDArray[np.float64]:
        """The standard deviation over the runs (n − 1), float64 [epochs]; NaN of a single run."""
        return deviation_over_runs(self.train, self.is_trained)

    @cached_property
    def validation_mean(self) -> NDArray[np.float64]:
        """The mean over the runs on the validation images, float64 [epochs]."""
        return mean_over_runs(self.validation, self.is_trained)

    @cached_property
    def validation_deviation(self) -> NDArray[np.float64]:
        """The standard deviation over the runs (n − 1), float64 [epochs]; NaN of a single run."""
        return deviation_over_runs(self.validation, self.is_trained)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self.metric}: {_count(len(self.names))}, "
            f"{len(self.epochs)} epochs)"
        )

    def to_frame(self) -> "pandas.DataFrame":
        """Make a table with a row for each epoch of each run.

        Returns:
            A `pandas.DataFrame` with the columns `run`, `epoch`, `train` and `validation`.

        Raises:
            ArgumentError: pandas is not installed.
        """
        rows, columns = np.nonzero(self.is_trained)
        return data_frame(
            {
                "run": np.array(self.names, object)[rows],
                "epoch": self.epochs[columns],
                "train": self.train[rows, columns],
                "validation": self.validation[rows, columns],
            }
        )

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw the score over the epochs.

        Repetitions of the same training are drawn as the mean, with a band of one standard
        deviation around it and a thin line for each run. The mean is dotted where some of the runs
        have ended. Runs with different settings are drawn each by itself, with its name.

        Args:
            ax: The axes to draw into. None makes a figure.

        Returns:
            The axes.
        """
        from matplotlib.ticker import MaxNLocator  # imported here, since the import is slow

        width = 8 if self.differing else 6
        axes = take_axes(ax, width, 4)
        label, factor = unit_of(self.metric)
        draw = self._draw_each if self.differing else self._draw_mean
        draw(axes, factor)
        axes.set_xlabel("epoch")
        axes.set_ylabel(label, parse_math=False)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        plain_title(axes, self._title())
        axes.grid(alpha=0.3)
        return axes

    def _title(self) -> str:
        runs = len(self.names)
        if runs == 1:
            return f"{self.names[0]}: {self.metric}"
        if self.differing:
            return f"{self.metric} of {runs} runs that differ in {_listed(self.differing)}"
        return f"{self.metric}\n{runs} runs: mean ± standard deviation"

    def _draw_mean(self, axes: "Axes", factor: float) -> None:
        """Draw the mean, the band and a thin line for each run."""
        is_whole = self.counts == len(self.names)
        for part in PARTS:
            values = factor * getattr(self, part)
            if not np.isfinite(values).any():
                continue
            mean = factor * getattr(self, f"{part}_mean")
            deviation = factor * getattr(self, f"{part}_deviation")
            colour = COLOURS[part]
            if len(values) > 1:
                draw_band(axes, self.epochs, mean, deviation, part)
                axes.plot(self.epochs, values.T, color=colour, alpha=0.5, linewidth=0.6)
            # A point of its own for a curve of one epoch, which has no line.
            marker = "o" if len(self.epochs) == 1 else None
            solid, dotted = (np.where(where, mean, np.nan) for where in (is_whole, ~is_whole))
            joined = np.flatnonzero(is_whole)[-1:]
            dotted[joined] = mean[joined]
            style = STYLES[part]
            name = PART_NAMES[part]
            axes.plot(self.epochs, solid, style, color=colour, marker=marker, label=name)
            if not is_whole.all():
                axes.plot(self.epochs, dotted, ":", color=colour)
        if not is_whole.all():
            label = f"fewer than {len(self.names)} runs"
            axes.plot([], [], ":", color="grey", label=label)
        plain_legend(axes)

    def _draw_each(self, axes: "Axes", factor: float) -> None:
        """Draw each run in its own colour, or all in two colours if they are many."""
        is_named = len(self.names) <= len(RUN_COLOURS)
        for part in PARTS:
            values = factor * getattr(self, part)
            for number, row in enumerate(values):
                colour = RUN_COLOURS[number] if is_named else COLOURS[part]
                axes.plot(self.epochs, row, STYLES[part], color=colour, linewidth=1)
        for number, name in enumerate(self.names if is_named else ()):
            axes.plot([], [], color=RUN_COLOURS[number], label=name)
        for part in PARTS:
            if np.isfinite(getattr(self, part)).any():
                colour = "grey" if is_named else COLOURS[part]
                axes.plot([], [], STYLES[part], color=colour, label=PART_NAMES[part])
        # Beside the axes, since so many lines leave no room.
        plain_legend(axes, loc="center left", bbox_to_anchor=(1, 0.5))


def learning_curves(
    runs: Any, metric: str = "accuracy", *, member: str | None = None
) -> LearningCurves:
    """Collect a score over the epochs of one run, or of several runs of the same training.

    The members of a committee count as runs: those of `Committee("mlp", copies=8)` are eight
    repetitions with other seeds.

    Args:
        runs: A run folder, which `zoo train` or `fit(log_dir=...)` wrote; a
            `keras.callbacks.History`, which `fit` returned; a dict of lists, such as
            `{"accuracy": [...], "val_accuracy": [...]}`; or several of these.
        metric: The name of the score, as in TensorBoard before the slash: `"accuracy"`, `"loss"` or
            `"learning_rate"`, or a metric of a Keras model.
        member: The name of a member, of committees; `"committee"` takes the committees' own scores.
            None takes all members.

    Returns:
        The `LearningCurves`.

    Raises:
        ArgumentError: There is no run, no such score or no such member.
        RunError: A folder holds no run, or no epoch of it has ended.

    Example:
        >>> runs = [{"loss": [2.0, 1.0]}, {"loss": [3.0, 2.0, 1.5]}]
        >>> curves = learning_curves(runs, "loss")
        >>> curves.train_mean, curves.counts
        (array([2.5, 1.5, 1.5]), array([2, 2, 1]))
    """
    histories = model_histories(runs, member)
    scores = scores_of_all(histories, metric)
    lengths = [*map(len, scores)]
    first = min(history.first for history in histories)
    starts = [history.first - first for history in histories]
    width = max(start + length for start, length in zip(starts, lengths, strict=True))
    columns = np.arange(width)
    is_trained = np.array(
        [(columns >= start) & (columns < start + length)
         for start, length in zip(starts, lengths, strict=True)]
    )  # fmt: skip
    train = padded([run.train for run in scores], starts, width)
    validation = padded([run.validation for run in scores], starts, width)
    return LearningCurves(
        first + columns,
        train,
        validation,
        is_trained,
        tuple(history.name for history in histories),
        metric,
        tuple(_differing(histories)),
    )


def _differing(histories: list[ModelHistory]) -> list[str]:
    """Name the settings in which runs differ, where the settings of all runs are known."""
    settings = [history.settings for history in histories]
    known = [each for each in settings if each is not None]
    return differing_settings(known) if len(known) == len(settings) else []


def _listed(names: tuple[str, ...], most: int = 3) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _count(runs: int) -> str:
    return f"{runs} run{'s' if runs > 1 else ''}"
