"""The command `zoo train`, and the training that it shares with `zoo committee`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from zoo.cli.application import app
from zoo.cli.console import print_tensorboard, print_text, start_tensorflow
from zoo.cli.options import DataName, RecipeOptions, RunOptions, SplitOptions
from zoo.files import errors_as_warnings, write_atomically

if TYPE_CHECKING:
    from zoo.datasets import ImageData, Split
    from zoo.ensembles import Committee


@app.command
def train(
    name: str,
    /,
    *,
    data: DataName = "digits",
    images: SplitOptions = SplitOptions(),
    recipe: RecipeOptions = RecipeOptions(),
    run: RunOptions = RunOptions(),
) -> None:
    """Train a model, and judge it on the test split.

    Args:
        name: A name from `zoo models`.
        data: Name of the data set.
        images: Which images to load.
        recipe: Changes to the model's recipe.
        run: How the training runs.
    """
    # A committee with one member and this rule gives the probabilities of its member.
    train_committee([name], images.load(data), recipe, run, {"voting": "soft"})


def train_committee(
    names: Sequence[str],
    images: ImageData,
    changes: RecipeOptions,
    run: RunOptions,
    arguments: Mapping[str, Any],
    fit_arguments: Mapping[str, Any] | None = None,
) -> None:
    """Train a committee of registered models, save it in its run folder, and print its report.

    `arguments` are those of `Committee`, `fit_arguments` those of `Committee.fit`.
    """
    recipes = list(map(changes.recipe, names))
    now = datetime.now().strftime("%Y%m%d-%H%M%S")
    folder = run.log_dir or Path("logs") / f"{images.name}-{now}"
    start_tensorflow(verbose=not run.quiet)
    from zoo.ensembles import Committee, Member

    members = [Member(name, recipe=recipe) for name, recipe in zip(names, recipes, strict=True)]
    committee = Committee(members, seed=run.seed, **arguments)
    history = committee.fit(
        images.train,
        validation_data=images.validation,
        log_dir=folder,
        resume=run.resume,
        verbose=0 if run.quiet else "auto",
        **(fit_arguments or {}),
    )
    file = folder / "committee.keras"
    committee.save(file)
    if committee.out_of_bag:
        print_text(f"Out of bag: {committee.out_of_bag}")
    if images.test:
        _report(committee, images.test, folder, history.epoch[-1])
    print_text(f"\nSaved: {file}")
    print_tensorboard("Curves and pictures", folder)


def _report(committee: Committee, split: Split, folder: Path, epoch: int) -> None:
    """Judge a committee, write the report into the run folder, and print it.

    TensorBoard shows the report at the last epoch.
    """
    from zoo.ensembles import model_card
    from zoo.ensembles.reports.report import log_report

    report = committee.report(split)
    Console().print(report)
    log_report(report, folder, epoch)
    for name in ("report.json", "report.md", "report.png"):
        with errors_as_warnings(name):
            report.save(folder / name)
    with errors_as_warnings("analysis.png"):
        report.analysis.save(folder / "analysis.png")
    with errors_as_warnings("card.md"):
        card = model_card(committee, report)
        write_atomically(folder / "card.md", lambda path: path.write_text(card, "utf-8"))
