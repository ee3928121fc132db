"""The loss of a network over a plane in the space of its weights."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.arguments import is_among, whole_number
from zoo.errors import ArgumentError
from zoo.inspect.landscapes.descent import Trajectory
from zoo.inspect.landscapes.drawing import (
    draw_contours,
    draw_marks,
    draw_paths,
    write_caption,
)
from zoo.inspect.landscapes.grid import fill
from zoo.inspect.landscapes.networks_at_weights import normalizers
from zoo.inspect.landscapes.outputs import check_built, labelled_images
from zoo.inspect.landscapes.planes import WeightName
from zoo.inspect.landscapes.point_losses import BATCH_SIZE, PointLosses
from zoo.inspect.landscapes.views import (
    Range,
    View,
    member_view,
    path_view,
    random_view,
    weight_view,
)
from zoo.inspect.landscapes.weight_path import WeightPath
from zoo.pages.notebook import ShownAsPicture
from zoo.plots import take_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

STATISTICS = ("kept", "anew")


@dataclass(frozen=True)
class Landscape(ShownAsPicture):
    """The loss over a plane in the space of the weights.

    Attributes:
        losses: The mean loss at each point, float64 [rows, columns]: cross-entropy in nats.
        x: The coordinates of the columns, float64 [columns].
        y: The coordinates of the rows, float64 [rows].
        labels: The labels of the two axes, with units.
        images: The number of images.
        frozen: The paths of the weights that are the same at all points.
        statistics: `"kept"` or `"anew"`: whether batch normalisation keeps its moving statistics,
            or takes its statistics anew at each point; None for a model without such layers.
        penalties: Whether the penalties of regularisers are part of the losses.
        title: What is shown.
        caption: What was measured: the number of images, what was frozen, and the statistics.
        marks: Named points: name → coordinates.
        paths: Named paths: name → coordinates, float64 [steps, 2].
        is_whole: Whether all points were computed that were asked for. After Ctrl-C the grid is
            coarser.

    Example:
        >>> import zoo
        >>> data = zoo.datasets.load("digits")
        >>> model = zoo.build("softmax", input_shape=(8, 8, 1), num_classes=10, seed=0)
        >>> valley = zoo.inspect.landscape(model, data.test, points=3)
        >>> valley.x, valley.y, valley.losses.shape
        (array([-1.,  0.,  1.]), array([-1.,  0.,  1.]), (3, 3))
    """

    losses: np.ndarray
    x: np.ndarray
    y: np.ndarray
    labels: tuple[str, str]
    images: int
    frozen: tuple[str, ...]
    statistics: str | None
    penalties: bool
    title: str
    caption: str
    marks: dict[str, tuple[float, float]] = field(default_factory=dict)
    paths: dict[str, np.ndarray] = field(default_factory=dict)
    is_whole: bool = True

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw the landscape as contours, with marks and paths on top.

        Args:
            ax: The axes to draw into; None makes axes on a figure of their own, `ax.figure`.

        Returns:
            The axes.
        """
        axes = take_axes(ax, 5.6, 5)
        loss = "cross-entropy with penalties" if self.penalties else "cross-entropy"
        draw_contours(axes, self.x, self.y, self.losses, f"{loss} [nats]")
        draw_paths(axes, self.paths)
        draw_marks(axes, self.marks)
        axes.set_xlim(self.x[0], self.x[-1])
        axes.set_ylim(self.y[0], self.y[-1])
        axes.set_xlabel(self.labels[0], parse_math=False)
        axes.set_ylabel(self.labels[1], parse_math=False)
        write_caption(axes, self.title, self.caption)
        return axes


