"""Sixteen learning rates of a network: Optuna with Keras, trial after trial, and one wide model.

Each contestant trains the network with the same sixteen rates and scores every trial on the same
validation images. The seconds are those of the whole sweep: building, compiling and the first epoch
count. "An epoch" is the median second of an epoch from the second on, of all sixteen trials.
"Plain copies" have the same learning rate, so they show what rates that differ cost. A last table
has the seconds and the memory of 13 rounds of a sweep, of which the second and later rounds use the
graphs of the first.
"""

import functools
import gc
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import keras
import numpy as np

import zoo
from benchmarks.fits import BATCH, REPORT, Epochs, dense_operations, fer2013, random_images
from benchmarks.fixed_cost import megabytes
from benchmarks.measure import SPEED, bars, keep, rows_of, show, show_ceilings, take_turns
from zoo.datasets import Split
from zoo.ensembles import Committee, Member

TRIALS = 16
ENTRIES = (*REPORT, "mlp")
REFERENCE = "Optuna with Keras, float32"
ASKED = {**dict.fromkeys(REPORT, "4 × Optuna"), "mlp": "2 × Optuna"}

Result = tuple[float, float]
"""The seconds of a sweep, and those of an epoch of all trials."""


def rates_of(trials: int) -> list[float]:
    """Give the learning rates of the CO395 report's sweep, 1e-5 to 1e-2, evenly on a log scale."""
    return [float(rate) for rate in np.geomspace(1e-5, 1e-2, trials)]


