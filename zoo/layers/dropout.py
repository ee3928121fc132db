"""Inverted dropout, with its gradient by hand."""

from typing import Any

import keras
from keras import ops

from zoo.layers.registration import register_layer


@ops.custom_gradient
def scale(x: Any, mask: Any) -> Any:
    """Multiply elementwise, `Y = X ⊙ M`; backward, `dX = dY ⊙ M` and `dM = dY ⊙ X`.

    Args:
        x: Any shape.
        mask: The same shape.

    Returns:
        The same shape.
    """
    return x * mask, lambda upstream: (upstream * mask, upstream * x)


@register_layer((6,), rate=0.5)
class Dropout(keras.layers.Dropout):
    """`keras.layers.Dropout` with its gradient by hand: `Y = X ⊙ M` in training.

    Each element of M is 0 with probability `rate`, else `1 / (1 − rate)`, so that Y has the
    expectation of X ("inverted" dropout; Srivastava et al., 2014). Backward: `dX = dY ⊙ M`
    with the same M. In inference, both passes return their input unchanged. The same seed draws
    the same mask as in Keras.

    Example:
        >>> import numpy as np
        >>> np.unique(Dropout(0.5, seed=0)(np.ones((8, 8), "float32"), training=True)).tolist()
        [0.0, 2.0]
    """

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Compute `X ⊙ M` in training, and X in inference."""
        if not training or self.rate == 0:
            return inputs
        mask = keras.random.dropout(
            ops.ones_like(inputs), self.rate, noise_shape=self.noise_shape, seed=self.seed_generator
        )
        return scale(inputs, mask)
