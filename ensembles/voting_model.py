"""A Keras model of several built models, whose probabilities a rule combines."""

import functools
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from zoo.augmentation.augmentation import Augmentation
from zoo.augmentation.views import AugmentedViews, augmented_views
from zoo.datasets.split import Split
from zoo.ensembles.answering.answer import Answer, make_answers
from zoo.ensembles.answering.pictures import Block, image_options, picture_blocks
from zoo.ensembles.checks import as_labelled, check_classes, checked_images
from zoo.ensembles.combining.rules import Rule
from zoo.ensembles.provenance import CompositeModel, Overlap, Provenance, provenance_of
from zoo.ensembles.reports.validation import ValidatedModel
from zoo.errors import ArgumentError
from zoo.training.built_models.interface import check_model, image_interface
from zoo.training.loop import EVALUATION_BATCH


class VotingModel(keras.Model, CompositeModel, ValidatedModel):
    """Several models that take the same images, and whose probabilities a rule combines.

    `zoo.ensembles.Committee` is such a model that can be trained, judged and saved.

    Args:
        rule: The rule of combination.
        class_names: The names of the classes; None leaves the classes without names.
        name: The name of the Keras model.
    """

    def __init__(self, rule: Rule, class_names: Sequence[str] | None, name: str) -> None:
        super().__init__(name=name)
        self.rule = rule
        self.class_names = tuple(class_names) if class_names is not None else None
        self._models: list[keras.Model] = []
        # The provenance of the rule and of the last training. Each member carries its own.
        self._own_provenance = Provenance()

    @property
    def voting(self) -> str:
        """The name of the rule."""
        return self.rule.voting

    @property
    def members(self) -> tuple[Any, ...]:
        """The members as Keras models; empty before they are built."""
        return tuple(self._models)

    @property
    def member_names(self) -> tuple[str, ...]:
        """The names of the members."""
        return tuple(model.name for model in self._models)

    @property
    def label_names(self) -> tuple[str, ...]:
        """The names of the classes, or their numbers where they have no names."""
        return self.class_names or tuple(map(str, range(self.output_shape[-1] or 0)))

    @property
    def input_shape(self) -> tuple[int | None, ...]:
        """[batch, height, width, channels], with None for the batch."""
        self._check_built()
        return self._models[0].input_shape

    @property
    def output_shape(self) -> tuple[int | None, ...]:
        """[batch, classes], with None for the batch."""
        self._check_built()
        return self._models[0].output_shape

    @property
    def trained_images(self) -> int:
        """The number of different images that the members were trained on."""
        return len(self.trained_on)

    @property
    def trained_on(self) -> np.ndarray:
        """Digests (`Split.digests`) of the images that a member was trained on, ascending."""
        return self.provenance.trained_on

    @property
    def tuned_on(self) -> np.ndarray:
        """Digests of the images that chose when to stop, members, weights or a temperature."""
        return self.provenance.tuned_on

    @property
    def provenance(self) -> Provenance:
        """The images and the data set that the members and the rule come from."""
        return self._own_provenance.joined_with(provenance_of(self._models))

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Combine the members: pixels [batch, height, width, channels] to [batch, classes]."""
        self._check_built()
        images = ops.cast(inputs, "float32")
        outputs = [ops.cast(model(images, training=training), "float32") for model in self._models]
        return self._combine(ops.stack(outputs))

    def member_outputs(self, images: Any) -> Any:
        """Compute each member's probabilities as tensors, for use in a graph.

        Args:
            images: Pixels [batch, height, width, channels].

        Returns:
            A tensor, float32 [members, batch, classes].
        """
        images = tf.cast(images, "float32")
        return tf.stack(
            [tf.cast(model(images, training=False), "float32") for model in self._models]
        )

    def soft_probabilities(self, images: Any) -> Any:
        """Compute the committee's probabilities as tensors, for use in a graph.

        Args:
            images: Pixels [batch, height, width, channels], a tensor.

        Returns:
            A tensor, float32 [batch, classes]. For a rule that counts votes, it is the weighted
            mean of the members' probabilities.
        """
        self._check_built()
        return self.rule.for_probabilities().on_tensors(self.member_outputs(images))

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: int = 0,
        *,
        augmentation: Augmentation | AugmentedViews | None = None,
        times: int | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> Any:
        """Compute the committee's probabilities. Their argmax is its decision, ties included.

        Args:
            x: A `Split`, images uint8 [n, height, width, channels], or a dataset of such batches.
            batch_size: The number of images at a time.
            verbose: 1 shows Keras's progress bar.
            augmentation: Test-time augmentation, as in `member_probabilities`.
            times: The number of views of each image, with an `Augmentation`; 8 by default.
            seed: The seed of the transforms, with an `Augmentation`; 0 by default.
            **kwargs: Arguments of `keras.Model.predict`.

        Returns:
            float32 [n, classes], rows sum to 1. For majority voting, the shares of the vote, of
            which no value is changed by more than 0.001 to break ties.

        Raises:
            DataError: The members take images of another shape.
        """
        batch_size = batch_size or EVALUATION_BATCH
        views = augmented_views(augmentation, times, seed)
        if views is not None:
            return self.rule(self.member_probabilities(x, batch_size, augmentation=views))
        if isinstance(x, (tf.data.Dataset, keras.utils.PyDataset)):
            return super().predict(x, verbose=verbose, **kwargs)
        images = self._checked_images(x)
        if verbose or kwargs:
            return super().predict(images, batch_size=batch_size, verbose=verbose, **kwargs)
        # Keras's own loop would take as long as three small members.
        starts = range(0, len(images), batch_size)
        return np.concatenate(
            [np.asarray(self._answers(images[start : start + batch_size])) for start in starts]
        )

    def member_probabilities(
        self,
        x: Any,
        batch_size: int = EVALUATION_BATCH,
        *,
        augmentation: Augmentation | AugmentedViews | None = None,
        times: int | None = None,
        seed: int | None = None,
    ) -> np.ndarray:
        """Compute the probabilities of each member.

        Args:
            x: A `Split`, or images uint8 [n, height, width, channels].
            batch_size: The number of images at a time.
            augmentation: Test-time augmentation: a member's probabilities are the mean over several
                views of the image, the image itself and random transforms of it, which are the
                same for all members.
            times: The number of views of each image, with an `Augmentation`; 8 by default.
            seed: The seed of the transforms, with an `Augmentation`; 0 by default.

        Returns:
            float32 [members, n, classes].

        Raises:
            DataError: The members take images of another shape.
            ArgumentError: `times` is below 2, or stands beside `AugmentedViews`.
        """
        images = self._checked_images(x)
        views = augmented_views(augmentation, times, seed)
        parts = []
        for start in range(0, len(images), batch_size):
            batch = images[start : start + batch_size]
            if views is None:
                parts.append(np.asarray(self._member_outputs(batch)))
            else:
                parts.append(views.mean(self._member_outputs, batch, start))
        return np.concatenate(parts, axis=1)

    def votes(self, x: Any) -> np.ndarray:
        """Give the class that each member votes for.

        Args:
            x: A `Split`, or images uint8 [n, height, width, channels].

        Returns:
            int64 [members, n], class ids.

        Raises:
            DataError: The members take images of another shape.
        """
        return self.member_probabilities(x).argmax(axis=-1)

    def classify(self, pictures: Any, *, on_error: str = "raise") -> list[Answer]:
        """Answer which class each picture is of.

        Pictures get the size and colour of the training images, as `zoo.datasets.load` reads them.

        Args:
            pictures: One picture or several: paths of files or folders, patterns such as
                `"photos/*.jpg"`, Pillow images, arrays uint8 [height, width, channels] or
                [n, height, width, channels], a `Split`, or a list of these.
            on_error: `"raise"`, or `"skip"` to leave out pictures that cannot be read, with a
                warning that names them.

        Returns:
            An `Answer` for each picture, in order: class name, probability, votes, uncertainty.

        Raises:
            DataError: A file does not exist, or a picture cannot be read.
            ArgumentError: `on_error` is something else, or the members are not built.
        """
        blocks = self.picture_blocks(pictures, on_error)
        return [answer for block in blocks for answer in self.answers(block)]

    def picture_blocks(self, pictures: Any, on_error: str = "raise") -> Iterator[Block]:
        """Read pictures in blocks, in the size and colour that the members take.

        Args:
            pictures: As for `classify`.
            on_error: `"raise"`, or `"skip"`: then each block names the pictures it leaves out.

        Returns:
            An iterator, which reads a block when it is asked for the block.
        """
        self._check_built()
        options = image_options(self.input_shape[1:], self.provenance.data_settings)
        return picture_blocks(pictures, options, on_error)

    def answers(self, block: Block) -> list[Answer]:
        """Answer which class each picture of a block is of.

        Args:
            block: A block of `picture_blocks`.

        Returns:
            An `Answer` for each picture.
        """
        if not len(block.sources):
            return []
        members = self.member_probabilities(block.images)
        named = dict(zip(self.member_names, members, strict=True))
        weights = self.rule.weights
        return make_answers(block.sources, named, self.rule(members), self.label_names, weights)

    def overlap_with(self, split: Split) -> Overlap:
        """Count the images of a split that the members were trained on, or that chose something.

        Args:
            split: The images that judge the committee.

        Returns:
            The counts.
        """
        return self.provenance.overlap_with(split)

    def split_to_judge(self, x: Any, y: Any = None) -> Split:
        """Take images with labels of the classes that this committee knows.

        Args:
            x: A `Split`, or images uint8 [n, height, width, channels].
            y: Labels int [n], if `x` is an array.

        Returns:
            The split.

        Raises:
            DataError: The images or classes do not fit the members.
        """
        self._check_built()
        split = as_labelled(x, y, "images", self.label_names)
        check_classes(split, self.output_shape[-1] or 0, self.class_names)
        return split

    def _use_models(self, models: list[Any], names: Sequence[str]) -> None:
        """Take built models as the members, and check that they fit each other."""
        self._models = models
        image_shape, num_classes = image_interface(names[0], models[0])
        for name, model in zip(names, models, strict=True):
            check_model(name, model, image_shape, num_classes)
        self.rule.check_members(len(models), num_classes)
        if self.class_names is not None and len(self.class_names) != num_classes:
            raise ArgumentError(
                f"class_names must be {num_classes} names, one for each class that the members "
                f"know. Received: {len(self.class_names)} names. Name the classes in the order of "
                "their ids."
            )
        # TensorFlow counts the tracings of each function, and would warn of too many tracings at
        # the fifth committee. Each partial is counted as a function of its own.
        self._member_outputs, self._answers = (
            tf.function(functools.partial(function), autograph=False, reduce_retracing=True)
            for function in (self.member_outputs, self._committee_outputs)
        )
        self.built = True

    def _committee_outputs(self, images: Any) -> Any:
        """Compute the committee's probabilities as tensors."""
        return self._combine(self.member_outputs(images))

    def _combine(self, probabilities: Any) -> Any:
        """Combine members' probabilities [members, batch, classes] by this committee's rule."""
        return self.rule.on_tensors(probabilities)

    def _checked_images(self, x: Any) -> np.ndarray:
        self._check_built()
        return checked_images(x, self.input_shape[1:])

    def _check_built(self) -> None:
        if not self._models:
            raise ArgumentError(
                "The members must be built. Received: a committee with members that are not built "
                "yet. Call fit first, or make the committee of built models."
            )
