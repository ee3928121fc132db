"""Faithfulness: does the answer fall when the pixels that a map marks are taken away?"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from zoo.arguments import argument_error, check_verbose, is_among, whole_number
from zoo.ensembles.measures.bootstrap import Estimate
from zoo.ensembles.measures.significance import paired_bootstrap
from zoo.ensembles.models.voting_model import VotingModel
from zoo.errors import ArgumentError
from zoo.inspect.explaining.agreement import mean_estimate
from zoo.inspect.explaining.catalogue import METHODS
from zoo.inspect.explaining.explain import BATCH, explain
from zoo.inspect.explaining.explanation import Explanation
from zoo.inspect.explaining.network import Network
from zoo.inspect.explaining.pixels import fill_pixels, in_words
from zoo.inspect.networks.progress import progress_bar
from zoo.pages.notebook import ShownAsPicture
from zoo.plots import new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CURVES = ("deletion", "insertion")
RANKINGS = ("map", "random", "edges")
"""The orders of the pixels: by the map, in random order, and by the edges of the image."""

_COLOURS = {"map": "#d55e00", "random": "#0072b2", "edges": "#009e73"}
_NAMES = {"random": "random order", "edges": "edges (Sobel)"}


@dataclass(frozen=True, eq=False)
class Faithfulness(ShownAsPicture):
    """How the probability of a class changes when pixels are taken away, or put back.

    Attributes:
        deletion: The probability of the explained class after the most important pixels were taken
            away, float32 [3, images, points]: the pixels in the order of the map, in random order,
            and in the order of the edges. The lower, the better.
        insertion: The probability after the most important pixels were put into an image without
            details, of the same shape. The higher, the better.
        fractions: The share of the pixels that were changed, float64 [points], from 0 to 1.
        labels: The classes that are explained, int32 [images].
        method: The name of the method.
        deleted_to: What replaced the pixels in deletion, in words.
        inserted_into: The pixels that the image without details consists of, in words.

    Example:
        >>> deletion = np.array([[[1.0, 0.0, 0.0]], [[1.0, 0.5, 0.0]], [[1.0, 0.5, 0.0]]])
        >>> fractions, labels = np.array([0.0, 0.5, 1.0]), np.array([3])
        >>> found = Faithfulness(deletion, 1 - deletion, fractions, labels, "gradient")
        >>> found.areas()[:, 0]  # the map takes the class away sooner than the other two orders
        array([0.25, 0.5 , 0.5 ])
    """

    deletion: NDArray[np.float32]
    insertion: NDArray[np.float32]
    fractions: NDArray[np.float64]
    labels: NDArray[np.int32]
    method: str
    deleted_to: str = "other pixels"
    inserted_into: str = "other pixels"

    def areas(self, curve: str = "deletion") -> NDArray[np.float64]:
        """Compute the area under the curve of each image, by the trapezoidal rule.

        Args:
            curve: `"deletion"` or `"insertion"`.

        Returns:
            float64 [3, images], from 0 to 1: for the map, the random order and the edges.

        Raises:
            ArgumentError: There is no such curve.
        """
        if not is_among(curve, CURVES):
            raise argument_error("curve", 'be "deletion" or "insertion"', curve, "Leave it out")
        return np.trapezoid(getattr(self, curve).astype("float64"), self.fractions, axis=-1)

    def area(self, curve: str = "deletion", ranking: str = "map") -> Estimate:
        """Average the areas over the images, with a 95 % interval: a bootstrap over the images.

        Args:
            curve: `"deletion"` or `"insertion"`.
            ranking: `"map"`, `"random"` or `"edges"`.

        Raises:
            ArgumentError: There is no such curve or ranking.
        """
        return mean_estimate(self.areas(curve)[_position(ranking)])

    def advantage(self, curve: str = "deletion", over: str = "random") -> Estimate:
        """Compare the map with another ranking of the pixels of the same images.

        Args:
            curve: `"deletion"` or `"insertion"`.
            over: `"random"` or `"edges"`.

        Returns:
            By how much the map's area is better: smaller for deletion, larger for insertion. Above
            0, with the whole interval (95 %, a bootstrap over pairs), the map is better.

        Raises:
            ArgumentError: There is no such curve or ranking.
        """
        areas = self.areas(curve)
        pair = (areas[_position(over)], areas[0])
        return paired_bootstrap(*(pair if curve == "deletion" else pair[::-1]))

    def plot(self, ax: "Axes | None" = None, *, curve: str = "deletion") -> "Axes | Figure":
        """Draw the mean curves.

        Args:
            ax: Axes that get a single curve of each ranking; None makes a figure with both.
            curve: With `ax`, `"deletion"` or `"insertion"`.

        Returns:
            The axes or the figure.
        """
        if ax is not None:
            self._draw(ax, curve)
            return ax
        figure = new_figure(9.6, 4.2)
        for axes, name in zip(figure.subplots(1, 2, sharey=True), CURVES, strict=True):
            self._draw(axes, name)
        figure.suptitle(
            f"{METHODS[self.method].title}, {len(self.labels)} images; areas with 95 % intervals",
            fontsize="small",
        )
        return figure

    def _draw(self, axes: "Axes", curve: str) -> None:
        for ranking in RANKINGS:
            name = METHODS[self.method].title if ranking == "map" else _NAMES[ranking]
            area = self.area(curve, ranking)
            label = f"{name}: {area.value:.3f} [{area.low:.3f}, {area.high:.3f}]"
            mean = getattr(self, curve)[_position(ranking)].mean(axis=0)
            style = "-" if ranking == "map" else "--"
            axes.plot(100 * self.fractions, mean, style, color=_COLOURS[ranking], label=label)
        better = "lower is better" if curve == "deletion" else "higher is better"
        axes.set_title(f"{curve} ({better})", fontsize="medium")
        axes.set_xlabel(
            f"pixels replaced by {self.deleted_to} [%]"
            if curve == "deletion"
            else f"pixels put back in place of {self.inserted_into} [%]"
        )
        axes.set_ylabel("mean probability of the explained class")
        axes.set_ylim(0, 1.02)
        axes.legend(fontsize="small", loc="upper right" if curve == "deletion" else "lower right")


def faithfulness(
    model_or_committee: Any,
    images: Any = None,
    method: Any = "integrated_gradients",
    *,
    labels: Any = None,
    steps: int = 28,
    deletion: Any = None,
    insertion: Any = None,
    seed: int = 0,
    batch_size: int = BATCH,
    verbose: str | int = "auto",
    **options: Any,
) -> Faithfulness:
    """Take away the pixels that a map marks, and see whether the answer falls.

    The curves are those of Petsiuk et al. (2018). The pixels are ordered by the map, the largest
    value first. Deletion replaces them step by step in the image; insertion puts them step by step
    into an image without details. The same is done in random order, and by the edges of the image,
    which need no network: a map that is not better than these says little. Pixels with equal values
    are ordered at random.

    A map says what happens when pixels become others, such as black. So by default pixels become
    what the method compares them with: `Explanation.baseline`. Where a map is judged by other
    pixels, its signs say nothing, and it can be worse than a random order.

    Args:
        model_or_committee: As in `explain`. The probability of a committee is that of its vote.
        images: As in `explain`; None with an explanation.
        method: The name of a method of `explain`, or an `Explanation` of a single class for each
            image.
        labels: The classes that are explained, as in `explain`; None with an explanation.
        steps: The number of steps from the whole image to no pixel of it.
        deletion: What replaces pixels: `"mean"` (the mean colour of each image), `"black"`,
            `"grey"`, `"white"`, `"blur"` (each image without its details), a number from 0 to 255,
            or an image. None takes what the method compares pixels with, and for class activation,
            which compares them with nothing, `"mean"`.
        insertion: The image without details: as `deletion`; for class activation, None takes
            `"blur"`.
        seed: The seed of the random order.
        batch_size: The largest number of images in a run.
        verbose: As in `explain`.
        **options: Further options of `explain` for the method, such as `layer`.

    Returns:
        The `Faithfulness`.

    Raises:
        ArgumentError: As `explain`, or the explanation has several classes for each image.
        DataError: The images do not fit.

    Example:
        >>> import zoo
        >>> images = np.random.default_rng(0).integers(0, 256, (2, 48, 48, 1)).astype("uint8")
        >>> faithfulness(zoo.build("mlp"), images, "gradient", steps=4).deletion.shape
        (3, 2, 5)
    """
    steps, seed = whole_number("steps", steps, 1), whole_number("seed", seed, 0)
    batch_size = whole_number("batch_size", batch_size, 1)
    check_verbose(verbose)
    if isinstance(method, Explanation):
        _check_alone(images, labels, options)
        explanation = method
    else:
        explanation = explain(
            model_or_committee, images, labels, method, batch_size=batch_size, verbose=verbose,
            **options,
        )  # fmt: skip
    if explanation.maps.ndim != 3:
        raise ArgumentError(
            "The explanation must be of a single class for each image. Received: maps of the shape "
            f"{explanation.maps.shape}. Pass labels [n] to explain."
        )
    pixels = np.asarray(explanation.images, "float32")
    count = explanation.maps[0].size
    kept = np.rint(np.linspace(0, count, min(steps, count) + 1)).astype(int)
    ranks = np.stack(
        [_ranks(values, seed) for values in (explanation.maps, np.zeros_like(explanation.maps),
                                             edges(pixels))]
    )  # fmt: skip
    probability = _probabilities(model_or_committee, pixels, batch_size)
    curves = np.zeros((2, len(RANKINGS), len(pixels), len(kept)), "float32")
    deletion = _given(deletion, explanation.baseline, "mean")
    insertion = _given(insertion, explanation.baseline, "blur")
    fills = [_replacement(name, value, pixels) for name, value in
             (("deletion", deletion), ("insertion", insertion))]  # fmt: skip
    with progress_bar("faithfulness", len(pixels), verbose=verbose) as advance:
        for image, label in enumerate(explanation.labels):
            # [rankings, points, height, width, 1]: whether a pixel is among the first.
            first = (ranks[:, image, None] < kept[:, None, None])[..., None]
            for curve, (inside, outside) in enumerate(
                ((fills[0][image], pixels[image]), (pixels[image], fills[1][image]))
            ):
                changed = np.where(first, inside, outside).reshape(-1, *pixels.shape[1:])
                curves[curve, :, image] = probability(changed)[:, label].reshape(len(RANKINGS), -1)
            advance(1)
    if not np.isfinite(curves).all():
        raise ArgumentError(
            "model_or_committee must have finite probabilities for the changed images. Received: "
            "nan, as where a model divides an image of a single colour by its standard deviation. "
            'Pass deletion="blur" and insertion="blur".'
        )
    return Faithfulness(
        curves[0], curves[1], kept / count, explanation.labels, explanation.method,
        in_words(deletion), in_words(insertion),
    )  # fmt: skip


def edges(images: np.ndarray) -> NDArray[np.float32]:
    """Find edges by the Sobel operator: the length of the gradient of the grey values.

    Args:
        images: float32 [n, height, width, channels].

    Returns:
        float32 [n, height, width], 0 or more.

    Example:
        >>> step = np.repeat([[[[0.0], [0.0], [9.0], [9.0]]]], 3, axis=1)
        >>> edges(step)[0, 1].tolist()
        [0.0, 36.0, 36.0, 0.0]
    """
    grey = images.astype("float32").mean(axis=-1, keepdims=True)
    found = tf.image.sobel_edges(tf.constant(grey)).numpy()
    return np.hypot(found[..., 0, 0], found[..., 0, 1])


def _check_alone(images: Any, labels: Any, options: dict[str, Any]) -> None:
    given = {"images": images, "labels": labels, **options}
    for name, value in given.items():
        if value is not None:
            expected = "be None with an explanation, which has its images, classes and maps"
            raise argument_error(name, expected, type(value).__name__, "Leave it out")


def _position(ranking: str) -> int:
    if not is_among(ranking, RANKINGS):
        expected = f"be one of {', '.join(map(repr, RANKINGS))}"
        raise argument_error("ranking", expected, ranking, "Pass one of them")
    return RANKINGS.index(ranking)


def _ranks(values: np.ndarray, seed: int) -> NDArray[np.int64]:
    """Give the place of each pixel when the largest values come first; equal values at random."""
    flat = values.reshape(len(values), -1)
    random = np.random.default_rng(seed).random(flat.shape)
    order = np.lexsort((random, -flat), axis=-1)
    return order.argsort(axis=-1).reshape(values.shape)


def _given(value: Any, baseline: Any, other: str) -> Any:
    """Choose what replaces pixels: what is asked for, the method's baseline, or another colour."""
    if value is not None:
        return value
    return other if baseline is None else baseline


