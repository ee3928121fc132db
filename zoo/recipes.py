"""Recipe: how a model is trained."""

import math
import numbers
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from zoo.arguments import whole_number
from zoo.augmentation.augmentation import REPORT, Augmentation
from zoo.errors import ArgumentError

SCHEDULES = ("constant", "cosine")
STANDARDIZATIONS = {
    "per_image": "PerImageStandardization",
    "mean_image": "MeanImageStandardization",
}
"""The layers of `zoo.layers` that bring images to mean 0 and deviation 1."""


@dataclass(frozen=True)
class Recipe:
    """How a model is trained: a value to look at, change with `dataclasses.replace`, and log.

    Args:
        optimizer: Name of a Keras optimiser.
        learning_rate: Its learning rate, at the start if there is a schedule.
        optimizer_arguments: Its other arguments, such as `{"momentum": 0.9}`.
        schedule: `"constant"`, or `"cosine"`: down to zero, once in every cycle (Loshchilov and
            Hutter, 2017).
        cycles: How often the cosine starts at the full learning rate; epochs are a multiple of it.
        batch_size: Images in a step.
        epochs: Passes over the training images.
        patience: Stop after so many epochs without a lower validation loss and keep the best
            weights; None trains all epochs and keeps the last.
        augmentation: Random transforms of the training images, an `Augmentation`, or None.
            `"ImageDataGenerator"` stands for those of the CO395 report, done as there.
        standardize: `"per_image"` or `"mean_image"`: a layer behind the model's first that brings
            images to mean 0 and deviation 1, each by itself or by the training images' mean.
        average_from: Stochastic weight averaging (Izmailov et al., 2018): from this share of the
            epochs on, the weights at the ends of epochs are averaged, and the mean is kept. None
            keeps the last.
        class_weight: `"balanced"` weights the loss of each image by how rare its class is, as
            scikit-learn's classifiers do (n / (classes · images of the class)); None counts all
            alike.
        precision: Keras dtype policy that the model is built under. `"auto"` takes
            `"mixed_bfloat16"` where the hardware multiplies bfloat16 itself, None Keras's own.

    Raises:
        ArgumentError: A value out of its range.

    Example:
        >>> from dataclasses import replace
        >>> replace(Recipe(), optimizer="adam", patience=5).patience
        5
    """

    optimizer: str = "sgd"
    learning_rate: float = 0.001
    optimizer_arguments: Mapping[str, Any] = field(default_factory=dict)
    schedule: str = "constant"
    cycles: int = 1
    batch_size: int = 256
    epochs: int = 100
    patience: int | None = None
    augmentation: Any = None  # an Augmentation or None, once it is made
    standardize: str | None = None
    average_from: float | None = None
    class_weight: str | None = None
    precision: str | None = None

    def __post_init__(self) -> None:
        for name in ("cycles", "batch_size", "epochs", "patience"):
            value = getattr(self, name)
            if name == "patience" and value is None:
                continue
            object.__setattr__(self, name, whole_number(name, value, 1))
        rate = self.learning_rate
        if not isinstance(rate, numbers.Real) or not 0 < rate < math.inf:
            raise ArgumentError(f"learning_rate is above 0 and finite. Received: {rate!r}")
        object.__setattr__(self, "learning_rate", float(rate))
        if not isinstance(self.optimizer, str):
            raise ArgumentError(
                f"optimizer is the name of a Keras optimiser. Received: {self.optimizer!r}"
            )
        if "learning_rate" in self.optimizer_arguments:
            raise ArgumentError(
                "The learning rate has a field of its own: learning_rate=. Received: "
                f"optimizer_arguments={dict(self.optimizer_arguments)}"
            )
        # A plain one, since other mappings, such as read-only views, cannot be copied or pickled.
        object.__setattr__(self, "optimizer_arguments", dict(self.optimizer_arguments))
        if self.augmentation == "ImageDataGenerator":
            report = replace(REPORT, method="ImageDataGenerator")
            object.__setattr__(self, "augmentation", report)
        elif not isinstance(self.augmentation, Augmentation | None):
            raise ArgumentError(
                'augmentation is a zoo.Augmentation, "ImageDataGenerator" or None. '
                f"Received: {self.augmentation!r}"
            )
        if self.class_weight not in ("balanced", None):
            raise ArgumentError(
                f'class_weight is "balanced" or None. Received: {self.class_weight!r}'
            )
        if self.standardize not in (*STANDARDIZATIONS, None):
            raise ArgumentError(
                f"standardize is {', '.join(STANDARDIZATIONS)} or None. "
                f"Received: {self.standardize!r}"
            )
        if self.schedule not in SCHEDULES:
            raise ArgumentError(
                f"schedule is one of {', '.join(SCHEDULES)}. Received: {self.schedule!r}"
            )
        if self.cycles > 1 and (self.schedule != "cosine" or self.epochs % self.cycles):
            raise ArgumentError(
                'cycles are of the schedule "cosine", and have a whole number of epochs. Received: '
                f"cycles={self.cycles}, schedule={self.schedule!r}, epochs={self.epochs}"
            )
        share = self.average_from
        if share is not None:
            if not isinstance(share, numbers.Real) or not 0 <= share < 1:
                raise ArgumentError(f"average_from is from 0 to below 1. Received: {share!r}")
            if self.patience:
                raise ArgumentError(
                    "patience keeps the weights of one epoch, and average_from the mean of many: "
                    f"choose one. Received: patience={self.patience}, average_from={share}"
                )

    def make_optimizer(self, steps: int) -> Any:
        """Make the Keras optimiser, fresh.

        Args:
            steps: Training steps in all, for the schedule.

        Returns:
            A `keras.optimizers.Optimizer`.

        Raises:
            ArgumentError: Keras has no such optimiser, or it has no such argument.

        Example:
            >>> float(Recipe(learning_rate=0.5).make_optimizer(steps=10).learning_rate)
            0.5
        """
        import keras

        learning_rate: Any = self.learning_rate
        if self.schedule == "cosine":
            learning_rate = keras.optimizers.schedules.CosineDecay(self.learning_rate, steps)
            if self.cycles > 1:
                learning_rate = keras.optimizers.schedules.CosineDecayRestarts(
                    self.learning_rate, max(steps // self.cycles, 1), t_mul=1.0
                )
        arguments = {**self.optimizer_arguments, "learning_rate": learning_rate}
        try:
            return keras.optimizers.get({"class_name": self.optimizer, "config": arguments})
        except (TypeError, ValueError) as error:
            raise ArgumentError(
                f"optimizer is the name of a Keras optimiser, with its own arguments. Received: "
                f"{self.optimizer!r} with {dict(self.optimizer_arguments)} ({error})"
            ) from error
