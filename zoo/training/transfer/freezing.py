"""Frozen layers: all layers of a model but the head, which is the last layer with weights."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from itertools import zip_longest
from typing import Any

import keras

from zoo.errors import ArgumentError
from zoo.recipes import Recipe
from zoo.registry.features import head_of, layer_settings
from zoo.registry.sources import take_sources

logger = logging.getLogger("zoo")


class FrozenLayers:
    """The layers of a model below its head, frozen, until `release`.

    A frozen layer learns nothing, and frozen batch normalisation works with the statistics that it
    has. Layers that were frozen before stay so after `release`.

    Args:
        name: The model's name in the error message.
        model: A built `keras.Model`.

    Raises:
        ArgumentError: There is no layer with weights below the head.

    Example:
        >>> import zoo
        >>> model = zoo.build("mlp", hidden=(5,))
        >>> frozen = FrozenLayers("mlp", model)
        >>> [variable.path for variable in model.trainable_variables]
        ['logits/kernel', 'logits/bias']
        >>> frozen.release()
        >>> len(model.trainable_variables)
        4
    """

    def __init__(self, name: str, model: Any) -> None:
        head = head_of(model)
        below = [layer for layer in model.layers if layer.weights and layer is not head]
        if not below:
            raise ArgumentError(
                f'With freeze="features", {name} must have layers with weights below its head, the '
                f"last layer with weights. Received: {'a single such layer' if head else 'none'}. "
                "Leave out freeze."
            )
        # A layer passes its setting on to the layers within it, so these come after the layer.
        self._settings = [
            (part, part.trainable) for layer in below for part in layer._flatten_layers()
        ]
        for layer in below:
            layer.trainable = False

    def release(self) -> None:
        """Give the layers back the settings that they had."""
        for layer, trainable in self._settings:
            layer.trainable = trainable


def tell_of_frozen_layers(name: str, recipe: Recipe, *, are_random: bool) -> None:
    """Let the log say what frozen layers make useless in a training.

    Args:
        name: The member's name.
        recipe: Its recipe.
        are_random: Whether the layers below the head have random weights.
    """
    if not recipe.freeze:
        return
    if are_random:
        logger.warning(
            "%s: the frozen layers have random weights. Name trained weights for this member.", name
        )
    if recipe.unfreeze_at is None and recipe.layer_decay not in (None, 1):
        logger.warning(
            "%s: layer_decay has no effect while only the head learns. Leave it out, or pass "
            "unfreeze_at.",
            name,
        )


def make_optimizer_of_phase(recipe: Recipe, steps_per_epoch: int, *, frozen: bool) -> Any:
    """Make the optimiser for the epochs before or after `unfreeze_at`.

    Args:
        recipe: The recipe of the whole training.
        steps_per_epoch: Training steps in an epoch.
        frozen: Whether the layers are frozen.

    Returns:
        A Keras optimiser, whose schedule is planned for the epochs of this phase.

    Example:
        >>> recipe = Recipe(freeze="features", unfreeze_at=3, epochs=10, schedule="cosine")
        >>> optimizer = make_optimizer_of_phase(recipe, 2, frozen=False)
        >>> optimizer.get_config()["learning_rate"]["config"]["decay_steps"]
        14
    """
    start = recipe.unfreeze_at
    if start is not None:
        epochs = start if frozen else recipe.epochs - start
        recipe = replace(recipe, epochs=epochs, freeze=None, unfreeze_at=None)
    optimizer = recipe.make_optimizer(steps_per_epoch * recipe.epochs)
    if not frozen:
        vars(optimizer)["_zoo_begun_after"] = start
    return optimizer


def begun_after(optimizer: Any) -> int | None:
    """Tell after how many epochs of a training an optimiser has begun; None at the start.

    Optimisers that have begun at different times count their steps differently, so a single wide
    optimiser cannot replace them.

    Args:
        optimizer: A Keras optimiser.
    """
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        optimizer = optimizer.inner_optimizer
    epochs: int | None = vars(optimizer).get("_zoo_begun_after")
    return epochs


def copy_features(source: Any, model: Any) -> None:
    """Copy the weights of all layers but the head from one model to another.

    Committees then know that the model also learned from the images of the source, and warn of
    these images in their reports.

    Args:
        source: A built `keras.Model`, such as a trained one.
        model: A built model of the same layers, whose head may have other classes.

    Raises:
        ArgumentError: The layers below the heads differ, or an argument is no network.

    Example:
        >>> import zoo
        >>> source, model = (zoo.build("mlp", num_classes=n, seed=n) for n in (7, 3))
        >>> copy_features(source, model)
        >>> bool((source.get_weights()[0] == model.get_weights()[0]).all())
        True
    """
    for name, part in (("source", source), ("model", model)):
        if not isinstance(part, keras.Model) or hasattr(part, "members"):
            raise ArgumentError(
                f"{name} must be a built keras.Model, such as zoo.build gives, or a member of "
                f"committee.members. Received: {part!r:.80}. Pass a single network."
            )
    below = [
        [layer for layer in part.layers if layer.weights and layer is not head_of(part)]
        for part in (source, model)
    ]
    shapes = [
        [tuple(weight.shape) for layer in layers for weight in layer.weights] for layers in below
    ]
    if shapes[0] != shapes[1]:
        raise ArgumentError(
            f"The layers below the head must be those of {source.name}. Received: {model.name}, "
            f"which has {len(shapes[1])} weights there, of other shapes or in another order than "
            f"the {len(shapes[0])} weights of {source.name}. Build both with the same arguments, "
            "for images of the same shape, and without features=, which leaves the head out."
        )
    kinds = [_computations(part) for part in (source, model)]
    for own, other in zip_longest(*kinds):
        if own != other:
            raise ArgumentError(
                f"The layers below the head must compute what those of {source.name} compute. "
                f"Received: {model.name}, with {other or 'no layer'} in the place of "
                f"{own or 'no layer'}. Build both with the same arguments, standardize= among them."
            )
    for layer, other in zip(*below, strict=True):
        other.set_weights(layer.get_weights())
    take_sources(model, source)


def _computations(model: Any) -> list[str]:
    """Describe what each layer below the head computes when the model answers."""
    kinds, head = [], head_of(model)
    for layer in model.layers[: model.layers.index(head)] if head else ():
        kind = type(layer).__name__
        if not isinstance(layer, keras.layers.InputLayer) and "Dropout" not in kind:
            settings = (f"{name}={value!r}" for name, value in layer_settings(layer).items())
            kinds.append(f"{kind}({', '.join(settings)})")
    return kinds


def parts_of(layer: Any) -> Iterator[Any]:
    """Go through the layers of a model, and of the models within it; or give a single layer."""
    for part in layer.layers if hasattr(layer, "layers") else ():
        yield from parts_of(part)
    if not hasattr(layer, "layers"):
        yield layer
