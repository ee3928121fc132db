"""Sixteen copies of one architecture, and the seconds of an epoch for more and more copies.

Keras, PyTorch and Zoo train the model with its L1 and L2 penalties. scikit-learn's network has L2
only, and torchensemble has no penalty, so both do less work than the others. The processes of
scikit-learn are started before it is timed. For these two an epoch is a share of the whole `fit`;
for the others epochs are timed from the second on.
"""

import contextlib
import functools
import io
import statistics
import time
import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

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
    what_accuracy,
)
from benchmarks.measure import SPEED, bars, keep, rows_of, show, show_ceilings, take_turns
from benchmarks.torch_twin import pixels_for_torch, torch_twin
from zoo.plots import new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ENTRY, COPIES = "lasso_mlp", 16
RATE = 0.02
"""The learning rate. With that of the report, 0.001, nothing is learned in three epochs."""

REFERENCE = "Keras, sixteen fits, float32"
MEMBERS = (1, 2, 4, 8, 16, 32, 64)


def scikit_learn(split: Any, copies: int, epochs: int, jobs: int = -1) -> tuple[float, Any]:
    """Train bagged `MLPClassifier`s in `jobs` processes: seconds of an epoch, and networks."""
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
    bagging = BaggingClassifier(network, copies, bootstrap=False, n_jobs=jobs)
    pixels = split.images.reshape(len(split), -1).astype("float32") / 255
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        # Some 400 images of every class, to start the processes.
        few = slice(None, None, max(1, len(split) // 400))
        bagging.fit(pixels[few], split.labels[few])
        started = time.perf_counter()
        bagging.fit(pixels, split.labels)
        return (time.perf_counter() - started) / epochs, bagging.estimators_


def torch_ensemble(split: Any, copies: int, epochs: int) -> tuple[float, Any]:
    """Train torchensemble's `VotingClassifier`: seconds of an epoch, and its modules."""
    import torch
    from torchensemble import VotingClassifier

    import zoo

    class Network(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            shape, classes = split.image_shape, split.num_classes
            self.layers = torch_twin(zoo.build(ENTRY, input_shape=shape, num_classes=classes))

        def forward(self, x: Any) -> Any:
            return self.layers(x.float())

    images = pixels_for_torch(split.images)
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
    return seconds, [network.layers.eval() for network in ensemble.estimators_]


def grouped_convolutions(copies: int, turns: int) -> dict[str, list[float]]:
    """Time a convolution of `cnn` for some copies, one by one and as a single one in groups."""
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


def contestants(
    split: Any, copies: int, epochs: int, *, quick: bool = False
) -> dict[str, Callable[[], tuple[float, Any]]]:
    """Make the contestants: each returns the seconds of an epoch and the trained models."""
    entries = [ENTRY] * copies
    fits: dict[str, Callable[[], tuple[float, Any]]] = {
        REFERENCE: lambda: keras_fits(entries, split, "float32", epochs, RATE),
        "Keras, sixteen fits, bfloat16": lambda: keras_fits(
            entries, split, "mixed_bfloat16", epochs, RATE
        ),
        "zoo, float32": lambda: by_zoo(split, "float32", copies, epochs),
        "zoo, bfloat16": lambda: by_zoo(split, "mixed_bfloat16", copies, epochs),
        "scikit-learn, bagging, float32": lambda: scikit_learn(
            split, copies, epochs, jobs=1 if quick else -1
        ),
    }
    try:
        import torch  # noqa: F401

        for kind in ("float32", "bfloat16"):
            fits[f"PyTorch, {kind}"] = functools.partial(
                torch_fit, entries, split, epochs, bfloat16=kind == "bfloat16", rate=RATE
            )
        import torchensemble  # noqa: F401

        fits["torchensemble, float32"] = lambda: torch_ensemble(split, copies, epochs)
    except ImportError as error:
        print(f"Without a peer: {error}.")
    return fits


def by_zoo(split: Any, precision: str, copies: int, epochs: int) -> tuple[float, Any]:
    """Train copies of the model as one committee: seconds of an epoch, and the committee."""
    return committee_fit([ENTRY], split, precision, epochs, copies, learning_rate=RATE)


def seconds_by_members(
    split: Any, members: Sequence[int], epochs: int, turns: int
) -> dict[str, list[float]]:
    """Measure an epoch of committees of growing size, and print the table.

    Returns:
        `float32` and `bfloat16` → median seconds of an epoch for each number of members.
    """
    kinds = {"float32": "float32", "bfloat16": "mixed_bfloat16"}
    seconds = take_turns(
        {
            (kind, count): lambda policy=policy, count=count: by_zoo(split, policy, count, epochs)[
                0
            ]
            for kind, policy in kinds.items()
            for count in members
        },
        turns,
        warm_up=0,
    )
    growth = {
        kind: [statistics.median(seconds[kind, count]) for count in members] for kind in kinds
    }
    headings = [str(count) for count in members]
    rows = {kind: dict(zip(headings, times, strict=True)) for kind, times in growth.items()}
    show("Seconds of an epoch by members", rows, dict.fromkeys(headings, ".3g"))
    return growth


def draw_members(
    members: Sequence[int], growth: dict[str, list[float]], seconds_of_a_fit: float
) -> "Figure":
    """Draw the seconds of an epoch against the number of members, beside single Keras fits."""
    figure = new_figure(5, 3.5)
    axes = figure.subplots()
    for kind, times in growth.items():
        axes.plot(members, times, "o-", label=f"zoo, {kind}")
    plain = [seconds_of_a_fit * count for count in members]
    axes.plot(members, plain, ":", color="grey", label="Keras, one fit after another")
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.xaxis.set_major_formatter("{x:.0f}")
    axes.set_xlabel("members")
    axes.set_ylabel("seconds of an epoch")
    axes.legend(frameon=False)
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def main(*, quick: bool = False) -> None:
    """Measure, print the tables, and write results/copies.json and .png."""
    turns, epochs, members, copies = 3, 3, MEMBERS, COPIES
    if quick:
        (split, test), images, turns, epochs = random_images(300, 8, 4), "300", 1, 2
        members, copies = (1, 2), 2
    else:
        split, test, images = fer2013()
    trained: dict[str, Any] = {}

    def turn(name: str, fit: Callable[[], tuple[float, Any]]) -> float:
        seconds, trained[name] = fit()
        return seconds

    fits = contestants(split, copies, epochs, quick=quick)
    ways = {name: functools.partial(turn, name, fit) for name, fit in fits.items()}
    rows = rows_of(take_turns(ways, turns, warm_up=0), REFERENCE)
    rows["zoo, bfloat16"]["asked for"] = "5 × Keras"
    if test is not None:
        for name, row in rows.items():
            row["accuracy"] = majority_accuracy(trained[name], test)
    title = f"{copies} copies of {ENTRY}, an epoch of {images}"
    show(f"{title}, batches of {BATCH}", rows, {**SPEED, "accuracy": ""})
    if test is not None:
        print(what_accuracy(test, epochs))
    growth = seconds_by_members(split, members, epochs, turns)
    grouped = grouped_convolutions(copies, 1 if quick else 9)
    show(
        f"A 3×3 convolution of {copies} copies, forward and backward, ms",
        {name: {"ms": 1e3 * statistics.median(seconds)} for name, seconds in grouped.items()},
        {"ms": ".1f"},
    )
    limits = {} if quick else show_ceilings()
    results = {"title": title, "rows": rows, "members": list(members), "growth": growth,
               "grouped": grouped, "ceilings": limits}  # fmt: skip
    keep("copies", results, bars({title: rows}, "seconds"))
    figure = draw_members(members, growth, rows[REFERENCE]["seconds"] / copies)
    figure.savefig(measure.RESULTS / "copies by members.png", dpi=150)
