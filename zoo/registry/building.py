"""Building a registered model: arguments, layer library, seed, precision, standardisation."""

import importlib
import operator
from collections.abc import Iterable
from types import ModuleType
from typing import Any

from zoo.arguments import (
    argument_error,
    check_choice,
    is_among,
    is_real,
    is_whole,
    true_or_false,
    whole_number,
)
from zoo.errors import ArgumentError
from zoo.recipes import STANDARDIZATIONS
from zoo.registry.dtype_policy import under_policy
from zoo.registry.hardware import fast_precision, pays_in_bfloat16
from zoo.registry.kept_memory import count_variables
from zoo.registry.specs import REQUIRED, ModelSpec, describe, signature_text
from zoo.seeds import seeded
from zoo.starting.start_up_notes import without_start_up_notes
from zoo.text import did_you_mean

_LAYER_LIBRARIES = {"auto": "keras.layers", "handwritten": "zoo.layers"}


def build(
    name: str,
    /,
    *,
    gradients: str = "auto",
    weights: str | None = None,
    seed: int | None = None,
    precision: str | None = None,
    standardize: str | None = None,
    features: bool | str = False,
    **arguments: Any,
) -> Any:
    """Build a registered model.

    Args:
        name: A name from `zoo.list_models()`.
        gradients: `"auto"` builds from `keras.layers`, `"handwritten"` from `zoo.layers`.
        weights: Trained weights, as `zoo.list_weights()` names them: `"mnist/lenet-0"`, or the set
            `"mnist"` for its best weights of this model on validation images. Arguments that
            the user leaves out are then those of the trained network. Another number of classes
            gets a new last layer; colour images, grey images or images of another size are taken
            where the model can. None draws new weights.
        seed: Seed of the initial weights and of dropout. None draws a new seed.
        precision: A Keras dtype policy, such as `"mixed_bfloat16"`. `"auto"` uses
            `"mixed_bfloat16"` where the hardware multiplies bfloat16 itself and the layers of the
            model are wide enough to gain by it (`zoo.registry.hardware.pays_in_bfloat16`). None
            keeps the policy that is set in Keras.
        standardize: `"per_image"` or `"mean_image"` adds a standardisation of this kind after the
            scaling of the pixels. None adds nothing. See `zoo.layers.MeanImageStandardization`.
        features: True gives the features that the classes are told by, [batch, features], instead
            of classes. The name of a layer gives the output of that layer. A builder that has a
            parameter `features` of its own gets the value instead.
        **arguments: Arguments of the builder, such as `input_shape=(48, 48, 1)` and
            `num_classes=7`. `zoo.describe(name).parameters` lists them.

    Returns:
        An uncompiled `keras.Model` from pixels 0..255 [batch, height, width, channels], uint8
        or float, to float32 probabilities [batch, classes].

    Raises:
        UnknownModelError: No model has that name.
        UnknownWeightsError: No weights of this model have that name.
        ArgumentError: An argument is unknown to the builder, the builder cannot use its value, or
            it contradicts the trained weights.
        DataError: The file of the weights is damaged.

    Example:
        >>> import zoo
        >>> zoo.build("cnn", seed=0).count_params()
        4787687
        >>> zoo.build("cnn", features=True).output_shape
        (None, 512)
    """
    spec = describe(name)
    if is_among(features, (True, False)):  # also NumPy's, which are other objects
        features = bool(features)
    if "features" in spec.parameters and features is not False:
        arguments, features = {**arguments, "features": features}, False
    if seed is not None:
        seed = whole_number("seed", seed, 0)
    trained = None
    if weights is not None:
        from zoo.registry.named_weights import arguments_with_weights, take_weights
        from zoo.weights.catalogue import find_weights

        given = {**arguments, **({} if standardize is None else {"standardize": standardize})}
        trained = find_weights(weights, name, given)[0]
        arguments, standardize = arguments_with_weights(trained, arguments, standardize)
    _check_arguments(spec, arguments)
    library = _layer_library(gradients)
    by_shape = is_among(precision, ["auto"])
    if by_shape:
        precision = _precision_of_hardware()
    model = _call_builder(spec, library, seed, precision, arguments)
    if by_shape and precision == "mixed_bfloat16" and not pays_in_bfloat16(model):
        model = _call_builder(spec, library, seed, "float32", arguments)
    if standardize is not None:
        from zoo.registry.standardization import with_standardization  # loads Keras

        with seeded(seed):
            model = with_standardization(model, _standardization(standardize))
    if trained is not None:
        take_weights(model, trained)
    if features is not False:
        from zoo.registry.features import with_features  # loads Keras

        model = with_features(model, features, library)
    count_variables(getattr(model, "variables", ()))
    return model


