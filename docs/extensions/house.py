"""Draws the rooms of the house and the way of the data, from the import contract.

The order of the rooms stands once, in pyproject.toml under `[tool.importlinter]`. After a change
there, `python docs/extensions/house.py` writes docs/rooms.svg again.
"""

import re
import sys
import tomllib
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "docs"))

from extensions import svg  # noqa: E402  the folder is no installed package

DRAWING = ROOT / "docs" / "rooms.svg"
PURPOSES = {
    "zoo.__main__": "python -m zoo",
    "zoo.cli": "the command line",
    "zoo.experiments": "experiments as files, with a verdict",
    "zoo.tuning": "sweeps of settings",
    "zoo.inspect": "what can be seen of a network",
    "zoo.ensembles": "committees, votes, statistics, reports",
    "zoo.training": "loops over epochs and batches",
    "zoo.gradients": "checks gradients by differences",
    "zoo.models": "one family of models a file",
    "zoo.saving": "reads saved models",
    "zoo.registry": "models by name",
    "zoo.weights": "trained weights and their papers",
    "zoo.recipes": "how a model is trained",
    "zoo.optimizers": "the optimiser of a recipe",
    "zoo.schedules": "learning rates over the epochs",
    "zoo.augmentation": "random transforms of images",
    "zoo.spreading": "pieces in other processes",
    "zoo.datasets": "from files to arrays of pixels",
    "zoo.pages": "what all HTML pages share",
    "zoo.plots": "what all figures share",
    "zoo.errors": "every error of Zoo",
}
"""A few words about a room that stands alone on its floor."""

STEPS = {
    "zoo.datasets": ("files on disk", "Split: uint8, memory-mapped"),
    "zoo.augmentation": ("batches, at random transformed",),
    "zoo.models": ("float32 probabilities",),
    "zoo.training": ("trained members",),
    "zoo.ensembles": ("votes", "report"),
    "zoo.cli": ("terminal, logs/, TensorBoard",),
}
"""What the images have become when they leave a room, in the order of their way."""

COLOURS = {
    "zoo.ensembles": "#f6c9a0",
    "zoo.training": "#f3dc9b",
    "zoo.models": "#c9e0a5",
    "zoo.augmentation": "#b4dfcb",
    "zoo.datasets": "#a9d3ea",
    "zoo.cli": "#d6c4ea",
}
PLAIN = "#d5d8dc"
BORDERS, LETTER = 20.0, 6.5
"""The empty left and right of a room together, and the width of a letter of what is in the room."""


class Floor(NamedTuple):
    """Rooms that stand side by side in the contract.

    Attributes:
        rooms: Their module names.
        inner: Names of the rooms inside a single room, where a contract orders them.
    """

    rooms: tuple[str, ...]
    inner: tuple[str, ...]


def contracts(path: Path = ROOT / "pyproject.toml") -> dict[str, list[tuple[str, ...]]]:
    """Read the contracts about layers.

    Args:
        path: The file that holds them.

    Returns:
        The name of each contract → its layers from the highest to the lowest, each a tuple of
        module names.
    """
    settings = tomllib.loads(path.read_text(encoding="utf-8"))["tool"]["importlinter"]
    return {
        contract["name"]: [
            tuple(re.split(r"\s*[|:]\s*", layer.strip())) for layer in contract["layers"]
        ]
        for contract in settings["contracts"]
        if contract["type"] == "layers"
    }


def floors() -> list[Floor]:
    """List the floors of the house from the highest to the lowest."""
    house, *others = contracts().values()
    inner: dict[str, tuple[str, ...]] = {}
    for layers in others:
        names = [name for layer in layers for name in layer]
        parent = names[0].rpartition(".")[0]
        inner[parent] = tuple(name.rpartition(".")[2] for name in names)
    return [Floor(rooms, inner.get(rooms[0], ())) for rooms in house]


def wrap(words: tuple[str, ...], width: int) -> list[str]:
    """Join words with middle dots to lines of at most `width` characters."""
    lines: list[str] = []
    for word in words:
        if lines and len(lines[-1]) + len(word) + 3 <= width:
            lines[-1] += f" · {word}"
        else:
            lines.append(word)
    return lines


def widths(floor: Floor, width: float) -> list[float]:
    """Divide a width among the rooms of a floor, by the words that stand in each.

    Args:
        floor: The floor.
        width: The width of all rooms together.

    Returns:
        The width of each room.
    """
    # The names of rooms are drawn larger than the names of what is in them.
    needed = [BORDERS + 8.7 * len(room.removeprefix("zoo.")) for room in floor.rooms]
    needed[0] = max(needed[0], BORDERS + LETTER * max(map(len, floor.inner), default=0))
    return [width * need / sum(needed) for need in needed]


def draw() -> str:
    """Draw the floors, and beside them the way of the data, which goes upwards.

    Returns:
        The text of the SVG file.
    """
    parts: list[str] = []
    left, right, gap, y = 430.0, 236.0, 8.0, 34.0
    parts += [svg.box(0, 0, left, 24, PLAIN), svg.box(left + 24, 0, right, 24, PLAIN)]
    parts.append(svg.text(10, 17, "A room of zoo imports only rooms below it.", bold=True))
    parts.append(svg.text(left + 34, 17, "The way of the data, upwards", bold=True))
    steps: list[tuple[float, str, str]] = []  # top of the box, words, colour
    for floor in floors():
        wide = widths(floor, left - gap * (len(floor.rooms) - 1))
        lines = wrap(floor.inner, int((wide[0] - BORDERS) / LETTER))
        words = [word for room in floor.rooms for word in STEPS.get(room, ())]
        height = max(30.0 + 17 * len(lines), 34.0 * len(words) - 4)
        x = 0.0
        for room, width in zip(floor.rooms, wide, strict=True):
            parts.append(svg.box(x, y, width, height, COLOURS.get(room, PLAIN)))
            parts.append(svg.text(x + 10, y + 20, room.removeprefix("zoo."), bold=True))
            if len(floor.rooms) == 1:
                purpose = PURPOSES.get(room, "")
                parts.append(svg.text(left - 10, y + 20, purpose, anchor="end", size=12))
            x += width + gap
        parts += [
            svg.text(10, y + 38 + 17 * number, line, size=11.5) for number, line in enumerate(lines)
        ]
        colour = COLOURS.get(floor.rooms[0], PLAIN)
        bottom = y + height
        steps += [(bottom - 34 * k - 30, word, colour) for k, word in enumerate(words)]
        y = bottom + gap
    steps.sort(reverse=True)
    for number, (top, words, colour) in enumerate(steps):
        parts.append(svg.box(left + 24, top, right, 30, colour))
        parts.append(svg.text(left + 34, top + 20, words, size=12))
        if number + 1 < len(steps) and top - (steps[number + 1][0] + 30) > 6:
            parts.append(svg.arrow(left + 24 + right / 2, top, steps[number + 1][0] + 30))
    return svg.drawing(
        left + 24 + right, y - gap, "The rooms of the house and the way of the data", parts
    )


if __name__ == "__main__":
    DRAWING.write_text(draw(), encoding="utf-8")
