"""Random transforms of a batch of images as one projective transform, in TensorFlow.

What `ImageDataGenerator` does image by image: the parameters that it draws, the matrix that it
makes of them, and the interpolation of `scipy.ndimage.affine_transform(order=1)`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import tensorflow as tf

if TYPE_CHECKING:
    from zoo.augment import Augmentation

Transform = Callable[[Any, Any], Any]
"""From images [batch, height, width, channels] and a seed [2] to images of the same shape."""


def draw(
    augmentation: Augmentation, seed: Any, count: Any, height: Any, width: Any
) -> dict[str, Any]:
    """Draw the parameters of a batch, from the distribution of `ImageDataGenerator`.

    Args:
        augmentation: The ranges.
        seed: Two integers, int64 [2]; the same give the same parameters, on any device.
        count: Images in the batch.
        height: Their height in pixels.
        width: Their width in pixels.

    Returns:
        The parameters of `ImageDataGenerator.apply_transform` by name, each [count]: float64,
        the flips bool. The first ones are the same whatever the count.

    Example:
        >>> from zoo.augment import Augmentation
        >>> draw(Augmentation(rotation_range=5), [1, 2], 3, 8, 8)["theta"].shape
        TensorShape([3])
    """
    spans = tf.stack(
        [
            tf.constant(augmentation.rotation_range, "float64"),
            # Keras measures "x" along the height.
            augmentation.height_shift_range * tf.cast(height, "float64"),
            augmentation.width_shift_range * tf.cast(width, "float64"),
            tf.constant(augmentation.shear_range, "float64"),
            tf.constant(augmentation.zoom_range, "float64"),
            tf.constant(augmentation.zoom_range, "float64"),
        ]
    )
    # Philox by name, since the default differs between devices.
    uniform = tf.random.stateless_uniform([count, 8], seed, dtype="float64", alg="philox")
    theta, tx, ty, shear, zx, zy = tf.unstack(spans * (2 * uniform[:, :6] - 1), axis=1)
    flips = (uniform[:, 6:] < 0.5) & [augmentation.horizontal_flip, augmentation.vertical_flip]
    return {
        "theta": theta,
        "tx": tx,
        "ty": ty,
        "shear": shear,
        "zx": 1 + zx,
        "zy": 1 + zy,
        "flip_horizontal": flips[:, 0],
        "flip_vertical": flips[:, 1],
    }


def matrices(parameters: dict[str, Any], height: Any, width: Any) -> Any:
    """Bring each image's parameters into the form of `ImageProjectiveTransformV3`.

    `ImageDataGenerator` looks up the pixel of column x and row y at the place
    `R S H Z (x - c) + c`, with rotation R by θ, shift S by (tx, ty), shear H by φ and zoom Z
    (`keras/src/legacy/preprocessing/image.py`, Keras 3.15), where

        R H Z = [[zx cos θ, -zy sin(θ + φ)], [zx sin θ, zy cos(θ + φ)]]

    and R turns the shift too. Its centre c is (height/2 - 1/2, width/2 - 1/2), the wrong way
    round, which shows where an image is not square. It flips afterwards, so that the last column
    takes the place of the first before the look-up.

    Args:
        parameters: As from `draw`.
        height: Height of the images in pixels.
        width: Their width in pixels.

    Returns:
        Rows (a0, a1, a2, b0, b1, b2, 0, 0), float64 [count, 8]: what comes to (x, y) is taken from
        (a0 x + a1 y + a2, b0 x + b1 y + b2).

    Example:
        >>> from zoo.augment import Augmentation
        >>> matrices(draw(Augmentation(), [0, 0], 1, 8, 8), 8, 8).numpy().tolist()
        [[1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0]]
    """
    height, width = tf.cast(height, "float64"), tf.cast(width, "float64")
    theta, shear = (tf.cast(parameters[key], "float64") * DEGREE for key in ("theta", "shear"))
    tx, ty, zx, zy = (tf.cast(parameters[key], "float64") for key in ("tx", "ty", "zx", "zy"))
    cosine, sine = tf.cos(theta), tf.sin(theta)
    a0, a1 = zx * cosine, -zy * tf.sin(theta + shear)
    b0, b1 = zx * sine, zy * tf.cos(theta + shear)
    cx, cy = height / 2 - 0.5, width / 2 - 0.5
    a2 = cosine * tx - sine * ty + (cx - a0 * cx - a1 * cy)
    b2 = sine * tx + cosine * ty + (cy - b0 * cx - b1 * cy)

    horizontal = tf.cast(parameters["flip_horizontal"], "float64")
    vertical = tf.cast(parameters["flip_vertical"], "float64")
    a2 += horizontal * a0 * (width - 1) + vertical * a1 * (height - 1)
    b2 += horizontal * b0 * (width - 1) + vertical * b1 * (height - 1)
    x_way, y_way = 1 - 2 * horizontal, 1 - 2 * vertical
    nothing = tf.zeros_like(a0)
    return tf.stack(
        [x_way * a0, y_way * a1, a2, x_way * b0, y_way * b1, b2, nothing, nothing], axis=1
    )


def transform(images: Any, transforms: Any, fill_mode: str, cval: float) -> Any:
    """Transform each image by its own matrix, with bilinear interpolation.

    As `scipy.ndimage.affine_transform(order=1)` does, up to rounding. TensorFlow's kernel agrees
    with it for `"nearest"` and `"reflect"`. With `"constant"` it fades into `cval` over the pixel
    next to the image, where SciPy has `cval` at once; so these points are set afterwards. Its
    `"wrap"` is another one, and its arithmetic is float32; `resample` does these.

    The gradient by the images is exact, that of `resample`; TensorFlow's own for its kernel is an
    approximation, the inverse transform of what comes from above.

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
    if fill_mode == "wrap" or images.dtype == tf.float64:
        return resample(images, transforms, fill_mode, cval)
    transforms = tf.stop_gradient(transforms)

    @tf.custom_gradient
    def kernel(images: Any) -> Any:
        transformed = tf.raw_ops.ImageProjectiveTransformV3(
            images=images,
            transforms=tf.cast(transforms, "float32"),
            output_shape=tf.shape(images)[1:3],
            fill_value=0.0,
            interpolation="BILINEAR",
            fill_mode="REFLECT" if fill_mode == "reflect" else "NEAREST",
        )
        transformed = tf.ensure_shape(transformed, images.shape)
        if fill_mode == "constant":
            x, y = _places(transforms, images)
            transformed = tf.where(_inside(x, y, images), transformed, tf.cast(cval, images.dtype))

        def backward(upstream: Any) -> Any:
            with tf.GradientTape() as tape:
                tape.watch(images)
                same = resample(images, transforms, fill_mode, cval)
            return tape.gradient(same, images, output_gradients=upstream)

        return transformed, backward

    return kernel(images)


