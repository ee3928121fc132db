"""The command line: `zoo models`, `describe`, `data`, `train`, `gradcheck` and the others."""

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from zoo import registry
from zoo.cli.console import (
    Classes,
    Color,
    Data,
    DropDuplicates,
    ImageSize,
    Parts,
    Root,
    Test,
    Validation,
    load_data,
    print_tensorboard,
    run,
    start_tensorflow,
)
from zoo.cli.data import data_app
from zoo.ensembles.evaluate import evaluate
from zoo.files import write_atomically
from zoo.recipes import Recipe
from zoo.text import rich_table

app = typer.Typer(
    help="A Keras model zoo and committee toolkit for image classification.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    epilog="`--debug` after any command shows the traceback of an error.",
)
app.add_typer(data_app, name="data")
app.command()(evaluate)

Epochs = Annotated[int | None, typer.Option(min=1, help="Epochs, instead of the recipe's.")]
BatchSize = Annotated[int | None, typer.Option(min=1, help="Images in a step.")]
LearningRate = Annotated[float | None, typer.Option(help="Learning rate, instead of the recipe's.")]
Optimizer = Annotated[str | None, typer.Option(help="A Keras optimiser, such as `adam`.")]
Patience = Annotated[
    int | None,
    typer.Option(min=1, help="Stop after so many epochs without a lower validation loss."),
]


class Transforms(StrEnum):
    """What `--augmentation` takes."""

    RECIPE = "recipe"
    NONE = "none"
    KERAS = "ImageDataGenerator"


