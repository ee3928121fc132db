"""Whether a saved model could be loaded again."""

import warnings
from pathlib import Path
from typing import Any

import keras
import numpy as np

from zoo.errors import ArgumentError, DataError
from zoo.files import is_error_of_disk, scratch_folder
from zoo.saving import foreign_names, load
from zoo.seeds import seeded
from zoo.text import first_line


def check_can_be_saved(name: str, model: Any) -> None:
    """Check that the file of a model can be loaded again, so that no training is lost.

    A model is made anew of its description, as Keras does when it loads the file. A model with
    other classes than those of Keras and Zoo is saved and loaded too, and the answers of the two
    models are compared.

    Args:
        name: The model's name in the error message.
        model: A built `keras.Model`.

    Raises:
        ArgumentError: The model cannot be saved, or could not be loaded.

    Example:
        >>> import zoo
        >>> check_can_be_saved("cnn", zoo.build("cnn"))
    """
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*includes a `lambda`")
            description = keras.saving.serialize_keras_object(model)
    except Exception as error:  # of the user's own classes
        raise _unsaveable(name, f"get_config raises {first_line(error)}") from error
    description.pop("compile_config", None)
    for foreign in foreign_names(description):
        # A layer stands before its configuration, and a function's name is the configuration.
        kind, _, config = foreign.partition(" ")
        raise _unsaveable(name, f"it has {config if kind.endswith('.function') else kind}")
    own = [
        type(part).__name__
        for part in model._flatten_layers()
        if not type(part).__module__.startswith(("keras.", "zoo."))
    ]
    with seeded(0):  # so that the user's next model gets the same weights as without this check
        try:
            keras.saving.deserialize_keras_object(description, safe_mode=True)
        except Exception as error:  # of a function that Keras cannot find by its name, for example
            raise _unsaveable(name, f"{first_line(error):.80}") from error
        if own:
            _check_round_trip(name, model)


def _check_round_trip(name: str, model: Any) -> None:
    """Save and load a model, and compare the answers about an image of noise."""
    sides = [side or 64 for side in model.input_shape[1:]]
    image = np.random.default_rng(0).integers(0, 256, (1, *sides)).astype("float32")
    with scratch_folder() as folder:
        path = Path(folder, "model.keras")
        try:
            model.save(path)
            loaded = load(path)
            expected, found = (np.asarray(each(image, training=False)) for each in (model, loaded))
        except DataError as error:
            raise _unsaveable(name, first_line(error.__cause__ or error)) from error
        except Exception as error:  # of the user's own classes
            if is_error_of_disk(error):
                raise
            raise _unsaveable(name, first_line(error)) from error
    if not np.allclose(found, expected, rtol=1e-3, atol=1e-5, equal_nan=True):
        raise _unsaveable(name, "the loaded model gives other answers")


def _unsaveable(name: str, fault: str) -> ArgumentError:
    return ArgumentError(
        f"{name} must be a model that can be saved and loaded again. Received: a model that "
        f"cannot: {fault}. Write a Lambda or a function as a layer of its own, give each of your "
        "own layers a get_config, and register it with "
        "@keras.saving.register_keras_serializable()."
    )
