"""The checker: `zoo.gradcheck`."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from zoo.errors import ArgumentError
from zoo.gradients.differences import Differences
from zoo.gradients.first_order import FirstOrder, analytic_gradients
from zoo.gradients.points import layer_inputs, loss_inputs
from zoo.gradients.probes import compare_with_twin, second_order, twin_of
from zoo.gradients.report import GradientReport, SecondOrderCheck, TensorCheck, TwinCheck
from zoo.gradients.subject import Subject, compiled, first_line, layer_subject, loss_subject
from zoo.registry import seeded

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
        twin: A layer that should behave the same; None takes the Keras layer of the same name for
            layers of `zoo.layers`; False compares with none.
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
        SparseCategoricalCrossentropy: gradients agree with the differences (12 elements, 0 of \
them left out at kinks).
    """
    _check_arguments(input_shape, inputs, batch_size, mode, tolerance, limit)
    rng = np.random.default_rng(seed)
    is_layer = isinstance(target, keras.layers.Layer)
    if is_layer:
        arrays, names = layer_inputs(target, input_shape, inputs, batch_size, rng)
        with seeded(seed):
            subject = layer_subject(target, arrays, names, mask=mask, rng=rng)
        name = target.name if isinstance(target, keras.Model) else type(target).__name__
    elif callable(target):
        if mask is not None or twin:
            raise ArgumentError("mask and twin are for layers; the target is a loss.")
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
    mode = mode or ("full" if sum(value.size for value in subject.values) <= SMALL else "fast")
    check = _Check(subject, mode, tolerance, limit, len(arrays[-1]), rng)
    plain = [
        name
        for name, value in zip(subject.names, subject.values, strict=True)
        if np.isin(value, (0, 1)).all()
    ]
    if plain:
        check.notes.append(
            f"All of {', '.join(plain)} is 0 or 1, where a factor that is forgotten may not show. "
            "A layer that is not built yet is checked with weights of its own."
        )
    if training is not None and not subject.has_training_mode:
        raise ArgumentError(
            f"{name} does the same in training and in inference. Received: training={training}"
        )
    modes: list[bool | None] = [None]
    if subject.has_training_mode:
        modes = [False, True] if training is None else [training]
    for one in modes:
        check.first_order(one)
        if second_order is not False:
            check.second_order(one)
    check.summarise(modes, count_second_order=bool(second_order))
    twin = twin_of(target) if is_layer and twin is None else twin
    if twin is not None and twin is not False:
        check.twin(twin, arrays, names, mask)
    return GradientReport(
        target=name,
        mode=mode,
        batch_size=len(arrays[-1]),
        seed=seed,
        tolerance=tolerance,
        tensors=tuple(check.tensors),
        second_order=tuple(check.products),
        twin=tuple(check.twins),
        findings=tuple(dict.fromkeys(check.findings)),
        notes=tuple(dict.fromkeys(check.notes)),
    )


