"""Local response normalisation."""

from typing import Any

import keras
from keras import ops

from zoo.errors import ArgumentError


@keras.saving.register_keras_serializable(package="zoo")
class LocalResponseNormalization(keras.layers.Layer):
    """Divide each value by what its neighbouring channels show at the same place.

    `y[c] = x[c] / (bias + alpha * sum(x[j]**2 for |j - c| <= depth_radius)) ** beta`

    with the constants of the paper as defaults (Krizhevsky, Sutskever, Hinton, 2012, section
    3.3). Written in plain array operations, since TensorFlow's own kernel has no float64.

    Args:
        depth_radius: Channels on each side that count.
        bias: The constant that keeps the divisor from zero.
        alpha: Weight of the squares.
        beta: The exponent.

    Input and output: [batch, height, width, channels].

    Example:
        >>> import numpy as np
        >>> LocalResponseNormalization()(np.ones((1, 2, 2, 8), "float32")).shape
        TensorShape([1, 2, 2, 8])
    """

    def __init__(
        self,
        depth_radius: int = 2,
        bias: float = 2.0,
        alpha: float = 1e-4,
        beta: float = 0.75,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not isinstance(depth_radius, int) or depth_radius < 0 or bias <= 0:
            raise ArgumentError(
                "depth_radius is a whole number of 0 or more and bias above 0. "
                f"Received: depth_radius={depth_radius}, bias={bias}"
            )
        self.depth_radius = depth_radius
        self.bias = bias
        self.alpha = alpha
        self.beta = beta
        self.supports_masking = True
        self.built = True

    def call(self, inputs: Any) -> Any:
        """Normalise [batch, height, width, channels]."""
        channels = inputs.shape[-1]
        r = self.depth_radius
        squares = ops.pad(ops.square(inputs), [(0, 0), (0, 0), (0, 0), (r, r)])
        sums = sum(squares[..., i : i + channels] for i in range(2 * r + 1))
        return inputs * ops.power(self.bias + self.alpha * sums, -self.beta)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """The same shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "depth_radius": self.depth_radius,
            "bias": self.bias,
            "alpha": self.alpha,
            "beta": self.beta,
        }
