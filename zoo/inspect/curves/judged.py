"""The answers of a model or a committee, and of its members, to images with labels."""

import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from zoo.arguments import argument_error, as_path, whole_number
from zoo.datasets.split import Split
from zoo.ensembles.committee import Committee
from zoo.ensembles.evaluate import committee_with_images
from zoo.ensembles.models.voting_model import VotingModel
from zoo.errors import RunError
from zoo.inspect.pictures.predictions import labelled_split, predict_split

KEPT = "committee.keras"
"""The file in a run folder that `zoo train` and `zoo committee` write."""


class JudgedAnswers(NamedTuple):
    """Probabilities for images with labels.

    Attributes:
        labels: The true classes, int64 [n].
        probabilities: The probabilities of the model, or what the rule of the committee makes of
            its members' probabilities, float64 [n, classes]. The highest is the confidence.
        members: Name of a member → its probabilities, float64 [n, classes]; empty for one model.
        name: The name of the model or committee, or of its file or run folder.
        split: The name of the images.
    """

    labels: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    members: dict[str, NDArray[np.float64]]
    name: str
    split: str

    @property
    def title(self) -> str:
        """Whose answers to which images these are, in words."""
        return f"{self.name}, {self.split}: {len(self.labels):,} images"


def judged_answers(
    model_or_committee: Any, data: Any, labels: Any, split: str | None, batch_size: int
) -> JudgedAnswers:
    """Ask a model or a committee about images with labels.

    Args:
        model_or_committee: A built `keras.Model`, a committee, a `.keras` file or a run folder.
        data: The images, as for `zoo.inspect.mistakes`; None, for a file or a run folder, loads the
            data of its training.
        labels: Class ids, int [n], if `data` is an array.
        split: The split of the data of the training; None takes the validation split.
        batch_size: The number of images at a time.

    Returns:
        The answers.

    Raises:
        ArgumentError: The model is not built, or an argument is not as described.
        DataError: The file or the data cannot be loaded, or they do not fit.
        RunError: The run folder holds no saved committee.
    """
    whole_number("batch_size", batch_size, 1)
    is_path = isinstance(model_or_committee, (str, os.PathLike))
    if split is not None and (data is not None or not is_path):
        expected = "be left out, except for a file or a run folder without data="
        raise argument_error("split", expected, split, "Pass the images of the split as data=")
    if data is None and not is_path:
        raise argument_error(
            "data", "be images with labels", None, "Pass data.validation, for example"
        )
    model, name = model_or_committee, getattr(model_or_committee, "name", "model")
    if is_path:
        file, name = _file(as_path("model_or_committee", model_or_committee))
        if data is None:
            model, data = committee_with_images(file, split=split or "validation")
        else:
            model = Committee.load(file)
    images = labelled_split(model, data, labels)
    return _answers(model, images, name, batch_size)


def _file(path: Path) -> tuple[Path, str]:
    """Find the saved model in a run folder, and give the name of the run."""
    if not path.is_dir():
        return path, path.stem
    if not (path / KEPT).is_file():
        raise RunError(
            f"A run folder must hold {KEPT}. Received: {path}, which does not. `zoo train` and "
            f'`zoo committee` write the file at the end; in Python, committee.save("{path / KEPT}")'
            " does."
        )
    return path / KEPT, path.resolve().name


def _answers(model: Any, images: Split, name: str, batch_size: int) -> JudgedAnswers:
    found = predict_split(model, images, batch_size)
    if not isinstance(model, VotingModel):
        return JudgedAnswers(images.labels, found.probabilities, {}, name, images.name)
    # As in reports: with equal shares of the vote, the mean probability decides.
    combined = np.asarray(model.rule(found.members), np.float64)
    names = model.member_names if len(found.members) > 1 else ()
    members = dict(zip(names, found.members, strict=False))
    return JudgedAnswers(images.labels, combined, members, name, images.name)
