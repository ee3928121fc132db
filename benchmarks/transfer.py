"""What a head on frozen features takes to train: 1,000 pictures, with trained weights."""

import statistics
import time
from dataclasses import replace

import zoo
from benchmarks.fits import Epochs, random_images
from benchmarks.measure import keep, show, show_ceilings
from zoo.ensembles import Committee, Member

WEIGHTS = "fer2013/vgg-0"
HEAD = zoo.Recipe(
    optimizer="adam", learning_rate=0.003, batch_size=32, epochs=20, freeze="features",
    standardize="per_image", precision="float32",
)  # fmt: skip
WAYS = {
    "a head on frozen features, 20 epochs": HEAD,
    "all layers, 3 epochs": replace(HEAD, freeze=None, epochs=3),
}
COLUMNS = ("the whole training, s", "an epoch, s")


def main(*, quick: bool = False) -> None:
    """Measure, print the table, and write results/transfer.json."""
    count, turns = (8, 1) if quick else (1000, 3)
    split, _ = random_images(count, 48, 3)
    rows = {}
    for name, recipe in WAYS.items():
        measured = []
        for _ in range(turns):
            watch, started = Epochs(), time.perf_counter()
            committee = Committee([Member("vgg", {"weights": WEIGHTS}, recipe)])
            committee.fit(split, callbacks=[watch], verbose=0)
            measured.append((time.perf_counter() - started, watch.seconds))
        medians = map(statistics.median, zip(*measured, strict=True))
        rows[name] = dict(zip(COLUMNS, medians, strict=True))
    show(f"{count:,} images of 48×48×1, {WEIGHTS}", rows, dict.fromkeys(COLUMNS, ".3g"))
    keep("transfer", {"rows": rows, "ceilings": {} if quick else show_ceilings()})
