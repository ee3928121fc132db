"""Batch normalisation, with its gradient by hand."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import keras
from keras import ops

from zoo.errors import ArgumentError
from zoo.layers.registration import register_layer


@lru_cache
def batch_normalizer(axes: tuple[int, ...], epsilon: float) -> Callable[..., Any]:
    """Make the normalisation by the moments of the batch itself, and its gradient.

    Each element has a weight w: 1/n, or 0 where a mask leaves the element out.

        μ = Σ w X,  σ² = Σ w (X − μ)²,  r = (σ² + ε)^(−½),  Y = γ (X − μ) r + β

    The sums are over `axes`. The backward pass starts from dY, and from dμ and dσ² where the
    moments themselves are used:

        dβ = Σ dY,  dγ = r Σ dY (X − μ)
        dσ² ← dσ² − ½ γ r² dγ
        dμ ← dμ − γ r dβ − 2 dσ² Σ w (X − μ)
        dX = γ r dY + w (dμ + 2 (X − μ) dσ²)

    For w = 1/n and no other use of the moments this is `dX = γ r (dY − dβ/n − X̂ dγ/n)` with
    `X̂ = (X − μ) r` (Ioffe and Szegedy, 2015).

    Args:
        axes: The axes over which the moments are computed.
        epsilon: ε, a small number that is added to the variance.

    Returns:
        A function of x, gamma, beta and optionally w, all of the rank of x, which returns y, mean
        and variance.
    """

    def total(values: Any) -> Any:
        return ops.sum(values, axis=axes, keepdims=True)

    @ops.custom_gradient
    def normalize(x: Any, gamma: Any, beta: Any, *w: Any) -> Any:
        def mean_of(values: Any) -> Any:
            return total(w[0] * values) if w else ops.mean(values, axis=axes, keepdims=True)

        mean = mean_of(x)
        centred = x - mean
        variance = mean_of(ops.square(centred))
        r = ops.rsqrt(variance + epsilon)

        def backward(d_y: Any, d_mean: Any, d_variance: Any) -> tuple[Any, ...]:
            d_beta = total(d_y)
            d_gamma = r * total(d_y * centred)
            d_variance = d_variance - 0.5 * gamma * ops.square(r) * d_gamma
            d_mean = d_mean - gamma * r * d_beta - 2 * d_variance * mean_of(centred)
            if not w:
                n = ops.cast(ops.size(x) / ops.size(mean), x.dtype)
                d_x = gamma * r * d_y + d_mean / n + centred * (2 / n * d_variance)
                return d_x, d_gamma, d_beta
            d_x = gamma * r * d_y + w[0] * (d_mean + 2 * centred * d_variance)
            return d_x, d_gamma, d_beta, x * d_mean + ops.square(centred) * d_variance

        return (centred * (r * gamma) + beta, mean, variance), backward

    return normalize


@lru_cache
def fixed_normalizer(axes: tuple[int, ...], epsilon: float) -> Callable[..., Any]:
    """Make the normalisation by given moments, which inference uses, and its gradient.

    `Y = γ (X − μ) r + β` with `r = (σ² + ε)^(−½)`; backward `dX = γ r dY`, `dβ = Σ dY`,
    `dγ = r Σ dY (X − μ)`, `dμ = −γ r dβ`, `dσ² = −½ γ r² dγ`, the sums over `axes`.

    Args:
        axes: The axes over which the moments were computed.
        epsilon: ε, a small number that is added to the variance.

    Returns:
        A function of x, gamma, beta, mean and variance, all of the rank of x, which returns y.
    """

    @ops.custom_gradient
    def normalize(x: Any, gamma: Any, beta: Any, mean: Any, variance: Any) -> Any:
        r = ops.rsqrt(variance + epsilon)
        centred = x - mean

        def backward(d_y: Any) -> tuple[Any, ...]:
            d_beta = ops.sum(d_y, axis=axes, keepdims=True)
            d_gamma = r * ops.sum(d_y * centred, axis=axes, keepdims=True)
            d_variance = -0.5 * gamma * ops.square(r) * d_gamma
            return gamma * r * d_y, d_gamma, d_beta, -gamma * r * d_beta, d_variance

        return centred * (r * gamma) + beta, backward

    return normalize


@register_layer((6,))
class BatchNormalization(keras.layers.BatchNormalization):
    """`keras.layers.BatchNormalization` with its gradient by hand.

    In training each channel is normalised by its mean μ and variance σ² over the batch and all
    other axes, n values each, and the moving moments follow. For X [batch, …, channels], γ and β
    [channels]:

        X̂ = (X − μ) / √(σ² + ε),   Y = γ X̂ + β

    Backward, from the upstream gradient dY of the shape of X, the sums over all axes but the
    channels':

        dβ = Σ dY,   dγ = Σ dY X̂,   dX = γ (dY − dβ / n − X̂ dγ / n) / √(σ² + ε)

    (Ioffe and Szegedy, 2015.) In inference the moving moments take the place of μ and σ². They are
    constants, so `dX = γ dY / √(σ² + ε)`. The docstring of `batch_normalizer` has the single steps
    and the effect of a mask. As in Keras, inputs in half precision are computed in float32.

    `renorm` and `synchronized` have no gradient by hand and raise an error.

    Raises:
        ArgumentError: `renorm=True` or `synchronized=True`.

    Example:
        >>> import numpy as np
        >>> x = np.random.default_rng(0).normal(5, 2, (64, 3)).astype("float32")
        >>> y = np.asarray(BatchNormalization()(x, training=True))
        >>> bool(abs(y.mean()) < 1e-5), bool(abs(y.std() - 1) < 1e-3)
        (True, True)
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for option in ("renorm", "synchronized"):
            if getattr(self, option, False):
                raise ArgumentError(
                    f"{option} must be False. Received: {option}=True has no gradient by hand. Use "
                    f"keras.layers.BatchNormalization, or leave {option} out."
                )

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Normalise inputs of any shape; the output has the layer's compute dtype."""
        if mask is not None and len(mask.shape) != len(inputs.shape) - 1:
            raise ArgumentError(
                "mask must have one dimension less than the inputs. "
                f"Received: mask.shape={mask.shape}, inputs.shape={inputs.shape}. "
                "Leave out the axis of the channels."
            )
        rank, axis = len(inputs.shape), self.axis % len(inputs.shape)
        axes = tuple(other for other in range(rank) if other != axis)
        dtype = "float64" if self.compute_dtype == "float64" else "float32"
        x = ops.cast(inputs, dtype)

        def channels(values: Any) -> Any:
            shape = [1] * rank
            shape[axis] = inputs.shape[axis]
            return ops.reshape(ops.cast(values, dtype), shape)

        moments = channels(self.moving_mean), channels(self.moving_variance)
        gamma = channels(self.gamma) if self.scale else ops.ones_like(moments[0])
        beta = channels(self.beta) if self.center else ops.zeros_like(moments[0])
        if training and self.trainable:
            weights = [] if mask is None else [_weights_of(mask, x, axes)]
            y, *moments = batch_normalizer(axes, self.epsilon)(x, gamma, beta, *weights)
            for moving, now in zip((self.moving_mean, self.moving_variance), moments, strict=True):
                new = ops.cast(ops.reshape(now, moving.shape), moving.dtype)
                moving.assign(moving * self.momentum + new * (1 - self.momentum))
        else:
            y = fixed_normalizer(axes, self.epsilon)(x, gamma, beta, *moments)
        return ops.cast(y, self.compute_dtype)


def _weights_of(mask: Any, x: Any, axes: tuple[int, ...]) -> Any:
    """Compute the weight of each element under a mask, of the shape of x."""
    kept = ops.broadcast_to(ops.expand_dims(ops.cast(mask, x.dtype), -1), ops.shape(x))
    return kept / (ops.sum(kept, axis=axes, keepdims=True) + keras.config.epsilon())
