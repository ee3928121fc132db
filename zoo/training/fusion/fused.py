"""Several models as one wide model: few large matrix products instead of many small ones.

The models have equal layers up to their first dense layer, so they share the layers before it. The
first dense layers of all models are a single product `X [K₁ … K_m]` of the shared images with all
kernels. After this product, models of the same architecture (copies) run side by side: their
weights lie along the last axis, their dense layers are batched products, and all other layers work
on each unit by itself.
"""

import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from keras import layers

from zoo.training.built_models.logits import logits_for_loss
from zoo.training.fusion.fusible import architecture_key
from zoo.training.fusion.paired_variables import Pair, pair_weights
from zoo.training.fusion.wide_layers import (
    BatchedDense,
    Dropouts,
    SoftmaxOfEach,
    build_layer,
    wide_layer,
)
from zoo.training.fusion.wide_optimizer import make_wide_optimizer

LossesOf = Callable[[Any, Any], Any]
"""From logits [models, batch, classes] and penalties [models] to losses [models]."""


class FusedModels:
    """Models with equal first layers, which run as one wide model.

    Args:
        models: Two or more built Keras models of the same `stem_key`; models of the same
            `architecture_key` stand one after another.
        optimizers: The models' built optimisers, of the same `optimizer_key`; none for inference
            only.
        compiled: Whether XLA compiles the passes over the weights: the penalties and the step of
            the optimiser. Then a single pass takes the place of a pass for each operation.
        stoppable: Whether each model may stop learning before the others; none may by default.
    """

    def __init__(
        self,
        models: Sequence[Any],
        optimizers: Sequence[Any] = (),
        *,
        compiled: bool = False,
        stoppable: Sequence[bool] = (),
    ) -> None:
        self.models = models
        self._stoppable = list(stoppable) or [False] * len(models)
        self._build()
        owner = {id(weight): k for k, model in enumerate(models) for weight in model.weights}
        self._weights = [
            Pair(wide, parts, [owner[id(part)] for part in parts])
            for wide, parts in (*pair_weights(self._first, self._firsts), *self._branch_pairs())
        ]
        self.trainable_variables = [pair.wide for pair in self._weights if pair.wide.trainable]
        self._penalized: list[tuple[Pair, np.ndarray, np.ndarray]] = [
            (pair, l1, l2)
            for pair in self._weights
            for l1, l2 in [_penalty_rates(pair.parts)]
            if l1.any() or l2.any()
        ]
        self.optimizer: Any = None
        self._slots: list[Pair] = []
        if optimizers:
            trainable = [pair for pair in self._weights if pair.wide.trainable]
            self.optimizer, self._slots = make_wide_optimizer(optimizers, models, trainable)
        self._sources: dict[int, Any] = {}
        self._penalties, self._learn = self._sum_penalties, self._apply
        if compiled:
            self._penalties, self._learn = (
                tf.function(function, autograph=False, jit_compile=True)
                for function in (self._sum_penalties, self._apply)
            )

    def __call__(self, images: Any, *, training: bool = False) -> tuple[Any, Any]:
        """Run the models.

        Args:
            images: float32 [batch, height, width, channels].
            training: Whether in training mode or in inference mode.

        Returns:
            Probabilities [models, batch, classes] and the regularisers' penalties [models]. The
            penalties have no gradient here, since `train` adds that gradient itself.
        """
        outputs, _, penalties = self._run(images, training=training)
        return outputs, penalties

    def _run(self, images: Any, *, training: bool) -> tuple[Any, Any, Any]:
        """Give probabilities, logits and penalties."""
        x = images
        for layer in self._stem:
            x = layer(x)
        # The same computation as in a dense layer, but the gradient is taken with respect to the
        # cast kernel. So the gradient stays in half precision until `_apply`, which saves a pass
        # over the weights.
        kernel = tf.cast(self._first.kernel.value, self._first.compute_dtype)
        self._sources[id(self._first.kernel)] = kernel
        x = tf.matmul(tf.cast(x, kernel.dtype), kernel)
        if self._first.use_bias:
            x = tf.nn.bias_add(x, tf.cast(self._first.bias.value, kernel.dtype))
        parts = tf.split(x, [branch.inputs for branch in self._branches], axis=-1)
        results = [
            branch(part, training=training)
            for branch, part in zip(self._branches, parts, strict=True)
        ]
        outputs, logits = (concatenate_outputs(column) for column in zip(*results, strict=True))
        penalties = self._penalties() if self._penalized else tf.zeros([len(self.models)])
        return outputs, logits, tf.cast(penalties, outputs.dtype)

    def train(self, images: Any, losses_of: LossesOf, active: Any) -> tuple[Any, Any]:
        """Take a training step.

        The fused weights of a model that has stopped are trained with the others, which costs
        nothing extra. The model's own weights stay unchanged, since `store` leaves them out, and
        the outputs of a stopped model come from its own weights.

        Args:
            images: float32 [batch, height, width, channels].
            losses_of: Gives the losses whose gradients are followed.
            active: Whether each model learns, bool [models].

        Returns:
            Probabilities [models, batch, classes] before the step, and losses [models].
        """
        with tf.GradientTape() as tape:
            outputs, logits, penalties = self._run(images, training=True)
            losses = losses_of(logits, penalties)
            # The models share no weights, so the gradient of the sum is each model's own gradient.
            total = self.optimizer.scale_loss(tf.reduce_sum(losses))
        self._learn(tape.gradient(total, self._sources_of_gradients()))
        if any(self._stoppable):
            rows = [
                self._row_of_stoppable(k, output, images, active[k])
                if self._stoppable[k]
                else output
                for k, output in enumerate(tf.unstack(outputs))
            ]
            outputs = tf.stack(rows)
        return outputs, losses

    def load(self, active: Any = None) -> None:
        """Copy weights, and the optimisers' variables for training, from the models.

        Args:
            active: Whether each model learns, bool [models]; None for inference, which needs no
                optimiser.
        """
        for pair in self._weights:
            pair.load(None)
        for pair in self._slots if active is not None else ():
            pair.load(active if any(self._stoppable) else None)

    def store(self, active: Any) -> None:
        """Copy weights and the optimisers' variables back to the models that learn.

        Args:
            active: Whether each model learns, bool [models].
        """
        for pair in (*self._weights, *self._slots):
            pair.store(active if any(self._stoppable) else None)

    def _build(self) -> None:
        """Make the wide layers: the shared stem, the first dense layer, and the branches."""
        all_layers = self.models[0].layers
        start = next(number for number, layer in enumerate(all_layers) if layer.weights)
        self._firsts = [model.layers[start] for model in self.models]
        units = sum(layer.units for layer in self._firsts)
        self._stem = [
            wide_layer(layer)
            for layer in all_layers[:start]
            if not isinstance(layer, layers.InputLayer)
        ]
        self._first = wide_layer(self._firsts[0], units=units, activation=None)
        shape = self.models[0].inputs[0].shape
        for layer in (*self._stem, self._first):
            shape = build_layer(layer, shape)
        self._branches = [
            _Branch([copy.layers[start:] for copy in copies])
            for _, copies in itertools.groupby(self.models, architecture_key)
        ]

    def _branch_pairs(self) -> Iterable[tuple[Any, list[Any]]]:
        return itertools.chain.from_iterable(branch.pairs for branch in self._branches)

    def _row_of_stoppable(self, number: int, output: Any, images: Any, active: Any) -> Any:
        """Take a model's output if the model learns; else compute it with the model's weights."""
        model = self.models[number]
        return tf.cond(
            active, lambda: output, lambda: tf.cast(model(images, training=False), output.dtype)
        )

    def _sources_of_gradients(self) -> list[Any]:
        """List the tensors with respect to which gradients are taken, after a call."""
        return [self._sources.get(id(wide), wide.value) for wide in self.trainable_variables]

    def _sum_penalties(self) -> Any:
        """Sum the penalties of the regularisers, [models]: `Σ l1 |w| + l2 w²` (elastic net)."""
        dtype = self._penalized[0][0].wide.dtype
        totals = [tf.zeros([], dtype)] * len(self.models)
        for pair, l1, l2 in self._penalized:
            w = tf.stop_gradient(tf.reshape(pair.wide.value, [-1, pair.wide.shape[-1]]))
            columns = np.flatnonzero((l1 != 0) | (l2 != 0))
            inner = slice(columns[0], columns[-1] + 1)  # columns outside add nothing
            sums = tf.reduce_sum(
                l1[inner] * tf.abs(w[:, inner]) + l2[inner] * tf.square(w[:, inner]), axis=0
            )
            sums = tf.pad(sums, [[columns[0], len(l1) - columns[-1] - 1]])
            parts = tf.split(sums, [part.shape[-1] for part in pair.parts], axis=-1)
            for owner, part in zip(pair.owners, parts, strict=True):
                totals[owner] += tf.reduce_sum(part)
        return tf.stack(totals)

    def _apply(self, gradients: Sequence[Any]) -> None:
        """Take a step of the optimiser.

        Args:
            gradients: The gradients of the losses without the penalties.
        """
        # The gradients are of scaled losses, so the penalties' gradients are scaled as well.
        scale = self.optimizer.loss_scale_factor or 1.0
        slopes = {
            id(pair.wide): scale * (l1 * tf.sign(pair.wide.value) + 2 * l2 * pair.wide.value)
            for pair, l1, l2 in self._penalized
        }
        weights = self.trainable_variables
        terms = [
            tf.cast(gradient, weight.dtype) + slopes[id(weight)]
            if id(weight) in slopes
            else tf.cast(gradient, weight.dtype)
            for gradient, weight in zip(gradients, weights, strict=True)
        ]
        self.optimizer.apply(terms, weights)


