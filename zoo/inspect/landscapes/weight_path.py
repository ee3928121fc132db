"""The path of the weights in a training: a callback that records it, and the plane that fits it."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from zoo.arguments import whole_number
from zoo.errors import ArgumentError
from zoo.inspect.landscapes.planes import Plane, current_values

_COLUMNS = 2**18
"""How many weights are converted to float64 at a time: 2 MiB for each point of the path."""


class WeightPath(keras.callbacks.Callback):
    """A callback that records the weights of a model, from the first weights to the last.

    A run folder keeps the state of its last epoch alone. So pass this callback to `fit`, and then
    the path to `zoo.inspect.landscape(model, data, path=…)`. The path of a committee has the paths
    of all members: choose a member by its model. All weights that can be trained are copied at each
    record, which takes 4 bytes a weight.

    Args:
        every: The number of epochs from a record to the next.

    Attributes:
        epochs: The number of epochs before each record; the last training's end is recorded too.

    Raises:
        ArgumentError: `every` is no whole number of 1 or more.

    Example:
        >>> import zoo
        >>> from zoo.ensembles import Committee
        >>> data = zoo.datasets.load("digits")
        >>> committee, path = Committee(["softmax"]), zoo.inspect.WeightPath()
        >>> history = committee.fit(data.train, epochs=3, callbacks=[path], verbose=0)
        >>> path.epochs
        [0, 1, 2, 3]
    """

    def __init__(self, every: int = 1) -> None:
        super().__init__()
        self.every = whole_number("every", every, 1)
        self.epochs: list[int] = []
        self._variables: list[Any] = []
        self._records: list[list[np.ndarray]] = []

    def on_train_begin(self, logs: Any = None) -> None:
        """Record the weights before the first epoch."""
        if not self._variables:
            # Frozen weights too, which may learn later.
            self._variables = [
                variable
                for layer in self.model._flatten_layers()
                for variable in layer._trainable_variables
            ]
        if not self._records:
            self._record(0)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Record the weights after every so many epochs."""
        if (epoch + 1) % self.every == 0:
            self._record(epoch + 1)

    def on_train_end(self, logs: Any = None) -> None:
        """Record the weights that are kept, which may be those of an earlier epoch."""
        last = self._records[-1]
        if any((a != b).any() for a, b in zip(last, current_values(self._variables), strict=True)):
            self._record(self.epochs[-1])

    def weights_of(self, model: Any) -> tuple[list[Any], list[list[np.ndarray]]]:
        """Give the path of a model's weights, without records that repeat the record before.

        Args:
            model: The model that was trained, or a part of it, such as a member of a committee.

        Returns:
            The variables, and for each record an array for each variable.

        Raises:
            ArgumentError: The weights of this model were not recorded.
        """
        own = {id(variable) for variable in model.trainable_variables}
        chosen = [k for k, variable in enumerate(self._variables) if id(variable) in own]
        if not chosen:
            raise ArgumentError(
                "path must have recorded the weights of the model. Received: a path with "
                f"{len(self.epochs)} records, none of this model. Pass it to fit, in callbacks=, "
                "before you draw the landscape of the same model."
            )
        records: list[list[np.ndarray]] = []
        for record in self._records:
            values = [record[k] for k in chosen]
            if not records or any((a != b).any() for a, b in zip(values, records[-1], strict=True)):
                records.append(values)
        return [self._variables[k] for k in chosen], records

    def _record(self, epoch: int) -> None:
        self.epochs.append(epoch)
        self._records.append(current_values(self._variables))


def path_plane(
    variables: Sequence[Any], records: Sequence[Sequence[np.ndarray]]
) -> tuple[Plane, np.ndarray, np.ndarray]:
    """Span the plane of a path: through its end, along its first two principal components.

    The components are those of a principal component analysis of the recorded weights (Li et al.,
    2018). So the end of the path lies in the plane, and the other points are projected.

    Args:
        variables: The weights that move.
        records: Three points of the path or more, an array for each variable.

    Returns:
        The plane; the coordinates of the path, float64 [records, 2]; and the share of the path's
        variance along the two axes, float64 [2].

    Raises:
        ArgumentError: The path has fewer than three different points, or is a straight line.
    """
    if len(records) < 3:
        raise ArgumentError(
            "path must have three different points or more, which span a plane. Received: "
            f"{len(records)}. Train for more epochs, or record with a smaller every=."
        )
    shifted = [
        np.stack([record[k].ravel() for record in records]) - records[-1][k].ravel()
        for k in range(len(variables))
    ]
    # Scalar products of the points, seen from the end: float64 [records, records].
    products = sum(_products(part) for part in shifted)
    count = len(records)
    centring = np.eye(count) - 1 / count
    values, vectors = np.linalg.eigh(centring @ products @ centring)
    values, vectors = values[::-1].clip(0), vectors[:, ::-1]
    if values[1] < 1e-12 * values[0]:
        raise ArgumentError(
            "path must turn somewhere, so that it spans a plane. Received: a straight line. Train "
            "for more epochs, or record with a smaller every=."
        )
    # A component is a mixture of centred points, here with the length 1.
    mixtures = centring @ vectors[:, :2] / np.sqrt(values[:2])
    coordinates = products @ mixtures
    mixtures *= np.where(coordinates[0] > 0, -1, 1)  # the path begins at the lower left
    coordinates = products @ mixtures
    directions = [
        [
            (mixtures[:, axis].astype(part.dtype) @ part).reshape(variable.shape)
            for part, variable in zip(shifted, variables, strict=True)
        ]
        for axis in range(2)
    ]
    return Plane(variables, records[-1], directions), coordinates, values[:2] / values.sum()


def _products(part: np.ndarray) -> np.ndarray:
    """Give the scalar products of the rows, float64 [rows, rows]."""
    total = np.zeros((len(part), len(part)))
    for start in range(0, part.shape[1], _COLUMNS):
        columns = part[:, start : start + _COLUMNS].astype("float64")
        total += columns @ columns.T
    return total
