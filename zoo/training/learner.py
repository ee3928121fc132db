"""A model in training: its optimiser, its early stopping, and what resuming it needs."""

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from zoo.datasets.split import Split
from zoo.errors import ArgumentError
from zoo.recipes import Recipe
from zoo.training.averaging import settle_statistics


@dataclass
class Learner:
    """A model in training.

    Args:
        name: Its name in logs and tables.
        model: A built `keras.Model` that gives probabilities [batch, classes].
        recipe: How to train it.
        rows: The rows of the training images that are its own, in an order of its own; None for
            all of them, in the order of the others.
        seed: Of that order, and of its augmentation; None for that of the others.
        snapshots: Built models like `model`, which take its weights at the end of each cycle of
            the learning rate, one after another.

    Attributes:
        stopped: Why it trains no more, or the empty string.
        best_epoch: The epoch whose weights are kept, from 1; 0 before there is one.
        best_loss: The validation loss there.
    """

    name: str
    model: Any
    recipe: Recipe
    rows: np.ndarray | None = None
    seed: int | None = None
    snapshots: Sequence[Any] = ()
    stopped: str = field(default="", init=False)
    best_epoch: int = field(default=0, init=False)
    best_loss: float = field(default=math.inf, init=False)
    optimizer: Any = field(default=None, init=False)
    _best_weights: list[np.ndarray] = field(default_factory=list, init=False)
    _sound_weights: list[np.ndarray] = field(default_factory=list, init=False)
    _mean_weights: list[np.ndarray] = field(default_factory=list, init=False)
    _taken: int = field(default=0, init=False)
    _ended: str = field(default="", init=False)

    def own(self, data: Split) -> Split:
        """What of the training images it is trained on."""
        return data if self.rows is None else data.take(self.rows)

    def start(self, steps_per_epoch: int) -> None:
        """Make a fresh optimiser.

        Args:
            steps_per_epoch: Training steps in an epoch.
        """
        self.optimizer = self.recipe.make_optimizer(steps_per_epoch * self.recipe.epochs)
        if self.model.dtype_policy.name == "mixed_float16":
            self.optimizer = keras.optimizers.LossScaleOptimizer(self.optimizer)
        self.optimizer.build(self.model.trainable_variables)
        self._sound_weights = self.model.get_weights()

    def trains(self, epoch: int) -> bool:
        """Whether it still learns in an epoch (from 0)."""
        return not self.stopped and epoch < self.recipe.epochs

    def observe(self, epoch: int, scores: Mapping[str, float]) -> None:
        """Look at an epoch's scores, keep weights as the recipe says, and stop where it is time.

        A loss or a weight that is not a number stops the training, with a warning, and the weights
        from before that epoch come back.

        Args:
            epoch: The epoch, from 1.
            scores: `loss`, and `val_loss` where there is validation data.
        """
        patience, weights = self.recipe.patience, self.model.get_weights()
        if not (math.isfinite(scores["loss"]) and all(np.isfinite(one).all() for one in weights)):
            self.model.set_weights(self._sound_weights)
            self.stopped = f"diverged in epoch {epoch}, and has its weights from before it"
            warnings.warn(
                f"{self.name} {self.stopped}. Lower its learning rate.", UserWarning, stacklevel=2
            )
            return
        self._sound_weights = weights
        cycle, rest = divmod(epoch * self.recipe.cycles, self.recipe.epochs)
        if not rest and cycle <= len(self.snapshots):
            self.snapshots[cycle - 1].set_weights(weights)
            self._taken = cycle
        if epoch > self._average_after:
            self._average(weights, epoch - self._average_after)
        if patience and scores["val_loss"] < self.best_loss:
            self.best_loss, self.best_epoch = scores["val_loss"], epoch
            self._best_weights = weights
        if patience and epoch - self.best_epoch >= patience:
            self.stopped = f"stopped in epoch {epoch}"

    def finish(self, data: Split) -> str:
        """Take the best weights, where early stopping kept some, or the mean of many.

        Args:
            data: The training images, of which mean weights take batch statistics.

        Returns:
            How the training went, in words.
        """
        if self._ended:
            return self._ended
        self._ended = self.stopped or "trained"
        if self._mean_weights:
            self.model.set_weights(self._mean_weights)
            settle_statistics(self.model, data.batches(self.recipe.batch_size, shuffle=True))
            self._ended += f"; mean weights of the epochs from {self._average_after + 1} on"
        elif self._best_weights:
            self.model.set_weights(self._best_weights)
            self._ended += f"; best: epoch {self.best_epoch}"
        if missing := self.snapshots[self._taken :]:
            for model in missing:
                model.set_weights(self.model.get_weights())
            warnings.warn(
                f"{self.name} ended in cycle {self._taken + 1} of {self.recipe.cycles}: the last "
                f"{len(missing) + 1} snapshots are the same",
                UserWarning,
                stacklevel=2,
            )
        return self._ended

    @property
    def _average_after(self) -> float:
        """The epoch, from 1, after whose end weights are averaged."""
        share = self.recipe.average_from
        return math.inf if share is None else int(share * self.recipe.epochs)

    def _average(self, weights: list[np.ndarray], count: float) -> None:
        """Move the mean towards these weights, the so manieth."""
        if not self._mean_weights:
            self._mean_weights = [one.astype("float64") for one in map(_plain, weights)]
        for mean, one in zip(self._mean_weights, map(_plain, weights), strict=True):
            mean += (one - mean) / count

    def save(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """What resuming it needs: arrays by name, and facts as JSON values."""
        arrays = {
            f"{self.name}/{kind}/{index}": _plain(value)
            for kind, values in self._state()
            for index, value in enumerate(values)
        }
        facts = {
            "stopped": self.stopped,
            "best_epoch": self.best_epoch,
            "best_loss": self.best_loss,
            "snapshots": self._taken,
        }
        return arrays, facts

    def restore(self, arrays: Mapping[str, np.ndarray], facts: Mapping[str, Any]) -> None:
        """Take up where `save` was called.

        Args:
            arrays: As `save` gave them, perhaps among others.
            facts: As `save` gave them.
        """
        for kind, variables in self._state()[:2]:
            for index, variable in enumerate(variables):
                variable.assign(arrays[f"{self.name}/{kind}/{index}"])
        self._sound_weights = self.model.get_weights()
        self.stopped = facts["stopped"]
        self.best_epoch, self.best_loss = facts["best_epoch"], facts["best_loss"]
        self._taken = facts.get("snapshots", 0)
        count = len(self.model.weights)
        for kind, kept in (("best", self._best_weights), ("mean", self._mean_weights)):
            if f"{self.name}/{kind}/0" in arrays:
                kept[:] = [arrays[f"{self.name}/{kind}/{index}"] for index in range(count)]
        for number, model in enumerate(self.snapshots):
            for index, variable in enumerate(model.variables):
                variable.assign(arrays[f"{self.name}/snapshot {number}/{index}"])

    def _state(self) -> list[tuple[str, Any]]:
        # `variables` holds the seeds of dropout too, which `weights` does not.
        return [
            ("variables", self.model.variables),
            ("optimizer", self.optimizer.variables),
            ("best", self._best_weights),
            ("mean", self._mean_weights),
            *((f"snapshot {k}", model.variables) for k, model in enumerate(self.snapshots)),
        ]


def check_model(name: str, model: Any, image_shape: Sequence[int | None], num_classes: int) -> None:
    """Check that a model takes such images and gives one probability a class.

    Args:
        name: What to call it in the error.
        model: A built `keras.Model`.
        image_shape: (height, width, channels); None stands for any.
        num_classes: How many classes it should have.

    Raises:
        ArgumentError: It takes other images, knows another number of classes, or gives logits.

    Example:
        >>> import zoo
        >>> check_model("cnn", zoo.build("cnn"), (48, 48, 1), num_classes=7)
    """
    try:
        takes, gives = tuple(model.input_shape[1:]), model.output_shape
    except (AttributeError, ValueError) as error:
        raise ArgumentError(
            f"{name} has no fixed input shape. Wrap it: keras.Model(x, model(x)) with "
            "x = keras.Input((height, width, channels))."
        ) from error
    if len(takes) != len(image_shape) or any(
        None not in (side, given) and side != given
        for side, given in zip(takes, image_shape, strict=True)
    ):
        raise ArgumentError(
            f"{name} takes images of (height, width, channels) = {takes}. "
            f"Received: {tuple(image_shape)}"
        )
    if not isinstance(gives, tuple) or len(gives) != 2 or (gives[-1] or 0) < 2:
        raise ArgumentError(
            f"{name} should give probabilities of shape [batch, classes], with 2 classes or more. "
            f"It gives {gives}"
        )
    if gives[-1] != num_classes:
        raise ArgumentError(f"{name} knows {gives[-1]} classes. Received: {num_classes} classes.")
    sides = [given or side or 64 for side, given in zip(takes, image_shape, strict=True)]
    black = np.zeros((1, *sides), "float32")
    total = float(np.sum(keras.ops.convert_to_numpy(model(black, training=False))))
    if not abs(total - 1) < 1e-2:
        raise ArgumentError(
            f"{name} should give probabilities, but for a black image they add up to {total:.3g}: "
            'are they logits? Build it with classifier_activation="softmax", or add a Softmax '
            "layer."
        )


def _plain(value: Any) -> np.ndarray:
    """A NumPy array of a dtype that NumPy can save (bfloat16 is not one)."""
    array = value if isinstance(value, np.ndarray) else value.numpy()
    return array.astype("float32") if array.dtype.kind == "V" else array
