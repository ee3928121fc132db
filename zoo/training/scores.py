"""The scores of an epoch: one table, from which training, history, TensorBoard and progress draw.

A new score is a new row of `SCORES`: it then appears in the history (`top_5`, `val_top_5`), in
TensorBoard, in callbacks and in the progress. Metric functions of Keras can be such a row.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf

from zoo.text import percent

ScoresByName = dict[str, dict[str, float]]
"""Name of a model, or `"committee"` → name of a score (`loss`, `val_accuracy` …) → value."""

LOSS = "loss"
"""The score that training lowers. A model's loss includes penalties, class weights and teacher."""


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


def validation_scores(scores: dict[str, float]) -> dict[str, float]:
    """Rename scores as Keras names those on validation images.

    Example:
        >>> validation_scores({"loss": 0.5})
        {'val_loss': 0.5}
    """
    return {f"val_{name}": value for name, value in scores.items()}
