"""What a user names as a model: a saved model, a run folder that holds one, or a set of weights."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.ensembles.provenance import settings_from_file
from zoo.errors import ArgumentError, DataError
from zoo.saving import saved_description
from zoo.text import did_you_mean
from zoo.weights.catalogue import find_weights, list_weights, weight_sets
from zoo.weights.paper import checksum_of

if TYPE_CHECKING:
    from zoo.datasets.split import Split
    from zoo.ensembles.committee import Committee

logger = logging.getLogger("zoo")

SAVED = "committee.keras"
"""The file of the model in a run folder."""


def is_weights(model: str | os.PathLike[str]) -> bool:
    """Tell whether a user names a set of weights or a member of it, and no file.

    A file that exists is that file, whatever sets there are, and so is a run folder. Another folder
    is no saved model, so the set is meant.

    Args:
        model: The path of a saved model, or the name of a set or member.

    Returns:
        Whether it is the name of a set or member.

    Raises:
        DataError: There is no such set, and the word cannot be the path of a saved model.

    Example:
        >>> is_weights("committee.keras")
        False
    """
    path = Path(model)
    name = path.as_posix()
    known = _known()
    if os.path.isfile(path) or os.path.isfile(path / SAVED):
        return False
    if name not in known and not path.suffix and not os.path.exists(path):
        hint = did_you_mean(name, known)
        raise DataError(
            "The model must be a saved model, .keras, a run folder, or a set of trained weights. "
            f"Received: {name}, which does not exist{hint} `zoo weights` lists the sets."
        )
    return name in known


def saved_file(model: str | os.PathLike[str]) -> Path:
    """Find the saved model that a user names.

    Args:
        model: The path of a saved model, or of the run folder of a training.

    Returns:
        The path of the saved model: in a run folder, that of its committee.

    Raises:
        DataError: The path is a folder without a committee.

    Example:
        >>> saved_file("mine.keras").name
        'mine.keras'
    """
    path = Path(model)
    if not os.path.isdir(path):
        return path
    if not os.path.isfile(path / SAVED):
        raise DataError(
            "The model must be a saved model, .keras, or a run folder that holds one. Received: "
            f"{path}, which holds no {SAVED}. `zoo train` and `zoo committee` save this file at "
            "their end, and Committee.fit saves no model: name the file that committee.save(path) "
            "wrote."
        )
    return path / SAVED


def check_precision(model: str | os.PathLike[str], precision: str | None) -> None:
    """Check that what a user names can compute in another precision, without importing TensorFlow.

    Args:
        model: As for `committee_of`.
        precision: As for `committee_of`.

    Raises:
        ArgumentError: There is a precision, and the model is a saved model.
        DataError: As for `is_weights`.

    Example:
        >>> check_precision("gone.keras", None)
    """
    if precision is not None and not is_weights(model):
        raise ArgumentError(
            "precision must be left out for a saved model, which computes in the precision that it "
            f"was built with. Received: {precision!r} for {model}. Leave the precision out, or "
            "name trained weights of `zoo weights`."
        )


def committee_of(model: str | os.PathLike[str], precision: str | None = None) -> Committee:
    """Load a saved committee, or make the committee of a set of weights.

    Where there is also a file or folder of the name of a set, a line of the log says what is taken.

    Args:
        model: The path of a saved committee or model, `.keras`, or of a run folder that holds one;
            or the name of a set of weights, or of a member of it.
        precision: The precision in which trained weights compute, as for `pretrained`. A saved
            model keeps its own.

    Returns:
        The committee; of a single model, a committee of one member.

    Raises:
        ArgumentError: There is a precision, and the model is a saved model.
        DataError: There is no such file and no such set, or a file is damaged.

    Example:
        >>> committee_of("gone.keras")
        Traceback (most recent call last):
        zoo.errors.DataError: path must be a model saved as a .keras file. Received: gone.keras, \
which does not exist. Name a file that model.save(path) wrote.
    """
    check_precision(model, precision)
    name, is_set = Path(model).as_posix(), is_weights(model)
    if os.path.exists(model) and name in _known():
        told = "the set of weights is taken, not the folder" if is_set else "the file is taken"
        logger.warning("%s is a set of weights and also a path here: %s.", name, told)
    from zoo.ensembles.committee import Committee  # imported here, since the import takes seconds
    from zoo.ensembles.loading.sets import pretrained

    if is_set:
        return pretrained(name, precision=precision)
    return Committee.load(saved_file(model))


def settings_of(model: str | os.PathLike[str]) -> dict[str, Any]:
    """Read with which settings the data of a committee was loaded, without importing TensorFlow.

    Args:
        model: As for `committee_of`.

    Returns:
        The name of the data set, and other arguments of `zoo.datasets.load`; empty if they are not
        known.

    Raises:
        DataError: There is no such file and no such set, or a file is damaged.
    """
    if is_weights(model):
        data = find_weights(Path(model).as_posix())[0].paper.data
        return {"name": data.name, **data.options}
    config = saved_description(saved_file(model)).get("config")
    settings = config.get("data_settings") if isinstance(config, dict) else None
    return settings_from_file(settings) or {}


def tell_other_images(name: str, images: Split) -> None:
    """Let the log say that images are not those by which trained weights were judged.

    Args:
        name: The name of a set or of a member.
        images: The images of a split of the data set that the papers name.
    """
    data = find_weights(name)[0].paper.data
    if data.fingerprint.get(images.name) != checksum_of(images):
        logger.warning(
            "The %s images are not those in the papers of %s: %s here, %s there, with another "
            "checksum. So the scores are not those of `zoo weights`: the files are others, or "
            "another decoder read them.",
            images.name, name, f"{len(images):,}", f"{data.images.get(images.name, 0):,}",
        )  # fmt: skip


def _known() -> list[str]:
    """List the names of all sets of weights, and of their members."""
    return [*(weights.name for weights in weight_sets()), *list_weights()]
