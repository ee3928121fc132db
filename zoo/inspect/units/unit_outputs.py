"""The units of a network: which layers have them, and how active they are in a run.

A unit is a channel of a convolution or a unit of a dense layer. A unit's activation is the output
of the activation function behind the layer, wherever it comes from: `activation="relu"`, a layer of
its own, perhaps after batch normalisation, or an operation in the `call` of a subclassed model. The
graph of the run tells which operations stand between the layer and the activation function.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import keras

from zoo.arguments import argument_error
from zoo.ensembles.committee import Committee
from zoo.errors import ArgumentError
from zoo.inspect.networks.layer_names import find_layer
from zoo.inspect.networks.recording import check_is_model, image_shape_of
from zoo.inspect.networks.running import LayerCall, Run, forward
from zoo.training.built_models.logits import SAME_VALUES, source_of

RECTIFIERS = {
    "relu", "relu6", "leaky_relu", "prelu", "elu", "selu", "celu", "gelu", "silu", "swish", "mish",
    "hard_silu", "hard_swish",
}  # fmt: skip
"""Activation functions of which a unit is active where its output is above 0."""

FUNCTIONS = {
    "Relu": "relu", "Relu6": "relu6", "LeakyRelu": "leaky_relu", "Elu": "elu", "Selu": "selu",
    "Sigmoid": "sigmoid", "Tanh": "tanh", "Softplus": "softplus", "Softsign": "softsign",
    "Softmax": "softmax", "LogSoftmax": "log_softmax",
}  # fmt: skip
"""TensorFlow's operation → the activation function that the operation computes."""

_UNIT_BY_UNIT = {
    *SAME_VALUES, *FUNCTIONS, "AddV2", "Sub", "Mul", "RealDiv", "BiasAdd", "Neg", "Square", "Abs",
    "Maximum", "Minimum", "Greater", "GreaterEqual", "Less", "SelectV2", "Erf", "Exp", "Expm1",
    "Log1p", "Pow", "Rsqrt", "Sqrt", "FusedBatchNormV3", "MaxPool", "AvgPool",
    "Mean", "SquaredDifference", "Sum", "LRN",
}  # fmt: skip
"""Operations whose output has an entry for each unit; Mean and Sum are parts of normalisations."""

_ACTIVATION_LAYERS = {
    keras.layers.ELU: "elu",
    keras.layers.LeakyReLU: "leaky_relu",
    keras.layers.PReLU: "prelu",
    keras.layers.ReLU: "relu",
    keras.layers.Softmax: "softmax",
}
"""Layers that are an activation function; `Activation` names the function itself."""

_LAYERS_WITH_UNITS = (
    keras.layers.Dense,
    keras.layers.EinsumDense,
    *(
        getattr(keras.layers, f"{kind}{rank}D")
        for kind in ("Conv", "SeparableConv", "DepthwiseConv")
        for rank in (1, 2)
    ),
    keras.layers.Conv3D,
    keras.layers.Conv2DTranspose,
)


class UnitOutputs(NamedTuple):
    """The outputs of the units of a layer in a run, as tensors of the graph.

    Attributes:
        before: The input of the activation function, [batch, ..., units]; the same tensor as
            `after` where the function is not a single operation of TensorFlow.
        after: The output of the activation function, [batch, ..., units].
        activation: The name of the activation function, such as "relu"; "linear" for none.
    """

    before: Any
    after: Any
    activation: str


def run_units(
    model: Any, images: Any, names: Sequence[str], calls: Sequence[LayerCall]
) -> tuple[Run, dict[str, UnitOutputs]]:
    """Run a model inside a `tf.function`, and find the outputs of the units of layers.

    Args:
        model: A built `keras.Model`.
        images: A tensor [batch, height, width, channels].
        names: Names of calls.
        calls: The calls of the model's layers, from `layer_calls`.

    Returns:
        The run, and name → outputs of the layer's units.

    Raises:
        ArgumentError: As for `forward`.
    """
    kinds = (keras.layers.Activation, *_ACTIVATION_LAYERS)
    own_functions = [call for call in calls if isinstance(call.layer, kinds)]
    layer_of = {call.name: call.layer for call in calls}
    run = forward(model, images, [*names, *(call.name for call in own_functions)])
    functions = {
        run.recorded[call.name].name: activation_name(call.layer) for call in own_functions
    }
    depending = _depending_on(images)
    found = {}
    for name in names:
        output = run.recorded[name]
        own_name = activation_name(layer_of[name])
        found[name] = _behind(output, own_name, functions, depending)
    return run, found


def has_units(layer: Any) -> bool:
    """Whether a layer is a convolution, a dense layer or another layer with a kernel.

    Example:
        >>> has_units(keras.layers.Conv2D(1, 1)), has_units(keras.layers.ReLU())
        (True, False)
    """
    if isinstance(layer, _LAYERS_WITH_UNITS):
        return True
    # The cells of recurrent layers have kernels too, but their units have a state.
    return hasattr(layer, "kernel") and not hasattr(layer, "state_size")


