"""A committee and its members as JSON values, which the file of a saved committee holds."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from zoo.ensembles.members import Member, built_member
from zoo.ensembles.provenance import from_text, provenance_of, record_exposure, to_text
from zoo.errors import DataError
from zoo.recipes import Recipe, recipe_from_config
from zoo.saving import foreign_names

_KEYS = (
    *("name", "members", "rule", "class_names", "seed", "validation_accuracy"),
    *("validation_scores", "out_of_bag", "data_settings", "tuned_on", "training"),
)
"""The values of a committee. Earlier versions did not write all of them."""


def members_to_config(
    names: Sequence[str], recipes: Sequence[Recipe], models: Sequence[Any]
) -> list[dict[str, Any]]:
    """Describe members as JSON values.

    Args:
        names: The names of the members.
        recipes: Their recipes.
        models: Their Keras models.

    Returns:
        For each member its name, recipe, model, and the images that it knows.
    """
    return [
        {
            "name": name,
            "recipe": asdict(recipe),
            "model": _described(model),
            "trained_on": to_text(provenance_of([model]).trained_on),
            "tuned_on": to_text(provenance_of([model]).tuned_on),
        }
        for name, recipe, model in zip(names, recipes, models, strict=True)
    ]


def members_from_config(
    config: Mapping[str, Any], custom_objects: Any = None
) -> tuple[list[Member], tuple[Recipe, ...]]:
    """Make members of the values that `members_to_config` gave.

    Args:
        config: The configuration of the committee, which may come from a stranger.
        custom_objects: Classes by name, for Keras.

    Returns:
        The members with built models, which know their images again; and the recipes by which the
        models were built and trained.

    Raises:
        DataError: The configuration has a value that `Committee.get_config` never gives.
    """
    import keras  # imported here, since the import takes seconds

    if foreign := [key for key in config if key not in _KEYS]:
        raise DataError(
            f"The file of a committee must hold {', '.join(_KEYS)}, and nothing else. Received: "
            f"{foreign[0]!a:.80}. Ask where the file comes from; a newer version of Zoo may write "
            "more."
        )
    configs = config["members"]
    recipes = tuple(recipe_from_config(config["recipe"]) for config in configs)
    members = []
    for config, recipe in zip(configs, recipes, strict=True):
        model = keras.saving.deserialize_keras_object(
            config["model"], custom_objects=custom_objects
        )
        record_exposure([model], "trained_on", from_text(config["trained_on"]))
        record_exposure([model], "tuned_on", from_text(config["tuned_on"]))
        members.append(built_member(model, recipe, config["name"]))
    return members, recipes


def _described(model: Any) -> dict[str, Any]:
    """Describe a model as JSON values, without settings of `compile` that cannot be loaded."""
    import keras  # imported here, since the import takes seconds

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*includes a `lambda`")
        description = keras.saving.serialize_keras_object(model)
    if any(foreign_names(description.get("compile_config"))):
        del description["compile_config"]
    return description
