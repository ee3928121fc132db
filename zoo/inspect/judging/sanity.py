"""The sanity check: do maps change when the network forgets what it learned?"""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from zoo.arguments import argument_error, is_among, whole_number
from zoo.ensembles.measures.bootstrap import Estimate
from zoo.errors import ArgumentError
from zoo.inspect.explaining.agreement import LARGEST_CORRELATION, Sanity, dependence, mean_estimate
from zoo.inspect.explaining.catalogue import METHODS, check_request
from zoo.inspect.explaining.explain import BATCH, RandomizableMaps
from zoo.inspect.explaining.gradients import check_maps
from zoo.inspect.networks.progress import progress_bar
from zoo.pages.frame import fragment
from zoo.pages.parts import figure
from zoo.plots import take_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DRAWS = 3
"""The number of random networks by default. Their correlations differ, and are averaged."""

ORDERS = ("cascading", "independent")
"""The ways to choose the layers of each step."""

_COLOURS = {"correlations": "#d55e00", "absolute_correlations": "#0072b2", "ssim": "#009e73"}
_TITLES = {
    "correlations": "rank correlation of the maps",
    "absolute_correlations": "rank correlation of absolute values",
    "ssim": "SSIM of absolute values",
}


@dataclass(frozen=True, eq=False)
class SanityCheck:
    """How similar maps of a trained network are to maps of the network with random weights.

    Attributes:
        correlations: Spearman's rank correlation of the maps, with their signs, float64 [layers,
            images], the mean over several random networks; nan for an image whose map has the same
            value everywhere, and 0 where only the random network's map has.
        absolute_correlations: The same of the absolute values of the maps.
        ssim: The structural similarity of the absolute values, float64 [layers, images]. Each map
            is scaled to 0..1 by its own smallest and largest value.
        layers: The layer that each step makes random, from the last to the first. Of a committee
            whose members have different names for it, the names.
        order: `"cascading"` if each step keeps the layers of the steps before random, or
            `"independent"` if each step makes only its own layer random.
        method: The name of the method.
        draws: The number of random networks at each step.
        shuffled: Layers that cannot be made anew from their configuration, or whose initialiser
            makes all weights equal. Their weights were put into random order instead.

    Example:
        >>> values = np.array([[0.6, 0.5], [0.1, 0.2]])
        >>> layers = ("logits", "hidden")
        >>> check = SanityCheck(values, values, values, layers, "cascading", "rise", draws=1)
        >>> check.passes
        True
    """

    correlations: NDArray[np.float64]
    absolute_correlations: NDArray[np.float64]
    ssim: NDArray[np.float64]
    layers: tuple[str, ...]
    order: str
    method: str
    draws: int
    shuffled: tuple[str, ...] = ()

    def means(self, measure: str = "correlations") -> list[Estimate]:
        """Average over the images.

        Args:
            measure: `"correlations"`, `"absolute_correlations"` or `"ssim"`.

        Returns:
            For each layer the mean with its 95 % interval, a bootstrap over the images.

        Raises:
            ArgumentError: There is no such measure.
        """
        if not is_among(measure, _TITLES):
            expected = f"be one of {', '.join(map(repr, _TITLES))}"
            raise argument_error("measure", expected, measure, "Leave it out for the correlations")
        return [mean_estimate(values) for values in getattr(self, measure)]

    @property
    def sanity(self) -> Sanity:
        """The mean correlation over all layers, with its interval; the verdict in words.

        Raises:
            ArgumentError: The order is `"independent"`.
        """
        if self.order != "cascading":
            raise ArgumentError(
                'order must be "cascading" for a verdict, which is about networks that forget more '
                f"and more. Received: {self.order!r}. Check again with the default order."
            )
        of_images = self.correlations.mean(axis=0)
        return Sanity(mean_estimate(of_images), int(np.isfinite(of_images).sum()))

    @property
    def passes(self) -> bool:
        """Whether the maps depend on what the network learned.

        The rank correlation of the maps, the mean over all steps from the last layer to the first
        and over the images, must be below 0.5, with its whole 95 % interval. Two maps with the
        correlation 0.5 share a quarter of the variance of their ranks. The mean over all steps,
        because maps that change only when the first layers are random show what these layers
        detect, and not why the network answers. The threshold is a convention; the authors give
        none, and compare the curves of methods.

        The absolute values do not count: on images with an empty background, they correlate
        whatever the network learned, since no method marks the background. The price is that a map
        with other signs and the same outline passes, also with a correlation of −1: look at
        `absolute_correlations` and `ssim` too.

        Raises:
            ArgumentError: As `sanity`.
        """
        return self.sanity.passes

    @property
    def caption(self) -> str:
        """What was measured, and the verdict."""
        images = self.correlations.shape[1]
        parts = [f"{METHODS[self.method].title}, {images} images, {self.draws} random networks"]
        if self.order == "cascading":
            parts.append(f"sanity check {self.sanity}")
        if self.shuffled:
            parts.append(f"weights in random order: {', '.join(self.shuffled)}")
        return "\n".join(parts)

    def _repr_html_(self) -> str:
        """Show the picture in a notebook."""
        return fragment(figure(self.plot(), description=self.caption))

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw the similarity of the maps, layer by layer, with 95 % intervals.

        Args:
            ax: The axes to draw into; None makes axes on a figure of their own, `ax.figure`.

        Returns:
            The axes.
        """
        width = max(5.6, 1.6 + 0.45 * len(self.layers))
        axes = take_axes(ax, width, 4.4)
        x = np.arange(1, len(self.layers) + 1)
        for measure, colour in _COLOURS.items():
            means = self.means(measure)
            low, high, values = (
                np.array([getattr(mean, name) for mean in means])
                for name in ("low", "high", "value")
            )
            style = "o--" if measure == "ssim" else "o-"
            start = self.order == "cascading"  # at the trained network, which is similar to itself
            axes.plot(
                np.r_[0, x] if start else x,
                np.r_[1, values] if start else values,
                style,
                markersize=4,
                color=colour,
                label=_TITLES[measure],
            )
            axes.fill_between(x, low, high, color=colour, alpha=0.2, linewidth=0)
        axes.axhline(LARGEST_CORRELATION, color="0.4", linestyle=":", linewidth=1)
        axes.axhline(0, color="0.7", linewidth=0.8)
        names = ["trained", *self.layers] if self.order == "cascading" else list(self.layers)
        ticks = range(0 if self.order == "cascading" else 1, len(self.layers) + 1)
        axes.set_xticks(
            ticks, names, rotation=45, ha="right", rotation_mode="anchor", fontsize="small",
            parse_math=False,
        )  # fmt: skip
        together = "from the last layer down to" if self.order == "cascading" else "only in"
        axes.set_xlabel(f"random weights {together} this layer")
        axes.set_ylabel("similarity with the trained\nnetwork's maps (1 = the same)")
        bottom, _ = axes.get_ylim()
        axes.set_ylim(min(bottom, -0.1), 1.05)
        axes.legend(fontsize="small", loc="best")
        lines = [part for line in self.caption.split("\n") for part in textwrap.wrap(line, 72)]
        axes.set_title("\n".join(lines), fontsize="small", loc="left", parse_math=False)
        return axes


def sanity_check(
    model_or_committee: Any,
    images: Any,
    labels: Any = None,
    method: str = "integrated_gradients",
    *,
    order: str = "cascading",
    draws: int = DRAWS,
    seed: int = 0,
    layer: Any = None,
    of: str = "logits",
    batch_size: int = BATCH,
    verbose: str | int = "auto",
    **options: Any,
) -> SanityCheck:
    """Measure whether maps change when the network forgets what it learned (Adebayo et al., 2018).

    The weights of one layer after another are made random, from the last layer to the first, by the
    layer's own initialisers. The maps of the random networks explain the classes that the trained
    network's maps explain. The model is never changed: copies of its weights are randomised.

    Of a committee, each step makes a layer of every member random, counted from the end. A member
    with fewer layers than the others is then random in all layers, or with the order
    `"independent"` in none.

    Args:
        model_or_committee: As in `explain`.
        images: As in `explain`.
        labels: The class that is explained, as in `explain`, a single class for each image.
        method: The name of the method.
        order: `"cascading"`: each step keeps the layers of the steps before random.
            `"independent"`: each step makes only its own layer random.
        draws: The number of random networks at each step, whose similarities are averaged. The
            intervals are those over images, not over random networks.
        seed: The seed of the random weights.
        layer: As in `explain`.
        of: As in `explain`.
        batch_size: As in `explain`.
        verbose: As in `explain`.
        **options: Options of the method.

    Returns:
        The `SanityCheck`.

    Raises:
        ArgumentError: As `explain`, or the model has no weights that a training learns.
        DataError: The images do not fit.

    Example:
        >>> import zoo
        >>> images = np.random.default_rng(0).integers(0, 256, (2, 48, 48, 1)).astype("uint8")
        >>> model = zoo.build("mlp", seed=0)
        >>> sanity_check(model, images, method="gradient", draws=1).correlations.shape
        (4, 2)
    """
    if not is_among(order, ORDERS):
        raise argument_error("order", 'be "cascading" or "independent"', order, "Leave it out")
    draws, seed = whole_number("draws", draws, 1), whole_number("seed", seed, 0)
    if isinstance(labels, str) or np.ndim(labels) > 1:
        expected = "name a single class for each image"
        raise argument_error("labels", expected, labels, "Pass None, a class id or ids [n]")
    pixels, settings = check_request(
        model_or_committee, images, method,
        layer=layer, of=of, batch_size=batch_size, verbose=verbose, options=options,
    )  # fmt: skip
    randomizable = RandomizableMaps(model_or_committee, pixels.shape[1:], settings)
    steps = randomizable.steps
    targets = randomizable.targets(pixels, labels)
    maps = randomizable.maps(pixels, targets)[:, 0]  # of the trained weights
    check_maps(maps, None, None, model_or_committee.name)
    found = np.zeros((3, draws, steps, len(maps)))
    with progress_bar("sanity check", draws * steps, verbose=verbose) as advance:
        for draw, step in np.ndindex(draws, steps):
            positions = range(step + 1) if order == "cascading" else (step,)
            randomizable.randomize(positions, seed * draws + draw)
            others = randomizable.maps(pixels, targets)[:, 0]
            found[:, draw, step] = _similarities(maps, others)
            advance(1)
    correlations, absolute_correlations, ssim = found.mean(axis=1)
    return SanityCheck(
        correlations,
        absolute_correlations,
        ssim,
        _layer_names([model.learned for model in randomizable.models], steps),
        order,
        method,
        draws,
        tuple(dict.fromkeys(path for model in randomizable.models for path in model.shuffled)),
    )


def structural_similarity(maps: np.ndarray, others: np.ndarray) -> NDArray[np.float64]:
    """Compute the structural similarity (SSIM; Wang et al., 2004) of pairs of maps.

    Each map is scaled to 0..1 by its own smallest and largest value. The Gaussian window has 11
    pixels, or as many as fit into a smaller map, and a deviation of 1.5 pixels.

    Args:
        maps: float32 [n, height, width].
        others: float32 of the same shape.

    Returns:
        float64 [n], at most 1.

    Example:
        >>> maps = np.arange(64, dtype="float32").reshape(1, 8, 8)
        >>> structural_similarity(maps, 3 * maps).round(6).tolist()
        [1.0]
    """
    side = min(11, *maps.shape[1:])
    window = side - (side % 2 == 0)
    pair = [tf.constant(_from_0_to_1(values)[..., None]) for values in (maps, others)]
    similarity = tf.image.ssim(*pair, max_val=1.0, filter_size=max(window, 1))
    return similarity.numpy().astype("float64")


def _similarities(
    maps: np.ndarray, others: np.ndarray
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    sizes, other_sizes = np.abs(maps), np.abs(others)
    return (
        dependence(maps, others),
        dependence(sizes, other_sizes),
        structural_similarity(sizes, other_sizes),
    )


def _from_0_to_1(maps: np.ndarray) -> np.ndarray:
    low = maps.min(axis=(1, 2), keepdims=True)
    extent = maps.max(axis=(1, 2), keepdims=True) - low
    return np.divide(maps - low, extent, out=np.zeros_like(maps), where=extent > 0)


def _layer_names(learned: Sequence[Sequence[Any]], steps: int) -> tuple[str, ...]:
    """Name the layers that each step makes random, of all members."""
    return tuple(
        ", ".join(dict.fromkeys(layers[step].path for layers in learned if step < len(layers)))
        for step in range(steps)
    )
