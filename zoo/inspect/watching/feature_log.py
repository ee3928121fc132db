"""Features of images for TensorBoard's projector, a point for each image."""

import os
from pathlib import Path
from typing import Any

import numpy as np

from zoo.arguments import whole_number
from zoo.ensembles.models.voting_model import VotingModel
from zoo.inspect.pictures.neighbours import feature_layer
from zoo.inspect.pictures.predictions import BATCH, labelled_split, predict_split
from zoo.inspect.units.activations import features
from zoo.tensorboard import TensorBoardLog, run_folder
from zoo.tensorboard.projector import write_embeddings

IMAGES = 500
"""The number of images in the projector, by default."""

MOST_VALUES = 1024
"""The most values of a feature that are written. Of longer features, a random projection to this
length is written, in which the distances of the images stay nearly as they are."""


def log_features(
    model_or_committee: Any,
    images: Any,
    labels: Any = None,
    *,
    run: str | os.PathLike[str],
    count: int = IMAGES,
    layer: Any = None,
) -> Path:
    """Write features of images for TensorBoard's PROJECTOR tab.

    The features are the outputs of the last layer before the classifier of each member. They stand
    in the folder of the committee, or in that of a single model. TensorBoard draws each image as a
    point, and colours and searches the points by the columns `label`, `answer`, `right`,
    `confidence` (the probability of the answer, in percent) and, for a committee, `votes`.

    Args:
        model_or_committee: A built `keras.Model` or a trained committee.
        images: Images that no member was trained on: a `Split`, uint8 [n, height, width,
            channels], a pair (images, labels), or a dataset of such pairs.
        labels: Class ids, int [n], if `images` is an array.
        run: The run folder of the training.
        count: The number of images, at most; they are drawn at random.
        layer: The layer whose outputs are the features, as for `zoo.inspect.features`; None takes
            the last layer before the classifier of each member.

    Returns:
        The folder of the files.

    Raises:
        ArgumentError: The model is not built, or an argument is not as described.
        DataError: The images, labels or classes do not fit.
        RunError: The files cannot be written.

    Example:
        >>> import tempfile, zoo
        >>> data = zoo.datasets.load("digits")
        >>> model = zoo.build("mlp", input_shape=data.image_shape, num_classes=10)
        >>> folder = log_features(model, data.test, run=tempfile.mkdtemp(), count=20)
        >>> (folder / "projector" / "images.tsv").read_text().splitlines()[0].split()
        ['label', 'answer', 'right', 'confidence']
    """
    split = labelled_split(model_or_committee, images, labels)
    count = min(whole_number("count", count, 1), len(split))
    split = split.sample(count)
    predicted = predict_split(model_or_committee, split, BATCH)
    names = predicted.class_names(split)
    is_right = predicted.answers == split.labels
    columns: dict[str, list[Any]] = {
        "label": [names[label] for label in split.labels],
        "answer": [names[answer] for answer in predicted.answers],
        "right": ["right" if right else "wrong" for right in is_right],
        "confidence": [round(100 * float(value)) for value in predicted.confidences],
    }
    if isinstance(model_or_committee, VotingModel):
        members = dict(
            zip(model_or_committee.member_names, model_or_committee.members, strict=True)
        )
        votes = predicted.members.argmax(axis=-1)
        columns["votes"] = [", ".join(names[vote] for vote in row) for row in votes.T]
    else:
        members = {model_or_committee.name: model_or_committee}
    embeddings = {}
    for name, model in members.items():
        path = feature_layer(model, split) if layer is None else layer
        values = features(model, split, path).reshape(count, -1)
        embeddings[name] = _shortened(values)
    name = "committee" if len(members) > 1 else next(iter(members))
    folder = Path(run) / run_folder(name)
    _make_run(Path(run), run_folder(name), count)
    write_embeddings(folder, embeddings, columns, np.asarray(split.images))
    return folder


def _shortened(values: np.ndarray) -> np.ndarray:
    """Project long features at random to `MOST_VALUES`, which keeps distances nearly the same."""
    if values.shape[1] <= MOST_VALUES:
        return values
    generator = np.random.default_rng(0)
    directions = generator.standard_normal((values.shape[1], MOST_VALUES), "float32")
    return values @ (directions / np.sqrt(MOST_VALUES, dtype="float32"))


def _make_run(run: Path, folder: str, count: int) -> None:
    """Give a folder without event files one, since TensorBoard takes no other folder for a run."""
    if not list((run / folder).glob("*.tfevents.*")):
        log = TensorBoardLog(run)
        log.text(folder, "projector", f"The features of {count:,} images: see PROJECTOR.")
        log.close()
