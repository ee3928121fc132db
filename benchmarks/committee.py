"""The committee of the INM702 report: three perceptrons, four classes of FER2013, batches of 256.

Contestants train the same three models on the same images, some epochs a turn; an epoch counts from
the second on. Keras fits one model after another; Zoo and PyTorch take every batch through all of
them. Then each trains on, and says how many test images it gets right.
"""

from collections.abc import Callable
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


def contestants(split: Any) -> dict[str, Callable[[int], tuple[float, Any]]]:
    """From epochs to seconds of an epoch and what was trained, by name."""
    fits: dict[str, Callable[[int], tuple[float, Any]]] = {
        REFERENCE: lambda epochs: keras_fits(REPORT, split, "float32", epochs),
        "Keras, three fits, bfloat16": lambda n: keras_fits(REPORT, split, "mixed_bfloat16", n),
        "zoo, float32": lambda epochs: committee_fit(REPORT, split, "float32", epochs),
        "zoo, bfloat16": lambda epochs: committee_fit(REPORT, split, "mixed_bfloat16", epochs),
    }
    try:
        import torch  # noqa: F401
    except ImportError:
        return fits
    fits["PyTorch, float32"] = lambda epochs: torch_fit(REPORT, split, epochs, bfloat16=False)
    fits["PyTorch, bfloat16"] = lambda epochs: torch_fit(REPORT, split, epochs, bfloat16=True)
    return fits


def _ratio(compared: Row) -> str:
    return f"{compared['times faster']:.2f} [{compared['low']:.2f}, {compared['high']:.2f}]"


def main(*, quick: bool = False) -> None:
    """Measure, print the tables, and write results/committee.json and .png."""
    split, test, what = fer2013()
    turns, epochs, longer = (5, 5, 20)
    if quick:
        (split, test), what, turns, epochs, longer = random_images(600, 8, 4), "600", 2, 3, 3
    fits, limits = contestants(split), ceilings()
    seconds = take_turns(
        {**{name: lambda fit=fit: fit(epochs)[0] for name, fit in fits.items()}, **limits},
        turns,
        warm_up=0,
    )
    measured = {name: seconds.pop(name) for name in limits}
    rows = rows_of(seconds, REFERENCE)
    work = 1e-9 * len(split) * sum(map(dense_operations, models(REPORT, split, "float32")))
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
    title = f"INM702 committee, an epoch of {what}, classes {', '.join(FOUR)}, batches of {BATCH}"
    show(title, rows, {**SPEED, "accuracy": ""})
    peers = {"× PyTorch float32": "", "× PyTorch bfloat16": "", "GFLOP/s": ".0f"}
    show("Against PyTorch and the machine", rows, {**peers, "of the ceiling": ".0%"})
    show("The machine's ceilings", {k: {"": v} for k, v in rates(measured).items()}, {"": ".0f"})
    if test is not None:
        print(what_accuracy(test, longer))
    what = f"A committee of three networks, an epoch of {what}"
    figure = bars({what: rows}, "seconds")
    results = {"title": what, "rows": rows, "ceilings": rates(measured)}
    keep("committee", {**results, "turns": {**seconds, **measured}}, figure)
