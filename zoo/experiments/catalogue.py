"""The experiments that there are: TOML files in this folder, one for each experiment.

The sub-folder `weights` has the experiments that train the weights which come with the package.
"""

import tomllib
from pathlib import Path

from zoo.errors import ArgumentError, DataError
from zoo.experiments.definition import Experiment, experiment_of
from zoo.text import unknown_name

FOLDER = Path(__file__).parent
WEIGHTS = "weights"
"""The sub-folder, and the first part of the names, of the experiments that train weights."""


def experiment_names(folder: str = "") -> list[str]:
    """List the names of experiments.

    Args:
        folder: Empty for the experiments of the reports; `"weights"` for those that train the
            weights which come with the package.

    Returns:
        The sorted names, which begin with the name of the folder.

    Example:
        >>> "csc411-mnist-softmax" in experiment_names()
        True
        >>> "weights/mnist-lenet" in experiment_names("weights")
        True
    """
    paths = (FOLDER / folder).glob("*.toml")
    return sorted(path.relative_to(FOLDER).with_suffix("").as_posix() for path in paths)


def load_experiment(name: str) -> Experiment:
    """Read an experiment.

    Args:
        name: A name of `experiment_names()` or of `experiment_names("weights")`, or the path of a
            `.toml` file of yours.

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
    known = [*experiment_names(), *experiment_names(WEIGHTS)]
    if not own and name not in known:
        remedy = "`zoo reproduce --list` lists the experiments; a file of yours ends in .toml."
        raise ArgumentError(unknown_name("experiment", name, known, remedy))
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
        return experiment_of(path.stem if own else name, table)
    except ArgumentError as error:
        raise ArgumentError(f"{path.name}: {error}") from error
