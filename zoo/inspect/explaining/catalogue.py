"""The table of methods, filled by the modules that define them, and the check of requests."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from zoo.arguments import argument_error, check_verbose, is_among, whole_number
from zoo.datasets.image_batches import image_batches
from zoo.errors import ArgumentError
from zoo.inspect.explaining import class_activation, gradients, perturbation  # noqa: F401
from zoo.inspect.explaining.methods import METHODS, Method
from zoo.inspect.explaining.network import SCORES
from zoo.inspect.networks.recording import image_shape_of
from zoo.text import did_you_mean, unknown_name

__all__ = ["METHODS", "Settings", "check_request", "find_method"]


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


@dataclass(frozen=True)
class Settings:
    """The checked arguments of `explain`, without model, images and labels."""

    method: Method
    options: Mapping[str, Any]
    layer: Any
    of: str
    batch_size: int
    verbose: str | int
    class_names: tuple[str, ...] | None = None


def check_request(
    model_or_committee: Any,
    images: Any,
    method: str,
    *,
    layer: Any,
    of: str,
    batch_size: int,
    verbose: str | int,
    options: Mapping[str, Any],
) -> tuple[np.ndarray, Settings]:
    """Check the arguments of `explain`, where they are described.

    Returns:
        The images, [n, height, width, channels] from 0 to 255, and the other arguments.
    """
    found = find_method(method, options, layer)
    batch_size = whole_number("batch_size", batch_size, 1)
    check_verbose(verbose)
    if not is_among(of, SCORES):
        raise argument_error("of", 'be "logits" or "probabilities"', of, "Leave it out for logits")
    if not getattr(model_or_committee, "built", False):
        raise ArgumentError(
            "model_or_committee must be a built keras.Model or a committee. Received: "
            f"{model_or_committee!r:.80}. Load a saved model with zoo.load, and call a new model "
            "once to build it."
        )
    image_shape = image_shape_of(model_or_committee)
    pixels = np.concatenate(list(image_batches(images, image_shape, 256)))
    return pixels, Settings(found, options, layer, of, batch_size, verbose)
