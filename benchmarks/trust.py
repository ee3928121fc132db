"""Which explanations can be trusted: every method on `cnn` and on a LeNet, in numbers.

The sanity check (Adebayo et al., 2018), deletion and insertion (Petsiuk et al., 2018). Numbers for
the page docs/trust.md.
"""

from dataclasses import replace
from typing import Any

import keras
import numpy as np
from keras import layers

import zoo
from benchmarks.fits import random_images
from benchmarks.measure import Row, keep, show
from zoo.datasets import Split
from zoo.inspect import explain, faithfulness, sanity_check
from zoo.inspect.explaining.catalogue import METHODS
from zoo.registry.specs import describe
from zoo.training.learner import Learner
from zoo.training.train import train

OPTIONS: dict[str, dict[str, Any]] = {
    "smooth_grad": {"samples": 16},
    "integrated_gradients": {"steps": 16},
    "rise": {"masks": 200},
}
"""Options with which the slow methods take less time."""

TABLES = {
    "sanity check": (
        *("sanity", "last layer", "all layers"),
        *("all, absolute", "all, SSIM", "passes"),
    ),
    "deletion": ("deletion", "deletion, over random", "deletion, over edges"),
    "insertion": ("insertion", "insertion, over random", "insertion, over edges"),
}
"""Title of a table → its columns; all columns together are too wide for a terminal."""


def lenet(split: Split, epochs: int) -> Any:
    """Train a LeNet-5 (LeCun et al., 1998), with ReLU and maxima."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input(split.image_shape),
            layers.Rescaling(1 / 255),
            layers.Conv2D(6, 5, padding="same", activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(16, 5, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(120, activation="relu"),
            layers.Dense(84, activation="relu"),
            layers.Dense(split.num_classes, activation="softmax"),
        ],
        name="lenet",
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(split.images, split.labels, batch_size=64, epochs=epochs, verbose=0)
    return model


def small_cnn(split: Split, epochs: int) -> Any:
    """Train `cnn` with its coursework recipe, without augmentation."""
    shape, classes = split.image_shape, split.num_classes
    model = zoo.build("cnn", seed=0, input_shape=shape, num_classes=classes, precision="float32")
    recipe = replace(describe("cnn").recipe_named("CO395"), augmentation=None, epochs=epochs)
    train([Learner("cnn", model, recipe)], split, seed=0, verbose=0)
    return model


def judge(model: Any, images: np.ndarray, methods: Any = tuple(METHODS)) -> dict[str, Row]:
    """Measure every method on the same images.

    Args:
        model: A trained model.
        images: uint8 [n, height, width, channels].
        methods: Names of methods.

    Returns:
        Method → what was measured, each number with its interval as text.
    """
    rows: dict[str, Row] = {}
    for method in methods:
        options = OPTIONS.get(method, {})
        check = sanity_check(model, images, method=method, verbose=0, **options)
        explanation = explain(model, images, method=method, verbose=0, **options)
        faith = faithfulness(model, method=explanation, verbose=0)
        rows[method] = {
            "sanity": _text(check.sanity.correlation),
            "last layer": _text(check.means()[0]),
            "all layers": _text(check.means()[-1]),
            "all, absolute": _text(check.means("absolute_correlations")[-1]),
            "all, SSIM": _text(check.means("ssim")[-1]),
            "passes": "yes" if check.passes else "no",
            "deletion": _text(faith.area("deletion")),
            "insertion": _text(faith.area("insertion")),
            "deletion, over edges": _text(faith.advantage("deletion", "edges")),
            "insertion, over edges": _text(faith.advantage("insertion", "edges")),
            "deletion, over random": _text(faith.advantage("deletion")),
            "insertion, over random": _text(faith.advantage("insertion")),
        }
        print(method, rows[method], flush=True)
    return rows


def main(*, quick: bool = False) -> None:
    """Measure, print the tables, and write results/trust.json."""
    kept, results = (4 if quick else 32), {}
    for name, source, fit, epochs in (
        ("cnn", "fer2013", small_cnn, 4),
        ("lenet", "mnist", lenet, 5),
    ):
        if quick:
            split = test = random_images(16, 16, 3)[0]
        else:
            data = zoo.datasets.load(source)
            split, test = data.train, data.test
        chosen = np.random.default_rng(0).permutation(len(split))[:6000]
        model = fit(split.take(chosen), 1 if quick else epochs)
        answers = model.predict(test.images, batch_size=256, verbose=0).argmax(axis=1)
        right = float((answers == test.labels).mean())
        images = test.images[np.random.default_rng(1).permutation(len(test))[:kept]]
        rows = judge(model, images, ("gradient", "guided_backpropagation") if quick else METHODS)
        about = f"{name}, {kept} images of {'noise' if quick else source}, {right:.1%} right"
        for title, columns in TABLES.items():
            show(f"{about}: {title}", rows, dict.fromkeys(columns, ""))
        results[name] = {"right": right, "methods": rows}
    keep("trust", results)


def _text(estimate: Any) -> str:
    return f"{estimate.value:.2f} [{estimate.low:.2f}, {estimate.high:.2f}]"
