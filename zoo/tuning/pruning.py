"""Pruning: trials that are worse than others after some epochs leave the training."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from zoo.training.learner import Learner


def median_pruner(warm_up: int) -> Any:
    """Make a pruner that stops a trial whose best score so far is below the median.

    Optuna's own `MedianPruner` compares a trial with trials that have finished. This pruner
    compares the best scores up to the same epoch of all trials, also of those that train beside it
    or were pruned, so that trials leave in the first round already.

    Args:
        warm_up: The number of epochs in which no trial is stopped.

    Returns:
        An `optuna.pruners.BasePruner`.
    """
    import optuna

    class MedianOfAllPruner(optuna.pruners.BasePruner):
        def prune(self, study: Any, trial: Any) -> bool:
            step = trial.last_step
            if step is None or step <= warm_up:
                return False
            sign = 1 if study.direction == optuna.study.StudyDirection.MAXIMIZE else -1
            own = _best_until(trial.intermediate_values, step, sign)
            # Pruned trials count with their last score: else half of those left would leave after
            # each epoch.
            others = [
                _best_until(other.intermediate_values, step, sign)
                for other in study.get_trials(deepcopy=False)
                if other.number != trial.number
                and other.state != optuna.trial.TrialState.FAIL  # stopped, and trained again
                and other.intermediate_values
            ]
            return len(others) > 1 and own < float(np.median(others))

    return MedianOfAllPruner()


def _best_until(values: Mapping[int, float], step: int, sign: int) -> float:
    """Give the best score up to an epoch. Higher is better after multiplying by the sign."""
    return max(sign * value for epoch, value in values.items() if epoch <= step)


class Pruning:
    """Report the scores of a round of trials to Optuna, and stop the trials that it prunes.

    Args:
        trials: Optuna's trials.
        learners: The learners of each trial, one for each seed.
        metric: `"accuracy"` or `"loss"`, on the validation images.

    Attributes:
        pruned: The numbers of the trials that were stopped.
    """

    def __init__(
        self, trials: Sequence[Any], learners: Sequence[Sequence["Learner"]], metric: str
    ) -> None:
        self._trials = list(zip(trials, learners, strict=True))
        self._metric = metric
        self._latest: dict[str, float] = {}
        self._is_single = sum(map(len, learners)) == 1
        self.pruned: set[int] = set()

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float]) -> None:
        """Report an epoch, and stop trials.

        Args:
            epoch: The epoch, from 0.
            logs: The scores, as Keras names them.
        """
        reported = []
        for trial, learners in self._trials:
            scores = [self._score(learner.name, logs) for learner in learners]
            if all(score is None for score in scores):
                continue  # the trial has ended, or trains on other batches
            mean = float(np.mean([self._latest[learner.name] for learner in learners]))
            if np.isfinite(mean):
                trial.report(mean, step=epoch + 1)
                reported.append((trial, learners))
        # Only now: a pruner compares the trials of a round, which must all have reported.
        for trial, learners in reported:
            still_training = [learner for learner in learners if learner.trains(epoch + 1)]
            if still_training and trial.should_prune():
                self.pruned.add(trial.number)
                for learner in still_training:
                    learner.stopped = f"pruned in epoch {epoch + 1}"

    def _score(self, name: str, logs: Mapping[str, float]) -> float | None:
        """Look up the score of a learner, and remember it for epochs in which it has ended."""
        key = f"val_{self._metric}" if self._is_single else f"val_{name}_{self._metric}"
        if key not in logs:
            return None
        self._latest[name] = float(logs[key])
        return self._latest[name]
