"""The scores of an epoch: one table, from which training, history, TensorBoard and progress draw.

A new score is a new row of `SCORES`: it then appears in the history (`top_5`, `val_top_5`), in
TensorBoard, in callbacks and in the progress. Metric functions of Keras can be such a row.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from zoo.metrics import LEAST_PROBABILITY
from zoo.recipes import Recipe
from zoo.text import percent
from zoo.training.distillation import Teacher

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


def _surprise_of_label(labels: Any, probabilities: Any) -> Any:
    """Compute −log p of the label, float [models, batch]."""
    return _surprises(tf.gather(probabilities, labels, axis=-1, batch_dims=2))


def _surprises(probabilities: Any) -> Any:
    """Compute −log p, where no probability p counts as less than the least."""
    # A comparison, since a maximum may lose a probability that is not a number.
    least = tf.constant(LEAST_PROBABILITY, probabilities.dtype)
    return -tf.math.log(tf.where(probabilities < least, least, probabilities))


def _is_right(labels: Any, probabilities: Any) -> Any:
    """Tell whether the most probable class is the label, bool [models, batch]."""
    return tf.argmax(probabilities, axis=-1, output_type=labels.dtype) == labels


SCORES: dict[str, Score] = {
    LOSS: Score(_surprise_of_label, of_validation=False),
    "accuracy": Score(_is_right, percent, best="max"),
}
"""Name → score, in the order of the columns of the progress."""


def cross_entropy(labels: Any, probabilities: Any, weights: Any = None, shares: Any = None) -> Any:
    """Compute the mean cross-entropy of each model over a batch, as a score.

    No probability counts as less than `zoo.metrics.LEAST_PROBABILITY`, as in the reports. The mean
    is over the number of images, as in Keras.

    Args:
        labels: Class ids of the images, int64 [batch].
        probabilities: float [models, batch, classes].
        weights: How much each image counts, [batch]; None counts all images alike.
        shares: The share of each class in each image, float [batch, classes], in the place of the
            labels; or None.

    Returns:
        float [models].

    Example:
        >>> halves = np.full((1, 1, 2), 0.5, "float32")
        >>> f"{float(cross_entropy(np.array([0]), halves)[0]):.4f}"
        '0.6931'
    """
    if shares is None:
        repeated = tf.broadcast_to(labels, tf.shape(probabilities)[:2])
        losses = SCORES[LOSS].values(repeated, probabilities)
    else:
        losses = tf.reduce_sum(tf.cast(shares, probabilities.dtype) * _surprises(probabilities), -1)
    if weights is not None:
        losses *= tf.cast(weights, losses.dtype)
    return tf.reduce_mean(losses, axis=-1)


def sums_of_scores(
    scores: Mapping[str, Score], labels: Any, probabilities: Any, losses: Any, counts: Any = None
) -> Any:
    """Sum scores over the images of a batch.

    Args:
        scores: Name → score.
        labels: Class ids of the images, int64 [batch].
        probabilities: float [models, batch, classes].
        losses: The mean losses over the batch, float [models].
        counts: How often each image counts for the first models, [some models, batch]; None counts
            each image once.

    Returns:
        float64 [models, scores + 1]; the last column is the number of images.
    """
    repeated = tf.broadcast_to(labels, tf.shape(probabilities)[:2])
    each = tf.ones(tf.shape(repeated), "float64")
    if counts is not None:
        each = tf.concat([tf.cast(counts, "float64"), each[counts.shape[0] :]], axis=0)
    values = {name: score.values for name, score in scores.items() if name != LOSS}
    columns = {
        name: tf.reduce_sum(each * tf.cast(function(repeated, probabilities), "float64"), axis=-1)
        for name, function in values.items()
    }
    columns[LOSS] = tf.cast(losses, "float64") * tf.cast(tf.shape(labels)[0], "float64")
    ordered = [*(columns[name] for name in scores), tf.reduce_sum(each, axis=-1)]
    return tf.stack(ordered, axis=-1)


class TrainingLoss:
    """The loss of each model in a training step: the number that training lowers.

    The cross-entropy is computed from the logits z. So the gradient is exact, softmax(z) − y, also
    where a probability rounds to 0. Class weights, soft targets, label smoothing, penalties and a
    teacher change the loss as the recipe of each model says.

    Args:
        recipes: How each model is trained.
        class_weights: How much the training images of each class count for each model, [models,
            classes]. They are taken for the models whose recipes ask for it.
        teacher: The model that all learn from beside the labels, or None.
    """

    def __init__(
        self,
        recipes: Sequence[Recipe],
        class_weights: Sequence[Sequence[float]] = (),
        teacher: Teacher | None = None,
    ) -> None:
        # Mixed images have a share of each class. All models see the same mixed images.
        self.mixed = any(recipe.mixes_images for recipe in recipes)
        self._takes_shares = np.array(
            [self.mixed or recipe.targets == "shares" for recipe in recipes]
        )
        self._teacher = teacher
        # Vectors over the models, since a graph may train other models afterwards.
        self._smoothing, self._class_weights = (
            None if values is None else tf.Variable(values, trainable=False)
            for values in _vectors(recipes, class_weights)
        )

    def take(self, recipes: Sequence[Recipe], class_weights: Sequence[Sequence[float]]) -> None:
        """Take the label smoothing and the class weights of other models.

        Args:
            recipes: Recipes with the same `loss_key`.
            class_weights: As for `TrainingLoss`.
        """
        variables = self._smoothing, self._class_weights
        for variable, values in zip(variables, _vectors(recipes, class_weights), strict=True):
            if variable is not None:
                variable.assign(values)

    def of_batch(
        self, images: Any, labels: Any, shares: Any = None, weights: Any = None
    ) -> Callable[[Sequence[int], Any, Any], Any]:
        """Make the function that gives the losses of a batch.

        Args:
            images: Pixels [batch, height, width, channels], for the teacher.
            labels: Class ids of the images, int64 [batch].
            shares: The shares of the classes in votes for each image, float [batch, classes], or
                None.
            weights: How much each image counts, [batch] or [models, batch]; None counts all images
                alike.

        Returns:
            From the rows of some models, their logits [models, batch, classes] and their penalties
            [models] to their losses [models].
        """
        answers = self._teacher.probabilities(images) if self._teacher else None

        def losses_of(rows: Sequence[int], logits: Any, penalties: Any) -> Any:
            rows = list(rows)
            own = weights
            if weights is not None and weights.shape.rank == 2:
                own = tf.gather(weights, rows)
            losses = self._cross_entropies(rows, labels, logits, shares)
            if own is not None:
                losses *= tf.cast(own, losses.dtype)
            losses = tf.reduce_mean(losses, axis=-1)
            if self._teacher:
                own = (
                    [None] * len(rows)
                    if own is None
                    else tf.unstack(tf.broadcast_to(own, tf.shape(logits)[:2]), len(rows))
                )
                triples = zip(tf.unstack(logits), tf.unstack(losses), own, strict=True)
                losses = tf.stack([self._teacher.loss(answers, *triple) for triple in triples])
            return losses + penalties

        return losses_of

    def _cross_entropies(self, rows: list[int], labels: Any, logits: Any, shares: Any) -> Any:
        """Compute the cross-entropy of each image, weighted by the classes, [models, batch]."""
        takes_shares = self._takes_shares[rows]
        of_classes = None
        if self._class_weights is not None:
            of_classes = tf.cast(tf.gather(self._class_weights, rows), logits.dtype)
        if takes_shares.any() or self._smoothing is not None:
            classes = logits.shape[-1]
            targets = tf.one_hot(labels, classes, dtype=logits.dtype)
            if takes_shares.any():
                shares = tf.cast(shares, logits.dtype)
                targets = tf.where(takes_shares[:, None, None], shares, targets)
            of_shares = of_classes if self.mixed else None
            if of_shares is not None:  # Each share of a mixed image counts by its own class.
                targets *= of_shares[:, None]
            if self._smoothing is not None:
                smoothing = tf.cast(tf.gather(self._smoothing, rows), logits.dtype)[:, None, None]
                total = tf.reduce_sum(targets, axis=-1, keepdims=True)
                targets = (1 - smoothing) * targets + smoothing * total / classes
            if of_shares is not None:
                # TensorFlow's loss takes for granted that targets sum to 1, which these do not.
                return -tf.reduce_sum(targets * tf.nn.log_softmax(logits), axis=-1)
            losses = tf.nn.softmax_cross_entropy_with_logits(targets, logits)
        else:
            repeated = tf.broadcast_to(labels, tf.shape(logits)[:2])
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(repeated, logits)
        if of_classes is not None:
            losses *= tf.gather(of_classes, labels, axis=1)
        return losses


def loss_key(recipes: Sequence[Recipe]) -> Any:
    """Describe all that the graph of a `TrainingLoss` depends on.

    Args:
        recipes: How each model is trained.

    Returns:
        A value that is equal for recipes that one graph can follow.
    """
    return [
        [(recipe.mixes_images, recipe.targets) for recipe in recipes],
        any(recipe.label_smoothing for recipe in recipes),
        any(recipe.class_weight is not None for recipe in recipes),
    ]


def _vectors(
    recipes: Sequence[Recipe], class_weights: Sequence[Sequence[float]]
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Give label smoothing [models] and class weights [models, classes], or None for no model."""
    smoothing = np.array([recipe.label_smoothing or 0.0 for recipe in recipes])
    balanced = np.array([recipe.class_weight is not None for recipe in recipes])
    return (
        smoothing if smoothing.any() else None,
        np.where(balanced[:, None], class_weights, 1.0) if balanced.any() else None,
    )


def validation_scores(scores: dict[str, float]) -> dict[str, float]:
    """Rename scores as Keras names those on validation images.

    Example:
        >>> validation_scores({"loss": 0.5})
        {'val_loss': 0.5}
    """
    return {f"val_{name}": value for name, value in scores.items()}
