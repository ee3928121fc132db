"""Learning rates that fall from layer to layer, from the head down to the first layer.

With the factor d of `Recipe.layer_decay`, layer k below the head moves by d^k of the change that
the optimiser asks for: w ← w + d^k · (w' − w), where w' are the weights after the optimiser's step.
For an optimiser whose steps are proportional to the rate, this is the rate times d^k, and it also
holds for the weight decay (Howard and Ruder, 2018: discriminative fine-tuning).
"""

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from zoo.training.transfer.freezing import parts_of


def layer_factors(model: Any, decay: float) -> dict[int, float]:
    """Give the factor of each weight that learns.

    Args:
        model: A built `keras.Model`.
        decay: The factor from a layer with weights to the layer below.

    Returns:
        `id` of a variable → its factor, 1 in the head.

    Example:
        >>> import zoo
        >>> model = zoo.build("mlp", hidden=(5, 5))
        >>> [*layer_factors(model, 0.5).values()]
        [1.0, 1.0, 0.5, 0.5, 0.25, 0.25]
    """
    layers = [layer for layer in parts_of(model) if layer.trainable_variables]
    return {
        id(variable): decay**depth
        for depth, layer in enumerate(reversed(layers))
        for variable in layer.trainable_variables
    }


def keep_layer_factors(optimizer: Any, factors: dict[int, float]) -> None:
    """Let an optimiser keep the factors of the weights that it trains.

    The attribute is set without Keras, which would keep track of the dictionary.

    Args:
        optimizer: A Keras optimiser.
        factors: As `layer_factors` gives them.
    """
    vars(optimizer)["_zoo_layer_factors"] = factors


def layer_factors_of(optimizer: Any) -> dict[int, float]:
    """Find the factors that an optimiser keeps; none if all weights have the full rate."""
    factors: dict[int, float] = vars(optimizer).get("_zoo_layer_factors", {})
    return factors


def take_step(optimizer: Any, variables: Sequence[Any], step: Callable[[], None]) -> None:
    """Take a step of an optimiser, of which each weight follows as far as its factor says.

    Args:
        optimizer: The optimiser.
        variables: The weights that the step changes.
        step: Takes the full step.
    """
    factors = layer_factors_of(optimizer)
    slowed = [
        (variable, tf.identity(variable.value), factors[id(variable)])
        for variable in variables
        if factors.get(id(variable), 1.0) != 1.0
    ]
    step()
    for variable, before, factor in slowed:
        variable.assign(before + tf.cast(factor, before.dtype) * (variable.value - before))
