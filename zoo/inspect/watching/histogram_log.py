"""Histograms of weights and gradients, member by member, as a training goes on."""

import os
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from zoo.arguments import whole_number
from zoo.ensembles.checks import as_labelled
from zoo.errors import DataError
from zoo.inspect.networks.layer_names import layers_by_path
from zoo.inspect.networks.recording import class_numbers
from zoo.inspect.networks.running import forward
from zoo.layers.unsafe_kernels import check_kernels
from zoo.tensorboard import run_folder
from zoo.training.callbacks import MemberCallback

IMAGES = 64
"""The number of images of which gradients are taken, by default."""


class HistogramLog(MemberCallback):
    """Write histograms of the weights and gradients of each member for TensorBoard.

    They are written before the first epoch and after each epoch, under `weights/…` and
    `gradients/…`. The gradients are those of the mean cross-entropy, with the penalties of the
    layers, on a small batch of images that stays the same. The model answers as it does after the
    training: dropout is off, and batch normalisation uses its moving statistics. So the training
    goes exactly as without this callback.

    Args:
        images: Images, best of the training: a `Split`, uint8 [n, height, width, channels], or a
            pair (images, labels). The first `count` of a random order are used.
        labels: Class ids, int [n], if `images` is an array.
        count: The number of images, at most.
        every: Write after each `every`-th epoch.
        log_dir: As for `MemberCallback`: a folder with `keras.Model.fit`, else None.

    Raises:
        ArgumentError: A number is not as described.
        DataError: The images or labels are not as described.

    Example:
        >>> import tempfile, zoo
        >>> data = zoo.datasets.load("digits")
        >>> committee = zoo.ensembles.Committee(["softmax"])
        >>> histograms, folder = HistogramLog(data.train), tempfile.mkdtemp()
        >>> history = committee.fit(
        ...     data.train, epochs=1, callbacks=[histograms], log_dir=folder, verbose=0
        ... )
    """

    def __init__(
        self,
        images: Any,
        labels: Any = None,
        *,
        count: int = IMAGES,
        every: int = 1,
        log_dir: str | os.PathLike[str] | None = None,
    ) -> None:
        super().__init__(log_dir)
        split = as_labelled(images, labels, "images", None)
        count = min(whole_number("count", count, 1), len(split))
        self._every = whole_number("every", every, 1)
        chosen = split.sample(count)
        self._images = tf.constant(np.asarray(chosen.images), tf.float32)
        self._labels = tf.constant(chosen.labels, tf.int32)
        self._graphs: dict[str, tuple[Any, Any]] = {}

    def check_members(self, members: Mapping[str, Any]) -> None:
        """Check that the labels are classes of the models, and that gradients can be computed."""
        highest = int(tf.reduce_max(self._labels))
        for name, model in members.items():
            check_kernels(name, model)
            classes = class_numbers(model)
            if classes and highest >= len(classes):
                raise DataError(
                    f"labels of HistogramLog must be classes of {name}, 0 to {len(classes) - 1}. "
                    f"Received: {highest}. Pass images of the training."
                )

    def begin_members(self, members: Mapping[str, Any]) -> None:
        """Write the histograms of models that have not learned yet."""
        self._write(members, 0)

    def look_at_members(self, members: Mapping[str, Any], epoch: int) -> None:
        """Write the histograms of an epoch."""
        if epoch % self._every == 0:
            self._write(members, epoch)

    def _write(self, members: Mapping[str, Any], epoch: int) -> None:
        assert self.log
        for name, model in members.items():
            names = names_of_weights(model)
            values = {f"weights/{names[id(w)]}": _plain(w) for w in model.weights}
            variables = model.trainable_variables
            for variable, gradient in zip(variables, self._gradients(name, model), strict=True):
                if gradient is not None:
                    values[f"gradients/{names[id(variable)]}"] = np.asarray(gradient)
            self.log.histograms(run_folder(name), values, epoch)

    def _gradients(self, name: str, model: Any) -> Any:
        """Compute the gradients of the loss by the trainable weights, in a graph made once."""
        known, graph = self._graphs.get(name, (None, None))
        trained = [model, *map(id, model.trainable_variables)]  # others after unfreezing
        if known != trained:
            graph = tf.function(lambda: _gradients(model, self._images, self._labels))
            self._graphs[name] = trained, graph
        return graph()


def names_of_weights(model: Any) -> dict[int, str]:
    """Name the weights of a model, each differently, and alike in models of the same architecture.

    Keras numbers layers without a name through all models of a process. Here they are numbered
    within the model, so that TensorBoard shows copies of a model under the same titles.

    Args:
        model: A built `keras.Model`.

    Returns:
        The id of a weight → the path of its layer and its own name.

    Example:
        >>> import zoo
        >>> list(names_of_weights(zoo.build("mlp", hidden=(2, 2))).values())
        ['dense/kernel', 'dense/bias', 'dense_1/kernel', 'dense_1/bias', 'logits/kernel', \
'logits/bias']
    """
    own = _own_names(model)
    names: dict[int, str] = {}
    for weight in model.weights:
        parts = weight.path.removeprefix(f"{model.name}/").split("/")
        path = name = "/".join(own.get(part, part) for part in parts)
        number = 1
        while name in names.values():
            number += 1
            name = f"{path}_{number}"
        names[id(weight)] = name
    return names


def _own_names(model: Any) -> dict[str, str]:
    """Number the layers that Keras has named: the name of Keras → the name within the model."""
    names: dict[str, str] = {}
    counts: Counter[str] = Counter()
    for layer in layers_by_path(model).values():
        words = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", type(layer).__name__)
        kind = re.sub(r"([a-z])([A-Z])", r"\1_\2", words).lower()  # as Keras makes the name
        if layer.name not in names and re.fullmatch(rf"{kind}(_\d+)?", layer.name):
            names[layer.name] = f"{kind}_{counts[kind]}" if counts[kind] else kind
            counts[kind] += 1
    return names


def _gradients(model: Any, images: Any, labels: Any) -> list[Any]:
    """Differentiate the loss of a model by its trainable weights, as a piece of a graph."""
    run = forward(model, images)
    if run.outputs.shape[-1] == 1:  # a sigmoid or its logit z: the logits of two classes are 0, z
        scores = tf.concat([tf.zeros_like(run.logits[:, 1:]), run.logits[:, 1:]], axis=-1)
    else:
        scores = run.logits if run.ending else tf.math.log(run.logits + 1e-7)
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, scores)
    loss = tf.add_n([tf.reduce_mean(losses), *(tf.cast(x, tf.float32) for x in model.losses)])
    gradients = tf.gradients(loss, [variable.value for variable in model.trainable_variables])
    return [None if x is None else tf.convert_to_tensor(x) for x in gradients]


def _plain(weight: Any) -> np.ndarray:
    """Give a weight as float32, whatever its dtype."""
    return np.asarray(tf.cast(weight.value, tf.float32))
