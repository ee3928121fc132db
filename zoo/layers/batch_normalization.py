"""Batch normalisation, with its gradient by hand."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import keras
import tensorflow as tf
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


CHANNELS_AT_ONCE, HALF_PRECISION_AT_ONCE = 4, 16
"""TensorFlow's kernels on a CPU are fast for multiples of 4 channels in float32, and of 16 in half
precision. For other numbers of channels they take 3 to 30 times as long as Keras's products."""


@lru_cache
def feature_map_normalizer(epsilon: float) -> Callable[..., Any]:
    """Make the function of `batch_normalizer` for feature maps, by the kernels of TensorFlow.

    The kernels compute the same formulas in two passes over memory instead of one for each product
    and sum, which took 4 to 8 times as long on a CPU.

    Args:
        epsilon: ε, a small number that is added to the variance.

    Returns:
        A function of x [batch, height, width, channels], of float32, bfloat16 or float16, and gamma
        and beta, float32 [channels]. It returns y in the dtype of x, and mean and variance, float32
        [channels], which are only to be looked at: no gradient flows back through them.

    Example:
        >>> x = tf.reshape(tf.range(8.0), (2, 2, 2, 1))
        >>> y, mean, variance = feature_map_normalizer(1e-3)(x, tf.ones(1), tf.zeros(1))
        >>> y.shape, float(mean[0]), round(float(variance[0]), 4)
        (TensorShape([2, 2, 2, 1]), 3.5, 5.25)
    """
    options = {"epsilon": epsilon, "is_training": True, "data_format": "NHWC"}

    @tf.custom_gradient
    def normalize(x: Any, gamma: Any, beta: Any) -> Any:
        none = tf.zeros([0])
        y, mean, variance, *kept = tf.raw_ops.FusedBatchNormV3(
            x=x, scale=gamma, offset=beta, mean=none, variance=none, **options
        )

        def backward(d_y: Any, *_: Any) -> tuple[Any, Any, Any]:
            d_x, d_gamma, d_beta, *_ = tf.raw_ops.FusedBatchNormGradV3(
                y_backprop=d_y, x=x, scale=gamma, reserve_space_1=kept[0], reserve_space_2=kept[1],
                reserve_space_3=kept[2], **options,
            )  # fmt: skip
            return d_x, d_gamma, d_beta

        # The kernel divides the sum of squares by n - 1; for n = 1 by 1.
        n = tf.cast(tf.size(x) // tf.size(mean), "float32")
        return (y, mean, variance * (tf.maximum(n - 1, 1) / n)), backward

    return normalize


def fits_kernels(layer: Any, x: Any, mask: Any) -> bool:
    """Tell whether `feature_map_normalizer` computes a layer's training on inputs `x` faster."""
    return (
        len(x.shape) == 4
        and layer.axis in (-1, 3)
        and mask is None
        and layer.compute_dtype != "float64"
        and x.shape[-1] % CHANNELS_AT_ONCE == 0
    )


def normalize_feature_maps(layer: Any, x: Any) -> Any:
    """Normalise feature maps by their own moments, which the layer's moving moments follow.

    Args:
        layer: A built batch normalisation of Keras or of `zoo.layers`.
        x: [batch, height, width, channels].

    Returns:
        The same shape, in the layer's compute dtype.
    """
    channels = layer.moving_mean.shape
    gamma = tf.cast(layer.gamma, "float32") if layer.scale else tf.ones(channels)
    beta = tf.cast(layer.beta, "float32") if layer.center else tf.zeros(channels)
    is_fast_in_half = channels[0] % HALF_PRECISION_AT_ONCE == 0
    dtype = layer.compute_dtype if is_fast_in_half else "float32"
    y, *moments = feature_map_normalizer(layer.epsilon)(tf.cast(x, dtype), gamma, beta)
    follow(layer, moments)
    return tf.cast(y, layer.compute_dtype)


def follow(layer: Any, moments: Any) -> None:
    """Let the moving moments of a layer follow the moments of a batch."""
    for moving, now in zip((layer.moving_mean, layer.moving_variance), moments, strict=True):
        new = ops.cast(ops.reshape(now, moving.shape), moving.dtype)
        moving.assign(moving * layer.momentum + new * (1 - layer.momentum))


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
        if training and self.trainable and fits_kernels(self, inputs, mask):
            return normalize_feature_maps(self, inputs)
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
            follow(self, moments)
        else:
            y = fixed_normalizer(axes, self.epsilon)(x, gamma, beta, *moments)
        return ops.cast(y, self.compute_dtype)


def _weights_of(mask: Any, x: Any, axes: tuple[int, ...]) -> Any:
    """Compute the weight of each element under a mask, of the shape of x."""
    kept = ops.broadcast_to(ops.expand_dims(ops.cast(mask, x.dtype), -1), ops.shape(x))
    return kept / (ops.sum(kept, axis=axes, keepdims=True) + keras.config.epsilon())
