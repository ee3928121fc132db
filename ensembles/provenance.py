"""Provenance: which images a model has learned from, and which images chose something about it.

Images are known by the digests of their pixels (`Split.digests`), so that an image is recognised in
whatever array it comes. Every committee that a model is a member of can ask.
"""

from __future__ import annotations

import base64
import functools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from zoo.datasets.split import Split

NOTHING = np.array([], np.uint64)

Kind = Literal["trained_on", "tuned_on"]
"""`"trained_on"`: the weights were learned from the images. `"tuned_on"`: the images chose when to
stop, which members to keep, what each member counts, or a temperature."""


@dataclass(frozen=True)
class Overlap:
    """How many of the images that a committee is judged on it knows already.

    Attributes:
        images: How many images the committee is judged on.
        trained_on: How many of them some member was trained on, pixel for pixel.
        tuned_on: How many of them chose when to stop, members, weights or a temperature.

    Example:
        >>> print(Overlap(images=100, trained_on=3).warning())
        Caution: members were trained on 3 of these 100 images, so the scores are too good.
    """

    images: int
    trained_on: int = 0
    tuned_on: int = 0

    def warning(self) -> str:
        """Say that the scores are too good where images are known; else an empty text."""
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


def overlap(split: Split, models: Iterable[Any], tuned_on: np.ndarray = NOTHING) -> Overlap:
    """Count the images of a split that models know.

    Args:
        split: The images to judge on.
        models: Keras models, committees among them.
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
    """Digests of the images that some of the models know, as far as it was recorded.

    Args:
        models: Keras models, committees among them.
        kind: Whether the images taught or chose something.

    Returns:
        uint64 [images], ascending, each once.

    Example:
        >>> known_images([], "trained_on")
        array([], dtype=uint64)
    """
    recorded = (
        # A committee answers for its members.
        getattr(model, kind if hasattr(model, "members") else f"zoo_{kind}", NOTHING)
        for model in models
    )
    return functools.reduce(np.union1d, recorded, NOTHING)


def record_exposure(models: Iterable[Any], kind: Kind, digests: np.ndarray) -> None:
    """Record for each of the models that it knows the images with these digests, too.

    Args:
        models: Keras models. For a committee, it is recorded for each of its members.
        kind: Whether the images taught or chose something.
        digests: uint64 [images], `Split.digests`.
    """
    for model in models:
        if hasattr(model, "members"):
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
