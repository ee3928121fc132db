"""Zoo: a Keras model zoo and committee toolkit for image classification.

Importing it loads no TensorFlow; building or training a model does.

Example:
    >>> import zoo
    >>> zoo.list_models("*cnn*")
    ['cnn']
"""

import importlib
from typing import Any

from zoo import models  # noqa: F401  registers the entries
from zoo.augment import Augmentation
from zoo.recipes import Recipe
from zoo.registry import ModelSpec, build, describe, list_models, register

__all__ = [
    "Augmentation",
    "ModelSpec",
    "Recipe",
    "build",
    "datasets",
    "describe",
    "ensembles",
    "list_models",
    "load",
    "register",
]


def __getattr__(name: str) -> Any:
    """Import `zoo.datasets`, `zoo.ensembles` and `zoo.load` when they are first named."""
    if name == "load":
        return importlib.import_module("zoo.saving").load
    if name in ("datasets", "ensembles"):
        return importlib.import_module(f"zoo.{name}")
    raise AttributeError(f"module 'zoo' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
