"""Planes in the space of the weights: a point, and directions from this point on."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras.ops import convert_to_numpy

from zoo.errors import ArgumentError
from zoo.text import did_you_mean

WeightName = tuple[Any, ...]
"""The path of a weight in its model, and the place of a number in it: `("a/kernel", 9, 3)`."""

_TRANSPOSED = (
    keras.layers.Conv1DTranspose,
    keras.layers.Conv2DTranspose,
    keras.layers.Conv3DTranspose,
)

_DEPTHWISE = (keras.layers.DepthwiseConv1D, keras.layers.DepthwiseConv2D)


@dataclass(frozen=True)
class Plane:
    """A flat part of the space of the weights: all points `origin + Σ c_k directions[k]`.

    Attributes:
        variables: The weights that move, `keras.Variable`s.
        origin: The value of each variable at the coordinates 0.
        directions: For each axis, an array for each variable.
    """

    variables: Sequence[Any]
    origin: Sequence[np.ndarray]
    directions: Sequence[Sequence[np.ndarray]]


def current_values(variables: Iterable[Any]) -> list[np.ndarray]:
    """Copy the values of variables: float64 where a variable is float64, else float32."""
    return [
        convert_to_numpy(variable.value).astype(
            "float64" if variable.dtype == "float64" else "float32"
        )
        for variable in variables
    ]


def is_floating(variable: Any) -> bool:
    """Whether a variable holds real numbers, and no counters or seeds."""
    return keras.backend.is_float_dtype(variable.dtype)


def random_plane(model: Any, seed: int) -> Plane:
    """Span a plane by two random directions that are normalised filter by filter.

    Each number of a direction d is drawn from the normal distribution. Then each filter of d gets
    the norm of the same filter of the weights w: `d_f ← d_f ‖w_f‖ / ‖d_f‖` (Li et al., 2018). A
    filter is what one channel of the output is computed with. Biases and the parameters of batch
    normalisation do not move, as in the paper.

    Args:
        model: A built `keras.Model`.
        seed: The seed of the directions.

    Returns:
        The plane around the present weights.

    Raises:
        ArgumentError: No kernel of the model can be trained.

    Example:
        >>> import zoo
        >>> plane = random_plane(zoo.build("softmax"), seed=0)
        >>> [variable.path for variable in plane.variables], len(plane.directions)
        (['logits/kernel'], 2)
    """
    kernels = [
        (variable, filter_axes(layer, variable))
        for layer in model._flatten_layers()
        for variable in layer._trainable_variables
        if layer.trainable and is_floating(variable) and len(variable.shape) > 1
    ]
    if not kernels:
        raise ArgumentError(
            "The model must have a kernel that can be trained. Received: a model without such a "
            "kernel. Set model.trainable = True, or build the model first."
        )
    rng = np.random.default_rng(seed)
    values = current_values(variable for variable, _ in kernels)
    axes = [axes for _, axes in kernels]
    directions = [
        [
            filter_normalized(rng.normal(size=w.shape), w, a)
            for w, a in zip(values, axes, strict=True)
        ]
        for _ in range(2)
    ]
    return Plane([variable for variable, _ in kernels], values, directions)


def filter_axes(layer: Any, variable: Any) -> tuple[int, ...]:
    """Tell which axes of a kernel number the filters, and so are not part of a filter.

    Args:
        layer: The layer that owns the kernel.
        variable: The kernel, of two dimensions or more.

    Returns:
        Numbers of axes, below 0.

    Example:
        >>> import zoo
        >>> layer = zoo.build("softmax").get_layer("logits")
        >>> filter_axes(layer, layer.kernel)
        (-1,)
    """
    if variable.name == "depthwise_kernel" or isinstance(layer, _DEPTHWISE):
        return (-2, -1)
    return (-2,) if isinstance(layer, _TRANSPOSED) else (-1,)


def filter_normalized(
    direction: np.ndarray, weights: np.ndarray, axes: Sequence[int]
) -> np.ndarray:
    """Give each filter of a direction the norm of the same filter of the weights.

    Args:
        direction: Numbers of the shape of `weights`.
        weights: A kernel.
        axes: The axes that number the filters.

    Returns:
        The direction, of the dtype of `weights`.

    Example:
        >>> weights = np.array([[3.0, 1.0], [4.0, 0.0]])
        >>> direction = filter_normalized(np.ones((2, 2)), weights, axes=[-1])
        >>> np.linalg.norm(direction, axis=0)
        array([5., 1.])
    """
    numbered = {axis % weights.ndim for axis in axes}
    within = tuple(axis for axis in range(weights.ndim) if axis not in numbered)
    wanted, norm = (
        np.sqrt(np.sum(np.square(values, dtype="float64"), axis=within, keepdims=True))
        for values in (weights, direction)
    )
    return (direction * (wanted / np.maximum(norm, 1e-30))).astype(weights.dtype)


def weight_plane(model: Any, names: Sequence[WeightName]) -> Plane:
    """Span a plane by two chosen weights; the coordinates are the values of these weights.

    Args:
        model: A built `keras.Model`.
        names: The two weights, such as `("logits/kernel", 350, 3)`.

    Returns:
        The plane. At the coordinates (0, 0) both weights are 0, and all others are as they are.

    Raises:
        ArgumentError: The model has no such weight, or the two are the same.

    Example:
        >>> import zoo
        >>> plane = weight_plane(zoo.build("softmax"), [("logits/bias", 0), ("logits/bias", 1)])
        >>> [float(direction[0].sum()) for direction in plane.directions]
        [1.0, 1.0]
    """
    listed = names if isinstance(names, list | tuple) else ()
    found = [find_weight(model, name) for name in listed]
    if len({(id(variable), place) for variable, place in found}) != 2 or len(found) != 2:
        raise ArgumentError(
            f"weights must be two different weights. Received: {names!r:.200}. Pass a list such as "
            '[("logits/kernel", 350, 3), ("logits/kernel", 378, 3)].'
        )
    variables = list({id(variable): variable for variable, _ in found}.values())
    origin = current_values(variables)
    directions = []
    for variable, place in found:
        direction = [np.zeros_like(values) for values in origin]
        number = next(k for k, other in enumerate(variables) if other is variable)
        direction[number][place] = 1
        directions.append(direction)
        origin[number][place] = 0
    return Plane(variables, origin, directions)


def weight_labels(names: Sequence[WeightName]) -> tuple[str, ...]:
    """Write the names of weights as text.

    Example:
        >>> weight_labels([("logits/kernel", 27, 3)])
        ('logits/kernel[27, 3]',)
    """
    return tuple(f"{path}[{', '.join(map(str, place))}]" for path, *place in names)


def find_weight(model: Any, name: WeightName) -> tuple[Any, tuple[int, ...]]:
    """Find a single number among the weights of a model.

    Args:
        model: A built `keras.Model`.
        name: The path of the weight, or the end of the path, and the place of the number in it.

    Returns:
        The `keras.Variable`, and the place as whole numbers of 0 or more.

    Raises:
        ArgumentError: There is no such weight or place.
    """
    floating = [variable for variable in model.weights if is_floating(variable)]
    path, place = (name[0], name[1:]) if isinstance(name, tuple) and name else (name, ())
    found = [v for v in floating if v.path == path] or [
        v for v in floating if v.path.endswith(f"/{path}")
    ]
    if len(found) > 1:
        raise ArgumentError(
            "The path of a weight must be that of a single weight. Received: "
            f"{path!r}, of {len(found)} weights. Pass a longer path such as {found[0].path!r}; of "
            "a committee, pass a member, committee.members[0]."
        )
    if not found:
        known = [variable.path for variable in floating]
        raise ArgumentError(
            'A weight must be a path and a place, such as ("logits/kernel", 350, 3). Received: '
            f"{name!r}{did_you_mean(str(path), known)} The weights of this model are "
            f"{', '.join(f'{v.path} {tuple(v.shape)}' for v in floating):.500}."
        )
    shape = tuple(found[0].shape)
    try:
        number = np.ravel_multi_index(tuple(place), shape)
    except (ValueError, TypeError) as error:
        raise ArgumentError(
            f"The place of a weight in {path} must be {len(shape)} whole numbers below {shape}. "
            f"Received: {place!r}. Pass a tuple such as {(path, *(side // 2 for side in shape))}."
        ) from error
    return found[0], tuple(int(k) for k in np.unravel_index(number, shape))


def value_of(model: Any, name: WeightName) -> float:
    """Give the present value of a single weight; see `find_weight`."""
    variable, place = find_weight(model, name)
    return float(convert_to_numpy(variable.value)[place])


def member_line(first: Sequence[np.ndarray], other: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Give the direction from the weights of a model to the weights of another model."""
    return [b - a for a, b in zip(first, other, strict=True)]


