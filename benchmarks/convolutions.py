"""What a convolution's shape costs: useful operations a second, forward and backward.

A product counts as a multiplication and an addition, of the output and of the gradients of the
kernel and of the images. The kernels are TensorFlow's, as Keras and Zoo call them.
"""

import time
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from benchmarks.measure import keep, show, take_turns

# Title, depthwise or not, size of the images, channels in, channels out, size of the kernel.
SHAPES: list[tuple[str, bool, int, int, int, int]] = [
    ("first layer, grey", False, 48, 1, 32, 3),
    ("first layer, RGB", False, 48, 3, 32, 3),
    ("8 channels", False, 48, 8, 8, 3),
    ("16 channels", False, 48, 16, 16, 3),
    ("32 channels", False, 48, 32, 32, 3),
    ("64 channels", False, 24, 64, 64, 3),
    ("256 channels", False, 6, 256, 256, 3),
    ("64 channels, 1×1", False, 24, 64, 64, 1),
    ("64 channels, depthwise", True, 24, 64, 64, 3),
]
PRECISIONS = ("float32", "bfloat16")
COLUMNS = {"billion operations a second": ".1f", "milliseconds": ".2f"}


def contestant(depthwise: bool, side: int, before: int, after: int, kernel: int, dtype: str) -> Any:
    """Make a function that returns the seconds of a pass forward and backward of 128 images."""
    options = {"padding": "same", "use_bias": False, "dtype": dtype}
    layer = (
        keras.layers.DepthwiseConv2D(kernel, **options)
        if depthwise
        else keras.layers.Conv2D(after, kernel, **options)
    )
    rng = np.random.default_rng(0)
    images = tf.cast(rng.normal(size=(128, side, side, before)), dtype)
    outer = tf.cast(rng.normal(size=(128, side, side, after)), dtype)
    layer.build(images.shape)

    @tf.function(autograph=False, jit_compile=False)
    def step() -> Any:
        with tf.GradientTape() as tape:
            tape.watch(images)
            y = layer(images)
        return [tf.reduce_sum(d) for d in tape.gradient(y, [images, layer.kernel.value], outer)]

    def seconds() -> float:
        started = time.perf_counter()
        step()[0].numpy()
        return time.perf_counter() - started

    return seconds


def main(*, quick: bool = False) -> None:
    """Measure, print the table, and write results/convolutions.json."""
    ways, billions = {}, {}
    for title, depthwise, side, before, after, kernel in SHAPES[-2:] if quick else SHAPES:
        for dtype in PRECISIONS:
            name = f"{title}, {dtype}"
            ways[name] = contestant(depthwise, side, before, after, kernel, dtype)
            products = side**2 * kernel**2 * after * (1 if depthwise else before)
            billions[name] = 3 * 2 * 128 * products / 1e9
    turns = take_turns(ways, 1 if quick else 15)
    rows = {}
    for name, seconds in turns.items():
        middle = float(np.median(seconds))
        rows[name] = {
            "billion operations a second": billions[name] / middle,
            "milliseconds": 1000 * middle,
        }
    show("Convolutions of 128 images, forward and backward", rows, COLUMNS)
    keep("convolutions", {"rows": rows})
