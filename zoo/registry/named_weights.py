"""The weights of a model by names that do not change, and trained weights that a model takes.

Keras numbers layers without a name of their own through all models of a process. Here a weight has
the name of `zoo.registry.features.layer_names`, such as `"conv2d_1/kernel"`, in every process and
with both layer libraries.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from zoo.errors import ArgumentError, DataError
from zoo.registry.features import layer_names
from zoo.weights.catalogue import TrainedWeights

if TYPE_CHECKING:
    import numpy as np

logger = logging.getLogger("zoo")


def named_weights(model: Any) -> dict[str, Any]:
    """Give the weights of a model by names that do not depend on other models.

    Args:
        model: A built functional or Sequential `keras.Model`.

    Returns:
        Name, such as `"conv2d_1/kernel"` → the variable, from the input to the output. The moving
        statistics of normalisations are among them; the states of random numbers are not.

    Raises:
        ArgumentError: The model is no graph of layers.

    Example:
        >>> import zoo
        >>> list(named_weights(zoo.build("softmax")))
        ['logits/kernel', 'logits/bias']
    """
    return {
        f"{name}/{variable.path.partition('/')[2]}": variable
        for name, layer in layer_names(model).items()
        for variable in layer.weights
    }


def arguments_with_weights(
    weights: TrainedWeights, arguments: Mapping[str, Any], standardize: str | None
) -> tuple[dict[str, Any], str | None]:
    """Complete the arguments of `zoo.build` by those that the trained network was built with.

    Args:
        weights: The trained weights.
        arguments: The arguments of the builder that the user gave.
        standardize: The standardisation that the user asked for; None for that of the network.

    Returns:
        All arguments of the builder, and the standardisation.

    Raises:
        ArgumentError: An argument contradicts the trained network.
    """
    paper = weights.paper
    given = {**arguments, **({} if standardize is None else {"standardize": standardize})}
    if name := paper.contradiction(given):
        raise ArgumentError(
            f"{name} must be {paper.building[name]!r} with weights={weights.name!r}, as the "
            f"network was trained. Received: {given[name]!r}. Leave it out, or leave weights out."
        )
    shape = {"input_shape": paper.input_shape, "num_classes": len(paper.class_names)}
    complete = {**shape, **paper.arguments, **arguments}
    return complete, paper.recipe.standardize


def take_weights(model: Any, weights: TrainedWeights) -> None:
    """Give trained weights to a model, which may have other classes, colours or image sizes.

    With another number of classes the last layer keeps its new weights. The kernels on the pixels
    of grey images are repeated for colour images, and divided by the number of channels, so that a
    grey picture has the same answer; those of colour images are summed over the channels for grey
    images. Each of these is said in a line of the log, by the logger `zoo`.

    Args:
        model: The built `keras.Model`, whose weights are changed.
        weights: The trained weights.

    Raises:
        ArgumentError: The model cannot take the weights.
        DataError: The file is missing, damaged, or does not fit its paper.
    """
    variables, file = named_weights(model), weights.file
    shape, classes = tuple(model.input_shape[1:]), model.output_shape[-1]
    changes = _Changes(weights, shape, classes, _last_layer(model))
    chosen: dict[str, Callable[[np.ndarray], np.ndarray]] = {}

    def check(shapes: Mapping[str, tuple[int, ...]]) -> None:
        file.check_names(shapes, variables)
        for name, variable in variables.items():
            change = changes.of(name, shapes[name], tuple(variable.shape))
            if change is not None:
                chosen[name] = change

    arrays = file.read(check)
    if not chosen:
        raise ArgumentError(
            f"The classes must be those of the weights for {weights.paper.model}, which has no "
            f"layer but the last. Received: {classes} classes for {weights.name!r}, which knows "
            f"{len(weights.paper.class_names)}. Leave weights out."
        )
    for name, change in chosen.items():
        variables[name].assign(change(arrays[name]))
    # So that committees know the images that the model was trained on, and its classes.
    model.zoo_sources = (weights.name,)
    if classes == len(weights.paper.class_names):
        model.zoo_class_names = weights.paper.class_names
    if told := changes.sentences():
        logger.warning("%s starts from %s: %s.", model.name, weights.name, "; ".join(told))


class _Changes:
    """How arrays of a trained network become weights of a model with other images or classes."""

    def __init__(
        self, weights: TrainedWeights, shape: tuple[int, ...], classes: int, head: str
    ) -> None:
        self.weights = weights
        self.shape = shape
        self.classes = classes
        self.head = head
        self.trained_shape = tuple(weights.paper.input_shape)
        self.trained_classes = len(weights.paper.class_names)

    def of(
        self, name: str, trained: tuple[int, ...], wanted: tuple[int, ...]
    ) -> Callable[[np.ndarray], np.ndarray] | None:
        """Choose the change of an array; None for a weight that stays new.

        Args:
            name: The name of the weight.
            trained: The shape of the array in the file.
            wanted: The shape of the weight in the model.

        Raises:
            ArgumentError: There is no such change.
            DataError: The file does not fit the model of its paper.
        """
        is_head = name.startswith(f"{self.head}/")
        if is_head and self.classes != self.trained_classes:
            self._check_file(name, trained[-1:] == (self.trained_classes,))
            return None
        if trained == wanted:
            return _as_it_is
        if self.shape == self.trained_shape:
            self._check_file(name, is_right=False, wanted=wanted)
        channels, trained_channels = self.shape[-1], self.trained_shape[-1]
        old, new = list(trained), list(wanted)
        if len(old) == 2:  # a dense layer on all pixels: a row for each channel of each pixel
            old = [trained[0] // trained_channels, trained_channels, trained[1]]
            new = [wanted[0] // channels, channels, wanted[1]]
        if len(old) == len(new) >= 3 and old[-2:-1] == [trained_channels]:
            old[-2] = channels
            if old == new and 1 in (channels, trained_channels):
                return lambda array: _with_channels(array, trained_channels, channels, wanted)
        raise ArgumentError(
            f"input_shape must fit the weights {self.weights.name!r}, which were trained on "
            f"{_size(self.trained_shape)} images. Received: {self.shape}, for which {name} has the "
            f"shape {wanted} and not {trained}. Load the images in that size and colour, or build "
            "a model that takes the means of its last feature maps, such as vgg."
        )

    def sentences(self) -> list[str]:
        """Say how the model differs from the trained network."""
        told = []
        if self.classes != self.trained_classes:
            told.append(
                f"a new last layer for {self.classes} classes in place of {self.trained_classes}"
            )
        if self.shape[-1] != self.trained_shape[-1]:
            how = "summed over the channels" if self.shape[-1] == 1 else "repeated for each channel"
            told.append(f"the kernel on the pixels {how}")
        if self.shape[:2] != self.trained_shape[:2]:
            told.append(f"images of {_size(self.shape)} in place of {_size(self.trained_shape)}")
        return told

    def _check_file(self, name: str, is_right: bool, wanted: tuple[int, ...] | None = None) -> None:
        """Refuse a file that does not fit the model which its paper names."""
        if not is_right:
            fit = f"the shape {wanted}" if wanted else f"{self.trained_classes} classes"
            raise DataError(
                f"{name} in the weights {self.weights.name} must have {fit}, as its paper says. "
                "Received: another shape. Install the package again; do not use the file."
            )


def _last_layer(model: Any) -> str:
    """Give the name of the last layer with weights, by which the classes are told."""
    return [name for name, layer in layer_names(model).items() if layer.weights][-1]


def _as_it_is(array: np.ndarray) -> np.ndarray:
    return array


def _with_channels(
    array: np.ndarray, trained: int, channels: int, wanted: tuple[int, ...]
) -> np.ndarray:
    """Repeat or sum the kernels of a layer on pixels, so that grey pictures have the same answer.

    Args:
        array: The kernel, [..., channels, filters], or [pixels · channels, units].
        trained: The channels of the trained network.
        channels: The channels of the model; `channels` or `trained` is 1.
        wanted: The shape of the result.
    """
    parts = array.reshape(-1, trained, array.shape[-1]).astype("float32")
    summed = parts.sum(axis=1, keepdims=True)
    return (summed.repeat(channels, axis=1) / channels).reshape(wanted)


def _size(shape: tuple[int, ...]) -> str:
    """Write the size and colour of images: `48×48 grey`."""
    height, width, channels = shape
    colour = {1: "grey", 3: "colour"}.get(channels, f"{channels}-channel")
    return f"{height}×{width} {colour}"
