"""A model in training: its optimiser, its early stopping, and the state for resuming."""

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from zoo.datasets.split import Split
from zoo.recipes import PLATEAU_FACTOR, Recipe
from zoo.schedules import rate_factor
from zoo.training.built_models.interface import check_model as check_model  # its earlier place
from zoo.training.built_models.statistics import mixes_images, update_batch_statistics
from zoo.training.fusion.moving_average import MovingAverage, average_of, keep_average, state_of
from zoo.training.transfer.freezing import FrozenLayers, make_optimizer_of_phase
from zoo.training.transfer.layer_rates import keep_layer_factors, layer_factors


@dataclass
class Learner:
    """A model in training.

    Args:
        name: The model's name in logs and tables.
        model: A built `keras.Model` that gives probabilities [batch, classes].
        recipe: How to train the model.
        rows: The rows of the training images that only this model is trained on, in an order of
            its own; None for all images, in the order of the other models.
        seed: Seed of that order and of the model's augmentation; None for the seed of the other
            models.
        takes_weights: Whether the model may also be trained on the batches of other models, in
            which each image counts as often as it stands in `rows`.
        snapshots: Built models like `model`, which take its weights at the ends of the cycles.
        arguments: Arguments that the model was built with, for the table of hyperparameters.

    Attributes:
        stopped: Why the model has stopped learning, or an empty text.
        best_epoch: The epoch whose weights are kept, from 1; 0 before there is such an epoch.
        best_loss: The validation loss of that epoch.
        has_other_weights: Whether the model has got other weights than at the end of its last
            epoch: those of an earlier epoch, or the mean of several epochs.
        optimizer: The Keras optimiser, once the training has started, else None.
        seconds: How long the model has trained: the time of its epochs, of which models that train
            together have equal shares. None after resuming a run that did not record the time.
        frozen: The layers below the head while they are frozen, else None.
        stand_in: What runs in place of the model while its features are kept, or while images are
            small; else None.
    """

    name: str
    model: Any
    recipe: Recipe
    rows: np.ndarray | None = None
    seed: int | None = None
    takes_weights: bool = False
    snapshots: Sequence[Any] = ()
    arguments: Mapping[str, Any] = field(default_factory=dict)
    stopped: str = field(default="", init=False)
    best_epoch: int = field(default=0, init=False)
    best_loss: float = field(default=math.inf, init=False)
    has_other_weights: bool = field(default=False, init=False)
    optimizer: Any = field(default=None, init=False)
    seconds: float | None = field(default=0.0, init=False)
    frozen: FrozenLayers | None = field(default=None, init=False)
    stand_in: Any = field(default=None, init=False)
    _best_weights: list[np.ndarray] = field(default_factory=list, init=False)
    _finite_weights: list[np.ndarray] = field(default_factory=list, init=False)
    _mean_weights: list[np.ndarray] = field(default_factory=list, init=False)
    _last_weights: list[np.ndarray] = field(default_factory=list, init=False)
    _last_epoch: int = field(default=0, init=False)
    _trained_weights: list[np.ndarray] = field(default_factory=list, init=False)
    _plateau: Sequence[Any] = field(default=(math.inf, 0), init=False)
    _snapshots_taken: int = field(default=0, init=False)
    _outcome: str = field(default="", init=False)
    _steps_per_epoch: int = field(default=1, init=False)

    def training_images(self, data: Split) -> Split:
        """Select the images that this model is trained on.

        Args:
            data: All training images.
        """
        return data if self.rows is None else data.take(self.rows)

    def image_weights(self, n: int) -> np.ndarray:
        """Count how often each training image is among the images of this model.

        Args:
            n: The number of training images.

        Returns:
            float32 [n], with the mean 1: 0 for an image that the model leaves out.

        Example:
            >>> Learner("a", None, Recipe(), rows=np.array([0, 0, 2])).image_weights(3)
            array([2., 0., 1.], dtype=float32)
        """
        if self.rows is None:
            return np.ones(n, np.float32)
        return (np.bincount(self.rows, minlength=n) * (n / len(self.rows))).astype(np.float32)

    @property
    def exposed_by(self) -> str:
        """What would show the model images that count nothing for it, in batches of other models.

        Empty if nothing would, or if the model is never trained on such batches.
        """
        if self.takes_weights and self.recipe.mixes_images:
            return "mixup or cutmix"
        mixes = self.takes_weights and mixes_images(self.model)
        return "batch normalisation" if mixes else ""

    @property
    def network(self) -> Any:
        """The `keras.Model` that runs in the steps: the model, or its stand-in."""
        return self.model if self.stand_in is None else self.stand_in

    def freeze(self) -> None:
        """Freeze the layers below the head until `release`."""
        self.frozen = FrozenLayers(self.name, self.model)

    def release(self) -> None:
        """Let all layers learn that learned before `freeze`."""
        if self.frozen:
            self.frozen.release()
            self.frozen = None

    def unfreezes(self, epoch: int) -> bool:
        """Tell whether frozen layers begin to learn in an epoch, counted from 0."""
        start = self.recipe.unfreeze_at
        return bool(self.frozen and start and epoch >= start and self.trains(epoch))

    def unfreeze(self) -> None:
        """Let the frozen layers learn from now on, with a fresh optimiser."""
        self.release()
        self.start(self._steps_per_epoch)

    def start(self, steps_per_epoch: int) -> None:
        """Make a fresh optimiser.

        Args:
            steps_per_epoch: Training steps in an epoch.
        """
        self._steps_per_epoch = steps_per_epoch
        first = 0 if self.frozen else self.recipe.unfreeze_at or 0
        first = max(first + (self.recipe.warm_up or 0), self.recipe.full_size_at or 0)
        self._plateau = math.inf, first
        self.optimizer = self.make_optimizer(steps_per_epoch)
        self.optimizer.build(self.model.trainable_variables)
        if self.recipe.ema is not None:
            keep_average(self.optimizer, MovingAverage(self.model, self.recipe.ema))
        self._finite_weights = self.model.get_weights()

    def make_optimizer(self, steps_per_epoch: int) -> Any:
        """Make an optimiser for the model, which is not built yet.

        Args:
            steps_per_epoch: Training steps in an epoch.
        """
        recipe, frozen = self.recipe, self.frozen is not None
        optimizer = make_optimizer_of_phase(recipe, steps_per_epoch, frozen=frozen)
        if recipe.weight_decay_of == "kernels":
            weights = self.model.trainable_variables
            optimizer.exclude_from_weight_decay([w for w in weights if len(w.shape) < 2])
        if self.model.dtype_policy.name == "mixed_float16":
            optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
        if recipe.layer_decay not in (None, 1):
            keep_layer_factors(optimizer, layer_factors(self.model, recipe.layer_decay))
        return optimizer

    def trains(self, epoch: int) -> bool:
        """Tell whether the model still learns in an epoch, counted from 0."""
        return not self.stopped and epoch < self.recipe.epochs

    def observe(self, epoch: int, scores: Mapping[str, float]) -> None:
        """Keep weights and stop early by the scores of an epoch, if the recipe asks for that.

        A loss or a weight that is not a finite number stops the training, with a warning, and the
        model gets the weights back that it had before the epoch.

        Args:
            epoch: The epoch, from 1.
            scores: `loss`, and `val_loss` where there is validation data.
        """
        self._last_epoch = epoch
        patience, weights = self.recipe.patience, self.model.get_weights()
        if not (_are_finite(weights) and math.isfinite(scores["loss"])):
            self.model.set_weights(self._finite_weights)
            self.has_other_weights = True
            self.stopped = f"diverged in epoch {epoch}, and has the weights of the epoch before"
            warnings.warn(
                f"{self.name} {self.stopped}. Lower its learning rate.", UserWarning, stacklevel=2
            )
            return
        self._finite_weights = weights
        cycle, rest = divmod(epoch * self.recipe.cycles, self.recipe.epochs)
        if not rest and cycle <= len(self.snapshots):
            self.snapshots[cycle - 1].set_weights(weights)
            self._snapshots_taken = cycle
        if epoch > self._average_after:
            self._average(weights, epoch - self._average_after)
        if epoch <= (self.recipe.full_size_at or 0):
            return  # the network has not seen images of full size
        if patience and scores["val_loss"] < self.best_loss:
            self.best_loss, self.best_epoch = scores["val_loss"], epoch
            self._best_weights = weights
        first = self.recipe.unfreeze_at or self.recipe.full_size_at or 0
        if patience and epoch - max(self.best_epoch, first) >= patience:
            self.stopped = f"stopped in epoch {epoch}"
        if self.recipe.plateau:
            self._lower_rate(epoch, scores["val_loss"], self.recipe.plateau)

    def _lower_rate(self, epoch: int, loss: float, patience: int) -> None:
        """Lower the learning rate after some epochs without a lower validation loss."""
        best, since = self._plateau
        if loss < best:
            self._plateau = loss, max(epoch, since)
        elif epoch - since >= patience:
            factor = rate_factor(self.optimizer)
            factor.assign(factor * (self.recipe.plateau_factor or PLATEAU_FACTOR))
            self._plateau = best, epoch

    def show_average(self) -> None:
        """Give the model the moving average of the weights, if the recipe asks for it.

        `hide_average` gives back the weights that training goes on with.
        """
        average = average_of(self.optimizer)
        if average is None or self._trained_weights:
            return
        trained = self.model.get_weights()
        weights = zip(trained, map(average.of, self.model.weights), strict=True)
        averaged = [own if mean is None else mean.numpy() for own, mean in weights]
        if _are_finite(averaged):
            self._trained_weights = trained
            self.model.set_weights(averaged)

    def hide_average(self) -> None:
        """Give the model the weights back that it had before `show_average`."""
        if self._trained_weights:
            self.model.set_weights(self._trained_weights)
            self._trained_weights = []

    def interrupt(self) -> None:
        """Leave no weights in the model that are not finite numbers, when a training is stopped.

        The model then gets the weights from before the epoch, with a warning.
        """
        if not _are_finite(self.model.get_weights()):
            self.model.set_weights(self._finite_weights)
            warnings.warn(
                f"{self.name} was diverging, and has the weights of the epoch before. Lower its "
                "learning rate.",
                UserWarning,
                stacklevel=2,
            )

    def finish(self, data: Split) -> str:
        """Give the model its best weights or its mean weights, if the recipe asks for them.

        Args:
            data: The model's training images, for the batch statistics of mean weights.

        Returns:
            How the training went, in words.
        """
        if self._outcome:
            return self._outcome
        self._outcome = self.stopped or "trained"
        self.show_average()
        if self._mean_weights or self._best_weights or self._trained_weights:
            self._last_weights = self._trained_weights or self.model.get_weights()
        self._trained_weights = []
        if self._mean_weights:
            self.model.set_weights(self._mean_weights)
            self.has_other_weights = True
            update_batch_statistics(self.model, data.batches(self.recipe.batch_size, shuffle=True))
            self._outcome += f"; mean weights of the epochs from {self._average_after + 1} on"
        elif self._best_weights:
            self.model.set_weights(self._best_weights)
            self.has_other_weights |= self.best_epoch != self._last_epoch
            self._outcome += f"; best: epoch {self.best_epoch}"
        if self._last_weights and average_of(self.optimizer):
            self._outcome += "; moving average of the weights"
        if missing := self.snapshots[self._snapshots_taken :]:
            for model in missing:
                model.set_weights(self.model.get_weights())
            warnings.warn(
                f"{self.name} ended in cycle {self._snapshots_taken + 1} of {self.recipe.cycles}: "
                f"the last {len(missing) + 1} snapshots are the same",
                UserWarning,
                stacklevel=2,
            )
        return self._outcome

    @property
    def _average_after(self) -> float:
        """The epoch, from 1, after whose end weights are averaged."""
        share = self.recipe.average_from
        return math.inf if share is None else int(share * self.recipe.epochs)

    def _average(self, weights: Sequence[Any], count: float) -> None:
        """Update the running mean of the weights with the `count`-th sample."""
        samples = [_plain(weight) for weight in weights]
        if not self._mean_weights:
            self._mean_weights = [sample.astype("float64") for sample in samples]
        for mean, sample in zip(self._mean_weights, samples, strict=True):
            mean += (sample - mean) / count

    def save(self, *, within_epoch: bool = False) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Give the state that resuming needs.

        Args:
            within_epoch: Whether an epoch is under way, so that the weights from before it belong
                to the state.

        Returns:
            Arrays by name, and facts as JSON values.
        """
        groups = self._state()
        if within_epoch:
            groups["finite"] = self._finite_weights
        arrays = {
            f"{self.name}/{group}/{index}": _plain(value)
            for group, values in groups.items()
            for index, value in enumerate(values)
        }
        facts = {
            "stopped": self.stopped,
            "best_epoch": self.best_epoch,
            "best_loss": self.best_loss,
            "snapshots": self._snapshots_taken,
            "epochs": self.recipe.epochs,
            "seconds": self.seconds,
            "plateau": list(self._plateau),
            "frozen": self.frozen is not None,
        }
        return arrays, facts

    def restore(self, arrays: Mapping[str, np.ndarray], facts: Mapping[str, Any]) -> None:
        """Set the state that `save` gave.

        Args:
            arrays: Arrays as `save` gave them, perhaps among others.
            facts: Facts as `save` gave them.
        """
        if self.frozen and not facts.get("frozen"):
            self.unfreeze()
        groups = self._state()
        for group in ("variables", "optimizer"):
            for index, variable in enumerate(groups[group]):
                variable.assign(arrays[f"{self.name}/{group}/{index}"])
        self.stopped = facts["stopped"]
        self.best_epoch, self.best_loss = facts["best_epoch"], facts["best_loss"]
        self._snapshots_taken = facts.get("snapshots", 0)
        self.seconds = facts.get("seconds")
        best, since = facts.get("plateau", self._plateau)
        self._plateau = float(best), int(since)
        self._finite_weights = self.model.get_weights()
        kept_weights = {group: groups[group] for group in ("best", "mean", "last")}
        kept_weights["finite"] = self._finite_weights
        for group, kept in kept_weights.items():
            if f"{self.name}/{group}/0" in arrays:
                count = len(self.model.weights)
                kept[:] = [arrays[f"{self.name}/{group}/{index}"] for index in range(count)]
                if [array.shape for array in kept] != [*map(np.shape, self.model.get_weights())]:
                    raise ValueError(f"the {group} weights of {self.name} have other shapes")
        if self._last_weights and facts["epochs"] < self.recipe.epochs and not self.stopped:
            # The run was finished, and now goes on for more epochs.
            self.model.set_weights(self._last_weights)
            self._last_weights, self._finite_weights = [], self.model.get_weights()
        for number, model in enumerate(self.snapshots):
            for index, variable in enumerate(model.variables):
                variable.assign(arrays[f"{self.name}/snapshot {number}/{index}"])

    def _state(self) -> dict[str, Any]:
        # `variables` holds the seeds of dropout too, which `weights` does not.
        return {
            "variables": self.model.variables,
            "optimizer": state_of(self.optimizer),
            "best": self._best_weights,
            "mean": self._mean_weights,
            "last": self._last_weights,
            **{f"snapshot {k}": model.variables for k, model in enumerate(self.snapshots)},
        }


def _are_finite(weights: Sequence[Any]) -> bool:
    """Tell whether all weights are finite numbers."""
    return all(np.isfinite(weight).all() for weight in weights)


def _plain(value: Any) -> np.ndarray:
    """Give a NumPy array of a dtype that NumPy can save, which bfloat16 is not."""
    # Keras gives a weight without dimensions as a NumPy scalar.
    array = np.asarray(value if isinstance(value, (np.ndarray, np.generic)) else value.numpy())
    return array.astype("float32") if array.dtype.kind == "V" else array
