"""Checks of images: pixels and layout, with an advice that can be followed literally."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from zoo.datasets.files.checks import data_error, describe_error
from zoo.errors import DataError

EXPECTED_PIXELS = "be uint8 pixels 0..255"
EXPECTED_SHAPE = "be at least one image as [n, height, width, channels]"
BEFORE_SCALING = (
    "Pass the pixels from before they were scaled or standardised; the members scale pixels "
    "themselves"
)
READ_FIRST = (
    "For paths of files, read the pictures with `zoo.datasets.read_images(paths)`. For a data set "
    "or a folder, pass a part of `zoo.datasets.load(...)`, such as `data.train`"
)
DARK = (
    "The images should be pixels 0..255, where 255 is white. Received: images without a pixel "
    "above 1, which are black."
)
"""The beginning of a warning."""
MOST_OF_16_BITS = 65_535
ROWS = 256
"""The number of images that are looked at together."""
ARRAY_LIKE = ("__array__", "__array_interface__", "__buffer__", "__dlpack__")
"""Attributes of an object that NumPy makes an array of."""
_MAKE_AN_ARRAY = "Make an array first: `images = numpy.asarray(images)`. "
"""The start of an advice for lists, data frames and tensors, which lack the methods of arrays."""


def check_images(images: Any) -> np.ndarray:
    """Take images as an array, uint8 [n, height, width, channels], without a copy.

    Args:
        images: An array, or anything that NumPy makes an array of: a list of arrays or of PIL
            images, or a tensor.

    Returns:
        uint8 [n, height, width, channels].

    Raises:
        DataError: The pixels or the layout are not as described. The message says how to convert
            them.

    Example:
        >>> check_images(np.zeros((2, 8, 8, 1), "uint8")).shape
        (2, 8, 8, 1)
        >>> check_images(np.full((2, 8, 8, 1), 0.5))
        Traceback (most recent call last):
        zoo.errors.DataError: images must be uint8 pixels 0..255. Received: float64 from 0.5 to \
