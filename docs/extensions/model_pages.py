"""Writes a page for each model of the registry: docs/models/NAME.md with NAME.svg."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import zoo
from extensions import layers
from zoo.text import markdown_table
from zoo.weights.catalogue import find_weights, weight_sets

DOCS = Path(__file__).parents[1]
MEASURED = DOCS / "measured.toml"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a Markdown table of words: every column is aligned to the left."""
    text = markdown_table(header, rows).replace("---:", "---", len(header) - 1)
    return text.replace(r"]\(", "](")  # the links of the pages are our own


def short(value: Any) -> str:
    """Write a value as Python code; of an augmentation, only what differs from the default."""
    if not isinstance(value, zoo.Augmentation):
        return repr(value)
    chosen = {
        field.name: getattr(value, field.name)
        for field in fields(value)
        if getattr(value, field.name) != field.default
    }
    return f"Augmentation({', '.join(f'{name}={chosen[name]!r}' for name in chosen)})"


def recipe_table(recipe: Any) -> str:
    """Write a recipe as a Markdown table, without the fields that are None or empty."""
    values = {field.name: getattr(recipe, field.name) for field in fields(recipe)}
    rows = [
        [f"`{name}`", f"`{short(value)}`"]
        for name, value in values.items()
        if value not in (None, {})
    ]
    return table(["field", "value"], rows)


def parameter_table(parameters: Mapping[str, Any]) -> str:
    """Write the arguments of a builder, with their default values, as a Markdown table."""
    rows = [[f"`{name}`", f"`{default!r}`"] for name, default in parameters.items()]
    return table(["argument", "default"], rows)


def measured_text(results: Sequence[Mapping[str, str]]) -> str:
    """Write what was measured of a model; each result has `task`, `result` and `source`."""
    if not results:
        return "Nothing was measured with this model yet."
    rows = [[row["task"], row["result"], row["source"]] for row in results]
    return table(["task", "result", "how it was measured"], rows)


def results_of_weights(name: str) -> list[dict[str, str]]:
    """Say how good the trained weights of a model are, those of each set that validation chose."""
    results = []
    for found in weight_sets():
        if all(weights.paper.model != name for weights in found.weights):
            continue
        best = find_weights(found.name, name)[0]
        accuracy = best.paper.scores["test"].accuracy
        low, high = (f"{100 * value:.1f}" for value in (accuracy.low, accuracy.high))
        task = f"{found.about.title}; {found.about.test_part}, n = {accuracy.n:,}"
        result = f"{100 * accuracy.value:.1f} % ({low} – {high})"
        source = f"[the weights](../weights.md) `{best.name}`"
        results.append({"task": task, "result": result, "source": source})
    return results


def model_page(name: str, results: Sequence[Mapping[str, str]] = ()) -> tuple[str, str]:
    """Write the page of one model, and draw its layers.

    Args:
        name: A name of the registry.
        results: What was measured, a mapping for each result.

    Returns:
        The page as Markdown and the drawing as SVG.
    """
    spec, model = zoo.describe(name), zoo.build(name, seed=0)
    work = sum(row.multiply_adds for row in layers.rows(model))
    shape = "×".join(map(str, model.input_shape[1:]))
    trainable = sum(int(weight.shape.num_elements()) for weight in model.trainable_variables)
    rows = [
        ["comes from", spec.source],
        ["tags", ", ".join(spec.tags)],
        ["input", f"{shape}, pixels 0 to 255"],
        ["parameters", f"{model.count_params():,}, of which {trainable:,} are trainable"],
        ["FLOPs", f"{2 * work:,} for one image: two for each of {work:,} multiply-adds"],
    ]
    facts = table(["", ""], rows)
    arguments = f"input_shape={model.input_shape[1:]}, num_classes={model.output_shape[-1]}"
    text = f"""# {name}

{spec.summary}

{facts}

Shapes, parameters and FLOPs are those of the default arguments. FLOPs are those of the forward
pass, in dense and convolutional layers.

## How to build it

```python
import zoo

model = zoo.build("{name}", {arguments})
by_hand = zoo.build("{name}", gradients="handwritten")  # the same from zoo.layers
```

{parameter_table(spec.parameters)}

## How it is trained

The default recipe, `zoo.describe("{name}").recipe`:

{recipe_table(spec.recipe)}

{other_recipes(spec)}

## What was measured

{measured_text(results)}

## Layers

![The layers of {name}: kind, output shape and parameters of each]({name}.svg)
"""
    return text, layers.draw(model)


def other_recipes(spec: zoo.ModelSpec) -> str:
    """Write a heading and a table for each recipe of a model beside the default recipe."""
    return "\n\n".join(
        f'The recipe "{name}", `Member("{spec.name}", recipe="{name}")`:\n\n{recipe_table(recipe)}'
        for name, recipe in spec.recipes.items()
    )


def write_pages(folder: Path) -> None:
    """Write an index, and a page and a drawing for each model of the registry.

    Args:
        folder: Where to write; the folder is made if it is missing.
    """
    folder.mkdir(exist_ok=True)
    measured = tomllib.loads(MEASURED.read_text(encoding="utf-8"))
    names = zoo.list_models()
    for name in names:
        markdown, drawing = model_page(name, [*measured.get(name, ()), *results_of_weights(name)])
        (folder / f"{name}.md").write_text(markdown, encoding="utf-8")
        (folder / f"{name}.svg").write_text(drawing, encoding="utf-8")
    rows = [
        [
            f"[`{name}`]({name}.md)",
            spec.summary,
            f"{spec.parameter_count or 0:,}",
            f"{spec.flops or 0:,}",
            "×".join(map(str, spec.parameters["input_shape"])),
        ]
        for name, spec in ((name, zoo.describe(name)) for name in names)
    ]
    index = f"""# Models

Every model takes raw pixels 0 to 255 and gives float32 probabilities. `zoo.build(name)` builds it,
`zoo.describe(name)` says what can be set, and CONTRIBUTING.md says how to add a model.

{table(["name", "what it is", "parameters", "FLOPs", "of an image of"], rows)}

Parameters and FLOPs are those of the default arguments. FLOPs are the operations of the forward
pass of one image, in dense and convolutional layers; a multiplication and an addition are two.

`zoo.build(name, features=True)` gives the features that the classes are told by instead of
classes, and `features="block2_pool"` the output of that layer. Every network with global pooling
takes images of any size above the smallest, which the error about smaller images names.

```{{toctree}}
:hidden:

{chr(10).join(names)}
```
"""
    (folder / "index.md").write_text(index, encoding="utf-8")
