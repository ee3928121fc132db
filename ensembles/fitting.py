"""The training of a committee's members: from their recipes to the record of the images.

`zoo.training` runs the epochs.
"""

import json
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import keras
import numpy as np

from zoo.datasets.split import Split
from zoo.ensembles.combining.bagging import out_of_bag, resample
from zoo.ensembles.combining.rules import Rule
from zoo.ensembles.members import Member
from zoo.ensembles.models.member_models import warn_of_range
from zoo.ensembles.provenance import provenance_of, record_exposure
from zoo.errors import ArgumentError
from zoo.metrics import Accuracy, accuracy
from zoo.recipes import Recipe
from zoo.training.built_models.compile_settings import compiled_recipe, settings_without_effect
from zoo.training.built_models.interface import check_model
from zoo.training.callbacks import as_list, check_checkpoints, chosen_by_validation
from zoo.training.distillation import Teacher
from zoo.training.learner import Learner
from zoo.training.lockstep import Combine
from zoo.training.train import train


def warn_of_members(
    members: Sequence[Member],
    models: Sequence[Any],
    data: Split,
    teachers: Sequence[Any] = (),
    stacklevel: int = 3,
) -> None:
    """Warn of settings of `compile` without an effect, and of members that take no pixels.

    Args:
        members: The members with their recipes.
        models: Their Keras models.
        data: The training images.
        teachers: The models of the teacher, which take pixels too.
        stacklevel: As in `warnings.warn`.

    Raises:
        ArgumentError: A model of the teacher does not fit the images, or gives no probabilities.
    """
    for model in teachers:
        check_model("The teacher", model, data.image_shape, data.num_classes)
    names = [str(member.name) for member in members]
    names += [f"The teacher's {model.name}" for model in teachers]
    warn_of_range(names, [*models, *teachers], data, stacklevel + 1)
    for member, model in zip(members, models, strict=True):
        own = compiled_recipe(model)
        parts = ("optimizer", "learning_rate", "optimizer_arguments", "schedule")
        if own is None or any(getattr(own, part) != getattr(member.recipe, part) for part in parts):
            continue  # The member has a recipe of its own.
        if ignored := settings_without_effect(model):
            warnings.warn(
                f"Members must be trained by categorical cross-entropy. {member.name} was "
                f"compiled with {', '.join(ignored)}, and only its optimiser is used. Train "
                "with model.fit to use all settings, or pass "
                "Member(model, recipe=zoo.Recipe(...)).",
                UserWarning,
                stacklevel=stacklevel,
            )


