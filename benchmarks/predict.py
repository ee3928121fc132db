"""How fast a committee predicts: many images at once, and single images."""

import tempfile
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import tensorflow as tf

from benchmarks.fits import REPORT, fer2013, models, predict_by_batch, random_images
from benchmarks.measure import SPEED, bars, keep, rows_of, show, show_ceilings, take_turns
from zoo.ensembles import Committee, Member

REFERENCE = "members' predict, voting in NumPy"


def vote(members: list[Any], ask: Callable[[Any], np.ndarray]) -> np.ndarray:
    """Ask each member and count the votes with NumPy, as a user without a committee would do."""
    votes = np.stack([ask(member) for member in members]).argmax(axis=-1)
    classes = members[0].output_shape[-1]
    return np.eye(classes, dtype=int)[votes].sum(axis=0).argmax(axis=-1)


def main(*, quick: bool = False) -> None:
    """Measure, print the tables, and write results/predict.json."""
    count, calls, entries = (40, 2, REPORT[2:]) if quick else (10_000, 1000, REPORT)
    split, source = (random_images(count, 8, 4)[0], "random") if quick else fer2013()[::2]
    split = split.take(np.arange(count))
    members = models(entries, split, "float32")
    committee = Committee(
        [Member(model, name=name) for model, name in zip(members, entries, strict=True)]
    )
    images = split.images

    def predict(member: Any, **options: Any) -> np.ndarray:
        return member.predict(images, verbose=0, **options)

    large = {"batch_size": 1024}
    same = float(np.mean(committee.predict(images).argmax(-1) == vote(members, predict)))
    ways = {
        REFERENCE: lambda: vote(members, predict) is None or None,
        "the same in batches of 1,024": lambda: (
            vote(members, partial(predict, **large)) is None or None
        ),
        "… by predict_on_batch": lambda: (
            vote(members, partial(predict_by_batch, images=images, **large)) is None or None
        ),
        "zoo, committee.predict": lambda: committee.predict(images).argmax(-1) is None or None,
    }
    rows = rows_of(take_turns(ways, 1 if quick else 9), REFERENCE)
    rows["zoo, committee.predict"]["asked for"] = "2"
    show(f"{count:,} images of 48×48 ({source}), three members", rows, SPEED)
    print(f"The same answer for {same:.2%} of the images (ties are broken in other ways).\n")
    quantiles = single_image_latencies(committee, images, calls)
    figure = bars({f"predict, {count:,} images, three members": rows}, "seconds")
    results = {"rows": rows, "same": same, "latency ms": quantiles}
    keep("predict", {**results, "ceilings": {} if quick else show_ceilings()}, figure)


def single_image_latencies(
    committee: Committee, images: np.ndarray, calls: int
) -> dict[str, float]:
    """Measure calls of the exported committee with a single image, print and return quantiles.

    Args:
        committee: A built committee.
        images: Images to take in turn, uint8 [n, height, width, channels].
        calls: Number of calls that are timed, after ten that are not.

    Returns:
        `p50` and `p99` → milliseconds.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = committee.export(f"{folder}/committee")
        exported = tf.saved_model.load(str(path)).signatures["serving_default"]
        latencies = []
        for index in range(-10, calls):
            image = images[index % len(images)][None]
            started = time.perf_counter()
            exported(pixels=tf.constant(image))["probabilities"].numpy()
            if index >= 0:
                latencies.append(1e3 * (time.perf_counter() - started))
    quantiles = {f"p{q}": float(np.percentile(latencies, q)) for q in (50, 99)}
    show(
        "One image at a time, ms",
        {"exported, its signature": quantiles},
        dict.fromkeys(quantiles, ".2f"),
    )
    return quantiles