def resample(images: Any, transforms: Any, fill_mode: str, cval: float) -> Any:
    """Do the same as `transform` by gathering four pixels for each, with coordinates in float64.

    Slower, exact in float64, and differentiable as often as wanted.

    Example:
        >>> images = tf.reshape(tf.range(3.0), [1, 1, 3, 1])
        >>> two_pixels = tf.constant([[1, 0, 2, 0, 1, 0, 0, 0]], "float64")
        >>> resample(images, two_pixels, "reflect", cval=0.0).numpy().ravel().tolist()
        [2.0, 2.0, 1.0]
    """
    count, height, width, channels = tf.unstack(tf.shape(images))
    x, y = _places(transforms, images)
    left, right, along = _neighbours(x, width, fill_mode, images.dtype)
    top, bottom, down = _neighbours(y, height, fill_mode, images.dtype)
    pixels = tf.reshape(images, [count, height * width, channels])

    def at(rows: Any, columns: Any) -> Any:
        return tf.gather(pixels, rows * width + columns, batch_dims=1)

    upper = (1 - along) * at(top, left) + along * at(top, right)
    lower = (1 - along) * at(bottom, left) + along * at(bottom, right)
    sampled = tf.ensure_shape((1 - down) * upper + down * lower, images.shape)
    if fill_mode != "constant":
        return sampled
    return tf.where(_inside(x, y, images), sampled, tf.cast(cval, images.dtype))