0.5. Pass `(images * 255).round().astype("uint8")`.
    """
    array = as_array(images)
    first = "" if isinstance(images, np.ndarray) or array.dtype.kind in "US" else _MAKE_AN_ARRAY
    check_pixels(array, first)
    if advice := layout_advice(array.shape):
        raise data_error("images", EXPECTED_SHAPE, f"the shape {array.shape}", first + advice)
    return array


def check_pixels(images: np.ndarray, first: str = "") -> None:
    """Check that the values of images are pixels: uint8, from 0 to 255.

    Args:
        images: An array of any shape.
        first: What the caller must do before the advice can be followed, as a sentence.

    Raises:
        DataError: The array has another dtype. The message says how to convert the values.
    """
    if images.dtype != np.uint8 and images.size:
        received, advice = value_advice(images)
        raise data_error("images", EXPECTED_PIXELS, received, first + advice)
    if images.ndim:
        warn_of_darkness(images, f"{first}Pass `images * 255` if 1 is white.")


def warn_of_darkness(
    images: np.ndarray, remedy: str = "Pass `images * 255` if 1 is white.", stacklevel: int = 4
) -> None:
    """Warn of images whose pixels are 0 and 1 only, some of each: all images are black.

    Such images come about when masks, or images 0..1, are cast to uint8. The warning is no error,
    since a picture taken in the dark can have such pixels.

    Args:
        images: uint8, of any shape. They are read up to the first image with a pixel above 1.
        remedy: What to do, as a sentence.
        stacklevel: As in `warnings.warn`.

    Example:
        >>> warn_of_darkness(np.full((2, 8, 8, 1), 2, "uint8"))
    """
    brightest = 0
    for start in range(0, len(images), ROWS):
        brightest = max(brightest, int(images[start : start + ROWS].max(initial=0)))
        if brightest > 1:
            return
    # An image with a single value, such as images for a test have, is no mask.
    if brightest and any(image.max() > image.min() for image in images):
        warnings.warn(f"{DARK} {remedy}", stacklevel=stacklevel)


def as_array(images: Any) -> np.ndarray:
    """Make an array of images, also of PIL images and of tensors.

    Args:
        images: As for `check_images`.

    Returns:
        An array of any dtype and shape. Grey PIL images get an axis of one channel.

    Raises:
        DataError: The images have different shapes, or cannot be an array.
    """
    if isinstance(images, np.ndarray):
        return images
    if not isinstance(images, Sequence) and not any(hasattr(images, name) for name in ARRAY_LIKE):
        endless = ", which may have no end" if hasattr(images, "__next__") else ""
        raise data_error(
            "images",
            "be an array, a Split, a tf.data.Dataset or a keras.utils.PyDataset",
            f"an object of the type {type(images).__name__}{endless}",
            "Collect the images in an array, for example by `numpy.concatenate(list_of_batches)`",
        )
    modes = _pil_modes(images)
    if modes and modes not in ({"L"}, {"RGB"}, {"RGBA"}):
        received = f"PIL images of the modes {', '.join(sorted(modes))}"
        remedy = 'Pass `[image.convert("RGB") for image in images]`, or "L" instead of "RGB"'
        if any(mode[0] in "IF" for mode in modes):  # of more than 8 bits, which convert would clip
            remedy = (
                "Pass `numpy.stack([numpy.asarray(image) for image in images])[..., None]`; an "
                "error then says how its values become pixels"
            )
        raise data_error(
            "images", "be all grey (L) or all of the same colour mode", received, remedy
        )
    try:
        array = np.asanyarray(images)
    except Exception as error:
        axes = _axes(images) if isinstance(images, Sequence) else []
        if len(axes) > 1:
            raise data_error(
                "images",
                "be a single array",
                f"a {type(images).__name__} of arrays with {' or '.join(map(str, axes))} axes",
                "Pass images and labels as a tuple `(images, labels)`, or `(images, labels, "
                "weights)`, and nothing beside it",
            ) from error
        if isinstance(images, Sequence):
            remedy = "Resize all images to the same height, width and number of channels"
            expected = "have the same shape each"
        else:
            remedy = "Pass a NumPy array; for a tensor of PyTorch `tensor.detach().cpu().numpy()`"
            expected = "be an array"
        raise data_error("images", expected, describe_error(error), remedy) from error
    if modes == {"L"}:
        return array[..., None]
    return array


def layout_advice(shape: Sequence[int]) -> str:
    """Say how images of a wrong layout become [n, height, width, channels].

    Args:
        shape: The shape of an array of images.

    Returns:
        The advice, or an empty text if the layout is right.

    Example:
        >>> layout_advice((5, 3, 32, 32))
        'Move the channels to the end: `numpy.moveaxis(images, 1, -1)`'
        >>> layout_advice((5, 32, 32, 3))
        ''
    """
    if 0 in shape:
        return "Check the condition by which the images were selected"
    if len(shape) == 4:
        return (
            "Move the channels to the end: `numpy.moveaxis(images, 1, -1)`"
            if _has_channels_first(shape)
            else ""
        )
    if len(shape) == 3:
        if shape[-1] in (1, 3, 4) and shape[0] > 4:
            return "For a single image, add an axis: `images[None]`"
        if shape[0] in (1, 3) and shape[1] == shape[2]:
            return (
                "Add a channel axis to grey images: `images[..., None]`; for a single image with "
                "the channels first, pass `numpy.moveaxis(images, 0, -1)[None]`"
            )
        return "Add a channel axis to grey images: `images[..., None]`"
    if len(shape) == 2:
        return _advice_for_rows(*shape)
    return "Reshape the array to four axes"


def _has_channels_first(shape: Sequence[int]) -> bool:
    """Tell whether a shape [n, a, b, c] is rather [n, channels, height, width].

    Images are at least as high as 5 pixels or have few channels, so that tables of 1×features and
    images of many channels pass.
    """
    _, channels, height, width = shape
    return channels <= 4 < width and (height == width or width > 16)


def _advice_for_rows(count: int, features: int) -> str:
    """Say how a table [n, features], or a single grey image, becomes images."""
    if count == features:
        return "For a single grey image, add two axes: `images[None, ..., None]`"
    for channels in (1, 3):
        side = round((features / channels) ** 0.5)
        if side > 1 and channels * side * side == features:
            advice = f"Give each row its shape: `images.reshape(-1, {side}, {side}, {channels})`"
            if channels == 3:
                advice += (
                    f"; if red, green and blue are planes, `numpy.moveaxis(images.reshape(-1, 3, "
                    f"{side}, {side}), 1, -1)`"
                )
            return advice
    return (
        "Give each row the shape of its image: `images.reshape(-1, height, width, channels)`. "
        "For a table, use zoo.ensembles.CommitteeClassifier"
    )


def _axes(images: Sequence[Any]) -> list[int]:
    """List the different numbers of axes that the arrays in a sequence have, the largest first."""
    return sorted({part.ndim for part in images if hasattr(part, "ndim")}, reverse=True)


def _pil_modes(images: Any) -> set[str]:
    """List the colour modes of PIL images; an empty set for anything else."""
    if not isinstance(images, (list, tuple)):
        return set()
    if not all(type(image).__module__.startswith("PIL.") for image in images):
        return set()
    return {image.mode for image in images}


def value_advice(images: np.ndarray) -> tuple[str, str]:
    """Say which values were received, and how they become pixels 0..255.

    Args:
        images: An array of another dtype than uint8.

    Returns:
        The received values, and the advice.
    """
    dtype = images.dtype
    if dtype.kind == "b":
        return str(dtype), 'Pass `images.astype("uint8") * 255`'
    if dtype.kind in "USO":
        advice = _object_advice(images) if dtype.kind == "O" else READ_FIRST
        return f"{dtype} of the shape {images.shape}", advice
    if dtype.kind not in "iuf":
        return str(dtype), "Pass real numbers"
    if missing := images.size - int(np.count_nonzero(np.isfinite(images))):
        received = f"{dtype} with {missing:,} values that are not finite (NaN or infinite)"
        axes = f"axis={tuple(range(1, images.ndim))}" if images.ndim > 1 else ""
        advice = (
            "Leave out these images together with their labels: "
            f"`images[np.isfinite(images).all({axes})]`. Convert the others afterwards"
        )
        return received, advice
    low, high = images.min().item(), images.max().item()
    return f"{dtype} from {low:.6g} to {high:.6g}", _range_advice(images, low, high)


def _object_advice(images: np.ndarray) -> str:
    """Say how an array of objects becomes an array of numbers."""
    parts = images.ravel().tolist()
    if all(isinstance(part, np.ndarray) for part in parts):
        if len({part.shape for part in parts}) == 1:
            return "Pass `numpy.stack(list(images))`"
        return "Resize all images to the same height, width and number of channels"
    if images.ndim < 3:
        return READ_FIRST
    try:
        numbers = images.astype(np.float64)
    except (TypeError, ValueError):
        return READ_FIRST
    advice = value_advice(numbers)[1]
    return f'Make numbers first: `images = images.astype("float64")`. {advice}'


def _range_advice(images: np.ndarray, low: float, high: float) -> str:
    """Say how finite numbers from `low` to `high` become pixels 0..255."""
    whole = images.dtype.kind in "iu" or bool((images == np.rint(images)).all())
    if whole and low >= 0 and high == 1:
        if images.dtype.kind != "f":
            return 'Pass `images.astype("uint8") * 255`'
        return _pass('(images * 255).round().astype("uint8")', images)
    if whole and low >= 0 and high <= 255:
        advice = 'Pass `images.astype("uint8")`'
        if 1 < high <= 64:
            advice += (
                f". If {high:.0f} is white, pass "
                f'`(images * (255 / {high:.0f})).round().astype("uint8")`'
            )
        return advice
    if whole and low >= 0 and high <= MOST_OF_16_BITS:
        advice = 'For 16 bits a value, pass `(images / 257).round().astype("uint8")`'
        for bits in (10, 12, 14):
            if high < 2**bits:
                advice += (
                    f'; for {bits} bits, `(images * (255 / {2**bits - 1})).round().astype("uint8")`'
                )
                break
        return advice
    if images.dtype == np.int8:
        return 'Pass `(images.astype("int16") + 128).astype("uint8")`'
    if images.dtype.kind in "iu":
        return BEFORE_SCALING
    return _fraction_advice(images, low, high)


def _fraction_advice(images: np.ndarray, low: float, high: float) -> str:
    """Say how fractions become pixels 0..255. A little beyond a range is what resizing adds."""
    if low >= 0 and high <= 1:
        return _pass('(images * 255).round().astype("uint8")', images)
    if low >= -0.5 and high <= 0.5:
        return _pass('((images + 0.5) * 255).round().astype("uint8")', images)
    if -1 <= low < -0.2 and high <= 1:
        return _pass('((images + 1) * 127.5).round().astype("uint8")', images)
    if low >= -0.2 and high <= 1.2:
        return _pass('(images.clip(0, 1) * 255).round().astype("uint8")', images)
    if low >= 0 and high <= 255:
        return _pass('images.round().astype("uint8")', images)
    if low >= -64 and 64 < high <= 320:
        return _pass('images.round().clip(0, 255).astype("uint8")', images)
    return BEFORE_SCALING


def _pass(expression: str, images: np.ndarray) -> str:
    """Advise to pass an expression; float16 is too coarse to compute it in."""
    if images.dtype == np.float16:
        expression = expression.replace("images", 'images.astype("float32")', 1)
    return f"Pass `{expression}`"


def check_batch(images: np.ndarray, brightest: float) -> tuple[np.ndarray, float]:
    """Check a batch of a stream, whose images may also be floats 0..255, as Keras reads files.

    Args:
        images: Images of any dtype, [n, height, width, channels].
        brightest: The largest value in earlier batches, or 0.

    Returns:
        The images, uint8, or float32 where they are fractions; and the largest value so far, 255
        for uint8 images with a value above 1.

    Raises:
        DataError: The values are not 0..255, or they are rather 0..1, or the layout is wrong.
    """
    if advice := layout_advice(images.shape):
        raise data_error("images", EXPECTED_SHAPE, f"the shape {images.shape}", advice)
    if images.dtype == np.uint8:
        if brightest <= 1:
            brightest = 255 if images.max() > 1 else max(brightest, float(images.max()))
        return images, brightest
    low, high = (images.min(), images.max()) if images.dtype.kind in "iuf" else (np.nan, np.nan)
    brightest = max(brightest, float(high))
    if not (low >= 0 and high <= 255) or 0 < brightest <= 1:
        received, advice = value_advice(images)
        raise stream_error(images, received, advice)
    whole = images.astype(np.uint8)
    return (whole if (whole == images).all() else images.astype(np.float32)), brightest


def stream_error(images: np.ndarray, received: str, advice: str) -> DataError:
    """Make the error for a batch of a stream with wrong values."""
    return data_error(
        "images of a dataset",
        "be pixels 0..255",
        f"a batch of {received}",
        f"In NumPy: {advice[0].lower()}{advice[1:]}. Do the same in the function that makes the "
        "batches, or leave out the scaling there",
    )
