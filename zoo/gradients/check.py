"""The checker: `zoo.gradcheck`."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from zoo.errors import ArgumentError
from zoo.gradients.agreement import WITH_TWIN, Make, compare, loss_twin
from zoo.gradients.differences import Differences
from zoo.gradients.first_order import FirstOrder, analytic_gradients
from zoo.gradients.points import layer_inputs, loss_inputs
from zoo.gradients.report import AgreementCheck, GradientReport, SecondOrderCheck, TensorCheck
from zoo.gradients.second_order import second_order
from zoo.gradients.subject import (
    Subject,
    compiled,
    first_line,
    is_all_twins,
    layer_subject,
    loss_subject,
    stops_gradient,
)
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
    check = _Check(subject, mode, tolerance, limit, len(arrays[-1]), seed)
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


class _Check:
    """One target, checked in one or two modes; gathers what is found."""

    def __init__(
        self,
        subject: Subject,
        mode: str,
        tolerance: float,
        limit: int,
        batch_size: int,
        seed: int,
    ) -> None:
        self.tensors: list[TensorCheck] = []
        self.products: list[SecondOrderCheck] = []
        self.reference = ""
        self.compared: list[AgreementCheck] = []
        self.findings: list[str] = []
        self.notes: list[str] = []
        self._subject = subject
        self._mode = mode
        self._tolerance = tolerance
        self._limit = limit
        self._batch_size = batch_size
        self._seed = seed
        self._upstream: list[np.ndarray] = []
        self._right = False
        self._stops = False

    def note_what_hides_faults(self) -> None:
        """Note where a fault would not show at this point."""
        plain = [
            name
            for name, value in zip(self._subject.names, self._subject.values, strict=True)
            if np.isin(value, (0, 1)).all()
        ]
        if plain:
            self.notes.append(
                f"All of {', '.join(plain)} is 0 or 1, where a factor that is forgotten may not "
                "show. A layer that is not built yet is checked with weights of its own."
            )
        if self._batch_size == 1:
            self.notes.append("With one sample, a forgotten factor of the batch size is 1.")

    def first_order(self, label: bool | None) -> None:
        """Check every tensor, in training, in inference, or (None) where there is no such thing."""
        training, where = bool(label), _where(label)
        # The same in both modes, so that what is wrong in one only is that mode's; other draws than
        # the inputs', which are no general upstream gradient.
        rng = np.random.default_rng([self._seed, 1])
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
        self._upstream = [rng.standard_normal(y.shape) for y in outputs]
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
            rng,
        )
        found = [first.check(k, gradients, label) for k in range(len(values))]
        self.tensors += found
        self.notes += first.notes
        self._right = not any(one.problem for one in found)
        if not self._right and self._stops:
            self.notes.append(
                "The target stops gradients (tf.stop_gradient). Differences do not stop, so what "
                "it leaves out on purpose is found as wrong here."
            )

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
                np.random.default_rng([self._seed, 2]),
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

    def agreement(
        self,
        target: Any,
        twin: Any,
        arrays: Sequence[np.ndarray],
        names: Sequence[str],
        mask: Any,
        modes: Sequence[bool | None],
    ) -> None:
        """Compare with a twin, or with float64, in every precision and way to run."""
        layer, policies = self._subject.rebuilt, list(WITH_TWIN)

        def made(of: Any, *, as_keras: bool = False) -> Make:
            def make(policy: str) -> Subject:
                dtype = "float64" if policy == "float64" else "float32"
                cast = [x.astype(dtype) if x.dtype.kind == "f" else x for x in arrays]
                if layer is None:
                    return loss_subject(of, cast, names, policy)
                return layer_subject(of, cast, names, policy=policy, mask=mask, as_keras=as_keras)

            return make

        theirs = None
        if twin is not None:
            theirs, self.reference = made(twin), "the twin"
        elif layer is None and (keras_loss := loss_twin(target, *arrays)):
            theirs, self.reference = made(keras_loss), "the Keras twin"
        elif layer is not None and is_all_twins(layer):
            theirs, self.reference = made(layer, as_keras=True), "the Keras twin"
        elif self.findings:
            self.notes.append("Not compared in other precisions: it is not right in float64.")
            return
        else:
            self.reference = "float64"
        if layer is None and not isinstance(target, keras.losses.Loss):
            policies = ["float64", "float32"]  # a function has no policy
        if isinstance(target, keras.Model) and self.reference == "float64":
            policies = ["float64", "float32"]
            self.notes.append(
                "Not compared in half precision, where a deep network is all rounding."
            )
        if self._subject.random and self.reference != "the Keras twin":
            # Keras's layers and ours draw the same; others, and other precisions, need not.
            modes = [one for one in modes if not one]
            self.notes.append(f"Compared with {self.reference} in inference only: it is random.")
        try:
            ours = made(target if layer is None else layer)
            deep = isinstance(target, keras.Model)
            self.compared = list(
                compare(self._subject, ours, theirs, policies, modes, self._seed, deep=deep)
            )
        except Exception as error:
            self.notes.append(
                f"Not compared with {self.reference}: {type(error).__name__}: {first_line(error)}"
            )
            return
        for one in self.compared:
            where = f"against {self.reference}, {one.policy}, {one.execution}{_where(one.training)}"
            if one.problem:
                self.findings.append(f"{where}: {one.problem}")
            if one.note:
                self.notes.append(f"{where}: {one.note}")
        far = [one for one in self.compared if one.far and not one.problem and not one.note]
        if far:
            low = " and ".join(dict.fromkeys(one.policy for one in far))
            most = max(one.max_error or 0 for one in far)
            why = ", which is no nearer to float64" if theirs else ", by rounding or a fault there"
            self.notes.append(f"In {low} it is up to {most:.2g} from {self.reference}{why}.")

    def _forward(self, training: bool, where: str) -> Any:
        """The function whose differences are taken: a graph, or eager where that fails."""
        values = [tf.constant(value) for value in self._subject.values]
        try:
            graph = compiled(lambda values: self._subject.outputs(values, training), values)
            self._stops = stops_gradient(graph)
            return graph
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
