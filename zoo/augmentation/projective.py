"""Random transforms of a batch of images as one projective transform, in TensorFlow.

What `ImageDataGenerator` does image by image: the parameters that it draws, the matrix that it
makes of them, and the interpolation of `scipy.ndimage.affine_transform(order=1)`.

It is written in plain operations and compiled by XLA into one loop over the batch. TensorFlow's
kernel for this, `ImageProjectiveTransformV3`, is slower (`python -m benchmarks augmentation`) and
less exact: its places are float32, its fill modes `"constant"` and `"wrap"` are not SciPy's, and
its gradient is an approximation.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import tensorflow as tf

if TYPE_CHECKING:
    from zoo.augmentation.augmentation import Augmentation

DEGREE = math.pi / 180


def draw(seed: Any, count: Any) -> Any:
    """Draw what `parameters` needs.

    Args:
        seed: Two integers, int64 [2].
        count: Images in the batch.

    Returns:
        Uniform in [0, 1), float64 [count, 8]. The same seed gives the same, on any device; its
        first rows do not depend on the count.

    Example:
        >>> draw([1, 2], 3).shape
        TensorShape([3, 8])
    """
    # Philox by name, since the default is not the same on every device.
    return tf.random.stateless_uniform([count, 8], seed, dtype="float64", alg="philox")


def parameters(augmentation: Augmentation, numbers: Any, height: Any, width: Any) -> dict[str, Any]:
    """Turn uniform numbers into parameters, distributed as in `ImageDataGenerator`.

    Args:
        augmentation: The ranges.
        numbers: As from `draw`.
        height: Height of the images in pixels.
        width: Their width in pixels.

    Returns:
        The parameters of `ImageDataGenerator.apply_transform` by name, each [count]: float64,
        the flips bool.

    Example:
        >>> from zoo.augmentation.augmentation import Augmentation
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


def matrices(parameters: Mapping[str, Any], height: Any, width: Any) -> Any:
    """Make of each image's parameters the matrix that tells where its pixels come from.

    `ImageDataGenerator` looks up the pixel of column x and row y at the place
    `R S H Z (x - c) + c`, with rotation R by θ, shift S by (tx, ty), shear H by φ and zoom Z
    (`keras/src/legacy/preprocessing/image.py`, Keras 3.15), where

        R H Z = [[zx cos θ, -zy sin(θ + φ)], [zx sin θ, zy cos(θ + φ)]]

    and R turns the shift too. Its centre c is (height/2 - 1/2, width/2 - 1/2), the wrong way
    round, which shows where an image is not square. It flips afterwards, so that the last column
    takes the place of the first before the look-up.

    Args:
        parameters: As from `parameters`.
        height: Height of the images in pixels.
        width: Their width in pixels.

    Returns:
        Rows (a0, a1, a2, b0, b1, b2, 0, 0), float64 [count, 8], the form that TensorFlow gives to
        projective transforms: the pixel at (x, y) comes from
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
    x_way, y_way = 1 - 2 * horizontal, 1 - 2 * vertical
    nothing = tf.zeros_like(a0)
    return tf.stack(
        [x_way * a0, y_way * a1, a2, x_way * b0, y_way * b1, b2, nothing, nothing], axis=1
    )


def transform(images: Any, transforms: Any, fill_mode: str, cval: float) -> Any:
    """Transform each image by its own matrix, as `scipy.ndimage.affine_transform(order=1)` does.

    Bilinear interpolation: with r = ⌊y⌋, v = y − r and c = ⌊x⌋, u = x − c,

        (1 − v) ((1 − u) X[r, c] + u X[r, c+1]) + v ((1 − u) X[r+1, c] + u X[r+1, c+1])

    Args:
        images: float32 or float64 [batch, height, width, channels].
        transforms: float64 [batch, 8], as from `matrices`.
        fill_mode: What fills the points outside, as in `Augmentation`.
        cval: The value outside with `fill_mode="constant"`.

    Returns:
        The dtype and shape of the images.

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

    upper = (1 - u) * at(top, left) + u * at(top, right)
    lower = (1 - u) * at(bottom, left) + u * at(bottom, right)
    transformed = (1 - v) * upper + v * lower
    if fill_mode == "constant":
        # SciPy does not fade into the value outside, as TensorFlow's kernel does.
        inside = (x >= 0) & (x <= size[1] - 1) & (y >= 0) & (y <= size[0] - 1)
        transformed = tf.where(inside[..., None], transformed, tf.cast(cval, images.dtype))
    return tf.ensure_shape(transformed, images.shape)


@lru_cache
def augmenter(augmentation: Augmentation, dtype: str = "float32") -> Callable[[Any, Any], Any]:
    """Make the function that draws for a batch and transforms it, compiled.

    Args:
        augmentation: The ranges.
        dtype: Of the images.

    Returns:
        A function of images [batch, height, width, channels] and of a seed, int64 [2], to images
        of the same shape: float64 if they are, else float32. Its gradient by the images is exact.

    Example:
        >>> from zoo.augmentation.augmentation import Augmentation
        >>> seed = tf.constant([1, 2], "int64")
        >>> augmenter(Augmentation(rotation_range=5))(tf.zeros([2, 8, 8, 1]), seed).shape
        TensorShape([2, 8, 8, 1])
    """
    images_spec = tf.TensorSpec([None, None, None, None], dtype)

    # XLA makes one loop of it; it is compiled anew for each size of a batch.
    @tf.function(
        autograph=False,
        jit_compile=tf.test.is_built_with_xla(),
        input_signature=[images_spec, tf.TensorSpec([None, 8], "float64")],
    )
    def compiled(images: Any, numbers: Any) -> Any:
        _, height, width, _ = tf.unstack(tf.shape(images))
        transforms = matrices(parameters(augmentation, numbers, height, width), height, width)
        # Here, so that bytes come in and the same loop turns them into floats.
        images = images if dtype == "float64" else tf.cast(images, "float32")
        return transform(images, transforms, augmentation.fill_mode, augmentation.cval)

    @tf.function(autograph=False, input_signature=[images_spec, tf.TensorSpec([2], "int64")])
    def augment(images: Any, seed: Any) -> Any:
        # Drawn outside, since XLA draws other numbers from the same seed.
        return compiled(images, draw(seed, tf.shape(images)[0]))

    return augment


def _neighbours(place: Any, length: Any, fill_mode: str, dtype: Any) -> tuple[Any, Any, Any]:
    """Along one axis: the pixels before and behind a place, and the weight of the second.

    Places outside are brought inside as SciPy does (`scipy/ndimage/src/ni_interpolation.c`).

    Returns:
        int32 [batch, height, width] twice, and the weights [batch, height, width, 1].
    """
    last = length - 1
    if fill_mode == "reflect":  # d c b a | a b c d | d c b a
        place = length - tf.abs(_remainder(place + 0.5, 2 * length) - length) - 0.5
    elif fill_mode == "wrap":  # the first pixel lies on the last
        period = tf.maximum(last, 1)
        outside = tf.where(place < 0, last - _remainder(-place, period), _remainder(place, period))
        place = tf.where((place < 0) | (place > last), outside, place)
    place = tf.clip_by_value(place, 0, last)
    first = tf.floor(place)
    second = tf.minimum(first + 1, last)
    weight = tf.cast(place - first, dtype)[..., None]
    return tf.cast(first, "int32"), tf.cast(second, "int32"), weight


def _remainder(x: Any, y: Any) -> Any:
    """`x mod y`, in operations that XLA can vectorise."""
    return x - y * tf.floor(x / y)
