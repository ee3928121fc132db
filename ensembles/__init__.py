"""Committees: several models, one vote, and how to judge it."""

import importlib
from typing import Any

__all__ = ["Committee", "Member", "Report"]

_HOMES = {"Committee": "committee", "Member": "members", "Report": "report"}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: TensorFlow takes seconds."""
    if name in _HOMES:
        return getattr(importlib.import_module(f"zoo.ensembles.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'zoo.ensembles' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
