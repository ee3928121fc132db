"""The recipe of a model that was compiled with `keras.Model.compile`.

Zoo has a training loop of its own. It takes the optimiser of a compiled model, with all arguments
and the schedule, and trains with cross-entropy.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import keras
import numpy as np

from zoo.recipes import Recipe
from zoo.schedules import rate_of_schedule

EMA_FREQUENCY = "ema_overwrite_frequency"

_CROSS_ENTROPIES = ("sparse_categorical_crossentropy", "categorical_crossentropy")
_ACCURACIES = ("accuracy", "acc", "sparse_categorical_accuracy", "categorical_accuracy")
_DEFAULTS: Mapping[str, Any] = {
    "loss_weights": None,
    "weighted_metrics": None,
    "run_eagerly": False,
    "steps_per_execution": 1,
}
"""The arguments of `compile` without an effect here, with their defaults."""


def compiled_recipe(model: Any) -> Recipe | None:
    """Make a recipe with the optimiser, moving average and label smoothing of a compiled model.

    Args:
        model: A `keras.Model`.

    Returns:
        The recipe, with class, learning rate, schedule and arguments of the optimiser; all else is
        as in `Recipe()`. None for a model that is not compiled.

    Example:
        >>> model = keras.Sequential([keras.Input((2, 2, 1)), keras.layers.Flatten()])
        >>> model.compile(keras.optimizers.Adam(0.01, beta_1=0.8), "categorical_crossentropy")
        >>> recipe = compiled_recipe(model)
        >>> recipe.optimizer, recipe.learning_rate, recipe.optimizer_arguments
        ('Adam', 0.01, {'beta_1': 0.8})
    """
    if not getattr(model, "compiled", False) or model.optimizer is None:
        return None
    optimizer = model.optimizer
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        optimizer = optimizer.inner_optimizer
    config = optimizer.get_config()
    rate, schedule = config.pop("learning_rate"), None
    config.pop(EMA_FREQUENCY, None)  # without effect, which `settings_without_effect` tells
    if isinstance(rate, Mapping):
        schedule = rate
        rate = rate_of_schedule(schedule) or Recipe.learning_rate
    described = {"learning_rate": _shortest(rate), "schedule": schedule or "constant"}
    kind = type(optimizer)
    name = kind.__name__
    if getattr(keras.optimizers, name, None) is not kind:
        name = keras.saving.get_registered_name(kind)
    described["label_smoothing"] = _setting_of_loss(model, "label_smoothing") or None
    return Recipe(name, optimizer_arguments=_changed(config, kind), **described)


def settings_without_effect(model: Any) -> list[str]:
    """Name the settings of a compiled model that a training of Zoo does not follow.

    Args:
        model: A compiled `keras.Model`.

    Returns:
        The settings, such as `"loss=mean_squared_error"`: a loss that is not cross-entropy.

    Example:
        >>> model = keras.Sequential([keras.Input((2, 2, 1)), keras.layers.Flatten()])
        >>> model.compile("adam", "categorical_crossentropy", metrics=["accuracy", "auc"])
        >>> settings_without_effect(model)
        ["metrics=['auc']"]
    """
    return list(_settings_without_effect(model))


def _settings_without_effect(model: Any) -> Iterator[str]:
    settings = getattr(model, "_compile_config", None)
    settings = settings.config if settings is not None else {}
    if model.loss is not None and _name_of(model.loss) not in _CROSS_ENTROPIES:
        yield f"loss={_name_of(model.loss)}"
    metrics = settings.get("metrics") or []
    metrics = list(metrics) if isinstance(metrics, list | tuple) else [metrics]
    if others := [_name_of(metric) for metric in metrics if _name_of(metric) not in _ACCURACIES]:
        yield f"metrics={others}"
    for name, default in _DEFAULTS.items():
        if settings.get(name, default) not in (default, []):
            yield f"{name}={settings[name]!r}"
    if ignored := _setting_of_loss(model, "ignore_class"):
        yield f"ignore_class={ignored!r}"
    if frequency := getattr(model.optimizer, EMA_FREQUENCY, None):
        yield f"{EMA_FREQUENCY}={frequency}"


def _setting_of_loss(model: Any, name: str) -> Any:
    """Read a setting of the loss that a model was compiled with; None where it has no such."""
    return getattr(model.loss, name, None) or getattr(model.loss, "_fn_kwargs", {}).get(name)


def _name_of(part: Any) -> str:
    """Give the name of a loss or metric as Keras writes it."""
    if isinstance(part, list | tuple) and len(part) == 1:
        return _name_of(part[0])
    if isinstance(part, str):
        return _name_of(keras.losses.get(part)) if hasattr(keras.losses, part) else part
    if isinstance(part, keras.losses.CategoricalCrossentropy):
        return "categorical_crossentropy"
    if isinstance(part, keras.losses.SparseCategoricalCrossentropy):
        return "sparse_categorical_crossentropy"
    return str(getattr(part, "__name__", None) or getattr(part, "name", None) or part)


def _changed(config: Mapping[str, Any], kind: Any) -> dict[str, Any]:
    """Leave out the arguments of an optimiser that have their defaults."""
    try:
        defaults = kind().get_config()
    except TypeError:  # an optimiser of the user's own, with arguments that have no default
        defaults = {}
    return {
        key: _shortest(value)
        for key, value in config.items()
        if key != "name" and value != defaults.get(key)
    }


def _shortest(value: Any) -> Any:
    """Write a float32 with as few digits as tell it apart: 0.01 and not 0.009999999776482582."""
    if isinstance(value, (float, np.floating)) and np.float32(value) == value:
        return float(str(np.float32(value)))
    return value
