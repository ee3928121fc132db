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
    "Teacher",
    "build",
    "datasets",
    "describe",
    "ensembles",
    "gradcheck",
    "layers",
    "list_models",
    "load",
    "losses",
    "register",
]

# What loads TensorFlow; no module has the name of one, since it would hide it.
_HOMES = {"Teacher": "zoo.distillation", "gradcheck": "zoo.gradients", "load": "zoo.saving"}


def __getattr__(name: str) -> Any:
    """Import what loads TensorFlow, and the sub-packages, when they are first named."""
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    if name in ("datasets", "ensembles", "layers", "losses"):
        return importlib.import_module(f"zoo.{name}")
    raise AttributeError(f"module 'zoo' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
