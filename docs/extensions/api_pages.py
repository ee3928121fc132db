"""Writes a page of the API reference for each room: docs/api/ROOM.rst, filled by autodoc.

Docstrings are written in plain text with Markdown's backticks. Autodoc reads reStructuredText, in
which `*`, `|` and a trailing `_` have a meaning of their own: `as_restructured_text` escapes them.
"""

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from extensions.house import floors

CODE = re.compile(r"(``.+?``|`[^`]+`)")
LIST_ITEM = re.compile(r"\s*(?:[-*+]|\d+\.)\s")


def as_restructured_text(lines: list[str]) -> list[str]:
    """Turn the lines of a docstring into reStructuredText.

    Args:
        lines: The lines, as autodoc hands them to `autodoc-process-docstring`.

    Returns:
        The lines with special characters escaped outside of code, Markdown's `code` as literals,
        and an empty line in front of each list.
    """
    text: list[str] = []
    prose: list[str] = []
    example = literal = False
    for line in [*lines, ""]:
        before = text + prose
        begins = starts_literal(line, before)
        example = line.lstrip().startswith(">>>") or (example and bool(line.strip()))
        literal = begins or (literal and (line[:4].isspace() or not line.strip()))
        if begins:
            prose += ["::", ""]
        if LIST_ITEM.match(line) and prose and prose[-1].strip() and not LIST_ITEM.match(prose[-1]):
            prose.append("")
        if example or literal or not line.strip() or line.lstrip().startswith(".. "):
            text += [*escaped("\n".join(prose)).split("\n"), line] if prose else [line]
            prose = []
        else:
            prose.append(line)
    return text


def starts_literal(line: str, before: list[str]) -> bool:
    """Tell whether a line begins an indented block, such as a formula, below a paragraph."""
    paragraphs = [text for text in before if text.strip()]
    return (
        line.startswith("    ")
        and bool(paragraphs)
        and not before[-1].strip()
        and not paragraphs[-1].startswith((" ", ":", ".. "))
    )


def escaped(text: str) -> str:
    """Escape the special characters of a paragraph; `code` becomes a literal and stays as it is."""
    pieces = CODE.split(text)
    for number, piece in enumerate(pieces):
        if number % 2:
            joint = "\\ " if pieces[number + 1][:1].isalnum() else ""
            pieces[number] = f"``{piece.strip('`')}``{joint}"
        else:
            pieces[number] = re.sub(r"(?<!\\)([|*]|_\b)", r"\\\1", piece)
    return "".join(pieces)


def modules_of(room: str) -> Iterator[str]:
    """Name a room's package or module, and every public module inside it."""
    module = importlib.import_module(room)
    yield room
    for found in pkgutil.iter_modules(getattr(module, "__path__", []), f"{room}."):
        if not found.name.rpartition(".")[2].startswith("_"):
            yield from modules_of(found.name)


def room_page(room: str) -> str:
    """Write the page of a room in reStructuredText."""
    parts = [f"{room}\n{'=' * len(room)}\n"]
    for name in modules_of(room):
        if name != room:
            parts.append(f"{name}\n{'-' * len(name)}\n")
        parts.append(f".. automodule:: {name}\n   :members:\n   :ignore-module-all:\n")
    return "\n".join(parts)


def first_sentence(thing: Any) -> str:
    """Return the first line of a docstring as reStructuredText, or nothing."""
    return as_restructured_text((inspect.getdoc(thing) or "").split("\n")[:1])[0]


def public_names(package: str) -> Iterator[str]:
    """Write a line for each public name of a package, with a link and its first sentence."""
    module = importlib.import_module(package)
    for name in sorted(module.__all__):
        value = getattr(module, name)
        home = getattr(value, "__module__", None)
        if home:
            role = "class" if isinstance(value, type) else "func"
            yield f"- :py:{role}:`{package}.{name} <{home}.{name}>`: {first_sentence(value)}\n"


def write_pages(folder: Path) -> None:
    """Write an index and a page for each room of the import contract.

    Args:
        folder: Where to write; the folder is made if it is missing.
    """
    folder.mkdir(exist_ok=True)
    rooms = sorted(room for floor in floors() for room in floor.rooms if room != "zoo.__main__")
    for room in rooms:
        (folder / f"{room}.rst").write_text(room_page(room), encoding="utf-8")
    parts = [
        "API reference\n=============\n",
        "Most programs need only the names of ``zoo``, ``zoo.datasets`` and ``zoo.ensembles``. "
        "Everything else may be imported from the module that defines it.\n",
        ".. toctree::\n   :hidden:\n\n" + "".join(f"   {room}\n" for room in rooms),
    ]
    for package in ("zoo", "zoo.datasets", "zoo.ensembles", "zoo.inspect"):
        title = f"Names of ``{package}``"
        parts += [f"{title}\n{'-' * len(title)}\n", *public_names(package)]
    parts.append("Rooms\n-----\n")
    for room in rooms:
        parts.append(f"- :doc:`{room}`: {first_sentence(importlib.import_module(room))}\n")
    (folder / "index.rst").write_text("\n".join(parts), encoding="utf-8")
