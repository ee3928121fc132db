"""A Keras model that holds several built models side by side."""

import functools
import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from zoo.augmentation.views import TestTimeAugmentation, Views, augmented_views
from zoo.datasets.image_batches import image_batches
from zoo.datasets.split import Split
from zoo.ensembles.checks import as_labelled, as_unlabelled, check_classes, check_part
from zoo.ensembles.provenance import CompositeModel, Overlap, Provenance, provenance_of
from zoo.errors import ArgumentError, DataError
from zoo.layers.folding import inference_of
from zoo.registry.class_order import (
    check_classes_agree,
    known_classes,
    order_classes,
    tell_other_classes,
)
from zoo.starting.signals import raise_shared
from zoo.text import visible
from zoo.training.built_models.interface import check_model, image_interface
from zoo.training.built_models.pixel_range import warning_of_range
from zoo.training.phases.phase import EVALUATION_BATCH


def class_names_from_file(names: Any) -> list[str] | None:
    """Take the names of the classes from a saved committee, which may come from a stranger.

    Args:
        names: JSON values.

    Returns:
        The names, or None.

    Raises:
        DataError: The names are no list of different texts.

    Example:
        >>> class_names_from_file(["cat", "dog"])
        ['cat', 'dog']
    """
    if names is None:
        return None
    are_texts = isinstance(names, list | tuple) and all(isinstance(name, str) for name in names)
    if not are_texts or len({*names}) < len(names):
        raise DataError(
            "class_names in the file of a committee must be a list of different names. Received: "
            f"{names!a:.80}. Ask where the file comes from."
        )
    return list(names)


