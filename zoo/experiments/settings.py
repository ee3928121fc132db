"""The sections of an experiment's file: images, networks, frozen features, and the protocol."""

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from zoo.arguments import real_number, whole_number
from zoo.augmentation import Augmentation
from zoo.datasets import load
from zoo.datasets.registry import get_dataset
from zoo.errors import ArgumentError
from zoo.experiments.published.values import SPLITS
from zoo.recipes import Recipe
from zoo.registry import describe
from zoo.text import did_you_mean
from zoo.weights.catalogue import find_weights


@dataclass(frozen=True)
class DataSettings:
    """The images of an experiment.

    Args:
        name: The name of the data set for `zoo.datasets.load`.
        archive: The name of the file that holds the images, where the data set has no name of its
            own. Empty for a data set that `zoo.datasets.load` finds by itself.
        options: Other arguments of `zoo.datasets.load`.
        training_images: The number of training images that are taken, as many of each class. None
            takes all.
        fingerprint: Name of a split → checksum of its pixels and labels, on the files with which
            the experiment was run for this project.
    """

    name: str
    archive: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    training_images: int | None = None
    fingerprint: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        get_dataset(self.name)
        _, *known = inspect.signature(load).parameters
        refuse_unknown("data.options", self.options, set(known) - {"root", "cache", "download"})
        refuse_unknown("data.fingerprint", self.fingerprint, SPLITS)
        if self.training_images is not None:
            whole_number("data.training_images", self.training_images, 1)

    @property
    def needed(self) -> str:
        """Which files a user has to bring, in a word."""
        info = get_dataset(self.name).info
        return self.archive or (self.name if info.needs_root else "nothing")


@dataclass(frozen=True)
class MemberSettings:
    """A network of an experiment, and how it is trained.

    Args:
        name: The name in the table of results.
        model: The name of a registered model.
        arguments: Arguments of the model's builder; `weights`, the name of trained weights, for a
            network that goes on from them. `{seed}` in the name stands for the seed of the
            training, so that each network goes on from another one.
        recipe: Values of `zoo.Recipe` that replace those of the base. `batch_size = "all"` takes
            all training images in one step. A table as the augmentation holds arguments of
            `zoo.Augmentation`.
        base: The name of a recipe of the model, which the values change. Empty for `zoo.Recipe()`.
        summed_loss: Whether the learning rate is for a loss that is summed over the images of a
            batch. The rate r on the sum is the rate r · batch size on the mean.
        begins_with: `"features"` for the weights of the network of the features, in all layers but
            the head. Empty for random weights.
    """

    name: str
    model: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    recipe: Mapping[str, Any] = field(default_factory=dict)
    base: str = ""
    summed_loss: bool = False
    begins_with: str = ""

    def __post_init__(self) -> None:
        known = {*describe(self.model).parameters, "weights"} - {"input_shape", "num_classes"}
        refuse_unknown(f"The arguments of {self.name}", self.arguments, known)
        names = {part.name for part in fields(Recipe)}
        refuse_unknown(f"The recipe of {self.name}", self.recipe, names)
        if self.begins_with not in ("", "features"):
            raise ArgumentError(
                f'begins_with must be "features" or left out. Received: {self.begins_with!r} in '
                f"{self.name}. Correct the file."
            )
        if self.begins_with and "weights" in self.arguments:
            raise ArgumentError(
                f"{self.name} must begin with one set of weights. Received: begins_with = "
                f"{self.begins_with!r}, and weights = {self.arguments['weights']!r} among its "
                "arguments. Leave either of them out."
            )
        self.recipe_for(images=1)

    def check_weights(self, seeds: Sequence[int]) -> None:
        """Make sure that the trained weights exist with which the training with each seed begins.

        Raises:
            UnknownWeightsError: Weights do not exist, or are those of another model.
        """
        if "weights" in self.arguments:
            for seed in seeds:
                find_weights(self.arguments_for(seed)["weights"], self.model)

    def arguments_for(self, seed: int) -> dict[str, Any]:
        """Give the arguments of the builder for the training with a seed."""
        arguments = dict(self.arguments)
        if isinstance(weights := arguments.get("weights"), str):
            arguments["weights"] = weights.replace("{seed}", str(seed))
        return arguments

    def recipe_for(self, images: int) -> Recipe:
        """Make the recipe of a training.

        Args:
            images: The number of training images.

        Returns:
            The recipe, in which the batch size is a number.

        Raises:
            ArgumentError: A value is out of its range.
        """
        base = describe(self.model).recipe_named(self.base) if self.base else Recipe()
        values = dict(self.recipe)
        if values.get("batch_size") == "all":
            values["batch_size"] = images
        if isinstance(table := values.get("augmentation"), Mapping):
            names = {part.name for part in fields(Augmentation)}
            refuse_unknown(f"The augmentation of {self.name}", table, names)
            values["augmentation"] = Augmentation(**table)
        recipe = replace(base, **values)
        if self.summed_loss:
            return replace(recipe, learning_rate=recipe.learning_rate * recipe.batch_size)
        return recipe


