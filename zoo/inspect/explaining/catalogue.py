"""The table of methods, filled by the modules that define them."""

from collections.abc import Mapping
from typing import Any

from zoo.arguments import is_among
from zoo.errors import ArgumentError
from zoo.inspect.explaining import class_activation, gradients, perturbation  # noqa: F401
from zoo.inspect.explaining.methods import METHODS, Method
from zoo.text import did_you_mean, unknown_name

__all__ = ["METHODS", "find_method"]


def find_method(name: Any, options: Mapping[str, Any], layer: Any) -> Method:
    """Find a method, and check that it has the options.

    Args:
        name: The name of the method.
        options: The options that were passed.
        layer: The layer that was passed, or None.

    Returns:
        The method.

    Raises:
        ArgumentError: No method has this name, or the method does not have such an option.
    """
    if not is_among(name, METHODS):
        raise ArgumentError(unknown_name("method", name, METHODS, "Choose one of them."))
    found = METHODS[name]
    known = found.options
    for key, value in options.items():
        if key not in known:
            listed = ", ".join(f"{k}={v!r}" for k, v in known.items()) or "none"
            raise ArgumentError(
                f"The options of {name!r} must be among: {listed}. Received: {key}={value!r}"
                f"{did_you_mean(key, known)} Leave it out, or use another method."
            )
    if layer is not None and not found.uses_layer:
        users = ", ".join(repr(key) for key, other in METHODS.items() if other.uses_layer)
        raise ArgumentError(
            f"layer must be None for {name!r}, which looks at the pixels. Received: {layer!r}. "
            f"Leave it out, or use one of {users}."
        )
    return found
