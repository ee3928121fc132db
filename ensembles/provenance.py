"""Provenance: which images a model was trained on, and which images chose something about it.

An image is recognised by the digest of its pixels (`Split.digests`), in whatever array it comes.
Each Keras model carries the digests of its images, so that every committee with this model as a
member can ask for them.
"""

from __future__ import annotations

import base64
import functools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from zoo.datasets.split import Split

NO_IMAGES = np.array([], np.uint64)

Kind = Literal["trained_on", "tuned_on"]
"""How a model knows images. `"trained_on"`: its weights were learned from the images.
`"tuned_on"`: the images chose when to stop the training, which members to keep, the weights of
members, or a temperature."""
KINDS: tuple[Kind, ...] = ("trained_on", "tuned_on")


class CompositeModel:
    """The base of models that consist of other models, as a committee does.

    The members of such a model carry the digests, and the model itself gives the digests of all of
    them.
    """

    @property
    def members(self) -> tuple[Any, ...]:
        """The models of which this model consists."""
        raise NotImplementedError

    @property
    def trained_on(self) -> np.ndarray:
        """Digests of the images that a member was trained on, uint64, ascending."""
        raise NotImplementedError

    @property
    def tuned_on(self) -> np.ndarray:
        """Digests of the images that chose something about the model or a member."""
        raise NotImplementedError


@dataclass(frozen=True)
class Overlap:
    """How many of the images that judge a committee are known to the committee already.

    Attributes:
        images: The number of images that judge the committee.
        trained_on: The number of these images that a member was trained on, pixel for pixel.
        tuned_on: The number of these images that chose when to stop, members, weights or a
            temperature.

    Example:
        >>> print(Overlap(images=100, trained_on=3).warning())
        Caution: members were trained on 3 of these 100 images, so the scores are too good.
    """

    images: int
    trained_on: int = 0
    tuned_on: int = 0

    def warning(self) -> str:
        """Warn that the scores are too good; an empty text where no image is known."""
        if self.trained_on:
            return (
                f"Caution: members were trained on {self.trained_on:,} of these {self.images:,} "
                "images, so the scores are too good."
            )
        if self.tuned_on:
            return (
                f"Caution: {self.tuned_on:,} of these {self.images:,} images chose when to stop, "
                "members, or how members are combined, so the scores are too good."
            )
        return ""


def overlap(split: Split, models: Iterable[Any], tuned_on: np.ndarray = NO_IMAGES) -> Overlap:
    """Count the images of a split that models know.

    Args:
        split: The images that judge the models.
        models: Keras models or committees.
        tuned_on: Digests of further images that chose something, uint64.

    Returns:
        The counts.
    """
    models = list(models)
    chose = np.union1d(tuned_on, known_images(models, "tuned_on"))
    return Overlap(
        len(split),
        trained_on=split.count_among(known_images(models, "trained_on")),
        tuned_on=split.count_among(chose),
    )


def known_images(models: Iterable[Any], kind: Kind) -> np.ndarray:
    """Collect the recorded digests of the images that the models know.

    Args:
        models: Keras models or committees.
        kind: How the models know the images.

    Returns:
        uint64 [images], ascending, each once.

    Example:
        >>> known_images([], "trained_on")
        array([], dtype=uint64)
    """
    recorded = (
        getattr(model, kind)
        if isinstance(model, CompositeModel)
        else getattr(model, f"zoo_{kind}", NO_IMAGES)
        for model in models
    )
    return functools.reduce(np.union1d, recorded, NO_IMAGES)


def record_exposure(models: Iterable[Any], kind: Kind, digests: np.ndarray) -> None:
    """Add digests of images to the images that each of the models knows.

    Args:
        models: Keras models or committees. For a committee, the digests are added to each member.
        kind: How the models know the images.
        digests: uint64 [images], `Split.digests`.
    """
    for model in models:
        if isinstance(model, CompositeModel):
            record_exposure(model.members, kind, digests)
        else:
            setattr(model, f"zoo_{kind}", np.union1d(known_images([model], kind), digests))


def to_text(digests: np.ndarray) -> str:
    """Write digests as text, for JSON.

    Example:
        >>> from_text(to_text(np.array([3, 1], np.uint64)))
        array([3, 1], dtype=uint64)
    """
    return base64.b64encode(digests.tobytes()).decode()


def from_text(text: str) -> np.ndarray:
    """Read digests from the text that `to_text` wrote."""
    return np.frombuffer(base64.b64decode(text), np.uint64)
