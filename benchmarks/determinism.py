"""Which networks train to the same bits with 1, 2 and 4 threads, and does TensorFlow's switch help?

Each contestant trains one epoch of four steps on random images in a process of its own, with so
many threads inside of an operation, with and without `tf.config.experimental.enable_op_determinism`
(which makes results equal from run to run). The table has the largest difference of a weight from
the weights with one thread.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.measure import Row, keep, show

NETWORKS = ("mlp", "bn_mlp", "cnn", "mini_xception", "vgg")
THREADS = (1, 2, 4)

TRAIN = """
import sys
import numpy as np
import tensorflow as tf
networks, threads, switch, file = sys.argv[1].split(","), int(sys.argv[2]), sys.argv[3], sys.argv[4]
tf.config.threading.set_intra_op_parallelism_threads(threads)
if switch == "on":
    tf.config.experimental.enable_op_determinism()
import zoo
from zoo.ensembles import Committee, Member
images = np.random.default_rng(0).integers(0, 256, (128, 32, 32, 3), "uint8")
recipe = zoo.Recipe("sgd", learning_rate=0.01, batch_size=32, epochs=1)
weights = {}
for network in networks:
    committee = Committee(Member(network, recipe=recipe), seed=1)
    committee.fit(images, np.arange(128) % 10, verbose=0)
    weights[network] = np.concatenate([weight.ravel() for weight in committee.get_weights()])
np.savez(file, **weights)
"""


def trained(networks: tuple[str, ...], threads: int, switch: str) -> dict[str, np.ndarray]:
    """Train networks in a process of its own: name → all weights in a row."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "weights.npz")
        words = [sys.executable, "-c", TRAIN, ",".join(networks), str(threads), switch, str(file)]
        subprocess.run(words, check=True, capture_output=True)
        with np.load(file) as weights:
            return dict(weights)


def main() -> None:
    """Measure, print the table, and write results/determinism.json."""
    rows: dict[str, Row] = {}
    for switch in ("off", "on"):
        first, *others = [trained(NETWORKS, threads, switch) for threads in THREADS]
        for network in NETWORKS:
            row = rows.setdefault(network, {})
            for threads, weights in zip(THREADS[1:], others, strict=True):
                farthest = float(np.abs(weights[network] - first[network]).max())
                row[f"{threads} threads, switch {switch}"] = farthest
    show("Largest difference of a weight from one thread", rows,
         dict.fromkeys(rows[NETWORKS[0]], ".1e"))  # fmt: skip
    keep("determinism", {"rows": rows})
