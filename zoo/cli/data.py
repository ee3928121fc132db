"""The command line's `zoo data`: what data sets there are, what is in them, fetching, the cache."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.filesize import decimal

from zoo.cli.console import (
    Classes,
    Color,
    DropDuplicates,
    ImageSize,
    Parts,
    Root,
    Test,
    Validation,
    load_data,
    parse_names,
    parse_parts,
    print_tensorboard,
    start_tensorflow,
)
from zoo.text import rich_table

data_app = typer.Typer(help="Data sets: what there is, what is in it, fetching, and the cache.")


@data_app.callback(invoke_without_command=True)
def data(context: typer.Context) -> None:
    """List the data sets."""
    if context.invoked_subcommand:
        return
    from zoo.datasets import list_datasets

    rows = (
        [info.name, info.summary, "needs --root" if info.needs_root else "embedded", info.source]
        for info in list_datasets()
    )
    Console().print(rich_table(["data set", "what it is", "files", "source"], rows, right=False))


@data_app.command()
def show(
    name: Annotated[str, typer.Argument(help="A name from `zoo data`.")],
    root: Root = None,
    classes: Classes = None,
    image_size: ImageSize = None,
    color: Color = None,
    parts: Parts = None,
    validation: Validation = 0.1,
    test: Test = 0.2,
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
        parts=parts,
        validation=validation,
        test=test,
        drop_duplicates=drop_duplicates,
    )
    if log_dir:
        start_tensorflow(verbose=False)
    if output or log_dir:
        written = "Replaced" if output and output.exists() else "Saved"
        images.show(output, log_dir=log_dir)
    splits = images.parts.values()
    rows = [
        [label, *(f"{part.class_counts[label]:,}" for part in splits)]
        for label in images.class_names
    ]
    table = rich_table(["class", *images.parts], rows)
    table.add_row("all", *(f"{len(part):,}" for part in splits), style="bold")
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
        print_tensorboard("Pictures and tables", log_dir)


@data_app.command()
def get(
    name: Annotated[str, typer.Argument(help="A name from `zoo data`.")],
    root: Annotated[
        Path | None,
        typer.Option(
            help="Where the files are or are to be put; by default they are looked for in "
            "`$ZOO_DATA` and the platform's data folder."
        ),
    ] = None,
    classes: Annotated[
        str | None, typer.Option(help="FaceScrub: the pictures of these actors only.")
    ] = None,
    parts: Parts = None,
) -> None:
    """Fetch what is missing of a data set's files, where their owner lets programs do so."""
    from zoo.datasets import download

    folder = download(
        name,
        root,
        classes=parse_names(classes) if classes else None,
        parts=parse_parts(parts) if parts else None,
    )
    Console().print(f"The files of {name}: {folder}", highlight=False, soft_wrap=True)


@data_app.command()
def cache(
    name: Annotated[str | None, typer.Argument(help="Of one data set; by default of all.")] = None,
    clear: Annotated[bool, typer.Option("--clear", help="Delete them.")] = False,
) -> None:
    """List the decoded images that are kept on disk, or delete them."""
    from zoo.datasets.cache import store as cache
    from zoo.datasets.loading import check_name

    if name is not None:
        check_name(name)
    found = (
        cache.clear(name)
        if clear
        else [entry for entry in cache.entries() if name in (None, entry.dataset)]
    )
    console = Console()
    rows = []
    for entry in found:
        images = ", ".join(f"{part} {count:,}" for part, count in entry.images.items())
        rows.append([entry.dataset, decimal(entry.bytes), images or "damaged"])
    if found:
        console.print(rich_table(["data set", "size", "images"], rows))
    total = decimal(sum(entry.bytes for entry in found))
    did = "deleted from" if clear else "in"
    console.print(
        f"{len(found)} entries, {total}, {did} {cache.cache_root()}",
        highlight=False,
        soft_wrap=True,
    )
