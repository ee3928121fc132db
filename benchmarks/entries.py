"""Images a second of each network, in training and in predicting, in float32 and bfloat16.

Plain Keras is `fit` of the same model, and `predict_on_batch` of batch after batch, which is faster
than `predict`; Zoo is its training, and `Committee.predict`, which folds batch normalisation;
PyTorch, where it is installed, trains and predicts with the same layers, channels last, and without
penalties of weights. All take the same random images in the same batches, turn by turn. Keras also
predicts with batch normalisation folded, where there is any.
"""

import importlib.util
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import keras
import numpy as np

import zoo
from benchmarks.fits import Epochs, batches_for_keras, predict_by_batch
from benchmarks.measure import keep, rows_of, show, show_ceilings, take_turns
from benchmarks.torch_twin import fit_by_torch, predict_by_torch, torch_twin
from zoo.datasets import Split
from zoo.ensembles import Committee, Member
from zoo.layers.folding import folded_where_possible
from zoo.training.learner import Learner
from zoo.training.train import train

BATCH = 128
PREDICT_BATCH = 256
FACES = {"input_shape": (48, 48, 1), "num_classes": 7}
# Entry, arguments, images of an epoch.
ENTRIES: list[tuple[str, dict[str, Any], int]] = [
    ("lenet", {}, 8192),
    ("mini_xception", {}, 1024),
    ("vgg", {"width": 16}, 1024),
    ("vgg", {}, 512),
    ("rep_vgg", {}, 512),
    ("resnet", {}, 1024),
    ("wide_resnet", {}, 512),
    ("cnn", {}, 1024),
    ("conv_bn", {}, 1024),
    ("resnet", FACES, 512),
    ("wide_resnet", FACES, 256),
    ("softmax", {}, 8192),
    ("mlp", {}, 8192),
    ("bn_mlp", {}, 8192),
    ("lasso_mlp", {}, 8192),
    ("deep_mlp", {}, 8192),
    ("alexnet", {}, 32),
]
NO_TWIN = ("alexnet",)
"""Entries with layers that `benchmarks.torch_twin` does not have."""
PRECISIONS = ("float32", "mixed_bfloat16")
COLUMNS = {
    "images a second": ",.0f",
    "times faster": ".2f",
    "low": ".2f",
    "high": ".2f",
}


def random_split(name: str, arguments: Any, count: int) -> Split:
    """Make random images of the shape that a model takes, with random labels."""
    parameters, rng = {**zoo.describe(name).parameters, **arguments}, np.random.default_rng(0)
    images = rng.integers(0, 256, (count, *parameters["input_shape"]), dtype=np.uint8)
    classes = parameters["num_classes"]
    names = tuple(f"class {k}" for k in range(classes))
    return Split("train", images, rng.integers(0, classes, count), names)


def train_by_keras(name: str, arguments: Any, split: Split, precision: str, epochs: int) -> float:
    """Train with Keras's `fit`, and return the seconds of an epoch."""
    model, recipe, watch = zoo.build(name, seed=0, precision=precision, **arguments), *_recipe(name)
    model.compile(recipe.make_optimizer(10_000), "sparse_categorical_crossentropy")
    batches = batches_for_keras(split, BATCH)
    model.fit(batches, epochs=epochs, shuffle=False, verbose=0, callbacks=[watch])
    return watch.seconds


def train_by_zoo(name: str, arguments: Any, split: Split, precision: str, epochs: int) -> float:
    """Train with Zoo, without augmentation, and return the seconds of an epoch."""
    model, recipe, watch = zoo.build(name, seed=0, precision=precision, **arguments), *_recipe(name)
    recipe = replace(recipe, epochs=epochs, precision=None)
    train([Learner(name, model, recipe)], split, seed=0, callbacks=[watch], verbose=0)
    return watch.seconds


def train_by_torch(name: str, arguments: Any, split: Split, precision: str, epochs: int) -> float:
    """Train the PyTorch twin of a model, and return the seconds of an epoch."""
    model = zoo.build(name, seed=0, precision="float32", **arguments)
    return fit_by_torch(model, split, BATCH, epochs, bfloat16="bfloat16" in precision)


def trainers(name: str) -> dict[str, Any]:
    """Give the contestants of the training of a model."""
    found = {"Keras": train_by_keras, "zoo": train_by_zoo}
    return found | ({"PyTorch": train_by_torch} if has_twin(name) else {})


