"""Recipes: how a model is trained, as a value."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from zoo.arguments import argument_error, check_choice, is_among, is_real, plain, whole_number
from zoo.augmentation import REPORT, Augmentation
from zoo.errors import ArgumentError

SCHEDULES = ("constant", "cosine")
PLATEAU_FACTOR = 0.1
"""What `Recipe.plateau` multiplies the learning rate by, if the recipe names no other factor."""
STANDARDIZATIONS = {
    "per_image": "PerImageStandardization",
    "mean_image": "MeanImageStandardization",
}
"""The layer of `zoo.layers` for each value of `Recipe.standardize`."""
SHARES = ("label_smoothing", "plateau_factor", "ema", "average_from", "layer_decay", "small_images")
"""The fields of a recipe that are None or a number from 0 to 1."""
COUNTS = ("patience", "warm_up", "plateau", "unfreeze_at", "full_size_at")
"""The fields of a recipe that are None or a number of epochs."""
CHOICES = {
    "class_weight": (("balanced",), "to give all images the same weight"),
    "weight_decay_of": (("kernels",), "to decay all weights"),
    "targets": (("shares",), "to train on the labels"),
    "freeze": (("features",), "to train all layers"),
    "standardize": (tuple(STANDARDIZATIONS), "to add nothing"),
    "precision": (
        ("auto", "mixed_bfloat16", "mixed_float16", "float32", "float64", "float16", "bfloat16"),
        "to keep the policy that is set in Keras",
    ),
}
"""For each field of a recipe that is None or a name: the names, and what None is for."""


@dataclass(frozen=True)
class Recipe:
    """How a model is trained. A recipe is a value: change it with `dataclasses.replace`.

    Args:
        optimizer: Name of a Keras optimiser.
        learning_rate: Learning rate of the optimiser, at the start if there is a schedule.
        optimizer_arguments: Other arguments of the optimiser, such as `{"momentum": 0.9}`.
        schedule: `"constant"`; or `"cosine"`, which goes down to zero in every cycle (Loshchilov
            and Hutter, 2017); or a schedule of Keras, as `keras.optimizers.schedules.serialize`
            describes it, with its own learning rate as `learning_rate`.
        cycles: The number of times that the cosine starts at the full learning rate. The number of
            epochs must be a multiple of `cycles`.
        batch_size: The number of images in a training step.
        epochs: The number of passes over the training images.
        warm_up: In this number of epochs the learning rate rises in a line to that of the schedule
            (Goyal et al., 2017). None starts with the learning rate of the schedule.
        plateau: The learning rate is multiplied by `plateau_factor` after this number of epochs
            without a lower validation loss. None keeps to the schedule.
        plateau_factor: A number above 0 and below 1; None is 0.1.
        weight_decay_of: `"kernels"` lets the optimiser's weight decay spare biases and the weights
            of normalisations: all weights with a single dimension. None decays all weights, as
            Keras does.
        ema: Keep the moving average of the weights over the training steps, with this decay, such
            as 0.999 (Polyak and Juditsky, 1992). The model answers with the averaged weights, also
            about the validation images. In early steps t, the decay is (1 + t) / (10 + t) at most.
            None keeps the weights of the last step.
        patience: Training stops after this number of epochs without a lower validation loss, and
            the best weights are kept. None trains all epochs and keeps the last weights.
        augmentation: Random transforms of the training images, an `Augmentation`, or None.
            `"ImageDataGenerator"` stands for the transforms of the CO395 report, computed by Keras.
        standardize: `"per_image"` or `"mean_image"` adds a layer after the first layer of the
            model. This layer brings images to mean 0 and deviation 1, by the statistics of each
            image or of all training images. None adds nothing.
        average_from: Stochastic weight averaging (Izmailov et al., 2018): from this share of the
            epochs on, the weights at the ends of epochs are averaged, and the mean is kept. None
            keeps the last weights.
        class_weight: `"balanced"` weights the loss of each image by how rare its class is, as
            scikit-learn's classifiers do (n / (classes · images of the class)). None gives all
            images the same weight.
        precision: The Keras dtype policy under which the model is built. `"auto"` takes
            `"mixed_bfloat16"` where the hardware multiplies bfloat16 itself and the model is wide
            enough to gain by it. None keeps the policy that is set in Keras.
        targets: `"shares"` trains on `Split.label_shares`, the shares s of the classes in the votes
            of several people, by cross-entropy, L = −Σ_k s_k log p_k (Barsoum et al., 2016). The
            accuracy, and all scores on validation images, are those of the labels. None trains on
            the labels.
        label_smoothing: The share a of each target that is divided among all classes: the target is
            (1 − a) y + a / classes (Szegedy et al., 2016). The network then becomes less sure of
            its answers. Validation losses are without smoothing. None smooths nothing.
        freeze: `"features"` keeps all layers as they are but the head, the last layer with weights:
            what `zoo.build(..., features=True)` gives is frozen. Frozen batch normalisation works
            with the statistics that it has, as in Keras; frozen dropout still drops. The features
            are computed once, if nothing in them is random. None trains all layers.
        unfreeze_at: After this number of epochs the frozen layers learn too. The optimiser and its
            schedule then begin anew, and so does `patience`. None leaves the layers frozen.
        layer_decay: The head has the full learning rate, and each layer with weights has
            `layer_decay` times the rate of the layer above (Howard and Ruder, 2018), such as 0.8.
            None, or 1, gives all layers the same rate.
        small_images: In the first epochs all training images have this share of their height and
            width, such as 0.67, so that a step takes less time (Tan and Le, 2021). Validation
            images keep their size. The network must take images of several sizes, as those with
            global pooling do. None, or 1, trains on the images as they are.
        full_size_at: After this number of epochs the images have their full size. The schedule
            `"cosine"` begins then, and `patience` and `plateau` look at the epochs from then on.

    Raises:
        ArgumentError: A value is out of its range.

    Example:
        >>> from dataclasses import replace
        >>> replace(Recipe(), optimizer="adam", patience=5).patience
        5
    """

    optimizer: str = "sgd"
    learning_rate: float = 0.001
    optimizer_arguments: Mapping[str, Any] = field(default_factory=dict)
    schedule: str | Mapping[str, Any] = "constant"
    cycles: int = 1
    batch_size: int = 256
    epochs: int = 100
    patience: int | None = None
    augmentation: Any = None  # an Augmentation or None after __post_init__
    standardize: str | None = None
    average_from: float | None = None
    class_weight: str | None = None
    precision: str | None = None
    targets: str | None = None
    label_smoothing: float | None = None
    warm_up: int | None = None
    plateau: int | None = None
    plateau_factor: float | None = None
    weight_decay_of: str | None = None
    ema: float | None = None
    freeze: str | None = None
    unfreeze_at: int | None = None
    layer_decay: float | None = None
    small_images: float | None = None
    full_size_at: int | None = None

    def __post_init__(self) -> None:
        required = ("cycles", "batch_size", "epochs")
        for name in (*required, *COUNTS):
            value = getattr(self, name)
            if value is not None or name in required:
                object.__setattr__(self, name, whole_number(name, value, 1))
        self._check_optimizer()
        self._check_augmentation()
        self._check_choices()
        self._check_schedule()
        self._check_changes_of_rate()
        self._check_averages()
        self._check_transfer()
        self._check_size()
        for name in SHARES:
            object.__setattr__(self, name, plain(getattr(self, name)))

    def _check_optimizer(self) -> None:
        rate = self.learning_rate
        if not is_real(rate) or not 0 < rate < math.inf:
            raise ArgumentError(
                f"learning_rate must be a finite number above 0. Received: {rate!r}. Pass a number "
                "such as 0.001; a schedule changes the learning rate during the training."
            )
        object.__setattr__(self, "learning_rate", float(rate))
        if not isinstance(self.optimizer, str):
            raise ArgumentError(
                f"optimizer must be the name of a Keras optimiser. Received: {self.optimizer!r}. "
                'Pass a name such as "adam", and its arguments as optimizer_arguments=.'
            )
        if not isinstance(self.optimizer_arguments, Mapping):
            raise argument_error(
                "optimizer_arguments", "be a mapping from names to values",
                self.optimizer_arguments, 'Pass {"momentum": 0.9}, for example, or leave it out',
            )  # fmt: skip
        if "learning_rate" in self.optimizer_arguments:
            raise ArgumentError(
                "optimizer_arguments must not hold the learning rate, which has a field of its "
                f"own. Received: {dict(self.optimizer_arguments)}. Pass learning_rate= instead."
            )
        # A plain dict, since other mappings, such as read-only views, cannot be copied or pickled.
        arguments = {name: plain(value) for name, value in self.optimizer_arguments.items()}
        if arguments.pop("ema_overwrite_frequency", None) is not None:
            raise ArgumentError(
                "optimizer_arguments must not hold ema_overwrite_frequency, since a training never "
                f"overwrites its weights with ema. Received: {dict(self.optimizer_arguments)}. "
                "Leave ema_overwrite_frequency out."
            )
        # Keras's own names of the moving average, as in recipes of earlier versions.
        averages, decay = arguments.pop("use_ema", False), arguments.pop("ema_momentum", 0.99)
        if averages and self.ema is None:
            object.__setattr__(self, "ema", decay)
        object.__setattr__(self, "optimizer_arguments", arguments)

    @property
    def mixes_images(self) -> bool:
        """Whether the augmentation mixes images, so that the targets are shares of classes.

        Example:
            >>> Recipe(augmentation=Augmentation(mixup=0.2)).mixes_images
            True
        """
        return self.augmentation is not None and self.augmentation.mixes

    def _check_augmentation(self) -> None:
        if is_among(self.augmentation, ["ImageDataGenerator"]):
            report = replace(REPORT, method="ImageDataGenerator")
            object.__setattr__(self, "augmentation", report)
        elif not isinstance(self.augmentation, Augmentation | None):
            raise ArgumentError(
                'augmentation must be a zoo.Augmentation, "ImageDataGenerator" or None. '
                f"Received: {self.augmentation!r}. Pass zoo.Augmentation(horizontal_flip=True), "
                "for example."
            )
        if self.mixes_images and self.targets == "shares" and self.class_weight:
            raise ArgumentError(
                'class_weight must be None for votes that are mixed (targets="shares" with mixup '
                "or cutmix in the augmentation), since the classes of the votes and the class of "
                "the label would ask for different weights. Received: "
                f"class_weight={self.class_weight!r}. Leave out one of the three."
            )

    def _check_choices(self) -> None:
        for name, (choices, without) in CHOICES.items():
            check_choice(name, getattr(self, name), (*choices, None), f"Pass None {without}")
        share = self.label_smoothing
        if share is not None and not (is_real(share) and 0 <= share < 1):
            raise ArgumentError(
                "label_smoothing must be a share of 0 or more and below 1, or None. "
                f"Received: {share!r}. Pass 0.1, for example."
            )
        if not isinstance(self.schedule, Mapping) and not is_among(self.schedule, SCHEDULES):
            raise ArgumentError(
                f"schedule must be one of {', '.join(SCHEDULES)}. Received: {self.schedule!r}. "
                "Pass a schedule of Keras as keras.optimizers.schedules.serialize describes it."
            )

    def _check_schedule(self) -> None:
        if isinstance(self.schedule, Mapping):
            from zoo.schedules import rate_of_schedule  # loads Keras

            rate = rate_of_schedule(self.schedule)
            if rate is not None and not math.isclose(rate, self.learning_rate, rel_tol=1e-6):
                raise ArgumentError(
                    f"learning_rate must be {rate:g}, which the schedule has. Received: "
                    f'{self.learning_rate:g}. Change the schedule, or pass schedule="constant".'
                )
        if self.cycles > 1 and (self.schedule != "cosine" or self.epochs % self.cycles):
            raise ArgumentError(
                'cycles must be 1 without the schedule "cosine", and must divide the number of '
                f"epochs. Received: cycles={self.cycles}, schedule={self.schedule!r}, "
                f'epochs={self.epochs}. Pass schedule="cosine" and a multiple of cycles as '
                "epochs, or leave cycles out."
            )

    def _check_changes_of_rate(self) -> None:
        if self.warm_up and self.warm_up >= self.epochs // self.cycles:
            raise ArgumentError(
                "warm_up must be a number of epochs below that of the training, or of a cycle, of "
                "which each snapshot has one. Received: "
                f"warm_up={self.warm_up}, epochs={self.epochs}, cycles={self.cycles}. "
                "Pass fewer epochs as warm_up, more as epochs, or fewer cycles or snapshots."
            )
        if self.plateau and self.schedule != "constant":
            raise ArgumentError(
                'plateau must be None unless the schedule is "constant". Received: '
                f"plateau={self.plateau}, schedule={self.schedule!r}. Leave out plateau, or pass "
                'schedule="constant".'
            )
        factor = self.plateau_factor
        if factor is not None and not (_is_between_0_and_1(factor) and self.plateau):
            raise ArgumentError(
                "plateau_factor must be a number above 0 and below 1, beside plateau, or None. "
                f"Received: plateau_factor={factor!r}, plateau={self.plateau}. Pass plateau=5 and "
                "plateau_factor=0.1, for example."
            )

    def _check_averages(self) -> None:
        if self.ema is not None and not _is_between_0_and_1(self.ema):
            raise argument_error(
                "ema", "be a number above 0 and below 1, or None", self.ema, "Pass 0.999"
            )
        if self.ema is not None and self.average_from is not None:
            raise ArgumentError(
                "ema and average_from must not both be given: each keeps a mean of the weights. "
                f"Received: ema={self.ema}, average_from={self.average_from}. Leave out ema "
                "or average_from."
            )
        share = self.average_from
        if share is None:
            return
        if not is_real(share) or not 0 <= share < 1:
            raise ArgumentError(
                f"average_from must be a share of 0 or more and below 1. Received: {share!r}. "
                "Pass 0.5 to average the weights of the second half of the training."
            )
        if self.patience:
            raise ArgumentError(
                "patience and average_from must not both be given: patience keeps the weights of "
                "a single epoch, and average_from the mean of many. Received: "
                f"patience={self.patience}, average_from={share}. Leave out patience or "
                "average_from."
            )

    def _check_transfer(self) -> None:
        decay = self.layer_decay
        if decay is not None and not (is_real(decay) and 0 < decay <= 1):
            raise ArgumentError(
                "layer_decay must be a number above 0 and at most 1, or None. Received: "
                f"{decay!r}. Pass 0.8, for example."
            )
        epochs = self.unfreeze_at
        if epochs is None:
            return
        if self.freeze is None or epochs >= self.epochs:
            raise ArgumentError(
                "unfreeze_at must be a number of epochs below that of the training, beside "
                f"freeze. Received: unfreeze_at={epochs}, epochs={self.epochs}, "
                f'freeze={self.freeze!r}. Pass freeze="features" and fewer epochs as unfreeze_at, '
                "or leave out unfreeze_at."
            )
        if self.cycles > 1 or (self.warm_up or 0) >= min(epochs, self.epochs - epochs):
            raise ArgumentError(
                "With unfreeze_at, cycles must be 1 and warm_up below the epochs before and after "
                f"it, since the schedule begins anew. Received: cycles={self.cycles}, "
                f"warm_up={self.warm_up}, unfreeze_at={epochs}, epochs={self.epochs}. Leave out "
                "cycles and warm_up."
            )

    def _check_size(self) -> None:
        share, epochs = self.small_images, self.full_size_at
        if share is not None and not (is_real(share) and 0 < share <= 1):
            expected = "be a share above 0 and at most 1, or None"
            raise argument_error("small_images", expected, share, "Pass 0.67")
        if (share is None) != (epochs is None) or (epochs or 0) >= self.epochs:
            raise ArgumentError(
                "full_size_at must be a number of epochs below that of the training, beside "
                f"small_images. Received: small_images={share}, full_size_at={epochs}, "
                f"epochs={self.epochs}. Pass small_images=0.67 and fewer epochs as full_size_at, "
                "or leave out both."
            )
        if share is None or epochs is None:
            return
        if share == 1:
            for name in ("small_images", "full_size_at"):
                object.__setattr__(self, name, None)
            return
        start = 1 if self.average_from is None else self.average_from
        others = {
            f"freeze={self.freeze!r}": self.freeze,
            'standardize="mean_image"': self.standardize == "mean_image",
            f"cycles={self.cycles}": self.cycles > 1,
            f"average_from={start}": int(start * self.epochs) < epochs,
        }
        if found := [name for name, is_given in others.items() if is_given]:
            raise ArgumentError(
                f"small_images must be None beside {found[0]}, which is for images of one size. "
                f"Received: small_images={share}, full_size_at={epochs}, {found[0]}. Leave out one "
                "of the two, or begin to average later."
            )

    def make_optimizer(self, steps: int) -> Any:
        """Make a new Keras optimiser.

        Args:
            steps: Number of all training steps, for the schedule.

        Returns:
            A `keras.optimizers.Optimizer`.

        Raises:
            ArgumentError: Keras has no such optimiser, or the optimiser has no such argument.

        Example:
            >>> float(Recipe(learning_rate=0.5).make_optimizer(steps=10).learning_rate)
            0.5
        """
        from zoo.optimizers import make_optimizer  # loads Keras

        return make_optimizer(self, steps)


def _is_between_0_and_1(value: Any) -> bool:
    """Whether a value is a number above 0 and below 1."""
    return is_real(value) and 0 < float(value) < 1


def recipe_from_config(config: Mapping[str, Any]) -> Recipe:
    """Make a recipe of the values that `dataclasses.asdict` gave, without those that are left out.

    Example:
        >>> recipe_from_config({"epochs": 3, "augmentation": {"zoom_range": 0.1}}).epochs
        3
    """
    augmentation = config.get("augmentation") or None
    if isinstance(augmentation, Mapping):
        augmentation = Augmentation(**augmentation)
    return Recipe(**{**config, "augmentation": augmentation})
