"""The command `zoo train`, and the training that it shares with `zoo committee`."""

from __future__ import annotations

import contextlib
import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

from cyclopts import Parameter

from zoo.cli.application import app
from zoo.cli.console import (
    print_note,
    print_table,
    print_tensorboard,
    print_text,
    start_tensorflow,
)
from zoo.cli.options import (
    MODEL,
    DataName,
    ModelOptions,
    ProcessOptions,
    RecipeOptions,
    RunOptions,
    SplitOptions,
)
from zoo.cli.runs.members import check_weights, check_words, members_from_words
from zoo.cli.runs.resuming import MANIFEST, check_run
from zoo.cli.runs.teaching import NO_TEACHER, TeacherOptions
from zoo.cli.words.values import Name
from zoo.errors import ArgumentError
from zoo.files import errors_as_warnings, write_atomically

if TYPE_CHECKING:
    from zoo.datasets import ImageData, Split
    from zoo.ensembles import Committee


@app.command
def train(
    name: str | None = None,
    /,
    *,
    weights: Annotated[Name | None, Parameter(group=MODEL)] = None,
    model: ModelOptions = ModelOptions(),
    data: DataName = "digits",
    images: SplitOptions = SplitOptions(),
    recipe: RecipeOptions = RecipeOptions(),
    teaching: TeacherOptions = NO_TEACHER,
    run: RunOptions = RunOptions(),
) -> None:
    """Train a model, and judge it on the test split.

    Args:
        name: A name from `zoo models`, or a saved model, `.keras`, to train further.
        weights: Trained weights to start from, by their name in `zoo weights`, such as `mnist`.
        model: How the model is built.
        data: Name of the data set.
        images: Which images to load.
        recipe: Changes to the model's recipe.
        teaching: A teacher, and how much the model learns from it.
        run: How the training runs.
    """
    if name is None:
        raise missing_name("train", run)
    check_words([name])
    # A committee with one member and this rule gives the probabilities of its member.
    arguments = {"voting": "soft", "weights": weights}
    check_weights(weights, model.arguments, None if name.endswith(".keras") else name)
    train_committee([name], model, images.load(data), recipe, teaching, run, arguments)


def missing_name(command: str, run: ProcessOptions) -> ArgumentError:
    """Make the error for a command without the name of a model, unless there is no run either."""
    if run.resume:
        check_run(cast(Path, run.log_dir))
        return ArgumentError(
            f"`zoo {command}` must be followed by NAME where the run to resume does not keep its "
            f"options. Received: nothing, and {run.log_dir} keeps no options. Name the folder of a "
            "run as --log-dir, or give the options of that run again."
        )
    return ArgumentError(
        f"`zoo {command}` must be followed by NAME. Received: nothing. `zoo models` lists the "
        "names."
    )


def train_committee(
    words: Sequence[str],
    model: ModelOptions,
    images: ImageData,
    changes: RecipeOptions,
    teaching: TeacherOptions,
    run: RunOptions,
    arguments: Mapping[str, Any],
    fit_arguments: Mapping[str, Any] | None = None,
) -> None:
    """Train a committee, save it in its run folder, and print its report.

    `words` are names of models and saved models, `arguments` those of `Committee`, and
    `fit_arguments` those of `Committee.fit`.
    """
    now = datetime.now().strftime("%Y%m%d-%H%M%S")
    folder = run.log_dir or Path("logs") / f"{images.name}-{now}"
    members = members_from_words(words, model.arguments or [], changes.change)
    start_tensorflow(verbose=not run.quiet)
    import keras

    from zoo.ensembles import Committee
    from zoo.training.run_folder import free_folder, write_in_manifest

    if not run.resume:
        folder = free_folder(folder)
    watchers = _watchers(images, run)
    teacher = teaching.load()
    committee = Committee(members, seed=run.seed, **arguments)
    command = json.loads(run.options_of_run)
    command.setdefault("options", {}).setdefault("NAMES", [[None, word] for word in words])
    keep_options = keras.callbacks.LambdaCallback(
        on_train_begin=lambda logs: write_in_manifest(folder, command=command)
    )
    with _note_how_to_go_on(folder, command.get("name", "committee")):
        history = committee.fit(
            images.train,
            validation_data=images.validation,
            teacher=teacher,
            log_dir=folder,
            resume=run.resume,
            callbacks=[keep_options, *watchers],
            verbose=0 if run.quiet else "auto",
            **(fit_arguments or {}),
        )
        file = folder / "committee.keras"
        committee.save(file)
        if committee.out_of_bag:
            print_text(f"Out of bag: {committee.out_of_bag}")
        if run.features and (shown := images.test or images.validation):
            from zoo.inspect import log_features

            with errors_as_warnings("The features for TensorBoard's projector"):
                log_features(committee, shown, run=folder, count=run.features)
        if images.test:
            _report(committee, images.test, folder, history.epoch[-1])
    print_text(f"\nSaved: {file}")
    print_tensorboard("Curves and pictures", folder)


@contextlib.contextmanager
def _note_how_to_go_on(folder: Path, name: str) -> Iterator[None]:
    """Print the command that goes on with a run, if Ctrl-C stops the run or what follows."""
    try:
        yield
    except KeyboardInterrupt:
        if (folder / MANIFEST).is_file():
            print_note(f"Go on with: zoo {name} --resume --log-dir {shlex.quote(str(folder))}")
        raise


def _watchers(images: ImageData, run: RunOptions) -> list[Any]:
    """Make the callbacks that write graphs, histograms and saliency for TensorBoard."""
    from zoo.inspect import GraphLog, HistogramLog, SaliencyLog

    watchers: list[Any] = [GraphLog()]
    if run.histograms:
        watchers.append(HistogramLog(images.train))
    if run.saliency:
        if not images.validation:
            raise ArgumentError(
                "--saliency must be left out without validation images. Received: "
                f"{run.saliency}. Hold some images out by --validation."
            )
        count = min(run.saliency, len(images.validation))
        watchers.append(SaliencyLog(images.validation.sample(count)))
    return watchers


def _report(committee: Committee, split: Split, folder: Path, epoch: int) -> None:
    """Judge a committee, write the report into the run folder, and print it.

    TensorBoard shows the report at the last epoch. The report is printed at the end, since printing
    ends the process where the reader of a pipe, such as `head`, has enough.
    """
    from zoo.ensembles import model_card
    from zoo.ensembles.reports.report import log_report

    report = committee.report(split)
    log_report(report, folder, epoch)
    for name in ("report.json", "report.md", "report.png"):
        with errors_as_warnings(name):
            report.save(folder / name)
    with errors_as_warnings("analysis.png"):
        report.analysis.save(folder / "analysis.png")
    with errors_as_warnings("card.md"):
        card = model_card(committee, report)
        write_atomically(folder / "card.md", lambda path: path.write_text(card, "utf-8"))
    print_table(report)
