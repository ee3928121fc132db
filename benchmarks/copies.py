"""Sixteen copies of one architecture, and what an epoch costs as there are more of them.

Keras, PyTorch and Zoo train the entry with its L1 and L2 penalties. scikit-learn's network has L2
only, and torchensemble none: their figures flatter them. scikit-learn's processes are started
before. An epoch of both is a share of the whole `fit`; of the others it counts from the second on.
"""

import contextlib
import functools
import io
import statistics
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from benchmarks import measure
from benchmarks.fits import (
    BATCH,
    committee_fit,
    fer2013,
    keras_fits,
    majority_accuracy,
    random_images,
    torch_fit,
    torch_module,
    what_accuracy,
)
from benchmarks.measure import SPEED, bars, keep, rows_of, show, show_ceilings, take_turns
from zoo.plots import new_figure

ENTRY, COPIES = "lasso_mlp", 16
RATE = 0.02
"""The learning rate. With the report's, 0.001, nothing is learned in so few epochs."""

REFERENCE = "Keras, sixteen fits, float32"
MEMBERS = (1, 2, 4, 8, 16, 32, 64)


def scikit_learn(split: Any, copies: int, epochs: int) -> tuple[float, Any]:
    """Seconds of an epoch of bagged `MLPClassifier`s, and these."""
    from sklearn.ensemble import BaggingClassifier
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier

    network = MLPClassifier(
        (100, 100),
        solver="sgd",
        batch_size=BATCH,
        learning_rate_init=RATE,
        momentum=0,
        max_iter=epochs,
    )
    bagging = BaggingClassifier(network, copies, bootstrap=False, n_jobs=-1)
    pixels = split.images.reshape(len(split), -1).astype("float32") / 255
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        few = slice(None, None, 50)  # of every class, to start the processes
        bagging.fit(pixels[few], split.labels[few])
        started = time.perf_counter()
        bagging.fit(pixels, split.labels)
        return (time.perf_counter() - started) / epochs, bagging.estimators_


def torch_ensemble(split: Any, copies: int, epochs: int) -> tuple[float, Any]:
    """Seconds of an epoch of torchensemble's `VotingClassifier`, and its modules."""
    import torch
    from torchensemble import VotingClassifier

    import zoo

    class Network(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            shape, classes = split.image_shape, split.num_classes
            self.layers = torch_module(zoo.build(ENTRY, input_shape=shape, num_classes=classes))

        def forward(self, x: Any) -> Any:
            return self.layers(x.float() / 255)

    images = torch.from_numpy(np.array(split.images)).flatten(1)
    data = torch.utils.data.TensorDataset(images, torch.from_numpy(np.array(split.labels)))
    # Whole batches at once, not image by image.
    order = torch.utils.data.RandomSampler(data)
    batches = torch.utils.data.BatchSampler(order, BATCH, drop_last=False)
    loader = torch.utils.data.DataLoader(data, sampler=batches, batch_size=None)
    ensemble = VotingClassifier(estimator=Network, n_estimators=copies, cuda=False)
    ensemble.set_criterion(torch.nn.CrossEntropyLoss())
    ensemble.set_optimizer("SGD", lr=RATE)
    started = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()):  # a line for each member
        ensemble.fit(loader, epochs=epochs, log_interval=10**9, save_model=False)
    seconds = (time.perf_counter() - started) / epochs
    return seconds, [one.layers.eval() for one in ensemble.estimators_]


def grouped_convolutions(copies: int, turns: int) -> dict[str, list[float]]:
    """A convolution of the `cnn` entry for some copies, one by one and as one in groups."""
    rng = np.random.default_rng(0)
    x = tf.constant(rng.normal(size=(32, 24, 24, 64 * copies)), "float32")
    kernel = tf.constant(rng.normal(size=(3, 3, 64, 64 * copies)), "float32")

    def gradients(convolve: Any) -> Any:
        @tf.function(autograph=False, jit_compile=False)
        def step() -> Any:
            with tf.GradientTape() as tape:
                tape.watch([x, kernel])
                loss = tf.reduce_sum(tf.square(convolve()))
            return [tf.reduce_sum(g) for g in tape.gradient(loss, [x, kernel])]

        return lambda: step()[0].numpy() and None

    def one_by_one() -> Any:
        pairs = zip(tf.split(x, copies, -1), tf.split(kernel, copies, -1), strict=True)
        return tf.concat([tf.nn.conv2d(a, k, 1, "SAME") for a, k in pairs], -1)

    ways = {"one by one": gradients(one_by_one)}
    ways["in groups"] = gradients(lambda: tf.nn.conv2d(x, kernel, 1, "SAME"))
    return take_turns(ways, turns)