Augmentation = Annotated[
    Transforms,
    typer.Option(
        help="Random transforms of the training images: the `recipe`'s, `none`, or the recipe's "
        "(else those of the CO395 report) by Keras's `ImageDataGenerator`."
    ),
]
Precision = Annotated[str | None, typer.Option(help="Keras dtype policy: `mixed_bfloat16` …")]
Standardize = Annotated[
    str | None,
    typer.Option(help="`per_image` or `mean_image`: bring images to mean 0 and deviation 1."),
]
ClassWeight = Annotated[
    str | None, typer.Option(help="`balanced`: images of rare classes count more.")
]
Seed = Annotated[int, typer.Option(min=0, help="Seed of weights, batches and augmentation.")]
LogDir = Annotated[
    Path | None, typer.Option(help="Run folder; by default a new one in `logs`, named by the time.")
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with the run in --log-dir.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")]


@app.command()
def models(
    pattern: Annotated[str, typer.Argument(help="Such as `*mlp`.")] = "*",
    tag: Annotated[list[str] | None, typer.Option(help="Only models with this tag.")] = None,
) -> None:
    """List the registered models."""
    specs = map(registry.describe, registry.list_models(pattern, tags=tag or ()))
    rows = ([spec.name, spec.summary, ", ".join(spec.tags)] for spec in specs)
    Console().print(rich_table(["model", "what it is", "tags"], rows, right=False))


@app.command()
def describe(name: Annotated[str, typer.Argument(help="A name from `zoo models`.")]) -> None:
    """Show one model: parameters with their defaults, and the recipe."""
    spec = registry.describe(name)
    console = Console()
    console.print(f"[bold]{spec.name}[/]: {spec.summary}", highlight=False)
    console.print(f"from {spec.source}; tags: {', '.join(spec.tags)}\n", highlight=False)
    console.print(_settings("parameter", "default", spec.parameters))
    console.print(_settings("recipe", "setting", asdict(spec.recipe)))


@app.command()
def train(
    name: Annotated[str, typer.Argument(help="A name from `zoo models`.")],
    data: Data = "digits",
    root: Root = None,
    classes: Classes = None,
    image_size: ImageSize = None,
    color: Color = None,
    parts: Parts = None,
    validation: Validation = 0.1,
    test: Test = 0.2,
    drop_duplicates: DropDuplicates = False,
    epochs: Epochs = None,
    batch_size: BatchSize = None,
    learning_rate: LearningRate = None,
    optimizer: Optimizer = None,
    patience: Patience = None,
    augmentation: Augmentation = Transforms.RECIPE,
    precision: Precision = None,
    standardize: Standardize = None,
    class_weight: ClassWeight = None,
    seed: Seed = 0,
    log_dir: LogDir = None,
    resume: Resume = False,
    quiet: Quiet = False,
) -> None:
    """Train one model, and judge it on the test split."""
    changes = {
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "optimizer": optimizer,
        "patience": patience,
        "precision": precision,
        "standardize": standardize,
        "class_weight": class_weight,
    }
    images = load_data(
        data,
        root,
        classes,
        image_size,
        color,
        parts=parts,
        validation=validation,
        test=test,
        drop_duplicates=drop_duplicates,
    )
    # A committee of one; its own probabilities stay what they are.
    _train(
        [name],
        changes,
        augmentation,
        images,
        log_dir,
        resume=resume,
        quiet=quiet,
        seed=seed,
        voting="soft",
    )


@app.command()
def committee(
    names: Annotated[list[str], typer.Argument(help="Names from `zoo models`.")],
    copies: Annotated[
        int | None, typer.Option(min=1, help="So many of a single model, each from its own seed.")
    ] = None,
    snapshots: Annotated[
        int | None,
        typer.Option(min=1, help="So many of a single model, from one training in cycles."),
    ] = None,
    voting: Annotated[str, typer.Option(help="`majority`, `soft` or `geometric`.")] = "majority",
    weights: Annotated[
        str | None, typer.Option(help="What each member counts, with commas between: `2,1,1`.")
    ] = None,
    together: Annotated[
        bool | None,
        typer.Option(
            "--together/--apart",
            help="Train in one graph or one after another; by default as the recipes allow.",
        ),
    ] = None,
    resampling: Annotated[
        str | None,
        typer.Option(
            help="Training images of its own for each member: `bootstrap`, `folds` or `order`."
        ),
    ] = None,
    data: Data = "digits",
    root: Root = None,
    classes: Classes = None,
    image_size: ImageSize = None,
    color: Color = None,
    parts: Parts = None,
    validation: Validation = 0.1,
    test: Test = 0.2,
    drop_duplicates: DropDuplicates = False,
    epochs: Epochs = None,
    batch_size: BatchSize = None,
    learning_rate: LearningRate = None,
    optimizer: Optimizer = None,
    patience: Patience = None,
    augmentation: Augmentation = Transforms.RECIPE,
    precision: Precision = None,
    standardize: Standardize = None,
    class_weight: ClassWeight = None,
    seed: Seed = 0,
    log_dir: LogDir = None,
    resume: Resume = False,
    quiet: Quiet = False,
) -> None:
    """Train several models as a committee, and judge it on the test split."""
    changes = {
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "optimizer": optimizer,
        "patience": patience,
        "precision": precision,
        "standardize": standardize,
        "class_weight": class_weight,
    }
    images = load_data(
        data,
        root,
        classes,
        image_size,
        color,
        parts=parts,
        validation=validation,
        test=test,
        drop_duplicates=drop_duplicates,
    )
    _train(
        names,
        changes,
        augmentation,
        images,
        log_dir,
        resume=resume,
        quiet=quiet,
        training={"together": together, "resampling": resampling},
        copies=copies,
        snapshots=snapshots,
        voting=voting,
        weights=_numbers(weights) if weights else None,
        seed=seed,
    )


@app.command()
def gradcheck(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Models of `zoo models`, layers such as `Dense`, or losses."),
    ] = None,
    mode: Annotated[
        str | None,
        typer.Option(help="`full`: every element; `fast`: random directions; by default by size."),
    ] = None,
    gradients: Annotated[
        str,
        typer.Option(help="`handwritten` takes Zoo's layers where there are any, `auto` Keras's."),
    ] = "handwritten",
    input_shape: Annotated[
        list[str] | None,
        typer.Option(help="Such as `48,48,1`, without the batch; once for each input."),
    ] = None,
    setting: Annotated[
        list[str] | None,
        typer.Option(
            "--set", help="An argument of the layer or model: `groups=2`, `padding=same`."
        ),
    ] = None,
    second_order: Annotated[
        bool, typer.Option("--second-order", help="A wrong second-order gradient is a fault too.")
    ] = False,
    seed: Seed = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the reports as JSON.")] = False,
) -> None:
    """Check gradients against differences; exit code 1 if one is wrong.

    Without a name: all of zoo.layers and zoo.losses. Models are built for 3 classes and for the
    smallest of some image sizes that they take, 8 pixels upwards; layers for small inputs. That
    is changed by `--input-shape 48,48,1 --set num_classes=7`.
    """
    start_tensorflow(verbose=not as_json)
    from zoo.gradients import catalogue
    from zoo.gradients import gradcheck as check

    shapes, arguments = (
        [_shape(text) for text in input_shape or []],
        dict(map(_value, setting or [])),
    )
    targets = [
        catalogue.target(name, gradients, seed, shapes, arguments)
        for name in names or catalogue.own_gradients()
    ]
    # Its tables are wide: a terminal may wrap them, but they are not squeezed.
    console, reports = Console(width=max(Console().width, 110)), []
    for target, point in targets:
        report = check(target, **point, mode=mode, second_order=second_order or None, seed=seed)
        reports.append(report)
        if not as_json:
            console.print(report)
            console.print()
    ok = all(report.ok for report in reports)
    if as_json:
        values = {"ok": ok, "reports": [report.to_dict() for report in reports]}
        print(json.dumps(values, indent=2, ensure_ascii=False))
    if not ok:
        raise typer.Exit(1)