def by_optuna(
    entry: str, train: Split, validation: Split, rates: Sequence[float], epochs: int
) -> Result:
    """Let Optuna propose the rates, and Keras train one trial after another."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    seconds_of_epochs = []

    def objective(trial: Any) -> float:
        rate = trial.suggest_float("learning_rate", 1e-6, 1.0, log=True)
        keras.utils.clear_session()  # as Optuna's example for Keras does it
        model = zoo.build(
            entry, input_shape=train.image_shape, num_classes=train.num_classes,
            seed=trial.number, precision="float32",
        )  # fmt: skip
        model.compile(
            keras.optimizers.SGD(rate), "sparse_categorical_crossentropy", metrics=["accuracy"]
        )
        watch = Epochs()
        history = model.fit(
            train.images, train.labels, batch_size=BATCH, epochs=epochs, verbose=0,
            validation_data=(validation.images, validation.labels), callbacks=[watch],
        )  # fmt: skip
        seconds_of_epochs.append(watch.seconds)
        return float(history.history["val_accuracy"][-1])

    started = time.perf_counter()
    study = optuna.create_study(
        direction="maximize", sampler=optuna.samplers.GridSampler({"learning_rate": rates}, seed=0)
    )
    study.optimize(objective, n_trials=len(rates))
    return time.perf_counter() - started, sum(seconds_of_epochs)


def by_zoo(
    entry: str,
    train: Split,
    validation: Split,
    rates: Sequence[float],
    epochs: int,
    precision: str,
) -> Result:
    """Train the trials as members of one committee, which are copies of one network."""
    started = time.perf_counter()
    recipe = zoo.Recipe("sgd", batch_size=BATCH, epochs=epochs, precision=precision)
    members = [
        Member(entry, recipe=replace(recipe, learning_rate=rate), name=f"trial_{k}")
        for k, rate in enumerate(rates)
    ]
    committee, watch = Committee(members, seed=0), Epochs()
    committee.fit(train, validation_data=validation, callbacks=[watch], verbose=0)
    return time.perf_counter() - started, watch.seconds


def contestants(
    entry: str, train: Split, validation: Split, trials: int, epochs: int
) -> dict[str, Callable[[], Result]]:
    """Make the contestants: each returns the seconds of a sweep and of an epoch."""
    rates = rates_of(trials)
    data = (train, validation)
    ways: dict[str, Callable[[], Result]] = {
        REFERENCE: functools.partial(by_optuna, entry, *data, rates, epochs)
    }
    for kind, precision in {"float32": "float32", "bfloat16": "mixed_bfloat16"}.items():
        for what, own in {f"{trials} rates": rates, "plain copies": [rates[0]] * trials}.items():
            ways[f"zoo, {what}, {kind}"] = functools.partial(
                by_zoo, entry, *data, own, epochs, precision
            )
    return ways


def measure_entry(
    entry: str, train: Split, validation: Split, trials: int, epochs: int, turns: int
) -> dict[str, dict[str, Any]]:
    """Measure all contestants of one network: name → row of the table."""
    seconds_of_epochs: dict[str, list[float]] = {}

    def turn(name: str, way: Callable[[], Result]) -> float:
        seconds, epoch = way()
        seconds_of_epochs.setdefault(name, []).append(epoch)
        gc.collect()
        return seconds

    ways = contestants(entry, train, validation, trials, epochs)
    rows = rows_of(
        take_turns({k: functools.partial(turn, k, way) for k, way in ways.items()}, turns, 0),
        REFERENCE,
    )
    for name, row in rows.items():
        row["an epoch"] = statistics.median(seconds_of_epochs[name])
        if name.startswith("zoo") and "rates" in name:
            plain = seconds_of_epochs[name.replace(f"{trials} rates", "plain copies")]
            ratios = [
                own / other for own, other in zip(seconds_of_epochs[name], plain, strict=True)
            ]
            row["of plain copies"] = statistics.median(ratios)
    rows[f"zoo, {trials} rates, bfloat16"]["asked for"] = ASKED[entry]
    return rows


def rounds_of_trials(
    train: Split, validation: Split, trials: int, rounds: int
) -> list[dict[str, float]]:
    """Measure the rounds of a sweep in one process, each of an epoch of few images.

    Returns:
        For each round, its seconds and the resident MB afterwards.
    """
    found: list[dict[str, float]] = []
    ends = []

    def end_round(sweep: Any) -> None:
        if sweep.trials:
            found.append({"seconds": time.perf_counter() - ends[-1], "MB": megabytes()})
        ends.append(time.perf_counter())

    recipe = zoo.Recipe("sgd", batch_size=BATCH, epochs=1, precision="float32")
    zoo.tune(
        Member(REPORT[1], recipe=recipe), train, {"learning_rate": "1e-5..1e-2:log"},
        validation_data=validation, trials=trials * rounds, round_size=trials, sampler="random",
        callbacks=[end_round], verbose=0,
    )  # fmt: skip
    return found


def show_rounds(found: Sequence[dict[str, float]], trials: int) -> dict[str, dict[str, float]]:
    """Print the first round, the second, and those after it: seconds, and memory of a trial."""
    later = found[2:] or found[1:]
    grown = (later[-1]["MB"] - found[1]["MB"]) / (trials * max(len(found) - 2, 1))
    rows = {
        "the first round": found[0],
        "the second round": found[1],
        f"rounds 3 to {len(found)}, medians": {
            "seconds": statistics.median(row["seconds"] for row in later),
            "MB": later[-1]["MB"],
            "MB a trial": grown,
        },
    }
    columns = {"seconds": ".2f", "MB": ".0f", "MB a trial": ".2f"}
    show(f"Rounds of {trials} trials of {REPORT[1]} in one process", rows, columns)
    return rows


def main(*, quick: bool = False) -> None:
    """Measure, print the tables, and write results/sweep.json and .png."""
    entries, trials, rounds = ENTRIES, TRIALS, 13
    if quick:
        (train, _), images = random_images(120, 8, 4), "120"
        entries, trials, rounds = (REPORT[1],), 2, 2
    else:
        train, _, images = fer2013()
    held_out = len(train) // 10
    validation = train.take(slice(0, held_out), name="validation")
    train = train.take(slice(held_out, None), name="train")
    columns = {**SPEED, "an epoch": ".3g", "of plain copies": ".3f", "of the ceiling": ""}
    limits = {} if quick else show_ceilings()
    tables = {}
    for entry in entries:
        epochs, turns = (2, 1) if quick or entry == "mlp" else (3, 2)
        rows = measure_entry(entry, train, validation, trials, epochs, turns)
        model = zoo.build(entry, input_shape=train.image_shape, num_classes=train.num_classes)
        operations = 1e-9 * dense_operations(model) * len(train) * trials
        for name, row in rows.items():
            kind = "bfloat16" if "bfloat16" in name else "float32"
            if limit := limits.get(f"{kind} square, GFLOP/s"):
                row["of the ceiling"] = f"{operations / row['an epoch'] / limit:.0%}"
        title = f"{trials} learning rates of {entry}, {epochs} epochs of {images}"
        show(title, rows, columns)
        tables[title] = rows
    few = train.take(slice(0, 64 if quick else 512))
    found = rounds_of_trials(few, validation.take(slice(0, 64)), trials, rounds)
    results = {"rows": next(iter(tables.values())), "tables": tables, "rounds": found,
               "of rounds": show_rounds(found, trials), "ceilings": limits}  # fmt: skip
    keep("sweep", results, bars(tables, "seconds of a sweep"))
