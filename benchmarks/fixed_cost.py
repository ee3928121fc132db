"""What a fit costs before and beside its epochs, for the three members of the INM702 report.

The images are so few that an epoch takes next to no time: building graphs, compiling and checking
are left. "A first fit" is that of new models in a process that has trained before, "a second fit"
that of the same committee, and "a stop" is how much longer the first epoch takes after one of the
three has stopped. XLA is what the constants in `zoo/training/lockstep.py` weigh: what compiling
costs, and how long an epoch of many images takes with it and without.
"""

import gc
import itertools
import statistics
import time
from dataclasses import replace
from typing import Any

import keras

from benchmarks.fits import FOUR, RATE, REPORT, Epochs, models, random_images, recipe_of_report
from benchmarks.measure import keep, show, show_ceilings
from zoo.datasets import Split
from zoo.ensembles import Committee, Member
from zoo.training import lockstep

IMAGES, MANY, SIDE, BATCH, EPOCHS = 512, 20_137, 48, 256, 6


def committee_of(split: Split, epochs_of_first: int = EPOCHS) -> Committee:
    """Make a committee of the three members, the first of which may train fewer epochs."""
    members = []
    for k, (entry, model) in enumerate(zip(REPORT, models(REPORT, split, "float32"), strict=True)):
        recipe = replace(
            recipe_of_report(entry),
            batch_size=BATCH, epochs=EPOCHS if k else epochs_of_first,
        )  # fmt: skip
        members.append(Member(model, recipe=recipe, name=entry))
    return Committee(members)


def seconds_of_fit(
    committee: Committee, split: Split, validation: Split | None = None
) -> tuple[float, list[float]]:
    """Measure the seconds of a fit beside its epochs, and those of each epoch but the first."""
    watch, started = Epochs(), time.perf_counter()
    committee.fit(split, validation_data=validation, callbacks=[watch], verbose=0)
    seconds = time.perf_counter() - started
    return seconds - EPOCHS * watch.seconds, _differences(watch.ends)


def _differences(ends: list[float]) -> list[float]:
    return [after - before for before, after in itertools.pairwise(ends)]


def seconds_of_keras(split: Split, validation: Split | None = None) -> float:
    """Measure the same for three fits by Keras."""
    seconds = 0.0
    for model in models(REPORT, split, "float32"):
        watch, started = Epochs(), time.perf_counter()
        model.compile(
            keras.optimizers.SGD(RATE), "sparse_categorical_crossentropy", metrics=["accuracy"]
        )  # fmt: skip
        held_out = validation and (validation.images, validation.labels)
        model.fit(split.images, split.labels, batch_size=BATCH, epochs=EPOCHS, verbose=0,
                  validation_data=held_out, callbacks=[watch])  # fmt: skip
        seconds += time.perf_counter() - started - EPOCHS * watch.seconds
    return seconds


def megabytes() -> float:
    """Read the resident memory of this process, in MB (Linux)."""
    gc.collect()
    with open("/proc/self/status", encoding="utf-8") as file:
        (line,) = (line for line in file if line.startswith("VmRSS"))
    return int(line.split()[1]) * 1024 / 1e6


def measure_xla(split: Split, note: Any) -> None:
    """Measure a first fit, and an epoch, with and without XLA."""
    before = lockstep.COMPILE_FROM
    try:
        for name, start in {"compiled": 0, "not compiled": 1 << 62}.items():
            lockstep.COMPILE_FROM = start
            beside, epochs = seconds_of_fit(committee_of(split), split)
            note(f"zoo, {name}, a first fit", beside)
            note(f"zoo, {name}, an epoch of {len(split):,} images", statistics.median(epochs))
    finally:
        lockstep.COMPILE_FROM = before


def main(*, quick: bool = False) -> None:
    """Measure, print the tables, and write results/fixed_cost.json."""
    side, many, turns = (8, 600, 1) if quick else (SIDE, MANY, 7)
    split, _ = random_images(IMAGES, side, len(FOUR))
    longer, _ = random_images(many, side, len(FOUR))
    validation = random_images(100, side, len(FOUR), seed=1)[0].take(slice(None), name="validation")
    seconds_of_fit(committee_of(split), split, validation)  # only a process's first fit pays this
    seconds_of_keras(split, validation)
    seconds: dict[str, list[float]] = {}
    growth: dict[str, list[float]] = {}

    for _ in range(turns):
        for name, held_out in {"": None, ", with validation": validation}.items():
            seconds.setdefault(f"Keras, three fits{name}", []).append(
                seconds_of_keras(split, held_out)
            )
            committee = committee_of(split)
            for number in ("a first", "a second"):
                before = megabytes()
                beside, _ = seconds_of_fit(committee, split, held_out)
                seconds.setdefault(f"zoo, {number} fit{name}", []).append(beside)
                growth.setdefault(f"{number} fit{name}", []).append(megabytes() - before)
        _, epochs = seconds_of_fit(committee_of(split, epochs_of_first=3), split)
        stop = epochs[2] - statistics.median(epochs)
        seconds.setdefault("zoo, a stop", []).append(stop)
    for _ in range(1 if quick else 3):
        measure_xla(longer, lambda name, value: seconds.setdefault(name, []).append(value))
    rows = {name: _spread("seconds", column) for name, column in seconds.items()}
    show("A fit beside its epochs", rows, {"seconds": ".3f", "low": ".3f", "high": ".3f"})
    memory = {name: _spread("MB", column) for name, column in growth.items()}
    show("Memory that a fit leaves behind", memory, {"MB": ".1f", "low": ".1f", "high": ".1f"})
    results = {"rows": rows, "memory": memory, "ceilings": {} if quick else show_ceilings()}
    keep("fixed_cost", results)


def _spread(unit: str, column: list[float]) -> dict[str, float]:
    return {unit: statistics.median(column), "low": min(column), "high": max(column)}
