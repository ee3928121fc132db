"""Pictures as addresses that hold the picture itself, so that a page needs no other file."""

import base64
import io
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SMALL = 32
"""Images up to this side in pixels are written without loss. For larger images, loss at quality
90 is invisible and saves half of the bytes."""

LARGEST = 96
"""The longest side in pixels of an image on a page. Larger images are averaged to this side."""

LARGEST_DRAWING = 50_000
"""The most bytes of a figure as SVG, which is sharp at every size. Larger are figures of pixels, or
of very many lines."""

CSS_PIXELS = 80
"""The pixels of a page for an inch of a figure. Letters of 10 points are then 11 pixels high."""


class Picture(NamedTuple):
    """A picture on a page.

    Attributes:
        address: A `data:` address that holds the picture.
        width: The width on the page in pixels.
        height: The height on the page in pixels.
    """

    address: str
    width: int
    height: int


def figure_picture(drawn: Any) -> Picture:
    """Write a figure of matplotlib as SVG, or as WebP if the SVG would be large.

    Args:
        drawn: A `Figure`, or `Axes`, whose figure is taken.

    Returns:
        The picture.

    Example:
        >>> from zoo.plots import new_figure
        >>> figure_picture(new_figure(2, 1))[1:]
        (160, 80)
    """
    from matplotlib import rc_context

    figure: Figure = getattr(drawn, "figure", None) or drawn
    with rc_context({"svg.hashsalt": "zoo"}):  # the same figure gives the same bytes
        drawing = io.BytesIO()
        figure.savefig(drawing, format="svg", metadata={"Date": None})
    kind, contents = "svg+xml", drawing.getvalue()
    if len(contents) > LARGEST_DRAWING:
        pixels = io.BytesIO()
        figure.savefig(pixels, format="webp", pil_kwargs={"quality": 90})
        kind, contents = "webp", pixels.getvalue()
    width, height = (round(CSS_PIXELS * side) for side in figure.get_size_inches())
    return Picture(_address(kind, contents), width, height)


def image_picture(image: np.ndarray) -> Picture:
    """Write an image of a data set.

    Args:
        image: uint8 or float [height, width, channels], 0..255. Of images that are neither grey
            nor RGB, the mean over the channels is shown.

    Returns:
        The picture. Its size is about 80 pixels, a whole multiple of that of a small image.

    Example:
        >>> image_picture(np.zeros((8, 8, 1), "uint8"))[1:]
        (80, 80)
    """
    pixels = np.clip(np.rint(image), 0, 255).astype(np.uint8)
    if pixels.shape[-1] != 3:
        pixels = np.rint(pixels.mean(axis=-1)).astype(np.uint8)
    drawn = Image.fromarray(pixels)
    longer = max(drawn.size)
    if longer > LARGEST:
        width, height = (max(1, round(side * LARGEST / longer)) for side in drawn.size)
        drawn = drawn.resize((width, height), Image.Resampling.BOX)
        longer = LARGEST
    buffer = io.BytesIO()
    drawn.save(buffer, "WEBP", lossless=longer <= SMALL, quality=90)
    factor = max(1, round(80 / longer)) if longer < LARGEST else 80 / longer
    width, height = (max(1, round(factor * side)) for side in drawn.size)
    return Picture(_address("webp", buffer.getvalue()), width, height)


def _address(kind: str, contents: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(contents).decode('ascii')}"
