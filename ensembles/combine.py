"""The rule of `zoo.ensembles.voting.committee_probabilities`, on tensors, for use in a graph."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from keras import ops

from zoo.ensembles.checks import FLOOR
from zoo.ensembles.voting import BLEND, LEAD, TIE_TOLERANCE


def combine(probabilities: Any, voting: str, weights: Sequence[float] | None) -> Any:
    """`zoo.ensembles.voting.committee_probabilities`, the same steps on tensors.

    Args:
        probabilities: float [members, batch, classes], rows sum to 1.
        voting: `"majority"`, `"soft"` or `"geometric"`.
        weights: [members], or None.

    Returns:
        float32 [batch, classes].
    """
    # float64, since ties are told from near ties by less than float32 resolves.
    probabilities = ops.cast(probabilities, "float64")
    scale = np.ones(probabilities.shape[0]) if weights is None else np.asarray(weights, "float64")
    scale = ops.convert_to_tensor((scale / scale.sum())[:, None, None], "float64")
    if voting == "geometric":
        logits = ops.sum(scale * ops.log(ops.maximum(probabilities, FLOOR)), axis=0)
        return ops.cast(ops.softmax(logits), "float32")
    mean = ops.sum(scale * probabilities, axis=0)
    if voting == "soft":
        return ops.cast(mean, "float32")
    num_classes = probabilities.shape[-1]
    votes = ops.one_hot(ops.argmax(probabilities, axis=-1), num_classes, dtype="float64")
    shares = ops.sum(scale * votes, axis=0)
    led = _leaders(ops.where(_leaders(shares), mean, -1.0))
    decision = ops.one_hot(ops.argmax(led, axis=-1), num_classes, dtype="float64")
    blend = (1 - BLEND) * shares + BLEND * mean
    behind = ops.max(blend, axis=-1, keepdims=True)
    behind -= ops.sum(blend * decision, axis=-1, keepdims=True)
    blend += decision * (behind + LEAD)
    return ops.cast(blend / ops.sum(blend, axis=-1, keepdims=True), "float32")


def _leaders(scores: Any) -> Any:
    return scores >= ops.max(scores, axis=-1, keepdims=True) - TIE_TOLERANCE
