"""What is checked, as a pure function in float64: a layer, a model or a loss."""

import inspect
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
import tensorflow as tf

import zoo.layers
from zoo.errors import ArgumentError


class Subject:
    """A function of tensors: the inputs that have a gradient, then the trainable weights.

    Args:
        call: From flat inputs and the training flag to outputs.
        inputs: Arrays with their batch axis. Those that are not floating-point are held fixed.
        names: A name for each input.
        layer: The layer or model that owns the weights; None for a loss.
        policy: Keras dtype policy that it runs under.
        fixed: Inputs without a gradient, though they are floating-point (labels).
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
        self.rebuilt = layer
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
        self.weight_names = [_path(variable, layer) for variable in self.variables]
        self.names = [*self.input_names, *self.weight_names]

    @property
    def values(self) -> list[np.ndarray]:
        """The point at which it is checked."""
        weights = [np.array(variable.value) for variable in self.variables]
        return [*(self._inputs[i] for i in self._moving), *weights]

    @property
    def random(self) -> bool:
        """Whether it draws random numbers."""
        return any(map(_is_seed, self._state))

    @property
    def has_training_mode(self) -> bool:
        """Whether training and inference may differ."""
        return self.rebuilt is not None and any(
            "training" in inspect.signature(part.call).parameters
            for part in self.rebuilt._flatten_layers()
            if not _is_container(part)
        )

    def outputs(self, values: Sequence[Any], training: bool) -> list[Any]:
        """The outputs for other values, without any trace: state is what it was at the start.

        Args:
            values: One for each of `names`.
            training: Training or inference.

        Returns:
            The floating-point outputs.
        """
        moving, weights = values[: len(self._moving)], values[len(self._moving) :]
        state = [*zip(self.variables, weights, strict=True)]
        state += zip(self._state, self._frozen, strict=True)
        with precision(self._policy), keras.StatelessScope(state_mapping=state):
            return self._floating(moving, training)

    def gradients(self, moving: Sequence[Any], upstream: Sequence[Any], training: bool) -> Any:
        """The analytic gradient, as training takes it: a tape over the layer's own variables.

        Args:
            moving: The inputs that have a gradient.
            upstream: The outputs' gradient, one a floating-point output.
            training: Training or inference.

        Returns:
            Outputs, and for each of `names` its vector-Jacobian product or None.
        """
        sources = [*moving, *(variable.value for variable in self.variables)]
        with precision(self._policy), tf.GradientTape() as tape:
            tape.watch(list(moving))
            self._restore()
            outputs = self._floating(moving, training)
        gradients = tape.gradient(outputs, sources, output_gradients=list(upstream))
        return outputs, [None if g is None else tf.convert_to_tensor(g) for g in gradients]

    def hessian_vector(
        self,
        moving: Sequence[Any],
        upstream: Sequence[Any],
        vectors: Sequence[Any],
        training: bool,
    ) -> list[Any]:
        """The second-order gradient along vectors, from one tape inside another.

        `H v = ∇(∇f · v)` (Pearlmutter, 1994), with f the outputs weighted by `upstream`.

        Args:
            moving: The inputs that have a gradient.
            upstream: Weights of the outputs.
            vectors: One for each of `names`.
            training: Training or inference.

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

    def copy_state(self, other: "Subject") -> None:
        """Take weights and state of another subject, where the shapes agree."""
        self.assign([variable.value for variable in other.variables])
        self._frozen = [
            theirs if theirs.shape == mine.shape else mine
            for mine, theirs in zip(self._frozen, other._frozen, strict=False)
        ]

    def _restore(self) -> None:
        for variable, value in zip(self._state, self._frozen, strict=True):
            variable.assign(value)

    def _floating(self, moving: Sequence[Any], training: bool) -> list[Any]:
        given = dict(zip(self._moving, moving, strict=True))
        inputs = [tf.convert_to_tensor(given.get(i, x)) for i, x in enumerate(self._inputs)]
        outputs = [tf.convert_to_tensor(y) for y in tf.nest.flatten(self._call(inputs, training))]
        return [y for y in outputs if y.dtype.is_floating]


