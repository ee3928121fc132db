"""What a landscape costs beside as many predictions."""

from typing import Any

import numpy as np
import tensorflow as tf

import zoo
from benchmarks.fits import fer2013, random_images
from benchmarks.measure import SPEED, Row, keep, rows_of, show, take_turns
from zoo.datasets import Split

PERCEPTRONS = ("mlp", "bn_mlp", "lasso_mlp", "deep_mlp")
REFERENCE = "as many predictions, one graph"


def predictions(model: Any, split: Split, count: int) -> Any:
    """Make a contestant that predicts the same images many times, in a graph of its own.

    Args:
        model: A built model.
        split: The images.
        count: How many times.
    """

    @tf.function(autograph=False)
    def predict(images: Any) -> Any:
        return model(tf.cast(images, "float32"), training=False)

    images = tf.constant(split.images)

    def run() -> None:
        for _ in range(count):
            predict(images)

    return run


def main(*, quick: bool = False) -> None:
    """Measure, print the tables, and write results/landscape.json."""
    side, images, points, turns = (16, 20, 3, 1) if quick else (48, 256, 21, 3)
    split, source = (random_images(20, side, 7)[0], "random") if quick else fer2013(None)[::2]
    rows = beside_predictions(split.take(np.arange(images)), points, turns)
    show(f"{points}×{points} points of cnn on {images} images ({source})", rows, SPEED)
    rows_of_perceptrons = perceptrons(split, quick=quick)
    keep("landscape", {"rows": rows, "perceptrons": rows_of_perceptrons})


def beside_predictions(split: Split, points: int, turns: int) -> dict[str, Row]:
    """Let a landscape of `cnn` take turns with as many predictions."""
    model = zoo.build("cnn", input_shape=split.image_shape, num_classes=split.num_classes, seed=0)

    def in_keras() -> None:
        for _ in range(points**2):
            model.predict(split.images, batch_size=len(split), verbose=0)

    ways = {
        REFERENCE: predictions(model, split, points**2),
        "as many calls of model.predict": in_keras,
        "zoo, landscape": lambda: (
            zoo.inspect.landscape(model, split, points=points, verbose=0) and None
        ),
    }
    rows = rows_of(take_turns(ways, turns, warm_up=0), REFERENCE)
    rows["zoo, landscape"]["asked for"] = "1/1.3 = 0.77"
    return rows


def perceptrons(split: Split, *, quick: bool) -> dict[str, Row]:
    """Measure a fine landscape of each perceptron, and as many predictions of it."""
    points, images, turns = (3, 20, 1) if quick else (51, 1000, 1)
    few, rows = split.take(np.arange(images)), {}
    for name in PERCEPTRONS:
        model = zoo.build(name, input_shape=few.image_shape, num_classes=few.num_classes, seed=0)
        # For bn_mlp with batch statistics anew too, which is the slower kind.
        for statistics in ("kept", "anew") if name == "bn_mlp" else ("kept",):
            ways = {
                REFERENCE: predictions(model, few, points**2),
                "zoo": lambda model=model, statistics=statistics: (
                    zoo.inspect.landscape(
                        model, few, points=points, verbose=0, batch_statistics=statistics
                    )
                    and None
                ),
            }
            timed = rows_of(take_turns(ways, turns, warm_up=0), REFERENCE)["zoo"]
            rows[f"zoo, {name}, batch statistics {statistics}"] = {**timed, "asked for": "30 s"}
    title = f"{points}×{points} points on {images} images, beside {REFERENCE}"
    show(title, rows, SPEED)
    return rows