def activation_name(layer: Any) -> str:
    """Give the name of the activation function that a layer applies to its output.

    Example:
        >>> activation_name(keras.layers.Dense(1, activation="tanh"))
        'tanh'
        >>> activation_name(keras.layers.LeakyReLU()), activation_name(keras.layers.Flatten())
        ('leaky_relu', 'linear')
    """
    if isinstance(layer, keras.layers.ReLU) and layer.negative_slope:
        return "leaky_relu"
    for kind, name in _ACTIVATION_LAYERS.items():
        if isinstance(layer, kind):
            return name
    function = getattr(layer, "activation", None)
    if function is None:
        return "linear"
    if isinstance(function, keras.Layer):
        return activation_name(function)
    return getattr(function, "__name__", type(function).__name__)


def find_call(model: Any, layer: Any, calls: Sequence[LayerCall]) -> LayerCall:
    """Find the call of a layer in a run of a model.

    Args:
        model: A built `keras.Model`.
        layer: A name as `find_layer` takes it, or the layer.
        calls: The calls of the model's layers, from `layer_calls`.

    Returns:
        The call that is named, or the last call of the layer.

    Raises:
        ArgumentError: The model has no such layer, or does not call it.
    """
    use = find_layer(model, layer)
    own = [call for call in calls if call.layer is use.layer]
    if use.number < len(own) and own:
        return own[use.number]
    raise ArgumentError(
        f"layer must be a layer that {model.name} calls to answer. Received: {layer!r}, and "
        f"{use.path!r} is called {len(own)} times. Pass the name of another layer, or another "
        "number behind the name."
    )


def layer_list(layers: Any) -> list[Any]:
    """Take a list of layers; a single name is none, although Python goes through its letters.

    Args:
        layers: Names of layers, or layers.

    Returns:
        The same layers, each once.

    Raises:
        ArgumentError: The argument is no list, or it is empty.

    Example:
        >>> layer_list(("conv", "logits", "conv"))
        ['conv', 'logits']
    """
    is_list = isinstance(layers, Iterable) and not isinstance(layers, str)
    listed = list(dict.fromkeys(layers)) if is_list else []
    if not listed:
        expected = "be a list of one layer or more"
        raise argument_error("layers", expected, layers, "Leave layers out for all of them")
    return listed


def shape_of_images(model: Any) -> tuple[int | None, int | None, int]:
    """Give (height, width, channels) of the images that a model takes; None for any length.

    Args:
        model: A built `keras.Model`.

    Returns:
        Height and width, perhaps None, and the number of channels.

    Raises:
        ArgumentError: The model is a committee, does not know its input, or takes no images.
    """
    if isinstance(model, Committee):
        raise ArgumentError(
            "model must be a single model. Received: a committee. Pass a member, "
            "committee.members[0]."
        )
    check_is_model("model", model)
    shape = image_shape_of(model)
    if shape[2] is None:
        built_for = (model.get_build_config() or {}).get("input_shape") or ()
        shape = tuple(built_for[1:]) if len(built_for) == 4 else shape
    height, width, channels = shape
    if channels is None:
        raise ArgumentError(
            f"{model.name} must take images [batch, height, width, channels] with a known number "
            f"of channels. Received: a model for images of {shape}. Wrap it: keras.Model(x, "
            "model(x)) with x = keras.Input((height, width, channels))."
        )
    return height, width, channels


def _behind(
    output: Any, own_name: str, functions: dict[str, str], depending: set[str]
) -> UnitOutputs:
    """Find the activation function behind the output of a layer."""
    if own_name != "linear":
        return UnitOutputs(_input_of_function(output), output, own_name)
    region = {output.name}
    bare = None
    graph = output.graph
    for operation in graph.get_operations():
        inputs = [x.name for x in operation.inputs if x.name in depending]
        if not inputs or operation.type not in _UNIT_BY_UNIT or not region.issuperset(inputs):
            continue
        for x in operation.outputs:
            region.add(x.name)
            if x.name in functions:
                return UnitOutputs(_input_of_function(x), x, functions[x.name])
        if bare is None and operation.type in FUNCTIONS:
            bare = operation
    if bare is not None:
        return UnitOutputs(bare.inputs[0], bare.outputs[0], FUNCTIONS[bare.type])
    return UnitOutputs(output, output, "linear")


def _input_of_function(output: Any) -> Any:
    """Give the input of the operation that computed the output of an activation function."""
    tensor = source_of(output)
    return tensor.op.inputs[0] if tensor.op.type in FUNCTIONS else output


def _depending_on(images: Any) -> set[str]:
    """Give the names of all tensors of a graph that are computed from the images."""
    names = {images.name}
    for operation in images.graph.get_operations():
        if any(x.name in names for x in operation.inputs):
            names |= {x.name for x in operation.outputs}
    return names


def positions(tensor: Any) -> list[int]:
    """Give the axes of an output between the batch and the units."""
    return list(range(1, len(tensor.shape) - 1))
