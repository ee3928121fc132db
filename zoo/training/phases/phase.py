"""The phases of a training: which images learners see, and the arithmetic that learns from them."""

import functools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from zoo.augmentation import Augmentation
from zoo.datasets.pipeline import StreamPosition
from zoo.datasets.split import Split
from zoo.training.distillation import Teacher
from zoo.training.learner import Learner
from zoo.training.lockstep import Combine, Graphs, Lockstep, reuse_lockstep
from zoo.training.phases.small_images import (
    make_smaller,
    scaled,
    small_image_network,
    small_shape,
)
from zoo.training.transfer.feature_splits import heads_of, keep_features

EVALUATION_BATCH = 1024
"""The number of images in a batch of an evaluation."""

ENDLESS = 2**31 - 1
"""A number of epochs that no training reaches."""


@dataclass(frozen=True)
class Phase:
    """Learners that train together, on the same batches.

    Attributes:
        learners: The learners.
        lockstep: Their arithmetic.
        judge: The arithmetic of their scores on validation images.
        data: Their training images, as they are.
        source: What the batches are made of: the images, their features, or smaller images.
        augmentation: The random transforms of the batches, or None.
        validation_batches: An endless iterator over the validation images, or their features; None
            without validation images.
        small: Height, width and channels of smaller images; None where there are none.
        steps: Steps in an epoch.
        epochs: Epochs at most, of the whole training.
        model_weights: How much each image counts for each learner, float32 [n, learners]; None
            where each learner has all images.
    """

    learners: Sequence[Learner]
    lockstep: Lockstep
    judge: Lockstep
    data: Split
    source: Split
    augmentation: Augmentation | None
    validation_batches: Iterator[Any] | None
    small: tuple[int, ...] | None
    steps: int
    epochs: int
    model_weights: np.ndarray | None

    def trains(self, epoch: int) -> bool:
        """Tell whether a learner still learns in an epoch, from 0."""
        return any(learner.trains(epoch) for learner in self.learners)

    def add_seconds(self, seconds: float, epoch: int) -> None:
        """Divide the time of an epoch, from 0, among the learners that learn in it."""
        learning = [learner for learner in self.learners if learner.trains(epoch)]
        for learner in learning:
            if learner.seconds is not None:
                learner.seconds += seconds / len(learning)

    def images_left(self, position: StreamPosition) -> int:
        """Count the images that the learners may still go through, at most."""
        steps_left = (self.epochs - position.epoch) * self.steps - position.batch
        return steps_left * self.learners[0].recipe.batch_size

    def batches(self, position: StreamPosition, seed: int) -> Iterator[Any]:
        """Iterate over the training batches.

        Args:
            position: Where to begin. Behind the last batch of an epoch, the next batch is the first
                of the next epoch.
            seed: The seed of learners without a seed of their own.
        """
        step = position.epoch * self.steps + position.batch
        start = StreamPosition(*divmod(step, self.steps))
        own = self.learners[0].seed if len(self.learners) == 1 else None
        return _iterator(
            self.source.batches(
                self.learners[0].recipe.batch_size,
                shuffle=True,
                seed=seed if own is None else own,
                epochs=max(self.epochs - start.epoch, 1),
                first_epoch=start.epoch,
                first_batch=start.batch,
                transform=self.augmentation,
                label_shares=any(learner.recipe.targets == "shares" for learner in self.learners),
                model_weights=self.model_weights,
            )
        )


