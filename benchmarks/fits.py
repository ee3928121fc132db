"""Trainings of the same models by Keras, by Zoo and by PyTorch, and the images for them."""

import os
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import keras
import numpy as np
import tensorflow as tf

import zoo
from benchmarks.torch_twin import pixels_for_torch, torch_twin
from zoo.datasets import Split
from zoo.ensembles import Committee, Member
from zoo.errors import DataError
from zoo.metrics import accuracy_interval

REPORT = ("bn_mlp", "lasso_mlp", "deep_mlp")
FOUR = ("angry", "fear", "happy", "sad")
BATCH, RATE = 256, 0.001


def fer2013(classes: Sequence[str] | None = FOUR) -> tuple[Split, Split | None, str]:
    """Load FER2013, or make random images of the same number and shape where it is missing.

    Args:
        classes: Names of the classes to keep; None keeps all.

    Returns:
        The training split, the test split or None, and the images in words.
    """
    try:
        data = zoo.datasets.load("fer2013", classes=classes, validation=0)
    except DataError as error:
        count = 20_137 if classes else 28_709
        print(f"On {count:,} random images, and without accuracies, since {error}\n")
        names = classes or tuple("abcdefg")
        return (*random_images(count, 48, len(names)), f"{count:,} random images")
    return data.train, data.test, f"{len(data.train):,} images of FER2013"


def random_images(count: int, side: int, classes: int, seed: int = 0) -> tuple[Split, None]:
    """Make a split of `count` random grey images with random labels; there is no test split."""
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (count, side, side, 1), dtype=np.uint8)
    names = tuple(f"class {k}" for k in range(classes))
    return Split("train", images, rng.integers(0, classes, count), names), None


