"""The command line: `zoo models`, `describe`, `data`, `train`, `gradcheck` and the others."""

import json
import os
import shlex
import shutil
import sys
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from zoo import registry
from zoo.console import (
    Classes,
    Color,
    Data,
    DropDuplicates,
    ImageSize,
    Root,
    Validation,
    load_data,
    run,
    start_tensorflow,
)
from zoo.ensembles.evaluate import evaluate
from zoo.recipes import Recipe

app = typer.Typer(
    help="A Keras model zoo and committee toolkit for image classification.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    epilog="`--debug` after any command shows the traceback of an error.",
)
data_app = typer.Typer(help="Data sets: what there is, and what is in it.")
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
    table = _table("model", "what it is", "tags")
    for name in registry.list_models(pattern, tags=tag or ()):
        spec = registry.describe(name)
        table.add_row(spec.name, spec.summary, ", ".join(spec.tags))
    Console().print(table)


@app.command()
def describe(name: Annotated[str, typer.Argument(help="A name from `zoo models`.")]) -> None:
    """Show one model: parameters with their defaults, and the recipe."""
    spec = registry.describe(name)
    console = Console()
    console.print(f"[bold]{spec.name}[/]: {spec.summary}", highlight=False)
    console.print(f"from {spec.source}; tags: {', '.join(spec.tags)}\n", highlight=False)
    console.print(_settings("parameter", "default", spec.parameters))
    console.print(_settings("recipe", "setting", asdict(spec.recipe)))


@data_app.callback(invoke_without_command=True)
def data(context: typer.Context) -> None:
    """List the data sets."""
    if context.invoked_subcommand:
        return
    from zoo.datasets import list_datasets

    table = _table("data set", "what it is", "files", "source")
    for info in list_datasets():
        table.add_row(
            info.name, info.summary, "needs --root" if info.needs_root else "embedded", info.source
        )
    Console().print(table)


@data_app.command()
def show(
    name: Annotated[str, typer.Argument(help="A name from `zoo data`.")],
    root: Root = None,
    classes: Classes = None,
    image_size: ImageSize = None,
    color: Color = None,
    validation: Validation = 0.1,
    drop_duplicates: DropDuplicates = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="Draw sample images, mean images and counts: a `.png`."
        ),
    ] = None,
    log_dir: Annotated[
        Path | None, typer.Option(help="Write the pictures and tables for TensorBoard there.")
    ] = None,
) -> None:
    """Show a data set: images of each class in each split, and images that occur twice."""
    images = load_data(
        name,
        root,
        classes,
        image_size,
        color,
        validation=validation,
        drop_duplicates=drop_duplicates,
    )
    if log_dir:
        start_tensorflow(verbose=False)
    if output or log_dir:
        written = "Replaced" if output and output.exists() else "Saved"
        images.show(output, log_dir=log_dir)
    table = _table("class", *images.parts, right=True)
    parts = images.parts.values()
    for label in images.class_names:
        table.add_row(Text(label), *(f"{part.class_counts[label]:,}" for part in parts))
    table.add_row("all", *(f"{len(part):,}" for part in parts), style="bold")
    height, width, channels = images.image_shape
    console = Console()
    console.print(f"{name}: {height}×{width} pixels, {channels} channels", highlight=False)
    console.print(table)
    console.print()
    duplicates = images.duplicates()
    console.print(duplicates)
    if duplicates:
        console.print("`--drop-duplicates` keeps one of each.", highlight=False)
    if output:
        console.print(f"{written}: {output}", highlight=False, soft_wrap=True)
    if log_dir:
        _print_tensorboard("Pictures and tables", log_dir)