class MemberModels(keras.Model, CompositeModel):
    """Several models that take the same images and know the same classes.

    Args:
        class_names: The names of the classes; None leaves the classes without names.
        name: The name of the Keras model.
    """

    def __init__(self, class_names: Sequence[str] | None, name: str) -> None:
        super().__init__(name=name)
        self.class_names = None if class_names is None else tuple(map(visible, class_names))
        self._models: list[keras.Model] = []
        # The provenance of the rule and of the last training. Each member carries its own.
        self._own_provenance = Provenance()
        # The images of the last training in this process, which reports search for near-copies.
        self._training_images: Split | None = None

    @property
    def members(self) -> tuple[Any, ...]:
        """The members as Keras models; empty before they are built."""
        return tuple(self._models)

    @property
    def member_names(self) -> tuple[str, ...]:
        """The names of the members."""
        return tuple(model.name for model in self._models)

    @property
    def known_class_names(self) -> tuple[str, ...] | None:
        """The names of the classes: `class_names`, or those of the members' trained weights.

        None where there are no names, or where the weights of two members know other classes.
        """
        names = {known for model in self._models if (known := known_classes(model))}
        return self.class_names or (names.pop() if len(names) == 1 else None)

    @property
    def label_names(self) -> tuple[str, ...]:
        """The names of the classes, or their numbers where they have no names."""
        return self.known_class_names or tuple(map(str, range(self.output_shape[-1] or 0)))

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

    def keep_training_images(self, images: Split) -> None:
        """Keep the images among which the training images are, for reports to look for near-copies.

        They are not saved with the members.

        Args:
            images: The training images, perhaps among others.
        """
        self._training_images = images

    def build(self, input_shape: Any = None) -> None:
        """Keras calls this before the first call: refuse a committee without built members."""
        self._check_built()

    def load_weights(self, filepath: Any, **kwargs: Any) -> None:
        """Load weights that `save_weights` wrote, as in Keras, into members that are built."""
        self._check_built()
        super().load_weights(filepath, **kwargs)

    def member_outputs(self, images: Any) -> Any:
        """Compute each member's probabilities as tensors, for use in a graph.

        Batch normalisation is folded into the layers before it (`zoo.layers.folding`).

        Args:
            images: Pixels [batch, height, width, channels].

        Returns:
            A tensor, float32 [members, batch, classes].

        Raises:
            ArgumentError: Two members know other classes, or their order is another.
        """
        self._check_classes_agree()
        images = tf.cast(images, "float32")
        return tf.stack([tf.cast(inference_of(model)(images), "float32") for model in self._models])

    def member_probabilities(
        self,
        x: Any,
        batch_size: int = EVALUATION_BATCH,
        *,
        augmentation: TestTimeAugmentation = None,
        times: int | None = None,
        seed: int | None = None,
    ) -> np.ndarray:
        """Compute the probabilities of each member.

        Args:
            x: Images, as in `predict`.
            batch_size: The number of images at a time; datasets keep their own batches.
            augmentation: Test-time augmentation: a member's probabilities are the mean over several
                views of the image, which are the same for all members. With a `zoo.Augmentation`,
                the views are the image itself and random transforms of it. `"flip"` takes the
                image and its mirror image, and `"ten_crop"` the four corners and the centre, each
                with its mirror image (`zoo.augmentation.views`).
            times: The number of views of each image, with an `Augmentation`; 8 by default.
            seed: The seed of the transforms, with an `Augmentation`; 0 by default.

        Returns:
            float32 [members, n, classes].

        Raises:
            DataError: The members take images of another shape.
            ArgumentError: `times` is below 2, or stands beside views that are not random; or the
                augmentation would mix images.
        """
        views = augmented_views(augmentation, times, seed)
        return self._probabilities(self._batches(x, batch_size), views)

    def _probabilities(self, batches: Iterable[np.ndarray], views: Views | None) -> np.ndarray:
        """Compute the probabilities of each member, float32 [members, n, classes]."""
        parts = []
        start = 0
        for batch in batches:
            raise_shared()
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

    def overlap_with(self, x: Any, y: Any = None) -> Overlap:
        """Count the images that the members were trained on, or that chose something.

        Args:
            x: The images that judge the committee, as in `report`; they may be without labels.
            y: Labels int [n], if `x` is an array; they do not change the counts.

        Returns:
            The counts.

        Raises:
            DataError: The images or labels are not as described.
        """
        is_labelled = y is not None
        split = as_labelled(x, y, "images", self._known_names) if is_labelled else as_unlabelled(x)
        return self.provenance.overlap_with(split)

    def _use_models(self, models: list[Any], names: Sequence[str]) -> None:
        """Take built models as the members, and check that they fit each other."""
        self._models = models
        image_shape, num_classes = image_interface(names[0], models[0])
        for name, model in zip(names, models, strict=True):
            check_model(name, model, image_shape, num_classes)
        if self.class_names is not None and len(self.class_names) != num_classes:
            raise ArgumentError(
                f"class_names must be {num_classes} names, one for each class that the members "
                f"know. Received: {len(self.class_names)} names. Name the classes in the order of "
                "their ids."
            )
        self._member_outputs = graph_of(self.member_outputs)
        self.built = True

    def expected_names(self, split: Split) -> tuple[str, ...] | None:
        """Give the names that the classes of a split must have; None allows any names.

        A split without names has numbers, which no names of trained weights are compared with.
        """
        numbers = tuple(map(str, range(split.num_classes)))
        return self.class_names if split.class_names == numbers else self.known_class_names

    def _learn_classes(self, data: Split) -> None:
        """Take the classes that the members are to learn, or check that they are those known.

        Members that know the same classes in another order take the order of the data. The log
        says so, and which members keep a last layer that was trained for other classes.
        """
        names = self.class_names or data.class_names
        check_classes(data, self.output_shape[-1] or 0, names)
        self.class_names = names
        for member, model in zip(self.member_names, self._models, strict=True):
            order_classes(member, model, names)
            tell_other_classes(member, model, names)

    def _batches(self, x: Any, batch_size: int, steps: int | None = None) -> Iterator[np.ndarray]:
        self._check_built()
        self._check_classes_agree()
        check_part(x)
        return image_batches(x, self.input_shape[1:], batch_size, steps)

    def _check_classes_agree(self) -> None:
        """Refuse answers of members that cannot be combined, class by class."""
        with tf.init_scope():  # outside the graph in which the answers are computed
            check_classes_agree(self.member_names, self._models, self.class_names)

    def _check_built(self) -> None:
        if not self._models:
            raise ArgumentError(
                "The members must be built. Received: a committee with members that are not built "
                "yet. Call fit first; make the committee of built models, such as "
                'zoo.build("lenet", weights="mnist"); or take one that is trained, such as '
                'zoo.ensembles.pretrained("mnist").'
            )


def warn_of_range(
    names: Sequence[str], models: Sequence[Any], split: Split, stacklevel: int = 3
) -> None:
    """Warn of trained members of other origin that take values from 0 to 1 or from -1 to 1.

    Args:
        names: The names of the members.
        models: Their Keras models.
        split: Images with labels, on which the members are tried.
        stacklevel: As in `warnings.warn`.
    """
    for name, model in zip(names, models, strict=True):
        if len(provenance_of([model]).trained_on):
            continue  # Zoo trained the model, with pixels.
        if message := warning_of_range(name, model, split):
            warnings.warn(message, UserWarning, stacklevel=stacklevel)


def graph_of(function: Any) -> Any:
    """Make a function of tensors a graph.

    TensorFlow counts the tracings of each function, and would warn of too many tracings at the
    fifth committee. Each partial is counted as a function of its own.
    """
    return tf.function(functools.partial(function), autograph=False, reduce_retracing=True)