def landscape(
    model: Any,
    data: Any,
    *,
    weights: Sequence[WeightName] | None = None,
    path: WeightPath | None = None,
    through: Sequence[str | int] | None = None,
    trajectories: Iterable[Trajectory] = (),
    x: Range | None = None,
    y: Range | None = None,
    points: int = 21,
    seed: int = 0,
    batch_statistics: str | None = None,
    penalties: bool = False,
    batch_size: int = BATCH_SIZE,
    verbose: str | int = "auto",
) -> Landscape:
    """Compute the loss of a model or committee over a plane in the space of its weights.

    Without `weights`, `path` and `through`, the plane is spanned by two random directions that are
    normalised filter by filter (Li et al., 2018). The model is not changed. It is evaluated in
    inference mode and in float32, also if it computes in half precision. The loss of a committee is
    that of its probabilities, and all members move.

    A coarse grid is computed first, and finer grids on top. After Ctrl-C the finest grid that is
    complete is returned, with a warning.

    Args:
        model: A built `keras.Model`, or a committee.
        data: Images with labels: a `Split`, a pair of arrays, or a dataset.
        weights: Two single weights as axes, each as path and place:
            `[("logits/kernel", 350, 3), ("logits/kernel", 378, 3)]`. All others are frozen.
        path: A `WeightPath` that recorded a training of this model. The axes are the first two
            principal components of the path.
        through: Names or numbers of three members of a committee, of the same architecture. The
            plane goes through their weights.
        trajectories: The results of `descend` over the same `weights`, which are drawn on top.
        x: The lowest and the highest coordinate on the horizontal axis; None chooses them.
        y: The same of the vertical axis.
        points: The number of points along each axis.
        seed: The seed of the random directions.
        batch_statistics: `"kept"`: batch normalisation keeps its moving statistics. `"anew"`: it
            takes statistics anew at each point, from these images, which is needed far from the
            weights that the moving statistics belong to. None takes `"anew"` for `path` and
            `through`, else `"kept"`.
        penalties: Whether to add the penalties of regularisers to the loss.
        batch_size: The number of images at a time.
        verbose: `"auto"` or 1 shows a progress bar on a terminal, 0 shows nothing.

    Returns:
        The `Landscape`: its `losses` [points, points], and `plot`.

    Raises:
        ArgumentError: The arguments do not fit together, or do not fit the model.
        DataError: The images do not fit the model.

    Example:
        >>> import zoo
        >>> data = zoo.datasets.load("digits")
        >>> model = zoo.build("softmax", input_shape=(8, 8, 1), num_classes=10, seed=0)
        >>> valley = zoo.inspect.landscape(model, data.test, points=5)
        >>> valley.losses.shape, valley.images, valley.frozen
        ((5, 5), 359, ('logits/bias',))
    """
    check_built("model", model)
    chosen = {"weights": weights, "path": path, "through": through}
    named = [name for name, value in chosen.items() if value is not None]
    if len(named) > 1:
        raise ArgumentError(
            f"A landscape must have a single kind of axes. Received: {' and '.join(named)}. Leave "
            "out all but one of them."
        )
    trajectories = list(trajectories) if isinstance(trajectories, Iterable) else trajectories
    drawn = _positions(trajectories)
    if drawn and weights is None:
        raise ArgumentError(
            f"trajectories must be empty without weights=. Received: {', '.join(drawn)}. Pass the "
            "weights that they go over."
        )
    whole_number("points", points, 3)
    whole_number("batch_size", batch_size, 1)
    if weights is not None:
        view = weight_view(model, weights, drawn)
        _check_weights(trajectories, view.labels)
    elif path is not None:
        view = path_view(model, path)
    elif through is not None:
        view = member_view(model, through)
    else:
        view = random_view(model, whole_number("seed", seed, 0))
    anew = check_statistics(batch_statistics, default="anew" if view.anew else "kept") == "anew"
    split = labelled_images(view.model, data)
    losses = PointLosses(
        view.model, view.plane, split, anew=anew, penalties=penalties, batch_size=batch_size
    )
    columns, rows = (
        np.linspace(*_check_range(name, given, default), points)
        for name, given, default in zip("xy", (x, y), view.ranges, strict=True)
    )
    grid = fill(losses.means, columns, rows, verbose=verbose)
    statistics = ("anew" if anew else "kept") if normalizers(view.model) else None
    frozen = view.frozen(anew=anew)
    caption = _caption(view, len(split), frozen, statistics)
    if not grid.is_whole:
        caption += f" Stopped at {len(grid.x)}×{len(grid.y)} of {points}×{points} points."
    return Landscape(
        grid.losses,
        grid.x,
        grid.y,
        view.labels,
        len(split),
        frozen,
        statistics,
        penalties,
        view.title,
        caption,
        {name: (float(a), float(b)) for name, (a, b) in view.marks.items()},
        dict(view.paths),
        grid.is_whole,
    )


