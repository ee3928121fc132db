"""The four planes on which a landscape can be drawn, with their ranges, labels and marks."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from zoo.arguments import is_whole
from zoo.ensembles.models.member_models import MemberModels
from zoo.errors import ArgumentError
from zoo.inspect.landscapes.networks_at_weights import normalizers, statistics_of
from zoo.inspect.landscapes.planes import (
    Plane,
    WeightName,
    current_values,
    is_floating,
    random_plane,
    through_points,
    value_of,
    weight_labels,
    weight_plane,
)
from zoo.inspect.landscapes.weight_path import WeightPath, path_plane
from zoo.registry.features import layer_settings
from zoo.text import did_you_mean, percent

Range = tuple[float, float]


@dataclass(frozen=True)
class View:
    """A plane with all that a picture of it needs.

    Attributes:
        model: The network that is run.
        plane: The plane.
        title: Words for the title.
        labels: Labels of the two axes, with units.
        ranges: The lowest and highest coordinate on each axis, unless users choose others.
        anew: Whether batch statistics are taken anew, unless users choose otherwise.
        marks: Named points: name → coordinates [2].
        paths: Named paths: name → coordinates [steps, 2].
        all_others: Whether all weights but the two that are named are frozen.
    """

    model: Any
    plane: Plane
    title: str
    labels: tuple[str, str]
    ranges: tuple[Range, Range]
    anew: bool
    marks: Mapping[str, Sequence[float]] = field(default_factory=dict)
    paths: Mapping[str, np.ndarray] = field(default_factory=dict)
    all_others: bool = False

    def frozen(self, *, anew: bool) -> tuple[str, ...]:
        """List the weights that are the same at all points, by path.

        Args:
            anew: Whether batch statistics are taken anew.
        """
        moving = {id(variable) for variable in self.plane.variables}
        for layer in normalizers(self.model) if anew else ():
            moving |= {id(variable) for variable in statistics_of(layer)}
        return tuple(
            variable.path
            for variable in self.model.weights
            if id(variable) not in moving and is_floating(variable)
        )


def random_view(model: Any, seed: int) -> View:
    """View a model over two random directions that are normalised filter by filter.

    Args:
        model: A built `keras.Model`.
        seed: The seed of the directions.
    """
    return View(
        model,
        random_plane(model, seed),
        f"Loss of {model.name} over two random directions (seed {seed})",
        ("first direction [norm of each filter]", "second direction [norm of each filter]"),
        ((-1.0, 1.0), (-1.0, 1.0)),
        anew=False,
        marks={model.name: (0.0, 0.0)},
    )


def weight_view(model: Any, names: Sequence[WeightName], paths: Mapping[str, np.ndarray]) -> View:
    """View a model over two chosen weights.

    Args:
        model: A built `keras.Model`.
        names: The two weights; see `weight_plane`.
        paths: Name → values of the two weights along a path, [steps, 2].
    """
    plane = weight_plane(model, names)
    own = [value_of(model, name) for name in names]
    shown = np.concatenate([np.array([own]), *paths.values()])
    first, second = (
        widened(column, 0.15) if paths else (value - 1.0, value + 1.0)
        for column, value in zip(shown.T, own, strict=True)
    )
    labels = weight_labels(names)
    return View(
        model,
        plane,
        f"Loss of {model.name} over two weights",
        (labels[0], labels[1]),
        (first, second),
        anew=False,
        marks={model.name: own},
        paths=paths,
        all_others=True,
    )


def path_view(model: Any, path: WeightPath) -> View:
    """View a model over the plane of the path that a training took.

    Args:
        model: The model that was trained.
        path: The path.
    """
    if not isinstance(path, WeightPath):
        raise ArgumentError(
            f"path must be a zoo.inspect.WeightPath. Received: {path!r:.80}. Pass a WeightPath to "
            "fit, in callbacks=, and then here."
        )
    variables, records = path.weights_of(model)
    plane, coordinates, shares = path_plane(variables, records)
    first, second = (widened(column, 0.2) for column in coordinates.T)
    labels = [
        f"{number} principal component ({percent(share)} of the path's variance)"
        for number, share in zip(("first", "second"), shares, strict=True)
    ]
    return View(
        model,
        plane,
        f"Loss of {model.name} along a training",
        (labels[0], labels[1]),
        (first, second),
        anew=True,
        paths={"training, projected on this plane": coordinates},
    )


def member_view(committee: Any, chosen: Sequence[str | int]) -> View:
    """View the plane through three members of a committee.

    Args:
        committee: A committee of built members.
        chosen: Names or numbers of three members of the same architecture.
    """
    if not isinstance(committee, MemberModels) or not committee.members:
        raise ArgumentError(
            "With through=, the model must be a committee of built members. Received: "
            f"{type(committee).__name__}. Make a committee of your models: "
            "zoo.ensembles.Committee([a, b, c])."
        )
    is_list = isinstance(chosen, Iterable) and not isinstance(chosen, str)
    names = [_member_name(committee, key) for key in (chosen if is_list else [chosen])]
    if len(set(names)) != 3 or len(names) != 3:
        raise ArgumentError(
            f"through must be three different members. Received: {chosen!r}. The members are "
            f"{', '.join(committee.member_names)}."
        )
    models = [committee.members[committee.member_names.index(name)] for name in names]
    values = matching_weights(dict(zip(names, models, strict=True)))
    variables = [variable for variable in models[0].weights if is_floating(variable)]
    plane, coordinates = through_points(variables, values)
    first, second = (widened(column, 0.25) for column in coordinates.T)
    return View(
        models[0],
        plane,
        f"Loss on the plane through {', '.join(names)}",
        (f"distance from {names[0]} towards {names[1]}", f"distance from this line to {names[2]}"),
        (first, second),
        anew=True,
        marks=dict(zip(names, coordinates.tolist(), strict=True)),
    )


def _member_name(committee: Any, key: Any) -> str:
    """Give the name of a member that is chosen by name or by number."""
    names = committee.member_names
    if isinstance(key, str) and key in names:
        return key
    if is_whole(key) and 0 <= key < len(names):
        return names[key]
    raise ArgumentError(
        f"through must be names or numbers of members. Received: {key!r}"
        f"{did_you_mean(str(key), names)} The members are {', '.join(names)}."
    )


def matching_weights(models: Mapping[str, Any]) -> list[list[np.ndarray]]:
    """Give the weights of models of the same architecture.

    Args:
        models: Name → built `keras.Model`.

    Returns:
        For each model an array for each floating-point weight.

    Raises:
        ArgumentError: The models have different architectures.
    """
    (first, model), *others = models.items()
    expected = architecture(model)
    for name, other in others:
        if architecture(other) != expected:
            raise ArgumentError(
                "The models must have the same architecture, since the points between them are "
                f"mixtures of their weights. Received: {first} and {name}, which differ. Choose "
                "models of the same entry and arguments."
            )
    return [current_values(filter(is_floating, model.weights)) for model in models.values()]


def architecture(model: Any) -> str:
    """Describe the layers of a model and the shapes of its weights, without names and seeds.

    Args:
        model: A built `keras.Model`.

    Example:
        >>> import zoo
        >>> architecture(zoo.build("softmax")) == architecture(zoo.build("softmax", seed=1))
        True
    """
    layers = [
        (type(layer).__name__, layer_settings(layer))
        for layer in model._flatten_layers()
        if not isinstance(layer, (keras.Model, keras.layers.InputLayer))
    ]
    shapes = [tuple(weight.shape) for weight in model.weights]
    return json.dumps([layers, shapes], default=str, sort_keys=True)


def widened(values: np.ndarray, margin: float) -> Range:
    """Give a range around values.

    Args:
        values: Coordinates, [n].
        margin: What is added at both ends, as a share of the range.

    Example:
        >>> widened(np.array([0.0, 2.0]), 0.25)
        (-0.5, 2.5)
    """
    low, high = float(np.min(values)), float(np.max(values))
    added = margin * (high - low) or 1.0
    return low - added, high + added
