"""The way into the gradient checker: `zoo.gradcheck`."""

from typing import Any

import keras
import numpy as np

from zoo.arguments import whole_number
from zoo.errors import ArgumentError
from zoo.gradients.checker import Checker
from zoo.gradients.precision_copies import copy_of_layer, copy_of_loss
from zoo.gradients.pure_function import PureFunction
from zoo.gradients.report import GradientReport
from zoo.gradients.sample_inputs import layer_inputs, loss_inputs
from zoo.seeds import seeded

MODES = ("full", "fast")
SMALL = 2000
"""If a target has at most so many elements in all, every element is checked by default."""


def gradcheck(
    target: Any,
    input_shape: Any = None,
    *,
    inputs: Any = None,
    batch_size: int = 3,
    mask: Any = None,
    training: bool | None = None,
    mode: str | None = None,
    second_order: bool | None = None,
    twin: Any = None,
    tolerance: float = 1e-5,
    limit: int = 2000,
    seed: int = 0,
) -> GradientReport:
    """Check the gradients of a layer, a model or a loss against central differences.

    The check runs on a copy in float64, which is made from the target's configuration and gets
    its weights. So a float32 layer can be checked, and it stays unchanged. With a random upstream
    gradient u and outputs y, the vector-Jacobian product `uᵀ ∂y/∂t` for each input and weight t
    is compared with `uᵀ (y(t + h e) - y(t - h e)) / 2h`, along every element e (`"full"`) or
    along random directions of ±1 (`"fast"`). Random state is frozen, so dropout has one mask.
    Penalties of regularisers are not part of y.

    Args:
        target: A Keras layer, built or not; a model; or a loss, which is a `keras.losses.Loss` or
            a function of (y_true, y_pred). A layer that was not built gets random weights.
        input_shape: Shape of the input without the batch axis, or a list of shapes. For a loss,
            the shape of the predictions. None takes the shape from a model or a built layer.
        inputs: Arrays with the batch axis at which to check instead: an array or a list of
            arrays. For a loss, labels and predictions. Integers (token ids, labels) have no
            gradient and stay fixed.
        batch_size: How many samples to draw.
        mask: Boolean array for the layer's `mask` argument, or a list of them.
        training: True checks training and False inference. None checks both where they may differ.
        mode: `"full"`, `"fast"`, or None, which is full up to 2,000 elements in all.
        second_order: True counts a wrong second-order gradient as a fault. None measures it and
            adds a note about a fault. False leaves it out. TensorFlow's own second-order gradient
            is wrong in places: `tf.nn.moments`, and so Keras's normalisation layers, stop a
            gradient.
        twin: A layer, model or loss that should behave the same in every precision, eagerly, in a
            graph and through XLA. None takes the twin of Keras for a target from `zoo.layers` or
            `zoo.losses` or a model of these, and else compares with the target itself in float64.
            False compares with nothing.
        tolerance: The largest relative error that counts as right.
        limit: How many elements of a tensor the full mode checks. A larger tensor is sampled.
        seed: Seed of inputs, upstream gradient, directions, and drawn weights.

    Returns:
        The `GradientReport`: `ok`, the `findings` and what is `unjudged` as sentences, and all
        numbers. It can be printed.

    Raises:
        ArgumentError: An argument does not fit, or the target cannot be copied or called.

    Example:
        >>> import keras, zoo
        >>> layer = keras.layers.Conv2D(2, 3, padding="same")
        >>> zoo.gradcheck(layer, input_shape=(5, 5, 1)).ok
        True
        >>> loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        >>> print(zoo.gradcheck(loss, input_shape=(4,)).verdict())
        SparseCategoricalCrossentropy: gradients agree with the differences in float64 (12 \
elements, 0 of them left out at kinks).
    """
    _check_arguments(input_shape, inputs, batch_size, mode, tolerance, limit)
    rng = np.random.default_rng(seed)
    if isinstance(target, keras.layers.Layer):
        arrays, names = layer_inputs(target, input_shape, inputs, batch_size, rng)
        with seeded(seed):
            function = copy_of_layer(target, arrays, names, mask=mask, rng=rng)
        name = target.name if isinstance(target, keras.Model) else type(target).__name__
    elif callable(target):
        if mask is not None:
            raise ArgumentError(
                f"mask must be None for a loss. Received: {mask!r}. Only layers take a mask."
            )
        arrays, names = loss_inputs(target, input_shape, inputs, batch_size, rng)
        function = copy_of_loss(target, arrays, names)
        name = getattr(target, "__name__", type(target).__name__)
    else:
        raise ArgumentError(
            "target must be a Keras layer or model, a keras.losses.Loss, or a function of "
            f"(y_true, y_pred). Received: {target!r}. Wrap other functions in a "
            "keras.layers.Lambda."
        )
    modes = _modes(function, name, training)
    method = mode or ("full" if sum(value.size for value in function.values) <= SMALL else "fast")
    checker = Checker(function, method, tolerance, limit, len(arrays[-1]), seed)
    checker.note_hidden_faults()
    for training_mode in modes:
        checker.first_order(training_mode)
        if second_order is not False:
            checker.second_order(training_mode)
    checker.summarise(modes, count_second_order=bool(second_order))
    if twin is not False:
        # Compiling takes most of the time, and training is the mode whose gradients are used.
        compared = modes if method == "full" else modes[-1:]
        checker.agreement(target, twin, arrays, names, mask, compared)
    return GradientReport(
        target=name,
        mode=method,
        batch_size=len(arrays[-1]),
        seed=seed,
        tolerance=tolerance,
        tensors=tuple(checker.tensors),
        second_order=tuple(checker.products),
        reference=checker.reference,
        agreement=tuple(checker.compared),
        findings=tuple(dict.fromkeys(checker.findings)),
        notes=tuple(dict.fromkeys(checker.notes)),
        unjudged=tuple(checker.unjudged),
    )


def _check_arguments(
    input_shape: Any, inputs: Any, batch_size: int, mode: str | None, tolerance: float, limit: int
) -> None:
    if input_shape is not None and inputs is not None:
        raise ArgumentError(
            "input_shape and inputs must not both be given, since inputs have a shape. Received: "
            f"input_shape={input_shape!r} and inputs. Leave one of the two out."
        )
    if mode is not None and mode not in MODES:
        raise ArgumentError(f'mode must be "full", "fast" or None. Received: {mode!r}.')
    whole_number("batch_size", batch_size, 1)
    whole_number("limit", limit, 1)
    if not 0 < tolerance < 1:
        raise ArgumentError(
            f"tolerance must be between 0 and 1. Received: {tolerance!r}. The default is 1e-5."
        )


def _modes(function: PureFunction, name: str, training: bool | None) -> list[bool | None]:
    """List the modes to check in: training, inference, or None where there is no difference."""
    if not function.names:
        raise ArgumentError(
            f"{name} must have a floating-point input or a trainable weight. Received: a target "
            "with neither, which has no gradient to check. Pass floating-point inputs=."
        )
    if function.has_training_mode:
        return [False, True] if training is None else [training]
    if training is not None:
        raise ArgumentError(
            f"training must be None for {name}, which does the same in training and in inference. "
            f"Received: training={training!r}. Leave training out."
        )
    return [None]
