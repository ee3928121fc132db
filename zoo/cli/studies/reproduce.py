"""The command `zoo reproduce`."""

import os
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from zoo.cli.application import app
from zoo.cli.console import print_note, print_table, print_text, start_tensorflow
from zoo.cli.options import SpreadOptions
from zoo.errors import ArgumentError, RunError, ZooError
from zoo.files import check_writable
from zoo.text import first_line, json_text, rich_table

if TYPE_CHECKING:
    from zoo.experiments import Experiment

COLUMNS = ("experiment", "report", "title", "data needed", "minutes on two cores")


@app.command
def reproduce(
    *names: str,
    root: Path | None = None,
    log_dir: Path | None = None,
    quick: bool = False,
    every: Annotated[bool, Parameter(name="--all")] = False,
    only_list: Annotated[bool, Parameter(name="--list")] = False,
    quiet: Annotated[bool, Parameter(name=("--quiet", "-q"))] = False,
    as_json: Annotated[bool, Parameter(name="--json")] = False,
    spread: SpreadOptions = SpreadOptions(),
) -> None:
    """Run experiments of the reports again, and compare them with the published values.

    The answer is a table: the published accuracy, the accuracy here with its 95 % interval, and a
    word from a test: consistent, above, below, or cannot tell. The run folder,
    `logs/reproduce/NAME`, keeps the results, the environment and the figures. Where a run was
    stopped, the same command goes on. Names such as weights/mnist-lenet train the weights that come
    with the package. If one of several experiments fails, the others go on; the command names it at
    its end, and its exit code is 2.

    Args:
        names: Names of experiments, or `.toml` files of yours.
        root: Where the images are: the archive, or the folder that holds the archives.
        log_dir: The run folder of a single experiment.
        quick: Try on a few images for one epoch that the experiment runs.
        every: Run all experiments of the reports, one after another. The weights are trained by
            their names only.
        only_list: List the experiments, and run none.
        quiet: Print no progress.
        as_json: Print JSON instead of tables.
        spread: Which experiments run in other processes, which share this folder and the images.
    """
    from zoo.experiments import experiment_names, load_experiment

    if only_list:
        known = [*experiment_names(), *experiment_names("weights")]
        _print_list([load_experiment(name) for name in names or known], as_json)
        return
    _check_options(names, root, log_dir, every, spread)
    if log_dir is not None:
        check_writable("--log-dir", log_dir)
    experiments = [load_experiment(name) for name in names or experiment_names()]
    start_tensorflow(verbose=not (quiet or as_json))
    from zoo.experiments import reproduce as run_again

    chosen_names = names or tuple(item.name for item in experiments)
    failures: dict[str, str] = {}
    if spread.n_jobs is not None:
        from zoo.experiments.spreading import reproduce_apart

        with spread.place():
            say = (lambda text: None) if quiet or as_json else print_note
            failures = reproduce_apart(chosen_names, root, spread.n_jobs, quick=quick, say=say)
    answers = []
    for name in chosen_names:
        if name in failures:
            continue
        verbose = 0 if quiet or as_json else "auto"
        try:
            answer = run_again(name, root, log_dir=log_dir, quick=quick, verbose=verbose)
        except KeyboardInterrupt:
            print_note(f"The same command goes on with {name} where it stopped.")
            raise
        except Exception as error:
            if len(chosen_names) == 1:
                raise
            failures[name] = _reason(error)
            print_note(f"{name} failed, and the others go on: {first_line(error)}")
            continue
        answers.append(answer)
        if not as_json:
            print_table(answer)
            print_text(f"\nResults, environment and figures: {answer.folder}\n")
    if as_json:
        print(json_text([answer.to_dict() for answer in answers], indent=2))
    _check_all_done(failures)


def _check_options(
    names: Sequence[str],
    root: Path | None,
    log_dir: Path | None,
    every: bool,
    spread: SpreadOptions,
) -> None:
    """Refuse options that do not belong together, before TensorFlow starts."""
    if every == bool(names):
        received = "both" if every else "neither"
        raise ArgumentError(
            f"`zoo reproduce` must be followed by NAMES or by --all. Received: {received}. "
            "`zoo reproduce --list` lists the names."
        )
    if log_dir is not None and len(names) != 1:
        raise ArgumentError(
            "--log-dir must come with a single experiment. Received: several. Leave --log-dir out: "
            "each experiment has a folder in logs/reproduce."
        )
    if log_dir is not None and spread.n_jobs is not None:
        raise ArgumentError(
            "--log-dir must be left out with --jobs and --scheduler, which run several experiments "
            f"at the same time. Received: {log_dir}. Leave it out: each experiment has a folder in "
            "logs/reproduce."
        )
    if root is not None and not os.path.exists(root):
        raise ArgumentError(
            f"--root must be a file or a folder. Received: {root}, which does not exist. Name the "
            "archive with the images, or the folder that holds the archives."
        )


def _reason(error: Exception) -> str:
    """Say how an experiment failed: in the words of the error, or with the traceback of others."""
    return str(error) if isinstance(error, ZooError) else traceback.format_exc().strip()


def _check_all_done(failures: Mapping[str, str]) -> None:
    """Raise an error that names each experiment that failed."""
    if failures:
        reasons = "\n".join(f"{name}: {reason}" for name, reason in failures.items())
        raise RunError(
            f"Each experiment must run to its end. Received: no result of {', '.join(failures)}. "
            f"The others are finished; the same command runs the missing ones again.\n{reasons}"
        )


def _print_list(experiments: "Sequence[Experiment]", as_json: bool) -> None:
    """Print what each experiment needs, as a table or as JSON."""
    if as_json:
        keys = ("name", "report", "title", "place", "minutes")
        listed = [
            {
                **{key: getattr(item, key) for key in keys},
                "data": item.data.name if item.data else None,
            }
            for item in experiments
        ]
        print(json_text(listed, indent=2))
        return
    rows = [
        [item.name, item.report, item.title, item.data_needed, f"{item.minutes:g}"]
        for item in experiments
    ]
    of_reports = [row for row in rows if row[1] != "weights"]
    of_weights = [[name, *cells] for name, report, *cells in rows if report == "weights"]
    if of_reports:
        print_table(rich_table(COLUMNS, of_reports, right=COLUMNS[-1:]))
    if of_weights:
        header = [COLUMNS[0], *COLUMNS[2:]]
        title = "Weights; --all leaves them out"
        print_table(rich_table(header, of_weights, title=title, right=COLUMNS[-1:]))
