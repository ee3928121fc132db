"""The dense layer, with its gradient by hand."""

from typing import Any

import keras
import tensorflow as tf
from keras import ops

from zoo.errors import ArgumentError
from zoo.layers.activations import handwritten
from zoo.layers.registration import register_layer


@ops.custom_gradient
def linear(x: Any, kernel: Any) -> Any:
    """Multiply by a matrix, `Y = X K`.

    Backward, with the upstream gradient dY: `dX = dY Kᵀ` and `dK = Xᵀ dY`, where all axes of X
    except the last are joined into one axis.

    Args:
        x: [..., inputs].
        kernel: [inputs, units].

    Returns:
        [..., units].
    """

    def backward(upstream: Any) -> tuple[Any, Any]:
        if len(x.shape) == 2:
            rows, d_rows = x, upstream
        else:
            rows = tf.reshape(x, [-1, kernel.shape[0]])
            d_rows = tf.reshape(upstream, [-1, kernel.shape[1]])
        d_x = tf.reshape(tf.matmul(d_rows, kernel, transpose_b=True), tf.shape(x))
        return d_x, tf.matmul(rows, d_rows, transpose_a=True)

    return tf.tensordot(x, kernel, axes=1), backward


@ops.custom_gradient
def sparse_linear(values: Any, kernel: Any, indices: Any, shape: Any) -> Any:
    """Multiply a sparse matrix X by a matrix, `Y = X K`.

    Backward, with the upstream gradient dY: `dK = Xᵀ dY`. `dY Kᵀ` is computed only where X holds a
    value: `d_values = Σ_u dY[row, u] K[column, u]`.

    Args:
        values: The values of X, [values].
        kernel: [inputs, units].
        indices: Row and column of each value, [values, 2].
        shape: Shape of X, (rows, inputs).

    Returns:
        [rows, units].
    """
    # TensorFlow's kernel adds in the dtype of the inputs, and a sum in bfloat16 stops at 256.
    wide = tf.float64 if kernel.dtype == tf.float64 else tf.float32
    x, wide_kernel = tf.SparseTensor(indices, tf.cast(values, wide), shape), tf.cast(kernel, wide)

    def backward(upstream: Any) -> tuple[Any, Any, None, None]:
        d_y = tf.cast(upstream, wide)
        terms = tf.gather(d_y, indices[:, 0]) * tf.gather(wide_kernel, indices[:, 1])
        d_values = tf.cast(tf.reduce_sum(terms, axis=1), values.dtype)
        d_kernel = tf.sparse.sparse_dense_matmul(x, d_y, adjoint_a=True)
        return d_values, tf.cast(d_kernel, kernel.dtype), None, None

    return tf.cast(tf.sparse.sparse_dense_matmul(x, wide_kernel), kernel.dtype), backward


@ops.custom_gradient
def add_bias(x: Any, bias: Any) -> Any:
    """Add a vector to every row, `Y = X + b`.

    Backward: `dX = dY`, and `db` is the sum of dY over all axes except the last. In half precision
    the sum is computed in float32, since a long sum would stop growing (2048 + 1 is 2048 in
    float16).

    Args:
        x: [..., units].
        bias: [units].

    Returns:
        [..., units].
    """

    def backward(upstream: Any) -> tuple[Any, Any]:
        half = upstream.dtype in (tf.float16, tf.bfloat16)
        terms = tf.cast(upstream, tf.float32) if half else upstream
        total = tf.reduce_sum(terms, axis=list(range(len(upstream.shape) - 1)))
        return upstream, tf.cast(total, upstream.dtype)

    return x + bias, backward


@register_layer((6,), units=4)
class Dense(keras.layers.Dense):
    """`keras.layers.Dense` with its gradient by hand: `Y = f(X K + b)`.

    Forward, for inputs X [batch, inputs], kernel K [inputs, units] and bias b [units]:
    `Z = X K + b`, `Y = f(Z)`. Backward, from the upstream gradient dY [batch, units]:

    - `dZ = dY ⊙ f'(Z)`, which the activation computes;
    - `dX = dZ Kᵀ` [batch, inputs];
    - `dK = Xᵀ dZ` [inputs, units];
    - `db = Σ dZ` over the batch [units].

    (Rumelhart, Hinton, Williams, 1986.) Inputs of rank above 2 count as one long batch. Sparse
    inputs must have rank 2, as in Keras, and get a gradient where they hold a value. Arguments,
    weights, masks and dtypes are those of `keras.layers.Dense`. The layer cannot be quantised:
    move its weights to `keras.layers.Dense` with `set_weights` for that. Activations other than
    linear, relu, sigmoid, tanh, silu, gelu and softmax have the gradient that TensorFlow derives.

    Example:
        >>> import numpy as np
        >>> Dense(3)(np.ones((2, 5), "float32")).shape
        TensorShape([2, 3])
    """

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Compute `f(X K + b)` for inputs [batch, …, inputs]."""
        kernel = tf.convert_to_tensor(self.kernel)
        if isinstance(inputs, tf.SparseTensor):
            if len(inputs.shape) != 2:
                raise ArgumentError(
                    "Sparse inputs must have the shape [batch, inputs]. "
                    f"Received: inputs.shape={inputs.shape}. Reshape the inputs "
                    "(tf.sparse.reshape), or make them dense (tf.sparse.to_dense)."
                )
            x = sparse_linear(inputs.values, kernel, inputs.indices, inputs.dense_shape)
            x = tf.ensure_shape(x, [inputs.shape[0], self.units])
        else:
            x = linear(inputs, kernel)
        if self.bias is not None:
            x = add_bias(x, tf.convert_to_tensor(self.bias))
        return handwritten(self.activation)(x)
