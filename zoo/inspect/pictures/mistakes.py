"""The most confident mistakes, and the images on which the members disagree most."""

from typing import Any

import numpy as np

from zoo.arguments import whole_number
from zoo.datasets.split import Split
from zoo.ensembles.measures.uncertainty import mutual_information
from zoo.ensembles.models.voting_model import VotingModel
from zoo.errors import ArgumentError
from zoo.inspect.pictures.predictions import (
    BATCH,
    Predictions,
    labelled_split,
    predict_split,
)
from zoo.inspect.pictures.ranked_images import RankedImages, ranked


def mistakes(
    model_or_committee: Any,
    data: Any,
    labels: Any = None,
    *,
    most: int | None = None,
    batch_size: int = BATCH,
) -> RankedImages:
    """Find the images that are classified wrongly, the most confident mistake first.

    A mistake with a high probability is worth a look: the label may be wrong, or the image may show
    what the training images never showed.

    Args:
        model_or_committee: A built `keras.Model` of any kind, or a `zoo.ensembles.Committee`.
        data: A `Split`; images uint8 [n, height, width, channels]; a tuple (images, labels); or a
            dataset of such pairs.
        labels: Class ids, int [n], if `data` is an array.
        most: The largest number of images; None gives all mistakes.
        batch_size: The number of images at a time.

    Returns:
        The `RankedImages`. For a committee whose rule counts votes, confidence is the weighted mean
        of the members' probabilities of the answer.

    Raises:
        ArgumentError: The model is not built, or a number is out of range.
        DataError: The images, labels or classes do not fit.

    Example:
        >>> import zoo
        >>> images, labels = np.zeros((2, 28, 28, 1), "uint8"), [0, 1]
        >>> len(mistakes(zoo.build("softmax"), images, labels)) >= 1
        True
    """
    most = _most(most)
    split = labelled_split(model_or_committee, data, labels)
    found = predict_split(model_or_committee, split, whole_number("batch_size", batch_size, 1))
    return ranked_mistakes(found, split, most)


def ranked_mistakes(found: Predictions, split: Split, most: int | None = None) -> RankedImages:
    """Rank the mistakes among answers that are known already: see `mistakes`."""
    wrong = np.flatnonzero(found.answers != split.labels)
    order = wrong[np.argsort(-found.confidences[wrong], kind="stable")][:most]
    title = "mistakes, the most confident first"
    return ranked(found, split.labels, order, found.class_names(split), title, split)


def disputed(
    committee: Any,
    data: Any,
    labels: Any = None,
    *,
    most: int | None = None,
    batch_size: int = BATCH,
) -> RankedImages:
    """Rank images by how much the members of a committee contradict each other.

    The measure is the mutual information between the label and the member
    (`zoo.ensembles.measures.uncertainty.mutual_information`). It is high where members are sure of
    different classes, and low where all of them are unsure of the same image.

    Args:
        committee: A trained `zoo.ensembles.Committee` of two members or more.
        data: As for `mistakes`.
        labels: As for `mistakes`.
        most: The largest number of images; None ranks all images.
        batch_size: The number of images at a time.

    Returns:
        The `RankedImages`, the most disputed image first.

    Raises:
        ArgumentError: The committee is a single model, or a number is out of range.
        DataError: The images, labels or classes do not fit.

    Example:
        >>> import zoo
        >>> images, labels = np.zeros((2, 28, 28, 1), "uint8"), [0, 1]
        >>> committee = zoo.ensembles.Committee([zoo.build("softmax"), zoo.build("lenet")])
        >>> len(disputed(committee, images, labels))
        2
    """
    most = _most(most)
    if not isinstance(committee, VotingModel) or len(committee.members) < 2:
        raise ArgumentError(
            "committee must be a trained committee of two members or more, which can disagree. "
            f"Received: {committee!r:.80}. Make a zoo.ensembles.Committee of the models."
        )
    split = labelled_split(committee, data, labels)
    found = predict_split(committee, split, whole_number("batch_size", batch_size, 1))
    return ranked_disputes(found, split, most)


def ranked_disputes(found: Predictions, split: Split, most: int | None = None) -> RankedImages:
    """Rank images by how much known answers of members contradict each other: see `disputed`."""
    information = mutual_information(found.members, found.weights)
    order = np.argsort(-information, kind="stable")[:most]
    title = "images that the members dispute, the most disputed first"
    return ranked(found, split.labels, order, found.class_names(split), title, split)


def _most(most: int | None) -> int | None:
    return None if most is None else whole_number("most", most, 1)
