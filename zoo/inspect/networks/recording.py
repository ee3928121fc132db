"""The outputs of chosen layers, and the logits, for many images, block by block."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from zoo.arguments import argument_error, whole_number
from zoo.datasets.image_batches import image_batches
from zoo.inspect.networks.running import forward

BATCH = 64
"""The number of images in a block by default, which bounds the memory that a run takes."""


class Recorded(NamedTuple):
    """What a model computed about images.

    Attributes:
        logits: float32 [n, classes], as in `zoo.inspect.networks.running.Run`.
        outputs: Name of a layer as passed → its output, float32 [n, ...].
    """

    logits: np.ndarray
    outputs: dict[str, np.ndarray]


def record(
    model: Any, images: Any, layers: Sequence[Any] = (), *, batch_size: int = BATCH
) -> Recorded:
    """Run a model on images, and collect its logits and the outputs of layers.

    All of it is in memory at the end. For many images, `record_blocks` gives block by block.

    Args:
        model: A built `keras.Model`.
        images: A `Split`, uint8 [n, height, width, channels], or a dataset, as `predict` takes
            them.
        layers: Names of layers, such as `"vgg/block3_conv1"`; see
            `zoo.inspect.networks.layer_names`.
        batch_size: The number of images at a time.

    Returns:
        The logits and outputs.

    Raises:
        ArgumentError: A layer does not exist, or cannot be recorded.
        DataError: The images are not as described.

    Example:
        >>> import zoo
        >>> images = np.zeros((3, 28, 28, 1), "uint8")
        >>> record(zoo.build("softmax"), images, ["logits"]).outputs["logits"].shape
        (3, 10)
    """
    blocks = list(record_blocks(model, images, layers, batch_size=batch_size))
    return Recorded(
        np.concatenate([block.logits for block in blocks]),
        {
            name: np.concatenate([block.outputs[name] for block in blocks])
            for name in blocks[0].outputs
        },
    )


def record_blocks(
    model: Any, images: Any, layers: Sequence[Any] = (), *, batch_size: int = BATCH
) -> Iterator[Recorded]:
    """Run a model on images, and give the logits and the outputs of layers block by block.

    The model is traced once, and one block is in memory at a time.

    Args:
        model: As for `record`.
        images: As for `record`.
        layers: As for `record`.
        batch_size: The number of images in a block; datasets keep their own batches.

    Yields:
        The logits and outputs of each block.

    Raises:
        ArgumentError: As for `record`.
        DataError: As for `record`.
    """
    batch_size = whole_number("batch_size", batch_size, 1)
    names = list(layers)

    def run(block: Any) -> Any:
        result = forward(model, block, names)
        outputs = {name: tf.cast(x, tf.float32) for name, x in result.recorded.items()}
        return result.logits, outputs

    graphs: dict[Any, Any] = {}  # a dataset may give images of several sizes
    for block in image_batches(images, image_shape_of(model), batch_size):
        key = (block.dtype, block.shape[1:])
        if key not in graphs:
            signature = tf.TensorSpec((None, *block.shape[1:]), block.dtype)
            # The concrete function is a graph also where functions are told to run eagerly.
            graphs[key] = tf.function(run, autograph=False).get_concrete_function(signature)
        logits, outputs = graphs[key](tf.convert_to_tensor(block))
        yield Recorded(logits.numpy(), {name: x.numpy() for name, x in outputs.items()})


def check_is_model(name: str, model: Any) -> None:
    """Check that an argument is a Keras model.

    Args:
        name: Name of the argument, for the message.
        model: The argument.

    Raises:
        ArgumentError: The argument is something else, such as the path of a saved model.

    Example:
        >>> check_is_model("model", "cnn.keras")
        Traceback (most recent call last):
        zoo.errors.ArgumentError: model must be a keras.Model. Received: 'cnn.keras'. Load a saved \
model with zoo.load.
    """
    import keras  # imported here, since the import takes seconds

    if not isinstance(model, keras.Model):
        remedy = "Load a saved model with zoo.load"
        raise argument_error(name, "be a keras.Model", model, remedy)


def image_shape_of(model: Any) -> tuple[int | None, ...]:
    """Give (height, width, channels) of the images that a model takes, with None for any length.

    Args:
        model: A `keras.Model`. Subclassed models may not know the shape of their input.

    Returns:
        Three lengths, or Nones.

    Example:
        >>> import zoo
        >>> image_shape_of(zoo.build("cnn"))
        (48, 48, 1)
    """
    try:
        shape = model.input_shape
    except (AttributeError, ValueError):
        shape = None
    return tuple(shape[1:]) if isinstance(shape, tuple) and len(shape) == 4 else (None,) * 3


def names_known_to(model: Any) -> tuple[str, ...] | None:
    """Give the names of the classes that a model carries, those of its trained weights among them.

    Args:
        model: A `keras.Model` that is no committee.

    Returns:
        The names, or None.

    Example:
        >>> import zoo
        >>> names_known_to(zoo.build("softmax")) is None
        True
    """
    return getattr(model, "class_names", None) or getattr(model, "zoo_class_names", None)


def class_numbers(model: Any) -> tuple[str, ...] | None:
    """Number the classes of a model: "0", "1" and so on, two of them for a single sigmoid.

    Args:
        model: A `keras.Model`. Subclassed models may not know the shape of their output.

    Returns:
        A number for each class, or None.

    Example:
        >>> import zoo
        >>> class_numbers(zoo.build("softmax", num_classes=3))
        ('0', '1', '2')
    """
    try:
        shape = model.output_shape
    except (AttributeError, ValueError):
        return None
    if not isinstance(shape, tuple) or not isinstance(shape[-1], int):
        return None
    return tuple(map(str, range(max(shape[-1], 2))))
