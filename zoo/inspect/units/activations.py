"""The outputs of a network's layers for images, as arrays and as pictures of the channels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.arguments import whole_number
from zoo.datasets.split import Split
from zoo.errors import ArgumentError
from zoo.inspect.networks.layer_names import find_layer
from zoo.inspect.networks.recording import BATCH, check_is_model, record, record_blocks
from zoo.inspect.networks.running import layer_calls
from zoo.inspect.units.tiles import INCHES, SIGNED_COLOURS, draw_tiles
from zoo.inspect.units.unit_outputs import find_call, layer_list, shape_of_images
from zoo.pages.notebook import ShownAsPicture
from zoo.plots import new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

COLUMNS = 8
"""How many channels of a layer are drawn by default."""


@dataclass(frozen=True)
class Activations(ShownAsPicture):
    """The outputs of layers for images.

    Attributes:
        outputs: Path of a layer → its outputs, float32 [n, ...], in the order of the network.
        model: The name of the model.

    Example:
        >>> outputs = {"conv": np.ones((1, 4, 4, 2), "float32")}
        >>> len(Activations(outputs, "cnn").plot(image=0).axes)
        1
    """

    outputs: Mapping[str, np.ndarray]
    model: str

    def __getitem__(self, layer: str) -> np.ndarray:
        """Give the outputs of a layer, float32 [n, ...]."""
        return self.outputs[layer]

    def plot(
        self,
        image: int = 0,
        *,
        layers: Sequence[str] | None = None,
        channels: int = COLUMNS,
        figure: Figure | SubFigure | None = None,
    ) -> Figure | SubFigure:
        """Draw the channels of each layer for an image, a row for each layer.

        Of a layer with many channels, those with the largest mean of the absolute output are
        drawn, each with its number above it; of a layer without height and width, all units as
        bars. Each row has a scale of its own, which stands beside it.

        Args:
            image: The number of the image, from 0.
            layers: The layers to draw. None: all, without layers that repeat an earlier output.
            channels: The most channels that are drawn of a layer.
            figure: The empty figure, or part of a figure, to draw into; None makes a figure.

        Returns:
            The figure.

        Raises:
            ArgumentError: There is no such image or layer, or `layers` is empty.
        """
        count = len(next(iter(self.outputs.values())))
        whole_number("image", image, 0, count - 1)
        whole_number("channels", channels, 1)
        names = self._different(image) if layers is None else layer_list(layers)
        for name in names:
            if name not in self.outputs:
                raise ArgumentError(
                    f"layers must be among {', '.join(self.outputs)}. Received: {name!r}. Leave "
                    "layers out for all of them."
                )
            if self.outputs[name].ndim not in (2, 4):
                raise ArgumentError(
                    "layers must have outputs [n, height, width, channels] or [n, units] to be "
                    f"drawn. Received: {name!r} with {self.outputs[name].shape}. Choose others."
                )
        height = 1.45 * INCHES
        figure = figure or new_figure(2.2 + channels * INCHES, 0.5 + height * len(names))
        rows = figure.subplots(len(names), 1, squeeze=False)[:, 0]
        for axes, name in zip(rows, names, strict=True):
            _draw_output(axes, name, self.outputs[name][image], channels)
        figure.suptitle(f"{self.model}: outputs for image {image}", parse_math=False, size="medium")
        return figure

    def _different(self, image: int) -> list[str]:
        """List the layers whose output for an image is not the output of an earlier layer."""
        names: list[str] = []
        for name, output in self.outputs.items():
            values = output[image].ravel()
            if output.ndim in (2, 4) and not any(
                np.array_equal(values, self.outputs[other][image].ravel()) for other in names
            ):
                names.append(name)
        return names


def activations(
    model: Any, images: Any, layers: Sequence[Any] | None = None, *, batch_size: int = BATCH
) -> Activations:
    """Give the outputs of layers for images, through the whole network.

    All outputs are in memory at the end, so this function is for a few images. For many images
    and a single layer, see `zoo.inspect.features`.

    Args:
        model: A built `keras.Model`: functional, Sequential, subclassed, or nested.
        images: A `Split`, uint8 [n, height, width, channels], or a dataset, as `predict` takes
            them.
        layers: Names of layers, such as `"vgg/block3_conv1"`, or layers. None: every layer whose
            output is a single array, also inside nested models.
        batch_size: The number of images at a time; datasets keep their own batches.

    Returns:
        The outputs by the paths of the layers, with `plot`.

    Raises:
        ArgumentError: A layer does not exist, or cannot be recorded.
        DataError: The images are not as described.

    Example:
        >>> import zoo
        >>> found = activations(zoo.build("softmax"), np.zeros((1, 28, 28, 1), "uint8"))
        >>> found["logits"].shape, found["probabilities"].shape
        ((1, 10), (1, 10))
    """
    calls = layer_calls(model, shape_of_images(model))
    if layers is None:
        names = [call.name for call in calls if call.shape is not None]
    else:
        names = [find_call(model, layer, calls).name for layer in layer_list(layers)]
    recorded = record(model, images, names, batch_size=batch_size)
    return Activations({name: recorded.outputs[name] for name in names}, model.name)


def features(model: Any, images: Any, layer: Any, *, batch_size: int = BATCH) -> np.ndarray:
    """Give the outputs of a layer for many images, as features for another method.

    The images are run block by block: memory holds the result and a block.

    Args:
        model: A built `keras.Model`: functional, Sequential, subclassed, or nested.
        images: A `Split`, uint8 [n, height, width, channels], or a dataset, as `predict` takes
            them.
        layer: The name of a layer, such as `"vgg/block3_conv1"`, or the layer.
        batch_size: The number of images at a time; datasets keep their own batches.

    Returns:
        The outputs, float32 [n, ...].

    Raises:
        ArgumentError: The layer does not exist, or cannot be recorded.
        DataError: The images are not as described.

    Example:
        >>> import zoo
        >>> images = np.zeros((3, 48, 48, 1), "uint8")
        >>> features(zoo.build("mlp"), images, "logits").shape
        (3, 7)
    """
    check_is_model("model", model)
    name = layer if isinstance(layer, str) else find_layer(model, layer).path
    count = len(images) if isinstance(images, Split | np.ndarray) else None
    result, end, parts = None, 0, []
    for block in record_blocks(model, images, [name], batch_size=batch_size):
        output = block.outputs[name]
        if count is None:
            parts.append(output)
            continue
        if result is None:
            result = np.empty((count, *output.shape[1:]), np.float32)
        result[end : end + len(output)] = output
        end += len(output)
    return np.concatenate(parts) if result is None else result


def _draw_output(axes: Axes, name: str, output: np.ndarray, channels: int) -> None:
    """Draw the output of a layer for an image, [height, width, channels] or [units]."""
    limit = float(np.abs(output).max()) or 1.0
    is_signed = bool((output < 0).any())
    shape = "×".join(map(str, output.shape))
    ends = f"±{limit:.2g}" if is_signed else f"0 to {limit:.2g}"
    # Beside bars, there are numbers between the axis and the text.
    axes.text(
        -0.02 if output.ndim == 3 else -0.1, 0.5, f"{name}\n{shape}\n{ends}",
        transform=axes.transAxes, ha="right", va="center", size="small", parse_math=False,
    )  # fmt: skip
    if output.ndim == 1:
        axes.bar(np.arange(len(output)), output, width=1.0, color="#4c72b0")
        axes.set_xlim(-0.5, len(output) - 0.5)
        axes.axhline(0, color="0.6", linewidth=0.6)
        axes.tick_params(labelsize="x-small")
        axes.spines[["top", "right"]].set_visible(False)
        return
    order = np.argsort(-np.abs(output).mean(axis=(0, 1)), kind="stable")[:channels]
    order = np.sort(order)
    tiles = output[..., order].transpose(2, 0, 1) / limit
    options: dict[str, Any] = {"cmap": "magma", "vmin": 0, "vmax": 1}
    if is_signed:
        options = {"cmap": SIGNED_COLOURS, "vmin": -1, "vmax": 1}
    draw_tiles(axes, tiles, [str(channel) for channel in order], columns=len(order), **options)
    axes.set_anchor("W")
