"""Ten bags of one architecture: in one training, with counts as weights, and one after another.

Both ways begin with the same seeds and the same bags. A turn is a whole `fit` of some epochs, with
start-up and tracing; the seconds are for an epoch.
"""

import time
from dataclasses import replace
from functools import partial
from typing import Any

from benchmarks.fits import BATCH, FOUR, fer2013, random_images, recipe_of_report
from benchmarks.measure import SPEED, keep, rows_of, show, take_turns
from zoo.ensembles import Committee, Member

ENTRY, BAGS = "lasso_mlp", 10
APART = "zoo, one after another, float32"
PRECISIONS = {"float32": "float32", "bfloat16": "mixed_bfloat16"}


def train_bags(
    split: Any, epochs: int, count: int, precision: str, *, together: bool
) -> tuple[float, Any]:
    """Train bags of the entry: seconds of an epoch, with the start, and the committee."""
    recipe = replace(
        recipe_of_report(ENTRY), batch_size=BATCH, learning_rate=0.02, precision=precision
    )
    committee = Committee(Member(ENTRY, recipe=recipe), copies=count)
    started = time.perf_counter()
    committee.fit(split, epochs=epochs, resampling="bootstrap", together=together, verbose=0)
    return (time.perf_counter() - started) / epochs, committee


def main(*, quick: bool = False) -> None:
    """Measure, print the table, and write results/bags.json."""
    turns, epochs, count = 3, 10, BAGS
    if quick:
        (split, _), images, turns, epochs, count = random_images(60, 8, 4), "60", 1, 1, 2
    else:
        split, _, images = fer2013(FOUR)
    found: dict[str, Any] = {}

    def train(name: str, precision: str, together: bool) -> float:
        seconds, found[name] = train_bags(split, epochs, count, precision, together=together)
        return seconds

    ways = {
        f"zoo, {way}, {short}": partial(
            train, f"zoo, {way}, {short}", precision, way != "one after another"
        )
        for short, precision in PRECISIONS.items()
        for way in ("one after another", "in one training")
    }
    rows = rows_of(take_turns(ways, turns, warm_up=0), APART)
    for name, row in rows.items():
        row["out of bag"] = str(found[name].out_of_bag)
        row["asked for"] = "3" if "in one training" in name else ""
    show(f"{count} bags of {ENTRY}, {images}", rows, SPEED | {"out of bag": ""})
    keep("bags", {"rows": rows})