def main(*, quick: bool = False) -> None:
    """Measure, print the tables, and write results/copies.json and .png."""
    split, test, what = fer2013()
    turns, epochs, members, copies = 3, 3, MEMBERS, COPIES
    if quick:
        (split, test), what, turns, members, copies = random_images(600, 8, 4), "600", 2, (1, 2), 2
    entries = [ENTRY] * copies

    def by_zoo(precision: str, count: int) -> tuple[float, Any]:
        return committee_fit([ENTRY], split, precision, epochs, count, learning_rate=RATE)

    fits: dict[str, Callable[[], tuple[float, Any]]] = {
        REFERENCE: lambda: keras_fits(entries, split, "float32", epochs, RATE),
        "Keras, sixteen fits, bfloat16": lambda: keras_fits(
            entries, split, "mixed_bfloat16", epochs, RATE
        ),
        "zoo, float32": lambda: by_zoo("float32", copies),
        "zoo, bfloat16": lambda: by_zoo("mixed_bfloat16", copies),
        "scikit-learn, bagging, float32": lambda: scikit_learn(split, copies, epochs),
    }
    try:
        import torch  # noqa: F401

        fits["PyTorch, float32"] = lambda: torch_fit(
            entries, split, epochs, bfloat16=False, rate=RATE
        )
        fits["PyTorch, bfloat16"] = lambda: torch_fit(
            entries, split, epochs, bfloat16=True, rate=RATE
        )
        import torchensemble  # noqa: F401

        fits["torchensemble, float32"] = lambda: torch_ensemble(split, copies, epochs)
    except ImportError as error:
        print(f"Without a peer: {error}.")
    trained: dict[str, Any] = {}

    def turn(name: str) -> float:
        seconds, trained[name] = fits[name]()
        return seconds

    ways = {name: functools.partial(turn, name) for name in fits}
    rows = rows_of(take_turns(ways, turns, warm_up=0), REFERENCE)
    rows["zoo, bfloat16"]["asked for"] = "5 × Keras"
    if test is not None:
        for name, row in rows.items():
            row["accuracy"] = majority_accuracy(trained[name], test)
    show(f"{copies} copies of {ENTRY}, an epoch of {what}, batches of {BATCH}", rows,
         {**SPEED, "accuracy": ""})  # fmt: skip
    if test is not None:
        print(what_accuracy(test, epochs))
    kinds = {"float32": "float32", "bfloat16": "mixed_bfloat16"}
    by_members = take_turns(
        {
            (kind, count): lambda policy=policy, count=count: by_zoo(policy, count)[0]
            for kind, policy in kinds.items()
            for count in members
        },
        turns,
        warm_up=0,
    )
    growth = {
        kind: [statistics.median(by_members[kind, count]) for count in members] for kind in kinds
    }
    show(
        "Seconds of an epoch by members",
        {kind: dict(zip(map(str, members), one, strict=True)) for kind, one in growth.items()},
        dict.fromkeys(map(str, members), ".3g"),
    )
    grouped = grouped_convolutions(copies, 2 if quick else 9)
    medians = {name: 1e3 * statistics.median(one) for name, one in grouped.items()}
    show(
        f"A 3×3 convolution of {copies} copies, forward and backward, ms",
        {name: {"ms": value} for name, value in medians.items()},
        {"ms": ".1f"},
    )
    figure = new_figure(5, 3.5)
    axes = figure.subplots()
    for kind, one in growth.items():
        axes.plot(members, one, "o-", label=f"zoo, {kind}")
    plain = [rows[REFERENCE]["seconds"] / copies * count for count in members]
    axes.plot(members, plain, ":", color="grey", label="Keras, one fit after another")
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.xaxis.set_major_formatter("{x:.0f}")
    axes.set_xlabel("members")
    axes.set_ylabel("seconds of an epoch")
    axes.legend(frameon=False)
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    limits = {} if quick else show_ceilings()
    title = f"{copies} copies of {ENTRY}, an epoch of {what}"
    results = {"title": title, "rows": rows, "members": list(members), "growth": growth,
               "grouped": grouped, "ceilings": limits}  # fmt: skip
    keep("copies", results, bars({title: rows}, "seconds"))
    figure.savefig(measure.RESULTS / "copies by members.png", dpi=150)
