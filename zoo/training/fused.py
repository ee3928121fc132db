"""Models as one wide model: few large products in the place of many small ones.

Models that begin alike, up to their first dense layer, share what comes before it, and that layer
is one product `X [K₁ … K_m]` of the shared images with all kernels. After it, copies of one
architecture go on side by side: their weights lie along the last axis, dense layers are batched
products, copy by copy, and other layers work on each unit by itself and need not know.
"""

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from zoo.training.fusible import architecture


class Stack:
    """Models that begin alike, run as one.

    Args:
        models: Built Keras models that agree in their `head`, two or more; those that agree in
            their `architecture` one after another.
        optimizers: Their built optimisers, of the same settings; none for inference only.
    """

    def __init__(self, models: Sequence[Any], optimizers: Sequence[Any] = ()) -> None:
        self._models = models
        start = next(place for place, layer in enumerate(models[0].layers) if layer.weights)
        first = [model.layers[start] for model in models]
        units = sum(layer.units for layer in first)
        self._first = [
            *(_wide(layer) for layer in models[0].layers[:start] if not _is_input(layer)),
            _wide(first[0], units=units, activation=None),
        ]
        x = keras.KerasTensor(models[0].inputs[0].shape)
        for layer in self._first:
            x = layer(x)
        self._pairs = _pairs(self._first[-1], first)
        self._branches = []
        for _, copies in itertools.groupby(models, architecture):
            self._branches.append(_Branch([copy.layers[start:] for copy in copies]))
            self._pairs += self._branches[-1].pairs
        self._sources: dict[int, Any] = {}
        self.trainable_variables = [wide for wide, _ in self._pairs if wide.trainable]
        owner = {id(one): place for place, model in enumerate(models) for one in model.weights}
        self._penalised = [
            (wide, [(owner[id(part)], part.shape[-1]) for part in parts], *_rates(parts))
            for wide, parts in self._pairs
            if any(map(np.any, _rates(parts)))
        ]
        self.optimizer: Any = None
        if optimizers:
            self._pairs += self._start(optimizers)
        # Each an XLA function, also on the CPU: one pass over weights that no cache holds, instead
        # of one for each operation.
        xla = tf.test.is_built_with_xla()
        self._penalties = tf.function(self._penalise, autograph=False, jit_compile=xla)
        self.learn = tf.function(self._learn, autograph=False, jit_compile=xla)

    def __call__(self, images: Any, *, training: bool) -> tuple[Any, Any]:
        """Probabilities [models, batch, classes], and what regularisers add to the losses [models].

        No gradient comes from the latter, since `learn` adds it.

        Args:
            images: float32 [batch, height, width, channels].
            training: Training or inference.
        """
        x = images
        *before, first = self._first
        for layer in before:
            x = layer(x)
        # Dense, but for the gradient: that of the kernel as it is multiplied stays in half
        # precision until `learn` has it, instead of a pass that only casts.
        kernel = tf.cast(first.kernel.value, first.compute_dtype)
        self._sources[id(first.kernel)] = kernel
        x = tf.matmul(tf.cast(x, kernel.dtype), kernel)
        if first.use_bias:
            x = tf.nn.bias_add(x, tf.cast(first.bias.value, kernel.dtype))
        parts = tf.split(x, [branch.inputs for branch in self._branches], axis=-1)
        outputs = joined(
            branch(part, training=training)
            for branch, part in zip(self._branches, parts, strict=True)
        )
        return outputs, self._penalties() if self._penalised else tf.zeros([len(self._models)])

    @property
    def sources(self) -> list[Any]:
        """What the gradients are of, which `learn` takes, after a call."""
        return [self._sources.get(id(wide), wide.value) for wide in self.trainable_variables]

    def load(self) -> None:
        """Take over the weights and optimisers of the models."""
        for wide, parts in self._pairs:
            one = parts[0].shape == wide.shape  # such as the number of iterations
            wide.assign(parts[0].value if one else tf.concat([p.value for p in parts], axis=-1))

    def store(self) -> None:
        """Give weights and optimisers back to the models."""
        for wide, parts in self._pairs:
            one = parts[0].shape == wide.shape
            sizes = [part.shape[-1] for part in parts] if not one else []
            values = tf.split(wide.value, sizes, -1) if sizes else [wide.value] * len(parts)
            for part, value in zip(parts, values, strict=True):
                part.assign(value)

    def _start(self, optimizers: Sequence[Any]) -> list[tuple[Any, list[Any]]]:
        """Make the optimiser of all, and pair its variables with theirs."""
        self.optimizer = type(optimizers[0]).from_config(optimizers[0].get_config())
        self.optimizer.build(self.trainable_variables)
        parts_of = {id(wide): parts for wide, parts in self._pairs}
        own, *theirs = (_slots(optimizer) for optimizer in (self.optimizer, *optimizers))
        pairs = []
        for name, slots in own.items():
            slot_of = {
                id(weight): slot
                for model, its in zip(self._models, theirs, strict=True)
                for weight, slot in zip(model.trainable_variables, its[name], strict=True)
            }
            for wide, slot in zip(self.trainable_variables, slots, strict=True):
                pairs.append((slot, [slot_of[id(part)] for part in parts_of[id(wide)]]))
        common = zip(*map(_common, optimizers), strict=True)
        return pairs + list(zip(_common(self.optimizer), map(list, common), strict=True))

    def _penalise(self) -> Any:
        """What regularisers add to the losses, [models]: `Σ l1 |w| + l2 w²` (the elastic net)."""
        totals = [tf.zeros([], wide.dtype) for wide, *_ in self._penalised[:1]] * len(self._models)
        for wide, owners, l1, l2 in self._penalised:
            w = tf.stop_gradient(tf.reshape(wide.value, [-1, wide.shape[-1]]))
            some = np.flatnonzero((l1 != 0) | (l2 != 0))
            inner = slice(some[0], some[-1] + 1)  # those outside add nothing
            columns = l1[inner] * tf.abs(w[:, inner]) + l2[inner] * tf.square(w[:, inner])
            around = [[some[0], len(l1) - some[-1] - 1]]
            sums = tf.pad(tf.reduce_sum(columns, axis=0), around)
            parts = tf.split(sums, [size for _, size in owners])
            for (place, _), part in zip(owners, parts, strict=True):
                totals[place] += tf.reduce_sum(part)
        return tf.stack(totals)

    def _learn(self, gradients: Sequence[Any]) -> None:
        """Take a step, by the gradients of the losses without what regularisers add to them."""
        # As the losses were scaled that the gradients are of.
        scale = self.optimizer.loss_scale_factor or 1.0
        slopes = {
            id(wide): scale * (l1 * tf.sign(wide.value) + 2 * l2 * wide.value)
            for wide, _, l1, l2 in self._penalised
        }
        weights = self.trainable_variables
        both = zip(gradients, weights, strict=True)
        terms = [tf.cast(one, its.dtype) + slopes.get(id(its), 0) for one, its in both]
        self.optimizer.apply(terms, weights)


