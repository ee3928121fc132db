"""What the layers of a Keras model are: words, output shapes, parameters, multiply-adds, a drawing.

`zoo.registry.flops` counts the multiply-adds.
"""

from typing import Any, NamedTuple

from extensions import svg
from zoo.registry.flops import multiply_adds

COLOURS = {
    "Conv2D": "#a9d3ea",
    "DepthwiseConv2D": "#a9d3ea",
    "SeparableConv2D": "#a9d3ea",
    "Dense": "#f6c9a0",
    "BatchNormalization": "#f3dc9b",
    "LocalResponseNormalization": "#f3dc9b",
    "MaxPooling2D": "#c9e0a5",
    "AveragePooling2D": "#c9e0a5",
    "GlobalAveragePooling2D": "#c9e0a5",
    "Dropout": "#d6c4ea",
}
PLAIN = "#d5d8dc"


class LayerRow(NamedTuple):
    """A layer of a model.

    Attributes:
        kind: Name of the layer's class.
        words: The kind with the sizes that matter.
        shape: Shape of the output for one image, such as `24×24×64`.
        parameters: Number of weights.
        multiply_adds: Number of multiply-adds of the forward pass for one image.
    """

    kind: str
    words: str
    shape: str
    parameters: int
    multiply_adds: int


def describe(layer: Any) -> str:
    """Name a layer's kind with its sizes, such as `Conv2D 3×3, 64 filters`."""
    kind = type(layer).__name__
    if kind in ("Conv2D", "SeparableConv2D"):
        sizes = [f"{'×'.join(map(str, layer.kernel_size))}, {layer.filters} filters"]
        sizes += [f"stride {layer.strides[0]}"] * (layer.strides[0] > 1)
        groups = getattr(layer, "groups", 1)
        sizes += [f"{groups} groups"] * (groups > 1)
        return f"{kind} {', '.join(sizes)}"
    if kind in ("MaxPooling2D", "AveragePooling2D"):
        return f"{kind} {'×'.join(map(str, layer.pool_size))}, stride {layer.strides[0]}"
    if kind == "Dropout":
        return f"Dropout {layer.rate:g}"
    if kind == "Dense":
        return f"Dense {layer.units}"
    return kind


def rows(model: Any) -> list[LayerRow]:
    """List the layers of a built Keras model, from the input to the output."""
    return [
        LayerRow(
            type(layer).__name__,
            describe(layer),
            "×".join(map(str, layer.output.shape[1:])),
            layer.count_params(),
            multiply_adds(layer),
        )
        for layer in model.layers
    ]


def draw(model: Any) -> str:
    """Draw the layers of a model one below the other, with output shapes and parameters.

    Args:
        model: A built Keras model.

    Returns:
        The text of an SVG file.
    """
    width, height, step = 480.0, 28.0, 38.0
    parts = [
        svg.box(0, 0, width, 24, PLAIN),
        svg.text(10, 17, "layer", bold=True),
        svg.text(width - 140, 17, "output", bold=True, anchor="end"),
        svg.text(width - 10, 17, "parameters", bold=True, anchor="end"),
    ]
    listed = rows(model)
    for number, row in enumerate(listed):
        y = 34 + step * number
        parts.append(svg.box(0, y, width, height, COLOURS.get(row.kind, PLAIN)))
        parts.append(svg.text(10, y + 19, row.words))
        parts.append(svg.text(width - 140, y + 19, row.shape, anchor="end"))
        if row.parameters:
            parts.append(svg.text(width - 10, y + 19, f"{row.parameters:,}", anchor="end"))
        if number + 1 < len(listed):
            parts.append(svg.arrow(width / 2, y + height, y + step))
    return svg.drawing(
        width, 34 + step * len(listed) - 10, f"The layers of {model.name}, from input to output",
        parts,
    )  # fmt: skip
