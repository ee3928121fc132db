"""Loading saved models safely.

A `.keras` file is a zip archive with the weights and a description of the model, `config.json`,
that names classes and functions. Keras calls many of them while it loads. So before Keras reads the
file, each member of the archive is compared with its checksum, and each name in the description
with the modules that models are made of.
"""

import json
import os
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from zoo.errors import DataError
from zoo.text import first_line

_MODULES_OF_MODELS = (
    *("keras.layers", "keras.models", "keras.activations", "keras.initializers"),
    *("keras.regularizers", "keras.constraints", "keras.ops", "keras.random"),
    *("keras.dtype_policies", "keras.quantizers"),
    # Of the settings of `compile`, which members that were compiled keep.
    *("keras.optimizers", "keras.losses", "keras.metrics"),
)
_CLASSES_OF_KERAS = ("Model", "Sequential", "DTypePolicy", "Variable")
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
_ERRORS_OF_FILES = (
    *(ValueError, TypeError, KeyError, OSError, zlib.error, zipfile.BadZipFile),
    *(RecursionError, MemoryError),
)
_LEGACY = (".h5", ".hdf5")
_MOST_COMPRESSED = 100
"""How many times larger a file may become when it is unpacked. Keras does not compress at all."""


def load(path: str | os.PathLike[str]) -> Any:
    """Load a Keras model that was saved as a `.keras` file.

    The file may come from a stranger: a file is refused if it has a Lambda layer, or if it names
    another class or function than layers, activations, initialisers, regularisers, constraints and
    operations of Keras, those of Zoo, and those registered with
    `keras.saving.register_keras_serializable`. So import the modules of your own layers first. A
    damaged file is refused too.

    Args:
        path: The file.

    Returns:
        The `keras.Model`, uncompiled.

    Raises:
        DataError: The file does not exist, is damaged, is not safe to load, or does not hold a
            Keras model.

    Example:
        >>> import tempfile
        >>> import zoo
        >>> path = f"{tempfile.mkdtemp()}/small.keras"
        >>> zoo.build("softmax").save(path)
        >>> zoo.load(path).count_params()
        7850
    """
    path = model_file(path)
    import keras

    from zoo import layers  # noqa: F401  Keras then knows them by name

    try:
        _check_description(path, _undamaged_description(path, check_weights=True))
        with warnings.catch_warnings():
            # Keras saves the optimiser of a compiled model before it has variables.
            warnings.filterwarnings("ignore", "Skipping variable loading for optimizer")
            model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except DataError:
        raise
    except Exception as error:  # A file decides what Keras computes, and so which errors there are.
        raise DataError(
            f"path must be a .keras model that Keras can load. Received: {path}, which cannot be "
            f"loaded ({first_line(error)}). Save the model again with model.save(path), and import "
            "the modules of your own layers before you load a model that has them."
        ) from error
    if not isinstance(model, keras.Model):
        raise DataError(
            f"path must be a .keras file of a keras.Model. Received: {path}, which holds an object "
            f"of the type {type(model).__name__}. Name a file that model.save(path) wrote."
        )
    return model


def model_file(path: str | os.PathLike[str]) -> Path:
    """Check that a `.keras` file is there, without importing Keras.

    Args:
        path: The file.

    Returns:
        The path.

    Raises:
        DataError: There is no such file, or the file has another suffix.

    Example:
        >>> model_file("gone.keras")
        Traceback (most recent call last):
        zoo.errors.DataError: path must be a model saved as a .keras file. Received: gone.keras, \
which does not exist. Name a file that model.save(path) wrote.
    """
    path = Path(path)
    if path.suffix in _LEGACY and path.is_file():
        raise DataError(
            f"path must be a model saved as a .keras file. Received: {path}, which is in the "
            "earlier HDF5 format. If you trust its origin, bring it in once: "
            f'model = keras.models.load_model("{path}", compile=False). If the model takes '
            "values from -1 to 1, put a layer before it: model = keras.Sequential(["
            "keras.Input(model.input_shape[1:]), keras.layers.Rescaling(1/127.5, offset=-1), "
            f'model]); from 0 to 1, Rescaling(1/255). Then model.save("{path.stem}.keras").'
        )
    if path.suffix != ".keras" or not path.is_file():
        fault = "is not a .keras file" if path.exists() else "does not exist"
        raise DataError(
            f"path must be a model saved as a .keras file. Received: {path}, which {fault}. "
            "Name a file that model.save(path) wrote."
        )
    return path


def saved_description(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read how a saved model describes itself, without importing Keras and without its weights.

    Args:
        path: The file.

    Returns:
        The dict that Keras wrote as `config.json`. Its `"config"` has the values of the model's
        `get_config`.

    Raises:
        DataError: There is no such file, or its description is damaged.

    Example:
        >>> import tempfile
        >>> import zoo
        >>> path = f"{tempfile.mkdtemp()}/small.keras"
        >>> zoo.build("softmax").save(path)
        >>> saved_description(path)["config"]["name"]
        'softmax'
    """
    description = _undamaged_description(model_file(path), check_weights=False)
    return description if isinstance(description, dict) else {}


def _undamaged_description(path: Path, *, check_weights: bool) -> Any:
    """Read the description, and refuse a damaged file."""
    try:
        return _read_description(path, check_weights=check_weights)
    except DataError:
        raise
    except _ERRORS_OF_FILES as error:
        raise DataError(
            f"path must be an undamaged .keras model. Received: {path}, which cannot be read "
            f"({first_line(error)}). Copy or download the file again."
        ) from error


def _read_description(path: Path, *, check_weights: bool) -> Any:
    """Read the description, and compare it with its checksum; if asked, the weights too.

    With the weights, the archive is read from beginning to end: a reader that jumps in a file, as
    Keras does, does not look at checksums in newer releases of Python.
    """
    with zipfile.ZipFile(path) as archive:
        size = sum(member.file_size for member in archive.infolist())
        if size > _MOST_COMPRESSED * path.stat().st_size:
            raise DataError(
                f"path must be a .keras model that unpacks to at most {_MOST_COMPRESSED} times its "
                f"size. Received: {path}, which unpacks to {size:,} bytes. Save the model again "
                "with model.save(path)."
            )
        if check_weights and (damaged := archive.testzip()):
            raise zipfile.BadZipFile(f"{damaged} does not match its checksum")
        return json.loads(archive.read("config.json"))


def _check_description(path: Path, description: Any) -> None:
    """Refuse a description that names what no model needs."""
    for name in foreign_names(description):
        raise DataError(
            "path must be a model of layers, activations, initialisers, regularisers, constraints "
            "and operations of Keras, of Zoo, or registered with "
            f"keras.saving.register_keras_serializable. Received: {path}, which names {name}. "
            "Import the module that registers it if it is your own; otherwise do not load this "
            "file."
        )


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
    if module == "keras":
        return name in _CLASSES_OF_KERAS
    if module == "builtins":
        return description["class_name"] == "function" and any(
            hasattr(getattr(keras, place), name) for place in _MODULES_OF_NAMED_FUNCTIONS
        )
    public = module.replace("keras.src.", "keras.", 1)
    return any(f"{public}.".startswith(f"{allowed}.") for allowed in _MODULES_OF_MODELS)
