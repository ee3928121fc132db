"""Probabilities of a model of any kind, or of a committee and its members."""

import functools
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from zoo.datasets.image_batches import image_batches
from zoo.datasets.split import Split
from zoo.ensembles.checks import as_labelled, check_classes
from zoo.ensembles.models.voting_model import VotingModel
from zoo.errors import ArgumentError, DataError
from zoo.inspect.networks.recording import class_numbers, image_shape_of, names_known_to
from zoo.inspect.networks.running import ends_linearly, forward
from zoo.metrics import are_probabilities

BATCH = 256
"""The number of images in a run by default, which bounds the memory that is taken."""


class Predictions(NamedTuple):
    """What a model or a committee says about images.

    Attributes:
        members: The probabilities of each member, float64 [members, n, classes]; a model is its
            only member.
        probabilities: The probabilities of the model or committee, float64 [n, classes]. For a rule
            that counts votes, they are the weighted means of the members' probabilities.
        answers: The classes that the model or committee decides for, int64 [n].
        weights: How much each member counts, [members], or None.
    """

    members: NDArray[np.float64]
    probabilities: NDArray[np.float64]
    answers: NDArray[np.int64]
    weights: Any = None

    def class_names(self, split: Split) -> tuple[str, ...]:
        """Name all classes: as in the split, and by number beyond."""
        return (*split.class_names, *map(str, range(split.num_classes, self.members.shape[-1])))

    @property
    def confidences(self) -> NDArray[np.float64]:
        """The probability of each answer, float64 [n]."""
        return np.take_along_axis(self.probabilities, self.answers[:, None], axis=1)[:, 0]


def check_built(model_or_committee: Any) -> None:
    """Refuse anything but a built Keras model or a committee with built members."""
    if not getattr(model_or_committee, "built", False):
        raise ArgumentError(
            "model_or_committee must be a built keras.Model or a trained committee. Received: "
            f"{model_or_committee!r:.80}. Load a saved model with zoo.load, or train it first."
        )


def labelled_split(model_or_committee: Any, data: Any, labels: Any = None) -> Split:
    """Take images with labels of the classes that a model or a committee knows.

    Args:
        model_or_committee: A built `keras.Model` or a committee.
        data: A `Split`; images uint8 [n, height, width, channels]; a tuple (images, labels); or a
            dataset of such pairs.
        labels: Class ids, int [n], if `data` is an array.

    Returns:
        The split.

    Raises:
        ArgumentError: The model is not built.
        DataError: The images, labels or classes do not fit.
    """
    check_built(model_or_committee)
    if isinstance(model_or_committee, VotingModel):
        split = as_labelled(data, labels, "images", model_or_committee.label_names)
        classes = model_or_committee.output_shape[-1] or 0
        check_classes(split, classes, model_or_committee.expected_names(split))
        return split
    names = names_known_to(model_or_committee) or class_numbers(model_or_committee)
    return as_labelled(data, labels, "images", names)


def predict_split(model_or_committee: Any, split: Split, batch_size: int) -> Predictions:
    """Ask a model or a committee about the images of a split.

    A model may end in a softmax, a sigmoid or logits.

    Args:
        model_or_committee: A built `keras.Model` or a committee.
        split: The images.
        batch_size: The number of images at a time.

    Returns:
        The predictions.

    Raises:
        DataError: The model takes images of another shape, or the labels are of more classes than
            the model knows.
    """
    if isinstance(model_or_committee, VotingModel):
        rule = model_or_committee.rule
        members = model_or_committee.member_probabilities(split, batch_size)
        answers = np.asarray(rule(members)).argmax(axis=-1)
        probabilities = np.asarray(rule.for_probabilities()(members), np.float64)
        weights = rule.weights
    else:
        members = _probabilities(model_or_committee, split, batch_size)[None]
        probabilities = members[0]
        answers, weights = probabilities.argmax(axis=-1), None
    classes = probabilities.shape[-1]
    if split.num_classes > classes:
        raise DataError(
            f"The images must be of the {classes} classes that the model knows. Received: "
            f"{split.num_classes} classes. Load these classes only: zoo.datasets.load(classes=...)."
        )
    return Predictions(members.astype(np.float64), probabilities, answers, weights)


def _probabilities(model: Any, split: Split, batch_size: int) -> NDArray[np.float64]:
    """Compute the probabilities of a single model, float64 [n, classes]."""
    endings: list[str | None] = []

    def run(block: Any) -> Any:
        result = forward(model, block)
        is_linear = result.ending is None and ends_linearly(result.outputs)
        endings.append("linear" if is_linear else result.ending)
        return result.outputs

    # A new partial is counted by itself; TensorFlow warns of functions traced too often.
    compute = tf.function(functools.partial(run), autograph=False, reduce_retracing=True)
    blocks = [
        compute(tf.convert_to_tensor(block)).numpy()
        for block in image_batches(split, image_shape_of(model), batch_size)
    ]
    outputs, ending = np.concatenate(blocks), endings[0]
    if ending is None and outputs.shape[-1] == 1 and 0 <= outputs.min() <= outputs.max() <= 1:
        ending = "sigmoid"  # such as the mean of several sigmoids
    return as_probabilities(outputs, ending)


def as_probabilities(outputs: NDArray, ending: str | None) -> NDArray[np.float64]:
    """Turn the outputs of a model into probabilities.

    Args:
        outputs: float [n, classes], or [n, 1] for two classes.
        ending: The activation at the end of the model, as in `Run.ending`; None for logits, or for
            probabilities that come about in another way.

    Returns:
        float64 [n, classes], rows sum to 1.

    Example:
        >>> as_probabilities(np.array([[0.25]]), "sigmoid")
        array([[0.75, 0.25]])
    """
    from scipy.special import expit, softmax  # imported here, since the import is slow

    values = np.asarray(outputs, np.float64)
    if values.shape[-1] == 1:
        ones = values if ending == "sigmoid" else expit(values)
        return np.concatenate([1 - ones, ones], axis=-1)
    if ending in ("softmax", "sigmoid") or are_probabilities(values):
        return values / values.sum(axis=-1, keepdims=True)
    return softmax(values, axis=-1)  # of logits, or of logarithms of probabilities
