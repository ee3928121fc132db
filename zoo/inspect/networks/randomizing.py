"""A model that runs with random weights, while the model itself keeps its weights.

The randomisation tests of `zoo.inspect.sanity_check` compare maps of a trained network with maps
of the same network with random weights in some layers.
"""

import re
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from zoo.errors import ArgumentError
from zoo.inspect.networks.layer_names import layers_by_path
from zoo.inspect.networks.running import layer_calls
from zoo.seeds import seeded


class LearnedLayer(NamedTuple):
    """A layer with weights that a training learns.

    Attributes:
        path: The path of the layer, such as `"vgg/block3_conv1"`.
        layer: The Keras layer.
        weights: Its own variables, without those of layers inside it; the statistics of a batch
            normalisation too.
    """

    path: str
    layer: Any
    weights: list[Any]


def learned_layers(model: Any, image_shape: Sequence[int | None]) -> list[LearnedLayer]:
    """List the layers with weights that a training learns, from the last layer to the first.

    The order is that of the calls in a run; a layer that is called twice stands at its last call.
    Layers that only describe the images, such as a standardisation, are left out.

    Args:
        model: A built `keras.Model`.
        image_shape: (height, width, channels).

    Returns:
        The layers.

    Raises:
        ArgumentError: The model has no such layer.

    Example:
        >>> import zoo
        >>> [layer.path for layer in learned_layers(zoo.build("softmax"), (28, 28, 1))]
        ['logits']
    """
    called = [
        (re.sub(r":\d+$", "", call.name), call.layer)
        for call in reversed(layer_calls(model, image_shape))
    ]
    others = list(reversed(layers_by_path(model).items()))
    found: dict[int, LearnedLayer] = {}
    for path, layer in [*called, *others, (model.name, model)]:
        if id(layer) not in found and layer._trainable_variables:
            found[id(layer)] = LearnedLayer(path, layer, _own_weights(layer))
    if not found:
        raise ArgumentError(
            f"{model.name} must have weights that a training learns, so that they can be made "
            "random. Received: a model without such weights. Pass another model."
        )
    return list(found.values())


class RandomizedModel:
    """A model with random weights in chosen layers, for graphs.

    It has copies of the weights, and runs the model's own layers with them: the model and its
    weights are never changed, whatever happens. In other respects it is like the model.

    Args:
        model: A built `keras.Model`.
        image_shape: (height, width, channels).

    Attributes:
        learned: The layers with weights that a training learns, from the last to the first.
        shuffled: The paths of those layers for which `initial_weights` finds no random weights.
            They are given their own weights in random order.

    Example:
        >>> import zoo
        >>> model = RandomizedModel(zoo.build("softmax", seed=0), (28, 28, 1))
        >>> model.randomize(range(len(model.learned)), seed=1)
    """

    def __init__(self, model: Any, image_shape: Sequence[int | None]) -> None:
        self._model = model
        self.learned = learned_layers(model, image_shape)
        self.shuffled: tuple[str, ...] = ()
        self._copies = [
            [tf.Variable(weight.value, trainable=False) for weight in layer.weights]
            for layer in self.learned
        ]
        self._trained = [[copy.numpy() for copy in copies] for copies in self._copies]
        self._drawn: dict[tuple[int, int], list[np.ndarray]] = {}

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or "_model" not in vars(self):
            raise AttributeError(name)
        return getattr(self._model, name)

    def __call__(self, images: Any, training: bool = False) -> Any:
        """Run the model with the copies of the weights."""
        pairs = [
            (weight, copy.value())
            for layer, copies in zip(self.learned, self._copies, strict=True)
            for weight, copy in zip(layer.weights, copies, strict=True)
        ]
        with keras.StatelessScope(state_mapping=pairs):
            return self._model(images, training=training)

    def randomize(self, positions: Collection[int], seed: int) -> None:
        """Give random weights to some layers, and the trained weights to all others.

        Args:
            positions: The positions of the layers in `learned`.
            seed: The seed. A layer is given the same random weights whichever others are chosen.
        """
        self._drawn = {key: drawn for key, drawn in self._drawn.items() if key[1] == seed}
        for position, copies in enumerate(self._copies):
            values = self._random(position, seed) if position in positions else None
            for copy, value in zip(copies, values or self._trained[position], strict=True):
                copy.assign(tf.cast(value, copy.dtype))

    def _random(self, position: int, seed: int) -> list[np.ndarray]:
        """Draw random weights for a layer, or give those that were drawn before."""
        if (position, seed) not in self._drawn:
            path, layer, _ = self.learned[position]
            entropy = np.random.SeedSequence([seed, position])
            drawn = initial_weights(layer, int(entropy.generate_state(1)[0]))
            if drawn is None:
                self.shuffled = tuple(dict.fromkeys((*self.shuffled, path)))
                generator, trained = np.random.default_rng(entropy), self._trained[position]
                drawn = [generator.permutation(x.ravel()).reshape(x.shape) for x in trained]
            self._drawn[position, seed] = drawn
        return self._drawn[position, seed]


def initial_weights(layer: Any, seed: int) -> list[np.ndarray] | None:
    """Draw weights from a layer's own initialisers.

    Args:
        layer: A built layer.
        seed: The seed; the seeds of initialisers that have one are not used.

    Returns:
        The values of the layer's own variables, as in `LearnedLayer`; None for a layer that cannot
        be made anew from its configuration, or whose initialiser makes all weights of a kernel
        equal, such as `"zeros"`. Nothing is random then, and a network whose last kernel is zero
        has maps of zeros, which would pass every check.

    Example:
        >>> layer = keras.layers.Dense(2)
        >>> layer.build((None, 3))
        >>> [values.shape for values in initial_weights(layer, seed=0)]
        [(3, 2), (2,)]
    """
    try:
        with seeded(seed):
            fresh = type(layer).from_config(_without_seeds(layer.get_config()))
            fresh.build_from_config(layer.get_build_config())
    except (NotImplementedError, TypeError, ValueError, AttributeError):
        return None
    own = _own_weights(fresh)
    if [weight.shape for weight in own] != [weight.shape for weight in _own_weights(layer)]:
        return None
    values = [keras.ops.convert_to_numpy(weight.value) for weight in own]
    kernels = [x for weight, x in zip(own, values, strict=True) if "kernel" in weight.name]
    return None if any(x.size > 1 and np.ptp(x) == 0 for x in kernels) else values


def _own_weights(layer: Any) -> list[Any]:
    """Give the variables of a layer itself, without those of layers inside it."""
    return [*layer._trainable_variables, *layer._non_trainable_variables]


def _without_seeds(config: Any) -> Any:
    """Copy the configuration of a layer, without the seeds of its initialisers."""
    if not isinstance(config, dict):
        return config
    return {
        key: _seedless(value) if key.endswith("initializer") else _without_seeds(value)
        for key, value in config.items()
    }


def _seedless(config: Any) -> Any:
    if not isinstance(config, dict):
        return config
    return {key: None if key == "seed" else _seedless(value) for key, value in config.items()}
