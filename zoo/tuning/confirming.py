"""Confirming: how good the chosen trial is on other images, and with other seeds."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.arguments import whole_number
from zoo.datasets import ImageData
from zoo.ensembles.committee import Committee
from zoo.errors import DataError
from zoo.metrics import Accuracy
from zoo.text import percent
from zoo.tuning.rounds import train_afresh
from zoo.tuning.trials import Trial, mean_accuracy


@dataclass(frozen=True, eq=False, repr=False)
class Confirmation:
    """The accuracy of a chosen trial, free of the luck of choosing. Print it for sentences.

    Attributes:
        trial: The trial that was chosen.
        trials: The number of trials that it was chosen from.
        validation: The accuracy of each fresh seed on the validation images, float64 [seeds].
        test: The accuracy of each fresh seed on the test images, float64 [seeds]; None without
            test images.
        test_accuracy: The mean of `test`, with its 95 % interval over images; None without test
            images.
        trial_test_accuracy: The mean accuracy of the trained models of the trial itself on the test
            images, with its interval; None without test images.
        committee: The models that were trained with fresh seeds, as a committee.
        warning: A warning that the test images are known to the models, or an empty text.
    """

    trial: Trial
    trials: int
    validation: NDArray[np.float64]
    test: NDArray[np.float64] | None
    test_accuracy: Accuracy | None
    trial_test_accuracy: Accuracy | None
    committee: Committee
    warning: str = ""

    @property
    def optimism(self) -> float:
        """By how much choosing made the trial look better, in accuracy on the validation images.

        It is the accuracy that chose the trial, less the mean over the fresh seeds.
        """
        return self.trial.mean_accuracy - float(self.validation.mean())

    def sentence(self) -> str:
        """Say how good the trial is where it was chosen, with fresh seeds, and on others."""
        trial, seeds = self.trial, len(self.validation)
        count = f"{seeds} other seeds" if seeds > 1 else "another seed"
        points = 100 * self.optimism
        luck = (
            f"choosing made it look {points:.1f} points better"
            if points >= 0.05
            else "choosing did not make it look better"
        )
        sentences = [
            self.warning,
            f"{trial.name} ({trial.text}) was chosen among {self.trials} trials with an accuracy "
            f"of {percent(trial.mean_accuracy)} on {trial.accuracy.n:,} validation images.",
            f"Trained again with {count}, it has {_with_deviation(self.validation)} on the same "
            f"images: {luck}.",
        ]
        if self.test_accuracy is not None and self.test is not None:
            sentences.append(
                f"On test images, which chose nothing, the fresh trainings have "
                f"{self.test_accuracy}{_deviation(self.test)}; the trial itself has "
                f"{self.trial_test_accuracy}."
            )
        return " ".join(filter(None, sentences))

    def to_dict(self) -> dict[str, Any]:
        """Give the numbers as JSON values."""
        return {
            "trial": self.trial.number,
            "chosen_with": self.trial.mean_accuracy,
            "validation": self.validation.tolist(),
            "optimism": self.optimism,
            "test": None if self.test is None else self.test.tolist(),
            "test_accuracy": _as_json(self.test_accuracy),
            "trial_test_accuracy": _as_json(self.trial_test_accuracy),
            "sentence": self.sentence(),
        }

    def __str__(self) -> str:
        return self.sentence()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.trial.name}, {len(self.validation)} fresh seeds)"


def confirm_trial(
    trial: Trial, trials: int, data: Any, seeds: int, verbose: str | int
) -> Confirmation:
    """Train a trial again with fresh seeds, and judge it on the test images.

    Args:
        trial: The trial that was chosen.
        trials: The number of trials that it was chosen from.
        data: An `ImageData` with a test split; test images as `Committee.report` takes them; or
            None for no test.
        seeds: The number of fresh seeds.
        verbose: `"auto"` or 1 shows the progress, 0 shows nothing.

    Returns:
        The `Confirmation`.

    Raises:
        DataError: The images do not fit, or the `ImageData` has no test split.
    """
    whole_number("seeds", seeds, 1)
    if isinstance(data, ImageData):
        if data.test is None:
            raise DataError(
                f"data must have a test split to confirm on. Received: {data.name} with the splits "
                f"{', '.join(data.splits)}. Pass test images, or None."
            )
        data = data.test
    own = trial.committee()
    split = None if data is None else own.split_to_judge(data)  # refuse it before the training
    fresh = train_afresh(trial.setup, trial, seeds, verbose)
    validation = np.array(fresh.validation_accuracy, np.float64)
    if split is None:
        return Confirmation(trial, trials, validation, None, None, None, fresh)
    right, own_right = (
        committee.member_probabilities(split).argmax(axis=-1) == split.labels
        for committee in (fresh, own)
    )
    return Confirmation(
        trial,
        trials,
        validation,
        right.mean(axis=1),
        mean_accuracy(right),
        mean_accuracy(own_right),
        fresh,
        fresh.overlap_with(split).warning(),
    )


def _with_deviation(accuracies: NDArray[np.float64]) -> str:
    return f"{percent(float(accuracies.mean()))}{_deviation(accuracies)}"


def _deviation(accuracies: NDArray[np.float64]) -> str:
    """Write the standard deviation over seeds, if there are several."""
    if len(accuracies) < 2:
        return ""
    return f" (standard deviation over the seeds {percent(float(accuracies.std(ddof=1)))})"


def _as_json(accuracy: Accuracy | None) -> dict[str, float] | None:
    return None if accuracy is None else dict(vars(accuracy))