def layer_subject(
    layer: Any,
    inputs: Sequence[np.ndarray],
    names: Sequence[str],
    *,
    policy: str = "float64",
    mask: Any = None,
    as_keras: bool = False,
    rng: np.random.Generator | None = None,
) -> Subject:
    """Rebuild a layer or model under a precision policy, with the same weights.

    Args:
        layer: A Keras layer or model.
        inputs: Arrays with their batch axis.
        names: A name for each.
        policy: The Keras dtype policy.
        mask: Passed on to the layer's call.
        as_keras: Put the Keras layer of that name in the place of each layer of `zoo.layers`.
        rng: Where the weights of a layer that was not built are drawn from.

    Returns:
        The subject.

    Raises:
        ArgumentError: It cannot be rebuilt from its configuration, or called on these inputs.
    """
    copy = _rebuild(layer, policy, as_keras=as_keras)
    call = _caller(copy, len(inputs), mask)
    try:
        with precision(policy):
            call([tf.constant(x) for x in inputs], False)
        if layer.built:
            copy.set_weights(layer.get_weights())
    except (ArgumentError, NotImplementedError):
        raise
    except Exception as error:
        shapes = ", ".join(str(x.shape) for x in inputs)
        raise ArgumentError(
            f"{layer.name} cannot be called on inputs of shape {shapes} (batch first): "
            f"{first_line(error)}"
        ) from error
    if rng is not None:
        _draw_state(copy, layer.built, rng)
    return Subject(call, inputs, names, copy, policy)


def loss_subject(
    loss: Any, inputs: Sequence[np.ndarray], names: Sequence[str], policy: str = "float64"
) -> Subject:
    """A loss under a precision policy; its labels have no gradient.

    Args:
        loss: A `keras.losses.Loss`, or a function of (y_true, y_pred).
        inputs: Labels and predictions.
        names: Their names.
        policy: The Keras dtype policy.

    Returns:
        The subject.
    """
    if isinstance(loss, keras.losses.Loss):
        # A copy by hand: a loss of one's own need not have a configuration to rebuild it from,
        # and Keras's own copying goes by that.
        attributes = vars(loss)
        loss = object.__new__(type(loss))
        vars(loss).update(attributes)
        loss._dtype_policy = keras.dtype_policies.get(policy)
        loss._dtype = loss._dtype_policy.compute_dtype
    return Subject(lambda x, training: loss(*x), inputs, names, policy=policy, fixed=names[:1])


def compiled(function: Callable[..., Any], *examples: Any, xla: bool = False) -> Any:
    """A graph of a function, for arguments like the examples.

    Args:
        function: Takes tensors and lists of them.
        examples: Arguments; the graph takes others of the same shapes.
        xla: Whether XLA compiles it.

    Returns:
        The graph, to be called like the function.
    """
    return tf.function(function, autograph=False, jit_compile=xla or None).get_concrete_function(
        *examples
    )


@contextmanager
def precision(policy: str) -> Iterator[None]:
    """Run under a Keras dtype policy, constants and layers made on the way included."""
    before = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx("float64" if policy == "float64" else "float32")
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_floatx(before[0])
        keras.config.set_dtype_policy(before[1])


def keras_twin(kind: Any) -> Any:
    """The class in keras.layers that a class of `zoo.layers` is a twin of, or None."""
    twin = getattr(keras.layers, kind.__name__, None)
    return twin if kind.__module__.startswith("zoo.layers") and twin is not kind else None


def is_all_twins(layer: Any) -> bool:
    """Whether a layer, or a model's every layer, is Keras's own or a twin of one, and one is."""
    kinds = [type(part) for part in layer._flatten_layers()]
    own = [kind for kind in kinds if not kind.__module__.startswith(("keras.", "zoo.layers"))]
    return not own and any(map(keras_twin, kinds))


