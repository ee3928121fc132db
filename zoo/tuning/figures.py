"""Pictures of a whole sweep: parallel coordinates, and how much each setting matters."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from zoo.errors import ArgumentError
from zoo.inspect.curves.settings import as_key
from zoo.inspect.curves.sweep_runs import value_rank, value_text
from zoo.plots import new_figure
from zoo.text import first_line, percent
from zoo.tuning.study import import_optuna
from zoo.tuning.trials import Trial

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SPAN_OF_LOGARITHM = 10
_MOST_TICKS = 6


def importances(study: Any, seed: int) -> dict[str, float]:
    """Ask Optuna how much of the differences between scores each setting explains.

    Args:
        study: The `optuna.Study`.
        seed: The seed of the random forest of functional ANOVA (Hutter et al., 2014).

    Returns:
        Name of a setting → share, the largest first; the shares sum to 1.

    Raises:
        ArgumentError: There are too few finished trials, or their scores are all equal.
    """
    importance = import_optuna().importance
    evaluator = importance.FanovaImportanceEvaluator(seed=seed)
    try:
        shares = importance.get_param_importances(study, evaluator=evaluator)
        reason = "too few finished trials"
    except (ValueError, RuntimeError) as error:
        shares, reason = {}, first_line(error).rstrip(".")
    if not shares:
        raise ArgumentError(
            "A sweep must have two finished trials or more, with different scores, for the "
            f"importance of its settings. Received: {reason}. Go on with more trials."
        )
    return {name: float(share) for name, share in shares.items()}


def draw_importances(shares: Mapping[str, float], ax: "Axes | None") -> "Axes":
    """Draw the importance of each setting as a bar.

    Args:
        shares: Name of a setting → share.
        ax: The axes to draw into. None makes a figure.
    """
    axes = ax if ax is not None else new_figure(6, 1.2 + 0.4 * len(shares)).add_subplot()
    names, values = [*shares][::-1], np.array([*shares.values()][::-1])
    bars = axes.barh(range(len(names)), 100 * values, color="#0072b2")
    axes.bar_label(bars, [percent(value) for value in values], padding=3, fontsize="small")
    axes.set_yticks(range(len(names)), names, parse_math=False)
    axes.set_xlim(0, 115)
    axes.set_xlabel("share of the variance of the scores in %")
    axes.set_title("importance of the settings (functional ANOVA)", fontsize="medium")
    return axes


def draw_parallel_coordinates(
    trials: Sequence[Trial], names: Sequence[str], metric: str, ax: "Axes | None"
) -> "Axes":
    """Draw each trial as a line through its settings, in the colour of its score.

    Args:
        trials: The trials.
        names: The names of the settings that vary.
        metric: `"accuracy"` or `"loss"`.
        ax: The axes to draw into. None makes a figure.
    """
    import matplotlib

    axes = ax if ax is not None else new_figure(2.5 + 1.6 * len(names), 4).add_subplot()
    factor = 100 if metric == "accuracy" else 1
    scores = factor * np.array([trial.score for trial in trials])
    spread = (float(scores.min()), float(scores.max()))
    norm = matplotlib.colors.Normalize(spread[0], max(spread[1], spread[0] + 1e-9))
    colours = matplotlib.colormaps["viridis"]
    columns = [_Column([trial.parameters[name] for trial in trials]) for name in names]
    heights = np.stack([*(column.heights for column in columns), norm(scores)], axis=1)
    order = np.argsort(scores if metric == "accuracy" else -scores)  # the best on top
    for row in order:
        style = ":" if trials[row].state == "pruned" else "-"
        axes.plot(heights[row], style, color=colours(norm(scores[row])), alpha=0.85)
    for position, column in enumerate(columns):
        axes.axvline(position, color="grey", linewidth=0.8)
        for height, text in column.ticks:
            box = {"facecolor": "white", "alpha": 0.75, "linewidth": 0, "pad": 1}
            axes.text(position - 0.03, height, text, ha="right", va="center", fontsize="x-small",
                      parse_math=False, bbox=box)  # fmt: skip
    unit = "accuracy in %" if metric == "accuracy" else "loss in nats"
    labels = [f"{name} (log)" if c.log else name for name, c in zip(names, columns, strict=True)]
    axes.set_xticks(range(len(names) + 1), [*labels, f"validation {unit}"], parse_math=False)
    axes.set_yticks([])
    axes.set_xlim(-0.5, len(names) + 0.1)
    mapped = matplotlib.cm.ScalarMappable(norm, colours)
    figure = axes.get_figure(root=True)
    assert figure is not None
    figure.colorbar(mapped, ax=axes, label=f"validation {unit}")
    pruned = ", dotted: pruned" if any(trial.state == "pruned" for trial in trials) else ""
    axes.set_title(f"{len(trials)} trials{pruned}", fontsize="medium")
    for side in axes.spines.values():
        side.set_visible(False)
    return axes


class _Column:
    """The axis of a setting: the height of each trial from 0 to 1, and the ticks."""

    def __init__(self, values: Sequence[Any]) -> None:
        keys = [as_key(value) for value in values]
        is_number = all(isinstance(key, (int, float)) for key in keys)
        self.log = is_number and min(keys) > 0 and max(keys) / min(keys) > _SPAN_OF_LOGARITHM
        if is_number:
            numbers = np.log(keys) if self.log else np.array(keys, np.float64)
            low, high = float(numbers.min()), float(numbers.max())
            self.heights: NDArray[np.float64] = (numbers - low) / ((high - low) or 1)
            shown = sorted(set(keys))
            if len(shown) > _MOST_TICKS:
                ends = np.linspace(low, high, 5)
                shown = [float(f"{end:.2g}") for end in (np.exp(ends) if self.log else ends)]
            at = np.log(shown) if self.log else np.array(shown, np.float64)
            heights = (at - low) / ((high - low) or 1)
        else:
            shown = [str(key) for key in sorted(sorted(set(keys), key=str), key=value_rank)]
            heights = np.linspace(0, 1, len(shown)) if len(shown) > 1 else np.zeros(1)
            by_text = dict(zip(shown, heights, strict=True))
            self.heights = np.array([by_text[str(key)] for key in keys])
        self.ticks = [(float(h), value_text(v)) for h, v in zip(heights, shown, strict=True)]
