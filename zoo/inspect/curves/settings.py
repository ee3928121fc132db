"""The settings of a trained model, as the configuration of its run folder holds them."""

import json
import numbers
from collections.abc import Iterable, Mapping
from typing import Any

from zoo.errors import UnknownModelError
from zoo.registry.specs import REQUIRED, describe
from zoo.tensorboard import BUILDER

_OF_THE_DATA = ("input_shape", "num_classes")
_SHARED = ("seed", "teacher", "train")
"""The parts of the configuration that all models of a run share, and that training depends on."""

_OF_SEEDS = ("seed", "train.crc32")
"""Settings that may differ between runs of the same experiment with other seeds."""


def model_settings(config: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """List the settings of each model of a run, under the names of TensorBoard's tables.

    Args:
        config: The `config` of `run.json`.

    Returns:
        Name of a model → name of a setting → value. The fields of the recipe and the arguments of
        the optimiser have their own names, arguments of the model's builder are
        `builder.<argument>`, and settings that all models share have names like `train.images`.

    Example:
        >>> config = {"recipes": {"mlp": {"learning_rate": 0.1}}, "seed": 3}
        >>> model_settings(config)
        {'mlp': {'model': 'mlp', 'learning_rate': 0.1, 'seed': 3}}
    """
    shared = {
        name: value
        for part in _SHARED
        if part in config
        for name, value in _flat(part, config[part]).items()
    }
    settings = {}
    for name, recipe in config.get("recipes", {}).items():
        member = config.get("members", {}).get(name, {})
        own = {**recipe, **recipe.get("optimizer_arguments", {})}
        own.pop("optimizer_arguments", None)
        if isinstance(own.get("schedule"), Mapping):
            own["schedule"] = own["schedule"].get("class_name")
        arguments = {**_defaults(member.get("entry")), **member.get("arguments", {})}
        settings[name] = {
            "model": member.get("entry") or name,
            **own,
            **{f"{BUILDER}{key}": value for key, value in arguments.items()},
            **shared,
        }
    return settings


def common_settings(settings: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Give the settings that are the same for all models, such as those of a committee.

    Example:
        >>> common_settings([{"epochs": 3, "model": "mlp"}, {"epochs": 3, "model": "cnn"}])
        {'epochs': 3}
    """
    first, *others = settings
    return {
        name: value
        for name, value in first.items()
        if all(name in other and other[name] == value for other in others)
    }


def differing_settings(settings: Iterable[Mapping[str, Any]], leave_out: str = "") -> list[str]:
    """Name the settings in which models differ, apart from their seeds.

    Args:
        settings: The settings of each model.
        leave_out: The name of a setting that may differ.

    Returns:
        The names.

    Example:
        >>> models = [{"epochs": 3, "seed": 0}, {"epochs": 5, "seed": 1}]
        >>> differing_settings(models), differing_settings(models, "epochs")
        (['epochs'], [])
    """
    given = [*settings]
    may_differ = {leave_out, *_OF_SEEDS}
    names = dict.fromkeys(name for each in given for name in each if name not in may_differ)
    return [name for name in names if len({as_key(each.get(name)) for each in given}) > 1]


def as_key(value: Any) -> Any:
    """Give a setting as a number or a text, so that equal settings are equal.

    Example:
        >>> as_key(0.1), as_key("adam"), as_key(None), as_key([512, 512])
        (0.1, 'adam', 'none', '512, 512')
    """
    if isinstance(value, bool) or value is None:
        return "none" if value is None else str(value)
    if isinstance(value, numbers.Real):  # also of NumPy
        return int(value) if isinstance(value, numbers.Integral) else float(value)
    if isinstance(value, str):
        return value
    if isinstance(value, (list, tuple)):
        return ", ".join(str(as_key(item)) for item in value)
    return json.dumps(value, sort_keys=True, default=str)


def _flat(name: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        return {name: value}
    return {
        path: inner
        for key, part in value.items()
        if key != "classes"
        for path, inner in _flat(f"{name}.{key}", part).items()
    }


def _defaults(entry: str | None) -> dict[str, Any]:
    """List the arguments with defaults of a registered model; none if the model is unknown here."""
    try:
        parameters = describe(entry).parameters if entry else {}
    except UnknownModelError:
        return {}
    return {
        name: value
        for name, value in parameters.items()
        if value is not REQUIRED and name not in _OF_THE_DATA
    }
