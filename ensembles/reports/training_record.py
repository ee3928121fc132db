"""What a committee keeps of its training for reports: which members are copies, and how long."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Real
from typing import Any

from zoo.ensembles.provenance import recorded_values

_KINDS: dict[str, Any] = {
    "resampling": str,
    "snapshots": int,
    "copies": list | tuple,
    "teacher": dict,
    "arguments": dict,
    "seconds": dict,
    "milliseconds": dict,
}
"""What a committee keeps of its training, with the type of each value. Each may be None."""

_KINDS_INSIDE = {"arguments": dict, "seconds": Real, "milliseconds": Real}


@dataclass(frozen=True)
class TrainingRecord:
    """What reports know of a training beside the answers.

    Attributes:
        copies: Names of the members, if all of them are copies of one recipe; else empty.
        seconds: Name of a member, or `"committee"` → seconds of the training, where they are known.
        milliseconds: Name of a member, or `"committee"` → milliseconds of predicting an image,
            where they were measured.

    Example:
        >>> TrainingRecord(seconds={"cnn": 12.5}).values("cnn")
        {'training_seconds': 12.5}
    """

    copies: tuple[str, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)
    milliseconds: Mapping[str, float] = field(default_factory=dict)

    def values(self, name: str) -> dict[str, float]:
        """Give the values of a member, or of `"committee"`, by the names of their measures."""
        values = {
            "training_seconds": self.seconds.get(name),
            "milliseconds_an_image": self.milliseconds.get(name),
        }
        return {key: value for key, value in values.items() if value is not None}

    @classmethod
    def of(cls, training: Mapping[str, Any], names: Sequence[str]) -> TrainingRecord:
        """Take the record from what a committee keeps of its training.

        Args:
            training: `Committee.training`; that of earlier versions has no such values.
            names: Names of the members of the committee.

        Returns:
            The record. Members that were chosen among the copies are no copies any more: they are
            better than another training would be.

        Example:
            >>> TrainingRecord.of({"copies": ["a", "b"]}, ["a"]).copies
            ()
        """
        copies = tuple(training.get("copies") or ())
        is_whole = len(copies) > 1 and copies == tuple(names)
        return cls(
            copies if is_whole else (),
            dict(training.get("seconds") or {}),
            dict(training.get("milliseconds") or {}),
        )


def training_from_file(training: Any) -> dict[str, Any]:
    """Take what a saved committee keeps of its training; the file may come from a stranger.

    Args:
        training: JSON values, as `Committee.training` has them.

    Returns:
        The values.

    Raises:
        DataError: There is another value, or a value has another type.

    Example:
        >>> training_from_file({"seconds": {"cnn": 12.5}})
        {'seconds': {'cnn': 12.5}}
    """
    return recorded_values("training", training, _KINDS, "a training records them", _KINDS_INSIDE)
