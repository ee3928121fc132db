"""The commands `zoo models`, `zoo describe` and `zoo weights`: what there is, and what it is."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Annotated, Any

from cyclopts import Parameter
from rich.table import Table

from zoo import registry
from zoo.augmentation import Augmentation
from zoo.cli.application import app
from zoo.cli.console import print_table, print_text
from zoo.cli.words.values import Modules
from zoo.recipes import Recipe
from zoo.text import rich_table
from zoo.weights.catalogue import TrainedWeights, WeightSet, find_weights, list_weights, weight_sets
from zoo.weights.paper import Paper, Scores


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
        print_text("")
        print_table(_settings_table(title, "setting", vars(recipe)))


@app.command
def weights(name: str | None = None, /) -> None:
    """List the trained weights that come with the package, or print their papers.

    A paper says how weights were made, how good they are and on which images, and what they must
    not be used for. The table has the accuracy of the network that is the best on validation
    images, and of all members of a set together, each on the test part with its 95 % interval.

    Args:
        name: A set, such as `mnist`, or a member of it, such as `mnist/lenet-0`, for the papers; or
            a pattern, such as `fer*` or `*/vgg-*`, for the rows of the table that match.
    """
    listed = list_weights("*" if name is None else name)
    if name is not None and name in (*listed, *(member.partition("/")[0] for member in listed)):
        for position, trained in enumerate(find_weights(name)):
            _print_paper(trained, with_set=position == 0)
        return
    if not listed:
        print_text("This version comes without trained weights.")
        return
    rows = [row for weight_set in weight_sets() for row in _rows_of_set(weight_set, listed)]
    header = ["set", "members", "model", "weights", "MB", "accuracy in %", "images", "part"]
    right = ("members", "weights", "MB", "images")
    print_table(rich_table(header, rows, right=right))


def _rows_of_set(weight_set: WeightSet, listed: Sequence[str]) -> list[list[str]]:
    """Write a row for each model and size of a set, and a row for all members together.

    Members whose names are not listed are left out, and then there is no row for all members.
    """
    members = [part for part in weight_set.weights if part.name in listed]
    alike: dict[tuple[str, int], list[TrainedWeights]] = {}
    for model in dict.fromkeys(part.paper.model for part in members):
        for part in find_weights(weight_set.name, model):  # the best first
            if part not in members:
                continue
            count = sum(math.prod(shape) for shape in part.file.shapes().values())
            alike.setdefault((model, count), []).append(part)
    rows = [
        _row_of_set(parts, model, f"{count:,}", parts[0].paper.scores["test"])
        for (model, count), parts in alike.items()
    ]
    if weight_set.committee and len(members) == len(weight_set.members) > 1:
        rows.append(_row_of_set(members, "committee", "", weight_set.committee.scores["test"]))
    return rows


def _row_of_set(
    members: Sequence[TrainedWeights], model: str, count: str, scores: Scores
) -> list[str]:
    """Write a row of the table of sets."""
    size = sum(part.file.path.stat().st_size for part in members)
    of = members[0].of
    interval, n = _interval(scores), f"{scores.n:,}"
    size_text, part = f"{size / 1e6:.1f}", of.about.test_part
    return [of.name, str(len(members)), model, count, size_text, interval, n, part]


def _interval(scores: Scores) -> str:
    accuracy = scores.accuracy
    return f"{100 * accuracy.value:.2f} [{100 * accuracy.low:.2f}, {100 * accuracy.high:.2f}]"


def _print_paper(trained: TrainedWeights, *, with_set: bool) -> None:
    """Print the paper of weights, and before it what people say of the set."""
    paper, about = trained.paper, trained.of.about
    if with_set:
        print_text(f"{trained.of.name}: {about.title}")
        together = trained.of.committee if len(trained.of.members) > 1 else None
        for title, text in {
            "Chosen by": about.chosen, "Test part": about.test_part, "Licence": about.licence,
            "Terms of the images": about.terms, "Limits": about.limits,
            **({"All members together": str(together.scores["test"])} if together else {}),
        }.items():  # fmt: skip
            print_text(f"{title}: {text}")
    versions = paper.environment.get("versions", {})
    settings = {
        "model": f"{paper.model}({', '.join(f'{k}={v!r}' for k, v in paper.arguments.items())})",
        "images": f"{_sides(paper.input_shape)}, of {', '.join(paper.class_names)}",
        "data set": f"{paper.data.name} {_listed(paper.data.options)}".strip(),
        "number of images": _listed({key: f"{n:,}" for key, n in paper.data.images.items()}),
        "checksums": _listed(paper.data.fingerprint),
        **{part: str(scores) for part, scores in paper.scores.items()},
        "kernels": f"{paper.rounding.kernels}; a probability differs by "
        f"{paper.rounding.largest_difference:g} at most; answers that differ: "
        f"{paper.rounding.changed}",
        "recipe": _listed(_differences(paper.recipe, Recipe())),
        **({"began with": paper.began_with} if paper.began_with else {}),
        **(
            {"teacher": f"{paper.teacher}, {_listed(paper.teaching)}".removesuffix(", ")}
            if paper.teacher
            else {}
        ),
        "seed": str(paper.seed),
        "training": f"{paper.seconds:,.0f} s; cores: {paper.environment.get('cores', '?')}; "
        f"{paper.environment.get('machine', '?')}",
        "versions": _listed(versions),
        "experiment": _experiment(paper),
        "SHA-256": paper.sha256,
    }
    print_text("")
    print_table(rich_table([paper.name, ""], [*map(list, settings.items())], right=False))


def _experiment(paper: Paper) -> str:
    """Write the command that trains such networks, and whether it trains these very networks.

    Zoo trains in TensorFlow. A paper whose versions name JAX is of a network that was trained by
    another program, with other random numbers.
    """
    command = f"zoo reproduce {paper.experiment}"
    if "jax" not in paper.environment.get("versions", {}):
        return command
    return (
        f"{command} (it trains networks of the same kind, and not these very networks, which were "
        "trained through JAX)"
    )


def _sides(shape: Sequence[int]) -> str:
    """Write the shape of images: `48×48×1`."""
    return "×".join(map(str, shape))


def _listed(values: Mapping[str, Any]) -> str:
    """Write values by name, those inside of a value in brackets: `test 0.1, parts (train a)`."""
    return ", ".join(
        f"{key} ({_listed(value)})" if isinstance(value, Mapping) else f"{key} {value}"
        for key, value in values.items()
    )


def _differences(recipe: Any, default: Any) -> dict[str, Any]:
    """Find the values of a dataclass that differ from those of another, also inside."""
    found = {}
    for part in fields(recipe):
        value = getattr(recipe, part.name)
        if value != getattr(default, part.name):
            if isinstance(value, Augmentation):
                value = _differences(value, Augmentation())
            found[part.name] = value
    return found


def _settings_table(name_title: str, value_title: str, settings: Mapping[str, Any]) -> Table:
    """A table of names and values."""
    rows = ([name, _in_words(value)] for name, value in settings.items())
    return rich_table([name_title, value_title], rows, right=False)


def _in_words(value: Any) -> str:
    """Write a default or a setting; of an augmentation only what it does."""
    if value is registry.REQUIRED:
        return "required"
    if isinstance(value, Augmentation):
        return _listed(_differences(value, Augmentation()))
    return repr(value)
