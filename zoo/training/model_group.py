"""Models that see the same batch: those that begin alike as a stack, all others one by one."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from zoo.training.fused import Stack, joined
from zoo.training.fusible import architecture, head, settings


class Crew:
    """Several models on the same batch.

    Args:
        models: Built Keras models that give probabilities of the same classes.
        optimizers: The built optimiser of each that learns, None for one that looks on; None for
            inference only.
    """

    def __init__(self, models: Sequence[Any], optimizers: Sequence[Any] | None = None) -> None:
        optimizers = list(optimizers or [None] * len(models))
        alike: dict[Any, list[int]] = {}
        for place, (model, optimizer) in enumerate(zip(models, optimizers, strict=True)):
            key = head(model), settings(optimizer) if optimizer else ""
            alike.setdefault(place if None in key else key, []).append(place)
        kinds = [architecture(model) for model in models]
        # Within a stack, copies of one architecture lie side by side.
        self._places = [
            sorted(places, key=lambda place: kinds.index(kinds[place])) for places in alike.values()
        ]
        self._parts: list[Any] = []
        for places in self._places:
            kind = Stack if len(places) > 1 else _Single
            learning = [optimizers[place] for place in places if optimizers[place]]
            self._parts.append(kind([models[place] for place in places], learning))
        # Where each model's row is when the parts' rows lie one after another.
        order = [place for places in self._places for place in places]
        self._order = sorted(range(len(order)), key=order.__getitem__)

    def __call__(self, images: Any) -> tuple[Any, Any]:
        """Run all of them, those with an optimiser in training mode.

        Args:
            images: Pixels [batch, height, width, channels], of any dtype.

        Returns:
            Probabilities [models, batch, classes] and regularisers' penalties [models].
        """
        images = tf.cast(images, "float32")
        pairs = [part(images, training=part.optimizer is not None) for part in self._parts]
        outputs, penalties = (joined(column) for column in zip(*pairs, strict=True))
        if self._order != sorted(self._order):
            outputs, penalties = (tf.gather(one, self._order) for one in (outputs, penalties))
        return outputs, tf.cast(penalties, outputs.dtype)

    def learn(self, tape: Any, losses: Any) -> None:
        """Take a step with each optimiser.

        Args:
            tape: Has seen how the losses came about, and is still recording.
            losses: [models].
        """
        learning = [
            (part, tf.reduce_sum(tf.gather(losses, places)))
            for part, places in zip(self._parts, self._places, strict=True)
            if part.optimizer
        ]
        # The models share no weights, so the gradient of the sum is each one's own gradient.
        total = sum(part.optimizer.scale_loss(loss) for part, loss in learning)
        with tape.stop_recording():
            gradients = tape.gradient(total, [part.sources for part, _ in learning])
        for (part, _), its in zip(learning, gradients, strict=True):
            part.learn(its)

    def load(self) -> None:
        """Take over the models' weights and optimisers as they are now."""
        for part in self._parts:
            part.load()

    def store(self) -> None:
        """Give weights and optimisers back to the models that learned."""
        for part in self._parts:
            if part.optimizer:
                part.store()


class _Single:
    """One model by itself, as if it were a stack of one."""

    def __init__(self, models: Sequence[Any], optimizers: Sequence[Any]) -> None:
        (self._model,) = models
        self.sources = self._model.trainable_variables
        self.optimizer: Any = optimizers[0] if optimizers else None
        if self.optimizer:
            # One pass over the weights by XLA, instead of one for each operation; not where all
            # of them are looked at first.
            xla = tf.test.is_built_with_xla() and settings(self.optimizer) is not None
            self.learn = tf.function(self._learn, autograph=False, jit_compile=xla)

    def __call__(self, images: Any, *, training: bool) -> tuple[Any, Any]:
        output = self._model(images, training=training)
        penalty = sum(self._model.losses, start=tf.zeros([], output.dtype))
        return output[None], penalty[None]

    def _learn(self, gradients: Sequence[Any]) -> None:
        self.optimizer.apply(gradients, self.sources)

    def load(self) -> None:
        """It has its weights."""

    def store(self) -> None:
        """It has its weights."""
