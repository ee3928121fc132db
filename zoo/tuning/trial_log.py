"""What TensorBoard shows of a sweep: a run for each trial, and a table of what varies."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from zoo.inspect.curves.settings import as_key
from zoo.tensorboard import BUILDER, TensorBoardLog
from zoo.tuning.trials import Trial


def log_trials(folder: Path, trials: Sequence[Trial]) -> None:
    """Write the curves and the settings of trials that have ended.

    A trial is one run, `models/trial-3`, with the means over its seeds. Its row in the table of
    hyperparameters has the settings that vary, and no others.

    Args:
        folder: The folder of the sweep.
        trials: The trials of a round.
    """
    log = TensorBoardLog(folder)
    for trial in trials:
        history = trial.mean_history
        for epoch in range(max(map(len, history.values()))):
            scores = {key: values[epoch] for key, values in history.items() if epoch < len(values)}
            log.epoch(epoch + 1, {trial.name: scores})
    log.hyperparameters(
        {trial.name: _settings(trial) for trial in trials},
        {
            trial.name: {
                "val_accuracy": trial.mean_accuracy,
                "val_loss": float(trial.losses.mean()),
            }
            for trial in trials
        },
        max(max(trial.epochs) for trial in trials),
    )
    log.close()


def _settings(trial: Trial) -> dict[str, Any]:
    """Give the name, the learning rate and the settings that vary, as numbers and texts."""
    homes = trial.setup.space.homes
    varied = {
        f"{BUILDER if homes[name] == 'builder' else ''}{name}": as_key(value)
        for name, value in trial.parameters.items()
    }
    return {"model": trial.name, "learning_rate": trial.recipe.learning_rate, **varied}
