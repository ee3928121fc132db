"""Copies of one architecture as one wide model: few large products in the place of many small ones.

Every weight of the copies is laid side by side along its last axis. So the first dense layer of m
copies is one product `X [K₁ … K_m]` of the shared images with all kernels, and the ones after it
are batched products, copy by copy. Other layers work on each unit by itself and need not know.
"""

import itertools
import json
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

ACTIVATIONS = (
    *("linear", "relu", "relu6", "leaky_relu", "elu", "selu", "gelu", "celu", "silu", "mish"),
    *("sigmoid", "hard_sigmoid", "hard_silu", "tanh", "softplus", "softsign", "exponential"),
)
"""Those that work on each number by itself."""

OPTIMIZERS = (
    *("SGD", "Adam", "AdamW", "Adamax", "Nadam", "RMSprop", "Adagrad", "Adadelta", "Ftrl", "Lion"),
)
"""Those that work on each weight by itself, but for clipping by norms."""


class Stack:
    """Models of one architecture, run as one.

    Args:
        models: Built Keras models that agree in their `architecture`, two or more.
        optimizers: Their built optimisers, of the same settings; none for inference only.
    """

    def __init__(self, models: Sequence[Any], optimizers: Sequence[Any] = ()) -> None:
        self._count = len(models)
        self._layers: list[Callable[..., Any]] = []
        shared, x = True, keras.KerasTensor(models[0].inputs[0].shape)
        for parts in zip(*(model.layers for model in models), strict=True):
            if isinstance(parts[0], layers.InputLayer):
                continue
            layer = _widened(parts, shared=shared)
            shared = shared and not parts[0].weights
            x = layer(x, training=False)
            self._layers.append(layer)
        wide = [w for layer in self._layers for w in getattr(layer, "weights", [])]
        self._pairs = list(
            zip(wide, zip(*(model.weights for model in models), strict=True), strict=True)
        )
        self.trainable_variables = [w for w, _ in self._pairs if w.trainable]
        self._penalties = [
            (w, parts[0].regularizer) for w, parts in self._pairs if parts[0].regularizer
        ]
        self.optimizer: Any = None
        if optimizers:
            first = optimizers[0]
            self.optimizer = type(first).from_config(first.get_config())
            self.optimizer.build(self.trainable_variables)
            theirs = zip(*(optimizer.variables for optimizer in optimizers), strict=True)
            self._pairs += zip(self.optimizer.variables, theirs, strict=True)

    def __call__(self, images: Any, *, training: bool) -> tuple[Any, Any]:
        """Probabilities [models, batch, classes], and what regularisers add to the losses [models].

        Args:
            images: float32 [batch, height, width, channels].
            training: Training or inference.
        """
        x = images
        for layer in self._layers:
            x = layer(x, training=training)
        classes = x.shape[-1] // self._count
        outputs = tf.transpose(tf.reshape(x, [-1, self._count, classes]), [1, 0, 2])
        penalties = tf.zeros([self._count], outputs.dtype)
        for weights, regularizer in self._penalties:
            penalties += tf.cast(self._penalty(weights, regularizer), outputs.dtype)
        return outputs, penalties

    def load(self) -> None:
        """Take over the weights and optimisers of the models."""
        for wide, parts in self._pairs:
            one = parts[0].shape == wide.shape  # such as the number of iterations
            wide.assign(parts[0].value if one else tf.concat([p.value for p in parts], axis=-1))

    def store(self) -> None:
        """Give weights and optimisers back to the models."""
        for wide, parts in self._pairs:
            one = parts[0].shape == wide.shape
            values = [wide.value] * self._count if one else tf.split(wide.value, self._count, -1)
            for part, value in zip(parts, values, strict=True):
                part.assign(value)

    def _penalty(self, weights: Any, regularizer: Any) -> Any:
        """The regulariser of each model's part, [models]."""
        # Rounded to float32, as Keras does it.
        l1, l2 = (float(np.float32(getattr(regularizer, name, 0))) for name in ("l1", "l2"))
        columns = elastic_net(tf.reshape(weights.value, [-1, weights.shape[-1]]), l1, l2)
        return tf.reduce_sum(tf.reshape(columns, [self._count, -1]), axis=1)


def elastic_net(weights: Any, l1: float, l2: float) -> Any:
    """`Σ l1 |w| + l2 w²` of each column (Zou and Hastie, 2005).

    Its gradient by hand, `l1 sign(w) + 2 l2 w`, passes over the weights half as often as
    TensorFlow's; that is what it costs, for weights that no cache holds.

    Args:
        weights: [rows, columns].
        l1: Weight of the absolute values.
        l2: Weight of the squares.

    Returns:
        [columns].

    Example:
        >>> elastic_net(tf.constant([[1.0, -2.0], [1.0, 0.0]]), 1.0, 10.0).numpy().tolist()
        [22.0, 42.0]
    """

    @tf.custom_gradient
    def penalty(w: Any) -> Any:
        def backward(upstream: Any) -> Any:
            slopes = [tf.sign(w) * (l1 * upstream)] if l1 else []
            slopes += [w * (2 * l2 * upstream)] if l2 else []
            return sum(slopes, start=tf.zeros([], w.dtype))

        terms = [l1 * tf.reduce_sum(tf.abs(w), axis=0)] if l1 else []
        terms += [l2 * tf.reduce_sum(tf.square(w), axis=0)] if l2 else []
        return sum(terms, start=tf.zeros([w.shape[1]], w.dtype)), backward

    return penalty(weights)


