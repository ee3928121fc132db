"""The checker: `zoo.gradcheck`."""

from typing import Any

import keras
import numpy as np

from zoo.arguments import whole_number
from zoo.errors import ArgumentError
from zoo.gradients.examination import Examination
from zoo.gradients.points import layer_inputs, loss_inputs
from zoo.gradients.report import GradientReport
from zoo.gradients.subject import layer_subject, loss_subject
from zoo.seeds import seeded

MODES = ("full", "fast")
SMALL = 2000
"""Up to so many elements in all, every one is checked unless told otherwise."""


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

    The check runs on a copy in float64, made from the target's configuration and with its
    weights, so a float32 layer is checked as it stands and is left alone. With a random upstream
    gradient u and outputs y, the vector-Jacobian product `uᵀ ∂y/∂t` for each input and weight t
    is compared with `uᵀ (y(t + h e) - y(t - h e)) / 2h`, along every element e (`"full"`) or
    along random directions of ±1 (`"fast"`). Random state is frozen, so dropout has one mask.
    Penalties of regularisers are no part of y.

    Args:
        target: A Keras layer, built or not; a model; or a loss: `keras.losses.Loss` or a function
            of (y_true, y_pred). A layer that was not built gets random weights.
        input_shape: Shape of the input without the batch axis, or a list of shapes; of the
            predictions for a loss. None takes it from a model or a built layer.
        inputs: Arrays to check at instead, with the batch axis: one, or a list; labels and
            predictions for a loss. Integers (token ids, labels) have no gradient and stay fixed.
        batch_size: How many samples to draw.
        mask: Boolean array for the layer's `mask` argument, or a list of them.
        training: Training or inference; None checks both where they may differ.
        mode: `"full"`, `"fast"`, or None: full up to 2,000 elements in all.
        second_order: True counts a wrong second-order gradient as a fault; None measures it and
            notes what is wrong; False leaves it out. TensorFlow's own is wrong in places:
            `tf.nn.moments`, and so Keras's normalisation layers, stop a gradient on the way.
        twin: A layer, model or loss that should behave the same in every precision, eagerly, in a
            graph and through XLA. None takes Keras's own where the target is of `zoo.layers` or
            `zoo.losses` or a model of these, and else compares with the target itself in float64;
            False compares with nothing.
        tolerance: Relative error that counts as right.
        limit: Elements of a tensor that the full mode checks; of a larger one, a random sample.
        seed: Of inputs, upstream gradient, directions, and weights that are drawn.

    Returns:
        The `GradientReport`: `ok`, `findings` in words, and all numbers; print it.

    Raises:
        ArgumentError: An argument that does not fit, or a target that cannot be copied or called.

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
            subject = layer_subject(target, arrays, names, mask=mask, rng=rng)
        name = target.name if isinstance(target, keras.Model) else type(target).__name__
    elif callable(target):
        if mask is not None:
            raise ArgumentError("mask is for layers; the target is a loss.")
        arrays, names = loss_inputs(target, input_shape, inputs, batch_size, rng)
        subject = loss_subject(target, arrays, names)
        name = getattr(target, "__name__", type(target).__name__)
    else:
        raise ArgumentError(
            "The target is a Keras layer or model, a keras.losses.Loss, or a function of "
            f"(y_true, y_pred). Received: {target!r}"
        )
    if not subject.names:
        raise ArgumentError(f"{name} has neither a floating-point input nor a trainable weight.")
    if training is not None and not subject.has_training_mode:
        raise ArgumentError(
            f"{name} does the same in training and in inference. Received: training={training}"
        )
    modes: list[bool | None] = [None]
    if subject.has_training_mode:
        modes = [False, True] if training is None else [training]
    mode = mode or ("full" if sum(value.size for value in subject.values) <= SMALL else "fast")
    check = Examination(subject, mode, tolerance, limit, len(arrays[-1]), seed)
    check.note_what_hides_faults()
    for one in modes:
        check.first_order(one)
        if second_order is not False:
            check.second_order(one)
    check.summarise(modes, count_second_order=bool(second_order))
    if twin is not False:
        # Compiling takes most of the time; training is the mode that has gradients.
        compared = modes if mode == "full" else modes[-1:]
        check.agreement(target, twin, arrays, names, mask, compared)
    return GradientReport(
        target=name,
        mode=mode,
        batch_size=len(arrays[-1]),
        seed=seed,
        tolerance=tolerance,
        tensors=tuple(check.tensors),
        second_order=tuple(check.products),
        reference=check.reference,
        agreement=tuple(check.compared),
        findings=tuple(dict.fromkeys(check.findings)),
        notes=tuple(dict.fromkeys(check.notes)),
    )


def _check_arguments(
    input_shape: Any, inputs: Any, batch_size: int, mode: str | None, tolerance: float, limit: int
) -> None:
    if input_shape is not None and inputs is not None:
        raise ArgumentError("Pass input_shape or inputs, not both: inputs have a shape.")
    if mode is not None and mode not in MODES:
        raise ArgumentError(f'mode is "full", "fast" or None. Received: {mode!r}')
    whole_number("batch_size", batch_size, 1)
    whole_number("limit", limit, 1)
    if not 0 < tolerance < 1:
        raise ArgumentError(f"tolerance is between 0 and 1. Received: {tolerance}")
