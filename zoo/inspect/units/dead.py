"""Dead units: units of a network that no image of a data set makes active."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from zoo.arguments import whole_number
from zoo.datasets.image_batches import image_batches
from zoo.datasets.split import Split
from zoo.errors import ArgumentError
from zoo.inspect.networks.progress import progress_bar
from zoo.inspect.networks.recording import BATCH
from zoo.inspect.networks.running import layer_calls
from zoo.inspect.units.unit_outputs import (
    RECTIFIERS,
    find_call,
    has_units,
    layer_list,
    positions,
    run_units,
    shape_of_images,
)
from zoo.pages import parts
from zoo.pages.frame import fragment
from zoo.plots import MOST_NAMES, take_axes
from zoo.text import as_plain_text, data_frame, did_you_mean, markdown_table, percent, rich_table

if TYPE_CHECKING:
    from markupsafe import Markup
    from matplotlib.axes import Axes
    from rich.table import Table

HEADER = ("layer", "activation", "units", "dead", "share", "rarely active")

RARE = 0.01
"""A unit is rarely active if it is active on less than this share of the images, but on some."""


@dataclass(frozen=True)
class LayerActivity:
    """On how many images the units of a layer are active.

    Attributes:
        shares: The share of the images on which each unit is active, float32 [units], 0 to 1.
        layer: The path of the layer in the model.
        activation: The name of the activation function after the layer.
    """

    shares: np.ndarray
    layer: str
    activation: str

    @property
    def dead(self) -> np.ndarray:
        """Whether each unit is active on no image, bool [units]."""
        return self.shares == 0

    @property
    def indices(self) -> np.ndarray:
        """The numbers of the dead units, int64 [dead units]."""
        return np.flatnonzero(self.dead)

    @property
    def rare(self) -> np.ndarray:
        """Whether each unit is active on less than 1 % of the images, but on some, bool [units]."""
        return (self.shares > 0) & (self.shares < RARE)


@dataclass(frozen=True)
class DeadUnits:
    """The units of a model that no image made active, layer by layer. Prints as a table.

    Attributes:
        layers: How active the units of each layer are, in the order of the model.
        images: The number of images that the model was given.
        model: The name of the model.

    Example:
        >>> activity = LayerActivity(np.array([0.0, 0.25]), "hidden", "relu")
        >>> print(DeadUnits((activity,), images=4, model="mlp"))
        Dead units on 4 images
        layer   activation  units  dead   share  rarely active
        hidden        relu      2     1  50.0 %              0
    """

    layers: tuple[LayerActivity, ...]
    images: int
    model: str

    @property
    def total(self) -> int:
        """The number of all dead units."""
        return sum(self.counts.values())

    @property
    def counts(self) -> dict[str, int]:
        """Path of a layer → number of its dead units."""
        return {layer.layer: int(layer.dead.sum()) for layer in self.layers}

    @property
    def shares(self) -> dict[str, float]:
        """Path of a layer → share of its units that are dead."""
        return {layer.layer: float(layer.dead.mean()) for layer in self.layers}

    @property
    def indices(self) -> dict[str, np.ndarray]:
        """Path of a layer → the numbers of its dead units, int64 [dead units]."""
        return {layer.layer: layer.indices for layer in self.layers}

    def __getitem__(self, layer: str) -> LayerActivity:
        """Give the activity of the units of a layer, by the path of the layer."""
        for activity in self.layers:
            if activity.layer == layer:
                return activity
        paths = [activity.layer for activity in self.layers]
        raise ArgumentError(
            f"layer must be one of {', '.join(paths)}. Received: {layer!r}"
            f"{did_you_mean(str(layer), paths)} Pass the path of a layer whose units were counted."
        )

    def to_frame(self) -> Any:
        """Make a table with a row for each unit.

        Returns:
            A `pandas.DataFrame` with the columns layer, activation, unit, share (of the images on
            which the unit is active) and dead.

        Raises:
            ArgumentError: pandas is not installed.
        """
        counts = [len(layer.shares) for layer in self.layers]
        return data_frame(
            {
                "layer": np.repeat([layer.layer for layer in self.layers], counts),
                "activation": np.repeat([layer.activation for layer in self.layers], counts),
                "unit": np.concatenate([np.arange(count) for count in counts]),
                "share": np.concatenate([layer.shares for layer in self.layers]),
                "dead": np.concatenate([layer.dead for layer in self.layers]),
            }
        )

    def to_markdown(self) -> str:
        """Write the table with a row for each layer as Markdown."""
        return markdown_table(HEADER, self._rows())

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw for each layer the shares of dead units and of rarely active units as a bar.

        Args:
            ax: The axes to draw into. None makes a figure.

        Returns:
            The axes.
        """
        axes = take_axes(ax, 6, 1.4 + 0.3 * len(self.layers))
        heights = np.arange(len(self.layers))[::-1]
        dead = np.array([100 * layer.dead.mean() for layer in self.layers])
        rare = np.array([100 * layer.rare.mean() for layer in self.layers])
        axes.barh(heights, dead, color="#b2182b", label="dead")
        rare_label = "active on less than 1 % of the images"
        axes.barh(heights, rare, left=dead, color="#f4a582", label=rare_label)
        for height, length, layer in zip(heights, dead + rare, self.layers, strict=True):
            label = f" {layer.dead.sum():,} of {len(layer.dead):,}"
            axes.text(length, height, label, va="center", size="small")
        names = [layer.layer for layer in self.layers] if len(heights) <= MOST_NAMES else []
        axes.set_yticks(heights if names else [], names, size="small", parse_math=False)
        axes.set_xlim(0, max(100 / 8, 1.25 * (dead + rare).max()))
        axes.set_xlabel("units in %; the numbers are dead units")
        title = f"{self.model}: dead units on {self.images:,} images"
        axes.set_title(title, parse_math=False, size="medium")
        axes.legend(loc="best", frameon=False, fontsize="small")
        return axes

    def to_html(self) -> Markup:
        """Give the table with a row for each layer as a part of an HTML page."""
        title = f"{self.model}: dead units on {self.images:,} images"
        return parts.table(title, HEADER, self._rows())

    def _repr_html_(self) -> str:
        """Show the table and the picture in a notebook."""
        return fragment(self.to_html(), parts.figure(self.plot()))

    def _rows(self) -> list[list[str]]:
        return [
            [
                layer.layer,
                layer.activation,
                f"{len(layer.dead):,}",
                f"{layer.dead.sum():,}",
                percent(layer.dead.mean()),
                f"{layer.rare.sum():,}",
            ]
            for layer in self.layers
        ]

    def __rich__(self) -> Table:
        return rich_table(HEADER, self._rows(), title=f"Dead units on {self.images:,} images")

    def __str__(self) -> str:
        return as_plain_text(self)


