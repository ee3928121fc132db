"""The committee: several models that learn together and decide by vote."""

import functools
import os
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, cast

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from zoo.arguments import whole_number
from zoo.augmentation.augmentation import Augmentation
from zoo.datasets.split import Split, as_split
from zoo.ensembles.combining.bagging import out_of_bag, resample
from zoo.ensembles.combining.rules import STACKING, Rule
from zoo.ensembles.members import Member, entry_of, make_members, recipe_from_config
from zoo.ensembles.provenance import NOTHING, from_text, known_images, record_exposure, to_text
from zoo.ensembles.reports.report import Report, make_report
from zoo.errors import ArgumentError, DataError
from zoo.files import write_atomically
from zoo.metrics import Accuracy, accuracy
from zoo.recipes import Recipe
from zoo.saving import load
from zoo.training.distillation import Teacher
from zoo.training.learner import Learner, check_model
from zoo.training.loop import EVALUATION_BATCH
from zoo.training.train import train


@keras.saving.register_keras_serializable(package="zoo")
class Committee(keras.Model):
    """Several models that see the same images and decide by vote.

    Members given by name are built when the committee first sees data. Members that ask for the
    same batches train together, in one graph; others one after another, and then the committee
    itself is scored once, after the last of them.

    Args:
        members: Names of registered models, `Member`s, or built Keras models that give
            probabilities for the same images and classes.
        copies: So many of a single named member, each from a seed of its own.
        snapshots: So many of a single named member from one training (Huang et al., 2017): its
            learning rate goes down to zero so many times, and each time its weights are a member.
        voting: `"majority"`: each member has one vote, ties go to the class with the highest
            summed probability. `"soft"`: the mean of the probabilities. `"geometric"`: their
            geometric mean, in which a member can object to a class. Or a `Rule`.
        weights: What each member counts, [members]; None counts each as one.
        class_names: The classes' names; None takes them from the data.
        seed: Member k is built with `seed + k`; batches come in an order that follows from `seed`.
        name: The Keras name.

    Raises:
        ArgumentError: Members, voting or weights that are not as described.

    Example:
        >>> import zoo
        >>> from zoo.ensembles import Committee
        >>> data = zoo.datasets.load("digits")
        >>> committee = Committee(["bn_mlp", "softmax"], voting="soft")
        >>> history = committee.fit(data.train, epochs=1, batch_size=64, verbose=0)
        >>> committee.predict(data.test.images).shape
        (359, 10)
    """

    def __init__(
        self,
        members: Any,
        *,
        copies: int | None = None,
        snapshots: int | None = None,
        voting: str | Rule = "majority",
        weights: Sequence[float] | None = None,
        class_names: Sequence[str] | None = None,
        seed: int = 0,
        name: str = "committee",
    ) -> None:
        super().__init__(name=name)
        # A tuple: Keras would wrap and track a list.
        self._specs = tuple(make_members(members, copies, snapshots))
        self.snapshots = snapshots
        self.rule = voting if isinstance(voting, Rule) else Rule(voting, weights)
        if isinstance(voting, Rule) and weights is not None:
            raise ArgumentError("A Rule has its own weights; weights= is for a rule by name.")
        self.rule.check_members(len(self._specs))
        self.class_names = tuple(class_names) if class_names is not None else None
        whole_number("seed", seed, 0)
        self.seed = seed
        self.validation_accuracy: tuple[float, ...] | None = None
        self.out_of_bag: Accuracy | None = None
        self.data_settings: dict[str, Any] | None = None
        self._tuned_on = NOTHING  # what chose the rule; members know what chose them
        self._built_like: tuple[Recipe, ...] | None = None
        self.training: dict[str, Any] = {}  # resampling, snapshots and teacher of the last fit
        self._models: list[keras.Model] = []
        if not any(isinstance(member.model, str) for member in self._specs):
            self._take_seats([member.model for member in self._specs])

    @property
    def member_names(self) -> tuple[str, ...]:
        """The members' names, each different."""
        return tuple(cast(str, member.name) for member in self._specs)

    @property
    def voting(self) -> str:
        """The name of the rule."""
        return self.rule.voting

    @property
    def recipes(self) -> tuple[Recipe, ...]:
        """How each member is trained, and was built."""
        recipes = tuple(cast(Recipe, member.recipe) for member in self._specs)
        return tuple(
            replace(recipe, precision=like.precision, standardize=like.standardize)
            for recipe, like in zip(recipes, self._built_like or recipes, strict=True)
        )

    @property
    def trained_images(self) -> int:
        """How many different images the members were trained on."""
        return len(self.trained_on)

    @property
    def trained_on(self) -> np.ndarray:
        """Digests (`Split.digests`) of the images that some member was trained on, ascending."""
        return known_images(self._models, "trained_on")

    @property
    def tuned_on(self) -> np.ndarray:
        """Digests of the images that chose when to stop, members, weights or a temperature."""
        return np.union1d(self._tuned_on, known_images(self._models, "tuned_on"))

    @property
    def members(self) -> tuple[Any, ...]:
        """The members as Keras models, once they are built."""
        return tuple(self._models)

    @property
    def label_names(self) -> tuple[str, ...]:
        """The classes' names, or their numbers where nobody named them."""
        return self.class_names or tuple(map(str, range(self.output_shape[-1] or 0)))

    @property
    def input_shape(self) -> tuple[int | None, ...]:
        """[batch, height, width, channels] with None for the batch."""
        self._check_built()
        return self._models[0].input_shape

    @property
    def output_shape(self) -> tuple[int | None, ...]:
        """[batch, classes] with None for the batch."""
        self._check_built()
        return self._models[0].output_shape

    def fit(
        self,
        x: Any,
        y: Any = None,
        *,
        validation_data: Any = None,
        epochs: int | None = None,
        batch_size: int | None = None,
        together: bool | None = None,
        resampling: str | None = None,
        teacher: Teacher | None = None,
        log_dir: str | Path | None = None,
        resume: bool = False,
        callbacks: Iterable[Any] = (),
        verbose: str | int = "auto",
    ) -> Any:
        """Train the members.

        Args:
            x: A `Split`, or images uint8 [n, height, width, channels].
            y: Labels int [n] where `x` is an array.
            validation_data: A `Split` or (images, labels), for early stopping and curves. Never
                the test split.
            epochs: Epochs of every member; None leaves them to the recipes.
            batch_size: Batch size of every member; None leaves it to the recipes.
            together: True trains all members in one graph, from the same batches; False one
                after another; None joins those whose recipes agree on the batches.
            resampling: Gives each member training images of its own, one member after another:
                `"bootstrap"`, `"folds"`, all but a part, or `"order"`, all in another order and
                otherwise augmented. `out_of_bag` then says how good the members are on the
                training images that they did not see, now or before. None shows all of them the
                same batches.
            teacher: A `zoo.Teacher`: whom the members learn from beside the labels. So a committee
                is distilled into one model, a committee of one.
            log_dir: Run folder for TensorBoard and for resuming; None writes nothing.
            resume: Whether to go on with the run in `log_dir`.
            callbacks: Keras callbacks, which see this committee and scores such as
                `val_accuracy` and `val_bn_mlp_accuracy`.
            verbose: `"auto"` or 1 for live progress, 0 for silence.

        Returns:
            A `keras.callbacks.History`.

        Raises:
            ArgumentError: Recipes that cannot be followed.
            DataError: Data that does not fit.
            RunError: The run folder is in use or cannot be resumed.
        """
        data = _split(x, y, "train", self.class_names)
        taught = known_images([teacher.model], "trained_on") if teacher else NOTHING
        validation = _validation(validation_data, data.class_names)
        if validation is not None:
            seen = functools.reduce(np.union1d, (data.digests, self.trained_on, taught))
            if known := validation.count_among(seen):
                warnings.warn(
                    f"{known:,} of the {len(validation):,} validation images are training images "
                    "too, and look better than others: hold out images that differ, as "
                    "zoo.datasets.load(drop_duplicates=True) does",
                    UserWarning,
                    stacklevel=2,
                )
        self._meet(data)
        asked = {"epochs": epochs, "batch_size": batch_size}
        changes: dict[str, Any] = {key: one for key, one in asked.items() if one is not None}
        # Of models of another origin nobody knows what they have seen.
        known = all(
            entry_of(spec) is not None or len(known_images([model], "trained_on"))
            for spec, model in zip(self._specs, self._models, strict=True)
        )
        rows: list[Any] = [None] * len(self._models)
        if resampling is not None and self.voting == STACKING:
            raise ArgumentError(
                "A stack has learned how to combine the members as they are, and resampling= "
                "trains others. Use zoo.ensembles.stack, or with_rule first."
            )
        if resampling is not None:
            rows = resample(data, len(self._models), resampling, self.seed)
        learners = self._learners(changes, rows)
        try:
            history = train(
                learners,
                data,
                validation,
                together=together,
                combine=self.rule.on_tensors if len(learners) > 1 else None,
                teacher=teacher,
                seed=self.seed,
                log_dir=log_dir,
                resume=resume,
                settings={
                    "members": {
                        one.name: {"entry": entry_of(one), "arguments": dict(one.arguments)}
                        for one in self._specs
                    },
                    "rule": self.rule.to_config(),
                },
                callbacks=callbacks,
                owner=self,
                verbose=verbose,
            )
        except BaseException:
            if any(learner.optimizer is not None for learner in learners):  # some was learned
                self._remember(data, rows, taught)
            raise
        self._remember(data, rows, taught)
        self.training = {
            "resampling": resampling,
            "snapshots": self.snapshots,
            "teacher": teacher and {"temperature": teacher.temperature, "share": teacher.share},
        }
        if validation is not None and any(learner.recipe.patience for learner in learners):
            record_exposure(self._models, "tuned_on", validation.digests)
        if teacher:
            record_exposure(self._models, "tuned_on", known_images([teacher.model], "tuned_on"))
        if self.snapshots:
            changes |= {"schedule": "cosine", "cycles": self.snapshots}
        self._specs = tuple(
            replace(one, recipe=replace(cast(Recipe, one.recipe), **changes)) for one in self._specs
        )
        if validation is not None:
            right = self.votes(validation) == validation.labels
            self.validation_accuracy = tuple(right.mean(axis=1).tolist())
        if resampling in ("bootstrap", "folds") and known:
            self.out_of_bag = self._accuracy_out_of_bag(data)
        return history

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Combine the members: pixels [batch, height, width, channels] to [batch, classes]."""
        self._check_built()
        images = ops.cast(inputs, "float32")
        outputs = [
            ops.cast(member(images, training=training), "float32") for member in self._models
        ]
        return self._combine(ops.stack(outputs))

    def soft_probabilities(self, images: Any) -> Any:
        """The committee's probabilities; its members' weighted mean where it counts votes.

        Args:
            images: Pixels [batch, height, width, channels], a tensor.

        Returns:
            A tensor, float32 [batch, classes].
        """
        self._check_built()
        rule = Rule("soft", self.rule.weights) if self.voting == "majority" else self.rule
        return rule.on_tensors(self.member_outputs(images))

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: int = 0,
        *,
        augmentation: Augmentation | None = None,
        times: int = 8,
        seed: int = 0,
        **kwargs: Any,
    ) -> Any:
        """The committee's probabilities; their argmax is its decision, ties included.

        Args:
            x: A `Split`, images uint8 [n, height, width, channels], or a dataset of such batches.
            batch_size: Images at a time.
            verbose: 1 shows Keras's progress bar.
            augmentation: Test-time augmentation, as for `member_probabilities`.
            times: With it: how many versions of each image.
            seed: With it: of the transforms.
            **kwargs: As in `keras.Model.predict`.

        Returns:
            float32 [n, classes], rows sum to 1. For majority voting, the shares of the vote, none
            moved by more than 0.001 to break ties.

        Raises:
            DataError: Images of another shape than the members take.
        """
        batch_size = batch_size or EVALUATION_BATCH
        if augmentation is not None:
            members = self.member_probabilities(
                x, batch_size, augmentation=augmentation, times=times, seed=seed
            )
            return self.rule(members)
        if isinstance(x, (tf.data.Dataset, keras.utils.PyDataset)):
            return super().predict(x, verbose=verbose, **kwargs)
        if verbose or kwargs:
            x = self._checked_images(x)
            return super().predict(x, batch_size=batch_size, verbose=verbose, **kwargs)
        # Keras's loop takes as long as three small members.
        images = self._checked_images(x)
        starts = range(0, len(images), batch_size)
        return np.concatenate(
            [np.asarray(self._answers(images[i : i + batch_size])) for i in starts]
        )

    def member_probabilities(
        self,
        x: Any,
        batch_size: int = EVALUATION_BATCH,
        *,
        augmentation: Augmentation | None = None,
        times: int = 8,
        seed: int = 0,
    ) -> np.ndarray:
        """Each member's own probabilities.

        Args:
            x: A `Split`, or images uint8 [n, height, width, channels].
            batch_size: Images at a time.
            augmentation: Test-time augmentation: a member's probabilities are the mean over the
                image and random transforms of it, the same for all members.
            times: With it: how many versions of each image, the image itself included.
            seed: With it: of the transforms.

        Returns:
            float32 [members, n, classes].

        Raises:
            DataError: Images of another shape than the members take.
            ArgumentError: `times` below 2.
        """
        images = self._checked_images(x)
        if augmentation is not None:
            whole_number("times", times, 2)
            whole_number("seed", seed, 0)
        parts = []
        for start in range(0, len(images), batch_size):
            batch = images[start : start + batch_size]
            part = np.asarray(self._member_outputs(batch))
            if augmentation is not None:
                others = (
                    np.asarray(self._member_outputs(augmentation(batch, _seed(seed, start, k))))
                    for k in range(1, times)
                )
                part = sum(others, start=part) / np.float32(times)
            parts.append(part)
        return np.concatenate(parts, axis=1)

    def votes(self, x: Any) -> np.ndarray:
        """What each member votes for.

        Args:
            x: A `Split`, or images uint8 [n, height, width, channels].

        Returns:
            int64 [members, n], class ids.

        Raises:
            DataError: Images of another shape than the members take.
        """
        return self.member_probabilities(x).argmax(axis=-1)

    def report(
        self,
        x: Any,
        y: Any = None,
        *,
        elsewhere: Any = None,
        augmentation: Augmentation | None = None,
        times: int = 8,
        seed: int = 0,
    ) -> Report:
        """Judge members and committee on images that none of them was trained on.

        Args:
            x: A `Split`, or images uint8 [n, height, width, channels].
            y: Labels int [n] where `x` is an array.
            elsewhere: Images of another data set, a `Split` or uint8 [m, height, width, channels]:
                how well can the committee tell them from these?
            augmentation: Test-time augmentation, as for `member_probabilities`.
            times: With it: how many versions of each image.
            seed: With it: of the transforms.

        Returns:
            The `Report`; print it, or `save` it as JSON, Markdown or PNG.

        Raises:
            DataError: Data that does not fit the members.
        """
        split = self.split_to_judge(x, y)
        versions: dict[str, Any] = {"augmentation": augmentation, "times": times, "seed": seed}
        others = None if elsewhere is None else self.member_probabilities(elsewhere, **versions)
        return make_report(
            split,
            self.member_names,
            self.member_probabilities(split, **versions),
            elsewhere=others,
            rule=self.rule,
            validation_accuracy=self.validation_accuracy,
            trained_on=self.trained_on,
            tuned_on=self.tuned_on,
        )

    def split_to_judge(self, x: Any, y: Any = None) -> Split:
        """Take images with labels of the classes that this committee knows.

        Args:
            x: A `Split`, or images uint8 [n, height, width, channels].
            y: Labels int [n] where `x` is an array.

        Returns:
            The split.

        Raises:
            DataError: Data that does not fit the members.
        """
        self._check_built()
        split = _split(x, y, "images", self.label_names)
        self._check_classes(split)
        return split

    def with_rule(
        self,
        rule: Rule | str,
        members: Sequence[int] | None = None,
        *,
        tuned_on: Split | None = None,
    ) -> "Committee":
        """Let the same members decide by another rule.

        Args:
            rule: A `Rule`, or the name of one without weights.
            members: The numbers of those who stay; None keeps all.
            tuned_on: The images that chose the rule or the members, for reports to remember.

        Returns:
            A new committee, which shares the members with this one.

        Raises:
            ArgumentError: A rule for another number of members.
        """
        self._check_built()
        kept = range(len(self._models)) if members is None else members
        recipes = self.recipes
        committee = Committee(
            [_built(self._models[k], recipes[k], self.member_names[k]) for k in kept],
            voting=rule if isinstance(rule, Rule) else Rule(rule),
            class_names=self.class_names,
            seed=self.seed,
        )
        committee._built_like = tuple(recipes[k] for k in kept)
        committee.data_settings, committee.training = self.data_settings, self.training
        committee._tuned_on = self._tuned_on
        if tuned_on is not None:
            committee._tuned_on = np.union1d(self._tuned_on, tuned_on.digests)
        if self.validation_accuracy:
            committee.validation_accuracy = tuple(self.validation_accuracy[k] for k in kept)
        return committee

    def save(self, filepath: str | os.PathLike[str], **kwargs: Any) -> None:
        """Save members, rule, recipes and class names as one `.keras` file, whole or not at all.

        Args:
            filepath: Where; it ends in `.keras`.
            **kwargs: As in `keras.Model.save`.

        Raises:
            ArgumentError: The members are not built yet, or the suffix is another.
            RunError: The file could not be written; what was there before still is.
        """
        self._check_built()
        if Path(filepath).suffix != ".keras":
            raise ArgumentError(f"A committee is saved as a .keras file. Received: {filepath}")
        write_atomically(filepath, lambda path: super(Committee, self).save(path, **kwargs))

    def export(self, filepath: str | os.PathLike[str], format: str = "tf_saved_model") -> Path:
        """Write the committee as one graph, from uint8 pixels to probabilities and votes.

        The graph takes `pixels`, uint8 [batch, height, width, channels], and gives
        `probabilities`, float32 [batch, classes], `votes`, int64 [batch, members], and
        `class_names`, text [classes]. What was written is run and compared with `predict`.

        Args:
            filepath: Where: a new folder, or a file that ends in `.onnx` or `.tflite`.
            format: `"tf_saved_model"`; `"onnx"`, which needs the extra `onnx`; or `"litert"`,
                which needs the extra `litert`.

        Returns:
            The path.

        Raises:
            ArgumentError: Another format or suffix, or what writes it is not installed.
            RunError: It could not be written, or does not say what the committee says; what was
                there before still is.
        """
        from zoo.ensembles.export import export

        self._check_built()
        return export(self, filepath, format)

    @classmethod
    def load(cls, filepath: str | os.PathLike[str]) -> "Committee":
        """Load a saved committee.

        Args:
            filepath: A `.keras` file. Code in it is never run.

        Returns:
            The committee. A single Keras model of another origin becomes a committee of one,
            with that model's probabilities.

        Raises:
            DataError: There is no such file, or it is no Keras model.
        """
        model = load(filepath)
        return model if isinstance(model, cls) else cls(model, voting="soft")

    def get_config(self) -> dict[str, Any]:
        """All that `from_config` needs, as JSON values."""
        self._check_built()
        return {
            "name": self.name,
            "members": [
                {
                    "name": name,
                    "recipe": asdict(recipe),
                    "model": keras.saving.serialize_keras_object(model),
                    "trained_on": to_text(known_images([model], "trained_on")),
                    "tuned_on": to_text(known_images([model], "tuned_on")),
                }
                for name, recipe, model in zip(
                    self.member_names, self.recipes, self._models, strict=True
                )
            ],
            "rule": self.rule.to_config(),
            "class_names": self.class_names,
            "seed": self.seed,
            "validation_accuracy": self.validation_accuracy,
            "out_of_bag": self.out_of_bag and asdict(self.out_of_bag),
            "data_settings": self.data_settings,
            "tuned_on": to_text(self._tuned_on),
            "training": self.training,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> "Committee":
        """Make a committee from what `get_config` gave."""
        recipes = tuple(recipe_from_config(one["recipe"]) for one in config["members"])
        members = [
            _built(
                keras.saving.deserialize_keras_object(one["model"], custom_objects=custom_objects),
                recipe,
                one["name"],
            )
            for one, recipe in zip(config["members"], recipes, strict=True)
        ]
        committee = cls(
            members,
            voting=Rule.from_config(config["rule"]),
            **{key: config[key] for key in ("class_names", "seed", "name")},
        )
        accuracy = config["validation_accuracy"]
        committee.validation_accuracy = None if accuracy is None else tuple(accuracy)
        if config.get("out_of_bag"):
            committee.out_of_bag = Accuracy(**config["out_of_bag"])
        committee.data_settings = config["data_settings"]
        for model, one in zip(committee._models, config["members"], strict=True):
            record_exposure([model], "trained_on", from_text(one["trained_on"]))
            record_exposure([model], "tuned_on", from_text(one["tuned_on"]))
        committee._tuned_on = from_text(config["tuned_on"])
        committee.training = config["training"]
        committee._built_like = recipes
        return committee

    def _meet(self, data: Split) -> None:
        """Build the members for this data, and check that it is the data they know."""
        if not self._models:
            models = []
            for index, member in enumerate(self._specs):
                model = member.build(data.image_shape, data.num_classes, self.seed + index)
                models.append(model)
            self._take_seats(models)
        if self.class_names is None:
            self.class_names = data.class_names
        self._check_classes(data)

    def _learners(self, changes: dict[str, Any], rows: list[Any]) -> list[Learner]:
        """Who learns: each member, or the one whose snapshots they are."""
        recipes = [replace(cast(Any, member.recipe), **changes) for member in self._specs]
        if self.snapshots:
            if rows[0] is not None:
                raise ArgumentError("snapshots are of one training; resampling= makes several.")
            *others, last = self._models
            recipe = replace(recipes[0], schedule="cosine", cycles=self.snapshots)
            if recipe.patience or recipe.average_from is not None:
                raise ArgumentError(
                    "snapshots are the weights at the ends of cycles, and the recipe keeps others. "
                    f"Received: patience={recipe.patience}, average_from={recipe.average_from}"
                )
            return [Learner(cast(str, entry_of(self._specs[0])), last, recipe, snapshots=others)]
        return [
            Learner(name, model, recipe, rows=own, seed=None if own is None else self.seed + index)
            for index, (name, model, recipe, own) in enumerate(
                zip(self.member_names, self._models, recipes, rows, strict=True)
            )
        ]

    def _accuracy_out_of_bag(self, data: Split) -> Accuracy | None:
        """The members' accuracy on images that they were not trained on; None if there are none."""
        # Whether in this training or before, as a copy, or by way of a teacher.
        learned = [
            np.flatnonzero(np.isin(data.digests, known_images([model], "trained_on")))
            for model in self._models
        ]
        images, combined = out_of_bag(
            self.member_probabilities(data), learned, self.voting, self.rule.weights
        )
        return accuracy(data.labels[images], combined.argmax(axis=-1)) if len(images) else None

    def _remember(self, data: Split, rows: list[Any], taught: np.ndarray) -> None:
        """Note what the members have seen; what they reached before counts no more."""
        for model, own in zip(self._models, rows, strict=True):
            seen = data.digests if own is None else data.digests[own]
            record_exposure([model], "trained_on", np.concatenate([seen, taught]))
        self.data_settings = data.settings
        self.validation_accuracy = self.out_of_bag = None

    def _take_seats(self, models: list[Any]) -> None:
        self._models = models
        for name, model in zip(self.member_names, models, strict=True):
            check_model(name, model, models[0].input_shape[1:], models[0].output_shape[-1])
        if self.class_names is not None and len(self.class_names) != models[0].output_shape[-1]:
            raise ArgumentError(
                f"class_names is one name a class, and the members know "
                f"{models[0].output_shape[-1]} classes. Received: {len(self.class_names)} names"
            )
        # TensorFlow counts tracings by a function's code, and would warn of the fifth committee
        # that it traces too often; a partial is counted by itself.
        self._member_outputs, self._answers = (
            tf.function(functools.partial(function), autograph=False, reduce_retracing=True)
            for function in (self.member_outputs, self._committee_outputs)
        )
        self.built = True

    def member_outputs(self, images: Any) -> Any:
        """Each member's probabilities of pixels, as tensors: [members, batch, classes]."""
        images = tf.cast(images, "float32")
        return tf.stack([tf.cast(one(images, training=False), "float32") for one in self._models])

    def _committee_outputs(self, images: Any) -> Any:
        return self._combine(self.member_outputs(images))

    def _combine(self, probabilities: Any) -> Any:
        """Combine members' probabilities [members, batch, classes] by this committee's rule."""
        return self.rule.on_tensors(probabilities)

    def _checked_images(self, x: Any) -> np.ndarray:
        self._check_built()
        images = x.images if isinstance(x, Split) else np.asarray(x)
        if images.dtype != np.uint8:
            raise DataError(
                f"Images are pixels 0..255 as uint8. Received: {images.dtype}. For values 0..1, "
                '(images * 255).round().astype("uint8").'
            )
        if images.ndim != 4 or not len(images) or not _fits(images.shape[1:], self.input_shape[1:]):
            raise DataError(
                f"The members take one image or more, [n, height, width, channels] with "
                f"{self.input_shape[1:]}. Received: shape {images.shape}"
            )
        return images

    def _check_classes(self, data: Split) -> None:
        if data.num_classes != self.output_shape[-1]:
            raise DataError(
                f"The committee knows {self.output_shape[-1]} classes. "
                f"Received: {data.num_classes} classes, {', '.join(data.class_names)}"
            )
        if self.class_names is not None and data.class_names != self.class_names:
            raise DataError(
                f"The committee knows the classes {', '.join(self.class_names)}, in this order. "
                f"Received: {', '.join(data.class_names)}"
            )

    def _check_built(self) -> None:
        if not self._models:
            raise ArgumentError(
                f"The members {', '.join(self.member_names)} are not built yet: they are when the "
                "committee first sees data. Call fit first, or give it built models."
            )


def _split(x: Any, y: Any, name: str, class_names: Sequence[str] | None) -> Split:
    if isinstance(x, Split) and y is None:
        return x
    return as_split(x, y, name=name, class_names=class_names)


def _validation(given: Any, class_names: Sequence[str]) -> Split | None:
    if given is None or isinstance(given, Split):
        return given
    pair = tuple(given)
    if len(pair) != 2:
        raise DataError(
            f"validation_data is a Split or a pair (images, labels). Received: {len(pair)} things"
        )
    return _split(*pair, "validation", class_names)


def _built(model: Any, recipe: Recipe, name: str) -> Member:
    """A member with a built model, which says itself how it was built."""
    return Member(model, recipe=replace(recipe, precision=None, standardize=None), name=name)


def _seed(*words: int) -> int:
    return int(np.random.SeedSequence(words).generate_state(1)[0])


def _fits(shape: Sequence[int], expected: Sequence[int | None]) -> bool:
    return all(want in (None, side) for side, want in zip(shape, expected, strict=True))
