"""Trainings of the same models by Keras, by Zoo and by PyTorch, and the data they share."""

import os
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import keras
import numpy as np

import zoo
from zoo.datasets import Split
from zoo.ensembles import Committee, Member
from zoo.errors import DataError
from zoo.metrics import accuracy_interval

REPORT = ("bn_mlp", "lasso_mlp", "deep_mlp")
FOUR = ("angry", "fear", "happy", "sad")
BATCH, RATE = 256, 0.001


def fer2013(classes: Sequence[str] | None = FOUR) -> tuple[Split, Split | None, str]:
    """FER2013's training and test images, or random ones of their number and shape.

    Args:
        classes: The classes to keep.

    Returns:
        Training split, test split or None, and what it is in words.
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
    """Random grey images, as many as asked for, of each class alike."""
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (count, side, side, 1), dtype=np.uint8)
    names = tuple(f"class {k}" for k in range(classes))
    return Split("train", images, rng.integers(0, classes, count), names), None


class Epochs(keras.callbacks.Callback):
    """Notes when each epoch ended."""

    def __init__(self) -> None:
        super().__init__()
        self.ends: list[float] = []

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Note the time."""
        self.ends.append(time.perf_counter())

    @property
    def seconds(self) -> float:
        """Of an epoch, once it runs: the first one, with compiling, does not count."""
        return float(np.median(np.diff(self.ends))) if len(self.ends) > 1 else float("nan")


def models(entries: Sequence[str], split: Split, precision: str) -> list[Any]:
    """Build entries for a split, each from a seed of its own."""
    return [
        zoo.build(
            entry, input_shape=split.image_shape, num_classes=split.num_classes, seed=k,
            precision=precision,
        )
        for k, entry in enumerate(entries)
    ]  # fmt: skip


def keras_fits(
    entries: Sequence[str], split: Split, precision: str, epochs: int, rate: float = RATE
) -> tuple[float, list[Any]]:
    """One `fit` after another, as Keras's own guide does it, on uint8 arrays.

    Returns:
        Seconds of an epoch of all of them, and the models.
    """
    seconds, built = 0.0, models(entries, split, precision)
    for model in built:
        model.compile(
            keras.optimizers.SGD(rate), "sparse_categorical_crossentropy", metrics=["accuracy"]
        )  # fmt: skip
        watch = Epochs()
        model.fit(
            split.images, split.labels, batch_size=BATCH, epochs=epochs, verbose=0,
            callbacks=[watch],
        )  # fmt: skip
        seconds += watch.seconds
    return seconds, built


def committee_fit(
    entries: Sequence[str],
    split: Split,
    precision: str | None,
    epochs: int,
    copies: int | None = None,
    **changes: Any,
) -> tuple[float, Committee]:
    """The same as one committee.

    Args:
        entries: Names of the members, or one name.
        split: Training images.
        precision: Of the members.
        epochs: How many.
        copies: How many of a single one.
        changes: In the entries' recipes.

    Returns:
        Seconds of an epoch, and the committee.
    """
    changes = {"batch_size": BATCH, "precision": precision, "augmentation": None, **changes}
    members = [
        Member(entry, recipe=replace(zoo.describe(entry).recipe, **changes)) for entry in entries
    ]
    committee, watch = Committee(members, copies=copies), Epochs()
    committee.fit(split, epochs=epochs, callbacks=[watch], verbose=0)
    return watch.seconds, committee


def torch_module(model: Any) -> Any:
    """The PyTorch twin of a Keras multilayer perceptron, with its weights, up to the logits.

    Args:
        model: Made of Rescaling, Flatten, Dense, ReLU, BatchNormalization and a last Softmax.

    Returns:
        A `torch.nn.Module` from values 0..1 [batch, inputs] to logits [batch, classes].
    """
    import torch

    parts: list[Any] = []
    for layer in model.layers:
        kind, weights = type(layer).__name__, [torch.tensor(w) for w in layer.get_weights()]
        if kind == "Dense":
            part: Any = torch.nn.Linear(*weights[0].shape)
            state = {"weight": weights[0].T, "bias": weights[1]}
        elif kind == "BatchNormalization":
            part = torch.nn.BatchNorm1d(len(weights[0]), layer.epsilon, 1 - layer.momentum)
            names = ("weight", "bias", "running_mean", "running_var")
            state = dict(zip(names, weights, strict=True))
        elif kind == "ReLU":
            part, state = torch.nn.ReLU(), {}
        else:
            assert kind in ("InputLayer", "Rescaling", "Flatten", "Softmax"), kind
            continue
        part.load_state_dict(state, strict=False)
        parts.append(part)
    return torch.nn.Sequential(*parts)


