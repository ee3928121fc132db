"""The committee: several models that are trained together and decide by vote."""

import inspect
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, cast

import keras

from zoo.arguments import as_path, whole_number
from zoo.ensembles.checks import as_unlabelled
from zoo.ensembles.combining.rules import Rule
from zoo.ensembles.export import export
from zoo.ensembles.fit_arguments import (
    models_of_teacher,
    training_split,
    validation_split,
    warn_of_known_images,
)
from zoo.ensembles.fitting import MemberTraining, warn_of_members
from zoo.ensembles.members import (
    build_models,
    built_member,
    make_members,
    with_weights,
)
from zoo.ensembles.models.configuration import members_from_config, members_to_config
from zoo.ensembles.models.member_models import class_names_from_file
from zoo.ensembles.models.voting_model import VotingModel
from zoo.ensembles.provenance import Provenance, from_text, settings_from_file, to_text
from zoo.ensembles.reports.training_record import training_from_file
from zoo.errors import ArgumentError
from zoo.files import write_atomically
from zoo.metrics import Accuracy
from zoo.recipes import Recipe
from zoo.registry.class_order import take_classes
from zoo.saving import load
from zoo.training.built_models.fit_arguments import refuse_other_arguments
from zoo.training.distillation import Teacher


@keras.saving.register_keras_serializable(package="zoo")
class Committee(VotingModel):
    """Several models that see the same images and decide by vote.

    Members given by name are built when the committee first sees data. Members whose recipes ask
    for the same batches train together, in one graph; other members train one after another, and
    the committee itself is scored once, after the last of them.

    Args:
        members: Names of registered models, `Member`s, or built Keras models that give
            probabilities for the same images and classes.
        copies: The number of copies of a single named member, each from its own seed.
        snapshots: The number of snapshots of a single named member (Huang et al., 2017): in one
            training, its learning rate goes down to zero this many times, and its weights at each
            of these times are a member.
        voting: The name of the rule of combination, or a `Rule`. `"majority"`: each member has one
            vote, and a tie goes to the class with the highest summed probability. `"soft"`: the
            mean of the probabilities. `"geometric"`: the geometric mean of the probabilities, in
            which a single member can object to a class.
        weights: The weight of each member in the vote, [members]; None gives each member the weight
            1. Or the name of a set of trained weights from which the members start, such as
            `"mnist"`: several copies of a model take the set's weights in turn. Members with
            weights of their own, `Member(..., {"weights": "mnist/lenet-1"})`, are then an error.
        class_names: The names of the classes; None takes them from the data.
        seed: The seed of the first member's initial weights and of the order of the batches.
            Member k has the seed `seed + k`.
        name: The name of the Keras model.

    Raises:
        ArgumentError: The members, voting or weights are not as described.

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
        weights: Sequence[float] | str | None = None,
        class_names: Sequence[str] | None = None,
        seed: int = 0,
        name: str = "committee",
    ) -> None:
        trained, weights = (weights, None) if isinstance(weights, str) else (None, weights)
        if isinstance(voting, Rule) and weights is not None:
            raise ArgumentError(
                f"With a Rule, weights must be None. Received: {weights!r}. Pass them to the Rule."
            )
        rule = voting if isinstance(voting, Rule) else Rule(voting, weights)
        super().__init__(rule, class_names, name)
        # A tuple: Keras would wrap and track a list.
        made = make_members(members, copies, snapshots)
        self._specs = tuple(with_weights(made, trained, snapshots) if trained else made)
        self.snapshots = snapshots
        self.rule.check_members(len(self._specs))
        whole_number("seed", seed, 0)
        self.seed = seed
        self.out_of_bag: Accuracy | None = None
        self._recipes_when_built: tuple[Recipe, ...] | None = None
        if all(member.is_built for member in self._specs):
            self._use_models([member.model for member in self._specs], self.member_names)

    @property
    def member_names(self) -> tuple[str, ...]:
        """The names of the members, each different."""
        return tuple(cast(str, member.name) for member in self._specs)

    @property
    def data_settings(self) -> Mapping[str, Any] | None:
        """The settings of the data set of the last training; None if they are not known."""
        return self.provenance.data_settings

    @property
    def recipes(self) -> tuple[Recipe, ...]:
        """For each member, the recipe of its training and building."""
        recipes = tuple(cast(Recipe, member.recipe) for member in self._specs)
        return tuple(
            replace(recipe, precision=built.precision, standardize=built.standardize)
            for recipe, built in zip(recipes, self._recipes_when_built or recipes, strict=True)
        )

    def fit(
        self,
        x: Any,
        y: Any = None,
        *,
        validation_data: Any = None,
        sample_weight: Any = None,
        epochs: int | None = None,
        batch_size: int | None = None,
        together: bool | None = None,
        resampling: str | None = None,
        teacher: Teacher | None = None,
        log_dir: str | Path | None = None,
        resume: bool = False,
        callbacks: Any = (),
        n_jobs: int | None = None,
        verbose: str | int = "auto",
        **others: Any,
    ) -> Any:
        """Train the members.

        Args:
            x: A `Split`, images uint8 [n, height, width, channels], or a pair, triple or dataset
                with labels, as `zoo.datasets.as_split` takes them.
            y: Labels int [n], if `x` is an array.
            validation_data: Images with labels, for early stopping and curves; no test images.
            sample_weight: Multiplies the loss of each image, [n], 0 or more, as in Keras. Images of
                weight 0 are left out. None weights all alike.
            epochs: The number of epochs of every member; None takes it from the recipes.
            batch_size: The batch size of every member; None takes it from the recipes.
            together: True trains all members in one graph, on the same batches. False trains them
                one after another. None trains those members together whose recipes ask for the
                same batches.
            resampling: Gives each member its own training images: `"bootstrap"`; `"folds"`, all
                images but a part; or `"order"`, all images in another order and with other
                augmentation, one member after another. `out_of_bag` is then the accuracy on the
                training images, each judged by the members that were never trained on it. With
                `"bootstrap"` and `"folds"`, members share batches of all images, and the loss of an
                image counts for a member as often as the member drew the image. Members with batch
                normalisation, which would see images that they leave out, train one after another
                on their own images. None trains all members on all images.
            teacher: A `zoo.Teacher`, from which the members learn beside the labels. This distils a
                committee into a single model, which is a committee of one member.
            log_dir: The run folder, or a new folder beside it if it holds files. None writes none.
            resume: Whether to continue the run in `log_dir`, perhaps for more epochs.
            callbacks: Keras callbacks. They see this committee, and scores such as `val_mlp_loss`.
            n_jobs: How many members train at the same time in other processes, as in joblib.
            verbose: `"auto"` or 1 shows the progress, 0 shows nothing.
            **others: There are no others. The error about an argument that only Keras's `fit` has
                says what to use instead.

        Returns:
            A `keras.callbacks.History`, whose `log_dir` is the run folder.

        Raises:
            ArgumentError: The recipes cannot be followed, or there is no such argument.
            DataError: The images or labels do not fit.
            RunError: The run folder is in use, or the run cannot be resumed.
        """
        if others:
            _, *known, _ = inspect.signature(Committee.fit).parameters  # without self and others
            refuse_other_arguments(others, known)
        data = training_split(x, y, sample_weight, self._known_names)
        teachers = models_of_teacher(teacher)
        validation = validation_split(validation_data, data)
        if not self._models:
            models = build_models(self._specs, data.image_shape, data.num_classes, self.seed)
            self._use_models(models, self.member_names)
        self._learn_classes(data)
        warn_of_known_images(validation, data, [*self._models, *teachers])
        warn_of_members(self._specs, self._models, data, teachers)
        training = MemberTraining(
            self._specs, self._models, self.rule, self.seed, self.snapshots,
            data, validation, teacher, resampling, epochs, batch_size,
        )  # fmt: skip
        is_first, earlier = resume or not self.training, self.training.get("seconds")

        def at_start() -> None:
            self._own_provenance = replace(self._own_provenance, data_settings=data.settings)
            self.keep_training_images(data)
            self.forget_validation()
            take_classes(self._models, self.class_names)
            self.out_of_bag = None
            built_with = self.training.get("arguments", {})
            self.training = training.settings
            self.training["arguments"] = built_with | self.training["arguments"]

        history = training.run(
            combine=self.rule.on_tensors, at_start=at_start, together=together, log_dir=log_dir,
            resume=resume, callbacks=callbacks, owner=self, n_jobs=n_jobs, verbose=verbose,
        )  # fmt: skip
        self._specs = training.members_afterwards()
        if is_first or earlier:
            self.training["seconds"] = training.seconds(history, None if is_first else earlier)
        if validation is not None:
            answers = self.member_probabilities(validation)
            named = dict(zip(self.member_names, answers, strict=True))
            self.record_validation(validation.labels, named, self.rule(answers))
        if training.leaves_images_out:
            self.out_of_bag = training.accuracy_out_of_bag(self.member_probabilities(data))
        return history

    def with_rule(
        self,
        rule: Rule | str,
        members: Sequence[int] | None = None,
        *,
        tuned_on: Any = None,
    ) -> "Committee":
        """Make a committee of the same members with another rule.

        Args:
            rule: A `Rule`, or the name of a rule, which then has no weights.
            members: The numbers of the members of the new committee; None takes all.
            tuned_on: The images that chose the rule or the members, for reports to warn of: a
                `Split`, images, a pair or a dataset, as in `overlap_with`.

        Returns:
            A new committee, which shares the members with this committee.

        Raises:
            ArgumentError: The rule is for another number of members.
            DataError: The images are not as described.
        """
        self._check_built()
        kept = range(len(self._models)) if members is None else members
        committee = Committee.of_models(
            [self._models[k] for k in kept],
            [self.recipes[k] for k in kept],
            [self.member_names[k] for k in kept],
            rule=rule if isinstance(rule, Rule) else Rule(rule),
            class_names=self.class_names,
            seed=self.seed,
        )
        committee.training = dict(self.training)
        if members is not None:
            committee.training.pop("milliseconds", None)  # of other members
        committee._own_provenance = self._own_provenance
        committee._training_images = self._training_images
        if tuned_on is not None:
            chosen = Provenance(tuned_on=as_unlabelled(tuned_on).digests)
            committee._own_provenance = self._own_provenance.joined_with(chosen)
        committee.take_validation_from(self, kept, committee.member_names)
        return committee

    def save(self, filepath: str | os.PathLike[str], **kwargs: Any) -> None:
        """Save members, rule, recipes and class names as one `.keras` file, in one atomic step.

        Args:
            filepath: The path of the file, which ends in `.keras`.
            **kwargs: Arguments of `keras.Model.save`.

        Raises:
            ArgumentError: The members are not built yet, or the path ends in something else.
            RunError: The file could not be written; an earlier file of this name is unchanged.
        """
        self._check_built()
        filepath = as_path("filepath", filepath)
        if filepath.suffix != ".keras":
            raise ArgumentError(
                f"filepath must end in .keras. Received: {filepath}. Rename the file, or call "
                "export for another format."
            )
        write_atomically(filepath, lambda path: super(Committee, self).save(path, **kwargs))

    def export(self, filepath: str | os.PathLike[str], format: str = "tf_saved_model") -> Path:
        """Write the committee as one graph, from uint8 pixels to probabilities and votes.

        The graph takes `pixels`, uint8 [batch, height, width, channels], and gives
        `probabilities`, float32 [batch, classes], `votes`, int64 [batch, members], and
        `class_names`, text [classes], in which a character that is no text in UTF-8 is written
        as Python writes it. The written graph is run, and compared with `predict`.

        Args:
            filepath: The path of a new folder, or of a file that ends in `.onnx` or `.tflite`.
            format: `"tf_saved_model"`; `"onnx"`, which needs the extra `onnx`; or `"litert"`,
                which needs the extra `litert`.

        Returns:
            The path.

        Raises:
            ArgumentError: There is no such format, the path ends in another suffix or is no UTF-8,
                or the packages of the extra are not installed.
            RunError: The graph could not be written, or computes something else than the
                committee; an earlier file of this name is unchanged.
        """
        self._check_built()
        return export(self, filepath, format)

    @classmethod
    def of_models(
        cls,
        models: Sequence[Any],
        recipes: Sequence[Recipe],
        names: Sequence[str],
        *,
        rule: Rule,
        class_names: Sequence[str] | None,
        seed: int = 0,
        data_settings: Mapping[str, Any] | None = None,
    ) -> "Committee":
        """Make a committee of built Keras models; the recipes say how each was built and trained.

        The other arguments are those of `Committee`, and the property `data_settings`.
        """
        members = map(built_member, models, recipes, names)
        committee = cls([*members], voting=rule, class_names=class_names, seed=seed)
        committee._recipes_when_built = tuple(recipes)
        committee._own_provenance = Provenance(data_settings=data_settings)
        return committee

    @classmethod
    def load(cls, filepath: str | os.PathLike[str]) -> "Committee":
        """Load a saved committee.

        Args:
            filepath: A `.keras` file. Code in it is never run.

        Returns:
            The committee. A single Keras model of another origin becomes a committee of one
            member, with the probabilities of that model.

        Raises:
            DataError: There is no such file, or it is no Keras model.
        """
        model = load(filepath)
        return model if isinstance(model, cls) else cls(model, voting="soft")

    def get_config(self) -> dict[str, Any]:
        """Give all values that `from_config` needs, as JSON values."""
        self._check_built()
        self._check_classes_agree()
        return {
            "name": self.name,
            "members": members_to_config(self.member_names, self.recipes, self._models),
            "rule": self.rule.to_config(),
            "class_names": self.known_class_names,
            "seed": self.seed,
            **self.validation_to_config(),
            "out_of_bag": self.out_of_bag and asdict(self.out_of_bag),
            "data_settings": self.data_settings,
            "tuned_on": to_text(self._own_provenance.tuned_on),
            "training": self.training,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> "Committee":
        """Make a committee of the values that `get_config` gave."""
        members, recipes = members_from_config(config, custom_objects)
        committee = cls(
            members,
            voting=Rule.from_config(config["rule"]),
            class_names=class_names_from_file(config["class_names"]),
            **{key: config[key] for key in ("seed", "name")},
        )
        committee.restore_validation(config)
        if config.get("out_of_bag"):
            committee.out_of_bag = Accuracy.from_values(config["out_of_bag"])
        committee._own_provenance = Provenance(
            tuned_on=from_text(config["tuned_on"]),
            data_settings=settings_from_file(config["data_settings"]),
        )
        committee.training = training_from_file(config["training"])
        committee._recipes_when_built = recipes
        return committee
