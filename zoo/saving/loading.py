"""Loading a saved model: the way in, and the single place where Keras reads files of strangers."""

import os
import warnings
from pathlib import Path
from typing import Any

from zoo.arguments import as_path
from zoo.errors import DataError
from zoo.registry.kept_memory import count_variables
from zoo.saving.archive import read_description, stored_bytes
from zoo.saving.graph import calls_without_inputs
from zoo.saving.names import foreign_names
from zoo.saving.weight_budget import WeightBudget
from zoo.text import first_line

_LEGACY = (".h5", ".hdf5")


def load(path: str | os.PathLike[str]) -> Any:
    """Load a Keras model that was saved as a `.keras` file.

    The file may come from a stranger: a file is refused if it has a Lambda layer, or if it names
    another class or function than layers, activations, initialisers, regularisers, constraints and
    operations of Keras, those of Zoo, and those registered with
    `keras.saving.register_keras_serializable`. So import the modules of your own layers first. A
    damaged file is refused too, and so is a file with an operation that Keras would compute while
    it loads the file.

    Args:
        path: The file.

    Returns:
        The `keras.Model`, uncompiled.

    Raises:
        DataError: The file does not exist, is damaged, is not safe to load, or does not hold a
            Keras model.
        ArgumentError: The path is no path.

    Example:
        >>> import tempfile
        >>> import zoo
        >>> path = f"{tempfile.mkdtemp()}/small.keras"
        >>> zoo.build("softmax").save(path)
        >>> zoo.load(path).count_params()
        7850
    """
    path = model_file(path)
    budget: WeightBudget | None = None
    import keras

    from zoo import layers  # noqa: F401  Keras then knows them by name

    try:
        _check_description(path, read_description(path, check_weights=True))
        budget = WeightBudget(stored_bytes(path))
        with budget, warnings.catch_warnings():
            # Keras saves the optimiser of a compiled model before it has variables.
            warnings.filterwarnings("ignore", "Skipping variable loading for optimizer")
            model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except DataError:
        raise
    except Exception as error:  # A file decides what Keras computes, and so which errors there are.
        reason = str(budget) if budget and budget.is_exceeded else first_line(error)
        raise DataError(
            f"path must be a .keras model that Keras can load. Received: {path}, which cannot be "
            f"loaded ({reason}). Save the model again with model.save(path), and import the "
            "modules of your own layers before you load a model that has them."
        ) from error
    if not isinstance(model, keras.Model):
        raise DataError(
            f"path must be a .keras file of a keras.Model. Received: {path}, which holds an object "
            f"of the type {type(model).__name__}. Name a file that model.save(path) wrote."
        )
    count_variables(model.variables)
    return model


def model_file(path: str | os.PathLike[str]) -> Path:
    """Check that a `.keras` file is there, without importing Keras.

    Args:
        path: The file.

    Returns:
        The path.

    Raises:
        DataError: There is no such file, or the file has another suffix.
        ArgumentError: The path is no path.

    Example:
        >>> model_file("gone.keras")
        Traceback (most recent call last):
        zoo.errors.DataError: path must be a model saved as a .keras file. Received: gone.keras, \
which does not exist. Name a file that model.save(path) wrote.
    """
    path = as_path("path", path)
    if path.suffix in _LEGACY and os.path.isfile(path):
        raise DataError(
            f"path must be a model saved as a .keras file. Received: {path}, which is in the "
            "earlier HDF5 format. If you trust its origin, bring it in once: "
            f'model = keras.models.load_model("{path}", compile=False). If the model takes '
            "values from -1 to 1, put a layer before it: model = keras.Sequential(["
            "keras.Input(model.input_shape[1:]), keras.layers.Rescaling(1/127.5, offset=-1), "
            f'model]); from 0 to 1, Rescaling(1/255). Then model.save("{path.stem}.keras").'
        )
    if path.suffix != ".keras" or not os.path.isfile(path):
        fault = "is not a .keras file" if os.path.exists(path) else "does not exist"
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
    description = read_description(model_file(path), check_weights=False)
    return description if isinstance(description, dict) else {}


def _check_description(path: Path, description: Any) -> None:
    """Refuse a description that names what no model needs, or lets Keras compute at once."""
    for name in foreign_names(description):
        raise DataError(
            "path must be a model of layers, activations, initialisers, regularisers, constraints "
            "and operations of Keras, of Zoo, or registered with "
            f"keras.saving.register_keras_serializable. Received: {path}, which names {name}. "
            "Import the module that registers it if it is your own; otherwise do not load this "
            "file."
        )
    for name in calls_without_inputs(description):
        raise DataError(
            "path must be a model whose layers and operations all take something that depends on "
            f"the input of the model. Received: {path}, whose {name!a:.80} takes only values that "
            "stand in the file. Save the model again with model.save(path), or do not load this "
            "file."
        )
