"""Several models as one wide model: few large matrix products instead of many small ones.

The models have equal layers up to their first dense layer, so they share the layers before it. The
first dense layers of all models are a single product `X [K₁ … K_m]` of the shared images with all
kernels, also of layers with different numbers of units. After this product, models of the same
architecture (copies) run side by side in a `Branch`: their dense layers are batched products, and
all other layers work on each unit by itself.

The graph of a wide model has variables of its own, and refers to no variable of the models. So the
same graph can train other models after these, with other settings: see `bind`.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import tensorflow as tf
from keras import layers

from zoo.training.fusion.branch import Branch
from zoo.training.fusion.fusible import copies_of, first_layer, tails_of
from zoo.training.fusion.moving_average import WideAverage, average_of
from zoo.training.fusion.paired_variables import Pair, wide_variable
from zoo.training.fusion.penalties import Penalties
from zoo.training.fusion.wide_layers import shared_layer
from zoo.training.fusion.wide_optimizer import make_wide_optimizer, pair_optimizers

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
        stoppable: Whether each model may stop learning before the others and still has to answer;
            none may by default.
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
        tails = tails_of(models)
        self._stem = _stem(models[0])
        self._first_dtype = tails[0][0].compute_dtype
        first = zip(*(tail[0].weights for tail in tails), strict=True)
        self._first = [
            wide_variable(
                parts[0], [*parts[0].shape[:-1], sum(part.shape[-1] for part in parts)]
            )
            for parts in first
        ]  # fmt: skip
        self._copies = copies_of(models)
        self._branches = [Branch([tails[row] for row in rows]) for rows in self._copies]
        self._take_weights()
        self.trainable_variables = [pair.wide for pair in self._weights if pair.wide.trainable]
        self._penalties = Penalties(self._weights, self._copies)
        self.optimizer: Any = None
        self._slots: list[Pair] = []
        if optimizers:
            self.optimizer = make_wide_optimizer(optimizers, self._trainable)
            self._average = None
            if any(average_of(optimizer) for optimizer in optimizers):
                self._average = WideAverage(self._weights, len(models))
            self._take_slots(optimizers)
        self._sum_penalties, self._learn = self._penalties.sums, self._apply
        if compiled:
            self._sum_penalties, self._learn = (
                tf.function(function, autograph=False, jit_compile=True)
                for function in (self._penalties.sums, self._apply)
            )

    def bind(self, models: Sequence[Any], optimizers: Sequence[Any] = ()) -> Sequence[Any]:
        """Take other models in the place of these, without a new graph.

        Args:
            models: Built Keras models of the same `graph_key` as these.
            optimizers: Their built optimisers; none for inference only.

        Returns:
            The optimisers.
        """
        self.models = models
        self._take_weights()
        self._penalties.take(self._weights)
        if self.optimizer is not None:
            self._take_slots(optimizers)
        return optimizers

    def __call__(self, images: Any, *, training: bool = False) -> tuple[Any, Any]:
        """Run the models.

        Args:
            images: float32 [batch, height, width, channels].
            training: Whether in training mode or in inference mode.

        Returns:
            Probabilities [models, batch, classes] and the regularisers' penalties [models]. The
            penalties have no gradient here, since `train` adds that gradient itself.
        """
        outputs, _ = self._run(images, training=training)
        return outputs, tf.cast(self._penalties_of_models(), outputs.dtype)

    def _run(
        self, images: Any, *, training: bool, sources: dict[int, Any] | None = None
    ) -> tuple[Any, Any]:
        """Give probabilities and logits; `sources` gets the weights as layers take them.

        Args:
            images: float32 [batch, height, width, channels].
            training: Whether in training mode or in inference mode.
            sources: By the `id` of a variable, its value in the precision of the layers; or None.
        """

        def read(variable: Any, dtype: Any) -> Any:
            value = tf.cast(tf.convert_to_tensor(variable.value), dtype)
            if sources is not None:
                sources[id(variable)] = value
            return value

        x = images
        for layer in self._stem:
            x = layer(x)
        kernel, *biases = (read(weight, self._first_dtype) for weight in self._first)
        x = tf.matmul(tf.cast(x, kernel.dtype), kernel)
        for bias in biases:
            x = tf.nn.bias_add(x, bias)
        parts = [x]
        if len(self._branches) > 1:
            parts = tf.split(x, [branch.inputs for branch in self._branches], axis=-1)
        results = [
            branch(part, training=training, read=read)
            for branch, part in zip(self._branches, parts, strict=True)
        ]
        outputs, logits = (concatenate_outputs(column) for column in zip(*results, strict=True))
        return outputs, logits

    def train(self, images: Any, losses_of: LossesOf, active: Any) -> tuple[Any, Any]:
        """Take a training step.

        The fused weights of a model that has stopped are trained with the others, which costs
        nothing extra. The model's own weights stay unchanged, since `store` leaves them out, and
        the outputs of a stopped model that still has to answer come from its own weights.

        Args:
            images: float32 [batch, height, width, channels].
            losses_of: Gives the losses whose gradients are followed.
            active: Whether each model learns, bool [models].

        Returns:
            Probabilities [models, batch, classes] before the step, and losses [models].
        """
        sources: dict[int, Any] = {}
        # Outside of the tape, for which XLA would keep an array as large as the weights for each
        # operation.
        penalties = self._penalties_of_models()
        with tf.GradientTape() as tape:
            outputs, logits = self._run(images, training=True, sources=sources)
            losses = losses_of(logits, tf.cast(penalties, logits.dtype))
            # The models share no weights, so the gradient of the sum is each model's own gradient.
            total = self.optimizer.scale_loss(tf.reduce_sum(losses))
        # The gradient is taken with respect to the weights in the precision in which the layers
        # compute, and stays in it until `_apply`: that saves a pass over the weights.
        values = [sources[id(variable)] for variable in self.trainable_variables]
        self._learn(tape.gradient(total, values))
        if any(self._stoppable):
            rows = [
                self._row_of_stoppable(k, output, images, active[k])
                if self._stoppable[k]
                else output
                for k, output in enumerate(tf.unstack(outputs))
            ]
            outputs = tf.stack(rows)
        return outputs, losses

    def load(self, active: Sequence[bool] | None = None) -> None:
        """Copy weights, and the optimisers' variables for training, from the models.

        Args:
            active: Whether each model learns; None for inference, which needs no optimiser.
        """
        for pair in (*self._weights, *self._seeds):
            pair.load()
        for pair in self._slots if active is not None else ():
            pair.load(active)

    def store(self, active: Sequence[bool]) -> None:
        """Copy weights and the optimisers' variables back to the models that learn.

        Args:
            active: Whether each model learns.
        """
        for pair in (*self._weights, *self._seeds, *self._slots):
            pair.store(active)

    @property
    def _trainable(self) -> list[Pair]:
        return [pair for pair in self._weights if pair.wide.trainable]

    def _take_weights(self) -> None:
        """Pair all variables with those of the models, and take the rates of dropout."""
        tails = tails_of(self.models)
        parts = zip(*(tail[0].weights for tail in tails), strict=True)
        everyone = range(len(self.models))
        pairs = [Pair(wide, own, everyone) for wide, own in zip(self._first, parts, strict=True)]
        for branch, rows in zip(self._branches, self._copies, strict=True):
            pairs += branch.pairs([tails[row] for row in rows], rows)
        known = {id(weight) for model in self.models for weight in model.weights}
        self._weights = [pair for pair in pairs if id(pair.parts[0]) in known]
        self._seeds = [pair for pair in pairs if id(pair.parts[0]) not in known]

    def _penalties_of_models(self) -> Any:
        return self._sum_penalties() if self._penalties else tf.zeros([len(self.models)])

    def _take_slots(self, optimizers: Sequence[Any]) -> None:
        """Pair the variables of the optimiser, and the averages, with those of the models."""
        self._slots = pair_optimizers(self.optimizer, optimizers, self.models, self._trainable)
        if self._average:
            self._slots += self._average.pairs(self._weights, optimizers)

    def _row_of_stoppable(self, number: int, output: Any, images: Any, active: Any) -> Any:
        """Take a model's output if the model learns; else compute it with the model's weights."""
        model = self.models[number]
        return tf.cond(
            active, lambda: output, lambda: tf.cast(model(images, training=False), output.dtype)
        )

    def _apply(self, gradients: Sequence[Any]) -> None:
        """Take a step of the optimiser.

        Args:
            gradients: The gradients of the losses without the penalties.
        """
        # The gradients are of scaled losses, so the penalties' gradients are scaled as well.
        scale = self.optimizer.loss_scale_factor or 1.0
        slopes = self._penalties.slopes()
        weights = self.trainable_variables
        terms = [
            tf.cast(gradient, weight.dtype) + scale * slopes[id(weight)]
            if id(weight) in slopes
            else tf.cast(gradient, weight.dtype)
            for gradient, weight in zip(gradients, weights, strict=True)
        ]
        self.optimizer.apply(terms, weights)
        if self._average:
            self._average.update(self.optimizer.iterations)


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


def _stem(model: Any) -> list[Any]:
    """Make the layers before the first dense layer, which all models share."""
    return [
        shared_layer(layer)
        for layer in model.layers[: first_layer(model)]
        if not isinstance(layer, layers.InputLayer)
    ]