def through_points(
    variables: Sequence[Any], points: Sequence[Sequence[np.ndarray]]
) -> tuple[Plane, np.ndarray]:
    """Span the plane through three points, with two directions of length 1 at a right angle.

    The first direction leads from the first point to the second (Garipov et al., 2018).

    Args:
        variables: The weights that move.
        points: Three points, an array for each variable.

    Returns:
        The plane with its origin at the first point, and the coordinates of the three points,
        float64 [3, 2].

    Raises:
        ArgumentError: The points lie on a line.
    """
    first, second, third = points
    u, v = member_line(first, second), member_line(first, third)
    width = np.sqrt(_product(u, u))
    along = _product(u, v) / width if width else 0.0
    height = np.sqrt(max(_product(v, v) - along**2, 0.0))
    if not width or height < 1e-6 * width:
        raise ArgumentError(
            "through must be three members whose weights do not lie on a line. Received: members "
            "with the same weights, or a member between the two others. Name other members."
        )
    u = [a / width for a in u]
    v = [(b - along * a) / height for a, b in zip(u, v, strict=True)]
    plane = Plane(
        variables,
        first,
        [[a.astype(w.dtype) for a, w in zip(axis, first, strict=True)] for axis in (u, v)],
    )
    return plane, np.array([[0, 0], [width, 0], [along, height]])


def _product(a: Sequence[np.ndarray], b: Sequence[np.ndarray]) -> float:
    """Give the scalar product of two lists of arrays."""
    return float(
        sum(np.vdot(x.astype("float64"), y.astype("float64")) for x, y in zip(a, b, strict=True))
    )
