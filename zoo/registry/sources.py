"""The sources of a model's weights: the trained weights and models that they were taken from.

A model that takes weights from elsewhere knows the images that these weights were learned from.
Committees ask for the sources, so that their reports warn of such images.
"""

import logging
from collections.abc import Sequence
from typing import Any

logger = logging.getLogger("zoo")


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


def tell_other_classes(name: str, model: Any, class_names: Sequence[str]) -> None:
    """Let the log say that a model keeps a last layer which was trained for other classes.

    Args:
        name: The name of the member.
        model: The model, which perhaps began with trained weights.
        class_names: The classes that it is to learn.
    """
    trained = getattr(model, "zoo_class_names", class_names)
    if trained != class_names:
        sources = [source for source in sources_of(model) if isinstance(source, str)]
        logger.warning(
            "%s keeps the last layer of %s, which was trained for other classes: %s. The classes "
            "of the data are %s.",
            name, (sources or ["its weights"])[0], ", ".join(trained), ", ".join(class_names),
        )  # fmt: skip


def take_classes(models: Sequence[Any], class_names: Sequence[str] | None) -> None:
    """Let models that began with trained weights know the classes that they learn now.

    Args:
        models: The models of the members.
        class_names: The classes.
    """
    for model in models:
        if hasattr(model, "zoo_class_names"):
            model.zoo_class_names = class_names
