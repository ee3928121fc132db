"""Zoo: a Keras model zoo and committee toolkit for image classification.

`import zoo` does not load TensorFlow. Building or training a model does.

Example:
    >>> import zoo
    >>> zoo.list_models("*cnn*")
    ['cnn']
"""

# ruff: noqa: E402

from zoo.starting import interrupts

interrupts.end_at_interrupt()  # before the other imports, which take their time

import importlib
from typing import Any

from zoo import (
    models,  # noqa: F401  registers the models
    moved,
)
from zoo.augmentation import Augmentation
from zoo.models.suggestions import suggest_members
from zoo.recipes import Recipe
from zoo.registry import ModelSpec, build, describe, list_models, register
from zoo.starting.start_up_notes import silence_tensorflow, without_start_up_notes
from zoo.weights import list_weights

__all__ = [
    "Augmentation",
    "ModelSpec",
    "Recipe",
    "Teacher",
    "build",
    "copy_features",
    "datasets",
    "describe",
    "ensembles",
    "fold_batch_normalization",
    "gradcheck",
    "inspect",
    "layers",
    "list_models",
    "list_weights",
    "load",
    "losses",
    "register",
    "suggest_members",
    "tune",
]

# Names that import TensorFlow, with the module that defines each. No module may have the same name
# as one of them: importing the module would replace the attribute.
_HOMES = {
    "Teacher": "zoo.training.distillation",
    "copy_features": "zoo.training.transfer.freezing",
    "fold_batch_normalization": "zoo.layers.folding",
    "gradcheck": "zoo.gradients",
    "load": "zoo.saving",
    "tune": "zoo.tuning.tune",
}

moved.install()
silence_tensorflow()


def __getattr__(name: str) -> Any:
    """Import TensorFlow and the rooms only when a name that needs them is first used."""
    if name in _HOMES:
        with without_start_up_notes():
            return getattr(importlib.import_module(_HOMES[name]), name)
    if name in ("datasets", "ensembles", "inspect", "layers", "losses"):
        with without_start_up_notes():
            return importlib.import_module(f"zoo.{name}")
    raise AttributeError(f"module 'zoo' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
