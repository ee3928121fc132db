"""Looking inside: pictures and numbers of what networks and committees have learned.

Each function gives numbers first, as a value with arrays, and a picture of them by its `plot`
method. Users call these functions, and the command `zoo inspect` writes a page with them. Importing
this package does not load TensorFlow: each name is imported when it is first used.
"""

import importlib
from typing import Any

from zoo.registry.start_up import without_start_up_notes

_HOMES: dict[str, str] = {
    "LabelSuspects": "pictures.label_suspects",
    "Neighbours": "pictures.neighbours",
    "RankedImages": "pictures.ranked_images",
    "disputed": "pictures.mistakes",
    "label_suspects": "pictures.label_suspects",
    "mistakes": "pictures.mistakes",
    "neighbours": "pictures.neighbours",
}
"""Public name → module that defines it, below `zoo.inspect`."""

__all__: list[str] = [
    "LabelSuspects",
    "Neighbours",
    "RankedImages",
    "disputed",
    "label_suspects",
    "mistakes",
    "neighbours",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    if name in _HOMES:
        with without_start_up_notes():
            return getattr(importlib.import_module(f"zoo.inspect.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'zoo.inspect' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