def joined(outputs: Iterable[Any]) -> Any:
    """Tensors along the first axis, float64 where one is, else float32."""
    outputs = list(outputs)
    dtype = "float64" if any(one.dtype == "float64" for one in outputs) else "float32"
    return tf.concat([tf.cast(one, dtype) for one in outputs], axis=0)


class _Branch:
    """What comes after the first product: copies of one architecture side by side.

    Args:
        tails: The layers of each copy, from its first dense one on.
    """

    def __init__(self, tails: Sequence[Sequence[Any]]) -> None:
        self._count = len(tails)
        self.inputs = self._count * tails[0][0].units
        self.pairs: list[tuple[Any, list[Any]]] = []
        first = tails[0][0]
        self._layers: list[Any] = [layers.Activation(first.activation, dtype=first.dtype_policy)]
        x = keras.KerasTensor((None, self.inputs))
        for parts in itertools.islice(zip(*tails, strict=True), 1, None):
            layer = self._widened(parts)
            x = layer(x, training=False)
            self.pairs += _pairs(layer, parts)
            self._layers.append(layer)

    def __call__(self, x: Any, *, training: bool) -> Any:
        """Probabilities [copies, batch, classes] from [batch, copies · units]."""
        for layer in self._layers:
            x = layer(x, training=training)
        return tf.transpose(tf.reshape(x, [-1, self._count, x.shape[-1] // self._count]), [1, 0, 2])

    def _widened(self, parts: Sequence[Any]) -> Any:
        """The layer that does for all what each of the parts does for one."""
        layer, count = parts[0], self._count
        if isinstance(layer, layers.Dropout):
            return Dropouts(parts)
        if isinstance(layer, layers.Dense):
            if count == 1:
                return _wide(layer)
            return _wide(layer, BatchedDense, copies=count, units=count * layer.units)
        if isinstance(layer, layers.Softmax):
            return SoftmaxOfEach(count, dtype=layer.dtype_policy)
        return _wide(layer)


def _wide(layer: Any, kind: Any = None, **changes: Any) -> Any:
    """A layer with the configuration of another but for changes, without penalties of its own."""
    config = {
        key: None if key.endswith("_regularizer") else value
        for key, value in layer.get_config().items()
        if key != "name"
    }
    if isinstance(layer, layers.Dense):
        config["kernel_initializer"] = "zeros"  # which draws nothing
    return (kind or type(layer)).from_config({**config, **changes})


def _is_input(layer: Any) -> bool:
    return isinstance(layer, layers.InputLayer)


def _pairs(wide: Any, parts: Sequence[Any]) -> list[tuple[Any, list[Any]]]:
    """Each weight of a wide layer with those that it stands for."""
    theirs = zip(*(part.weights for part in parts), strict=True)
    return list(zip(getattr(wide, "weights", []), map(list, theirs), strict=True))


def _rates(parts: Sequence[Any]) -> list[np.ndarray]:
    """The regularisers' l1 and l2 for each column of the weights side by side."""
    # Rounded to float32, as Keras does it.
    rates = (
        [np.float32(getattr(part.regularizer, name, 0)) for part in parts] for name in ("l1", "l2")
    )
    sizes = [part.shape[-1] for part in parts]
    return [np.repeat(one, sizes).astype(parts[0].dtype) for one in rates]


def _slots(optimizer: Any) -> dict[str, list[Any]]:
    """What an optimiser keeps for each weight, such as its momentum: name → one for each weight."""
    known = {id(variable) for variable in optimizer.variables}
    return {
        name: list(value)
        for name, value in vars(optimizer).items()
        if isinstance(value, list)
        and value
        and all(id(one) in known for one in value)
        and name != "_variables"
    }


def _common(optimizer: Any) -> list[Any]:
    """What an optimiser keeps for all weights, such as the number of iterations."""
    slots = {id(one) for values in _slots(optimizer).values() for one in values}
    return [one for one in optimizer.variables if id(one) not in slots]


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
