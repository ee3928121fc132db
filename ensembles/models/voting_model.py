"""A Keras model of several built models, whose probabilities a rule combines."""

import contextlib
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from keras import ops

from zoo.arguments import whole_number
from zoo.augmentation.views import TestTimeAugmentation, augmented_views
from zoo.datasets.arrays.images import check_images
from zoo.datasets.arrays.streams import is_stream, read_batches
from zoo.datasets.split import Split
from zoo.ensembles.answering.answer import Answer, make_answers
from zoo.ensembles.answering.pictures import Block, image_options, picture_blocks
from zoo.ensembles.checks import as_labelled, as_unlabelled, check_classes, logarithms
from zoo.ensembles.combining.rules import Rule
from zoo.ensembles.models.member_models import MemberModels, graph_of, warn_of_range
from zoo.ensembles.models.timing import milliseconds_an_image
from zoo.ensembles.reports.report import Report, make_report
from zoo.ensembles.reports.training_record import TrainingRecord
from zoo.ensembles.reports.validation import ValidatedModel
from zoo.errors import ArgumentError
from zoo.layers.folding import inference_of
from zoo.training.phases.phase import EVALUATION_BATCH


class VotingModel(MemberModels, ValidatedModel):
    """Several models that take the same images, and whose probabilities a rule combines.

    `zoo.ensembles.Committee` is such a model that can be trained and saved.

    Args:
        rule: The rule of combination.
        class_names: The names of the classes; None leaves the classes without names.
        name: The name of the Keras model.
    """

    def __init__(self, rule: Rule, class_names: Sequence[str] | None, name: str) -> None:
        super().__init__(class_names, name)
        self.rule = rule
        # The settings of the last training, its seconds, and the milliseconds of predicting.
        self.training: dict[str, Any] = {}

    @property
    def voting(self) -> str:
        """The name of the rule."""
        return self.rule.voting

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Combine the members: pixels [batch, height, width, channels] to [batch, classes]."""
        self._check_built()
        self._check_classes_agree()
        images = ops.cast(inputs, "float32")
        outputs = [ops.cast(model(images, training=training), "float32") for model in self._models]
        return self._combine(ops.stack(outputs))

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
        augmentation: TestTimeAugmentation = None,
        times: int | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> Any:
        """Compute the committee's probabilities. Their argmax is its decision, ties included.

        Args:
            x: A `Split`; images uint8 [n, height, width, channels]; or a `tf.data.Dataset` or a
                `keras.utils.PyDataset`, read batch by batch, whose labels are left out.
            batch_size: The number of images at a time; datasets keep their own batches.
            verbose: 1 shows Keras's progress bar; with test-time augmentation there is none.
            augmentation: Test-time augmentation, as in `member_probabilities`.
            times: The number of views of each image, with an `Augmentation`; 8 by default.
            seed: The seed of the transforms, with an `Augmentation`; 0 by default.
            **kwargs: Arguments of `keras.Model.predict`. `steps` is the number of batches to take
                from a dataset; the others stand without test-time augmentation only.

        Returns:
            float32 [n, classes], rows sum to 1. For majority voting, the shares of the vote, of
            which no value is changed by more than 0.001 to break ties.

        Raises:
            DataError: The members take images of another shape.
            ArgumentError: An argument is not as described, or cannot stand beside `augmentation`.
        """
        batch_size = EVALUATION_BATCH if batch_size is None else batch_size
        whole_number("batch_size", batch_size, 1)
        views = augmented_views(augmentation, times, seed)
        batches = self._batches(x, batch_size, kwargs.get("steps"))
        if views is not None:
            if others := sorted(kwargs.keys() - {"steps"}):
                raise ArgumentError(
                    f"{', '.join(others)} must be left out with augmentation=, whose views Keras's "
                    f"own loop does not know. Received: {others[0]}={kwargs[others[0]]!r}. Leave "
                    "out one of the two."
                )
            return self.rule(self._probabilities(batches, views))
        if verbose or kwargs:
            images = x[0] if isinstance(x, tuple) else x
            if hasattr(images, "__len__") and not is_stream(images):
                kwargs.setdefault("steps", -(-len(images) // batch_size))
            with _quiet_end():
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
            x: A `Split`; images uint8 [n, height, width, channels]; a tuple (images, labels) or
                (images, labels, weights); or a `tf.data.Dataset` or a `keras.utils.PyDataset` of
                such pairs or triples.
            y: Labels int [n], if `x` is an array.
            sample_weight: How much each image counts, [n]; None counts all images alike.
            return_dict: Whether the scores have names.
            **kwargs: Arguments of `keras.Model.evaluate`. Of a committee that was compiled, Keras
                computes the loss and the metrics; for other committees, only `batch_size` and
                `verbose` have a meaning.

        Returns:
            [loss, accuracy], or {"accuracy": …, "loss": …}: the cross-entropy of the committee's
            probabilities, and the share of the images classified correctly. Both are means over
            the images, weighted by `sample_weight`.

        Raises:
            DataError: The images, labels or weights do not fit.
            ArgumentError: There is no such argument.
        """
        if self.compiled:
            if is_stream(x):
                batches = read_batches(x, kwargs.get("steps"))
                x = (tuple(part for part in batch if part is not None) for batch in batches)
            else:
                if isinstance(x, tuple):
                    x, y, sample_weight = (*x, sample_weight)[:3]
                if isinstance(x, Split):
                    sample_weight = x.sample_weight if sample_weight is None else sample_weight
                    x, y = x.images, x.labels
                else:
                    x = check_images(x)
            with _quiet_end():
                return super().evaluate(
                    x, y, sample_weight=sample_weight, return_dict=return_dict, **kwargs
                )
        if unknown := sorted({*kwargs} - {"batch_size", "verbose"}):
            raise ArgumentError(
                "The arguments of evaluate must be x, y, sample_weight, batch_size, verbose and "
                f"return_dict. Received: {unknown[0]}. Leave it out, or call compile first."
            )
        self._check_built()
        split = as_labelled(x, y, "images", self.label_names, sample_weight)
        check_classes(split, self.output_shape[-1] or 0, self.expected_names(split))
        probabilities = self.predict(split, **kwargs)
        chosen = np.take_along_axis(probabilities, split.labels[:, None], axis=-1)[:, 0]
        losses = -logarithms(chosen)
        right = probabilities.argmax(axis=-1) == split.labels
        scores = {
            "accuracy": float(np.average(right, weights=split.sample_weight)),
            "loss": float(np.average(losses, weights=split.sample_weight)),
        }
        return scores if return_dict else [scores["loss"], scores["accuracy"]]

    def classify(
        self,
        pictures: Any,
        *,
        on_error: str = "raise",
        augmentation: TestTimeAugmentation = None,
    ) -> list[Answer]:
        """Answer which class each picture is of.

        Pictures get the size and colour of the training images, as `zoo.datasets.load` reads them.

        Args:
            pictures: One picture or several: paths of files or folders, patterns such as
                `"photos/*.jpg"`, Pillow images, arrays uint8 [height, width, channels] or
                [n, height, width, channels], a `Split`, or a list or a generator of these. The
                pictures are read in blocks, so that those of a generator need little memory.
            on_error: `"raise"`, or `"skip"` to leave out pictures that cannot be read, with a
                warning that names them.
            augmentation: Test-time augmentation, as in `member_probabilities`.

        Returns:
            An `Answer` for each picture, in order: class name, probability, votes, uncertainty.

        Raises:
            DataError: A file does not exist, or a picture cannot be read.
            ArgumentError: `on_error` is something else, or the members are not built.
        """
        blocks = self.picture_blocks(pictures, on_error)
        return [answer for block in blocks for answer in self.answers(block, augmentation)]

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

    def answers(self, block: Block, augmentation: TestTimeAugmentation = None) -> list[Answer]:
        """Answer which class each picture of a block is of.

        Args:
            block: A block of `picture_blocks`.
            augmentation: Test-time augmentation, as in `member_probabilities`.

        Returns:
            An `Answer` for each picture.
        """
        if not len(block.sources):
            return []
        members = self.member_probabilities(block.images, augmentation=augmentation)
        named = dict(zip(self.member_names, members, strict=True))
        return make_answers(
            block.sources,
            named,
            self.rule(members),
            self.label_names,
            self.rule.weights,
            counts_votes=self.rule.definition.counts_votes,
        )

    def report(
        self,
        x: Any,
        y: Any = None,
        *,
        elsewhere: Any = None,
        training: Any = None,
        augmentation: TestTimeAugmentation = None,
        times: int | None = None,
        seed: int | None = None,
    ) -> Report:
        """Judge the members and the committee on images that no member was trained on.

        Args:
            x: A `Split`; images uint8 [n, height, width, channels]; a tuple (images, labels); or a
                `tf.data.Dataset` or a `keras.utils.PyDataset` of pairs (images, labels).
            y: Labels int [n], if `x` is an array.
            elsewhere: Images of another data set; the report says how well they are told apart.
            training: Images among which the training images are, such as `data.train`: the report
                gives the accuracy with and without near-copies of them. None takes the images of
                the last `fit` in this process, if the search is short; else the report says that
                nothing was looked for.
            augmentation: Test-time augmentation, as in `member_probabilities`.
            times: The number of views of each image, with an `Augmentation`; 8 by default.
            seed: The seed of the transforms, with an `Augmentation`; 0 by default.

        Returns:
            The `Report`: print it, or `save` it as JSON, Markdown or PNG.

        Raises:
            DataError: The images or classes do not fit the members.
        """
        split = self.split_to_judge(x, y)
        warn_of_range(self.member_names, self._models, split)
        views = augmented_views(augmentation, times, seed)
        others = None
        if elsewhere is not None:
            others = self.member_probabilities(elsewhere, augmentation=views)
        return make_report(
            split,
            self.member_names,
            self.member_probabilities(split, augmentation=views),
            elsewhere=others,
            rule=self.rule,
            validation_accuracy=self.validation_accuracy,
            validation=self.validation_scores,
            overlap=self.overlap_with(split),
            training=self._training_images if training is None else as_unlabelled(training),
            provenance=self.provenance,
            search_always=training is not None,
            record=self.training_record,
            views=views,
        )

    @property
    def training_record(self) -> TrainingRecord:
        """What reports know of the training: which members are copies, and the times."""
        return TrainingRecord.of(self.training, self.member_names)

    def measure_speed(self, x: Any, batch_size: int = EVALUATION_BATCH) -> dict[str, float]:
        """Measure how long predicting takes on this machine, for each member and the committee.

        The times are kept, also in the saved file, and later reports show them.

        Args:
            x: Images, as in `predict`; only the first batch is taken.
            batch_size: The number of images in the batch.

        Returns:
            Name of each member, and `"committee"` → milliseconds an image, in a batch of this size:
            the least of a few runs, without the first run, which makes the graph.

        Raises:
            DataError: The members take images of another shape.
        """
        images = next(iter(self._batches(x, batch_size)))
        models = dict(zip(self.member_names, self._models, strict=True))
        functions = {name: graph_of(inference_of(model)) for name, model in models.items()}
        times = {
            name: milliseconds_an_image(function, images)
            for name, function in {**functions, "committee": self._answers}.items()
        }
        self.training["milliseconds"] = times
        return times

    def split_to_judge(self, x: Any, y: Any = None) -> Split:
        """Take images with labels of the classes that this committee knows.

        Args:
            x: A `Split`; images uint8 [n, height, width, channels]; a tuple (images, labels); or a
                `tf.data.Dataset` or a `keras.utils.PyDataset` of pairs (images, labels).
            y: Labels int [n], if `x` is an array.

        Returns:
            The split.

        Raises:
            DataError: The images or classes do not fit the members.
        """
        self._check_built()
        split = as_labelled(x, y, "images", self.label_names)
        if split.sample_weight is not None and not isinstance(x, Split):
            raise ArgumentError(
                "Images that judge a committee must come without weights, since every image counts "
                "alike. Received: images, labels and weights. Leave out the weights, or call "
                "evaluate."
            )
        check_classes(split, self.output_shape[-1] or 0, self.expected_names(split))
        return split

    def _use_models(self, models: list[Any], names: Sequence[str]) -> None:
        """Take built models as the members, and check that they fit each other and the rule."""
        super()._use_models(models, names)
        self.rule.check_members(len(models), self.output_shape[-1])
        self._answers = graph_of(self._committee_outputs)

    def _committee_outputs(self, images: Any) -> Any:
        """Compute the committee's probabilities as tensors."""
        return self._combine(self.member_outputs(images))

    def _combine(self, probabilities: Any) -> Any:
        """Combine members' probabilities [members, batch, classes] by this committee's rule."""
        return self.rule.on_tensors(probabilities)


@contextlib.contextmanager
def _quiet_end() -> Iterator[None]:
    """Silence Keras's warning that a generator has ended, which is right after a single pass."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Your input ran out of data")
        yield
