"""The command `zoo evaluate`, which is also `python -m zoo.ensembles.evaluate`."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from zoo.cli.application import app
from zoo.cli.console import print_note, print_table, start_tensorflow
from zoo.cli.options import DATA, ImageOptions
from zoo.cli.values import Modules, Name
from zoo.files import check_writable


@app.command
def evaluate(
    file: Path,
    /,
    *,
    split: Literal["test", "validation", "train"] | None = None,
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
        file: A saved committee or model, `.keras`.
        split: The images to judge the committee on; by default the test split, or all images of a
            folder of new pictures.
        output: Also write the report: `.json`, `.md` or `.png`; may be repeated.
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
    start_tensorflow(verbose=False)
    report = evaluate_file(file, data, split=split, **vars(images))
    for path in output or []:
        report.save(path)
    if as_json:
        print(report.to_json())
    else:
        print_table(report)
