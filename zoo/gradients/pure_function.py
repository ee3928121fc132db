"""A layer, model or loss as a pure function of tensors, with its gradients."""

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from zoo.registry.dtype_policy import under_policy


class PureFunction:
    """A function of tensors: of the inputs that have a gradient, then of the trainable weights.

    The function has no side effects: moving averages and random seeds are set back before each
    call.

    Args:
        call: The function of the list of inputs and the training flag that gives the outputs.
        inputs: Arrays with their batch axis. Inputs that are not floating-point stay fixed.
        names: A name for each input.
        layer: The layer or model that owns the weights, or None for a loss.
        policy: The Keras dtype policy that the function runs under.
        fixed: Names of floating-point inputs that have no gradient, such as labels.

    Attributes:
        layer: As above.
        variables: The trainable variables.
        input_names: Names of the inputs that have a gradient.
        names: These names, then the paths of the trainable weights.
    """

    def __init__(
        self,
        call: Callable[[list[Any], bool], Any],
        inputs: Sequence[np.ndarray],
        names: Sequence[str],
        layer: Any = None,
        policy: str = "float64",
        fixed: Sequence[str] = (),
    ) -> None:
        self._call = call
        self._inputs = list(inputs)
        self.layer = layer
        self._policy = policy
        self._moving = [
            i
            for i, (name, x) in enumerate(zip(names, inputs, strict=True))
            if x.dtype.kind == "f" and name not in fixed
        ]
        self.variables = list(layer.trainable_variables) if layer else []
        self._state = list(layer.non_trainable_variables) if layer else []
        self._frozen = [np.array(variable.value) for variable in self._state]
        self.input_names = [names[i] for i in self._moving]
        self.names = [*self.input_names, *(_path(v, layer) for v in self.variables)]

    @property
    def values(self) -> list[np.ndarray]:
        """The point at which the gradients are checked: an array for each of `names`."""
        weights = [np.array(variable.value) for variable in self.variables]
        return [*(self._inputs[i] for i in self._moving), *weights]

    @property
    def random(self) -> bool:
        """Whether the function draws random numbers."""
        return any(map(is_seed, self._state))

    @property
    def has_training_mode(self) -> bool:
        """Whether training and inference may differ."""
        return self.layer is not None and any(
            "training" in inspect.signature(part.call).parameters
            for part in self.layer._flatten_layers()
            if not _is_container(part)
        )

    def outputs(self, values: Sequence[Any], training: bool) -> list[Any]:
        """Compute the outputs at another point, and leave weights and state unchanged.

        Args:
            values: A tensor for each of `names`.
            training: True for training, False for inference.

        Returns:
            The floating-point outputs.
        """
        moving, weights = values[: len(self._moving)], values[len(self._moving) :]
        state = [*zip(self.variables, weights, strict=True)]
        state += zip(self._state, self._frozen, strict=True)
        with under_policy(self._policy, constants=True), keras.StatelessScope(state_mapping=state):
            return self._floating_outputs(moving, training)

    def gradients(self, moving: Sequence[Any], upstream: Sequence[Any], training: bool) -> Any:
        """Compute the analytic gradient as training does: with a tape over the layer's variables.

        Args:
            moving: The inputs that have a gradient.
            upstream: The gradient of each floating-point output.
            training: True for training, False for inference.

        Returns:
            The outputs, and for each of `names` its vector-Jacobian product or None.
        """
        sources = [*moving, *(variable.value for variable in self.variables)]
        with under_policy(self._policy, constants=True), tf.GradientTape() as tape:
            tape.watch(list(moving))
            for variable, value in zip(self._state, self._frozen, strict=True):
                variable.assign(value)
            outputs = self._floating_outputs(moving, training)
        gradients = tape.gradient(outputs, sources, output_gradients=list(upstream))
        return outputs, [None if g is None else tf.convert_to_tensor(g) for g in gradients]

    def hessian_vector(
        self,
        moving: Sequence[Any],
        upstream: Sequence[Any],
        vectors: Sequence[Any],
        training: bool,
    ) -> list[Any]:
        """Compute the second-order gradient along vectors, with one tape inside another.

        `H v = ∇(∇f · v)` (Pearlmutter, 1994), where f is the sum of the outputs weighted by
        `upstream`.

        Args:
            moving: The inputs that have a gradient.
            upstream: Weights of the outputs.
            vectors: An array for each of `names`.
            training: True for training, False for inference.

        Returns:
            For each of `names` its part of H v, or None.
        """
        sources = [*moving, *(variable.value for variable in self.variables)]
        with tf.GradientTape() as tape:
            tape.watch(list(moving))
            _, gradients = self.gradients(moving, upstream, training)
            pairs = zip(gradients, vectors, strict=True)
            along = sum(tf.reduce_sum(g * v) for g, v in pairs if g is not None)
        products = tape.gradient(along, sources)
        return [None if h is None else tf.convert_to_tensor(h) for h in products]

    def assign(self, weights: Sequence[Any]) -> None:
        """Set the trainable weights."""
        for variable, value in zip(self.variables, weights, strict=True):
            variable.assign(value)

    def copy_state(self, other: "PureFunction") -> None:
        """Take weights and state of another function where the shapes agree."""
        self.assign([variable.value for variable in other.variables])
        self._frozen = [
            given if given.shape == own.shape else own
            for own, given in zip(self._frozen, other._frozen, strict=False)
        ]

    def _floating_outputs(self, moving: Sequence[Any], training: bool) -> list[Any]:
        given = dict(zip(self._moving, moving, strict=True))
        inputs = [tf.convert_to_tensor(given.get(i, x)) for i, x in enumerate(self._inputs)]
        outputs = [tf.convert_to_tensor(y) for y in tf.nest.flatten(self._call(inputs, training))]
        return [y for y in outputs if y.dtype.is_floating]


def compiled(function: Callable[..., Any], *examples: Any, xla: bool = False) -> Any:
    """Trace a function into a graph, for arguments like the examples.

    Args:
        function: A function of tensors and lists of tensors.
        examples: Arguments. The graph takes other arguments of the same shapes and dtypes.
        xla: Whether XLA compiles the graph.

    Returns:
        The graph, which is called like the function.
    """
    return tf.function(function, autograph=False, jit_compile=xla or None).get_concrete_function(
        *examples
    )


def stops_gradient(graph: Any) -> bool:
    """Whether a graph that `compiled` has returned holds `tf.stop_gradient`, in functions too."""
    definition = graph.graph.as_graph_def()
    nodes = [*definition.node, *(n for f in definition.library.function for n in f.node_def)]
    return any(node.op == "StopGradient" for node in nodes)


def is_seed(variable: Any) -> bool:
    """Whether a variable is the state of a `keras.random.SeedGenerator`."""
    return variable.name == "seed_generator_state"


def _is_container(layer: Any) -> bool:
    """Whether the layer is a model of Keras, whose own `call` only passes `training` on."""
    return (type(layer).call.__module__ or "").startswith("keras.src.models.")


def _path(variable: Any, layer: Any) -> str:
    return variable.path.removeprefix(f"{layer.name}/")