def dead_units(
    model: Any,
    data: Any,
    layers: Sequence[Any] | None = None,
    *,
    batch_size: int = BATCH,
    verbose: str | int = "auto",
) -> DeadUnits:
    """Count the units of convolutions and dense layers that no image of a data set makes active.

    A unit is active on an image if its output after the activation function is above 0 at any
    position. Under an activation function that is not a rectifier, such as tanh or sigmoid, or
    without any, no output means rest: there a unit is dead if its output never changes, over all
    positions and images. Then the share of images on which it is active is 0, and else 1.

    No gradient flows through a dead ReLU: training does not revive the unit, unless the layers
    before it change (Lu et al., "Dying ReLU and Initialization", 2019). The images are run block
    by block, so that any number of them fits into memory.

    Args:
        model: A built `keras.Model`: functional, Sequential, subclassed, or nested.
        data: A `Split`, uint8 [n, height, width, channels], or a dataset, as `predict` takes them.
        layers: Names of layers. None: all layers with units.
        batch_size: The number of images at a time; datasets keep their own batches.
        verbose: `"auto"` or 1 shows the progress on a terminal, 0 shows nothing.

    Returns:
        The activity of the units of each layer, with `counts`, `indices`, `to_frame` and `plot`.

    Raises:
        ArgumentError: The model has no units, or a layer does not exist.
        DataError: The images are not as described.

    Example:
        >>> import zoo
        >>> model = zoo.build("mlp", hidden=(4,), seed=0)
        >>> dead_units(model, np.zeros((2, 48, 48, 1), "uint8")).total  # the images are black
        11
    """
    batch_size = whole_number("batch_size", batch_size, 1)
    image_shape = shape_of_images(model)
    calls = layer_calls(model, image_shape)
    if layers is None:
        names = [call.name for call in calls if has_units(call.layer)]
    else:
        names = [find_call(model, layer, calls).name for layer in layer_list(layers)]
    if not names:
        raise ArgumentError(
            f"{model.name} must have a layer with units, such as a Dense or a Conv2D. Received: "
            f"{', '.join(call.name for call in calls)}. Pass the names of layers as layers=."
        )
    activations: dict[str, str] = {}

    @tf.function(autograph=False, reduce_retracing=True)
    def count(block: Any) -> Any:
        _, found = run_units(model, block, names, calls)
        activations.update({name: outputs.activation for name, outputs in found.items()})
        return {name: _activity(outputs.after) for name, outputs in found.items()}

    images = 0
    active: dict[str, Any] = dict.fromkeys(names, 0)
    largest: dict[str, Any] = {}
    smallest: dict[str, Any] = {}
    total = len(data) if isinstance(data, Split | np.ndarray) else 0
    shown = verbose if total else 0  # a dataset does not know how many images it has
    with progress_bar("counting dead units", total, verbose=shown) as advance:
        for block in image_batches(data, image_shape, batch_size):
            images += len(block)
            for name, values in count(tf.convert_to_tensor(block)).items():
                on, high, low = (value.numpy() for value in values)
                active[name] += on
                largest[name] = np.maximum(largest.get(name, high), high)
                smallest[name] = np.minimum(smallest.get(name, low), low)
            advance(len(block))
    activity = []
    for name in names:
        shares = active[name] / images
        if activations[name] not in RECTIFIERS:
            shares = largest[name] > smallest[name]
        activity.append(LayerActivity(shares.astype(np.float32), name, activations[name]))
    return DeadUnits(tuple(activity), images, model.name)


def _activity(output: Any) -> tuple[Any, Any, Any]:
    """Count the images on which each unit is above 0; and give its largest and smallest output."""
    output = tf.cast(output, tf.float32)
    between = positions(output)
    high, low = tf.reduce_max(output, between), tf.reduce_min(output, between)
    on = tf.reduce_sum(tf.cast(high > 0, tf.int64), axis=0)
    return on, tf.reduce_max(high, axis=0), tf.reduce_min(low, axis=0)
