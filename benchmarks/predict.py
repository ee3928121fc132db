"""A committee's answers: many images at once, and one at a time."""

import tempfile
import time
from typing import Any

import numpy as np
import tensorflow as tf

from benchmarks.fits import REPORT, fer2013, models, random_images
from benchmarks.measure import SPEED, bars, keep, rows_of, show, show_ceilings, take_turns
from zoo.ensembles import Committee, Member

REFERENCE = "members' predict, voting in NumPy"


def vote(members: list[Any], images: np.ndarray, batch_size: int | None) -> np.ndarray:
    """What one would write without a committee."""
    votes = np.stack(
        [one.predict(images, batch_size=batch_size, verbose=0).argmax(axis=-1) for one in members]
    )
    classes = members[0].output_shape[-1]
    return np.eye(classes, dtype=int)[votes].sum(axis=0).argmax(axis=-1)


def main(*, quick: bool = False) -> None:
    """Measure, print the tables, and write results/predict.json."""
    count, calls = (300, 20) if quick else (10_000, 1000)
    split, what = (random_images(count, 48, 4)[0], "random") if quick else fer2013()[::2]
    split = split.take(np.arange(count))
    members = models(REPORT, split, "float32")
    committee = Committee(
        [Member(one, name=name) for one, name in zip(members, REPORT, strict=True)]
    )
    images = split.images
    same = float(np.mean(committee.predict(images).argmax(-1) == vote(members, images, None)))
    ways = {
        REFERENCE: lambda: vote(members, images, None) is None or None,
        "the same in batches of 1,024": lambda: vote(members, images, 1024) is None or None,
        "zoo, committee.predict": lambda: committee.predict(images).argmax(-1) is None or None,
    }
    rows = rows_of(take_turns(ways, 2 if quick else 9), REFERENCE)
    rows["zoo, committee.predict"]["asked for"] = "2"
    show(f"{count:,} images of 48×48 ({what}), three members", rows, SPEED)
    print(f"The same answer for {same:.2%} of the images (ties are broken in other ways).\n")

    with tempfile.TemporaryDirectory() as folder:
        path = committee.export(f"{folder}/committee")
        exported = tf.saved_model.load(str(path)).signatures["serving_default"]
        latencies = []
        for index in range(-10, calls):
            one = images[index % count][None]
            started = time.perf_counter()
            exported(pixels=tf.constant(one))["probabilities"].numpy()
            if index >= 0:
                latencies.append(1e3 * (time.perf_counter() - started))
    quantiles = {f"p{q}": float(np.percentile(latencies, q)) for q in (50, 99)}
    show(
        "One image at a time, ms",
        {"exported, its signature": quantiles},
        dict.fromkeys(quantiles, ".2f"),
    )
    figure = bars({f"predict, {count:,} images, three members": rows}, "seconds")
    results = {"rows": rows, "same": same, "latency ms": quantiles}
    keep("predict", {**results, "ceilings": {} if quick else show_ceilings()}, figure)
