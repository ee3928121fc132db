"""Saliency of a fixed set of images, member by member, as a training goes on."""

import math
import os
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from zoo.arguments import whole_number
from zoo.datasets.split import Split
from zoo.ensembles.checks import as_labelled, as_unlabelled
from zoo.inspect.explaining.catalogue import METHODS, find_method
from zoo.inspect.explaining.drawing import draw_image, draw_map
from zoo.inspect.explaining.explain import Explainer, make_explainer
from zoo.plots import new_figure
from zoo.tensorboard import run_folder
from zoo.training.callbacks import MemberCallback

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS = 3
"""The most images side by side. A wider picture would not be legible in TensorBoard's page."""

IN_A_PICTURE = 12
"""The most images in a picture."""

_SIDE = 1.4
"""The side of an image in inches."""

_LETTERS = 18
"""The most letters of a name of a class that are drawn."""


class SaliencyLog(MemberCallback):
    """Draw on which pixels the answers of each member rest, as the training goes on.

    The pictures stand in TensorBoard's IMAGES tab, where a slider goes through the epochs: the
    first is of the network before it learned. Red pixels speak for the class, blue pixels against
    it. Each image is explained for its label, or without
    labels for the class that the model answers then. Below an image stands the probability of this
    class, and another answer of the model.

    Args:
        images: A `Split`, uint8 [n, height, width, channels], or a pair (images, labels).
        labels: Class ids, int [n]; None for those of `images`, if it has labels.
        method: As for `zoo.inspect.explain`. Slow methods cost their time after each epoch.
        every: Draw after each `every`-th epoch.
        layer: As for `zoo.inspect.explain`.
        class_names: The names of the classes; None takes those of the `Split`.
        log_dir: As for `MemberCallback`: a folder with `keras.Model.fit`, else None.
        **options: Options of the method.

    Raises:
        ArgumentError: The method or an option does not exist, or a number is not as described.
            When the training begins: a member has nothing that the method works with, such as a
            convolution.
        DataError: The images or labels are not as described.

    Example:
        >>> import tempfile, zoo
        >>> data = zoo.datasets.load("digits")
        >>> committee = zoo.ensembles.Committee(["softmax"])
        >>> saliency, folder = SaliencyLog(data.validation.sample(4)), tempfile.mkdtemp()
        >>> history = committee.fit(
        ...     data.train, epochs=1, callbacks=[saliency], log_dir=folder, verbose=0
        ... )
    """

    def __init__(
        self,
        images: Any,
        labels: Any = None,
        *,
        method: str = "gradient",
        every: int = 1,
        layer: Any = None,
        class_names: Any = None,
        log_dir: str | os.PathLike[str] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(log_dir)
        find_method(method, options, layer)
        self._every = whole_number("every", every, 1)
        has_labels = labels is not None or isinstance(images, (Split, tuple))
        if has_labels:
            split = as_labelled(images, labels, "images", class_names)
        else:
            split = as_unlabelled(images)
        self._images = np.asarray(split.images)
        self._labels = np.asarray(split.labels) if has_labels else None
        self._class_names = split.class_names if has_labels else class_names
        self._method, self._layer, self._options = method, layer, options
        self._explainers: dict[str, Explainer] = {}

    def check_members(self, members: Mapping[str, Any]) -> None:
        """Check that the method works with the models: explain an image."""
        for name, model in members.items():
            self._explainers[name] = explainer = make_explainer(
                model, self._images.shape[1:], self._method, layer=self._layer, **self._options
            )
            labels = None if self._labels is None else self._labels[:1]
            explainer.maps(self._images[:1], explainer.targets(self._images[:1], labels))

    def begin_members(self, members: Mapping[str, Any]) -> None:
        """Draw for models that have not learned yet."""
        self._write(members, 0)

    def look_at_members(self, members: Mapping[str, Any], epoch: int) -> None:
        """Draw at the end of an epoch."""
        if epoch % self._every == 0:
            self._write(members, epoch)

    def _write(self, members: Mapping[str, Any], epoch: int) -> None:
        assert self.log
        for name in members:
            explainer = self._explainers[name]
            for start in range(0, len(self._images), IN_A_PICTURE):
                rows = slice(start, start + IN_A_PICTURE)
                tag = f"saliency/{METHODS[self._method].title}"
                if len(self._images) > IN_A_PICTURE:
                    tag += f", images {start + 1} to {min(rows.stop, len(self._images))}"
                draw = partial(self._draw, explainer, rows, f"{name}, epoch {epoch}")
                self.log.figure(run_folder(name), tag, draw, epoch)

    def _draw(self, explainer: Explainer, rows: slice, title: str) -> "Figure":
        """Draw some of the images with their maps."""
        images = self._images[rows]
        targets = explainer.targets(images, None if self._labels is None else self._labels[rows])
        maps = explainer.maps(images, targets)
        probabilities = _probabilities(explainer.network, images)
        names = [
            self._caption(target, row)
            for target, row in zip(targets[:, 0], probabilities, strict=True)
        ]
        explained = "its label" if self._labels is not None else "the answer"
        caption = f"{title}\n{METHODS[self._method].title}, each image for {explained}"
        return _figure(images, maps[:, 0], names, caption)

    def _caption(self, target: int, probabilities: np.ndarray) -> str:
        """Write the class, its probability, and another answer of the model."""
        answer = int(probabilities.argmax())
        text = f"{self._name(target)}: {100 * probabilities[target]:.0f} %"
        return text if answer == target else f"{text}\nanswer: {self._name(answer)}"

    def _name(self, label: int) -> str:
        names = self._class_names
        name = str(label) if names is None or label >= len(names) else str(names[label])
        return name if len(name) <= _LETTERS else f"{name[: _LETTERS - 1]}…"


def _figure(images: np.ndarray, maps: np.ndarray, names: Sequence[str], caption: str) -> "Figure":
    """Draw images in rows, and below each image its map with the name of the class."""
    blocks = math.ceil(len(images) / COLUMNS)
    figure = new_figure(COLUMNS * _SIDE + 0.2, blocks * (2 * _SIDE + 0.4) + 0.5)
    grid = figure.subplots(2 * blocks, COLUMNS, squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    for number, (image, values, name) in enumerate(zip(images, maps, names, strict=True)):
        block, column = divmod(number, COLUMNS)
        draw_image(grid[2 * block, column], image)
        draw_map(grid[2 * block + 1, column], values, image)
        grid[2 * block + 1, column].set_title(name, fontsize="small", parse_math=False)
    figure.supxlabel(caption, fontsize="small", parse_math=False)
    return figure


def _probabilities(network: Any, images: np.ndarray) -> np.ndarray:
    """Compute the probabilities of a model from its logits, float32 [n, classes]."""
    logits = network.scores(tf.constant(images, tf.float32))
    shape = getattr(network.model, "output_shape", None)
    if isinstance(shape, tuple) and shape[-1] == 1:  # [-z, z] of a single logit z
        logits /= 2
    return tf.nn.softmax(logits).numpy()
