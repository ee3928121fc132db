"""The sources of a model's weights: the trained weights and models that they were taken from.

A model that takes weights from elsewhere knows the images that these weights were learned from.
Committees ask for the sources, so that their reports warn of such images.
"""

from typing import Any


def take_sources(model: Any, source: Any) -> None:
    """Record in a model that it took weights from another model.

    The attribute `zoo_sources` of a model is a tuple of names of trained weights, such as
    `"mnist/lenet-0"`, and of the provenance that a training left in `zoo_provenance`.

    Args:
        model: A `keras.Model`.
        source: The `keras.Model` whose weights it took, or whose layers it shares.

    Example:
        >>> import keras
        >>> model, source = keras.Sequential(), keras.Sequential()
        >>> source.zoo_sources = ("mnist/lenet-0",)
        >>> take_sources(model, source)
        >>> model.zoo_sources
        ('mnist/lenet-0',)
    """
    trained = getattr(source, "zoo_provenance", None)
    model.zoo_sources = (
        *sources_of(model),
        *sources_of(source),
        *([] if trained is None else [trained]),
    )


def sources_of(model: Any) -> tuple[Any, ...]:
    """Give the sources that are recorded in a model.

    Args:
        model: A `keras.Model`.

    Returns:
        Names of trained weights, and objects with the provenance of a training.

    Example:
        >>> import keras
        >>> sources_of(keras.Sequential())
        ()
    """
    sources: tuple[Any, ...] = getattr(model, "zoo_sources", ())
    return sources