def _call_builder(
    spec: ModelSpec, library: ModuleType, seed: int | None, precision: str | None, arguments: Any
) -> Any:
    """Call the builder of a model under a Keras dtype policy, and check the result."""
    with seeded(seed), under_policy(precision):
        try:
            model = spec.builder(library, **arguments)
        except (AttributeError, TypeError, ValueError) as error:
            if isinstance(error, ArgumentError):
                raise
            received = ", ".join(f"{key}={value!r}" for key, value in arguments.items())
            raise ArgumentError(
                f"The arguments must fit {spec.name}, which cannot be built with them. Received: "
                f"{received} ({error}). The parameters of {spec.name} are: "
                f"{signature_text(spec.parameters)}."
            ) from error
    if not hasattr(model, "trainable_variables"):
        raise ArgumentError(
            f"The builder of {spec.name} must return a keras.Model. Received: {model!r}. End the "
            "builder with `return keras.Model(inputs, outputs)`."
        )
    return model


def check_argument_names(spec: ModelSpec, names: Iterable[str]) -> None:
    """Refuse arguments that the builder of a model does not have.

    Args:
        spec: The registered model.
        names: The names of the arguments.

    Raises:
        ArgumentError: The builder has no argument of that name.
    """
    for name in names:
        if name not in spec.parameters:
            raise ArgumentError(
                f"The arguments of {spec.name} must be among {signature_text(spec.parameters)}. "
                f"Received: {name!r}{did_you_mean(str(name), spec.parameters)} Correct the name, "
                "or leave it out."
            )


def _check_arguments(spec: ModelSpec, arguments: dict[str, Any]) -> None:
    """Check the names, `input_shape` and `num_classes`; make their numbers ints in place."""
    check_argument_names(spec, arguments)
    for key, default in spec.parameters.items():
        if default is REQUIRED and key not in arguments:
            raise ArgumentError(
                f"{spec.name} must be given {key}=, which has no default. Received: "
                f"{', '.join(arguments) or 'no arguments'}. Pass {key}= too; the parameters are "
                f"{signature_text(spec.parameters)}."
            )
    for key, value in arguments.items():
        default = spec.parameters[key]
        if isinstance(default, bool):
            arguments[key] = true_or_false(key, value)
        elif isinstance(default, float) and is_among(value, (True, False)) and not is_real(value):
            raise argument_error(key, f"be a number for {spec.name}", value, f"Pass {default}")
    if "input_shape" in arguments:
        shape = arguments["input_shape"]
        sides = [*shape] if isinstance(shape, Iterable) else []
        if len(sides) != 3 or not all(is_whole(side) and 1 <= side < 2**31 for side in sides):
            expected = "be (height, width, channels), three whole numbers from 1 to 2**31 - 1"
            remedy = "Pass 1 channel for grey images and 3 for RGB images"
            raise argument_error("input_shape", expected, shape, remedy)
        arguments["input_shape"] = tuple(map(operator.index, sides))
    if "num_classes" in arguments:
        arguments["num_classes"] = whole_number("num_classes", arguments["num_classes"], 2)


def _layer_library(gradients: str) -> ModuleType:
    check_choice("gradients", gradients, tuple(_LAYER_LIBRARIES), 'Pass "auto" for Keras')
    with without_start_up_notes():
        return importlib.import_module(_LAYER_LIBRARIES[gradients])


def _standardization(kind: str) -> Any:
    """Find the class of the layer for a recipe's `standardize`."""
    check_choice("standardize", kind, (*STANDARDIZATIONS, None), "Pass None to add nothing")
    library = _layer_library("handwritten")
    return getattr(library, STANDARDIZATIONS[kind])


def _precision_of_hardware() -> str | None:
    """Choose the policy for `precision="auto"`: a policy that the user set in Keras stays."""
    with without_start_up_notes():
        import keras

    return fast_precision() if keras.config.dtype_policy().name == "float32" else None