@app.command()
def train(
    name: Annotated[str, typer.Argument(help="A name from `zoo models`.")],
    data: Data = "digits",
    root: Root = None,
    classes: Classes = None,
    image_size: ImageSize = None,
    color: Color = None,
    validation: Validation = 0.1,
    drop_duplicates: DropDuplicates = False,
    epochs: Epochs = None,
    batch_size: BatchSize = None,
    learning_rate: LearningRate = None,
    optimizer: Optimizer = None,
    patience: Patience = None,
    augmentation: Augmentation = Transforms.RECIPE,
    precision: Precision = None,
    seed: Seed = 0,
    log_dir: LogDir = None,
    resume: Resume = False,
    quiet: Quiet = False,
) -> None:
    """Train one model, and judge it on the test split."""
    changes = _changes(epochs, batch_size, learning_rate, optimizer, patience, precision)
    images = load_data(
        data,
        root,
        classes,
        image_size,
        color,
        validation=validation,
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
    voting: Annotated[str, typer.Option(help="`majority` or `soft`.")] = "majority",
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
    data: Data = "digits",
    root: Root = None,
    classes: Classes = None,
    image_size: ImageSize = None,
    color: Color = None,
    validation: Validation = 0.1,
    drop_duplicates: DropDuplicates = False,
    epochs: Epochs = None,
    batch_size: BatchSize = None,
    learning_rate: LearningRate = None,
    optimizer: Optimizer = None,
    patience: Patience = None,
    augmentation: Augmentation = Transforms.RECIPE,
    precision: Precision = None,
    seed: Seed = 0,
    log_dir: LogDir = None,
    resume: Resume = False,
    quiet: Quiet = False,
) -> None:
    """Train several models as a committee, and judge it on the test split."""
    changes = _changes(epochs, batch_size, learning_rate, optimizer, patience, precision)
    images = load_data(
        data,
        root,
        classes,
        image_size,
        color,
        validation=validation,
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
        together=together,
        copies=copies,
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
    together: bool | None = None,
    **arguments: Any,
) -> None:
    """Train, save and report."""
    recipes = [_recipe(name, changes, augmentation) for name in names]
    if resume and log_dir is None:
        raise typer.BadParameter("--resume needs --log-dir, the run to go on with")
    now = datetime.now().strftime("%Y%m%d-%H%M%S")
    folder = log_dir or Path("logs") / f"{images.name}-{now}"

    start_tensorflow(verbose=not quiet)
    from zoo.ensembles import Committee, Member
    from zoo.ensembles.report import log_report

    members = [Member(name, recipe=recipe) for name, recipe in zip(names, recipes, strict=True)]
    trained = Committee(members, **arguments)
    history = trained.fit(
        images.train,
        validation_data=images.validation,
        together=together,
        log_dir=folder,
        resume=resume,
        verbose=0 if quiet else "auto",
    )
    file = folder / "committee.keras"
    trained.save(file)
    console = Console()
    if images.test:
        report = trained.report(images.test)
        log_report(report, folder, history.epoch[-1])
        for name in ("report.json", "report.md", "report.png"):
            report.save(folder / name)
        console.print(report)
    console.print(f"\nSaved: {file}", highlight=False, soft_wrap=True)
    _print_tensorboard("Curves and pictures", folder)


def _print_tensorboard(what: str, folder: Path) -> None:
    command = f"{_tensorboard()} --logdir {shlex.quote(str(folder))}"
    Console().print(f"{what}: {command}", highlight=False, soft_wrap=True)


def _tensorboard() -> str:
    """TensorBoard's command, also where the environment is not activated."""
    if shutil.which("tensorboard"):
        return "tensorboard"
    return shlex.quote(os.path.relpath(Path(sys.executable).with_name("tensorboard")))


def _changes(
    epochs: int | None,
    batch_size: int | None,
    learning_rate: float | None,
    optimizer: str | None,
    patience: int | None,
    precision: str | None,
) -> dict[str, Any]:
    """What the options change of a recipe."""
    changes = {
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "optimizer": optimizer,
        "patience": patience,
        "precision": precision,
    }
    return {key: value for key, value in changes.items() if value is not None}


def _recipe(name: str, changes: Mapping[str, Any], augmentation: Transforms) -> Recipe:
    """The recipe of a registered model, as the options change it."""
    recipe = replace(registry.describe(name).recipe, **changes)
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


def _table(*titles: str, right: bool = False) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for index, title in enumerate(titles):
        table.add_column(Text(title), justify="right" if right and index else "left")
    return table


def _settings(title: str, value_title: str, settings: Mapping[str, Any]) -> Table:
    table = _table(title, value_title)
    for key, value in settings.items():
        table.add_row(key, "required" if value is registry.REQUIRED else repr(value))
    return table
