"""Activation maximisation: images that make a unit as active as possible."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.arguments import argument_error, is_among, real_number, whole_number
from zoo.augmentation import Augmentation
from zoo.datasets.image_batches import image_batches
from zoo.errors import ArgumentError
from zoo.inspect.networks.progress import progress_bar
from zoo.inspect.networks.recording import BATCH
from zoo.inspect.units.ascent import AscentSettings, climb, make_step
from zoo.inspect.units.dead import DeadUnits
from zoo.inspect.units.objective import UnitObjective
from zoo.inspect.units.pixel_space import SPACES, pixel_space
from zoo.inspect.units.tiles import MOST_TILES, caption, draw_tiles, left_out, new_axes
from zoo.inspect.units.unit_numbers import chosen_units, unit_names
from zoo.inspect.units.unit_outputs import shape_of_images
from zoo.pages.notebook import ShownAsPicture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

GREY = 127.5

TRANSFORMS = Augmentation(
    rotation_range=5, width_shift_range=0.05, height_shift_range=0.05, zoom_range=0.05
)
"""The random transforms between the steps: turned by up to 5°, shifted and scaled by up to 5 %."""


@dataclass(frozen=True)
class MaximizedUnits(ShownAsPicture):
    """For each unit of a layer an image that makes the unit active.

    Attributes:
        images: The images, float32 [units, height, width, channels], 0..255. The image of a silent
            unit is the image at the start.
        activations: The activation of each unit on its image, float32 [units]: after the
            activation function, the mean over the positions of a convolution; of the last layer
            the logit.
        start_activations: The same on the image at the start, float32 [units].
        silent: Whether no image was found that makes the unit active, bool [units]. Such a unit is
            dead, or it is active on rare images only.
        dead: Whether `dead_units` has counted the unit as dead, bool [units]; also silent.
        units: The number of each unit in the layer.
        layer: The path of the layer in the model.
        steps: The number of steps of gradient ascent.

    Example:
        >>> images, dead = np.zeros((2, 4, 4, 1), "float32"), np.array([False, True])
        >>> found = MaximizedUnits(images, np.ones(2), np.zeros(2), dead, dead, (0, 1), "conv", 8)
        >>> found.silent_sentence()
        'Crossed out: 1 of 2 units are dead (1).'
    """

    images: np.ndarray
    activations: np.ndarray
    start_activations: np.ndarray
    silent: np.ndarray
    dead: np.ndarray
    units: tuple[int, ...]
    layer: str
    steps: int

    def plot(
        self,
        ax: Axes | None = None,
        *,
        names: Sequence[str] | None = None,
        columns: int | None = None,
    ) -> Axes:
        """Draw the images side by side. A silent unit is drawn as an empty square with a cross.

        Args:
            ax: The axes to draw into. None makes a figure.
            names: A name for each unit, such as the names of the classes. None: its number.
            columns: The most pictures in a row. None: about as many as rows.

        Returns:
            The axes.

        Raises:
            ArgumentError: There are more or fewer names than units, or `columns` is below 1.
        """
        names = unit_names(self.units, names)
        shown = slice(MOST_TILES)
        tiles = self.images[shown] / np.float32(255)
        axes = ax if ax is not None else new_axes(len(tiles), columns=columns)
        options: dict[str, Any] = {"columns": columns, "crossed": self.silent[shown]}
        if tiles.shape[-1] == 1:
            draw_tiles(axes, tiles[..., 0], names[shown], cmap="gray", vmin=0, vmax=1, **options)
        else:
            draw_tiles(axes, tiles, names[shown], **options)
        axes.set_title(f"{self.layer}: activation maximised", parse_math=False, size="medium")
        caption(axes, self._rise(), self.silent_sentence(), left_out(len(names)))
        return axes

    def _rise(self) -> str:
        alive = ~self.silent
        if not alive.any():
            return ""
        before, after = self.start_activations[alive].mean(), self.activations[alive].mean()
        return f"Mean activation {before:.3g} at the start, {after:.3g} after {self.steps} steps."

    def silent_sentence(self) -> str:
        """Say which units are dead or stayed silent; an empty text if there are none."""
        parts = []
        for verb, mask in (("are dead", self.dead), ("stayed silent", self.silent & ~self.dead)):
            units = [
                str(unit) for unit, is_chosen in zip(self.units, mask, strict=True) if is_chosen
            ]
            if units:
                listed = ", ".join(units[:12]) + (", …" if len(units) > 12 else "")
                parts.append(f"{len(units)} of {len(self.units)} units {verb} ({listed})")
        return f"Crossed out: {'; '.join(parts)}." if parts else ""


def maximize(
    model: Any,
    layer: Any = None,
    units: Any = None,
    *,
    start: Any = None,
    dead: DeadUnits | None = None,
    space: str = "fourier",
    steps: int = 128,
    learning_rate: float = 0.05,
    augmentation: Augmentation | None = TRANSFORMS,
    total_variation: float = 0.05,
    seed: int = 0,
    batch_size: int = BATCH,
    verbose: str | int = "auto",
) -> MaximizedUnits:
    """Find for each unit of a layer an image that makes the unit active: activation maximisation.

    The image is changed step by step along the gradient of the unit's activation (Erhan, Bengio,
    Courville and Vincent, "Visualizing Higher-Layer Features of a Deep Network", 2009; Simonyan,
    Vedaldi and Zisserman, 2014). The activation of a convolution's channel is the mean over its
    positions. Where the unit is active nowhere, the gradient is that of the input of the activation
    function. A unit of the last layer is a logit. Learning in Fourier space, with decorrelated
    colours, and random transforms between the steps (Olah, Mordvintsev and Schubert, "Feature
    Visualization", 2017)
    and a penalty on the total variation (Mahendran and Vedaldi, 2015) keep the images from
    becoming noise. All computations are in float32, also those of a model of mixed precision.

    A unit stays silent if its gradient is 0 at every step, or if its activation is 0 everywhere on
    the image that was found. It may be dead, or active on rare images only: `dead_units` tells
    which. Its image stays as at the start, `plot` crosses it out, and a warning says so.

    Args:
        model: A built `keras.Model`: functional, Sequential, subclassed, or nested.
        layer: The name of a layer, such as `"vgg/block1_conv1"`, or the layer. None: the logits,
            a unit for each class.
        units: The numbers of the units. None: all.
        start: The image at the start, 0..255 [height, width, channels]; or a `Split` or images
            uint8 [n, height, width, channels], whose mean image is taken. None: grey.
        dead: The result of `zoo.inspect.dead_units`, so that its dead units are left out and named.
        space: `"fourier"` or `"pixels"`: what the optimiser changes.
        steps: The number of steps.
        learning_rate: The learning rate of Adam.
        augmentation: Random transforms before each step; None for none.
        total_variation: The weight of the total variation, 0 or more, against a gradient whose
            root mean square is 1.
        seed: The seed of the noise at the start and of the transforms.
        batch_size: The number of units that are optimised at a time.
        verbose: `"auto"` or 1 shows the progress on a terminal, 0 shows nothing.

    Returns:
        The images, and the activations on them, with `plot`.

    Raises:
        ArgumentError: An argument is out of range, or there is no such layer or unit.

    Example:
        >>> import zoo
        >>> found = maximize(zoo.build("softmax", seed=0), units=[3, 7], steps=8)
        >>> found.images.shape, bool((found.activations > found.start_activations).all())
        ((2, 28, 28, 1), True)
    """
    settings = _settings(space, steps, learning_rate, augmentation, total_variation, seed)
    batch_size = whole_number("batch_size", batch_size, 1)
    image = start_image(start, shape_of_images(model))
    objective = UnitObjective(model, layer, image.shape)
    chosen = chosen_units(units, objective.count, objective.name)
    is_dead = _known_dead(dead, objective, chosen)
    images = np.repeat(image[None], len(chosen), axis=0)
    before, _ = objective.activations(images, chosen, batch_size)
    step = make_step(objective.score, pixel_space(space, image, 1, seed), settings)
    silent, alive = is_dead.copy(), np.flatnonzero(~is_dead)
    with progress_bar("maximising", len(alive) * steps, verbose=verbose) as advance:
        for k in range(0, len(alive), batch_size):
            rows = alive[k : k + batch_size]
            origin = pixel_space(space, image, len(rows), seed)
            images[rows], has_gradient = climb(
                step, origin, np.array(chosen)[rows], settings, advance=advance
            )
            silent[rows] = ~has_gradient
    activations, is_zero = objective.activations(images, chosen, batch_size)
    silent |= is_zero
    images[silent], activations[silent] = image, before[silent]
    found = MaximizedUnits(
        images, activations, before, silent, is_dead, chosen, objective.name, steps
    )
    if silent.any():
        remedy = "" if dead else " zoo.inspect.dead_units tells which units no image makes active."
        message = f"{objective.name}: {found.silent_sentence()}{remedy}"
        warnings.warn(message, UserWarning, stacklevel=2)
    return found


def start_image(start: Any, image_shape: tuple[int | None, ...]) -> np.ndarray:
    """Give the image at the start: the given one, the mean of the given images, or grey.

    Args:
        start: As for `maximize`.
        image_shape: (height, width, channels) that the model takes; None allows any length.

    Returns:
        Pixels 0..255, float32 [height, width, channels].

    Raises:
        ArgumentError: The image has another shape, or pixels outside of 0..255; or there is no
            image, and the model takes images of any size.
        DataError: The images have another shape.

    Example:
        >>> float(start_image(None, (2, 2, 1)).mean())
        127.5
    """
    remedy = "Pass an image, or images, whose mean is taken."
    if start is None:
        if None in image_shape:
            raise ArgumentError(
                "start must be an image or images, since the model takes images of any size. "
                f"Received: None. {remedy}"
            )
        return np.full([side or 0 for side in image_shape], GREY, np.float32)
    if isinstance(start, np.ndarray) and start.ndim == 3:
        fits = all(
            wanted in (None, side) for side, wanted in zip(start.shape, image_shape, strict=True)
        )
        if not fits or not (start.min() >= 0 and start.max() <= 255):
            received = f"shape {start.shape}, {start.min()} to {start.max()}"
            raise ArgumentError(
                f"start must be an image of shape {image_shape} with pixels between 0 and 255. "
                f"Received: {received}. {remedy}"
            )
        return start.astype(np.float32)
    total: Any = 0.0
    count = 0
    for block in image_batches(start, image_shape, BATCH):
        total = total + block.sum(axis=0, dtype=np.float64)
        count += len(block)
    return (total / count).astype(np.float32)


def _settings(
    space: str, steps: int, learning_rate: float, augmentation: Any, variation: float, seed: int
) -> AscentSettings:
    """Check the arguments of the optimisation."""
    if not is_among(space, SPACES):
        raise argument_error("space", f"be one of {', '.join(SPACES)}", space, 'Pass "fourier"')
    if not isinstance(augmentation, Augmentation | None):
        expected = "be a zoo.Augmentation or None"
        raise argument_error("augmentation", expected, augmentation, "Pass None for no transforms")
    if augmentation is not None:
        augmentation.check_unmixed("images that are maximized")
    return AscentSettings(
        whole_number("steps", steps, 1),
        real_number("learning_rate", learning_rate, above=0, example=0.05),
        augmentation,
        real_number("total_variation", variation, least=0, example=0.05),
        whole_number("seed", seed, 0),
    )


def _known_dead(
    dead: DeadUnits | None, objective: UnitObjective, chosen: Sequence[int]
) -> np.ndarray:
    """Tell for each unit whether the user has counted it as dead, bool [units]."""
    if not isinstance(dead, DeadUnits | None):
        expected = "be a result of zoo.inspect.dead_units"
        raise argument_error("dead", expected, dead, "Leave dead out")
    if dead is None or (objective.layer is None and "logits" not in dead.counts):
        return np.zeros(len(chosen), bool)
    return dead[objective.name].dead[list(chosen)]