def has_twin(name: str) -> bool:
    """Whether PyTorch is installed, and the model can be made of its layers."""
    return name not in NO_TWIN and importlib.util.find_spec("torch") is not None


def _recipe(name: str) -> tuple[zoo.Recipe, Epochs]:
    """Give the default recipe without what Keras's `fit` does not do, and a watch."""
    recipe = zoo.describe(name).recipe
    return replace(recipe, augmentation=None, standardize=None, batch_size=BATCH), Epochs()


def predictors(name: str, arguments: Any, images: np.ndarray, precision: str) -> dict[str, Any]:
    """Make contestants that predict the same images by Keras, by Zoo, and by PyTorch."""
    model = zoo.build(name, seed=0, precision=precision, **arguments)
    committee = Committee([Member(model, name=name)])

    def seconds(predict: Any) -> float:
        started = time.perf_counter()
        predict()
        return time.perf_counter() - started

    ways: dict[str, Any] = {
        "Keras": lambda: predict_by_batch(model, images, PREDICT_BATCH),
        "Keras, predict": lambda: model.predict(images, batch_size=PREDICT_BATCH, verbose=0),
        "zoo": lambda: committee.predict(images, batch_size=PREDICT_BATCH),
    }
    if (folded := folded_where_possible(model)) is not model:
        ways["Keras, folded"] = lambda: predict_by_batch(folded, images, PREDICT_BATCH)
    if has_twin(name):
        twin, bfloat16 = torch_twin(model).eval(), "bfloat16" in precision
        ways["PyTorch"] = lambda: predict_by_torch(twin, images, PREDICT_BATCH, bfloat16=bfloat16)
        few, keras_few = images[:8], model.predict(images[:8], verbose=0)
        found = predict_by_torch(twin, few, PREDICT_BATCH, bfloat16=False)
        assert np.abs(found - keras_few).max() < 0.02, "PyTorch computes another network"
    return {title: partial(seconds, way) for title, way in ways.items()}


def measure(name: str, arguments: Any, count: int, turns: int, epochs: int) -> dict[str, Any]:
    """Measure a model: rows for training and for predicting, by contestant and precision."""
    split = random_split(name, arguments, count)
    ways: dict[str, Any] = {}
    for precision in PRECISIONS:
        short = precision.removeprefix("mixed_")
        for title, function in trainers(name).items():
            ways[f"{title}, {short}"] = lambda function=function, precision=precision: function(
                name, arguments, split, precision, epochs
            )
    training = rows_of(take_turns(ways, turns, warm_up=0), "Keras, float32")
    ways = {}
    for precision in PRECISIONS:
        short = precision.removeprefix("mixed_")
        made = predictors(name, arguments, split.images, precision)
        ways |= {f"{title}, {short}": way for title, way in made.items()}
    predicting = rows_of(take_turns(ways, 3 * turns), "Keras, float32")
    for rows in (training, predicting):
        for row in rows.values():
            row["images a second"] = count / row["seconds"]
    return {"training": training, "predicting": predicting}


def main(entries: Sequence[str] = (), *, quick: bool = False) -> None:
    """Measure, print the tables, and write results/entries.json.

    Args:
        entries: Names of the models to measure; all if there are none.
        quick: Whether to do little work, which measures nothing.
    """
    chosen = [entry for entry in ENTRIES if not entries or entry[0] in entries]
    results: dict[str, Any] = {}
    for name, arguments, count in [("lenet", {}, 256)] if quick else chosen:
        found = measure(name, arguments, count, *((1, 2) if quick else (3, 3)))
        given = ["48×48×1"] if arguments is FACES else [f"{k}={v}" for k, v in arguments.items()]
        title = " ".join([name, *given])
        results[title] = found
        for task, rows in found.items():
            show(f"{title}, {task} {count:,} images", rows, COLUMNS)
        model = zoo.build(name, precision="auto", **arguments)
        policies = {layer.dtype_policy.name for layer in model.layers if layer.weights}
        chose = "bfloat16" if "mixed_bfloat16" in policies else "float32"
        print(f'precision="auto" chooses {chose} for {title} here.\n')
        keras.backend.clear_session()
    keep("entries", {"rows": results, "ceilings": {} if quick else show_ceilings()})