class _Check:
    """One target, checked in one or two modes; gathers what is found."""

    def __init__(
        self,
        subject: Subject,
        mode: str,
        tolerance: float,
        limit: int,
        batch_size: int,
        rng: np.random.Generator,
    ) -> None:
        self.tensors: list[TensorCheck] = []
        self.products: list[SecondOrderCheck] = []
        self.twins: list[TwinCheck] = []
        self.findings: list[str] = []
        self.notes: list[str] = []
        self._subject = subject
        self._mode = mode
        self._tolerance = tolerance
        self._limit = limit
        self._batch_size = batch_size
        self._rng = rng
        self._upstream: list[np.ndarray] = []
        self._right = False

    def first_order(self, label: bool | None) -> None:
        """Check every tensor, in training, in inference, or (None) where there is no such thing."""
        training, where = bool(label), _where(label)
        self._right = False
        subject, values = self._subject, self._subject.values
        forward = self._forward(training, where)
        outputs, again = (
            [np.asarray(y) for y in forward(list(map(tf.constant, values)))] for _ in range(2)
        )
        if not outputs:
            raise ArgumentError("The target has no floating-point output.")
        broken = any(np.any(y != np.round(y)) for y in outputs)  # whole numbers say nothing
        if broken and not any(map(_single, values)) and all(map(_single, outputs)):
            raise ArgumentError(
                "The target computes in float32 inside, even under the policy float64, so "
                "differences cannot tell a right gradient from a wrong one."
            )
        if not all(np.isfinite(y).all() for y in outputs):
            self.findings.append(f"outputs are not finite{where}, so they have no differences")
            return
        if not _same(outputs, again, 1e-12):
            self.findings.append(
                f"two passes with the same random state differ{where}, so differences say "
                "nothing: is there randomness without a SeedGenerator?"
            )
            return
        self._upstream = [self._rng.standard_normal(y.shape) for y in outputs]
        gradients = analytic_gradients(subject, self._upstream, training)
        self.findings += [f"{fault}{where}" for fault in gradients.faults]
        if not gradients.ways:
            return
        if any(not _same(outputs, seen, 1e-9) for seen in gradients.outputs):
            self.findings.append(f"outputs under a tape differ from those without{where}")
        first = FirstOrder(
            subject,
            Differences(forward, values, self._upstream, self._tolerance),
            self._mode,
            self._tolerance,
            self._limit,
            _factors(outputs, self._batch_size),
            self._rng,
        )
        found = [first.check(k, gradients, label) for k in range(len(values))]
        self.tensors += found
        self.notes += first.notes
        self._right = not any(one.problem for one in found)

    def second_order(self, label: bool | None) -> None:
        """Check the second order where the first is right."""
        if not self._right:
            self.notes.append("Second order not checked, since the first is not right.")
            return
        try:
            self.products += second_order(
                self._subject,
                self._upstream,
                bool(label),
                label,
                10 * self._tolerance,
                self._rng,
            )
        except Exception as error:
            self.notes.append(
                f"Second order{_where(label)} is not to be had: {type(error).__name__}: "
                f"{first_line(error)}"
            )

    def summarise(self, modes: Sequence[bool | None], *, count_second_order: bool) -> None:
        """Tell each tensor's fault once, with the mode where it is in one only."""
        self.findings += _summary(self.tensors, modes)
        second = _summary(self.products, modes)
        if count_second_order:
            self.findings += second
        else:
            self.notes += second

    def twin(self, twin: Any, arrays: Sequence[Any], names: Sequence[str], mask: Any) -> None:
        """Compare with the twin; faults become findings."""
        layer = self._subject.rebuilt
        try:
            self.twins = list(compare_with_twin(layer, twin, arrays, names, mask, self._rng))
        except Exception as error:
            self.notes.append(
                f"The twin cannot run here: {type(error).__name__}: {first_line(error)}"
            )
            return
        self.findings += [
            f"twin, {one.policy}, {one.execution}: {one.problem}"
            for one in self.twins
            if one.problem
        ]
        if self._subject.random:
            self.notes.append("The twin was compared in inference only: random draws may differ.")

    def _forward(self, training: bool, where: str) -> Any:
        """The function whose differences are taken: a graph, or eager where that fails."""
        values = [tf.constant(value) for value in self._subject.values]
        try:
            return compiled(lambda values: self._subject.outputs(values, training), values)
        except Exception as error:
            self.findings.append(
                f"cannot run in a graph{where}: {type(error).__name__}: {first_line(error)}"
            )
            return lambda values: self._subject.outputs(values, training)


def _check_arguments(
    input_shape: Any, inputs: Any, batch_size: int, mode: str | None, tolerance: float, limit: int
) -> None:
    if input_shape is not None and inputs is not None:
        raise ArgumentError("Pass input_shape or inputs, not both: inputs have a shape.")
    if mode is not None and mode not in MODES:
        raise ArgumentError(f'mode is "full", "fast" or None. Received: {mode!r}')
    if batch_size < 1 or limit < 1:
        raise ArgumentError(
            "batch_size and limit are whole numbers of 1 or more. "
            f"Received: batch_size={batch_size}, limit={limit}"
        )
    if not 0 < tolerance < 1:
        raise ArgumentError(f"tolerance is between 0 and 1. Received: {tolerance}")


def _summary(
    checks: Sequence[TensorCheck] | Sequence[SecondOrderCheck], modes: Sequence[bool | None]
) -> list[str]:
    lines = []
    for name in dict.fromkeys(one.name for one in checks):
        wrong = {one.training: one.problem for one in checks if one.name == name and one.problem}
        if wrong:
            (mode, problem), *_ = wrong.items()
            only = f"; wrong only in {'training' if mode else 'inference'} mode"
            lines.append(f"{name}: {problem}{only if len(wrong) < len(modes) else ''}")
    return lines


def _factors(outputs: Sequence[np.ndarray], batch_size: int) -> dict[str, int]:
    """What a mean may have divided by."""
    shape = outputs[0].shape
    return {
        "the batch size": batch_size,
        "the number of features or classes": shape[-1] if shape else 1,
        "the number of positions": int(np.prod(shape[:-1])),
        "the number of elements": int(np.prod(shape)),
    }


def _same(one: Sequence[np.ndarray], other: Sequence[np.ndarray], tolerance: float) -> bool:
    return all(
        a.shape == b.shape and np.allclose(a, b, rtol=tolerance, atol=tolerance, equal_nan=True)
        for a, b in zip(one, other, strict=True)
    )


def _single(values: np.ndarray) -> bool:
    """Whether float32 would hold these values without loss."""
    return bool(np.all(values == values.astype("float32")))


def _where(label: bool | None) -> str:
    return {None: "", True: " (training)", False: " (inference)"}[label]