def stops_gradient(graph: Any) -> bool:
    """Whether a graph holds `tf.stop_gradient`, in its functions too.

    Args:
        graph: What `compiled` returns.

    Returns:
        True or False.
    """
    definition = graph.graph.as_graph_def()
    nodes = [*definition.node, *(n for f in definition.library.function for n in f.node_def)]
    return any(node.op == "StopGradient" for node in nodes)


def _rebuild(layer: Any, policy: str, *, as_keras: bool) -> Any:
    own = {
        keras.saving.get_registered_name(type(part)): type(part)
        for part in layer._flatten_layers()
        if not type(part).__module__.startswith("keras.")
    }
    kind = (as_keras and keras_twin(type(layer))) or type(layer)
    try:
        config = _with_policy(layer.get_config(), policy)
        if as_keras:
            config = _with_keras_layers(config)
        with keras.saving.CustomObjectScope(own), precision(policy):
            return kind.from_config(config)
    except Exception as error:
        raise ArgumentError(
            f"{layer.name} is checked on a copy in {policy}, which is made by {kind.__name__}"
            f".from_config(get_config()); that failed: {first_line(error)}"
        ) from error


def _with_keras_layers(config: Any) -> Any:
    """A configuration with Keras's layers in the place of their twins, however deep."""
    if isinstance(config, list | tuple):
        return type(config)(map(_with_keras_layers, config))
    if not isinstance(config, dict):
        return config
    changed = {key: _with_keras_layers(value) for key, value in config.items()}
    kind = getattr(zoo.layers, str(config.get("class_name")), None)
    if str(config.get("registered_name")).startswith("zoo>") and kind and keras_twin(kind):
        changed |= {"module": "keras.layers", "registered_name": None}
    return changed


def _with_policy(config: Any, policy: str) -> Any:
    """A configuration with every floating-point dtype in it replaced, however deep."""
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


def _caller(layer: Any, count: int, mask: Any) -> Callable[[list[Any], bool], Any]:
    """How a layer takes its inputs: one, several arguments, or one list."""
    parameters = inspect.signature(layer.call).parameters
    options = {}
    if mask is not None:
        if "mask" not in parameters:
            raise ArgumentError(f"{layer.name} takes no mask. Received: mask={mask!r}")
        options["mask"] = tf.nest.map_structure(tf.constant, mask)
    required = [
        one
        for one in parameters.values()
        if one.default is one.empty and one.kind is one.POSITIONAL_OR_KEYWORD
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
    """Repeatable random state, and weights in general position where there were none yet.

    A fresh layer's zeros and ones would hide a forgotten bias or scale.
    """
    for variable in layer.non_trainable_variables:
        if _is_seed(variable):
            variable.assign(rng.integers(0, 2**31, variable.shape))
        elif "float" in variable.dtype and not built:
            # Only upwards, since it may be a variance.
            variable.assign_add(rng.uniform(0.1, 0.5, variable.shape))
    if not built:
        for variable in layer.trainable_variables:
            variable.assign(variable.value + rng.normal(0, 0.3, variable.shape))


def _is_seed(variable: Any) -> bool:
    """Whether it is the state of a `keras.random.SeedGenerator`."""
    return variable.name == "seed_generator_state"


def _is_container(layer: Any) -> bool:
    return (type(layer).call.__module__ or "").startswith("keras.src.models.")


def _path(variable: Any, layer: Any) -> str:
    return variable.path.removeprefix(f"{layer.name}/")


def first_line(error: BaseException) -> str:
    """What an error says, in a line."""
    lines = [re.sub("\x1b\\[[0-9;]*m", "", line).strip() for line in str(error).split("\n")]
    # Keras tells first where it happened.
    said = [line for line in lines if line and not line.startswith("Exception encountered when")]
    return said[0] if said else type(error).__name__
