"""The commands `zoo models` and `zoo describe`: which models there are, and what a model is."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Any

from cyclopts import Parameter
from rich.table import Table

from zoo import registry
from zoo.cli.application import app
from zoo.cli.console import print_table, print_text
from zoo.cli.words.values import Modules
from zoo.text import rich_table


@app.command
def models(
    pattern: str = "*",
    /,
    *,
    tag: Annotated[list[str] | None, Parameter(metavar="TAG")] = None,
    modules: Modules | None = None,
) -> None:
    """List the registered models.

    MFLOPs are the millions of operations of a forward pass of one image, in dense and convolutional
    layers; a multiplication and an addition are two. Both numbers are those of the default
    arguments.

    Args:
        pattern: Such as `*mlp`.
        tag: Only models with this tag; may be repeated.
        modules: Import a module of yours first, which registers models or layers: `my_models`, or
            `./my_models.py`; may be repeated.
    """
    specs = map(registry.describe, registry.list_models(pattern, tags=tag or ()))
    rows = (
        [
            spec.name,
            spec.summary,
            "" if spec.parameter_count is None else f"{spec.parameter_count:,}",
            "" if spec.flops is None else f"{spec.flops / 1e6:,.2f}",
            ", ".join(spec.tags),
        ]
        for spec in specs
    )
    header = ["model", "what it is", "parameters", "MFLOPs", "tags"]
    print_table(rich_table(header, rows, right=("parameters", "MFLOPs")))


@app.command
def describe(name: str, /, *, modules: Modules | None = None) -> None:
    """Show a model: its parameters with their defaults, and its recipes.

    Args:
        name: A name from `zoo models`.
        modules: Import a module of yours first, which registers models or layers: `my_models`, or
            `./my_models.py`; may be repeated.
    """
    spec = registry.describe(name)
    print_text(f"{spec.name}: {spec.summary}")
    print_text(f"from {spec.source}; tags: {', '.join(spec.tags)}")
    if spec.parameter_count is not None and spec.flops is not None:
        print_text(f"{spec.parameter_count:,} parameters, {spec.flops:,} FLOPs for one image")
    print_text("")
    print_table(_settings_table("parameter", "default", spec.parameters))
    for title, recipe in {"recipe": spec.recipe, **spec.recipes}.items():
        print_table(_settings_table(title, "setting", asdict(recipe)))


def _settings_table(name_title: str, value_title: str, settings: Mapping[str, Any]) -> Table:
    """A table of names and values."""
    rows = (
        [name, "required" if value is registry.REQUIRED else repr(value)]
        for name, value in settings.items()
    )
    return rich_table([name_title, value_title], rows, right=False)