@dataclass
class MemberTraining:
    """A training of a committee's members, from their recipes to the record of the images.

    Args:
        members: The members with their recipes.
        models: Their Keras models.
        rule: The committee's rule.
        seed: The committee's seed.
        snapshots: The number of snapshots of a single training, or None.
        data: The training images.
        validation: The validation images, or None.
        teacher: The teacher, or None.
        resampling: How each member's own images are drawn, or None for all images.
        epochs: The number of epochs of every member; None takes it from the recipes.
        batch_size: The batch size of every member; None takes it from the recipes.

    Raises:
        ArgumentError: The recipes, the resampling and the rule do not go together.
        DataError: A class has too few images for the resampling.
    """

    members: Sequence[Member]
    models: Sequence[Any]
    rule: Rule
    seed: int
    snapshots: int | None
    data: Split
    validation: Split | None
    teacher: Teacher | None
    resampling: str | None
    epochs: int | None
    batch_size: int | None

    def __post_init__(self) -> None:
        # For a built model that Zoo did not train, the training images are unknown.
        self._exposure_is_known = all(
            member.registered_name is not None or len(provenance_of([model]).trained_on) > 0
            for member, model in zip(self.members, self.models, strict=True)
        )
        values = {"epochs": self.epochs, "batch_size": self.batch_size}
        self._changes: dict[str, Any] = {
            name: value for name, value in values.items() if value is not None
        }
        self._known_to_teacher = provenance_of([self.teacher.model] if self.teacher else [])
        self._rows = self._draw_images()
        self.learners = self._make_learners()

    def run(
        self,
        *,
        combine: Combine,
        callbacks: Any = (),
        at_start: Callable[[], None],
        **options: Any,
    ) -> Any:
        """Train, and record before the first step the images that the members will know.

        So a model that is saved during the training knows the images too.

        Args:
            combine: Combines the members' probabilities, for the committee's own curves.
            callbacks: The user's Keras callbacks.
            at_start: Is called before the first step.
            **options: Other arguments of `zoo.training.train.train`.

        Returns:
            A `keras.callbacks.History`.
        """
        given = as_list(callbacks)
        check_checkpoints(given)

        def begin(logs: Any = None) -> None:
            self._record_images(given)
            at_start()

        return train(
            self.learners,
            self.data,
            self.validation,
            combine=combine if len(self.learners) > 1 else None,
            teacher=self.teacher,
            seed=self.seed,
            settings={
                "members": {
                    member.name: {
                        "entry": member.registered_name,
                        "arguments": dict(member.arguments),
                    }
                    for member in self.members
                },
                "rule": self.rule.to_config(),
            },
            callbacks=[keras.callbacks.LambdaCallback(on_train_begin=begin), *given],
            **options,
        )

    @property
    def settings(self) -> dict[str, Any]:
        """Resampling, snapshots, teacher, and the members' arguments, as JSON values."""
        teacher = self.teacher
        return {
            "resampling": self.resampling,
            "snapshots": self.snapshots,
            "copies": self._copies(),
            "teacher": teacher and {"temperature": teacher.temperature, "share": teacher.share},
            "arguments": json.loads(
                json.dumps(
                    {member.name: member.arguments for member in self.members if member.arguments}
                )
            ),
        }

    def _copies(self) -> list[str] | None:
        """Name the members if they are independent trainings of one recipe; else None."""
        # Snapshots, and members with other folds of the same images, depend on each other.
        if len(self.members) < 2 or self.snapshots or self.resampling == "folds":
            return None
        starts = [member.arguments.get("weights") for member in self.members]
        if len(set(starts)) < len(starts) and any(starts):  # from the same trained weights
            return None
        kinds = [
            (
                member.model,
                {**member.arguments, "weights": "weights" in member.arguments},
                member.recipe,
            )
            for member in self.members
        ]
        alike = isinstance(self.members[0].model, str) and kinds.count(kinds[0]) == len(kinds)
        return [cast(str, member.name) for member in self.members] if alike else None

    def seconds(
        self, history: Any, earlier: Mapping[str, float] | None = None
    ) -> dict[str, float] | None:
        """Give the seconds of the training, after `run`.

        Args:
            history: What `run` returned.
            earlier: The seconds of an earlier training of the same members, which are added.

        Returns:
            Name of a member, or `"committee"` → seconds; None if they are not known. Of snapshots,
            only the seconds of the committee are known.
        """
        measured = history.seconds
        if None in measured.values():
            return None
        named = {} if self.snapshots else measured
        total = {"committee": sum(measured.values()), **named}
        return {name: value + (earlier or {}).get(name, 0.0) for name, value in total.items()}

    def members_afterwards(self) -> tuple[Member, ...]:
        """Give the members, with the recipes that this training followed."""
        changes = dict(self._changes)
        if self.snapshots:
            changes |= {"schedule": "cosine", "cycles": self.snapshots}
        return tuple(
            replace(member, recipe=replace(cast(Recipe, member.recipe), **changes))
            for member in self.members
        )

    @property
    def leaves_images_out(self) -> bool:
        """Whether each member was trained on a known part of the images only."""
        return self.resampling in ("bootstrap", "folds") and self._exposure_is_known

    def accuracy_out_of_bag(self, probabilities: np.ndarray) -> Accuracy | None:
        """Measure the accuracy on the training images, each judged by members that do not know it.

        Args:
            probabilities: The members' probabilities of all training images, float [members, n,
                classes].

        Returns:
            The accuracy; None if each member knows all images.
        """
        # A member knows an image if the member or its teacher was ever trained on the image, or on
        # a copy of the image.
        known_rows = [
            np.flatnonzero(np.isin(self.data.digests, provenance_of([model]).trained_on))
            for model in self.models
        ]
        images, combined = out_of_bag(
            probabilities, known_rows, self.rule.voting, self.rule.weights
        )
        if not len(images):
            return None
        return accuracy(self.data.labels[images], combined.argmax(axis=-1))

    def _draw_images(self) -> list[np.ndarray | None]:
        """Draw the rows of each member's own images; None stands for all images."""
        if self.resampling is None:
            return [None] * len(self.models)
        if not self.rule.defined_for_fewer:
            raise ArgumentError(
                f"resampling must be None with the rule {self.rule.voting!r}, which is learned for "
                f"the present members. Received: {self.resampling!r}. Use zoo.ensembles.stack, or "
                "choose another rule with with_rule first."
            )
        return [*resample(self.data, len(self.models), self.resampling, self.seed)]

    def _make_learners(self) -> list[Learner]:
        """Make a learner for each member, or a single learner that gives all snapshots."""
        if self.snapshots:
            return [self._learner_of_snapshots()]
        return [
            Learner(
                cast(str, member.name),
                model,
                replace(cast(Recipe, member.recipe), **self._changes),
                rows=rows,
                seed=None if rows is None else self.seed + index,
                takes_weights=self.resampling in ("bootstrap", "folds"),
                arguments=member.all_arguments,
            )
            for index, (member, model, rows) in enumerate(
                zip(self.members, self.models, self._rows, strict=True)
            )
        ]

    def _learner_of_snapshots(self) -> Learner:
        """Make the only learner, which trains the last model.

        The other models are snapshots: each takes the weights at the end of a cycle.
        """
        if self.resampling is not None:
            raise ArgumentError(
                "resampling must be None with snapshots=, which come from a single training. "
                f"Received: {self.resampling!r}. Use copies= for several trainings."
            )
        member = self.members[0]
        epochs = self._changes.get("epochs", cast(Recipe, member.recipe).epochs)
        if epochs % cast(int, self.snapshots):
            raise ArgumentError(
                "snapshots must divide the number of epochs. Received: "
                f"snapshots={self.snapshots}, epochs={epochs}. Pass another number of snapshots or "
                "of epochs."
            )
        changes = {**self._changes, "schedule": "cosine", "cycles": self.snapshots}
        recipe = replace(cast(Recipe, member.recipe), **changes)
        if recipe.patience or recipe.average_from is not None:
            raise ArgumentError(
                "With snapshots=, the recipe must keep no other weights than those at the ends of "
                f"cycles. Received: patience={recipe.patience}, "
                f"average_from={recipe.average_from}. Pass None for both."
            )
        *others, last = self.models
        return Learner(
            cast(str, member.registered_name),
            last,
            recipe,
            snapshots=others,
            arguments=member.all_arguments,
        )

    def _record_images(self, callbacks: Sequence[Any]) -> None:
        """Record for each member the images that it is trained on, itself or by the teacher.

        Also record the images that choose when to stop, which weights are kept, or when the
        learning rate goes down.
        """
        for model, rows in zip(self.models, self._rows, strict=True):
            own = self.data.digests if rows is None else self.data.digests[rows]
            digests = np.concatenate([own, self._known_to_teacher.trained_on])
            record_exposure([model], "trained_on", digests)
        record_exposure(self.models, "tuned_on", self._known_to_teacher.tuned_on)
        if self.validation is not None and (
            any(learner.recipe.patience or learner.recipe.plateau for learner in self.learners)
            or chosen_by_validation(callbacks)
        ):
            record_exposure(self.models, "tuned_on", self.validation.digests)
