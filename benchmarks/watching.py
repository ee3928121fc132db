"""What it costs to look at networks as they train: histograms, saliency, graphs and features.

Each is measured on `cnn` at the size of FER2013, beside an epoch of its training. Nothing is
computed of what a training is not asked for. Numbers for docs/command-line.md.
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import zoo
from benchmarks.fits import random_images
from benchmarks.measure import Row, keep, show
from zoo.inspect import GraphLog, HistogramLog, SaliencyLog, log_features
from zoo.tensorboard import TensorBoardLog
from zoo.training.callbacks import MemberCallback
from zoo.training.learner import Learner
from zoo.training.train import train

EPOCH = 2_000
"""The number of training images of the epoch that the costs stand beside."""


def main(*, quick: bool = False) -> None:
    """Measure each callback, and the features."""
    split, _ = random_images(64 if quick else EPOCH, 8 if quick else 48, classes=7)
    model = zoo.build("cnn", input_shape=split.image_shape, num_classes=7)
    turns = 1 if quick else 7
    recipe = zoo.Recipe("adam", 0.001, batch_size=64, epochs=2)
    rows: dict[str, Row] = {}
    with tempfile.TemporaryDirectory() as folder:
        log = TensorBoardLog(Path(folder))
        callbacks: dict[str, MemberCallback] = {
            "histograms": HistogramLog(split),
            "saliency of 6 images": SaliencyLog(split.take(range(6))),
        }
        for name, callback in callbacks.items():
            callback.check_members({"cnn": model})
            with callback.writing_to(log):
                look = _of_epoch(callback, model)
                rows[f"{name}, an epoch"] = _row(look, turns)
        graph = GraphLog()
        with graph.writing_to(log):
            rows["graph, once"] = _row(lambda: graph.begin_members({"cnn": model}), turns)
        log.close()
        features = _row(lambda: log_features(model, split, run=folder, count=500), turns)
        rows["features of 500 images, once"] = features
    seconds = []
    for _ in range(1 if quick else 2):
        started = time.perf_counter()
        train([Learner("cnn", model, recipe)], split, verbose=0)
        seconds.append((time.perf_counter() - started) / recipe.epochs)
    rows[f"an epoch of {len(split):,} images"] = {"seconds": min(seconds)}
    show("Looking at cnn as it trains", rows, {"seconds": ".2f", "first": ".2f"})
    keep("watching", rows)


def _of_epoch(callback: MemberCallback, model: Any) -> Callable[[], None]:
    return lambda: callback.look_at_members({"cnn": model}, 1)


def _row(run: Callable[[], Any], turns: int) -> Row:
    """Measure the first run, which makes graphs, and the median of later runs."""
    seconds = []
    for _ in range(turns + 1):
        started = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - started)
    return {"seconds": statistics.median(seconds[1:]), "first": seconds[0]}


if __name__ == "__main__":
    main()