def _shape(text: str) -> tuple[int, ...]:
    """A shape from `48,48,1`."""
    parts = text.strip("() ").rstrip(",").split(",")
    if not all(part.strip().isdigit() for part in parts):
        raise typer.BadParameter(f"a shape is whole numbers such as 48,48,1. Received: {text}")
    return tuple(map(int, parts))


def _value(text: str) -> tuple[str, Any]:
    """A name and a value from `name=value`: JSON, else a string."""
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise typer.BadParameter(f"--set takes name=value. Received: {text}")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def main() -> None:
    """The console script."""
    run(app)


def _train(
    names: list[str],
    changes: Mapping[str, Any],
    augmentation: Transforms,
    images: Any,
    log_dir: Path | None,
    *,
    resume: bool,
    quiet: bool,
    training: Mapping[str, Any] | None = None,
    **arguments: Any,
) -> None:
    """Train, save and report."""
    recipes = [_recipe(name, changes, augmentation) for name in names]
    if resume and log_dir is None:
        raise typer.BadParameter("--resume needs --log-dir, the run to go on with")
    now = datetime.now().strftime("%Y%m%d-%H%M%S")
    folder = log_dir or Path("logs") / f"{images.name}-{now}"

    start_tensorflow(verbose=not quiet)
    from zoo.ensembles import Committee, Member, model_card
    from zoo.ensembles.reports.report import log_report

    members = [Member(name, recipe=recipe) for name, recipe in zip(names, recipes, strict=True)]
    trained = Committee(members, **arguments)
    history = trained.fit(
        images.train,
        validation_data=images.validation,
        log_dir=folder,
        resume=resume,
        verbose=0 if quiet else "auto",
        **(training or {}),
    )
    file = folder / "committee.keras"
    trained.save(file)
    console = Console()
    if trained.out_of_bag:
        console.print(f"Out of bag: {trained.out_of_bag}", highlight=False)
    if images.test:
        report = trained.report(images.test)
        log_report(report, folder, history.epoch[-1])
        for name in ("report.json", "report.md", "report.png"):
            report.save(folder / name)
        report.analysis.save(folder / "analysis.png")
        card = model_card(trained, report)
        write_atomically(folder / "card.md", lambda path: path.write_text(card, "utf-8"))
        console.print(report)
    console.print(f"\nSaved: {file}", highlight=False, soft_wrap=True)
    print_tensorboard("Curves and pictures", folder)


def _recipe(name: str, changes: Mapping[str, Any], augmentation: Transforms) -> Recipe:
    """The recipe of a registered model, as the options change it."""
    asked = {key: value for key, value in changes.items() if value is not None}
    recipe = replace(registry.describe(name).recipe, **asked)
    if augmentation == Transforms.RECIPE:
        return recipe
    if augmentation == Transforms.NONE:
        return replace(recipe, augmentation=None)
    if recipe.augmentation is None:
        return replace(recipe, augmentation=augmentation.value)
    return replace(recipe, augmentation=replace(recipe.augmentation, method=augmentation.value))


def _numbers(text: str) -> list[float]:
    try:
        return [float(word) for word in text.split(",")]
    except ValueError:
        raise typer.BadParameter(f"weights are numbers like 2,1,1. Received: {text!r}") from None


def _settings(title: str, value_title: str, settings: Mapping[str, Any]) -> Table:
    rows = (
        [key, "required" if value is registry.REQUIRED else repr(value)]
        for key, value in settings.items()
    )
    return rich_table([title, value_title], rows, right=False)
