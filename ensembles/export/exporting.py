"""Writing a committee as one graph, and comparing the graph with the committee."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from zoo.arguments import as_path, is_among
from zoo.ensembles.export.formats import FORMATS
from zoo.ensembles.models.voting_model import VotingModel
from zoo.errors import ArgumentError, RunError
from zoo.files import is_error_of_disk, temporary_folder
from zoo.text import first_line, percent, visible

TOLERANCE = 1e-4
"""How far the probabilities of the graph may be from the committee's."""
_SIDE = 64
"""The height and width of test images, where the committee takes images of any size."""


def export(committee: VotingModel, path: str | os.PathLike[str], format: str) -> Path:
    """Write a committee as one graph, and compare the graph with the committee.

    Args:
        committee: The committee, with built members.
        path: As `filepath` of `Committee.export`.
        format: As in `Committee.export`.

    Returns:
        The path.

    Raises:
        ArgumentError: There is no such format, the path ends in another suffix or is no UTF-8, or
            packages are not installed.
        RunError: The graph could not be written, or computes something else.
    """
    if not is_among(format, FORMATS):
        raise ArgumentError(f"format must be one of {', '.join(FORMATS)}. Received: {format!r}.")
    suffix, write, run = FORMATS[format]
    target = as_path("filepath", path)
    if not suffix and target.exists():
        raise RunError(
            f"filepath must be a new folder. Received: {target}, which exists and was not changed. "
            "Pass another path."
        )
    if suffix and target.suffix != suffix:
        raise ArgumentError(
            f"With format={format!r}, filepath must end in {suffix}. Received: {target.name}. "
            "Rename the file."
        )
    if not _is_text(target):
        raise ArgumentError(
            "filepath must be text in UTF-8, since TensorFlow writes no other paths. Received: "
            f"{visible(target)}. Rename the file or its folder."
        )
    images = _test_images(committee)
    expected = committee.predict(images), committee.member_probabilities(images)
    try:
        with temporary_folder(target.parent) as folder:
            written = folder / target.name
            write(committee, written)
            _check_outputs(run(written, images), expected, committee.label_names, format)
            os.replace(written, target)
    except Exception as error:
        if isinstance(error, RunError) or not is_error_of_disk(error):
            raise
        raise RunError(
            f"filepath must be writable. Received: {target}, which could not be written "
            f"({first_line(error)}). Pass another path, or free disk space."
        ) from error
    return target


def _is_text(path: Path) -> bool:
    """Whether a path has no halves of characters, which stand for bytes that are no UTF-8."""
    try:
        return bool(str(path.absolute()).encode())
    except UnicodeEncodeError:
        return False


def _test_images(committee: VotingModel) -> np.ndarray:
    """Make images of noise, from dark to bright, for the graph and the committee."""
    shape = [side or _SIDE for side in committee.input_shape[1:]]
    rng = np.random.default_rng(0)
    brightness = np.linspace(0, 255, 8).reshape(-1, 1, 1, 1)
    return (rng.uniform(0, 1, (8, *shape)) * brightness).astype(np.uint8)


def _check_outputs(
    outputs: dict[str, np.ndarray], expected: Any, class_names: Any, format: str
) -> None:
    """Raise an error if the outputs of the graph differ from the committee's outputs."""
    probabilities, members = expected
    names = [
        str(name, "utf-8") if isinstance(name, bytes) else name
        for name in outputs["class_names"].tolist()
    ]
    distance = float(np.abs(outputs["probabilities"] - probabilities).max())
    same = outputs["probabilities"].argmax(axis=1) == probabilities.argmax(axis=1)
    agree = outputs["votes"] == members.argmax(axis=2).T
    fits = (
        distance <= TOLERANCE
        and same[_is_clear(probabilities)].all()
        and agree[_is_clear(members).T].all()
        and names == [*map(visible, class_names)]
    )
    if not fits:
        raise RunError(
            f"The graph written as {format} must compute the same as the committee, and was not "
            f"kept. Received: probabilities that differ by up to {distance:.2g}, "
            f"{percent(agree.mean())} equal votes, and the classes {', '.join(names)}. "
            "Try another format."
        )


def _is_clear(probabilities: np.ndarray) -> np.ndarray:
    """Mark decisions that the rounding of another runtime cannot change."""
    highest = np.sort(probabilities, axis=-1)[..., -2:]
    return highest[..., 1] - highest[..., 0] > 2 * TOLERANCE
