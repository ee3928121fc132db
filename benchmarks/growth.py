"""What an epoch of a committee costs as there is more of everything, and how steeply it grows."""

import functools
import statistics
from typing import Any

import numpy as np

from benchmarks.fits import REPORT, committee_fit, random_images
from benchmarks.measure import keep, show, show_ceilings, take_turns
from zoo.plots import new_figure

SIZES = {
    "images": (1024, 2048, 4096, 8192, 16_384, 32_768),
    "members": (1, 2, 4, 8, 16, 32, 64),
    "classes": (2, 10, 32, 100, 316, 1000),
    "image side": (8, 12, 16, 24, 32, 48, 64, 96),
}
PLAIN = {"images": 4096, "members": 3, "classes": 4, "image side": 48}


def seconds(*, images: int, members: int, classes: int, side: int) -> float:
    """Of an epoch: the report's three members, over and over."""
    split, _ = random_images(images, side, classes)
    entries = [REPORT[k % len(REPORT)] for k in range(members)]
    return committee_fit(entries, split, "float32", 4)[0]


def slope(sizes: list[int], times: list[float]) -> float:
    """The power by which the cost grows, over the upper half of the sizes."""
    upper = slice(len(sizes) // 2, None)
    return float(np.polyfit(np.log(sizes[upper]), np.log(times[upper]), 1)[0])


def main(*, quick: bool = False) -> None:
    """Measure, print the table, and write results/growth.json and .png."""
    sizes_of = {what: list(sizes[:3] if quick else sizes) for what, sizes in SIZES.items()}
    plain = {**PLAIN, "images": 256, "image side": 8} if quick else PLAIN
    ways = {}
    for what, sizes in sizes_of.items():
        for size in sizes:
            place = {**plain, what: size}
            place["side"] = place.pop("image side")
            ways[what, size] = functools.partial(seconds, **place)
    turns = take_turns(ways, 1 if quick else 3, warm_up=0)
    figure = new_figure(8, 6)
    results: dict[str, Any] = {}
    for axes, (what, at) in zip(figure.subplots(2, 2).flat, sizes_of.items(), strict=True):
        columns = [turns[what, size] for size in at]
        times = [statistics.median(column) for column in columns]
        slopes = [slope(at, list(row)) for row in zip(*columns, strict=True)]
        results[what] = {"sizes": at, "seconds": times, "slope": slope(at, times), "slopes": slopes}
        axes.fill_between(at, *zip(*((min(c), max(c)) for c in columns), strict=True), alpha=0.2)
        axes.plot(at, times, "o-", color="tab:blue")
        guide = times[-1] * np.array(at) / at[-1]
        axes.plot(at, guide, ":", color="grey")
        axes.set_xscale("log", base=2)
        axes.set_yscale("log")
        axes.xaxis.set_major_formatter("{x:.0f}")
        axes.set_xlabel(what)
        axes.set_title(f"grows as {what} to the {results[what]['slope']:.2f}", fontsize="medium")
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.3)
    figure.supylabel("seconds of an epoch; dotted: linear")
    rows = {
        what: {
            "slope": one["slope"],
            "low": min(one["slopes"]),
            "high": max(one["slopes"]),
            "from": f"{one['sizes'][0]} → {one['seconds'][0]:.3g} s",
            "to": f"{one['sizes'][-1]} → {one['seconds'][-1]:.3g} s",
        }
        for what, one in results.items()
    }
    forms = {**dict.fromkeys(("slope", "low", "high"), ".2f"), "from": "", "to": ""}
    show("Seconds of an epoch", rows, forms)
    keep("growth", {**results, "ceilings": {} if quick else show_ceilings()}, figure)