class Epochs(keras.callbacks.Callback):
    """Records the time at which each epoch ended, and stops after `most` epochs, if given."""

    def __init__(self, most: int | None = None) -> None:
        super().__init__()
        self.ends: list[float] = []
        self.most = most

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Record the time."""
        self.ends.append(time.perf_counter())
        if len(self.ends) == self.most:
            self.model.stop_training = True

    @property
    def seconds(self) -> float:
        """Median seconds of an epoch, without the first epoch, which compiles."""
        return float(np.median(np.diff(self.ends))) if len(self.ends) > 1 else float("nan")


def models(entries: Sequence[str], split: Split, precision: str) -> list[Any]:
    """Build models by name for a split, each from another seed."""
    return [
        zoo.build(
            entry, input_shape=split.image_shape, num_classes=split.num_classes, seed=k,
            precision=precision,
        )
        for k, entry in enumerate(entries)
    ]  # fmt: skip


def batches_for_keras(split: Split, size: int) -> Any:
    """Give the batches of each epoch, mixed anew, for Keras's `fit`.

    Keras makes the same batches of arrays. But its pipeline is tuned by a thread that looks up
    after pauses that double, so the end of an epoch sometimes waits. This pipeline is not tuned.

    Args:
        split: The images and labels.
        size: The number of images in a batch.

    Returns:
        A `tf.data.Dataset` of (images, labels).
    """
    images, labels = tf.constant(np.array(split.images)), tf.constant(np.array(split.labels))
    count = len(split)

    def rows_of_epoch(_: Any) -> Any:
        order = tf.random.shuffle(tf.range(count))
        starts = tf.data.Dataset.range(0, count, size)
        return starts.map(lambda start: order[start : start + size])

    untuned = tf.data.Options()
    untuned.autotune.enabled = False
    batches = tf.data.Dataset.range(1).flat_map(rows_of_epoch)
    batches = batches.map(lambda rows: (tf.gather(images, rows), tf.gather(labels, rows)))
    steps = tf.data.experimental.assert_cardinality(-(-count // size))
    return batches.apply(steps).prefetch(2).with_options(untuned)


def keras_fits(
    entries: Sequence[str], split: Split, precision: str, epochs: int, rate: float = RATE
) -> tuple[float, list[Any]]:
    """Train models with Keras's `fit`, one after another, on uint8 images.

    Returns:
        Seconds of an epoch, added up over the models, and the trained models.
    """
    seconds, built = 0.0, models(entries, split, precision)
    for model in built:
        model.compile(
            keras.optimizers.SGD(rate), "sparse_categorical_crossentropy", metrics=["accuracy"]
        )  # fmt: skip
        watch = Epochs()
        model.fit(
            batches_for_keras(split, BATCH),
            epochs=epochs,
            shuffle=False,
            verbose=0,
            callbacks=[watch],
        )
        seconds += watch.seconds
    return seconds, built


def recipe_of_report(entry: str) -> zoo.Recipe:
    """Give the settings of the report that a model comes from, or else its default recipe."""
    spec = zoo.describe(entry)
    return next(iter(spec.recipes.values()), spec.recipe)


def committee_fit(
    entries: Sequence[str],
    split: Split,
    precision: str | None,
    epochs: int,
    copies: int | None = None,
    most: int | None = None,
    **changes: Any,
) -> tuple[float, Committee]:
    """Train the same models as one committee.

    Args:
        entries: Names of the members.
        split: Training images.
        precision: Keras dtype policy of the members.
        epochs: Number of epochs.
        copies: Number of copies of a single member, or None.
        most: Number of epochs after which the training is stopped, or None.
        changes: Fields of the members' recipes to change.

    Returns:
        Seconds of an epoch, and the committee.
    """
    changes = {"batch_size": BATCH, "precision": precision, "augmentation": None, **changes}
    members = [
        Member(entry, recipe=replace(recipe_of_report(entry), **changes)) for entry in entries
    ]
    committee, watch = Committee(members, copies=copies), Epochs(most)
    committee.fit(split, epochs=epochs, callbacks=[watch], verbose=0)
    return watch.seconds, committee


def torch_fit(
    entries: Sequence[str], split: Split, epochs: int, *, bfloat16: bool, rate: float = RATE
) -> tuple[float, list[Any]]:
    """Train the same models in PyTorch, in a loop that takes every batch through all of them.

    Returns:
        Seconds of an epoch, and the trained modules.
    """
    import torch

    torch.manual_seed(0)
    torch.set_num_threads(os.cpu_count() or 1)
    built = models(entries, split, "float32")
    modules = [torch_twin(model) for model in built]
    penalties = [_penalty(entry) for entry in entries]
    optimizers = [torch.optim.SGD(module.parameters(), rate) for module in modules]
    images = pixels_for_torch(split.images)
    labels = torch.from_numpy(np.array(split.labels))
    loss_of = torch.nn.CrossEntropyLoss()
    ends = []
    for _ in range(epochs):
        for rows in torch.randperm(len(labels)).split(BATCH):
            x, y = images[rows].float(), labels[rows]
            for module, optimizer, (l1, l2) in zip(modules, optimizers, penalties, strict=True):
                optimizer.zero_grad(set_to_none=True)
                with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
                    logits = module(x)
                loss = loss_of(logits.float(), y)
                if l1 or l2:
                    # Of the hidden layers, as in the entry.
                    dense = [p for p in module.modules() if isinstance(p, torch.nn.Linear)]
                    for part in dense[:-1]:
                        loss = loss + l1 * part.weight.abs().sum() + l2 * part.weight.square().sum()
                loss.backward()
                optimizer.step()
        ends.append(time.perf_counter())
    return float(np.median(np.diff(ends))), [module.eval() for module in modules]


def _penalty(entry: str) -> tuple[float, float]:
    parameters = zoo.describe(entry).parameters
    return tuple(float(parameters.get(name, 0.0)) for name in ("l1", "l2"))  # type: ignore[return-value]


def majority_accuracy(trained: Any, test: Split) -> str:
    """Write the accuracy of the majority on test images, with its 95 % interval.

    Args:
        trained: A committee; or a list of Keras models, of PyTorch modules or of scikit-learn's
            classifiers.
        test: Test images.

    Returns:
        Text such as `40.2% [38.3%, 42.2%]`.
    """
    if hasattr(trained, "votes"):
        votes = trained.votes(test)
    elif hasattr(trained[0], "fit"):
        keras_own = isinstance(trained[0], keras.Model)
        pixels = test.images if keras_own else np.array(test.images).reshape(len(test), -1) / 255
        answers = [model.predict(pixels, verbose=0) if keras_own else model.predict(pixels)
                   for model in trained]  # fmt: skip
        votes = np.stack([answer.argmax(-1) if keras_own else answer for answer in answers])
    else:
        import torch

        pixels = pixels_for_torch(test.images).float()
        with torch.no_grad():
            votes = np.stack([module(pixels).argmax(-1).numpy() for module in trained])
    counts = np.apply_along_axis(np.bincount, 0, votes, minlength=test.num_classes)
    right = int((counts.argmax(axis=0) == test.labels).sum())
    low, high = accuracy_interval(right, len(test))
    return f"{right / len(test):.1%} [{low:.1%}, {high:.1%}]"


def what_accuracy(test: Split, epochs: int) -> str:
    """Explain the accuracies in a table, and name that of always answering the largest class."""
    largest = max(test.class_counts, key=test.class_counts.__getitem__)
    share = test.class_counts[largest] / len(test)
    return (
        f"Accuracy: the majority's on {len(test):,} test images after {epochs} epochs; "
        f"always {largest!r} would have {share:.1%}.\n"
    )


def dense_operations(model: Any) -> int:
    """Count the operations of a training step for one image, in the products of dense layers.

    A multiplication and an addition are two operations. The products are `X K` forward, and `Xᵀ dY`
    and `dY Kᵀ` backward; the first dense layer needs no `dY Kᵀ`, since nothing below it is trained.
    """
    sizes = [int(np.prod(w.shape)) for layer in model.layers for w in layer.weights[:1]
             if type(layer).__name__ == "Dense"]  # fmt: skip
    return sum(2 * size * (2 if number == 0 else 3) for number, size in enumerate(sizes))


def predict_by_batch(model: Any, images: np.ndarray, batch_size: int) -> np.ndarray:
    """Predict batch after batch by Keras.

    Keras's `predict` is the same with an input pipeline. At its end it waits for the thread that
    tunes the pipeline, which wakes at intervals that double: it can take twice as long.

    Args:
        model: A `keras.Model`.
        images: The images, uint8 [n, height, width, channels].
        batch_size: The number of images in a batch.

    Returns:
        The probabilities, float32 [n, classes].
    """
    starts = range(0, len(images), batch_size)
    return np.concatenate(
        [model.predict_on_batch(images[start : start + batch_size]) for start in starts]
    )
