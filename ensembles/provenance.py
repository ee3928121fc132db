"""Provenance: which images a model was trained on, and which images it was tuned on.

An image is recognised by the digest of its pixels (`Split.digests`), in any array. Each Keras model
carries a `Provenance`, so that every committee with this model as a member knows the images.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from zoo.datasets.split import Split
from zoo.errors import DataError
from zoo.registry.sources import sources_of
from zoo.weights.catalogue import find_weights

NO_IMAGES = np.array([], np.uint64)

Kind = Literal["trained_on", "tuned_on"]
"""How a model knows images. `"trained_on"`: its weights were learned from the images.
`"tuned_on"`: the images chose when to stop the training, which members to keep, the weights of
members, or a temperature."""


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
        Caution: 3 of these 100 images were trained on, so the scores are too good.
    """

    images: int
    trained_on: int = 0
    tuned_on: int = 0

    def warning(self) -> str:
        """Give the warning that the scores are too good; an empty text if no image is known."""
        if self.trained_on:
            return (
                f"Caution: {self.trained_on:,} of these {self.images:,} images were trained on, so "
                "the scores are too good."
            )
        if self.tuned_on:
            return (
                f"Caution: {self.tuned_on:,} of these {self.images:,} images chose something "
                "already, such as when to stop, so the scores are too good."
            )
        return ""


RECORDED = (
    *("parts", "image_size", "color", "resize", "drop_duplicates"),
    *("validation", "test", "seed", "on_error"),
)
"""The arguments of `zoo.datasets.load` that a saved committee may bring with it."""


@dataclass(frozen=True, eq=False)
class Provenance:
    """The images that a model or a committee knows, as digests.

    Attributes:
        trained_on: Digests of the images that the weights were learned from, uint64, ascending.
        tuned_on: Digests of the images that chose when to stop, members, weights or a temperature,
            uint64, ascending.
        data_settings: The settings of the data set that the model was trained on, as
            `Split.settings`; None if they are not known.

    Example:
        >>> first = Provenance(trained_on=np.array([1, 3], np.uint64))
        >>> first.joined_with(Provenance(trained_on=np.array([2, 3], np.uint64))).trained_on
        array([1, 2, 3], dtype=uint64)
    """

    trained_on: np.ndarray = field(default_factory=lambda: NO_IMAGES)
    tuned_on: np.ndarray = field(default_factory=lambda: NO_IMAGES)
    data_settings: Mapping[str, Any] | None = None

    def joined_with(self, *others: Provenance) -> Provenance:
        """Join the images of several models; the first known settings are kept."""
        records = (self, *others)
        settings = (record.data_settings for record in records)
        return Provenance(
            np.unique(np.concatenate([record.trained_on for record in records])),
            np.unique(np.concatenate([record.tuned_on for record in records])),
            next((values for values in settings if values is not None), None),
        )

    def overlap_with(self, split: Split) -> Overlap:
        """Count the images of a split that are recorded here.

        Args:
            split: The images that judge the model.

        Returns:
            The counts.
        """
        return Overlap(
            len(split),
            trained_on=split.count_among(self.trained_on),
            tuned_on=split.count_among(self.tuned_on),
        )


def settings_from_file(settings: Any) -> dict[str, Any] | None:
    """Take the settings of a data set from a saved committee, which may come from a stranger.

    Args:
        settings: JSON values, as `Split.settings` gave them.

    Returns:
        The settings, or None.

    Raises:
        DataError: A setting is none that `zoo.datasets.load` records. So a file cannot ask for a
            download.

    Example:
        >>> settings_from_file({"name": "digits", "seed": 0})
        {'name': 'digits', 'seed': 0}
    """
    if settings is None:
        return None
    known = {"name": str, "root": object, **dict.fromkeys(RECORDED, object), "exclude": dict}
    known["classes"] = list  # of a set of trained weights
    recorder = "zoo.datasets.load records them"
    values = recorded_values("data_settings", settings, known, recorder)
    if values.get("name") is None:
        raise _not_recorded("data_settings", known, recorder, "no name")
    return values