@dataclass(frozen=True)
class FeatureSettings:
    """A network that learned other images, for its frozen features or for its weights.

    Args:
        layer: The name of the layer whose outputs take the place of the images, or the number of a
            layer from the end, such as -3. None: the members get the images, and those with
            `begins_with = "features"` begin with the weights of the network.
        file: A saved Keras model, a file in the folder of the data. Empty for a network of Zoo.
        member: The network, and how it is trained. None with a file.
        data: The images that the network is trained on. None with a file, or where the arguments
            of the member name trained weights and the network stays as these are.
    """

    layer: str | int | None = None
    file: str = ""
    member: MemberSettings | None = None
    data: DataSettings | None = None

    def __post_init__(self) -> None:
        has_weights = self.member is not None and "weights" in self.member.arguments
        has_network = self.member is not None and (self.data is not None or has_weights)
        if has_network == bool(self.file):
            raise ArgumentError(
                "features must have either a file, or a member and data, or a member with trained "
                f"weights. Received: file = {self.file!r}, {'a' if self.member else 'no'} member, "
                f"{'' if self.data else 'no '}data. Correct the file."
            )
        if self.member is not None:
            self.member.check_weights([0])
            if self.data is None and self.member.recipe:
                raise ArgumentError(
                    "features.member must have no recipe without data to train it on. Received: "
                    f"recipe = {dict(self.member.recipe)!r:.80}. Write [features.data], or leave "
                    "the recipe out."
                )


@dataclass(frozen=True)
class TeacherSettings:
    """Trained weights from which the members learn beside the labels, as from a `zoo.Teacher`.

    Args:
        weights: The name of a set of weights, whose members teach together, or of a member of it.
        temperature: Above 0. The higher, the more the less probable classes count.
        share: The teacher's share of the loss, from 0 to 1.
    """

    weights: str
    temperature: float = 4.0
    share: float = 0.9

    def __post_init__(self) -> None:
        find_weights(self.weights)
        real_number("teacher.temperature", self.temperature, above=0, example=4)
        real_number("teacher.share", self.share, least=0, most=1, example=0.9)


@dataclass(frozen=True)
class Protocol:
    """How the members are trained and judged.

    Args:
        seeds: The seeds of the trainings. Each member is trained once with each.
        new_splits: Whether each seed also holds out other images, by the `seed` of
            `zoo.datasets.load`.
        voting: The rule by which the members vote. Empty if they do not vote.
        tolerance: A difference of this many points of accuracy, or less, counts as none: the test
            says *consistent* where the difference is certainly smaller.
    """

    seeds: Sequence[int] = (0,)
    new_splits: bool = False
    voting: str = ""
    tolerance: float = 5.0

    def __post_init__(self) -> None:
        if not isinstance(self.seeds, Sequence) or not self.seeds:
            raise ArgumentError(
                f"protocol.seeds must be a list of seeds. Received: {self.seeds!r}. Write [0, 1]."
            )
        for seed in self.seeds:
            whole_number("protocol.seeds", seed, 0)


def refuse_unknown(where: str, table: Mapping[str, Any], known: Any) -> None:
    """Refuse keys that are not known."""
    for key in table:
        if key not in known:
            raise ArgumentError(
                f"{where} must have no other keys than {', '.join(sorted(known))}. Received: "
                f"{key!r}{did_you_mean(key, known)} Correct the file."
            )