def torch_fit(
    entries: Sequence[str], split: Split, epochs: int, *, bfloat16: bool, rate: float = RATE
) -> tuple[float, list[Any]]:
    """The same loop in PyTorch: every batch through all of the models.

    Returns:
        Seconds of an epoch, and the modules.
    """
    import torch

    torch.manual_seed(0)
    torch.set_num_threads(os.cpu_count() or 1)
    built = models(entries, split, "float32")
    modules = [torch_module(model) for model in built]
    penalties = [_penalty(entry) for entry in entries]
    optimizers = [torch.optim.SGD(module.parameters(), rate) for module in modules]
    images = torch.from_numpy(np.array(split.images)).flatten(1)
    labels = torch.from_numpy(np.array(split.labels))
    loss_of = torch.nn.CrossEntropyLoss()
    ends = []
    for _ in range(epochs):
        for rows in torch.randperm(len(labels)).split(BATCH):
            x, y = images[rows].float() / 255, labels[rows]
            for module, optimizer, (l1, l2) in zip(modules, optimizers, penalties, strict=True):
                optimizer.zero_grad(set_to_none=True)
                with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
                    logits = module(x)
                loss = loss_of(logits.float(), y)
                if l1 or l2:
                    # Of the hidden layers, as in the entry.
                    hidden = [part for part in module if isinstance(part, torch.nn.Linear)][:-1]
                    for part in hidden:
                        loss = loss + l1 * part.weight.abs().sum() + l2 * part.weight.square().sum()
                loss.backward()
                optimizer.step()
        ends.append(time.perf_counter())
    return float(np.median(np.diff(ends))), [module.eval() for module in modules]


def _penalty(entry: str) -> tuple[float, float]:
    parameters = zoo.describe(entry).parameters
    return tuple(float(parameters.get(name, 0.0)) for name in ("l1", "l2"))  # type: ignore[return-value]


def majority_accuracy(trained: Any, test: Split) -> str:
    """The majority's accuracy on test images, with its 95 % interval.

    Args:
        trained: A committee; or Keras models, PyTorch modules or scikit-learn's classifiers.
        test: The images.
    """
    if hasattr(trained, "votes"):
        votes = trained.votes(test)
    elif hasattr(trained[0], "fit"):
        keras_own = isinstance(trained[0], keras.Model)
        pixels = test.images if keras_own else np.array(test.images).reshape(len(test), -1) / 255
        answers = [one.predict(pixels, verbose=0) if keras_own else one.predict(pixels)
                   for one in trained]  # fmt: skip
        votes = np.stack([answer.argmax(-1) if keras_own else answer for answer in answers])
    else:
        import torch

        pixels = torch.from_numpy(np.array(test.images)).flatten(1).float() / 255
        with torch.no_grad():
            votes = np.stack([one(pixels).argmax(-1).numpy() for one in trained])
    counts = np.apply_along_axis(np.bincount, 0, votes, minlength=test.num_classes)
    right = int((counts.argmax(axis=0) == test.labels).sum())
    low, high = accuracy_interval(right, len(test))
    return f"{right / len(test):.1%} [{low:.1%}, {high:.1%}]"


def what_accuracy(test: Split, epochs: int) -> str:
    """What the accuracies in a table are, and what knowing nothing would give."""
    largest = max(test.class_counts, key=test.class_counts.__getitem__)
    share = test.class_counts[largest] / len(test)
    return (
        f"Accuracy: the majority's on {len(test):,} test images after {epochs} epochs; "
        f"always {largest!r} would have {share:.1%}.\n"
    )


def dense_operations(model: Any) -> int:
    """Operations of a training step for one image: two for each weight and product.

    Forward `X K`, backward `Xᵀ dY`, and `dY Kᵀ` but for the first dense layer, whose input needs
    no gradient.
    """
    sizes = [int(np.prod(w.shape)) for layer in model.layers for w in layer.weights[:1]
             if type(layer).__name__ == "Dense"]  # fmt: skip
    return sum(2 * size * (2 if place == 0 else 3) for place, size in enumerate(sizes))
