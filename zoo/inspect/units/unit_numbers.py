"""The numbers of units that a user chooses, and the names under which units are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from zoo.arguments import argument_error, is_whole


def chosen_units(units: Any, count: int, layer: str) -> tuple[int, ...]:
    """Check the numbers of units.

    Args:
        units: A number, a sequence of numbers from 0, or None for all units.
        count: The number of units of the layer.
        layer: The name of the layer, for the message.

    Returns:
        The numbers.

    Raises:
        ArgumentError: There is no such unit.

    Example:
        >>> chosen_units(None, 3, "logits"), chosen_units(1, 3, "logits")
        ((0, 1, 2), (1,))
    """
    if units is None:
        return tuple(range(count))
    if isinstance(units, np.ndarray):
        units = units.tolist()
    try:
        numbers = [units] if is_whole(units) else list(units)
    except TypeError:
        numbers = []
    if not numbers or not all(is_whole(unit) and 0 <= unit < count for unit in numbers):
        expected = f"be numbers of units of {layer}, from 0 to {count - 1}"
        raise argument_error("units", expected, units, "Pass a list, or None for all units")
    return tuple(int(unit) for unit in numbers)


def unit_names(units: Sequence[int], names: Sequence[str] | None) -> list[str]:
    """Take names for units, or give their numbers.

    Args:
        units: The number of each unit.
        names: A name for each unit, or None.

    Returns:
        A name for each unit.

    Raises:
        ArgumentError: There are more or fewer names than units.

    Example:
        >>> unit_names([3, 5], None)
        ['3', '5']
    """
    if names is None:
        return [str(unit) for unit in units]
    if isinstance(names, str) or not hasattr(names, "__len__") or len(names) != len(units):
        expected = f"be {len(units)} names, one for each unit"
        raise argument_error("names", expected, names, "Leave names out to see the numbers")
    return [str(name) for name in names]
