"""The command `zoo committee`."""

from typing import Annotated, Literal

from cyclopts import Group, Parameter

from zoo.cli.application import app
from zoo.cli.console import print_note
from zoo.cli.options import (
    DataName,
    ModelOptions,
    RecipeOptions,
    RunOptions,
    SplitOptions,
    SpreadOptions,
)
from zoo.cli.runs.members import check_weights, check_words
from zoo.cli.runs.teaching import NO_TEACHER, TeacherOptions
from zoo.cli.train import missing_name, train_committee
from zoo.cli.words.values import Name, Positive, Weights
from zoo.ensembles.combining.rules import voting_names
from zoo.errors import ArgumentError
from zoo.models.suggestions import suggest_members
from zoo.text import did_you_mean

COMMITTEE = Parameter(group=Group("Committee", sort_key=0))


@app.command
def committee(
    *names: str,
    copies: Annotated[Positive | None, COMMITTEE] = None,
    snapshots: Annotated[Positive | None, COMMITTEE] = None,
    voting: Annotated[Name, COMMITTEE] = "majority",
    weights: Annotated[Weights | None, COMMITTEE] = None,
    together: Annotated[bool | None, COMMITTEE, Parameter(negative="--apart")] = None,
    resampling: Annotated[Literal["bootstrap", "folds", "order"] | None, COMMITTEE] = None,
    model: ModelOptions = ModelOptions(),
    data: DataName = "digits",
    images: SplitOptions = SplitOptions(),
    recipe: RecipeOptions = RecipeOptions(),
    teaching: TeacherOptions = NO_TEACHER,
    run: RunOptions = RunOptions(),
    spread: SpreadOptions = SpreadOptions(),
) -> None:
    """Train several models as a committee, and judge it on the test split.

    Args:
        names: Names from `zoo models`, and saved models, `.keras`. Without a name, members are
            chosen by the size and the number of the images.
        copies: Train this number of copies of a single model, each from its own seed.
        snapshots: Take this number of snapshots of a single model, from one training in cycles.
        voting: How the members' answers are combined: by `majority`, by the mean of the
            probabilities (`soft`), or by their `geometric` mean.
        weights: How much each member counts, with commas between: `2,1,1`. Or the name of trained
            weights from `zoo weights`, such as `mnist`, from which the members start.
        together: Train all in one graph, or one after another; by default as the recipes allow.
        resampling: Give each member training images of its own.
        model: How the models are built.
        data: Name of the data set.
        images: Which images to load.
        recipe: Changes to the models' recipes.
        teaching: A teacher, and how much the members learn from it.
        run: How the training runs.
        spread: Which members train in other processes.
    """
    arguments = {"copies": copies, "snapshots": snapshots, "voting": voting, "weights": weights}
    fit_arguments = {"together": together, "resampling": resampling, "n_jobs": spread.n_jobs}
    check_spread(spread, run)
    if not names and run.resume:
        raise missing_name("committee", run)
    check_words(names)
    if isinstance(weights, str):
        check_weights(weights, model.arguments)
    if voting not in voting_names():  # said before the images are read
        raise ArgumentError(
            f"--voting must be one of {', '.join(voting_names())}. Received: {voting!r}"
            f"{did_you_mean(voting, voting_names())}"
        )
    loaded = images.load(data)
    if not names:
        names, reason = suggest_members(loaded)
        if (copies or snapshots) is not None:
            names = names[:1]
        print_note(f"Members: {', '.join(names)}. {reason}")
    with spread.place():
        train_committee(names, model, loaded, recipe, teaching, run, arguments, fit_arguments)


def check_spread(spread: SpreadOptions, run: RunOptions) -> None:
    """Refuse pictures of each epoch, for which the weights of each epoch would have to travel."""
    for option, value in (("--histograms", run.histograms), ("--saliency", run.saliency)):
        if value and spread.n_jobs is not None:
            raise ArgumentError(
                f"{option} must be left out where members train in other processes. Received: "
                f"{option} with --jobs or --scheduler. Leave {option} out, or train in a single "
                "process."
            )
