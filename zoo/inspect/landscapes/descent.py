"""The paths that optimisers take over two chosen weights, while all others are frozen."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np

from zoo.arguments import whole_number
from zoo.errors import ArgumentError
from zoo.inspect.landscapes.outputs import check_built, labelled_images
from zoo.inspect.landscapes.planes import WeightName, value_of, weight_labels, weight_plane
from zoo.inspect.landscapes.point_losses import BATCH_SIZE, PointLosses
from zoo.layers.unsafe_kernels import check_kernels


@dataclass(frozen=True)
class Trajectory:
    """The path of an optimiser over two weights.

    Attributes:
        name: The name of the optimiser.
        positions: The values of the two weights before each step and after the last, float64
            [steps + 1, 2].
        losses: The mean loss at each position, float64 [steps + 1].
        weights: The two weights, such as `"logits/kernel[27, 3]"`; empty if they are not known. A
            landscape over others refuses the path.

    Example:
        >>> positions, losses = np.array([[0.0, 0.0], [0.5, 0.25]]), np.array([2.0, 1.5])
        >>> Trajectory("descent", positions, losses).positions[-1]
        array([0.5 , 0.25])
    """

    name: str
    positions: np.ndarray
    losses: np.ndarray
    weights: tuple[str, ...] = ()


def descend(
    model: Any,
    data: Any,
    weights: Sequence[WeightName],
    optimizers: Mapping[str, Any],
    *,
    start: tuple[float, float] | None = None,
    steps: int = 50,
    penalties: bool = False,
    batch_size: int = BATCH_SIZE,
) -> tuple[Trajectory, ...]:
    """Follow optimisers over two weights of a model, each from the same start.

    Each step takes the gradient of the mean loss over all images, in inference mode. The model and
    the optimisers are not changed. Pass the result to `landscape(…, trajectories=…)`.

    Args:
        model: A built `keras.Model`.
        data: Images with labels: a `Split`, a pair of arrays, or a dataset.
        weights: The two weights, as for `landscape`.
        optimizers: Name → Keras optimiser, such as
            `{"momentum 0.9": keras.optimizers.SGD(0.1, momentum=0.9)}`.
        start: The values of the two weights before the first step; None takes the model's own.
        steps: The number of steps.
        penalties: Whether to add the penalties of regularisers to the loss.
        batch_size: The number of images at a time; each step goes over all of them.

    Returns:
        A `Trajectory` for each optimiser.

    Raises:
        ArgumentError: An argument is not as described, or TensorFlow computes the gradient of a
            layer outside its memory.
        DataError: The images do not fit the model.

    Example:
        >>> import keras
        >>> import zoo
        >>> data = zoo.datasets.load("digits")
        >>> model = zoo.build("softmax", input_shape=(8, 8, 1), num_classes=10, seed=0)
        >>> optimizers = {"descent": keras.optimizers.SGD(1.0)}
        >>> pair = [("logits/bias", 0), ("logits/bias", 1)]
        >>> (path,) = zoo.inspect.descend(model, data.test, pair, optimizers, steps=3)
        >>> path.positions.shape, bool(path.losses[-1] < path.losses[0])
        ((4, 2), True)
    """
    check_built("model", model)
    check_kernels("model", model)
    whole_number("steps", steps, 1)
    whole_number("batch_size", batch_size, 1)
    if not isinstance(optimizers, Mapping) or not optimizers:
        raise ArgumentError(
            f"optimizers must be names with Keras optimisers. Received: {optimizers!r:.200}. Pass "
            '{"gradient descent": keras.optimizers.SGD(0.1)}, for example.'
        )
    plane = weight_plane(model, weights)
    first = _start([value_of(model, name) for name in weights] if start is None else start)
    split = labelled_images(model, data)
    losses = PointLosses(model, plane, split, penalties=penalties, batch_size=batch_size)
    labels = weight_labels(weights)
    return tuple(
        replace(follow(name, losses, _fresh(name, optimizer), first, steps), weights=labels)
        for name, optimizer in optimizers.items()
    )


def follow(
    name: str, losses: PointLosses, optimizer: Any, start: Sequence[float], steps: int
) -> Trajectory:
    """Follow an optimiser from a start, as long as the loss is finite.

    Args:
        name: The name of the optimiser.
        losses: The losses over the plane.
        optimizer: A fresh Keras optimiser.
        start: The coordinates of the start.
        steps: The number of steps.

    Raises:
        ArgumentError: The loss at the start is not finite.
    """
    position = keras.Variable(np.asarray(start, "float32"), name="position")
    optimizer.build([position])
    positions, values = [], []
    for step in range(steps + 1):
        point = keras.ops.convert_to_numpy(position.value).astype("float64")
        loss, slope = losses.slope(point)
        if not (np.isfinite(loss) and np.isfinite(slope).all()):
            if not step:
                raise ArgumentError(
                    "start must be a place where the loss is a number. Received: "
                    f"{tuple(map(float, start))}, where the loss is {loss}. Pass another start, or "
                    "look for NaN among the weights of the model and in the images."
                )
            warnings.warn(
                f"{name} has a loss that is no number after {step} steps, where its trajectory "
                "ends. Choose a lower learning rate.",
                UserWarning,
                stacklevel=4,
            )
            break
        positions.append(point)
        values.append(loss)
        if step < steps:
            optimizer.apply([keras.ops.convert_to_tensor(slope, "float32")], [position])
    return Trajectory(name, np.array(positions).reshape(-1, 2), np.array(values))


def _start(value: Any) -> Sequence[float]:
    """Check the two coordinates of a start."""
    try:
        fits = np.shape(value) == (2,) and np.isfinite(np.asarray(value, "float64")).all()
    except (TypeError, ValueError):
        fits = False
    if not fits:
        raise ArgumentError(
            f"start must be two numbers. Received: {value!r}. Pass (0.0, 0.0), for example."
        )
    return value


def _fresh(name: str, optimizer: Any) -> Any:
    """Make an optimiser of the same settings, which has taken no step."""
    if not isinstance(optimizer, keras.optimizers.Optimizer):
        raise ArgumentError(
            f"Each of optimizers must be a Keras optimiser. Received: {optimizer!r} for {name!r}. "
            "Pass keras.optimizers.SGD(0.1), for example."
        )
    return type(optimizer).from_config(optimizer.get_config())
