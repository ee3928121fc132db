"""Which classes and functions a saved model may name."""

from collections.abc import Iterator
from typing import Any

_MODULES_OF_MODELS = (
    *("keras.layers", "keras.activations", "keras.initializers", "keras.regularizers"),
    *("keras.constraints", "keras.ops", "keras.random", "keras.dtype_policies"),
    "keras.quantizers",
    # Of the settings of `compile`, which members that were compiled keep.
    *("keras.optimizers", "keras.losses", "keras.metrics"),
)
_CLASSES_OF_KERAS = ("Model", "Sequential", "Functional", "DTypePolicy", "Variable")
"""The only names in `keras` and in `keras.models`, whose functions read and write files."""
_CLASSES_THAT_RUN_OR_READ_MORE = (
    # Other programs, and functions with arguments of the file's choice.
    *("Lambda", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer"),
    # Text files, by a path of the file's choice.
    *("TextVectorization", "IndexLookup", "StringLookup", "IntegerLookup", "FeatureSpace"),
)
_MODULES_OF_NAMED_FUNCTIONS = (
    *("activations", "constraints", "initializers", "losses", "metrics", "optimizers"),
    "regularizers",
)
"""The modules of Keras in which Keras looks for a function that is saved by its name alone."""
_VALUES = ("__keras_tensor__", "__tensor__", "__numpy__", "__bytes__", "__ellipsis__", "__slice__")


def foreign_names(value: Any) -> Iterator[str]:
    """Find the classes and functions in a description that a model is not made of.

    Args:
        value: What `keras.saving.serialize_keras_object` made of a model, or a part of it.

    Returns:
        The module, name and configuration of each such class or function.

    Example:
        >>> list(foreign_names({"module": "os", "class_name": "function", "config": "remove"}))
        ["os.function 'remove'"]
    """
    if isinstance(value, list):
        for item in value:
            yield from foreign_names(item)
    elif isinstance(value, dict):
        if "class_name" in value and not _is_part_of_models(value):
            yield f"{value.get('module')}.{value['class_name']} {value.get('config')!r:.60}"
        for item in value.values():
            yield from foreign_names(item)


def _is_part_of_models(description: dict[str, Any]) -> bool:
    """Whether a class or function is known to belong to models.

    Args:
        description: The dict that `keras.saving.serialize_keras_object` makes of an object.
    """
    import keras

    name, module = description["class_name"], description.get("module")
    if name in _VALUES:
        return True
    if name == "function":
        name = description.get("config")
        registered = keras.saving.get_registered_object(name) if isinstance(name, str) else None
    else:
        registered = keras.saving.get_registered_object(
            description.get("registered_name") or str(name)
        )
    if registered is not None:
        return True
    # A name with a dot would lead out of the module.
    if not isinstance(name, str) or not name.isidentifier() or not isinstance(module, str):
        return False
    if name in _CLASSES_THAT_RUN_OR_READ_MORE:
        return False
    if module == "builtins":
        return description["class_name"] == "function" and any(
            hasattr(getattr(keras, place), name) for place in _MODULES_OF_NAMED_FUNCTIONS
        )
    public = module.replace("keras.src.", "keras.", 1)
    if public == "keras" or f"{public}.".startswith("keras.models."):
        return name in _CLASSES_OF_KERAS
    return any(f"{public}.".startswith(f"{allowed}.") for allowed in _MODULES_OF_MODELS)
