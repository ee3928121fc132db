"""Images a second that the committees of trained weights answer, in float32 and in bfloat16.

Every set answers random images of the size that it knows, all members together, by
`Committee.predict`. So do the four `vgg` of the set `fer2013` as a committee of their own.
"""

import functools
import statistics
from typing import Any

import numpy as np

import zoo
from benchmarks.measure import keep, show, show_ceilings, take_turns
from zoo.ensembles import Committee, pretrained

PRECISIONS = ("float32", "mixed_bfloat16")
IMAGES = 1024
PART_OF_SET = "fer2013/vgg-*"


def main(*, quick: bool = False) -> None:
    """Measure, print the table, and write results/sets.json."""
    count, turns = (8, 1) if quick else (IMAGES, 5)
    sets = {name.split("/")[0] for name in zoo.list_weights()}
    names = {"fer2013-small", "fer2013-small/vgg-*"} if quick else {*sets, PART_OF_SET}
    rows: dict[str, dict[str, Any]] = {}
    for name in sorted(names):
        committees = {precision: committee_of(name, precision) for precision in PRECISIONS}
        _, *shape = committees["float32"].input_shape
        images = np.random.default_rng(0).integers(0, 256, (count, *shape), dtype=np.uint8)
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
    keep("sets", {"rows": rows, "ceilings": {} if quick else show_ceilings()})


def committee_of(name: str, precision: str) -> Committee:
    """Make a committee of a set, or of the networks `vgg` that a pattern names."""
    if "*" not in name:
        return pretrained(name, precision=precision)
    members = zoo.list_weights(name)
    models = [zoo.build("vgg", weights=member, precision=precision) for member in members]
    return Committee(models, voting="soft")


def answer(committee: Committee, images: np.ndarray) -> None:
    """Let a committee answer, for its seconds."""
    committee.predict(images)
