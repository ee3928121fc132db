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
from zoo.datasets.arrays.streams import is_stream
from zoo.datasets.image_batches import image_batches
from zoo.datasets.split import Split
from zoo.ensembles.answering.answer import Answer, make_answers
from zoo.ensembles.answering.evaluating import for_keras, loss_and_accuracy, quiet_end
from zoo.ensembles.answering.pictures import Block, image_options, picture_blocks
from zoo.ensembles.checks import as_labelled, check_classes, check_counts_alike
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
        self.class_names = None if class_names is None else tuple(map(str, class_names))
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
    def _known_names(self) -> tuple[str, ...] | None:
        """The names or numbers of the classes; None where neither is known yet."""
        return self.label_names if self._models else self.class_names

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
            x: A `Split`, images uint8 [n, height, width, channels], or a dataset of TensorFlow or
                Keras, which is read batch by batch, and whose labels are left out.
            batch_size: The number of images at a time; datasets keep their own batches.
            verbose: 1 shows Keras's progress bar.
            augmentation: Test-time augmentation, as in `member_probabilities`.
            times: The number of views of each image, with an `Augmentation`; 8 by default.
            seed: The seed of the transforms, with an `Augmentation`; 0 by default.
            **kwargs: Arguments of `keras.Model.predict`, such as the `steps` of a dataset.

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
        batches = self._batches(x, batch_size, kwargs.get("steps"))
        if verbose or kwargs:
            images = x[0] if isinstance(x, tuple) else x
            if hasattr(images, "__len__") and not is_stream(images):
                kwargs.setdefault("steps", -(-len(images) // batch_size))
            with quiet_end():
                return super().predict(((batch,) for batch in batches), verbose=verbose, **kwargs)
        # Keras's own loop would take as long as three small members.
        return np.concatenate([np.asarray(self._answers(batch)) for batch in batches])

    def evaluate(
        self,
        x: Any,
        y: Any = None,
        *,
        sample_weight: Any = None,
        return_dict: bool = False,
        **kwargs: Any,
    ) -> Any:
        """Compute the loss and the accuracy of the committee. `report` tells much more.

        Args:
            x: Images with labels, as `zoo.datasets.as_split` takes them.
            y: Labels int [n], if `x` is an array.
            sample_weight: How much each image counts, [n]; None counts all images alike.
            return_dict: Whether the scores have names.
            **kwargs: `batch_size` and `verbose`. Of a committee that was compiled, Keras computes
                the loss and the metrics, and takes all arguments of `keras.Model.evaluate`.

        Returns:
            [loss, accuracy], or {"accuracy": …, "loss": …}: the cross-entropy of the committee's
            probabilities, and the share of the images classified correctly. Both are means over
            the images, weighted by `sample_weight`.

        Raises:
            DataError: The images, labels or weights do not fit.
            ArgumentError: There is no such argument.
        """
        if self.compiled:
            x, y, sample_weight = for_keras(x, y, sample_weight, kwargs.get("steps"))
            options = {"sample_weight": sample_weight, "return_dict": return_dict}
            with quiet_end():
                return super().evaluate(x, y, **options, **kwargs)
        if unknown := sorted({*kwargs} - {"batch_size", "verbose"}):
            raise ArgumentError(
                "The arguments of evaluate must be x, y, sample_weight, batch_size, verbose and "
                f"return_dict. Received: {unknown[0]}. Leave it out, or call compile first."
            )
        self._check_built()
        split = as_labelled(x, y, "images", self.label_names, sample_weight)
        check_classes(split, self.output_shape[-1] or 0, self.class_names)
        probabilities = self.predict(split, **kwargs)
        scores = loss_and_accuracy(probabilities, split.labels, split.sample_weight)
        return scores if return_dict else [scores["loss"], scores["accuracy"]]

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
            x: Images, as in `predict`.
            batch_size: The number of images at a time; datasets keep their own batches.
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
        views = augmented_views(augmentation, times, seed)
        parts = []
        start = 0
        for batch in self._batches(x, batch_size):
            if views is None:
                parts.append(np.asarray(self._member_outputs(batch)))
            else:
                parts.append(views.mean(self._member_outputs, batch, start))
            start += len(batch)
        return np.concatenate(parts, axis=1)

    def votes(self, x: Any) -> np.ndarray:
        """Give the class that each member votes for.

        Args:
            x: Images, as in `predict`.

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
            x: Images with labels, as `zoo.datasets.as_split` takes them, but without weights.
            y: Labels int [n], if `x` is an array.

        Returns:
            The split.

        Raises:
            DataError: The images or classes do not fit the members.
        """
        self._check_built()
        split = as_labelled(x, y, "images", self.label_names)
        check_counts_alike(x, split)
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

    def _batches(self, x: Any, batch_size: int, steps: int | None = None) -> Iterator[np.ndarray]:
        self._check_built()
        return image_batches(x, self.input_shape[1:], batch_size, steps)

    def _check_built(self) -> None:
        if not self._models:
            raise ArgumentError(
                "The members must be built. Received: a committee with members that are not built "
                "yet. Call fit first, or make the committee of built models."
            )
