"""The experiments of the five reports and of the package's weights, as TOML files.

An experiment is a file of settings: data set, members, seeds, and the values that the report
published. No code belongs to a single experiment. `reproduce` trains the members, judges them, and
says by a test how the result compares with the published values. The command `zoo reproduce` calls
it. Only the command line may import this room.

Example:
    >>> from zoo.experiments import load_experiment
    >>> load_experiment("inm702-committee").report
    'INM702'
"""

from typing import Any

from zoo.experiments.catalogue import experiment_names, load_experiment
from zoo.experiments.definition import Experiment
from zoo.starting.start_up_notes import without_start_up_notes

__all__ = ["Experiment", "experiment_names", "load_experiment", "reproduce"]


def __getattr__(name: str) -> Any:
    """Import TensorFlow only when an experiment is to run."""
    if name == "reproduce":
        with without_start_up_notes():
            from zoo.experiments.running import reproduce
        return reproduce
    raise AttributeError(f"module 'zoo.experiments' has no attribute {name!r}")
