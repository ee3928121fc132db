"""Random transforms of a batch of images as one projective transform, in TensorFlow.

The module does for a batch what Keras's `ImageDataGenerator` does image by image: it draws the same
parameters, computes the same matrix from them, and interpolates as
`scipy.ndimage.affine_transform(order=1)` does.

The module uses plain operations, which XLA compiles into a single loop over the batch. The kernel
of TensorFlow, `ImageProjectiveTransformV3`, is slower (`python -m benchmarks augmentation`) and
less exact: its coordinates are float32, its fill modes `"constant"` and `"wrap"` differ from
SciPy's, and its gradient is an approximation.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from zoo.augmentation.ranges import Ranges

DEGREE = math.pi / 180


def draw(seed: Any, count: Any) -> Any:
    """Draw the random numbers for `parameters`.

    Args:
        seed: Two integers, int64 [2].
        count: How many images the batch holds.

    Returns:
        Numbers uniform in [0, 1), float64 [count, 8]. The same seed gives the same numbers on any
        device, and the first rows do not depend on the count.

    Example:
        >>> draw([1, 2], 3).shape
        TensorShape([3, 8])
    """
    # The default algorithm differs between devices, so it is named here.
    return tf.random.stateless_uniform([count, 8], seed, dtype="float64", alg="philox")


def parameters(augmentation: Ranges, numbers: Any, height: Any, width: Any) -> dict[str, Any]:
    """Turn uniform numbers into parameters with the distribution of `ImageDataGenerator`.

    Args:
        augmentation: The ranges, such as a `zoo.Augmentation`.
        numbers: The result of `draw`, [count, 8].
        height: Height of the images in pixels.
        width: Width of the images in pixels.

    Returns:
        The parameters of `ImageDataGenerator.apply_transform` by name, each [count]. They are
        float64, and bool for the flips.

    Example:
        >>> from zoo import Augmentation
        >>> drawn = parameters(Augmentation(rotation_range=30), [[0.75] * 8], 8, 8)
        >>> drawn["theta"].numpy().tolist()
        [15.0]
    """
    columns = tf.unstack(tf.convert_to_tensor(numbers, "float64"), axis=1)

    def uniform(column: int, span: Any) -> Any:
        return span * (2 * columns[column] - 1)

    return {
        "theta": uniform(0, augmentation.rotation_range),
        # Keras measures x along the height.
        "tx": uniform(1, augmentation.height_shift_range * tf.cast(height, "float64")),
        "ty": uniform(2, augmentation.width_shift_range * tf.cast(width, "float64")),
        "shear": uniform(3, augmentation.shear_range),
        "zx": 1 + uniform(4, augmentation.zoom_range),
        "zy": 1 + uniform(5, augmentation.zoom_range),
        "flip_horizontal": (columns[6] < 0.5) & augmentation.horizontal_flip,
        "flip_vertical": (columns[7] < 0.5) & augmentation.vertical_flip,
    }


def crop_offsets(padding: int, numbers: Any) -> Any:
    """Turn uniform numbers into the offsets of random crops of padded images, in whole pixels.

    Args:
        padding: The number of pixels that are added on each side of the image before the crop.
        numbers: Uniform in [0, 1), float64 [count, 2].

    Returns:
        Each offset from −padding to +padding with the same probability, float64 [count, 2]: to the
        right, and down.

    Example:
        >>> crop_offsets(2, [[0.0, 0.99]]).numpy().tolist()
        [[-2.0, 2.0]]
    """
    return tf.floor(tf.convert_to_tensor(numbers, "float64") * (2 * padding + 1)) - padding


def matrices(parameters: Mapping[str, Any], height: Any, width: Any, offsets: Any = None) -> Any:
    """Compute for each image the matrix that maps a pixel to the point where its value comes from.

    `ImageDataGenerator` looks up the pixel of column x and row y at the point
    `R S H Z (x - c) + c`, with rotation R by θ, shift S by (tx, ty), shear H by φ and zoom Z
    (`keras/src/legacy/preprocessing/image.py`, Keras 3.15), where

        R H Z = [[zx cos θ, -zy sin(θ + φ)], [zx sin θ, zy cos(θ + φ)]]

    and R also turns the shift. The centre c is (height/2 - 1/2, width/2 - 1/2), which exchanges
    height and width; for images that are not square this makes a difference. The flip comes after
    the transform, so the last column is exchanged with the first before the look-up.

    Args:
        parameters: The result of `parameters`.
        height: Height of the images in pixels.
        width: Width of the images in pixels.
        offsets: The result of `crop_offsets`, [count, 2]: the points move by so many pixels, to the
            right and down. None moves no point.

    Returns:
        Rows (a0, a1, a2, b0, b1, b2, 0, 0), float64 [count, 8], in TensorFlow's format of
        projective transforms: the value of the pixel at (x, y) comes from the point
        (a0 x + a1 y + a2, b0 x + b1 y + b2).

    Example:
        >>> shift = {"theta": [0], "tx": [3], "ty": [2], "shear": [0], "zx": [1], "zy": [1]}
        >>> flips = {"flip_horizontal": [False], "flip_vertical": [False]}
        >>> matrices(shift | flips, 8, 8).numpy().astype(int).tolist()
        [[1, 0, 3, 0, 1, 2, 0, 0]]
    """
    given = {key: tf.cast(value, "float64") for key, value in parameters.items()}
    tx, ty, zx, zy = (given[key] for key in ("tx", "ty", "zx", "zy"))
    theta, shear = given["theta"] * DEGREE, given["shear"] * DEGREE
    height, width = tf.cast(height, "float64"), tf.cast(width, "float64")
    cosine, sine = tf.cos(theta), tf.sin(theta)
    a0, a1 = zx * cosine, -zy * tf.sin(theta + shear)
    b0, b1 = zx * sine, zy * tf.cos(theta + shear)
    cx, cy = height / 2 - 0.5, width / 2 - 0.5
    a2 = cosine * tx - sine * ty + (cx - a0 * cx - a1 * cy)
    b2 = sine * tx + cosine * ty + (cy - b0 * cx - b1 * cy)

    horizontal, vertical = given["flip_horizontal"], given["flip_vertical"]
    a2 += horizontal * a0 * (width - 1) + vertical * a1 * (height - 1)
    b2 += horizontal * b0 * (width - 1) + vertical * b1 * (height - 1)
    if offsets is not None:
        a2 += offsets[:, 0]
        b2 += offsets[:, 1]
    x_way, y_way = 1 - 2 * horizontal, 1 - 2 * vertical
    nothing = tf.zeros_like(a0)
    return tf.stack(
        [x_way * a0, y_way * a1, a2, x_way * b0, y_way * b1, b2, nothing, nothing], axis=1
    )


def transform(
    images: Any, transforms: Any, fill_mode: str, cval: float, *, whole_pixels: bool = False
) -> Any:
    """Transform each image by its own matrix, as `scipy.ndimage.affine_transform(order=1)` does.

    Bilinear interpolation: with r = ⌊y⌋, v = y − r and c = ⌊x⌋, u = x − c,

        (1 − v) ((1 − u) X[r, c] + u X[r, c+1]) + v ((1 − u) X[r+1, c] + u X[r+1, c+1])

    Args:
        images: float32 or float64 [batch, height, width, channels].
        transforms: The result of `matrices`, float64 [batch, 8].
        fill_mode: How points outside of the image are filled, as in `Ranges`.
        cval: The value of points outside of the image for `fill_mode="constant"`.
        whole_pixels: Whether the matrices only flip images and shift them by whole pixels. Then
            each value is the value of a single pixel, which is read without interpolation.

    Returns:
        The transformed images, of the same dtype and shape.

    Example:
        >>> images = tf.reshape(tf.range(3.0), [1, 1, 3, 1])
        >>> half_a_pixel = tf.constant([[1, 0, 0.5, 0, 1, 0, 0, 0]], "float64")
        >>> transform(images, half_a_pixel, "constant", cval=9.0).numpy().ravel().tolist()
        [0.5, 1.5, 9.0]
    """
    count, height, width, channels = tf.unstack(tf.shape(images))
    size = tf.cast([height, width], "float64")
    rows, columns = tf.range(size[0])[:, None], tf.range(size[1])
    a0, a1, a2, b0, b1, b2, _, _ = tf.unstack(transforms[:, :, None, None], axis=1)
    x = a0 * columns + (a1 * rows + a2)
    y = b0 * columns + (b1 * rows + b2)
    left, right, u = _neighbours(x, size[1], fill_mode, images.dtype)
    top, bottom, v = _neighbours(y, size[0], fill_mode, images.dtype)
    pixels = tf.reshape(images, [count, height * width, channels])

    def at(row: Any, column: Any) -> Any:
        return tf.gather(pixels, row * width + column, batch_dims=1)

    if whole_pixels:
        transformed = at(top, left)
    else:
        upper = (1 - u) * at(top, left) + u * at(top, right)
        lower = (1 - u) * at(bottom, left) + u * at(bottom, right)
        transformed = (1 - v) * upper + v * lower
    if fill_mode == "constant":
        # Unlike TensorFlow's kernel, SciPy does not blend the border with the value outside.
        inside = (x >= 0) & (x <= size[1] - 1) & (y >= 0) & (y <= size[0] - 1)
        transformed = tf.where(inside[..., None], transformed, tf.cast(cval, images.dtype))
    return tf.ensure_shape(transformed, images.shape)


def _neighbours(position: Any, length: Any, fill_mode: str, dtype: Any) -> tuple[Any, Any, Any]:
    """Find the pixels before and after each position along an axis, and the weight of the second.

    Positions outside of the image are mapped into it as in SciPy
    (`scipy/ndimage/src/ni_interpolation.c`).

    Returns:
        The indices of both pixels, int32 [batch, height, width] each, and the weights
        [batch, height, width, 1].
    """
    last = length - 1
    if fill_mode == "reflect":  # d c b a | a b c d | d c b a
        position = length - tf.abs(_remainder(position + 0.5, 2 * length) - length) - 0.5
    elif fill_mode == "wrap":  # the first pixel lies on the last
        period = tf.maximum(last, 1)
        outside = tf.where(
            position < 0, last - _remainder(-position, period), _remainder(position, period)
        )
        position = tf.where((position < 0) | (position > last), outside, position)
    position = tf.clip_by_value(position, 0, last)
    first = tf.floor(position)
    second = tf.minimum(first + 1, last)
    weight = tf.cast(position - first, dtype)[..., None]
    return tf.cast(first, "int32"), tf.cast(second, "int32"), weight


def _remainder(x: Any, y: Any) -> Any:
    """`x mod y`, in operations that XLA can vectorise."""
    return x - y * tf.floor(x / y)