@lru_cache
def compiled(augmentation: Augmentation) -> Transform:
    """Compile what `Augmentation.__call__` does to a batch; one graph for all sizes.

    Args:
        augmentation: The ranges.

    Returns:
        A function of images, float32 [batch, height, width, channels], and a seed, int64 [2].

    Example:
        >>> from zoo.augment import Augmentation
        >>> compiled(Augmentation())(tf.zeros([2, 8, 8, 1]), tf.constant([0, 0], "int64")).shape
        TensorShape([2, 8, 8, 1])
    """

    @tf.function(
        autograph=False,
        input_signature=[
            tf.TensorSpec([None, None, None, None], "float32"),
            tf.TensorSpec([2], "int64"),
        ],
    )
    def apply(images: Any, seed: Any) -> Any:
        return augment(augmentation, images, seed)

    return apply


def augment(augmentation: Augmentation, images: Any, seed: Any) -> Any:
    """Draw parameters for a batch and transform it.

    Args:
        augmentation: The ranges.
        images: float32 or float64 [batch, height, width, channels].
        seed: Two integers, int64 [2].

    Returns:
        The dtype and shape of the images.
    """
    count, height, width = tf.unstack(tf.shape(images)[:3])
    parameters = draw(augmentation, seed, count, height, width)
    transforms = matrices(parameters, height, width)
    return transform(images, transforms, augmentation.fill_mode, augmentation.cval)


DEGREE = 3.141592653589793 / 180


def _places(transforms: Any, images: Any) -> tuple[Any, Any]:
    """Where each pixel comes from: column x and row y, float64 [batch, height, width]."""
    shape = tf.cast(tf.shape(images), "float64")
    rows, columns = tf.range(shape[1])[:, None], tf.range(shape[2])
    a0, a1, a2, b0, b1, b2, _, _ = tf.unstack(transforms[:, :, None, None], axis=1)
    return a0 * columns + (a1 * rows + a2), b0 * columns + (b1 * rows + b2)


def _inside(x: Any, y: Any, images: Any) -> Any:
    """Whether a place is in the image: bool [batch, height, width, 1]."""
    last = tf.cast(tf.shape(images) - 1, "float64")
    return ((x >= 0) & (x <= last[2]) & (y >= 0) & (y <= last[1]))[..., None]


def _neighbours(place: Any, size: Any, fill_mode: str, dtype: Any) -> tuple[Any, Any, Any]:
    """Along one axis: the pixels before and behind a place, and the weight of the second.

    Places outside are brought inside as SciPy does (`ndimage/src/ni_interpolation.c`).

    Returns:
        int32 [batch, height, width] twice, and the weights [batch, height, width, 1].
    """
    length = tf.cast(size, "float64")
    last = length - 1
    if fill_mode == "reflect":  # d c b a | a b c d | d c b a
        place = length - tf.abs(tf.math.floormod(place + 0.5, 2 * length) - length) - 0.5
    elif fill_mode == "wrap":  # the first pixel lies on the last
        period = tf.maximum(last, 1)
        before, behind = last - tf.math.floormod(-place, period), tf.math.floormod(place, period)
        place = tf.where(place < 0, before, tf.where(place > last, behind, place))
    place = tf.clip_by_value(place, 0, last)
    first = tf.floor(place)
    second = tf.minimum(first + 1, last)
    weight = tf.cast(place - first, dtype)[..., None]
    return tf.cast(first, "int32"), tf.cast(second, "int32"), weight
