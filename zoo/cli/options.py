"""Groups of options that several commands share: each is a dataclass, written once.

A command takes a group as a parameter: `images: SplitOptions = SplitOptions()`. The fields become
options of the command, and `Args` of the docstring their help.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Group, Parameter

from zoo import registry
from zoo.augmentation import Augmentation
from zoo.cli.runs.resuming import HIDDEN
from zoo.cli.words.values import (
    Arguments,
    Count,
    HeldOut,
    Modules,
    Name,
    Names,
    Number,
    OptimizerArguments,
    Parts,
    Positive,
    Scheduler,
    Seed,
    Share,
    Size,
    Transforms,
)
from zoo.errors import ArgumentError
from zoo.files import check_writable
from zoo.recipes import STANDARDIZATIONS, Recipe
from zoo.text import did_you_mean

if TYPE_CHECKING:
    from zoo.datasets import ImageData

MODEL = Group("Model", sort_key=0)
DATA = Group("Data", sort_key=1)
RECIPE = Group("Recipe", sort_key=2)
RUN = Group("Run", sort_key=3)

DataName = Annotated[
    Name, Parameter(name=("--data", "-d"), group=DATA, help="Data set; `zoo data` lists them.")
]


ViewsName = Literal["flip", "ten_crop"]
"""The names of `zoo.augmentation.views.FIXED_VIEWS`."""


@Parameter(name="*", group=DATA)
@dataclass(frozen=True)
class ImageOptions:
    """Which images of a data set to load, and at which size.

    Args:
        root: Where the files are: archive, folder that holds the archive, or unpacked folder.
        classes: Take these classes only, in this order: `angry,happy`.
        image_size: Scale images to this size: `48` or `48x64` (height x width).
        color: Convert images; by default they stay as they are.
        drop_duplicates: Of images that are the same, keep one: in the test split first.
        on_error: Stop at damaged image files, or skip and list them.
    """

    root: Path | None = None
    classes: Names | None = None
    image_size: Size | None = None
    color: Literal["grayscale", "rgb"] | None = None
    drop_duplicates: bool = False
    on_error: Literal["raise", "skip"] | None = None


@dataclass(frozen=True)
class SplitOptions(ImageOptions):
    """Which images of a data set to load, and which of them train, validate and test.

    Args:
        parts: Which parts of the files each split takes, `train=Training,test=PrivateTest`; `+`
            joins parts.
        validation: Training images to hold out for validation: a share, a number of images of
            every class, or those that another data set of the same images holds out.
        test: The same for the test, where the data set has no test split of its own.
        resize: Stretch images to the size, or crop their edges so that shapes stay as they are.
    """

    parts: Parts | None = None
    validation: HeldOut = 0.1
    test: Share = 0.2
    resize: Literal["stretch", "crop"] = "stretch"
    on_error: Literal["raise", "skip"] = "raise"

    def load(self, name: str) -> ImageData:
        """Load the data set of that name as the options say."""
        from zoo.datasets import load

        return load(name, **vars(self))


@Parameter(name="*", group=MODEL)
@dataclass(frozen=True)
class ModelOptions:
    """How models are built.

    Args:
        arguments: An argument of the models, `dropout=0.3`, or of a single member,
            `cnn.dropout=0.3`; may be repeated. `zoo describe MODEL` lists the arguments. Trained
            weights of a single member: `vgg.weights=fer2013/vgg-0`.
        modules: Import a module of yours first, which registers models or layers: `my_models`, or
            `./my_models.py`; may be repeated.
    """

    arguments: Annotated[Arguments | None, Parameter(name="--set")] = None
    modules: Modules | None = None


@Parameter(name="*", group=RECIPE)
@dataclass(frozen=True)
class RecipeOptions:
    """Changes to the recipes of models.

    Args:
        recipe_name: A recipe of the models by its name, such as `CO395`; `zoo describe MODEL`
            lists them.
        epochs: Number of epochs, instead of the recipe's.
        batch_size: Images in a step.
        learning_rate: Learning rate, instead of the recipe's.
        optimizer: A Keras optimiser, such as `adam`.
        optimizer_arguments: An argument of the optimiser, `weight_decay=0.001`, beside those of
            the recipe; may be repeated.
        patience: Stop after this number of epochs without a lower validation loss.
        augmentation: Random transforms of the training images: those of the recipe, none, or
            those of the recipe (else of the CO395 report) by Keras's `ImageDataGenerator`.
        transforms: Change a random transform of the training images, or add one: `cutmix=1`,
            `crop_padding=4`, `zoom_range=0`; may be repeated.
        precision: Keras dtype policy, such as `mixed_bfloat16`.
        standardize: Bring images to mean 0 and deviation 1, by their own mean or by that of the
            training images.
        class_weight: Let images of rare classes count more.
        targets: Train on the shares of several people's votes, where the data set has votes, such
            as `ferplus`.
        label_smoothing: Divide this share of each target among all classes, such as 0.1.
        schedule: How the learning rate changes: not at all, or down to zero along a cosine.
        warm_up: Let the learning rate rise in a line in this number of epochs.
        plateau: Multiply the learning rate by 0.1, or by `--plateau-factor`, after this number of
            epochs without a lower validation loss.
        plateau_factor: The factor of `--plateau`.
        weight_decay_of: `kernels` spares biases and normalisations from the weight decay.
        ema: Keep the moving average of the weights with this decay, such as 0.999.
        freeze: `features` trains only the head, the last layer with weights.
        unfreeze_at: Let the layers below the head learn too after this number of epochs.
        layer_decay: Multiply the learning rate by this factor from each layer to the layer below.
        small_images: Train on images of this share of their height and width first, such as 0.67.
        full_size_at: Train on the images as they are after this number of epochs.
    """

    recipe_name: Annotated[Name | None, Parameter(name="--recipe")] = None
    epochs: Positive | None = None
    batch_size: Positive | None = None
    learning_rate: Number | None = None
    optimizer: Name | None = None
    optimizer_arguments: Annotated[OptimizerArguments | None, Parameter(name="--optimizer-set")] = (
        None
    )
    patience: Positive | None = None
    augmentation: Literal["recipe", "none", "ImageDataGenerator"] = "recipe"
    transforms: Annotated[Transforms | None, Parameter(name="--augment")] = None
    precision: Name | None = None
    standardize: Annotated[str | None, Parameter(choices=tuple(STANDARDIZATIONS))] = None
    class_weight: Literal["balanced"] | None = None
    targets: Literal["shares"] | None = None
    label_smoothing: Number | None = None
    schedule: Literal["constant", "cosine"] | None = None
    warm_up: Positive | None = None
    plateau: Positive | None = None
    plateau_factor: Number | None = None
    weight_decay_of: Literal["kernels"] | None = None
    ema: Number | None = None
    freeze: Literal["features"] | None = None
    unfreeze_at: Positive | None = None
    layer_decay: Number | None = None
    small_images: Number | None = None
    full_size_at: Positive | None = None

    def recipe(self, name: str) -> Recipe:
        """The recipe of the registered model of that name, as the options change it."""
        return self.change(registry.describe(name).recipe, name)

    def change(self, recipe: Recipe, name: str | None = None) -> Recipe:
        """Change a recipe as the options ask for.

        Args:
            recipe: The recipe.
            name: The name of the model in the registry, or None.
        """
        if self.recipe_name is not None:
            if name is None:
                raise ArgumentError(
                    "--recipe must be left out for a saved model, which has a recipe of its own. "
                    f"Received: {self.recipe_name!r}. Change the recipe by other options."
                )
            recipe = registry.describe(name).recipe_named(self.recipe_name)
        changes = {key: value for key, value in vars(self).items() if value is not None}
        changes.pop("recipe_name", None)
        method, transforms = changes.pop("augmentation"), changes.pop("transforms", None)
        is_other = self.optimizer and self.optimizer.lower() != recipe.optimizer.lower()
        kept = {} if is_other else recipe.optimizer_arguments  # another optimiser has others
        arguments = {**kept, **dict(changes.pop("optimizer_arguments", ()))}
        recipe = replace(recipe, optimizer_arguments=arguments, **changes)
        if method == "none":
            recipe = replace(recipe, augmentation=None)
        elif method != "recipe" and recipe.augmentation is None:
            recipe = replace(recipe, augmentation=method)
        elif method != "recipe":
            recipe = replace(recipe, augmentation=replace(recipe.augmentation, method=method))
        if not transforms:
            return recipe
        return replace(recipe, augmentation=_with_transforms(recipe.augmentation, transforms))


def _with_transforms(
    augmentation: Augmentation | None, transforms: Sequence[tuple[str, Any]]
) -> Augmentation:
    """Change the transforms of an augmentation by name, or make an augmentation of them."""
    known = [field.name for field in fields(Augmentation)]
    for name, _ in transforms:
        if name not in known:
            raise ArgumentError(
                f"--augment must name a transform of zoo.Augmentation. Received: {name!r}"
                f"{did_you_mean(name, known)} Choose among {', '.join(known)}."
            )
    return replace(augmentation or Augmentation(), **dict(transforms))


@Parameter(name="*", group=RUN)
@dataclass(frozen=True)
class ProcessOptions:
    """How a training or a sweep runs, and where it is written.

    Args:
        seed: Seed of weights, batches and augmentation.
        log_dir: Run folder; by default a new folder in `logs`, named by the time. If the folder
            holds files, the run gets a new folder beside it.
        resume: Go on with the run in `--log-dir`, with the options of that run. More epochs, or
            more trials of a sweep, make the run longer.
        quiet: Print no progress.
        options_of_run: The words of the command, as JSON.
    """

    seed: Seed = 0
    log_dir: Path | None = None
    resume: bool = False
    quiet: Annotated[bool, Parameter(name=("--quiet", "-q"))] = False
    options_of_run: Annotated[str, Parameter(name=HIDDEN, show=False)] = "{}"

    def __post_init__(self) -> None:
        if self.resume and self.log_dir is None:
            raise ArgumentError(
                "--resume must come with --log-dir, the folder of the run to go on with. Received: "
                "no --log-dir. Pass --log-dir FOLDER, or leave --resume out."
            )
        if self.log_dir is not None:  # said before the images are read
            check_writable("--log-dir", self.log_dir)


@dataclass(frozen=True)
class RunOptions(ProcessOptions):
    """How a training runs, where it is written, and what it shows in TensorBoard.

    Args:
        histograms: Write histograms of weights and gradients for TensorBoard, after each epoch.
        saliency: Draw for TensorBoard, after each epoch, on which pixels the answers to this number
            of validation images rest.
        features: Write the features of this number of test images for TensorBoard's projector.
    """

    histograms: bool = False
    saliency: Count = 0
    features: Count = 500


@Parameter(name="*", group=RUN)
@dataclass(frozen=True)
class SpreadOptions:
    """How many trainings run at the same time in other processes, and where.

    Args:
        jobs: Train this number of members, trials or experiments at the same time, in processes
            of their own, where they do not train together.
        scheduler: Train on the workers of a Dask cluster, whose scheduler has this address.
    """

    jobs: Positive | None = None
    scheduler: Scheduler | None = None

    @property
    def n_jobs(self) -> int | None:
        """The argument `n_jobs` of the functions: -1 takes all workers of a cluster."""
        return -1 if self.jobs is None and self.scheduler else self.jobs

    def place(self) -> AbstractContextManager[None]:
        """Give the context in which pieces run on the cluster."""
        from zoo.spreading import on_cluster

        return on_cluster(self.scheduler)
