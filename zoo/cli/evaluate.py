"""The commands `zoo evaluate`, also `python -m zoo.ensembles.evaluate`, and `zoo inspect`."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from zoo.cli.application import app
from zoo.cli.console import print_note, print_table, print_text, start_tensorflow
from zoo.cli.options import DATA, ImageOptions, ViewsName
from zoo.cli.runs.resuming import MANIFEST
from zoo.cli.words.values import Modules, Name
from zoo.ensembles.loading.names import SAVED, check_precision, is_weights, saved_file
from zoo.files import check_writable


@app.command
def evaluate(
    file: Path,
    /,
    *,
    split: Literal["test", "validation", "train"] | None = None,
    views: ViewsName | None = None,
    precision: Name | None = None,
    output: Annotated[list[Path] | None, Parameter(name=("--output", "-o"), metavar="FILE")] = None,
    as_json: Annotated[bool, Parameter(name="--json")] = False,
    modules: Modules | None = None,
    data: Annotated[Name | None, Parameter(name=("--data", "-d"), group=DATA)] = None,
    images: ImageOptions = ImageOptions(),
) -> None:
    """Judge a saved committee: accuracies with intervals, confusion, and whether it is luck.

    The data set, its place, classes, image size, colour, and which images are held out or dropped,
    are those of the training of the committee, where no option says otherwise. A folder of new
    pictures is judged on its folder test/, or whole; it may have pictures of some classes only.

    Args:
        file: A saved committee or model, `.keras`, the run folder of a training, or trained
            weights by their name in `zoo weights`.
        split: The images to judge the committee on; by default the test split, or all images of a
            folder of new pictures.
        views: Average the members' answers over views of each image: the image and its mirror
            image, or ten crops.
        precision: Keras dtype policy in which trained weights compute, such as `mixed_bfloat16`;
            `auto` is faster on some machines, and rounds. By default `float32`.
        output: Also write the report: `.json`, `.md`, `.html` or `.png`; may be repeated. Replaces
            a file, and says so.
        as_json: Print JSON instead of tables.
        modules: Import a module of yours first, which registers models or layers: `my_models`, or
            `./my_models.py`; may be repeated.
        data: Name of the data set; by default that of the training. `zoo data` lists them.
        images: Which images to load.
    """
    from zoo.ensembles.evaluate import check_files, evaluate_file, place_of_training
    from zoo.ensembles.reports.saving import REPORT_SUFFIXES

    for path in output or []:
        check_writable("--output", path, REPORT_SUFFIXES)
    if place := place_of_training(file, data, images.root):
        print_note(f"Data: {place}, the place that {file} names. --root names another.")
    check_files(file, data, images.root)
    check_precision(file, precision)
    start_tensorflow(verbose=False)
    report = evaluate_file(
        file, data, split=split, augmentation=views, precision=precision, **vars(images)
    )
    for path in output or []:
        replaced = os.path.exists(path)
        report.save(path)
        if replaced:
            print_note(f"Replaced: {path}")
    if as_json:
        print(report.to_json())
    else:
        print_table(report)


@app.command
def inspect(
    model: Path,
    /,
    *,
    split: Literal["test", "validation", "train"] | None = None,
    output: Annotated[Path | None, Parameter(name=("--output", "-o"), metavar="FILE")] = None,
    quiet: Annotated[bool, Parameter(name=("--quiet", "-q"))] = False,
    modules: Modules | None = None,
    data: Annotated[Name | None, Parameter(name=("--data", "-d"), group=DATA)] = None,
    images: ImageOptions = ImageOptions(),
) -> None:
    """Look inside a saved model: write a page of HTML with all that can be seen of the model.

    The page has the report, the learning curves of the run, a confusion matrix that opens its
    pictures, saliency with numbers that say how far to trust it, weights, dead units, labels that
    may be wrong, mistakes and disputed images. It is one file, and loads nothing from anywhere.

    The data set, its place, classes, image size, colour, and which images are held out or dropped,
    are those of the training of the model, where no option says otherwise.

    Args:
        model: A saved committee or model, `.keras`, the run folder of a training, or trained
            weights by their name in `zoo weights`.
        split: The images to look at the model with; by default the test split, or all images of a
            folder of new pictures.
        output: Where to write the page, `.html`; by default `inspect.html` in the run folder, or
            beside the model, with the name of the model. Replaces a page, and no other file.
        quiet: Print no progress.
        modules: Import a module of yours first, which registers models or layers: `my_models`, or
            `./my_models.py`; may be repeated.
        data: Name of the data set; by default that of the training. `zoo data` lists them.
        images: Which images to load.
    """
    from zoo.ensembles.evaluate import check_files, committee_with_images, place_of_training
    from zoo.inspect.page_parts.paths import check_page_path

    file, run_folder = _file_and_run_folder(model)
    output = check_page_path(output or _default_output(file, run_folder), "--output")
    if place := place_of_training(file, data, images.root):
        print_note(f"Data: {place}, the place that {file} names. --root names another.")
    name, _ = check_files(file, data, images.root)
    start_tensorflow(verbose=not quiet)
    from zoo.inspect.page_parts.making import model_page

    committee, judged = committee_with_images(file, data, split=split, **vars(images))
    options = {"data": data, "split": split, **vars(images), "import": modules, "output": output}
    facts = {
        "Model": str(file),
        "Data": name,
        "Command": _command(model, options),
    }
    made = model_page(
        committee, judged, run_folder=run_folder, facts=facts, verbose=0 if quiet else "auto"
    )
    made.save(output)
    print_table(made)
    print_text(f"\nSaved: {output} ({output.stat().st_size / 1e6:.1f} MB)")


def _file_and_run_folder(model: Path) -> tuple[Path, Path | None]:
    """Find the saved model, and the run folder of its training if there is one."""
    if is_weights(model):
        return model, None
    file = saved_file(model)
    return file, file.parent if os.path.isfile(file.parent / MANIFEST) else None


def _default_output(file: Path, run_folder: Path | None) -> Path:
    """Give the path of the page: in the run folder, or beside the model."""
    in_run = run_folder is not None and file.name == SAVED
    if in_run:
        return file.with_name("inspect.html")
    # The name of trained weights has no suffix, and may have a dot.
    return file.with_suffix(".html") if file.suffix == ".keras" else Path(f"{file.name}.html")


def _command(model: Path, options: Mapping[str, Any]) -> str:
    """Write the command that makes the page again."""
    words = ["zoo", "inspect", str(model)]
    for name, value in options.items():
        option = f"--{name.replace('_', '-')}"
        if value is True:
            words.append(option)
        elif name == "import":
            words += [word for module in value or () for word in (option, module)]
        elif value:
            separator = "x" if name == "image_size" else ","
            text = separator.join(map(str, value)) if isinstance(value, list | tuple) else value
            words += [option, str(text)]
    return shlex.join(words)
