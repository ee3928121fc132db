"""The scores of a committee on the validation images of its training, which reports show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from zoo.metrics import Accuracy, accuracy


class ValidatedModel:
    """The base class of committees, which keep their scores on validation images.

    Attributes:
        validation_accuracy: The accuracy of each member on the validation images of the training,
            fractions [members]; None without such images.
        validation_scores: Name of each member, and `"committee"` → this accuracy with its 95 %
            interval and the number of images; empty if that is not known.
    """

    validation_accuracy: tuple[float, ...] | None = None
    validation_scores: Mapping[str, Accuracy] = {}

    def record_validation(
        self, labels: np.ndarray, members: Mapping[str, np.ndarray], committee: np.ndarray
    ) -> None:
        """Keep the scores on validation images.

        Args:
            labels: The labels of the images, int [n].
            members: Name of each member → its probabilities of the images, float [n, classes].
            committee: The probabilities of the committee, float [n, classes].

        Example:
            >>> model = ValidatedModel()
            >>> sure, wrong = np.eye(2), np.eye(2)[::-1]
            >>> model.record_validation(np.array([0, 1]), {"a": sure, "b": wrong}, sure)
            >>> model.validation_accuracy
            (1.0, 0.0)
            >>> print(model.validation_scores["committee"])
            100.0 % [34.2, 100.0], n = 2
        """
        answers = {**members, "committee": committee}
        scores = {name: accuracy(labels, values.argmax(-1)) for name, values in answers.items()}
        self.validation_scores = scores
        self.validation_accuracy = tuple(scores[name].value for name in members)

    def forget_validation(self) -> None:
        """Drop the scores, which belong to earlier weights."""
        self.validation_accuracy, self.validation_scores = None, {}

    def take_validation_from(
        self, other: ValidatedModel, kept: Sequence[int], names: Sequence[str]
    ) -> None:
        """Take the scores of members of another committee.

        Args:
            other: The other committee.
            kept: The numbers of the members there.
            names: The names of the members, which are the same in both committees.
        """
        known = other.validation_scores
        self.validation_scores = {name: known[name] for name in names if name in known}
        if other.validation_accuracy:
            self.validation_accuracy = tuple(other.validation_accuracy[k] for k in kept)

    def validation_to_config(self) -> dict[str, Any]:
        """Give the scores as JSON values."""
        scores = {name: asdict(score) for name, score in self.validation_scores.items()}
        return {"validation_accuracy": self.validation_accuracy, "validation_scores": scores}

    def restore_validation(self, config: Mapping[str, Any]) -> None:
        """Set the scores that `validation_to_config` gave.

        Args:
            config: The values; those of earlier versions have no `validation_scores`.
        """
        accuracies = config["validation_accuracy"]
        self.validation_accuracy = None if accuracies is None else tuple(map(float, accuracies))
        scores = config.get("validation_scores", {})
        self.validation_scores = {
            name: Accuracy.from_values(score) for name, score in scores.items()
        }
