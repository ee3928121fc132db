"""A group of learners, and their teacher, as JSON values and arrays, and back."""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import keras
import numpy as np

from zoo.errors import ArgumentError
from zoo.recipes import recipe_from_config
from zoo.saving import foreign_names
from zoo.training.distillation import Teacher
from zoo.training.learner import Learner

_TEACHER = "(the teacher)"
"""Stands for the name of a learner in the names of the teacher's arrays."""

_INSTALLED = ("keras", "zoo", "tensorflow")
"""Packages whose layers each worker knows."""


def check_travel(models: Mapping[str, Any]) -> None:
    """Refuse models that cannot be made anew in another process.

    Args:
        models: The models by name.

    Raises:
        ArgumentError: A model has parts that cannot travel.

    Example:
        >>> import zoo
        >>> check_travel({"softmax": zoo.build("softmax")})
    """
    for name, model in models.items():
        _described_model(name, model)
        list(_modules([model]))


def describe_learners(
    learners: Sequence[Learner], *, with_weights: bool = True
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Describe learners that have not started.

    Args:
        learners: The learners.
        with_weights: Whether the present weights belong to the description. A saved state has
            weights of its own.

    Returns:
        JSON values and arrays for `make_learners`.

    Raises:
        ArgumentError: A model has parts that cannot travel.
    """
    described, arrays = [], {}
    for learner in learners:
        described.append(
            {
                "name": learner.name,
                "model": _described_model(learner.name, learner.model),
                # Keras's description of a functional model has no policy of the model itself, by
                # which the learner finds out that the loss has to be scaled.
                "policy": learner.model.dtype_policy.name,
                "recipe": asdict(learner.recipe),
                "seed": learner.seed,
                "takes_weights": learner.takes_weights,
            }
        )
        if learner.rows is not None:
            arrays[f"{learner.name}/rows"] = learner.rows
        if with_weights:
            arrays |= _variables(learner.model, learner.name)
    models = [learner.model for learner in learners]
    return {"learners": described, "modules": sorted(set(_modules(models)))}, arrays


def make_learners(described: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> list[Learner]:
    """Make the learners that `describe_learners` described.

    Args:
        described: The JSON values.
        arrays: The arrays.

    Returns:
        The learners.
    """
    import zoo.layers  # noqa: F401  registers the layers

    for module in described["modules"]:
        importlib.import_module(module)
    learners = []
    for values in described["learners"]:
        name = values["name"]
        model = keras.saving.deserialize_keras_object(values["model"])
        model.dtype_policy = values["policy"]
        if f"{name}/variables/0" in arrays:
            give_variables(model, arrays, name)
        learners.append(
            Learner(
                name,
                model,
                recipe_from_config(values["recipe"]),
                rows=arrays.get(f"{name}/rows"),
                seed=values["seed"],
                takes_weights=values["takes_weights"],
            )
        )
    return learners


def describe_teacher(teacher: Teacher | None) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Describe a teacher.

    Args:
        teacher: The teacher, a single model or a committee; or None.

    Returns:
        JSON values and arrays for `make_teacher`. Both are empty without a teacher.

    Raises:
        ArgumentError: The teacher has parts that cannot travel.
    """
    if teacher is None:
        return {}, {}
    values = {
        "model": _described_model("the teacher", teacher.model),
        "modules": [type(teacher.model).__module__, *sorted(set(_modules([teacher.model])))],
        "temperature": teacher.temperature,
        "share": teacher.share,
    }
    return values, _variables(teacher.model, _TEACHER)


def make_teacher(described: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Teacher | None:
    """Make the teacher that `describe_teacher` described.

    Args:
        described: The JSON values.
        arrays: The arrays.

    Returns:
        The teacher, or None.
    """
    if not described:
        return None
    for module in described["modules"]:  # that of `Committee`, for example
        importlib.import_module(module)
    model = keras.saving.deserialize_keras_object(described["model"])
    give_variables(model, arrays, _TEACHER)
    return Teacher(model, described["temperature"], described["share"])


def _variables(model: Any, name: str) -> dict[str, np.ndarray]:
    """Give the values of all variables of a model, also the seeds of dropout."""
    arrays = {}
    for index, variable in enumerate(model.variables):
        value = np.asarray(variable.numpy())
        # NumPy cannot save bfloat16, whose values float32 has too.
        value = value.astype("float32") if value.dtype.kind == "V" else value
        arrays[f"{name}/variables/{index}"] = value
    return arrays


def give_variables(model: Any, arrays: Mapping[str, np.ndarray], name: str) -> None:
    """Give a model the values of all its variables, also the seeds of dropout.

    Args:
        model: The `keras.Model`.
        arrays: Arrays with the names that `describe_learners` and `Learner.save` give.
        name: The name of the learner.
    """
    for index, variable in enumerate(model.variables):
        variable.assign(arrays[f"{name}/variables/{index}"])


def _described_model(name: str, model: Any) -> dict[str, Any]:
    """Describe the architecture of a model as JSON values."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*includes a `lambda`")
        described = dict(keras.saving.serialize_keras_object(model))
    described.pop("compile_config", None)  # the recipe has the optimiser
    if foreign := next(foreign_names(described), None):
        raise ArgumentError(
            f"With n_jobs=, {name} must consist of layers that can be made anew in another process."
            f" Received: {foreign}. Leave n_jobs out, or register the layer: "
            "keras.saving.register_keras_serializable."
        )
    return described


def _modules(models: Sequence[Any]) -> Iterator[str]:
    """Find the modules of the user's own layers, which a worker has to import."""
    for model in models:
        for layer in (model, *model._flatten_layers()):
            module = type(layer).__module__
            if module == "__main__":
                raise ArgumentError(
                    "With n_jobs=, layers must be defined in a module that other processes can "
                    f"import. Received: {type(layer).__name__} of the program itself. Move the "
                    "class to a file of its own, and import it."
                )
            if module.partition(".")[0] not in _INSTALLED and module in sys.modules:
                yield module
