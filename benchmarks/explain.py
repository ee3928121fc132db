"""Maps of the pixels on which answers rest, against tf-keras-vis."""

from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import keras
import numpy as np

import zoo
from benchmarks.measure import SPEED, bars, keep, rows_of, show, take_turns
from zoo.inspect import explain

REFERENCE = "tf-keras-vis"
OURS = "zoo, explain"
SAMPLES = 5
"""Noisy copies of each image, for SmoothGrad."""


def peer_version() -> str | None:
    """Give the version of tf-keras-vis, or None where it is not installed."""
    try:
        return version(REFERENCE)
    except PackageNotFoundError:
        return None


def contestants(
    model: Any, images: np.ndarray, labels: np.ndarray, samples: int
) -> dict[str, dict[str, Callable[[], np.ndarray]]]:
    """Make the contestants of each method, which compute maps of the same images.

    Args:
        model: A functional `keras.Model` that ends in logits, as tf-keras-vis needs it.
        images: uint8 [n, height, width, channels].
        labels: Classes, int [n].
        samples: Noisy copies of each image, for SmoothGrad.

    Returns:
        Method → name of a contestant → the contestant. tf-keras-vis is missing where it is not
        installed.
    """
    ours: dict[str, dict[str, Any]] = {
        "gradient": {},
        "smooth_grad": {"samples": samples, "noise": 0.2},
        "grad_cam": {},
        "score_cam": {},
    }
    peers = peer(model, images, labels, samples) if peer_version() else {}
    ways: dict[str, dict[str, Callable[[], np.ndarray]]] = {}
    for method, options in ours.items():
        ways[method] = {REFERENCE: peers[method]} if peers else {}
        ways[method][OURS] = lambda method=method, options=options: (
            explain(model, images, labels, method, verbose=0, **options).maps
        )
    return ways


def peer(model: Any, images: np.ndarray, labels: np.ndarray, samples: int) -> dict[str, Any]:
    """Make the contestants of tf-keras-vis."""
    from tf_keras_vis.gradcam import Gradcam
    from tf_keras_vis.saliency import Saliency
    from tf_keras_vis.scorecam import Scorecam
    from tf_keras_vis.utils.scores import CategoricalScore

    # The layer that explain takes by default, so that both do the same work.
    layer = {
        "penultimate_layer": explain(model, images[:1], 0, "grad_cam").layer,
        "seek_penultimate_conv_layer": False,
    }
    score, pixels = CategoricalScore([int(label) for label in labels]), images.astype("float32")
    kinds = (Saliency, Gradcam, Scorecam)
    saliency, grad_cam, score_cam = (kind(model, clone=False) for kind in kinds)

    def quietly_score_cam() -> np.ndarray:
        predict = model.predict
        model.predict = lambda *arguments, **options: predict(*arguments, **options, verbose=0)
        try:
            return score_cam(score, pixels, normalize_cam=False, **layer)
        finally:
            del model.predict

    def signed(**options: Any) -> np.ndarray:
        maps = saliency(
            score, pixels, keepdims=True, gradient_modifier=None, normalize_map=False, **options
        )
        return np.asarray(maps).sum(axis=-1)

    return {
        "gradient": signed,
        "smooth_grad": lambda: signed(smooth_samples=samples),
        "grad_cam": lambda: grad_cam(score, pixels, normalize_cam=False, **layer),
        "score_cam": quietly_score_cam,
    }


def main(*, quick: bool = False) -> None:
    """Measure, print the tables, and write results/explain.json."""
    n, turns, samples = (4, 2, 2) if quick else (256, 5, SAMPLES)
    shape = (16, 16, 1) if quick else (48, 48, 1)
    model = zoo.build(
        "cnn", input_shape=shape, num_classes=7, seed=0, classifier_activation=None,
        **({"filters": (4,), "hidden": 8} if quick else {}),
    )  # fmt: skip
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (n, *shape)).astype("uint8"), rng.integers(0, 7, n)
    if not peer_version():
        print(f"{REFERENCE} is missing: pip install tf-keras-vis. Zoo is measured alone.")
    tables = {}
    for method, ways in contestants(model, images, labels, samples).items():
        if method == "gradient" and REFERENCE in ways:
            theirs, own = ways[REFERENCE](), ways[OURS]()
            np.testing.assert_allclose(own, theirs, atol=1e-3 * abs(theirs).max())  # the same maps
        timed = {name: lambda way=way: way() is None or None for name, way in ways.items()}
        # The work of Score-CAM takes so long that a first turn costs little more than the others.
        counts = {"turns": 3, "warm_up": 0} if method == "score_cam" else {"turns": turns}
        tables[method] = rows_of(take_turns(timed, **counts), next(iter(ways)))
        tables[method][OURS]["asked for"] = "2" if method == "score_cam" else "1"
        show(f"{n} images of {shape}, cnn: {method}", tables[method], SPEED)
    first = next(iter(tables.values()))
    results = {"rows": first, "tables": tables, REFERENCE: peer_version()}
    keep("explain", results, bars(tables, "seconds"))
