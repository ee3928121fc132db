"""How fast an exported network answers, with and without folded batch normalisation.

Zoo's export folds batch normalisation into the layers before it; Keras's export of the same model
does not. Both graphs answer random images in batches.
"""

import functools
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

import zoo
from benchmarks.measure import SPEED, keep, rows_of, show, show_ceilings, take_turns
from zoo.ensembles import Committee

NETWORKS = ("vgg", "resnet", "rep_vgg", "mini_xception")
SHAPE, BATCH = (48, 48, 1), 256
REFERENCE = "Keras's export"


def main(*, quick: bool = False) -> None:
    """Measure, print a table for each network, and write results/exported.json."""
    networks, batches, turns, size = (NETWORKS[-1:], 1, 1, 4) if quick else (NETWORKS, 4, 9, BATCH)
    rng, tables = np.random.default_rng(0), {}
    images = [rng.integers(0, 256, (size, *SHAPE), dtype=np.uint8) for _ in range(batches)]
    for name in networks:
        model = zoo.build(name, input_shape=SHAPE, num_classes=7, seed=0, precision="float32")
        with tempfile.TemporaryDirectory() as folder:
            graphs = exported(model, Path(folder))
            ways = {way: functools.partial(answer, graph, images) for way, graph in graphs.items()}
            rows = rows_of(take_turns(ways, turns), REFERENCE)
        for row in rows.values():
            row["images a second"] = size * batches / row["seconds"]
        tables[name] = rows
        title = f"{name}, {size * batches:,} images of 48×48×1 in batches of {size}, float32"
        show(title, rows, {**SPEED, "images a second": ",.0f"})
    keep("exported", {"tables": tables, "ceilings": {} if quick else show_ceilings()})


def exported(model: Any, folder: Path) -> dict[str, Any]:
    """Export a model by Keras and by Zoo: name → the function that answers, from pixels."""
    model.export(str(folder / "keras"), verbose=False)
    path = Committee(model, voting="soft").export(folder / "zoo")
    of_keras = tf.saved_model.load(str(folder / "keras"))
    of_zoo = tf.saved_model.load(str(path)).signatures["serving_default"]
    return {
        REFERENCE: lambda pixels: of_keras.serve(tf.cast(pixels, "float32")),
        "zoo": lambda pixels: of_zoo(pixels=pixels)["probabilities"],
    }


def answer(graph: Any, batches: list[np.ndarray]) -> None:
    """Let a graph answer batch after batch, for its seconds."""
    for batch in batches:
        graph(tf.constant(batch)).numpy()
