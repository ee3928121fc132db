"""Images a second that the committees of trained weights answer, in float32 and in bfloat16.

Every set answers random images of the size that it knows, all members together, by
`Committee.predict`. So do members of one or two sets as a committee of their own. A last table has
views of each image: its mirror image, and ten crops.
"""

import functools
import statistics
from typing import Any

import numpy as np

import zoo
from benchmarks.measure import compare, keep, show, show_ceilings, take_turns
from zoo.ensembles import Committee, pretrained

PRECISIONS = ("float32", "mixed_bfloat16")
IMAGES = 1024
AND = " and "
PARTS = ("fer2013/vgg-*", f"fer2013-voted/vgg-*{AND}fer2013/wide_resnet-*")
"""Patterns of the members that answer together."""

VIEWED = "fer2013-small"
VIEWS = {"the image alone": None, "flip": "flip", "ten_crop": "ten_crop"}


def main(*, quick: bool = False) -> None:
    """Measure, print the tables, and write results/sets.json."""
    count, turns = (8, 1) if quick else (IMAGES, 5)
    sets = {name.split("/")[0] for name in zoo.list_weights()}
    quickly = {VIEWED, f"{VIEWED}/mini_*{AND}{VIEWED}/vgg-*"}
    rows: dict[str, dict[str, Any]] = {}
    for name in sorted(quickly if quick else {*sets, *PARTS}):
        committees = {precision: committee_of(name, precision) for precision in PRECISIONS}
        images = random_images(committees["float32"], count)
        ways = {
            precision: functools.partial(answer, committee, images)
            for precision, committee in committees.items()
        }
        rows[name] = {
            precision: count / statistics.median(seconds)
            for precision, seconds in take_turns(ways, turns).items()
        }
        rows[name]["members"] = len(committees["float32"].member_names)
    columns = {"members": "d", **dict.fromkeys(PRECISIONS, ",.0f")}
    show(f"Images a second, {count:,} images", rows, columns)
    views = measure_views(count, turns)
    title = f"Views of an image, {VIEWED}, float32"
    show(title, views, {"images a second": ",.0f", "times as long": ".2f"})
    ceilings = {} if quick else show_ceilings()
    keep("sets", {"rows": rows, "views": views, "ceilings": ceilings})


def committee_of(name: str, precision: str) -> Committee:
    """Make a committee of a set, or of the members that patterns name."""
    if "*" not in name:
        return pretrained(name, precision=precision)
    members = [member for pattern in name.split(AND) for member in zoo.list_weights(pattern)]
    models = [pretrained(member, precision=precision).members[0] for member in members]
    return Committee(models, voting="soft")


def answer(committee: Committee, images: np.ndarray, views: str | None = None) -> None:
    """Let a committee answer, for its seconds."""
    committee.predict(images, augmentation=views)


def random_images(committee: Committee, count: int) -> np.ndarray:
    """Make random images of the size that a committee knows."""
    _, *shape = committee.input_shape
    return np.random.default_rng(0).integers(0, 256, (count, *shape), dtype=np.uint8)


def measure_views(count: int, turns: int) -> dict[str, dict[str, float]]:
    """Measure what views of an image cost, beside the image alone."""
    committee = committee_of(VIEWED, "float32")
    images = random_images(committee, count)
    ways = {
        name: functools.partial(answer, committee, images, view) for name, view in VIEWS.items()
    }
    seconds = take_turns(ways, turns)
    alone, *_ = seconds.values()
    return {
        name: {
            "images a second": count / statistics.median(times),
            "times as long": 1 / compare(times, alone)["times faster"],
        }
        for name, times in seconds.items()
    }
