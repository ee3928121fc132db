"""Values as JSON: dataclasses and arrays become objects and lists."""

from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np


def as_json(value: Any) -> Any:
    """Make JSON values of dataclasses, arrays, mappings and sequences.

    Args:
        value: The value.

    Returns:
        Dicts, lists, numbers, texts, True, False and None. A number that is infinite or not a
        number becomes None, because JSON has no such numbers.

    Example:
        >>> as_json({"a": np.array([1.0, np.nan])})
        {'a': [1.0, None]}
    """
    if is_dataclass(value):
        return {field.name: as_json(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, dict):
        return {str(key): as_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [as_json(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not np.isfinite(value) else value
