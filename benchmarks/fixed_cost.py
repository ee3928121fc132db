"""What a fit costs before and beside its epochs, for the three members of the INM702 report.

The images are so few that an epoch takes next to no time: building graphs, compiling and checking
are left. "A first fit" is that of new models in a process that has trained before, "a second fit"
that of the same committee, and "a stop" is how much longer the first epoch takes after one of the
three has stopped. XLA is what the constants in `zoo/training/lockstep.py` weigh: what compiling
costs, and how long an epoch of many images takes with it and without.
"""

import gc
import statistics
import time
from dataclasses import replace
from typing import Any

import keras

import zoo
from benchmarks.fits import FOUR, RATE, REPORT, Epochs, models, random_images
from benchmarks.measure import keep, show, show_ceilings
from zoo.datasets import Split
from zoo.ensembles import Committee, Member

IMAGES, SIDE, BATCH, EPOCHS = 512, 48, 256, 6


def committee_of(split: Split, epochs_of_first: int = EPOCHS) -> Committee:
    """The three members, built, the first of which may train fewer epochs than the others."""
    members = []
    for k, (entry, model) in enumerate(zip(REPORT, models(REPORT, split, "float32"), strict=True)):
        epochs = EPOCHS if k else epochs_of_first
        recipe = replace(zoo.describe(entry).recipe, batch_size=BATCH, epochs=epochs, patience=None)
        recipe = replace(recipe, precision=None, augmentation=None)
        members.append(Member(model, recipe=recipe, name=entry))
    return Committee(members)


def seconds_of_fit(committee: Committee, split: Split) -> tuple[float, list[float]]:
    """Seconds of a fit beside its epochs, and the seconds of each epoch but the first."""
    watch, started = Epochs(), time.perf_counter()
    committee.fit(split, validation_data=split.take(slice(100), name="validation"),
                  callbacks=[watch], verbose=0)  # fmt: skip
    seconds = time.perf_counter() - started
    epochs = [after - before for before, after in zip(watch.ends, watch.ends[1:], strict=False)]
    return seconds - EPOCHS * statistics.median(epochs), epochs


def seconds_of_keras(split: Split) -> float:
    """The same of three fits by Keras."""
    built, seconds = models(REPORT, split, "float32"), 0.0
    for model in built:
        watch, started = Epochs(), time.perf_counter()
        model.compile(
            keras.optimizers.SGD(RATE), "sparse_categorical_crossentropy", metrics=["accuracy"]
        )  # fmt: skip
        model.fit(split.images, split.labels, batch_size=BATCH, epochs=EPOCHS, verbose=0,
                  validation_data=(split.images[:100], split.labels[:100]),
                  callbacks=[watch])  # fmt: skip
        seconds += time.perf_counter() - started - EPOCHS * watch.seconds
    return seconds


def megabytes() -> float:
    """Resident memory of this process, in MB (Linux)."""
    with open("/proc/self/status", encoding="utf-8") as file:
        (line,) = (line for line in file if line.startswith("VmRSS"))
    return int(line.split()[1]) * 1024 / 1e6


def main(*, quick: bool = False) -> None:
    """Measure, print the table, and write results/fixed_cost.json."""
    side, turns = (8, 1) if quick else (SIDE, 7)
    split, _ = random_images(IMAGES, side, len(FOUR))
    seconds_of_fit(committee_of(split), split)  # what only the first fit of a process pays
    seconds_of_keras(split)
    seconds: dict[str, list[float]] = {}
    growth: dict[str, list[float]] = {"a new committee": [], "the same committee": []}

    def note(name: str, value: float) -> None:
        seconds.setdefault(name, []).append(value)

    for _ in range(turns):
        note("Keras, three fits", seconds_of_keras(split))
        committee = committee_of(split)
        gc.collect()
        before = megabytes()
        note("zoo, a first fit", seconds_of_fit(committee, split)[0])
        gc.collect()
        between = megabytes()
        growth["a new committee"].append(between - before)
        note("zoo, a second fit", seconds_of_fit(committee, split)[0])
        gc.collect()
        growth["the same committee"].append(megabytes() - between)
        _, epochs = seconds_of_fit(committee_of(split, epochs_of_first=3), split)
        note("zoo, a stop", epochs[2] - statistics.median(epochs))
    rows: dict[str, Any] = {
        name: {"seconds": statistics.median(column), "low": min(column), "high": max(column)}
        for name, column in seconds.items()
    }
    show("A fit beside its epochs", rows, {"seconds": ".3f", "low": ".3f", "high": ".3f"})
    memory = {
        name: {"MB": statistics.median(column), "low": min(column), "high": max(column)}
        for name, column in growth.items()
    }
    show("Memory that a fit leaves behind", memory, {"MB": ".1f", "low": ".1f", "high": ".1f"})
    results = {"rows": rows, "memory": memory, "ceilings": {} if quick else show_ceilings()}
    keep("fixed_cost", results)