@dataclass
class Phases:
    """Make the phases of trainings on the same data.

    Args:
        data: Training images.
        validation: Validation images, or None.
        teacher: The model that all learn from beside the labels, or None.
        graphs: Keeps the graphs for a training of other models, or None.
        say: Prints what is done, and why.
    """

    data: Split
    validation: Split | None
    teacher: Teacher | None
    graphs: Graphs | None
    say: Callable[[str], None]

    def images_of(self, learners: Sequence[Learner]) -> Split:
        """Give the images of the batches: a learner alone has its own, several share all images."""
        return learners[0].training_images(self.data) if len(learners) == 1 else self.data

    def end(self, phase: Phase, epoch: int) -> bool:
        """Tell whether a phase is over in an epoch, from 0, and let frozen layers learn then."""
        joining = [learner for learner in phase.learners if learner.unfreezes(epoch)]
        for learner in joining:
            learner.unfreeze()
            self.say(f"{learner.name}: all layers learn from epoch {epoch + 1} on.")
        recipe, shape = phase.learners[0].recipe, phase.data.image_shape
        grows = phase.small != small_shape(recipe, shape, epoch)
        if grows:
            names = ", ".join(learner.name for learner in phase.learners)
            self.say(f"{names}: full size, {_size(shape)} pixels, from epoch {epoch + 1} on.")
        return bool(joining) or grows

    def begin(self, learners: Sequence[Learner], combine: Combine | None, epoch: int) -> Phase:
        """Begin a phase.

        Args:
            learners: The learners, started.
            combine: Combines their probabilities, for the committee's scores; or None.
            epoch: The epoch, from 0.

        Raises:
            ArgumentError: A network does not take the smaller images that its recipe asks for.
        """
        for learner in learners:
            learner.stand_in = None
        data, recipe = self.images_of(learners), learners[0].recipe
        small = small_shape(recipe, data.image_shape, epoch)
        judge, augmentation = None, recipe.augmentation
        if small:
            judge = Lockstep(learners, combine)  # of the models, which are asked about full size
            splits: Any = (self._make_smaller(learners, data, small), None)
            augmentation = scaled(augmentation, recipe.small_images or 1.0)
        else:
            splits = self._keep_features(learners, data)
        model_weights = None
        if len(learners) > 1 and any(learner.rows is not None for learner in learners):
            rows_of_models = [learner.image_weights(len(data)) for learner in learners]
            model_weights = np.stack(rows_of_models, axis=1)
        steps = math.ceil(len(data) / recipe.batch_size)
        epochs = max(learner.recipe.epochs for learner in learners)
        class_weights = [
            list(learner.training_images(self.data).class_weights.values()) for learner in learners
        ]
        lockstep = reuse_lockstep(
            learners, combine, class_weights, self.teacher,
            steps=steps * epochs, graphs=self.graphs,
        )  # fmt: skip
        source, validation = splits or (data, None)
        return Phase(
            learners=learners,
            lockstep=lockstep,
            judge=judge or lockstep,
            data=data,
            source=source,
            augmentation=augmentation,
            validation_batches=endless_batches(validation) if validation else self.batches_to_judge,
            small=small,
            steps=steps,
            epochs=epochs,
            model_weights=model_weights,
        )

    def _make_smaller(
        self, learners: Sequence[Learner], data: Split, shape: tuple[int, ...]
    ) -> Split:
        """Make the training images smaller, and let networks take them."""
        for learner in learners:
            learner.stand_in = small_image_network(learner.name, learner.model, shape)
        names = ", ".join(learner.name for learner in learners)
        last = learners[0].recipe.full_size_at
        self.say(f"{names}: small training images, {_size(shape)} pixels, to epoch {last}.")
        return make_smaller(data, shape)

    def _keep_features(
        self, learners: Sequence[Learner], data: Split
    ) -> tuple[Split, Split | None] | None:
        """Compute the features of all images once, where all learners are frozen.

        Returns:
            Features in place of the training and the validation images. None if the learners need
            the images.
        """
        frozen = {learner.name: learner.model for learner in learners if learner.frozen}
        if not frozen:
            return None
        reason = ""
        if self.teacher:
            reason = "the teacher looks at the images"
        elif (augmentation := learners[0].recipe.augmentation) and augmentation.changes_images:
            without = "(without it, the features are computed once)"
            reason = f"the augmentation changes the images {without}"
        elif others := [learner.name for learner in learners if not learner.frozen]:
            reason = f"other layers of {', '.join(others)} learn in the same steps"
        splits = keep_features(frozen, data, self.validation, reason=reason, say=self.say)
        if splits:
            for learner, head in zip(learners, heads_of([*frozen.values()]), strict=True):
                learner.stand_in = head
        return splits

    @functools.cached_property
    def batches_to_judge(self) -> Iterator[Any] | None:
        """An endless iterator over the validation images. A second would cost much time."""
        return None if self.validation is None else endless_batches(self.validation)


def endless_batches(split: Split) -> Iterator[Any]:
    """Iterate over the batches of an evaluation, again and again."""
    return _iterator(split.batches(EVALUATION_BATCH, epochs=ENDLESS))


def _iterator(batches: Any) -> Iterator[Any]:
    """Iterate over a `tf.data.Dataset` without its own optimisation, which costs 50 ms each time.

    The dataset reads from one function, so there is nothing in it to fuse or to tune.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    options.experimental_optimization.apply_default_optimizations = False
    return iter(batches.with_options(options))


def _size(shape: Sequence[int]) -> str:
    return f"{shape[0]}×{shape[1]}"
