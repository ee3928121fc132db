"""The model `cnn`: how many images a second it trains on, and whether bfloat16 costs accuracy."""

from dataclasses import replace
from typing import Any

import keras
import numpy as np

from benchmarks.fits import Epochs, batches_for_keras, fer2013, random_images
from benchmarks.measure import SPEED, bars, keep, rows_of, show, show_ceilings, take_turns
from zoo.datasets import Split
from zoo.metrics import accuracy_interval
from zoo.registry.building import build
from zoo.registry.hardware import fast_precision
from zoo.registry.specs import describe
from zoo.training.learner import Learner
from zoo.training.train import train

REFERENCE = "Keras, float32"


def by_keras(split: Split, precision: str, epochs: int, seed: int = 0) -> tuple[float, Any]:
    """Train with Keras's `fit`, and return the seconds of an epoch and the model.

    Optimiser and batch size are those of the recipe "CO395".
    """
    shape, classes = split.image_shape, split.num_classes
    model = build("cnn", seed=seed, input_shape=shape, num_classes=classes, precision=precision)
    keras.utils.set_random_seed(seed)  # of the order of the images
    recipe, watch = describe("cnn").recipe_named("CO395"), Epochs()
    model.compile(
        keras.optimizers.Adam(recipe.learning_rate), "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )  # fmt: skip
    batches = batches_for_keras(split, recipe.batch_size)
    model.fit(batches, epochs=epochs, shuffle=False, verbose=0, callbacks=[watch])
    return watch.seconds, model


def by_zoo(split: Split, precision: str, epochs: int, seed: int = 0) -> tuple[float, Any]:
    """Train with Zoo, without augmentation, and return the seconds of an epoch and the model."""
    shape, classes, watch = split.image_shape, split.num_classes, Epochs()
    model = build("cnn", seed=seed, input_shape=shape, num_classes=classes, precision=precision)
    recipe = replace(describe("cnn").recipe_named("CO395"), augmentation=None, epochs=epochs)
    train([Learner("cnn", model, recipe)], split, seed=seed, callbacks=[watch], verbose=0)
    return watch.seconds, model


def main(*, quick: bool = False) -> None:
    """Measure, print the tables, and write results/cnn.json and .png."""
    turns, speed_images, images, epochs, seeds = 5, 2048, 6000, 4, (0, 1, 2)
    if quick:
        (split, test), source, turns, speed_images = random_images(64, 8, 3), "64", 1, 32
    else:
        split, test, source = fer2013(classes=None)
    # FER2013 comes sorted by class.
    mixed = split.take(np.random.default_rng(0).permutation(len(split)))
    part = mixed.take(np.arange(speed_images))
    seconds = take_turns(
        {
            REFERENCE: lambda: by_keras(part, "float32", 3)[0],
            "Keras, bfloat16": lambda: by_keras(part, "mixed_bfloat16", 3)[0],
            "zoo, float32": lambda: by_zoo(part, "float32", 3)[0],
            f"zoo, default ({fast_precision()})": lambda: by_zoo(part, "auto", 3)[0],
        },
        turns,
        warm_up=0,
    )
    rows = rows_of(seconds, REFERENCE)
    for row in rows.values():
        row["images a second"] = len(part) / row["seconds"]
    rows[f"zoo, default ({fast_precision()})"]["asked for"] = "2"
    title = f"cnn, an epoch of {speed_images:,} of {source}, batches of 32"
    show(
        title,
        rows,
        {**SPEED, "images a second": ",.0f"},
    )
    results: dict[str, Any] = {"rows": rows, "turns": seconds, "accuracy": {}}
    if test is not None:
        part = mixed.take(np.arange(images))
        trained = {
            REFERENCE: lambda seed: by_keras(part, "float32", epochs, seed),
            "zoo, float32": lambda seed: by_zoo(part, "float32", epochs, seed),
            "zoo, bfloat16": lambda seed: by_zoo(part, "mixed_bfloat16", epochs, seed),
        }
        for name, fit in trained.items():
            scores = {}
            for seed in seeds:
                model = fit(seed)[1]
                right = int((model.predict(test.images, verbose=0).argmax(-1) == test.labels).sum())
                low, high = accuracy_interval(right, len(test))
                scores[f"seed {seed}"] = f"{right / len(test):.1%} [{low:.1%}, {high:.1%}]"
            results["accuracy"][name] = scores
        accuracies = f"Accuracy after {epochs} epochs of {images:,} images, n = {len(test):,}"
        show(accuracies, results["accuracy"], {f"seed {seed}": "" for seed in seeds})
    results["ceilings"] = {} if quick else show_ceilings()
    keep("cnn", results, bars({title: rows}, "seconds"))
