"""What the outputs of a network mean: logits, probabilities, the loss of each image."""

from typing import Any

import keras
import tensorflow as tf
from keras import ops

from zoo.datasets.split import Split
from zoo.ensembles.checks import as_labelled
from zoo.errors import ArgumentError, DataError
from zoo.inspect.landscapes.networks_at_weights import weight_dtype
from zoo.inspect.networks.recording import class_numbers
from zoo.inspect.networks.running import ends_linearly, logits_behind
from zoo.metrics import LEAST_PROBABILITY, are_probabilities
from zoo.text import first_line


def gives_probabilities(outputs: Any) -> bool:
    """Whether numbers can be probabilities: from 0 to 1, and with the sum 1 for several classes.

    Args:
        outputs: The outputs of a network for some images, [batch, classes] or [batch, 1].
    """
    values = ops.convert_to_numpy(outputs).astype("float64")
    if values.shape[-1] == 1:
        return bool(((values >= 0) & (values <= 1 + 1e-6)).all())
    return are_probabilities(values)


def cross_entropy(labels: Any, outputs: Any, *, probabilities: bool) -> Any:
    """Compute the cross-entropy of each image.

    Args:
        labels: Class ids, int64 [batch].
        outputs: The outputs of a network in a graph, [batch, classes], or [batch, 1] of a network
            that tells two classes apart.
        probabilities: Whether outputs that no softmax or sigmoid gave are probabilities.

    Returns:
        Losses in nats, [batch].
    """
    logits = as_logits(outputs, probabilities=probabilities)
    if logits.shape[-1] == 1:
        targets = tf.cast(labels, logits.dtype)
        return tf.nn.sigmoid_cross_entropy_with_logits(targets, logits[:, 0])
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)


def wrong_answers(labels: Any, outputs: Any, *, probabilities: bool) -> Any:
    """Tell which images are classified wrongly: 1 or 0, [batch]; arguments as `cross_entropy`."""
    logits = as_logits(outputs, probabilities=probabilities)
    if logits.shape[-1] == 1:
        decided = tf.cast(logits[:, 0] > 0, labels.dtype)
    else:
        decided = tf.argmax(logits, axis=-1, output_type=labels.dtype)
    return tf.cast(decided != labels, logits.dtype)


def as_logits(outputs: Any, *, probabilities: bool) -> Any:
    """Give logits for the outputs of a network, as `cross_entropy` takes them.

    The loss of logits is exact, also where a probability rounds to 0. So the logits behind a
    softmax or sigmoid are taken if there are such.

    Raises:
        ArgumentError: The outputs are several sigmoids, which do not answer "which class".
    """
    logits, ending = logits_behind(outputs)
    single = outputs.shape[-1] == 1
    if ending == "sigmoid" and not single:
        raise ArgumentError(
            "The model must give a probability for each class that add up to 1, logits, or a "
            f"single sigmoid. Received: {outputs.shape[-1]} sigmoids. Put a softmax in their place."
        )
    if ending is not None or not probabilities or (single and ends_linearly(outputs)):
        return logits
    if single:
        epsilon = keras.config.epsilon()  # as in Keras's losses
        clipped = tf.clip_by_value(outputs, epsilon, 1 - epsilon)
        return tf.math.log(clipped) - tf.math.log1p(-clipped)
    return tf.math.log(tf.maximum(outputs, LEAST_PROBABILITY))  # as in `Committee.evaluate`


def labelled_images(model: Any, data: Any) -> Split:
    """Take images with labels of the classes that a model knows.

    Args:
        model: A built `keras.Model`.
        data: A `Split`, a pair of images and labels, or a dataset of such pairs.

    Returns:
        The split.

    Raises:
        DataError: The images or classes do not fit the model.
    """
    split = as_labelled(data, None, "images", class_numbers(model))
    if not len(split):
        raise DataError(
            "There must be one image or more. Received: no image. Check the condition by which the "
            "images were selected."
        )
    try:
        first = tf.constant(next(split.blocks(1)))
        outputs = model(tf.cast(first, weight_dtype(model)), training=False)
    except (ValueError, TypeError, tf.errors.InvalidArgumentError) as error:
        raise DataError(
            f"The model must take the images. Received: images of {split.image_shape}, for which "
            f"the model fails ({first_line(error).rstrip('.')}). Load images that fit, with "
            "zoo.datasets.load(image_size=..., color=...)."
        ) from error
    classes = max(outputs.shape[-1], 2)
    if len(outputs.shape) != 2 or split.num_classes != classes:
        raise DataError(
            f"The images must be of the {classes} classes that the model tells apart. Received: "
            f"{split.num_classes} classes, and outputs of shape {tuple(outputs.shape)} for an "
            "image. Load these classes only, with zoo.datasets.load(classes=...)."
        )
    return split


def check_built(name: str, model: Any) -> None:
    """Check that an argument is a built model.

    Args:
        name: The name of the argument, for the message.
        model: The argument.

    Raises:
        ArgumentError: The argument is no `keras.Model`, or has no weights yet.
    """
    if not isinstance(model, keras.Model) or not model.built or not model.weights:
        raise ArgumentError(
            f"{name} must be a built keras.Model or a committee. Received: {model!r:.80}. Call the "
            "model on some images, or train it, before you look at its losses."
        )
