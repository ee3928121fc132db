"""The committee of the INM702 report: three perceptrons, four classes of FER2013, batches of 256.

Contestants train the same three models on the same images, a few epochs in each turn; epochs are
timed from the second on. Keras fits one model after another; Zoo and PyTorch take every batch
through all models. Then each contestant trains for longer, and its accuracy is measured.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from benchmarks.fits import (
    BATCH,
    FOUR,
    REPORT,
    committee_fit,
    dense_operations,
    fer2013,
    keras_fits,
    majority_accuracy,
    models,
    random_images,
    torch_fit,
    what_accuracy,
)
from benchmarks.measure import (
    SPEED,
    Row,
    bars,
    ceilings,
    compare,
    keep,
    rates,
    rows_of,
    show,
    take_turns,
)

REFERENCE = "Keras, three fits, float32"
ASKED = {
    "zoo, float32": "2 (PyTorch 1.5, ceiling 70 %)",
    "zoo, bfloat16": "3.5 (PyTorch 2.5)",
}


def contestants(
    split: Any, entries: Sequence[str] = REPORT
) -> dict[str, Callable[[int], tuple[float, Any]]]:
    """Make the contestants: from a number of epochs to seconds of an epoch and trained models."""
    fits: dict[str, Callable[[int], tuple[float, Any]]] = {
        REFERENCE: lambda epochs: keras_fits(entries, split, "float32", epochs),
        "Keras, three fits, bfloat16": lambda n: keras_fits(entries, split, "mixed_bfloat16", n),
        "zoo, float32": lambda epochs: committee_fit(entries, split, "float32", epochs),
        "zoo, bfloat16": lambda epochs: committee_fit(entries, split, "mixed_bfloat16", epochs),
    }
    try:
        import torch  # noqa: F401
    except ImportError:
        return fits
    fits["PyTorch, float32"] = lambda epochs: torch_fit(entries, split, epochs, bfloat16=False)
    fits["PyTorch, bfloat16"] = lambda epochs: torch_fit(entries, split, epochs, bfloat16=True)
    return fits


def _ratio(compared: Row) -> str:
    return f"{compared['times faster']:.2f} [{compared['low']:.2f}, {compared['high']:.2f}]"


def main(*, quick: bool = False) -> None:
    """Measure, print the tables, and write results/committee.json and .png."""
    turns, epochs, longer, entries = 5, 5, 20, REPORT
    if quick:
        (split, test), images, turns, epochs = random_images(300, 8, 4), "300", 1, 2
        entries = REPORT[1:2]
    else:
        split, test, images = fer2013()
    fits, limits = contestants(split, entries), ceilings(quick=quick)
    seconds = take_turns(
        {**{name: lambda fit=fit: fit(epochs)[0] for name, fit in fits.items()}, **limits},
        turns,
        warm_up=0,
    )
    measured = {name: seconds.pop(name) for name in limits}
    rows = rows_of(seconds, REFERENCE)
    work = 1e-9 * len(split) * sum(map(dense_operations, models(entries, split, "float32")))
    for name, row in rows.items():
        kind = "bfloat16" if "bfloat16" in name else "float32"
        row["GFLOP/s"] = work / row["seconds"]
        limit = work * np.array(measured[f"{kind} square, GFLOP/s"])
        row["of the ceiling"] = float(np.median(limit / seconds[name]))
        row["asked for"] = ASKED.get(name, "")
        for peer in ("float32", "bfloat16"):
            if f"PyTorch, {peer}" in seconds:
                row[f"× PyTorch {peer}"] = _ratio(
                    compare(seconds[name], seconds[f"PyTorch, {peer}"])
                )
        if test is not None:
            row["accuracy"] = majority_accuracy(fits[name](longer)[1], test)
    title = f"INM702 committee, an epoch of {images}, classes {', '.join(FOUR)}, batches of {BATCH}"
    show(title, rows, {**SPEED, "accuracy": ""})
    peers = {"× PyTorch float32": "", "× PyTorch bfloat16": "", "GFLOP/s": ".0f"}
    show("Against PyTorch and the machine", rows, {**peers, "of the ceiling": ".0%"})
    show("The machine's ceilings", {k: {"": v} for k, v in rates(measured).items()}, {"": ".0f"})
    if test is not None:
        print(what_accuracy(test, longer))
    title = f"A committee of three networks, an epoch of {images}"
    figure = bars({title: rows}, "seconds")
    results = {"title": title, "rows": rows, "ceilings": rates(measured)}
    keep("committee", {**results, "turns": {**seconds, **measured}}, figure)
