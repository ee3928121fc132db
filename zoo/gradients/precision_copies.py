"""Copies of a layer, model or loss under a precision policy, each as a pure function."""

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from zoo.errors import ArgumentError
from zoo.gradients.pure_function import PureFunction, is_seed
from zoo.layers.twins import keras_twin, with_keras_layers
from zoo.registry.dtype_policy import under_policy
from zoo.text import first_line


def copy_of_layer(
    layer: Any,
    inputs: Sequence[np.ndarray],
    names: Sequence[str],
    *,
    policy: str = "float64",
    mask: Any = None,
    as_keras: bool = False,
    rng: np.random.Generator | None = None,
) -> PureFunction:
    """Make a layer or model again under a precision policy, with the same weights.

    Args:
        layer: A Keras layer or model.
        inputs: Arrays with their batch axis.
        names: A name for each array.
        policy: The Keras dtype policy.
        mask: The `mask` argument of the layer's call, or None.
        as_keras: Whether to replace each layer of `zoo.layers` by its Keras twin.
        rng: The generator that draws the weights of a layer that was not built, and the random
            state. None leaves both as Keras makes them.

    Returns:
        The copy as a `PureFunction`.

    Raises:
        ArgumentError: The layer cannot be made from its configuration, or it cannot be called on
            these inputs.
    """
    copy = _copy_from_config(layer, policy, as_keras=as_keras)
    call = _call_with_list(copy, len(inputs), mask)
    try:
        with under_policy(policy, constants=True):
            call([tf.constant(x) for x in inputs], False)
        if layer.built:
            copy.set_weights(layer.get_weights())
    except (ArgumentError, NotImplementedError):
        raise
    except Exception as error:
        shapes = ", ".join(str(x.shape) for x in inputs)
        raise ArgumentError(
            f"The inputs must fit {layer.name}, which cannot be called on them: "
            f"{first_line(error)} Received: inputs of shape {shapes} (batch axis first). Pass "
            "another input_shape or inputs."
        ) from error
    if rng is not None:
        _draw_state(copy, layer.built, rng)
    return PureFunction(call, inputs, names, copy, policy)


def copy_of_loss(
    loss: Any, inputs: Sequence[np.ndarray], names: Sequence[str], policy: str = "float64"
) -> PureFunction:
    """Make a loss again under a precision policy. Its labels have no gradient.

    Args:
        loss: A `keras.losses.Loss`, or a function of (y_true, y_pred).
        inputs: Labels and predictions.
        names: Their names.
        policy: The Keras dtype policy.

    Returns:
        The copy as a `PureFunction`.
    """
    if isinstance(loss, keras.losses.Loss):
        # Copied by its attributes: a user's loss may have no `get_config`, which Keras's own
        # copying needs.
        attributes = vars(loss)
        loss = object.__new__(type(loss))
        vars(loss).update(attributes)
        loss._dtype_policy = keras.dtype_policies.get(policy)
        loss._dtype = loss._dtype_policy.compute_dtype
    return PureFunction(lambda x, training: loss(*x), inputs, names, policy=policy, fixed=names[:1])


def _copy_from_config(layer: Any, policy: str, *, as_keras: bool) -> Any:
    custom = {
        keras.saving.get_registered_name(type(part)): type(part)
        for part in layer._flatten_layers()
        if not type(part).__module__.startswith("keras.")
    }
    kind = (as_keras and keras_twin(type(layer))) or type(layer)
    try:
        config = _with_policy(layer.get_config(), policy)
        if as_keras:
            config = with_keras_layers(config)
        with keras.saving.CustomObjectScope(custom), under_policy(policy, constants=True):
            return kind.from_config(config)
    except Exception as error:
        raise ArgumentError(
            f"{kind.__name__}.from_config(get_config()) must make a copy of {layer.name}, since "
            f"the gradients are checked on a copy in {policy}. Received: "
            f"{type(error).__name__} ({first_line(error)}). Let get_config return all arguments of "
            "the constructor."
        ) from error


def _with_policy(config: Any, policy: str) -> Any:
    """Replace every floating-point dtype in a configuration, at any depth."""
    if isinstance(config, list | tuple):
        return type(config)(_with_policy(part, policy) for part in config)
    if not isinstance(config, dict):
        return config
    changed = {}
    for key, value in config.items():
        if key == "dtype" and (isinstance(value, dict) or "float" in str(value)):
            # A layer has a policy; its inputs and the tensors between layers have a dtype.
            has_policy = "name" in config and "batch_shape" not in config
            value = policy if has_policy or policy == "float64" else "float32"
        else:
            value = _with_policy(value, policy)
        changed[key] = value
    return changed


def _call_with_list(layer: Any, count: int, mask: Any) -> Callable[[list[Any], bool], Any]:
    """Make a function of the list of inputs and the training flag that calls the layer.

    A layer takes its inputs as one tensor, as several arguments, as a list or as a dict.
    """
    parameters = inspect.signature(layer.call).parameters
    options = {}
    if mask is not None:
        if "mask" not in parameters:
            raise ArgumentError(
                f"mask must be None for {layer.name}, which takes no mask. Received: "
                f"{mask!r}. Leave mask out."
            )
        options["mask"] = tf.nest.map_structure(tf.constant, mask)
    required = [
        parameter
        for parameter in parameters.values()
        if parameter.default is parameter.empty
        and parameter.kind is parameter.POSITIONAL_OR_KEYWORD
    ]
    structure = getattr(layer, "_inputs_struct", None)

    def call(inputs: list[Any], training: bool) -> Any:
        if isinstance(structure, dict):
            arguments = [tf.nest.pack_sequence_as(structure, inputs)]
        elif count == 1 or len(required) == count:
            arguments = inputs
        else:
            arguments = [inputs]
        return layer(*arguments, training=training, **options)

    return call


def _draw_state(layer: Any, built: bool, rng: np.random.Generator) -> None:
    """Draw repeatable random state, and random weights where the layer was not built.

    The zeros and ones of a new layer would hide a forgotten bias or scale.
    """
    for variable in layer.non_trainable_variables:
        if is_seed(variable):
            variable.assign(rng.integers(0, 2**31, variable.shape))
        elif "float" in variable.dtype and not built:
            # Only upwards, since the variable may be a variance.
            variable.assign_add(rng.uniform(0.1, 0.5, variable.shape))
    if not built:
        for variable in layer.trainable_variables:
            variable.assign(variable.value + rng.normal(0, 0.3, variable.shape))
