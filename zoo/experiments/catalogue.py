"""The experiments that there are: TOML files in this folder, one for each experiment."""

import tomllib
from pathlib import Path

from zoo.errors import ArgumentError, DataError
from zoo.experiments.definition import Experiment, experiment_of
from zoo.text import unknown_name

FOLDER = Path(__file__).parent


def experiment_names() -> list[str]:
    """List the names of the experiments of the reports.

    Example:
        >>> "csc411-mnist-softmax" in experiment_names()
        True
    """
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def load_experiment(name: str) -> Experiment:
    """Read an experiment of the reports.

    Args:
        name: A name of `experiment_names()`, or the path of a `.toml` file of yours.

    Returns:
        The experiment.

    Raises:
        ArgumentError: There is no such experiment, or the file is not as described.
        DataError: The file cannot be read, or is no TOML.

    Example:
        >>> load_experiment("inm702-committee").protocol.voting
        'majority'
    """
    own = name.endswith(".toml")
    if not own and name not in experiment_names():
        remedy = "`zoo reproduce --list` lists the experiments; a file of yours ends in .toml."
        raise ArgumentError(unknown_name("experiment", name, experiment_names(), remedy))
    path = Path(name) if own else FOLDER / f"{name}.toml"
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise DataError(
            f"An experiment must be a readable TOML file. Received: {path}, {reason}. Correct the "
            "file, or name another."
        ) from error
    try:
        return experiment_of(path.stem, table)
    except ArgumentError as error:
        raise ArgumentError(f"{path.name}: {error}") from error
