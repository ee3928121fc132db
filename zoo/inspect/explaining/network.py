"""A model as the methods see it: its scores and their derivatives, each in a compiled graph.

A `Network` compiles each function once, at the first call, for batches of any size. The weights are
read at each call: a network stays right after `model.set_weights`.
"""

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any

import tensorflow as tf

from zoo.errors import ArgumentError
from zoo.inspect.networks.feature_maps import feature_layer, has_channels_first
from zoo.inspect.networks.rectifiers import modify_relus
from zoo.inspect.networks.running import LayerCall, Run, forward, layer_calls
from zoo.metrics import are_probabilities

SCORES = ("logits", "probabilities")
"""The numbers that a map can explain."""

FORWARD_PIXELS = 2**19
"""The number of pixels in a run without gradients, of images that are small. Such a run keeps no
outputs of layers, so that more images fit into it, and it reads the weights less often."""


class Network:
    """A model whose scores and derivatives are computed in compiled graphs.

    Args:
        model: A built `keras.Model`.
        image_shape: (height, width, channels) of the images.
        layer: The name of the layer for methods of class activation; None for the last feature
            map before the pooling.
        of: `"logits"` or `"probabilities"`, the scores that are explained.
        batch_size: The largest number of images in a run; a run without gradients may have up to 8
            times as many small images.

    Attributes:
        forward_size: The number of images in a run without gradients.
        changed_relus: The number of ReLUs with another backward pass; None before there are any.
        advance: A function that is told how many images' work has been done.
    """

    def __init__(
        self, model: Any, image_shape: tuple[int, ...], *, layer: Any, of: str, batch_size: int
    ) -> None:
        self.model = model
        self.image_shape = tuple(image_shape)
        self.batch_size = batch_size
        height, width = self.image_shape[:2]
        small = FORWARD_PIXELS // (height * width)
        self.forward_size = max(batch_size, min(8 * batch_size, small))
        self.changed_relus: int | None = None
        self.advance: Callable[[float], None] = lambda amount: None
        self._layer = layer
        self._of = of
        self._gradient_graphs: dict[str | None, Any] = {}

    @cached_property
    def layer_name(self) -> str:
        """The name of the layer whose outputs methods of class activation use."""
        return feature_layer(self.model, self._calls, self._layer)

    @cached_property
    def classes(self) -> int:
        """The number of classes."""
        shape = getattr(self.model, "output_shape", None)
        if isinstance(shape, tuple) and len(shape) == 2 and isinstance(shape[1], int):
            return max(shape[1], 2)
        return int(self.scores(tf.zeros((1, *self.image_shape))).shape[1])

    def scores(self, images: Any) -> Any:
        """Compute the score of every class.

        Args:
            images: A tensor, float32 [n, height, width, channels].

        Returns:
            A tensor, float32 [n, classes].
        """
        return self._answers(images)[1]

    def gradients(self, images: Any, targets: Any, rule: str | None = None) -> Any:
        """Differentiate scores by the pixels.

        Args:
            images: A tensor, float32 [n, height, width, channels].
            targets: A tensor, int32 [n, k]: k classes for each image.
            rule: `"guided"` or `"deconvolution"` for another backward pass of ReLU, else None.

        Returns:
            A tensor, float32 [n, k, height, width, channels].

        Raises:
            ArgumentError: No gradient arrives at the images, or there is no ReLU for the rule.
        """
        if rule not in self._gradient_graphs:
            self._gradient_graphs[rule] = self._gradient_graph(rule)
        graph = self._gradient_graphs[rule]
        return tf.stack([graph(images, target) for target in tf.unstack(targets, axis=1)], axis=1)

    def features(self, images: Any) -> Any:
        """Compute the output of the layer: float32 [n, rows, columns, channels]."""
        return self._features(images)

    def feature_gradients(self, images: Any, targets: Any) -> tuple[Any, Any]:
        """Differentiate scores by the output of the layer.

        Args:
            images: A tensor, float32 [n, height, width, channels].
            targets: A tensor, int32 [n, k].

        Returns:
            The features, float32 [n, rows, columns, channels], and the gradients, float32
            [n, k, rows, columns, channels].

        Raises:
            ArgumentError: The scores do not depend on the layer.
        """
        pairs = [self._feature_gradients(images, target) for target in tf.unstack(targets, axis=1)]
        return pairs[0][0], tf.stack([gradient for _, gradient in pairs], axis=1)

    def masked_scores(self, images: Any, masks: Any, fill: Any) -> Any:
        """Compute the scores of images of which masks leave a part.

        Args:
            images: A tensor, float32 [n, height, width, channels].
            masks: A tensor from 0 to 1, float32 [n or 1, m, height, width].
            fill: The pixels where a mask is 0: float32 [n or 1, height or 1, width or 1, channels].

        Returns:
            A tensor, float32 [n, m, classes].
        """
        return self._masked_scores(images, masks, fill)

    def probabilities(self, scores: Any) -> Any:
        """Convert scores to probabilities, as the model does or would do at its end.

        Args:
            scores: A tensor, float32 [..., classes], from this network.

        Returns:
            A tensor, float32 [..., classes].
        """
        return self._to_probabilities(scores) if self._of == "logits" else scores

    def groups(self, count: int, images: Any, size: int) -> Iterator[slice]:
        """Divide changes of images into groups that fit into a run, and tell how far the work is.

        Args:
            count: The number of changes.
            images: The images.
            size: The number of changes in a group; at least 1 is taken.

        Yields:
            The changes of each group, one group after another.
        """
        size = max(size, 1)
        for start in range(0, count, size):
            stop = min(start + size, count)
            yield slice(start, stop)
            self.advance(len(images) * (stop - start) / count)

    def hides_logits(self, images: Any) -> bool:
        """Whether the model gives probabilities whose logits cannot be found.

        The network must explain logits, and must have been run before.

        Args:
            images: A tensor, float32 [n, height, width, channels].

        Returns:
            Whether the outputs for these images look like probabilities, and no softmax or sigmoid
            computes them.
        """
        if self._ending is not None:
            return False
        outputs = self._answers(images)[0].numpy()
        return outputs.shape[1] > 1 and are_probabilities(outputs)

    def check_ending(self, images: Any) -> None:
        """Refuse a model that ends in probabilities of which the logits cannot be found.

        The network must have been run before.

        Args:
            images: A tensor, float32 [n, height, width, channels].

        Raises:
            ArgumentError: Logits are explained, and the model hides them: see `hides_logits`.
        """
        if self._of == "logits" and self.hides_logits(images):
            raise ArgumentError(
                f"{self.model.name} must end in a softmax, a sigmoid or logits, so that its "
                "logits can be explained. Received: a model whose outputs add up to 1, though no "
                'softmax computes them. Pass of="probabilities".'
            )

    def _run(self, images: Any, layers: tuple[str, ...] = ()) -> tuple[Run, Any]:
        """Run the model in a graph: the tensors, and the scores that are explained."""
        run = forward(self.model, images, layers)
        self._ending = run.ending
        self._to_probabilities = (
            tf.sigmoid if run.ending == "sigmoid" or run.outputs.shape[-1] == 1 else tf.nn.softmax
        )
        if self._of == "logits":
            return run, run.logits
        outputs = tf.exp(run.outputs) if run.ending == "log_softmax" else run.outputs
        if outputs.shape[-1] == 1:
            outputs = tf.concat([1 - outputs, outputs], axis=-1)
        return run, outputs

    def _compiled(self, function: Any, *signature: Any) -> Any:
        pixels = tf.TensorSpec((None, *self.image_shape), tf.float32)
        # The concrete function is a graph also where functions are told to run eagerly.
        return tf.function(function, autograph=False).get_concrete_function(pixels, *signature)

    @cached_property
    def _calls(self) -> list[LayerCall]:
        return layer_calls(self.model, self.image_shape)

    @cached_property
    def _answers(self) -> Any:
        def answers(images: Any) -> tuple[Any, Any]:
            run, scores = self._run(images)
            return run.outputs, scores

        return self._compiled(answers)

    @cached_property
    def _features(self) -> Any:
        def features(images: Any) -> Any:
            run, _ = self._run(images, (self.layer_name,))
            return self._channels_last(run.recorded[self.layer_name])

        return self._compiled(features)

    @cached_property
    def _feature_gradients(self) -> Any:
        def gradients(images: Any, targets: Any) -> tuple[Any, Any]:
            run, scores = self._run(images, (self.layer_name,))
            features = run.recorded[self.layer_name]
            (gradient,) = tf.gradients(_chosen(scores, targets), features)
            if gradient is None:
                raise ArgumentError(
                    "layer must lie between the images and the answer. Received: "
                    f"{self.layer_name!r}, from which no gradient arrives at the answer of "
                    f"{self.model.name}. Pass the name of another layer."
                )
            return self._channels_last(features), self._channels_last(gradient)

        return self._compiled(gradients, tf.TensorSpec((None,), tf.int32))

    @cached_property
    def _masked_scores(self) -> Any:
        def scores(images: Any, masks: Any, fill: Any) -> Any:
            masks = masks[..., None]
            pixels = masks * images[:, None] + (1 - masks) * fill[:, None]
            flat = tf.reshape(pixels, (-1, *self.image_shape))
            _, scores = self._run(flat)
            return tf.reshape(scores, (tf.shape(images)[0], -1, scores.shape[-1]))

        height, width, channels = self.image_shape
        return self._compiled(
            scores,
            tf.TensorSpec((None, None, height, width), tf.float32),
            tf.TensorSpec((None, None, None, channels), tf.float32),
        )

    def _gradient_graph(self, rule: str | None) -> Any:
        def gradients(images: Any, targets: Any) -> Any:
            _, scores = self._run(images)
            if rule is not None:
                self.changed_relus = modify_relus(scores, rule)
                if not self.changed_relus:
                    raise ArgumentError(
                        f"{self.model.name} must have a ReLU, whose backward pass the method "
                        "changes. Received: a model without a ReLU. Use another method, such as "
                        '"integrated_gradients".'
                    )
            (gradient,) = tf.gradients(_chosen(scores, targets), images)
            if gradient is None:
                raise self._cut()
            return gradient

        return self._compiled(gradients, tf.TensorSpec((None,), tf.int32))

    def _cut(self) -> ArgumentError:
        """Find out where the gradient ends on its way from the answer to the images."""
        calls = [call for call in self._calls if call.shape]
        arrives: list[bool] = []

        def reach(images: Any) -> Any:
            run, scores = self._run(images, tuple(call.name for call in calls))
            gradients = tf.gradients(scores, [run.recorded[call.name] for call in calls])
            arrives.extend(gradient is not None for gradient in gradients)
            return scores

        self._compiled(reach)
        reached = [call.name for call, arrived in zip(calls, arrives, strict=True) if arrived]
        last = next(
            (c.name for c, arrived in zip(calls[::-1], arrives[::-1], strict=True) if not arrived),
            "the images",
        )
        where = (
            f"the gradient reaches {reached[0]!r}, and not {last!r} before it"
            if reached and last != "the images"
            else f"the gradient reaches {reached[0]!r}, and not the images"
            if reached
            else "the gradient does not reach any layer"
        )
        return ArgumentError(
            f"{self.model.name} must be differentiable from its answer to the images. Received: a "
            f"model in which {where}. Look there for stop_gradient, rounding, argmax or integers, "
            'or use a method without gradients, such as "occlusion".'
        )

    @cached_property
    def _has_channels_first(self) -> bool:
        return has_channels_first(self.model, self._calls, self.layer_name)

    def _channels_last(self, features: Any) -> Any:
        """Convert features to float32 [n, rows, columns, channels]."""
        if self._has_channels_first:
            features = tf.transpose(features, (0, 2, 3, 1))
        return tf.cast(features, tf.float32)


def _chosen(scores: Any, targets: Any) -> Any:
    """Choose the score of each image's class: float32 [n]."""
    return tf.gather(scores, targets, batch_dims=1)
