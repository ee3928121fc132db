"""Models that see the same batches: models with equal first layers run fused, others one by one."""

import functools
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

import tensorflow as tf

from zoo.training.built_models.fast_kernels import fast_kernels
from zoo.training.built_models.logits import logits_for_loss
from zoo.training.fusion.fused import FusedModels, LossesOf, concatenate_outputs
from zoo.training.fusion.fusible import fusible_rows, optimizer_key
from zoo.training.fusion.moving_average import average_of, state_of
from zoo.training.fusion.wide_optimizer import leave_out_all_reduce
from zoo.training.transfer.layer_rates import take_step


class ModelGroup:
    """Several models that see the same batches.

    Args:
        models: Built Keras models that give probabilities of the same classes.
        optimizers: The built optimiser of each model, or None for a model that only answers; None
            for inference only.
        compiled: Whether XLA compiles the passes over the weights.
        stoppable: Whether each model may stop learning before the others; none may by default.
    """

    def __init__(
        self,
        models: Sequence[Any],
        optimizers: Sequence[Any] | None = None,
        *,
        compiled: bool = False,
        stoppable: Sequence[bool] = (),
    ) -> None:
        optimizers = list(optimizers or [None] * len(models))
        stoppable = list(stoppable) or [False] * len(models)
        self._rows = fusible_rows(models, optimizers)
        self.parts: list[Any] = []
        for rows in self._rows:
            kind = FusedModels if len(rows) > 1 else SingleModel
            part = kind(
                [models[row] for row in rows],
                [optimizers[row] for row in rows if optimizers[row]],
                compiled=compiled and tf.test.is_built_with_xla(),
                stoppable=[stoppable[row] for row in rows],
            )
            self.parts.append(part)
        # For each model: its position in the concatenated outputs of all parts.
        order = [row for rows in self._rows for row in rows]
        self._order = sorted(range(len(order)), key=order.__getitem__)

    def __call__(self, images: Any) -> tuple[Any, Any]:
        """Run all models in inference mode.

        Args:
            images: Pixels [batch, height, width, channels], of any dtype.

        Returns:
            Probabilities [models, batch, classes] and the regularisers' penalties [models].
        """
        images = tf.cast(images, "float32")
        return self._in_order_of_models([part(images) for part in self.parts])

    def train(
        self, images: Any, losses_of: Callable[[Sequence[int], Any, Any], Any], active: Any
    ) -> tuple[Any, Any]:
        """Take a training step with each model that has an optimiser and is active.

        Args:
            images: Pixels [batch, height, width, channels], of any dtype.
            losses_of: From the rows of some models, their logits and their penalties to their
                losses.
            active: Whether each model learns, bool [models]. A model that is not stoppable learns.

        Returns:
            Probabilities [models, batch, classes] before the step, and losses [models], 0 for a
            model that only answers.
        """
        images = tf.cast(images, "float32")
        results = []
        for part, rows in zip(self.parts, self._rows, strict=True):
            if part.optimizer is None:
                outputs, penalties = part(images)
                results.append((outputs, tf.zeros_like(penalties)))
            else:
                losses = functools.partial(losses_of, rows)
                results.append(part.train(images, losses, tf.gather(active, rows)))
        return self._in_order_of_models(results)

    def load(self, active: Sequence[bool] | None = None) -> None:
        """Copy weights, and the optimisers' variables for training, from the models.

        Args:
            active: Whether each model learns; None for inference.
        """
        for part, rows in zip(self.parts, self._rows, strict=True):
            learns = None
            if active is not None and part.optimizer is not None:
                learns = [active[row] for row in rows]
            part.load(learns)

    def store(self, active: Sequence[bool]) -> None:
        """Copy weights and the optimisers' variables back to the models that learn.

        Args:
            active: Whether each model learns.
        """
        for part, rows in zip(self.parts, self._rows, strict=True):
            if part.optimizer is not None:
                part.store([active[row] for row in rows])

    def bind(self, models: Sequence[Any], optimizers: Sequence[Any]) -> list[Any]:
        """Take other models in the place of these, without a new graph.

        Args:
            models: Models of the same `graph_key` as these.
            optimizers: The optimiser of each model, or None for a model that only answers.

        Returns:
            The optimiser of each model: where a model runs by itself, the optimiser that it had
            before, with the values of the new optimiser.
        """
        kept = list(optimizers)
        for part, rows in zip(self.parts, self._rows, strict=True):
            own = [optimizers[row] for row in rows if optimizers[row]]
            bound = part.bind([models[row] for row in rows], own)
            for row, optimizer in zip(rows, bound, strict=False):  # none, if they only answer
                kept[row] = optimizer
        return kept

    def idle_weights(self, active: Sequence[bool]) -> int:
        """Count the fused weights of models that have stopped, whose training is thrown away.

        Args:
            active: Whether each model learns.
        """
        return sum(
            model.count_params()
            for part, rows in zip(self.parts, self._rows, strict=True)
            if part.optimizer is not None and isinstance(part, FusedModels)
            for model, row in zip(part.models, rows, strict=True)
            if not active[row]
        )

    def _in_order_of_models(self, results: Sequence[tuple[Any, Any]]) -> tuple[Any, Any]:
        """Put the rows of all parts into the order of the models."""
        first, second = (concatenate_outputs(column) for column in zip(*results, strict=True))
        if self._order != sorted(self._order):
            first, second = (tf.gather(rows, self._order) for rows in (first, second))
        return first, tf.cast(second, first.dtype)


