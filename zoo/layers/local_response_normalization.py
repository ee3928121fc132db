"""Local response normalisation."""

from typing import Any

import keras
from keras import ops

from zoo.arguments import whole_number
from zoo.errors import ArgumentError
from zoo.layers.registration import register_layer


@register_layer((7, 7, 2))
class LocalResponseNormalization(keras.layers.Layer):
    """Divide each value by a power of the sum of squares of the channels around it.

    `y[c] = x[c] / (bias + alpha * sum(x[j]**2 for |j - c| <= depth_radius)) ** beta`

    The defaults are the constants of the paper (Krizhevsky, Sutskever, Hinton, 2012, section 3.3).
    The layer uses plain array operations, since TensorFlow's own kernel has no float64.

    Args:
        depth_radius: How many channels on each side are in the sum.
        bias: A constant above 0, so that the divisor is never zero.
        alpha: Weight of the squares.
        beta: The exponent.

    Raises:
        ArgumentError: `depth_radius` or `bias` is out of its range.

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
        if not bias > 0:
            raise ArgumentError(f"bias must be above 0. Received: {bias!r}. The default is 2.")
        self.depth_radius = whole_number("depth_radius", depth_radius, 0)
        self.bias = bias
        self.alpha = alpha
        self.beta = beta
        self.supports_masking = True
        self.built = True

    def call(self, inputs: Any) -> Any:
        """Normalise inputs [batch, height, width, channels]."""
        channels = inputs.shape[-1]
        r = self.depth_radius
        squares = ops.pad(ops.square(inputs), [(0, 0), (0, 0), (0, 0), (r, r)])
        sums = sum(squares[..., i : i + channels] for i in range(2 * r + 1))
        return inputs * ops.power(self.bias + self.alpha * sums, -self.beta)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Give the shape of the output, which is the shape of the input."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Give the arguments of the constructor."""
        return {
            **super().get_config(),
            "depth_radius": self.depth_radius,
            "bias": self.bias,
            "alpha": self.alpha,
            "beta": self.beta,
        }
