"""Kernels as images: the weights of dense layers and convolutions that look at the pixels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from zoo.arguments import argument_error, is_among
from zoo.errors import ArgumentError
from zoo.inspect.networks.running import LayerCall, layer_calls
from zoo.inspect.units.tiles import (
    MOST_TILES,
    SIGNED_COLOURS,
    caption,
    draw_tiles,
    left_out,
    new_axes,
)
from zoo.inspect.units.unit_numbers import chosen_units, unit_names
from zoo.inspect.units.unit_outputs import find_call, has_units, shape_of_images
from zoo.pages.notebook import ShownAsPicture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SCALES = ("each", "shared")


@dataclass(frozen=True)
class KernelImages(ShownAsPicture):
    """The kernel of a layer as an image for each unit.

    Attributes:
        kernels: The weights, float32 [units, height, width, channels], signed.
        units: The number of each unit in the layer.
        layer: The path of the layer in the model.
        scale: `"each"`: the colours of a picture reach to the largest weight of its unit.
            `"shared"`: the colours of all pictures reach to the largest weight of all units.

    Example:
        >>> kernels = np.ones((2, 3, 3, 1), "float32")
        >>> KernelImages(kernels, (0, 1), "conv").plot().get_title()
        'conv: weights'
    """

    kernels: np.ndarray
    units: tuple[int, ...]
    layer: str
    scale: str = "each"

    @property
    def limits(self) -> np.ndarray:
        """The weight at the end of the colours of each picture, float32 [units]; above 0."""
        limits = np.abs(self.kernels).max(axis=(1, 2, 3))
        if self.scale == "shared":
            limits = np.full_like(limits, limits.max())
        return np.where(limits > 0, limits, np.float32(1))

    def plot(
        self,
        ax: Axes | None = None,
        *,
        names: Sequence[str] | None = None,
        columns: int | None = None,
    ) -> Axes:
        """Draw the kernels side by side. Colours are symmetric around the weight 0.

        Grey kernels are drawn in blue (negative), white (0) and red (positive). In RGB kernels,
        each colour channel goes from none (negative) over half (0) to all (positive), so that
        grey is 0.

        Args:
            ax: The axes to draw into. None makes a figure.
            names: A name for each unit, such as the names of the classes. None: its number.
            columns: The most pictures in a row. None: about as many as rows.

        Returns:
            The axes.

        Raises:
            ArgumentError: There are more or fewer names than units, or `columns` is below 1.
        """
        names = unit_names(self.units, names)
        shown = slice(MOST_TILES)
        tiles = (self.kernels / self.limits[:, None, None, None])[shown]
        axes = ax if ax is not None else new_axes(len(tiles), columns=columns)
        is_grey = tiles.shape[-1] == 1
        if is_grey:
            options: dict[str, Any] = {"cmap": SIGNED_COLOURS, "vmin": -1, "vmax": 1}
            image = draw_tiles(axes, tiles[..., 0], names[shown], columns=columns, **options)
            bar = axes.figure.colorbar(image, ax=axes, shrink=0.8, ticks=[-1, 0, 1])
            largest = self.limits[0]
            ends = (
                [f"−{largest:.2g}", "0", f"{largest:.2g}"]
                if self.scale == "shared"
                else ["−max", "0", "max"]
            )
            bar.ax.set_yticklabels(ends)
            bar.set_label("weight")
        else:
            draw_tiles(axes, (tiles + 1) / 2, names[shown], columns=columns)
        axes.set_title(f"{self.layer}: weights", parse_math=False, size="medium")
        caption(axes, self._scale_sentence(), "" if is_grey else "Grey is 0.", left_out(len(names)))
        return axes

    def _scale_sentence(self) -> str:
        low, high = self.limits[:MOST_TILES].min(), self.limits[:MOST_TILES].max()
        if self.scale == "shared":
            return f"One scale for all: the colours end at ±{high:.2g}."
        return f"Each picture has a scale of its own: the colours end at ±{low:.2g} to ±{high:.2g}."


def weights(
    model: Any, layer: Any = None, units: Any = None, *, scale: str = "each"
) -> KernelImages:
    """Give the kernel of a layer that looks at the pixels as an image for each of its units.

    The kernel of a dense layer is reshaped to the model's input, if no layer before it mixes
    pixels: layers that scale, standardise or flatten pixels may stand in between. The kernel of a
    convolution is shown as it is, grey or in RGB. A dense layer's unit answers most strongly to
    images that look like its kernel.

    Args:
        model: A built `keras.Model`: functional, Sequential, subclassed, or nested.
        layer: The name of a layer, such as `"vgg/block1_conv1"`, or the layer. None: the first
            layer with a kernel.
        units: The numbers of the units to show. None: all.
        scale: `"each"` gives each picture colours up to its own largest weight, `"shared"` gives
            all pictures the same colours.

    Returns:
        The kernels, with `plot`.

    Raises:
        ArgumentError: The layer has no kernel that can be shown as an image, or it does not exist.

    Example:
        >>> import zoo
        >>> weights(zoo.build("softmax")).kernels.shape
        (10, 28, 28, 1)
    """
    if not is_among(scale, SCALES):
        raise argument_error("scale", f"be one of {', '.join(SCALES)}", scale, 'Pass "each"')
    image_shape = shape_of_images(model)
    calls = layer_calls(model, image_shape)
    call = _chosen_call(model, layer, calls)
    before = calls[: calls.index(call)]
    images = _kernel_images(call, image_shape, before)
    numbers = chosen_units(units, len(images), call.name)
    return KernelImages(images[list(numbers)], numbers, call.name, scale)


def _chosen_call(model: Any, layer: Any, calls: Sequence[LayerCall]) -> LayerCall:
    """Find the call of a layer in a run; None stands for the first layer with a kernel."""
    if layer is None:
        for call in calls:
            if has_units(call.layer):
                return call
        raise ArgumentError(
            f"{model.name} must have a layer with a kernel, such as a Dense or a Conv2D. Received: "
            f"{', '.join(call.name for call in calls)}. Pass another model."
        )
    return find_call(model, layer, calls)


def _kernel_images(
    call: LayerCall, image_shape: tuple[int | None, ...], before: Sequence[LayerCall]
) -> np.ndarray:
    """Reshape a kernel to [units, height, width, channels]."""
    kernel = getattr(call.layer, "kernel", None)
    if kernel is None:
        raise _no_image(call, "has no kernel", "Leave layer out for the first layer with a kernel")
    values = np.asarray(keras.ops.convert_to_numpy(keras.ops.cast(kernel, "float32")))
    if isinstance(call.layer, keras.layers.DepthwiseConv2D):
        return values.transpose(2, 3, 0, 1).reshape(-1, *values.shape[:2], 1)
    earlier = next((other.name for other in before if has_units(other.layer)), None)
    if values.ndim == 2:
        pixels = math.prod(side or 0 for side in image_shape)
        moved = next((other for other in before if not _keeps_pixels(other, pixels)), None)
        if earlier is not None or len(values) != pixels or moved is not None:
            mixing = earlier or (moved.name if moved is not None else "another layer")
            why = f"does not look at the pixels themselves, but at the output of {mixing!r}"
            raise _no_image(call, why, "Use zoo.inspect.maximize, which shows units of any layer")
        images = values.T.reshape(-1, *image_shape)
    elif values.ndim == 4 and not isinstance(call.layer, keras.layers.Conv2DTranspose):
        images = values.transpose(3, 0, 1, 2)
    else:
        raise _no_image(call, f"has a kernel of shape {values.shape}", "Choose a Dense or a Conv2D")
    channels = images.shape[-1]
    if channels != 1 and (channels != 3 or earlier is not None):
        why = f"has {channels} input channels that are not the colours of the image"
        raise _no_image(call, why, "Use zoo.inspect.maximize, which shows units of any layer")
    return images


def _keeps_pixels(call: LayerCall, pixels: int) -> bool:
    """Whether the output of a layer has as many numbers as the image, in the same order."""
    if call.shape is None or isinstance(call.layer, keras.layers.Permute):
        return False
    return math.prod(side or 0 for side in call.shape[1:]) == pixels


def _no_image(call: LayerCall, why: str, remedy: str) -> ArgumentError:
    """Make the error for a layer whose kernel is not an image."""
    return ArgumentError(
        "layer must have a kernel that can be shown as an image: a dense layer on the pixels, or a "
        "convolution of a grey image or of an RGB image. Received: "
        f"{call.name!r}, a {type(call.layer).__name__} that {why}. {remedy}."
    )