class SingleModel:
    """One model by itself, with the methods of `FusedModels`.

    Args:
        models: One built Keras model.
        optimizers: The built optimiser of the model; none for inference only.
        compiled: Whether XLA compiles the step of the optimiser.
        stoppable: Whether the model may stop learning before others.
    """

    def __init__(
        self,
        models: Sequence[Any],
        optimizers: Sequence[Any],
        *,
        compiled: bool = False,
        stoppable: Sequence[bool] = (False,),
    ) -> None:
        (self._model,) = self.models = models
        (self._stoppable,) = stoppable
        self.optimizer: Any = optimizers[0] if optimizers else None
        if self.optimizer:
            leave_out_all_reduce(self.optimizer)
        self._learn: Callable[[Any], None] = self._apply
        # XLA makes one pass over the weights instead of one for each operation; but not where the
        # optimiser looks at all weights first.
        if compiled and self.optimizer and optimizer_key(self.optimizer) is not None:
            self._learn = tf.function(self._apply, autograph=False, jit_compile=True)

    def __call__(self, images: Any, *, training: bool = False) -> tuple[Any, Any]:
        """Run the model; see `FusedModels`."""
        output, penalties = self._run(images, training=training)
        return concatenate_outputs([output[None]]), penalties

    def train(self, images: Any, losses_of: LossesOf, active: Any) -> tuple[Any, Any]:
        """Take a training step, or only answer where the model has stopped."""

        def learn() -> tuple[Any, Any]:
            with tf.GradientTape() as tape:
                output, penalties = self._run(images, training=True)
                logits = concatenate_outputs([logits_for_loss(output)[None]])
                losses = losses_of(logits, penalties)
                total = self.optimizer.scale_loss(tf.reduce_sum(losses))
            self._learn(tape.gradient(total, self._model.trainable_variables))
            return concatenate_outputs([output[None]]), losses

        def answer() -> tuple[Any, Any]:
            outputs, penalties = self(images)
            return outputs, tf.zeros_like(penalties)

        return tf.cond(active[0], learn, answer) if self._stoppable else learn()

    def _run(self, images: Any, *, training: bool) -> tuple[Any, Any]:
        """Give probabilities [batch, classes] and the regularisers' penalty [1]."""
        with fast_kernels(self._model) if training else nullcontext():
            output = self._model(images, training=training)
        penalty = sum(self._model.losses, start=tf.zeros([], output.dtype))
        wide = "float64" if output.dtype == "float64" else "float32"
        return output, tf.cast(penalty[None], wide)

    def _apply(self, gradients: Sequence[Any]) -> None:
        variables = self._model.trainable_variables
        take_step(self.optimizer, variables, lambda: self.optimizer.apply(gradients, variables))
        if average := average_of(self.optimizer):
            average.update(self.optimizer.iterations)

    def bind(self, models: Sequence[Any], optimizers: Sequence[Any]) -> Sequence[Any]:
        """Begin again with the same model: its optimiser gets the values of a new optimiser.

        Returns:
            The optimiser that it had before, or nothing if the model only answers.
        """
        for optimizer in optimizers:
            pairs = zip(state_of(self.optimizer), state_of(optimizer), strict=True)
            for variable, value in pairs:
                variable.assign(value)
        return [self.optimizer] if optimizers else []

    def load(self, active: Sequence[bool] | None = None) -> None:
        """Load nothing: the model is trained in place."""

    def store(self, active: Sequence[bool]) -> None:
        """Store nothing: the model is trained in place."""
