"""The barrier between two models: how much the loss rises on the straight line between them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.arguments import is_among, whole_number
from zoo.ensembles.measures.bootstrap import Estimate, percentile_interval, resampled_means
from zoo.errors import ArgumentError
from zoo.inspect.landscapes.drawing import write_caption
from zoo.inspect.landscapes.landscape import check_statistics
from zoo.inspect.landscapes.networks_at_weights import normalizers
from zoo.inspect.landscapes.outputs import check_built, labelled_images
from zoo.inspect.landscapes.planes import Plane, is_floating, member_line
from zoo.inspect.landscapes.point_losses import BATCH_SIZE, PointLosses
from zoo.inspect.landscapes.views import matching_weights
from zoo.pages.notebook import ShownAsPicture
from zoo.plots import take_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MEASURES = {"loss": "cross-entropy [nats]", "error": "share of wrong answers"}


@dataclass(frozen=True)
class Barrier(ShownAsPicture):
    """The barrier between two models.

    Attributes:
        height: The barrier with its 95 % interval, a bootstrap over the images.
        positions: The places on the line, float64 [points]: 0 is the first model, 1 the second.
        losses: The mean loss, or the error, at each place, float64 [points].
        measure: `"loss"` or `"error"`.
        names: The names of the two models.
        images: The number of images.
        statistics: `"kept"` or `"anew"`, as of a `Landscape`.

    Example:
        >>> import zoo
        >>> data = zoo.datasets.load("digits")
        >>> model = zoo.build("softmax", input_shape=(8, 8, 1), num_classes=10, seed=0)
        >>> print(zoo.inspect.barrier(model, model, data.test, points=3).height)
        0.0000 [0.0000, 0.0000]
    """

    height: Estimate
    positions: np.ndarray
    losses: np.ndarray
    measure: str
    names: tuple[str, str]
    images: int
    statistics: str | None

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw the loss on the line between the models, and the barrier.

        Args:
            ax: The axes to draw into; None makes axes on a figure of their own, `ax.figure`.

        Returns:
            The axes.
        """
        axes = take_axes(ax, 5.6, 3.6)
        straight = chords(self.losses[None], self.positions)[0]
        top = int(np.argmax(self.losses - straight))
        axes.plot(self.positions, self.losses, "o-", color="#0072b2", label="on the line")
        axes.plot(self.positions, straight, "--", color="0.4", label="mean of the two ends")
        place = self.positions[top]
        axes.vlines(place, straight[top], self.losses[top], colors="#d55e00", linewidth=2.5)
        axes.plot([], [], color="#d55e00", linewidth=2.5, label=f"barrier {self.height}")
        axes.set_xticks([0, 0.5, 1], [self.names[0], "½", self.names[1]], parse_math=False)
        axes.set_xlabel("place between the weights of the two models")
        axes.set_ylabel(MEASURES[self.measure])
        low, high = axes.get_ylim()
        axes.set_ylim(low, high + 0.45 * (high - low))  # room for the legend
        axes.legend(fontsize="small", loc="upper left")
        statistics = f" Batch statistics are {_WORDS[self.statistics]}." if self.statistics else ""
        caption = f"Mean over {self.images:,} images; 95 % interval by bootstrap.{statistics}"
        write_caption(axes, f"Barrier between {' and '.join(self.names)}", caption)
        return axes


_WORDS = {"kept": "mixed like weights", "anew": "taken anew at each place"}


def barrier(
    first: Any,
    second: Any,
    data: Any,
    *,
    measure: str = "loss",
    points: int = 21,
    batch_statistics: str | None = None,
    resamples: int = 2000,
    seed: int = 0,
    batch_size: int = BATCH_SIZE,
) -> Barrier:
    """Measure how much the loss rises on the straight line between the weights of two models.

    With the loss L at the weights `(1 − t) a + t b`, the barrier is the largest rise above the mean
    of the two ends, `max_t L(t) − ((1 − t) L(0) + t L(1))` (Entezari et al., 2022). It is 0 for
    models in the same valley, and is never below 0. Permutations of units are not undone: two
    models that differ by a permutation alone mostly have a barrier between them.

    Args:
        first: A built `keras.Model`, such as a member of a committee.
        second: A model of the same architecture.
        data: Images with labels: a `Split`, a pair of arrays, or a dataset.
        measure: `"loss"` for the cross-entropy in nats; `"error"` for the share of wrong answers.
        points: The number of places on the line, with both ends.
        batch_statistics: `"anew"`, which None takes too: batch normalisation takes its statistics
            anew at each place, from these images. `"kept"`: the moving statistics are mixed like
            weights, with which the loss in between is too high.
        resamples: The number of resamples of the bootstrap.
        seed: The seed of the bootstrap.
        batch_size: The number of images at a time.

    Returns:
        The `Barrier`: its `height` with the 95 % interval, and `plot`.

    Raises:
        ArgumentError: The models have different architectures, or an argument is out of range.
        DataError: The images do not fit the models.

    Example:
        >>> import zoo
        >>> data, shape = zoo.datasets.load("digits"), {"input_shape": (8, 8, 1), "num_classes": 10}
        >>> first, second = (zoo.build("softmax", **shape, seed=seed) for seed in (0, 1))
        >>> barrier(first, second, data.test, points=3).height.value  # the loss is convex here
        0.0
    """
    check_built("first", first)
    check_built("second", second)
    if not is_among(measure, MEASURES):
        raise ArgumentError(
            f'measure must be "loss" or "error". Received: {measure!r}. Leave it out for the loss.'
        )
    whole_number("points", points, 3)
    whole_number("batch_size", batch_size, 1)
    anew = check_statistics(batch_statistics, default="anew") == "anew"
    names = (first.name, second.name)
    if names[0] == names[1]:
        names = (f"{names[0]} (first)", f"{names[1]} (second)")
    a, b = matching_weights(dict(zip(names, (first, second), strict=True)))
    split = labelled_images(first, data)
    variables = [variable for variable in first.weights if is_floating(variable)]
    plane = Plane(variables, a, [member_line(a, b)])
    positions = np.linspace(0, 1, points)
    of_images = PointLosses(
        first, plane, split, anew=anew, measure=measure, batch_size=batch_size
    ).of_images(positions[:, None])
    weights = np.ones(len(split)) if split.sample_weight is None else split.sample_weight
    counting = weights > 0
    of_images, weights = of_images[:, counting], weights[counting].astype("float64")
    losses = np.average(of_images, axis=1, weights=weights)
    # The sum of the weights differs between resamples: each mean is divided by its own sum.
    drawn = resampled_means(np.vstack([of_images * weights, weights]).T, resamples, seed)
    means = drawn[:, :-1] / drawn[:, -1:]
    low, high = percentile_interval(heights(means, positions))
    height = Estimate(float(heights(losses[None], positions)[0]), float(low), float(high))
    statistics = ("anew" if anew else "kept") if normalizers(first) else None
    return Barrier(height, positions, losses, measure, names, len(split), statistics)


def chords(losses: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Give the straight lines between the first and the last losses, [curves, points].

    Args:
        losses: Curves, [curves, points].
        positions: The places from 0 to 1, [points].
    """
    return losses[:, :1] + positions * (losses[:, -1:] - losses[:, :1])


def heights(losses: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Give the barrier of each curve, [curves]; arguments as `chords`.

    Example:
        >>> heights(np.array([[1.0, 3.0, 2.0]]), np.array([0.0, 0.5, 1.0]))
        array([1.5])
    """
    return np.max(losses - chords(losses, positions), axis=1).clip(0)
