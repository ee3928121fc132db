"""How the seconds of an epoch of a committee grow with images, members, classes and image side."""

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


def seconds(*, images: int, members: int, classes: int, side: int, epochs: int = 4) -> float:
    """Measure an epoch of a committee whose members are the three of the report, in rotation."""
    split, _ = random_images(images, side, classes)
    entries = [REPORT[k % len(REPORT)] for k in range(members)]
    return committee_fit(entries, split, "float32", epochs)[0]


def slope(sizes: list[int], times: list[float]) -> float:
    """Fit the power by which the cost grows, over the upper half of the sizes."""
    upper = slice(min(len(sizes) // 2, len(sizes) - 2), None)
    return float(np.polyfit(np.log(sizes[upper]), np.log(times[upper]), 1)[0])


def main(*, quick: bool = False) -> None:
    """Measure, print the table, and write results/growth.json and .png."""
    sizes_of = {kind: list(sizes[:2] if quick else sizes) for kind, sizes in SIZES.items()}
    plain = {**PLAIN, "images": 256, "image side": 8, "members": 1} if quick else PLAIN
    ways = {}
    for kind, sizes in sizes_of.items():
        for size in sizes:
            setting = {**plain, kind: size}
            setting["side"] = setting.pop("image side")
            setting["epochs"] = 2 if quick else 4
            ways[kind, size] = functools.partial(seconds, **setting)
    turns = take_turns(ways, 1 if quick else 3, warm_up=0)
    figure = new_figure(8, 6)
    results: dict[str, Any] = {}
    for axes, (kind, sizes) in zip(figure.subplots(2, 2).flat, sizes_of.items(), strict=True):
        columns = [turns[kind, size] for size in sizes]
        times = [statistics.median(column) for column in columns]
        slopes = [slope(sizes, list(row)) for row in zip(*columns, strict=True)]
        results[kind] = {
            "sizes": sizes, "seconds": times, "slope": slope(sizes, times), "slopes": slopes,
        }  # fmt: skip
        spread = zip(*((min(column), max(column)) for column in columns), strict=True)
        axes.fill_between(sizes, *spread, alpha=0.2)
        axes.plot(sizes, times, "o-", color="tab:blue")
        axes.plot(sizes, times[-1] * np.array(sizes) / sizes[-1], ":", color="grey")
        axes.set_xscale("log", base=2)
        axes.set_yscale("log")
        axes.xaxis.set_major_formatter("{x:.0f}")
        axes.set_xlabel(kind)
        axes.set_title(f"grows as {kind} to the {results[kind]['slope']:.2f}", fontsize="medium")
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.3)
    figure.supylabel("seconds of an epoch; dotted: linear")
    rows = {
        kind: {
            "slope": result["slope"],
            "low": min(result["slopes"]),
            "high": max(result["slopes"]),
            "from": f"{result['sizes'][0]} → {result['seconds'][0]:.3g} s",
            "to": f"{result['sizes'][-1]} → {result['seconds'][-1]:.3g} s",
        }
        for kind, result in results.items()
    }
    styles = {**dict.fromkeys(("slope", "low", "high"), ".2f"), "from": "", "to": ""}
    show("Seconds of an epoch", rows, styles)
    keep("growth", {**results, "ceilings": {} if quick else show_ceilings()}, figure)