def architecture(model: Any) -> str | None:
    """What models must agree in to be stacked.

    Args:
        model: A built Keras model.

    Returns:
        A text that is equal for models of the same layers, or None for a model that cannot be
        stacked: one that is no chain of layers that are known here.

    Example:
        >>> import zoo
        >>> a, b = (zoo.build("lasso_mlp", seed=seed) for seed in (0, 1))
        >>> architecture(a) == architecture(b), architecture(zoo.build("cnn"))
        (True, None)
    """
    if not _is_chain(model):
        return None
    shared, described = True, []
    for layer in model.layers:
        if not _is_known(layer, shared=shared):
            return None
        shared = shared and not layer.weights
        config = {
            key: value
            for key, value in layer.get_config().items()
            if key not in ("name", "seed") and not key.endswith("_initializer")
        }
        described.append([type(layer).__name__, config])
    return None if shared else json.dumps(described, sort_keys=True, default=str)


def settings(optimizer: Any) -> str | None:
    """What optimisers must agree in; None for those that look at more than one weight at a time."""
    config = optimizer.get_config()
    if type(optimizer).__name__ not in OPTIMIZERS or config.get("clipnorm"):
        return None
    if config.get("global_clipnorm"):
        return None
    config.pop("name")
    return json.dumps([type(optimizer).__name__, config], sort_keys=True, default=str)


def _is_chain(model: Any) -> bool:
    if not type(model).__module__.startswith("keras."):
        return False  # it may compute what its layers do not tell
    parts = model.layers
    try:
        first = parts[0].output if isinstance(parts[0], layers.InputLayer) else parts[0].input
        ends = model.inputs == [first] and model.outputs == [parts[-1].output]
        return ends and all(b.input is a.output for a, b in itertools.pairwise(parts))
    except (AttributeError, ValueError):  # used twice, or not at all
        return False


def _is_known(layer: Any, *, shared: bool) -> bool:
    kind = type(layer)
    if layer.activity_regularizer or not all(map(_has_simple_penalty, layer.weights)):
        return False
    if kind in (layers.InputLayer, layers.Rescaling, layers.Flatten):
        return shared or kind is layers.Flatten
    if kind is layers.Dense:
        constrained = layer.kernel_constraint or layer.bias_constraint
        return not constrained and not layer.lora_enabled and _is_elementwise(layer.activation)
    if kind is layers.Activation:
        return _is_elementwise(layer.activation)
    if kind is layers.BatchNormalization:
        free = not (layer.beta_constraint or layer.gamma_constraint or layer.synchronized)
        return not shared and free and layer.axis in (-1, 1) and not layer.renorm
    if kind is layers.Softmax:
        return not shared and layer.axis == -1
    return kind in (layers.ReLU, layers.LeakyReLU, layers.ELU) or (
        kind is layers.Dropout and not shared
    )


def _has_simple_penalty(weight: Any) -> bool:
    kinds = (keras.regularizers.L1, keras.regularizers.L2, keras.regularizers.L1L2)
    return weight.regularizer is None or type(weight.regularizer) in kinds


def _is_elementwise(activation: Any) -> bool:
    return activation in [getattr(keras.activations, name) for name in ACTIVATIONS]


def _widened(parts: Sequence[Any], *, shared: bool) -> Any:
    """The layer that does for all what each of the parts does for one."""
    layer, count = parts[0], len(parts)
    kind = type(layer)
    if kind is layers.Dropout:
        return Dropouts(parts)
    if kind is layers.Softmax:
        return SoftmaxOfEach(count, dtype=layer.dtype_policy)
    config: dict[str, Any] = {
        key: None if key.endswith("_regularizer") else value
        for key, value in layer.get_config().items()
        if key != "name"
    }
    if kind is layers.Dense:
        config["units"] *= count
        config["kernel_initializer"] = "zeros"  # which draws nothing
        return layers.Dense(**config) if shared else BatchedDense(count, **config)
    return kind.from_config(config)


class BatchedDense(layers.Dense):
    """A dense layer for each copy: [batch, copies · inputs] to [batch, copies · units]."""

    def __init__(self, copies: int, **config: Any) -> None:
        super().__init__(**config)
        self._copies = copies

    def build(self, input_shape: Any) -> None:
        """Make the kernels, side by side."""
        super().build((None, input_shape[-1] // self._copies))
        self.input_spec = None

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """One batched product."""
        x, kernel = (self._by_copy(part) for part in (inputs, self.kernel))
        y = tf.reshape(tf.transpose(tf.matmul(x, kernel), [1, 0, 2]), [-1, self.units])
        y = y if self.bias is None else y + self.bias
        return self.activation(y)

    def _by_copy(self, x: Any) -> Any:
        """[rows, copies · columns] to [copies, rows, columns]."""
        return tf.transpose(
            tf.reshape(x, [-1, self._copies, x.shape[-1] // self._copies]), [1, 0, 2]
        )


class SoftmaxOfEach(layers.Layer):
    """Softmax of each copy's part."""

    def __init__(self, copies: int, **config: Any) -> None:
        super().__init__(**config)
        self._copies = copies

    def call(self, inputs: Any) -> Any:
        """Probabilities, copy by copy."""
        parts = tf.reshape(inputs, [-1, self._copies, inputs.shape[-1] // self._copies])
        return tf.reshape(tf.nn.softmax(parts), tf.shape(inputs))

    def compute_output_shape(self, shape: Any) -> Any:
        """That of the inputs."""
        return shape


class Dropouts:
    """Each copy's own dropout, so that it draws what it draws alone."""

    def __init__(self, parts: Sequence[Any]) -> None:
        self._parts = parts

    def __call__(self, x: Any, *, training: bool) -> Any:
        """`x` [batch, copies · units] with some of it dropped."""
        if not training:
            return x
        split = tf.split(x, len(self._parts), axis=-1)
        drawn = [part(y, training=True) for part, y in zip(self._parts, split, strict=True)]
        return tf.concat(drawn, axis=-1)
