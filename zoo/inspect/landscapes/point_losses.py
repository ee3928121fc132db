"""The loss of a network at many points of the space of its weights, in one graph."""

import functools
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from zoo.datasets.split import Split
from zoo.inspect.landscapes.networks_at_weights import (
    Moments,
    call_with_batch_moments,
    common_prefix,
    normalizers,
    replaced,
    statistics_of,
    weight_dtype,
)
from zoo.inspect.landscapes.outputs import cross_entropy, gives_probabilities, wrong_answers
from zoo.inspect.landscapes.planes import Plane
from zoo.inspect.networks.interception import in_float32

_MEASURES = {"loss": cross_entropy, "error": wrong_answers}

BATCH_SIZE = 1024
"""The number of images in a batch."""

_TRIED = 64
"""How many images tell whether a network gives probabilities or logits."""


class PointLosses:
    """The loss of each image at points of a plane, without a change to the model.

    One graph holds a loop over the points: it makes the weights of a point, and runs the network
    with them. Layers in front of the first weight that moves run once for all points. If this
    weight is the kernel of a dense layer, its product with the images is linear in the coordinates,
    `X (W + Σ c_k D_k) = X W + Σ c_k X D_k`, so that all points share a few products.

    Args:
        model: A built `keras.Model`.
        plane: The plane, of any number of axes.
        split: Images with labels.
        anew: Whether the statistics of batch normalisation are taken anew at each point, from these
            images; else each layer keeps its moving statistics.
        measure: `"loss"` for the cross-entropy, or `"error"` for 1 where the answer is wrong.
        penalties: Whether the penalties of regularisers are added to the loss.
        batch_size: The number of images in a batch.
    """

    def __init__(
        self,
        model: Any,
        plane: Plane,
        split: Split,
        *,
        anew: bool = False,
        measure: str = "loss",
        penalties: bool = False,
        batch_size: int = BATCH_SIZE,
    ) -> None:
        self._model = model
        self._variables = plane.variables
        self._split = split
        self._measure = _MEASURES[measure]
        self._penalties = penalties
        self._batch_size = batch_size
        self._dtype = weight_dtype(model)
        self._axes = len(plane.directions)
        self._origin = [tf.constant(values, self._dtype) for values in plane.origin]
        self._directions = [
            [tf.constant(values, self._dtype) for values in direction]
            for direction in plane.directions
        ]
        self._layers = normalizers(model) if anew else []
        moving = {id(variable) for variable in plane.variables}
        moving |= {id(variable) for layer in self._layers for variable in statistics_of(layer)}
        self._prefix = common_prefix(model, moving)
        tried = tf.constant(next(split.blocks(_TRIED)))
        self._probabilities = gives_probabilities(
            model(tf.cast(tried, self._dtype), training=False)
        )
        self._scope: Any = None
        self._moments: dict[int, list[Moments]] = {}

    @property
    def images(self) -> int:
        """The number of images."""
        return len(self._split)

    def of_images(self, coordinates: np.ndarray) -> np.ndarray:
        """Compute the loss of each image at each point.

        Args:
            coordinates: [points, axes].

        Returns:
            float64 [points, n].
        """
        points = tf.constant(coordinates, self._dtype)
        if self._needs_two_passes:
            statistics = self._statistics(points)
            batches = (self._with_statistics(points, statistics, *b) for b in self._batches())
        else:
            batches = (self._in_a_single_pass(points, *batch) for batch in self._batches())
        return np.concatenate([losses.numpy().astype("float64") for losses in batches], axis=1)

    def means(self, coordinates: np.ndarray) -> np.ndarray:
        """Compute the mean loss over the images, by their weights, at each point.

        Args:
            coordinates: [points, axes].

        Returns:
            float64 [points].
        """
        return np.average(self.of_images(coordinates), axis=1, weights=self._split.sample_weight)

    def slope(self, point: np.ndarray) -> tuple[float, np.ndarray]:
        """Compute the mean loss and its gradient at a point, with the statistics as they are.

        Args:
            point: The coordinates, [axes].

        Returns:
            The loss, and the gradient with respect to the coordinates, float64 [axes].
        """
        weights = self._split.sample_weight
        weights = np.ones(self.images) if weights is None else np.asarray(weights, "float64")
        total, slopes, start = 0.0, np.zeros(self._axes), 0
        for images, labels in self._batches():
            counted = tf.constant(weights[start : start + len(labels)], self._dtype)
            start += len(labels)
            loss, slope = self._slope(tf.constant(point, self._dtype), images, labels, counted)
            total += float(loss)
            slopes += slope.numpy().astype("float64")
        return total / weights.sum(), slopes / weights.sum()

    def _batches(self) -> Iterator[tuple[Any, Any]]:
        start = 0
        for images in self._split.blocks(self._batch_size):
            labels = self._split.labels[start : start + len(images)]
            start += len(images)
            yield tf.constant(images), tf.constant(labels, "int64")

    @functools.cached_property
    def _needs_two_passes(self) -> bool:
        """Whether statistics need a pass of their own before the pass that gives the losses.

        In a single batch, each batch normalisation can use the moments of its inputs at once. But a
        layer that is called more than once has one pair of statistics for all its calls.
        """
        if not self._layers or self.images > self._batch_size:
            return bool(self._layers)
        self._in_a_single_pass  # noqa: B018  traces the graph, which counts the calls
        return any(len(moments) > 1 for moments in self._moments.values())

    @functools.cached_property
    def _in_a_single_pass(self) -> Any:
        """The graph that takes statistics from the batch itself, or keeps the moving statistics."""

        def run(points: Any, images: Any, labels: Any) -> Any:
            shared = self._shared(images)
            return tf.map_fn(
                lambda point: self._loss(point, (), shared, labels),
                points,
                fn_output_signature=self._dtype,
                parallel_iterations=1,
            )

        return self._traced(run, self._points(), *self._batch(), records=True)

    @functools.cached_property
    def _with_statistics(self) -> Any:
        """The graph that gets the statistics of each point."""

        def run(points: Any, statistics: Any, images: Any, labels: Any) -> Any:
            shared = self._shared(images)
            return tf.map_fn(
                lambda parts: self._loss(parts[0], parts[1], shared, labels),
                (points, statistics),
                fn_output_signature=self._dtype,
                parallel_iterations=1,
            )

        each = [
            tuple(tf.TensorSpec([None, *v.shape], self._dtype) for v in statistics_of(layer))
            for layer in self._layers
        ]
        return self._traced(run, self._points(), each, *self._batch())

    @functools.cached_property
    def _batch_moments(self) -> Any:
        """The graph that gives the moments of a batch, for each layer and point."""

        def run(points: Any, images: Any, labels: Any) -> Any:
            shared = self._shared(images)

            def moments_at(point: Any) -> list[Moments]:
                self._loss(point, (), shared, labels)
                return [self._pooled(layer) for layer in self._layers]

            signature = [(self._dtype, self._dtype)] * len(self._layers)
            return tf.map_fn(
                moments_at, points, fn_output_signature=signature, parallel_iterations=1
            )

        return self._traced(run, self._points(), *self._batch(), records=True)

    @functools.cached_property
    def _slope(self) -> Any:
        """The graph that gives the sum of the losses of a batch, and its gradient."""

        def run(point: Any, images: Any, labels: Any, counted: Any) -> tuple[Any, Any]:
            with tf.GradientTape() as tape:
                tape.watch(point)
                losses = self._loss(point, (), self._shared(images), labels)
                total = tf.reduce_sum(losses * counted)
            return total, tape.gradient(total, point)

        counted = tf.TensorSpec([None], self._dtype)
        point = tf.TensorSpec([self._axes], self._dtype)
        return self._traced(run, point, *self._batch(), counted)

    def _traced(self, run: Any, *signature: Any, records: bool = False) -> Any:
        """Trace a graph, with layers in full precision, and with moments of the batch if asked."""
        self._moments.clear()
        calls = [
            call_with_batch_moments(layer, lambda: self._scope, self._record)
            for layer in self._layers
            if records
        ]
        with in_float32(), replaced(calls):
            return tf.function(run, autograph=False).get_concrete_function(*signature)

    def _points(self) -> Any:
        return tf.TensorSpec([None, self._axes], self._dtype)

    def _batch(self) -> tuple[Any, Any]:
        images = tf.TensorSpec([None, *self._split.image_shape], self._split.store.dtype)
        return images, tf.TensorSpec([None], "int64")

    def _record(self, layer: Any, moments: Moments) -> None:
        self._moments.setdefault(id(layer), []).append(moments)

    def _pooled(self, layer: Any) -> Moments:
        """Give the moments over all calls of a layer, which have the same number of elements."""
        recorded = self._moments.get(id(layer))
        if not recorded:  # the network does not use the layer
            mean, variance = (tf.cast(v.value, self._dtype) for v in statistics_of(layer))
            return mean, variance
        means, variances = (tf.stack(values) for values in zip(*recorded, strict=True))
        mean = tf.reduce_mean(means, axis=0)
        return mean, tf.reduce_mean(variances + tf.square(means - mean), axis=0)

    def _statistics(self, points: Any) -> list[Moments]:
        """Take the statistics of all images, for each layer and point: [points, channels]."""
        parts, counts = [], []
        for batch in self._batches():
            parts.append(
                [
                    [m.numpy().astype("float64") for m in pair]
                    for pair in self._batch_moments(points, *batch)
                ]
            )
            counts.append(len(batch[1]))
        return [
            tuple(tf.constant(m, self._dtype) for m in pooled_moments(layer, counts))
            for layer in zip(*parts, strict=True)
        ]

    def _shared(self, images: Any) -> Any:
        """Compute what is the same at all points: the inputs of the first layer that moves."""
        x = tf.cast(images, self._dtype)
        if self._prefix is None:
            return x, None
        with self._new_scope():
            features = self._prefix.model(x, training=False)
        if not self._prefix.is_product:
            return x, features
        place = [id(variable) for variable in self._variables].index(id(self._prefix.layer.kernel))
        kernels = [part[place] for part in (self._origin, *self._directions)]
        return x, [tf.matmul(features, kernel) for kernel in kernels]

    def _loss(self, point: Any, statistics: Sequence[Any], shared: Any, labels: Any) -> Any:
        """Compute the loss of each image at a point, [batch]."""
        self._moments.clear()
        images, features = shared
        self._scope = self._new_scope()
        for number, variable in enumerate(self._variables):
            directions = [direction[number] for direction in self._directions]
            self._scope.add_update(
                (variable, _combined(point, [self._origin[number], *directions]))
            )
        for layer, values in zip(self._layers if statistics else (), statistics, strict=True):
            for variable, value in zip(statistics_of(layer), values, strict=True):
                self._scope.add_update((variable, value))
        with self._scope, replaced(self._prefix_call(point, features)):
            outputs = self._model(images, training=False)
            penalty = sum(self._model.losses) if self._penalties else 0.0
        losses = self._measure(labels, outputs, probabilities=self._probabilities)
        return tf.cast(losses, self._dtype) + tf.cast(penalty, self._dtype)

    def _new_scope(self) -> Any:
        """Make a scope in which weights have other values, and half precision is float32."""
        scope = keras.StatelessScope(collect_losses=self._penalties)
        for variable in self._model.weights:
            if variable.dtype in ("float16", "bfloat16"):
                scope.add_update((variable, tf.cast(variable.value, self._dtype)))
        return scope

    def _prefix_call(self, point: Any, features: Any) -> list[tuple[Any, str, Any]]:
        """Make the replacement with which a layer takes what all points share."""
        if self._prefix is None:
            return []
        layer = self._prefix.layer

        def with_products(inputs: Any, training: bool | None = None) -> Any:
            x = _combined(point, features)
            return layer.activation(x if layer.bias is None else x + layer.bias)

        def with_features(inputs: Any, *args: Any, **kwargs: Any) -> Any:
            return type(layer).call(layer, features, *args, **kwargs)

        return [(layer, "call", with_products if self._prefix.is_product else with_features)]


def _combined(point: Any, parts: Sequence[Any]) -> Any:
    """Compute `parts[0] + Σ c_k parts[k + 1]` with the coordinates c of a point."""
    total = parts[0]
    for number, part in enumerate(parts[1:]):
        total = total + point[number] * part
    return total


def pooled_moments(
    parts: Sequence[tuple[np.ndarray, np.ndarray]], counts: Sequence[int]
) -> tuple[np.ndarray, np.ndarray]:
    """Combine means and variances of batches to those of all images.

    Args:
        parts: For each batch the means and the variances, float64 [points, channels].
        counts: The number of images in each batch.

    Returns:
        The mean and the variance, float64 [points, channels].

    Example:
        >>> batches = [np.array([[1.0], [3.0]]), np.array([[8.0]])]
        >>> moments = [(batch.mean(0), batch.var(0)) for batch in batches]
        >>> mean, variance = pooled_moments(moments, counts=[2, 1])
        >>> bool(abs(variance - np.var([1, 3, 8])) < 1e-12)
        True
    """
    means, variances = (np.stack(values) for values in zip(*parts, strict=True))
    mean = np.average(means, axis=0, weights=counts)
    return mean, np.average(variances + np.square(means - mean), axis=0, weights=counts)
