"""Loading saved models safely: code that a file may contain is never run."""

import os
import zipfile
from pathlib import Path
from typing import Any

from zoo.errors import DataError
from zoo.text import first_line


def load(path: str | os.PathLike[str]) -> Any:
    """Load a Keras model that was saved as a `.keras` file.

    A file with pickles or Lambda layers is refused, since loading it could run code. Layers of
    `zoo.layers` are known. Import the modules of your own layers first.

    Args:
        path: The file.

    Returns:
        The `keras.Model`, uncompiled.

    Raises:
        DataError: The file does not exist, or it does not hold a Keras model.

    Example:
        >>> import tempfile
        >>> import zoo
        >>> path = f"{tempfile.mkdtemp()}/small.keras"
        >>> zoo.build("softmax").save(path)
        >>> zoo.load(path).count_params()
        7850
    """
    import keras

    from zoo import layers  # noqa: F401  Keras then knows them by name

    path = Path(path)
    if path.suffix != ".keras" or not path.is_file():
        fault = "is not a .keras file" if path.exists() else "does not exist"
        raise DataError(
            f"path must be a model saved as a .keras file. Received: {path}, which {fault}. "
            "Name a file that model.save(path) wrote."
        )
    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except (ValueError, TypeError, KeyError, OSError, zipfile.BadZipFile) as error:
        raise DataError(
            f"path must be a .keras model that Keras can load. Received: {path}, which cannot be "
            f"loaded ({first_line(error)}). Load a committee with zoo.ensembles.Committee.load, "
            "and import the modules of your own layers before you load a model that has them."
        ) from error