def recorded_values(
    name: str,
    values: Any,
    kinds: Mapping[str, Any],
    recorder: str,
    kinds_inside: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Check values in the file of a committee, which may come from a stranger.

    Args:
        name: The name of the values in the file.
        values: JSON values.
        kinds: The keys that may be there, and the type of the value of each; each may be None.
        recorder: Who records the values, as the end of the message's first sentence, such as
            "a training records them".
        kinds_inside: The type of all values inside of a value that is a dict, by its key.

    Returns:
        The values.

    Raises:
        DataError: There is another value, or a value has another type.

    Example:
        >>> recorded_values("training", {"seconds": 5}, {"seconds": int}, "a training records them")
        {'seconds': 5}
    """
    fault = "" if isinstance(values, dict) else f"{values!a:.80}"
    for key, value in values.items() if not fault else ():
        if key not in kinds:
            fault = f"{key!a:.80}"
        elif value is not None:
            inside = (kinds_inside or {}).get(key, object)
            if not isinstance(value, kinds[key]) or (
                isinstance(value, dict)
                and not all(isinstance(part, inside) for part in value.values())
            ):
                fault = f"{key!r}: {value!a:.80}"
    if fault:
        raise _not_recorded(name, kinds, recorder, fault)
    return dict(values)


def _not_recorded(name: str, kinds: Mapping[str, Any], recorder: str, fault: str) -> DataError:
    keys = ", ".join(map(repr, kinds))  # in quotes: they are no options of a command
    return DataError(
        f"{name} in the file of a committee must be among {keys}, as {recorder}. Received: "
        f"{fault}. Ask where the file comes from; a newer version of Zoo may record more."
    )


class CompositeModel:
    """The base class of models that consist of other models, such as a committee.

    Each member of such a model carries its own provenance.
    """

    @property
    def members(self) -> tuple[Any, ...]:
        """The models of which this model consists."""
        raise NotImplementedError

    @property
    def provenance(self) -> Provenance:
        """The images that the model and its members know."""
        raise NotImplementedError


def provenance_of(models: Iterable[Any]) -> Provenance:
    """Join the provenance of several models.

    Args:
        models: Keras models or committees.

    Returns:
        The provenance, which is empty for models that Zoo did not train.

    Example:
        >>> provenance_of([]).trained_on
        array([], dtype=uint64)
    """
    return Provenance().joined_with(*map(_recorded, models))


def _recorded(model: Any) -> Provenance:
    """Give what is recorded of a model: by a training, and by the sources of its weights."""
    if isinstance(model, CompositeModel):
        return model.provenance
    trained = getattr(model, "zoo_provenance", Provenance())
    if sources := sources_of(model):
        model.zoo_sources = (Provenance().joined_with(*map(_of_source, sources)),)
        return trained.joined_with(*model.zoo_sources)
    return trained


def _of_source(source: Any) -> Provenance:
    """Give the provenance of trained weights by their name; of a trained model it is there."""
    if isinstance(source, Provenance):
        return source
    (weights,) = find_weights(source)
    return Provenance(**weights.of.digests())


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
    return getattr(provenance_of(models), kind)


def record_exposure(models: Iterable[Any], kind: Kind, digests: np.ndarray) -> None:
    """Add digests of images to the images that each of the models knows.

    Args:
        models: Keras models or committees. For a committee, the digests are added to each member.
        kind: How the models know the images.
        digests: uint64 [images], `Split.digests`.
    """
    added = Provenance(trained_on=digests) if kind == "trained_on" else Provenance(tuned_on=digests)
    for model in models:
        if isinstance(model, CompositeModel):
            record_exposure(model.members, kind, digests)
        else:
            model.zoo_provenance = provenance_of([model]).joined_with(added)


# The names of the earlier module `zoo.ensembles.seen`.
note = record_exposure
seen_by = known_images


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
