"""What an epoch of a committee costs as there is more of everything, and how steeply it grows."""

import numpy as np

from benchmarks.fits import REPORT, committee_fit, random_images
from benchmarks.measure import keep, show
from zoo.plots import new_figure

SIZES = {
    "images": (1024, 2048, 4096, 8192, 16_384, 32_768),
    "members": (1, 2, 4, 8, 16, 32, 64),
    "classes": (2, 10, 100, 1000),
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
    figure = new_figure(8, 6)
    results = {}
    for axes, (what, sizes) in zip(figure.subplots(2, 2).flat, SIZES.items(), strict=True):
        at = list(sizes[:3] if quick else sizes)
        plain = {**PLAIN, "images": 256, "image side": 8} if quick else PLAIN
        times = []
        for size in at:
            place = {**plain, what: size}
            place["side"] = place.pop("image side")
            times.append(seconds(**place))
        results[what] = {"sizes": at, "seconds": times, "slope": slope(at, times)}
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
        what: {"slope": one["slope"], "from": f"{one['sizes'][0]} → {one['seconds'][0]:.3g} s",
               "to": f"{one['sizes'][-1]} → {one['seconds'][-1]:.3g} s"}
        for what, one in results.items()
    }  # fmt: skip
    show("Seconds of an epoch", rows, {"slope": ".2f", "from": "", "to": ""})
    keep("growth", results, figure)
