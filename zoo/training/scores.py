"""The scores of an epoch: one table, from which training, history, TensorBoard and progress draw.

A new score is a new row of `SCORES`: it then appears in the history (`top_5`, `val_top_5`), in
TensorBoard, in callbacks and in the progress. Metric functions of Keras can be such a row.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from zoo.text import percent

ScoresByName = dict[str, dict[str, float]]
"""Name of a model, or `"committee"` → name of a score (`loss`, `val_accuracy` …) → value."""

LOSS = "loss"
"""The score that training lowers. The loss of a model in training includes penalties, class weights
and teacher, and takes the targets of the recipe. Validation losses are those of the labels."""


@dataclass(frozen=True)
class Score:
    """A score of a model or of the committee: the mean over the images of an epoch.

    Attributes:
        values: From labels int64 [models, batch] and probabilities float [models, batch, classes]
            to the value of each image [models, batch].
        write: Writes a value for the progress.
        of_validation: Whether the progress shows the score on the validation images too.
        best: `"min"` if a lower value is better, `"max"` if a higher value is better.
    """

    values: Callable[[Any, Any], Any]
    write: Callable[[float], str] = "{:.4f}".format
    of_validation: bool = True
    best: str = "min"


def _is_right(labels: Any, probabilities: Any) -> Any:
    """Tell whether the most probable class is the label, bool [models, batch]."""
    return tf.argmax(probabilities, axis=-1, output_type=labels.dtype) == labels


SCORES: dict[str, Score] = {
    LOSS: Score(keras.losses.sparse_categorical_crossentropy, of_validation=False),
    "accuracy": Score(_is_right, percent, best="max"),
}
"""Name → score, in the order of the columns of the progress."""


def cross_entropy(
    labels: Any,
    probabilities: Any,
    weights: Any = None,
    class_weights: Any = None,
    shares: Any = None,
    takes_shares: Sequence[bool] = (),
    mixed: bool = False,
) -> Any:
    """Compute the mean cross-entropy of each model over a batch.

    The mean is over the number of images, as in Keras.

    Args:
        labels: Class ids of the images, int64 [batch].
        probabilities: float [models, batch, classes].
        weights: How much each image counts, [batch]; None counts all images alike.
        class_weights: How much the images of each class count for each model, [models, classes];
            None counts all classes alike.
        shares: The shares of the classes in votes for each image, float [batch, classes], or None.
        takes_shares: Whether the targets of each model are the shares, and not the labels.
        mixed: Whether the shares are those of mixed images, for all models: then `class_weights`
            weight each share by its own class, and not the image by the class of its label.

    Returns:
        float [models].

    Example:
        >>> halves = np.full((1, 1, 2), 0.5, "float32")
        >>> f"{float(cross_entropy(np.array([0]), halves)[0]):.4f}"
        '0.6931'
    """
    repeated = tf.broadcast_to(labels, tf.shape(probabilities)[:2])
    losses = SCORES[LOSS].values(repeated, probabilities)
    if any(takes_shares):
        targets = tf.broadcast_to(tf.cast(shares, probabilities.dtype), tf.shape(probabilities))
        totals = None
        if mixed and class_weights is not None:
            # Keras takes a gradient that is right for targets of the sum 1 only.
            targets *= tf.constant(class_weights, targets.dtype)[:, None]
            totals = tf.reduce_sum(targets, axis=-1)
            targets = tf.math.divide_no_nan(targets, totals[..., None])
        of_shares = keras.losses.categorical_crossentropy(targets, probabilities)
        of_shares = of_shares if totals is None else totals * of_shares
        losses = tf.where(np.array(takes_shares)[:, None], of_shares, losses)
    if class_weights is not None and not mixed:
        losses *= tf.gather(tf.constant(class_weights, losses.dtype), labels, axis=1)
    if weights is not None:
        losses *= tf.cast(weights, losses.dtype)
    return tf.reduce_mean(losses, axis=-1)


def validation_scores(scores: dict[str, float]) -> dict[str, float]:
    """Rename scores as Keras names those on validation images.

    Example:
        >>> validation_scores({"loss": 0.5})
        {'val_loss': 0.5}
    """
    return {f"val_{name}": value for name, value in scores.items()}
