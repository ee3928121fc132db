"""The classes that trained weights know by name, so that a last layer follows the data's order.

A model that began with trained weights has the names of their classes in its attribute
`zoo_class_names`, in the order of their ids.
"""

import logging
from collections.abc import Sequence
from itertools import combinations
from typing import Any

from zoo.errors import ArgumentError
from zoo.registry.features import head_of
from zoo.registry.sources import sources_of

logger = logging.getLogger("zoo")


def is_other_order(known: Sequence[str], class_names: Sequence[str]) -> bool:
    """Tell whether the same classes stand in another order.

    Args:
        known: The names of the classes that a model knows.
        class_names: The names of the classes of the data.

    Returns:
        Whether the names are the same, but not their order.

    Example:
        >>> is_other_order(("cat", "dog"), ("dog", "cat"))
        True
        >>> is_other_order(("cat", "dog"), ("dog", "fish"))
        False
    """
    return [*known] != [*class_names] and sorted(known) == sorted(class_names)


def tell_other_classes(name: str, model: Any, class_names: Sequence[str]) -> None:
    """Let the log say what becomes of a last layer that was trained for other classes.

    Where the same classes stand in another order, `order_classes` brings the last layer into that
    order. A last layer for classes of other names stays, and has to learn the new classes.

    Args:
        name: The name of the member.
        model: The model, which perhaps began with trained weights.
        class_names: The classes that it is to learn.
    """
    trained = getattr(model, "zoo_class_names", class_names)
    if tuple(trained) == tuple(class_names):
        return
    names = [source for source in sources_of(model) if isinstance(source, str)]
    source = (names or ["its weights"])[0]
    if _order_to_take(model, class_names):
        logger.warning(
            "%s takes the classes of %s in the order of the data: %s. Each class keeps its weights "
            "in the last layer.",
            name, source, ", ".join(class_names),
        )  # fmt: skip
    else:
        logger.warning(
            "%s keeps the last layer of %s, which was trained for other classes: %s. The classes "
            "of the data are %s.",
            name, source, ", ".join(trained), ", ".join(class_names),
        )  # fmt: skip


def order_classes(name: str, model: Any, class_names: Sequence[str]) -> None:
    """Bring the last layer of a model into the order of the same classes in the data.

    The weights of the last layer have the classes as their last axis. Each class keeps its own
    weights, and the log says so. The layer stays as it is in a model that does not know its
    classes, that knows other classes, or that Keras has trained since it took its weights.

    Args:
        name: The name of the member.
        model: The model, which perhaps began with trained weights.
        class_names: The classes that it is to learn, in the order of their ids.

    Example:
        >>> import zoo
        >>> model = zoo.build("softmax", num_classes=2, seed=0)
        >>> model.zoo_class_names = ("cat", "dog")
        >>> cat, dog = model.get_layer("logits").kernel.numpy().T
        >>> order_classes("softmax", model, ("dog", "cat"))
        >>> bool((model.get_layer("logits").kernel.numpy().T == [dog, cat]).all())
        True
    """
    if _order_to_take(model, class_names):
        tell_other_classes(name, model, class_names)
        take_classes([model], class_names)


def take_classes(models: Sequence[Any], class_names: Sequence[str] | None) -> None:
    """Let models that began with trained weights know the classes that they learn now.

    Where a model knows the same classes in another order, its last layer takes the new order, as
    `order_classes` says.

    Args:
        models: The models of the members.
        class_names: The classes.
    """
    for model in models:
        if order := _order_to_take(model, class_names):
            head = head_of(model)
            head.set_weights([weight[..., order] for weight in head.get_weights()])
        if hasattr(model, "zoo_class_names"):
            model.zoo_class_names = class_names


def known_classes(model: Any) -> tuple[str, ...] | None:
    """Give the names of the classes that the weights of a model know, in the order of their ids.

    Args:
        model: A `keras.Model`.

    Returns:
        The names. None for a model that did not begin with trained weights, or that Keras has
        trained since, on classes whose order nobody noted.

    Example:
        >>> import keras
        >>> known_classes(keras.Sequential())
    """
    optimizer = getattr(model, "optimizer", None)
    if optimizer is not None and int(optimizer.iterations):
        return None
    names: tuple[str, ...] | None = getattr(model, "zoo_class_names", None)
    return names


def check_classes_agree(
    names: Sequence[str], models: Sequence[Any], class_names: Sequence[str] | None = None
) -> None:
    """Refuse models whose answers cannot be combined, since they know other classes.

    A model that knows no names of its classes, or only their numbers, agrees with every model.

    Args:
        names: The names of the models.
        models: The models.
        class_names: What the classes are called together. Such names may be others than those of
            the models, in another language, for example; then only a name with two numbers is
            refused. None takes the names of the models.

    Raises:
        ArgumentError: Two models know other classes, or the same classes in another order.

    Example:
        >>> import zoo
        >>> models = [zoo.build("softmax", num_classes=2, seed=seed) for seed in (0, 1)]
        >>> models[0].zoo_class_names = ("cat", "dog")
        >>> check_classes_agree(["a", "b"], models)  # b does not know the names of its classes
    """
    known = [("class_names", tuple(class_names))] if class_names else []
    for name, model in zip(names, models, strict=True):
        if classes := known_classes(model):
            known.append((name, tuple(classes)))
    for pair in combinations(known, 2):
        (_, first), (_, second) = pair
        renamed = class_names is not None or any(map(_are_numbers, (first, second)))
        moved = any(name in second and second.index(name) != k for k, name in enumerate(first))
        if moved or (first != second and not renamed):
            listed = "; ".join(f"{name}: {', '.join(classes)}" for name, classes in pair)
            raise ArgumentError(
                "The members of a committee must know the same classes, in the same order. "
                f"Received: {listed}. Call fit, after which all members know the classes of your "
                "data; combine models of the same classes; or, if only the words differ, pass "
                "class_names= to Committee."
            )


def _are_numbers(class_names: Sequence[str]) -> bool:
    """Whether the names are the numbers of the classes, which data without names have."""
    return tuple(class_names) == tuple(map(str, range(len(class_names))))


def _order_to_take(model: Any, class_names: Sequence[str] | None) -> list[int]:
    """Give for each class its place in the last layer; nothing where the layer has to stay."""
    known = known_classes(model)
    if known is None or class_names is None or not is_other_order(known, class_names):
        return []
    return [known.index(name) for name in class_names]