def concatenate_outputs(outputs: Iterable[Any]) -> Any:
    """Concatenate outputs of models, as float64 if any of them has this type, else as float32.

    Args:
        outputs: Tensors [models, …].

    Returns:
        A tensor [models of all outputs, …].
    """
    outputs = list(outputs)
    dtype = "float64" if any(output.dtype == "float64" for output in outputs) else "float32"
    outputs = [tf.cast(output, dtype) for output in outputs]
    return outputs[0] if len(outputs) == 1 else tf.concat(outputs, axis=0)


class _Branch:
    """Models of the same architecture side by side, from the first product on.

    Args:
        tails: The layers of each model, beginning with the first dense layer.
    """

    def __init__(self, tails: Sequence[Sequence[Any]]) -> None:
        self._count = len(tails)
        self.inputs = self._count * tails[0][0].units
        self.pairs: list[tuple[Any, list[Any]]] = []
        first = tails[0][0]
        activation = layers.Activation(first.activation, dtype=first.dtype_policy)
        self._layers: list[Any] = [activation]
        shape: tuple[int | None, ...] = (None, self.inputs)
        for number, steps in enumerate(zip(*map(_steps, tails), strict=True)):
            parts = [layer for layer, _ in steps]
            if number:
                layer = self._widened(parts)
                shape = build_layer(layer, shape)
                self.pairs += pair_weights(layer, parts)
                self._layers.append(layer)
            dropouts = [dropouts for _, dropouts in steps]
            if any(dropouts):
                self._layers.append(Dropouts(dropouts))

    def __call__(self, x: Any, *, training: bool) -> tuple[Any, Any]:
        """Give probabilities and logits [copies, batch, classes] from [batch, copies · units]."""
        before = x
        for layer in self._layers:
            before, x = x, layer(x, training=training)
        probabilities = self._by_copy(x)
        if isinstance(self._layers[-1], layers.Softmax | SoftmaxOfEach):
            return probabilities, self._by_copy(before)
        return probabilities, logits_for_loss(probabilities)

    def _by_copy(self, x: Any) -> Any:
        """Reshape [batch, copies · classes] to [copies, batch, classes]."""
        return tf.transpose(tf.reshape(x, [-1, self._count, x.shape[-1] // self._count]), [1, 0, 2])

    def _widened(self, parts: Sequence[Any]) -> Any:
        """Make one wide layer that computes the layers of all copies at once."""
        layer, count = parts[0], self._count
        if isinstance(layer, layers.Dense):
            if count == 1:
                return wide_layer(layer)
            return wide_layer(layer, BatchedDense, copies=count, units=count * layer.units)
        if isinstance(layer, layers.Softmax):
            return SoftmaxOfEach(count, dtype=layer.dtype_policy)
        return wide_layer(layer)


def _steps(tail: Sequence[Any]) -> list[tuple[Any, list[Any]]]:
    """Pair each layer that is no dropout with the dropout layers behind it, if there are any."""
    steps: list[tuple[Any, list[Any]]] = []
    for layer in tail:
        if isinstance(layer, layers.Dropout):
            steps[-1][1].append(layer)
        else:
            steps.append((layer, []))
    return steps


def _penalty_rates(parts: Sequence[Any]) -> tuple[np.ndarray, np.ndarray]:
    """Give the regularisers' l1 and l2 for each column of the weights side by side."""
    # Rounded to float32, as Keras does it.
    l1, l2 = (
        [np.float32(getattr(part.regularizer, name, 0)) for part in parts] for name in ("l1", "l2")
    )
    sizes, dtype = [part.shape[-1] for part in parts], parts[0].dtype
    return np.repeat(l1, sizes).astype(dtype), np.repeat(l2, sizes).astype(dtype)
