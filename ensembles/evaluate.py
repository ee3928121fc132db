"""The ensemble evaluation script: `python -m zoo.ensembles.evaluate SAVED --data NAME`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from zoo.cli.console import (
    Classes,
    Color,
    Data,
    DropDuplicates,
    ImageSize,
    Root,
    load_data,
    run,
    start_tensorflow,
)
from zoo.errors import ArgumentError

if TYPE_CHECKING:
    from zoo.ensembles.reports.report import Report


def evaluate(
    file: Annotated[Path, typer.Argument(help="A saved committee or model, `.keras`.")],
    data: Data = "digits",
    root: Root = None,
    classes: Classes = None,
    image_size: ImageSize = None,
    color: Color = None,
    drop_duplicates: DropDuplicates = False,
    split: Annotated[str, typer.Option(help="`test`, `validation` or `train`.")] = "test",
    output: Annotated[
        list[Path] | None,
        typer.Option("--output", "-o", help="Also write the report: `.json`, `.md` or `.png`."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """Judge a saved committee: accuracies with intervals, confusion, and whether it is luck.

    Classes, image size, colour, what is held out and dropped come from the saved committee.
    """
    start_tensorflow(verbose=False)
    report = evaluate_file(
        file,
        data,
        root=root,
        classes=classes,
        image_size=image_size,
        color=color,
        drop_duplicates=drop_duplicates,
        split=split,
    )
    for path in output or []:
        report.save(path)
    if json:
        typer.echo(report.to_json())
    else:
        Console().print(report)


def evaluate_file(
    file: Path,
    data: str,
    *,
    root: Path | None = None,
    classes: str | None = None,
    image_size: str | None = None,
    color: str | None = None,
    drop_duplicates: bool = False,
    split: str = "test",
) -> "Report":
    """Judge a saved committee on a data set.

    Args:
        file: A saved committee, or a Keras model of any origin, `.keras`.
        data: Name of the data set.
        root: Where its files are.
        classes: Names with commas between; None takes the committee's own.
        image_size: `48` or `48x64`; None takes the committee's own.
        color: `grayscale` or `rgb`; None takes what fits the committee.
        drop_duplicates: Of images that are the same keep one; False does so too where the committee
            was trained like that.
        split: `"test"`, `"validation"` or `"train"`.

    Returns:
        The `Report`.

    Raises:
        ArgumentError: There is no such split.
        DataError: The file or the data cannot be loaded, or they do not fit.
    """
    from zoo.ensembles.committee import Committee

    if split not in ("test", "validation", "train"):
        raise ArgumentError(f"split is test, validation or train. Received: {split!r}")
    committee = Committee.load(file)
    # The same images in the same form, and the same of them held out, as when it was trained.
    settings = {**_form(committee), **(committee.data_settings or {"name": None})}
    if settings.pop("name") != data:
        settings = _form(committee)
    asked = {"image_size": image_size, "color": color, "drop_duplicates": drop_duplicates}
    settings |= {key: value for key, value in asked.items() if value}
    images = load_data(data, root, classes or committee.class_names, **settings)
    part = getattr(images, split)
    if part is None:
        raise ArgumentError(f"{data} has no {split} split.")
    return committee.report(part)


def _form(committee: Any) -> dict[str, Any]:
    """Image size and colour of the committee."""
    _, height, width, channels = committee.input_shape
    form = {"color": {1: "grayscale", 3: "rgb"}.get(channels)}
    return {**form, "image_size": (height, width)} if height and width else form


if __name__ == "__main__":
    app = typer.Typer(add_completion=False)
    app.command()(evaluate)
    run(app)
