"""`Explanation`: maps of the pixels on which answers rest, with what is known about them."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from zoo.arguments import whole_number
from zoo.errors import ArgumentError
from zoo.inspect.explaining.agreement import Sanity, rank_correlations, scaled
from zoo.inspect.explaining.catalogue import METHODS
from zoo.inspect.explaining.drawing import draw_map, figure_of_maps, figure_of_members
from zoo.inspect.explaining.pixels import in_words
from zoo.pages.frame import fragment
from zoo.pages.parts import figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

MOST_DRAWN = 8
"""The most images that a figure shows by default."""


@dataclass(frozen=True, eq=False)
class Explanation:
    """On which pixels answers rest.

    Attributes:
        maps: Signed, float32 [n, height, width], or [n, k, height, width] for k classes of each
            image: positive where pixels speak for the class. Of a committee, the mean of the
            members' maps, each divided by its largest absolute value, weighted as the vote.
        method: The name of the method.
        labels: The classes that are explained, int32 [n] or [n, k].
        images: uint8 [n, height, width, channels].
        class_names: The names of the classes, or None.
        layer: For methods of class activation, the name of the layer; of a committee, the names.
        changed_relus: For guided backpropagation and deconvolution, the number of ReLUs whose
            backward pass was changed; else None.
        baseline: What the maps compare the pixels with: a colour such as `"black"`, `"blur"` or an
            image, as an option of the method; None for class activation, which compares them with
            nothing.
        completeness_gap: For integrated gradients, by how much the sum of each map differs from the
            difference of the scores that it should add up to: float32 [n] or [n, k]; else None.
        member_maps: The maps of the members of a committee, float32 [members, n, ...], not scaled;
            None for a single model.
        member_names: The names of the members; empty for a single model.
        votes: The class that each member votes for, int64 [members, n]; None for a single model.
        sanity: How similar the maps are to maps of randomised networks: see `with_sanity`. None if
            it was not measured.
        measure_sanity: Measures the sanity of this explanation; None if the model is not known.

    Example:
        >>> import zoo
        >>> images = np.zeros((2, 28, 28, 1), "uint8")
        >>> explanation = zoo.inspect.explain(zoo.build("softmax"), images, method="gradient")
        >>> explanation.maps.shape, explanation.labels.shape
        ((2, 28, 28), (2,))
    """

    maps: NDArray[np.float32]
    method: str
    labels: NDArray[np.int32]
    images: np.ndarray
    class_names: tuple[str, ...] | None = None
    layer: str | None = None
    changed_relus: int | None = None
    baseline: Any = None
    completeness_gap: NDArray[np.float32] | None = None
    member_maps: NDArray[np.float32] | None = None
    member_names: tuple[str, ...] = ()
    votes: np.ndarray | None = None
    sanity: Sanity | None = None
    measure_sanity: Callable[["Explanation"], Sanity] | None = field(default=None, repr=False)

    def with_sanity(self) -> "Explanation":
        """Measure whether maps of this method change when the network forgets what it learned.

        The layers of a copy of the network are given random weights, from the last layer down. If
        the maps stay similar, they do not depend on what the network learned (Adebayo et al.,
        2018). The first 16 images are used, and up to 8 steps of layers. The model is not changed;
        its weights are those of now. `zoo.inspect.sanity_check` tells more: layer by layer, on any
        images, with several random networks.

        Returns:
            The explanation with its `sanity`, for the caption of pictures.

        Raises:
            ArgumentError: The explanation was not made by `zoo.inspect.explain`.
        """
        if self.measure_sanity is None:
            raise ArgumentError(
                "The explanation must come from zoo.inspect.explain, which knows the model. "
                "Received: an explanation without a model. Use zoo.inspect.sanity_check."
            )
        return replace(self, sanity=self.measure_sanity(self))

    @cached_property
    def _shown_sanity(self) -> Sanity | None:
        """The sanity for the caption, which is measured when it is first asked for."""
        if self.sanity is None and self.measure_sanity and not METHODS[self.method].slow:
            return self.measure_sanity(self)
        return self.sanity

    @property
    def disagreement(self) -> NDArray[np.float32]:
        """Where the members disagree: the standard deviation of their scaled maps, as `maps`.

        Raises:
            ArgumentError: The explanation is that of a single model.
        """
        return scaled(self._of_members()).std(axis=0)

    @property
    def rank_correlations(self) -> NDArray[np.float64]:
        """Whether members look at the same places: Spearman's correlations, [members, members].

        The mean over the images, and over their classes if there are several.

        Raises:
            ArgumentError: The explanation is that of a single model.
        """
        maps = self._of_members()
        return rank_correlations(maps.reshape(len(maps), -1, *maps.shape[-2:]))

    @property
    def caption(self) -> str:
        """The method, what it used, and how far it can be trusted, in a sentence or two.

        For a method that is not slow, the sanity is measured when the caption is first asked for,
        as `with_sanity` does; for a slow method the caption says that it was not checked.
        """
        method = METHODS[self.method]
        parts = [method.title]
        if self.member_names:
            parts[0] += f", mean of {len(self.member_names)} members"
        if method.baseline in method.options:
            parts.append(f"compared with {in_words(self.baseline)}")
        if self.layer is not None:
            parts.append(f"{'layers' if ', ' in self.layer else 'layer'} {self.layer}")
        if self.changed_relus is not None:
            parts.append(f"backward pass of {self.changed_relus} ReLUs changed")
        if self.completeness_gap is not None:
            gap = np.abs(self.completeness_gap).max()
            parts.append(f"sums are off by {gap:.2g} at most")
        empty = int((~self.maps.any(axis=(-2, -1))).sum())
        if empty:
            count = self.maps[..., 0, 0].size
            parts.append(f"{empty} of {count} maps are zero everywhere")
        sanity = self._shown_sanity
        trust = ": not checked" if sanity is None else f" {sanity}"
        return ", ".join(parts) + f"\nsanity check{trust}"

    def label_name(self, index: int, column: int = 0) -> str:
        """Give the name, or the number, of a class that is explained.

        Args:
            index: The number of the image.
            column: Which of its classes.

        Returns:
            The name.

        Raises:
            ArgumentError: There is no such image or class.
        """
        labels = self.labels.reshape(len(self.labels), -1)
        whole_number("index", index, -len(labels), len(labels) - 1)
        whole_number("column", column, -labels.shape[1], labels.shape[1] - 1)
        label = int(labels[index, column])
        return str(label) if self.class_names is None else self.class_names[label]

    def _repr_html_(self) -> str:
        """Show the picture in a notebook."""
        return fragment(figure(self.plot(), description=self.caption))

    def plot(
        self, ax: "Axes | None" = None, *, index: int = 0, column: int = 0, most: int = MOST_DRAWN
    ) -> "Axes | Figure":
        """Draw maps: red pixels speak for the class, blue pixels against it.

        Args:
            ax: Axes that get a single map over its image; None makes a figure with the images in
                the first row, and below them a row of maps for each class. For a committee, the
                last row shows where the members disagree.
            index: With `ax`, the number of the image.
            column: With `ax`, which of the image's classes.
            most: Without `ax`, the largest number of images.

        Returns:
            The axes or the figure.

        Raises:
            ArgumentError: A number is out of range.
        """
        columns = self.maps.reshape(len(self.maps), -1, *self.maps.shape[-2:])
        if ax is not None:
            ax.set_title(self.label_name(index, column), parse_math=False)
            draw_map(ax, columns[index, column], self.images[index])
            ax.set_xlabel(self.caption, fontsize="small", parse_math=False)
            return ax
        count = min(len(self.maps), whole_number("most", most, 1))
        spread = None
        if self.member_names:
            spread = self.disagreement.reshape(columns.shape)[:count].mean(axis=1)
        names = [[self.label_name(i, k) for k in range(columns.shape[1])] for i in range(count)]
        return figure_of_maps(self.images[:count], columns[:count], names, spread, self.caption)

    def plot_members(self, figure: "Figure | SubFigure | None" = None) -> "Figure | SubFigure":
        """Draw which members look at the same places, beside which members vote alike.

        Args:
            figure: The empty figure, or part of a figure, to draw into; None makes a figure.

        Returns:
            The figure: the rank correlations of the members' maps, and the share of these images
            on which each pair of members votes for different classes.

        Raises:
            ArgumentError: The explanation is that of a single model.
        """
        self._of_members()
        return figure_of_members(self.rank_correlations, self.votes, self.member_names, figure)

    def _of_members(self) -> Any:
        if self.member_maps is None:
            raise ArgumentError(
                "The explanation must be that of a committee. Received: the maps of a single "
                "model. Pass a zoo.ensembles.Committee to explain."
            )
        return self.member_maps
