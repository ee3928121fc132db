"""The command `zoo data`: which data sets there are, their images, their files, and the cache."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter
from rich.filesize import decimal

from zoo.cli.application import app
from zoo.cli.console import print_table, print_tensorboard, print_text, start_tensorflow
from zoo.cli.options import SplitOptions
from zoo.cli.words.values import Names, Parts
from zoo.files import check_writable
from zoo.text import rich_table

data = App(
    name="data",
    help="List the data sets, show a data set, fetch its files, or look after the cache.",
    version_flags=(),
    group_parameters=app.group_parameters,
)
app.command(data)


@data.default
def list_data() -> None:
    """List the data sets."""
    from zoo.datasets import list_datasets

    rows = (
        [info.name, info.summary, "needs --root" if info.needs_root else "embedded", info.source]
        for info in list_datasets()
    )
    print_table(rich_table(["data set", "what it is", "files", "source"], rows, right=False))


@data.command
def show(
    name: str,
    /,
    *,
    output: Annotated[Path | None, Parameter(name=("--output", "-o"))] = None,
    log_dir: Path | None = None,
    images: SplitOptions = SplitOptions(),
) -> None:
    """Show a data set: images of each class in each split, and images that occur twice.

    Args:
        name: A name from `zoo data`.
        output: Draw sample images, mean images and counts: a `.png`.
        log_dir: Write the pictures and tables for TensorBoard there.
        images: Which images to load.
    """
    if output:
        check_writable("--output", output, [".png"])
    if log_dir:
        check_writable("--log-dir", log_dir)
    loaded = images.load(name)
    if log_dir:
        start_tensorflow(verbose=False)
    replaced = output is not None and output.exists()
    if output or log_dir:
        loaded.show(output, log_dir=log_dir)
    splits = loaded.parts.values()
    rows = [
        [label, *(f"{split.class_counts[label]:,}" for split in splits)]
        for label in loaded.class_names
    ]
    table = rich_table(["class", *loaded.parts], rows)
    table.add_row("all", *(f"{len(split):,}" for split in splits), style="bold")
    height, width, channels = loaded.image_shape
    print_text(f"{name}: {height}×{width} pixels, {channels} channel{'s' * (channels > 1)}")
    print_table(table)
    print()
    duplicates = loaded.duplicates()
    print_table(duplicates)
    if duplicates:
        print_text("`--drop-duplicates` keeps one of each.")
    if output:
        print_text(f"{'Replaced' if replaced else 'Saved'}: {output}")
    if log_dir:
        print_tensorboard("Pictures and tables", log_dir)


@data.command
def get(
    name: str,
    /,
    *,
    root: Path | None = None,
    classes: Names | None = None,
    parts: Parts | None = None,
) -> None:
    """Fetch what is missing of a data set's files, where their owner lets programs do so.

    Args:
        name: A name from `zoo data`.
        root: Where the files are or are to be put; by default they are looked for in `$ZOO_DATA`
            and the platform's data folder.
        classes: FaceScrub: the pictures of these actors only.
        parts: Which parts of the files each split takes, `train=Training,test=PrivateTest`; `+`
            joins parts.
    """
    from zoo.datasets import download

    folder = download(name, root, classes=classes, parts=parts)
    print_text(f"The files of {name}: {folder}")


@data.command
def cache(name: str | None = None, /, *, clear: bool = False) -> None:
    """List the decoded images that are kept on disk, or delete them.

    Args:
        name: Only images of this data set; by default of all.
        clear: Delete them.
    """
    from zoo.datasets import cache as store
    from zoo.datasets.loading import get_dataset

    if name is not None:
        get_dataset(name)
    kept = store.clear(name) if clear else store.entries()
    entries = [entry for entry in kept if name in (None, entry.dataset)]
    rows = [
        [
            entry.dataset,
            decimal(entry.bytes),
            ", ".join(f"{split} {count:,}" for split, count in entry.images.items()) or "damaged",
        ]
        for entry in entries
    ]
    if rows:
        print_table(rich_table(["data set", "size", "images"], rows))
    total = decimal(sum(entry.bytes for entry in entries))
    did = "deleted from" if clear else "in"
    print_text(f"{len(entries)} entries, {total}, {did} {store.cache_root()}")