def check_statistics(value: str | None, *, default: str) -> str:
    """Take `"kept"` or `"anew"`, or the default for None."""
    if value is not None and not is_among(value, STATISTICS):
        raise ArgumentError(
            f'batch_statistics must be "kept" or "anew". Received: {value!r}. Leave it out for '
            "the value that fits the axes."
        )
    return value or default


def _positions(trajectories: Any) -> dict[str, np.ndarray]:
    """Take the positions of trajectories by their names."""
    is_list = isinstance(trajectories, Iterable)
    listed = list(trajectories) if is_list else []
    if not is_list or not all(isinstance(trajectory, Trajectory) for trajectory in listed):
        raise ArgumentError(
            f"trajectories must be a list of Trajectory. Received: {trajectories!r:.200}. Pass the "
            "result of zoo.inspect.descend."
        )
    positions = {trajectory.name: trajectory.positions for trajectory in listed}
    if len(positions) < len(listed):
        names = ", ".join(trajectory.name for trajectory in listed)
        raise ArgumentError(
            f"trajectories must have different names. Received: {names}. Name the optimisers that "
            "you pass to descend differently."
        )
    return positions


def _check_weights(trajectories: Iterable[Trajectory], labels: tuple[str, str]) -> None:
    """Refuse trajectories over other weights than the axes."""
    for trajectory in trajectories:
        if trajectory.weights and trajectory.weights != labels:
            raise ArgumentError(
                f"trajectories must go over the weights of the axes, {' and '.join(labels)}. "
                f"Received: {trajectory.name!r} over {' and '.join(trajectory.weights)}. Pass the "
                "same weights= to descend and landscape."
            )


def _check_range(name: str, value: Range | None, default: Range) -> Range:
    """Check the ends of an axis."""
    if value is None:
        return default
    try:
        low, high = map(float, value)
    except (TypeError, ValueError):
        low, high = np.nan, np.nan
    if not (np.isfinite([low, high]).all() and low < high):
        raise ArgumentError(
            f"{name} must be a lower and a higher number. Received: {value!r}. Pass (-1, 1), for "
            "example."
        )
    return low, high


def _caption(view: View, images: int, frozen: Sequence[str], statistics: str | None) -> str:
    """Say what was measured."""
    count = "1 image" if images == 1 else f"{images:,} images"
    sentences = [f"Mean over {count}.", f"{_frozen_words(view, frozen)}."]
    if statistics == "anew":
        sentences.append("Batch statistics are taken anew at each point.")
    if statistics == "kept":
        sentences.append("Batch statistics are kept.")
    if view.paths:
        sentences.append("Paths lead from a square to a star.")
    return " ".join(sentences)


def _frozen_words(view: View, frozen: Sequence[str]) -> str:
    """Say what is the same at all points."""
    if view.all_others:
        return "All other weights are frozen"
    names = {path.rpartition("/")[2] for path in frozen}
    normalization = {"gamma", "beta", "moving_mean", "moving_variance"}
    words = ["biases"] * ("bias" in names)
    words += ["batch normalisation"] * bool(names & normalization)
    others = [path for path in frozen if path.rpartition("/")[2] not in normalization | {"bias"}]
    words += [f"{len(others)} other weights"] * bool(others)
    if not words:
        return "Nothing is frozen"
    *first, last = words
    return f"Frozen: {', '.join(first)} and {last}" if first else f"Frozen: {last}"