def _replacement(name: str, value: Any, images: np.ndarray) -> np.ndarray:
    """Give the image that stands for "no information", float32 [n, height, width, channels]."""
    pixels = fill_pixels(name, value, tf.constant(images)).numpy()
    return np.broadcast_to(pixels, images.shape)


def _probabilities(
    model_or_committee: Any, images: np.ndarray, batch_size: int
) -> Callable[[np.ndarray], np.ndarray]:
    """Make a function from images like these, float32 [n, …], to probabilities [n, classes]."""
    if isinstance(model_or_committee, VotingModel):
        networks = [_network(member, images, batch_size) for member in model_or_committee.members]
        rule = model_or_committee.rule
        return lambda changed: rule(np.stack([run(changed) for run in networks]))
    return _network(model_or_committee, images, batch_size)


def _network(model: Any, images: np.ndarray, batch_size: int) -> Callable[[np.ndarray], np.ndarray]:
    options: dict[str, Any] = {"layer": None, "batch_size": batch_size}
    network = Network(model, images.shape[1:], of="logits", **options)
    first = tf.constant(images[:batch_size])
    network.scores(first)
    if network.hides_logits(first):  # the outputs are the probabilities
        network = Network(model, images.shape[1:], of="probabilities", **options)

    def run(changed: np.ndarray) -> np.ndarray:
        blocks = [
            network.probabilities(network.scores(tf.constant(changed[start : start + batch_size])))
            for start in range(0, len(changed), batch_size)
        ]
        return np.concatenate(blocks)

    return run
