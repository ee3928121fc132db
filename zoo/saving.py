"""Loading saved models, never running code that they might carry."""

import os
import zipfile
from pathlib import Path
from typing import Any

from zoo.errors import DataError


def load(path: str | os.PathLike[str]) -> Any:
    """Load a Keras model saved as `.keras`.

    Args:
        path: The file. Pickles and Lambda layers in it are refused.

    Returns:
        The `keras.Model`, uncompiled.

    Raises:
        DataError: There is no such file, or it is no Keras model.

    Example:
        >>> import tempfile
        >>> import zoo
        >>> path = f"{tempfile.mkdtemp()}/small.keras"
        >>> zoo.build("softmax").save(path)
        >>> zoo.load(path).count_params()
        7850
    """
    import keras

    from zoo import layers  # noqa: F401  registers them

    path = Path(path)
    if path.suffix != ".keras" or not path.is_file():
        why = "is another" if path.exists() else "does not exist"
        raise DataError(f"Expected a model saved as a .keras file; {path} {why}.")
    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except (ValueError, TypeError, KeyError, OSError, zipfile.BadZipFile) as error:
        reason = str(error).split("\n")[0]
        raise DataError(
            f"{path} cannot be loaded as a .keras model: {reason} (A committee is loaded by "
            "zoo.ensembles.Committee.load, a model with layers of your own once they are imported.)"
        ) from error
