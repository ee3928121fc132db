"""The checker: `zoo.gradcheck`."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from zoo.errors import ArgumentError
from zoo.gradients import diagnosis
from zoo.gradients.differences import STEPS, Differences, Test, project, relative_error
from zoo.gradients.points import layer_inputs, loss_inputs
from zoo.gradients.probes import compare_with_twin, second_order, twin_of
from zoo.gradients.report import GradientReport, SecondOrderCheck, TensorCheck, TwinCheck
from zoo.gradients.subject import Subject, layer_subject, loss_subject
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
    size = sum(value.size for value in subject.values)
    mode = mode or ("full" if size <= SMALL else "fast")
    check = _Check(subject, mode, tolerance, limit, len(arrays[-1]), rng)
    if not subject.has_training_mode:
        modes: list[bool | None] = [None]
    else:
        modes = [False, True] if training is None else [training]
    for one in modes:
        check.run(one)
    twins: list[TwinCheck] = []
    twin = twin_of(target) if twin is None else twin
    if twin is not False and twin is not None:
        twins = check.twin(subject.rebuilt, twin, arrays, names, mask)
    return GradientReport(
        target=name,
        mode=mode,
        batch_size=len(arrays[-1]),
        seed=seed,
        tolerance=tolerance,
        tensors=tuple(check.tensors),
        second_order=tuple(check.second_order),
        twin=tuple(twins),
        findings=tuple(dict.fromkeys([*check.findings, *check.summary(modes)])),
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
        self.subject = subject
        self.mode = mode
        self.tolerance = tolerance
        self.limit = limit
        self.batch_size = batch_size
        self.rng = rng
        self.tensors: list[TensorCheck] = []
        self.second_order: list[SecondOrderCheck] = []
        self.findings: list[str] = []
        self.notes: list[str] = []

    def run(self, label: bool | None) -> None:
        """Check every tensor in training or inference, then the second order."""
        training = bool(label)
        suffix = {None: "", True: " (training)", False: " (inference)"}[label]
        subject, values = self.subject, self.subject.values
        forward = self._forward(training, suffix)
        outputs = [np.asarray(y) for y in forward(values)]
        if not outputs:
            raise ArgumentError("The target has no floating-point output.")
        again = [np.asarray(y) for y in forward(values)]
        if not _same(outputs, again, 1e-12):
            self.findings.append(
                f"two passes with the same random state differ{suffix}, so differences say "
                "nothing: is there randomness without a SeedGenerator?"
            )
            return
        upstream = [self.rng.standard_normal(y.shape) for y in outputs]
        gradients, wayward = self._analytic(outputs, upstream, training, suffix)
        if gradients is None:
            return
        differences = Differences(forward, values, upstream, self.tolerance)
        found = []
        for k, gradient in enumerate(gradients):
            found.append(self._tensor(k, gradient, wayward[k], differences, outputs, label))
        self.tensors += found
        if any(one.problem for one in found):
            self.notes.append(f"Second order not checked{suffix}, since the first is wrong.")
            return
        if all(gradient is None for gradient in gradients):
            return
        try:
            self.second_order += second_order(
                subject, upstream, training, label, 10 * self.tolerance, self.rng
            )
        except Exception as error:
            self.notes.append(
                f"Second order{suffix} is not to be had: {type(error).__name__}: "
                f"{_first_line(error)}"
            )

    def twin(
        self, layer: Any, twin: Any, arrays: Sequence[Any], names: Sequence[str], mask: Any
    ) -> list[TwinCheck]:
        """Compare with the twin; faults become findings."""
        checks = list(compare_with_twin(layer, twin, arrays, names, mask, self.rng))
        self.findings += [
            f"twin, {one.policy}, {one.execution}: {one.problem}" for one in checks if one.problem
        ]
        if self.subject.random:
            self.notes.append("The twin was compared in inference only: random draws may differ.")
        return checks

    def summary(self, modes: Sequence[bool | None]) -> list[str]:
        """Each tensor's fault once, with the mode where there is only one."""
        lines = []
        for checks in (self.tensors, self.second_order):
            for name in dict.fromkeys(one.name for one in checks):
                wrong = {
                    one.training: one.problem for one in checks if one.name == name and one.problem
                }
                if not wrong:
                    continue
                (mode, problem), *_ = wrong.items()
                only = len(wrong) < len(modes)
                where = (
                    f"; wrong only in {'training' if mode else 'inference'} mode" if only else ""
                )
                lines.append(f"{name}: {problem}{where}")
        return lines

    def _forward(self, training: bool, suffix: str) -> Any:
        """The function whose differences are taken: a graph, or eager where that fails."""
        graph = tf.function(lambda values: self.subject.outputs(values, training), autograph=False)

        def run(values: Sequence[np.ndarray]) -> Any:
            return graph([tf.constant(value) for value in values])

        try:
            run(self.subject.values)
        except Exception as error:
            self.findings.append(
                f"cannot run in a graph{suffix}: {type(error).__name__}: {_first_line(error)}"
            )
            return lambda values: self.subject.outputs(list(map(tf.constant, values)), training)
        return run

    def _analytic(
        self,
        outputs: Sequence[np.ndarray],
        upstream: Sequence[np.ndarray],
        training: bool,
        suffix: str,
    ) -> tuple[list[Any] | None, list[str]]:
        """The gradients, and what is odd about each: not linear in what comes from above."""
        subject = self.subject
        moving = [tf.constant(x) for x in subject.values[: len(subject.input_names)]]
        graph = tf.function(lambda x, u: subject.gradients(x, u, training), autograph=False)
        ways = {"eager": lambda x, u: subject.gradients(x, u, training), "graph": graph}
        results = {}
        for way, run in ways.items():
            try:
                results[way] = run(moving, list(map(tf.constant, upstream)))
            except Exception as error:
                self.findings.append(
                    f"gradient in {way} execution{suffix} raises {type(error).__name__}: "
                    f"{_first_line(error)}"
                )
        for way, (seen, _) in results.items():
            if not _same(outputs, [np.asarray(y) for y in seen], 1e-9):
                self.findings.append(
                    f"outputs in {way} execution under a tape differ from those without{suffix}"
                )
        if not results:
            return None, []
        way = next(iter(results))
        gradients = results[way][1]
        if len(results) == 2:
            for name, one, other in zip(
                subject.names, results["eager"][1], results["graph"][1], strict=True
            ):
                if not _alike(one, other):
                    self.findings.append(
                        f"{name}: gradients differ between eager and graph{suffix}"
                    )
        _, scaled = ways[way](moving, [tf.constant(-3 * u) for u in upstream])
        return gradients, [
            _linearity(one, three) for one, three in zip(gradients, scaled, strict=True)
        ]

    def _tensor(
        self,
        k: int,
        gradient: Any,
        wayward: str,
        differences: Differences,
        outputs: Sequence[np.ndarray],
        label: bool | None,
    ) -> TensorCheck:
        """Compare one tensor's gradient with differences."""
        name, value = self.subject.names[k], self.subject.values[k]
        is_input = k < len(self.subject.input_names)
        step, central = differences.sweep(k, directions := self._directions(value, 2))
        tests: list[Test] = (
            self._elements(value, self.limit)
            if self.mode == "full"
            else list(self._directions(value, 4))
        )
        slopes = differences.slopes(k, tests, step)
        result = TensorCheck(
            name=name,
            role="input" if is_input else "weight",
            training=label,
            shape=value.shape,
            dtype=None if gradient is None else gradient.dtype.name,
            checked=len(tests),
            size=value.size,
            kinks=int(slopes.kinks.sum()),
            step=step,
            max_absolute_error=None,
            max_relative_error=None,
            index=None,
            analytic=None,
            numeric=None,
            scale=None,
            sweep=(None,) * len(STEPS),
        )
        smooth = ~slopes.kinks
        numeric = slopes.numeric[smooth]
        if not smooth.any() and value.size:
            self.notes.append(f"{name}: nothing but kinks, so nothing was compared.")
        if gradient is None:
            largest = float(np.max(np.abs(numeric), initial=0))
            if largest > slopes.floor:
                return replace(
                    result, problem=f"gradient is None, and the slopes reach {largest:.3g}"
                )
            self.notes.append(f"{name}: gradient is None; the slopes are zero as well.")
            return result
        analytic = np.asarray(gradient)
        if analytic.shape != value.shape:
            problem = f"gradient has shape {analytic.shape}, the tensor {value.shape}"
            spare = analytic.ndim - value.ndim
            if spare > 0 and analytic.shape[spare:] == value.shape:
                problem += ": not summed over the leading axes, such as the batch?"
            return replace(result, problem=problem)
        if gradient.dtype != value.dtype:
            return replace(result, problem=f"gradient is {gradient.dtype.name}, not {value.dtype}")
        if not np.isfinite(analytic).all():
            bad = np.argwhere(~np.isfinite(analytic))
            return replace(
                result, problem=f"{len(bad):,} values are not finite, such as at {_index(bad[0])}"
            )
        along = project(analytic, directions)
        result = replace(
            result,
            sweep=tuple(float(max(relative_error(along, row, 1e-300))) for row in central),
        )
        tests = [test for test, keep in zip(tests, smooth, strict=True) if keep]
        if not tests:
            return result
        result = _compared(result, analytic, tests, numeric, slopes.floor)
        right = (
            result.max_relative_error is not None and result.max_relative_error <= self.tolerance
        )
        if right:
            return replace(result, problem=wayward)
        evidence = diagnosis.Evidence(
            gradient=analytic,
            tests=tests,
            numeric=numeric,
            floor=slopes.floor,
            tolerance=self.tolerance,
            factors=self._factors(outputs),
            batched=is_input,
        )
        problem = wayward or diagnosis.explain(evidence)
        if self.mode == "fast":
            # Directions have seen the fault; elements can say where it is.
            elements = self._elements(value, 100)
            slopes = differences.slopes(k, elements, step)
            tests = [test for test, kink in zip(elements, slopes.kinks, strict=True) if not kink]
            numeric = slopes.numeric[~slopes.kinks]
            if tests:
                errors = result
                result = _compared(result, analytic, tests, numeric, slopes.floor)
                if result.max_relative_error <= self.tolerance:
                    result = errors
                elif "wrong at" in problem:
                    problem = diagnosis.explain(
                        replace(evidence, tests=tests, numeric=numeric, floor=slopes.floor)
                    )
        where = "" if result.index is None else f" at {_index(result.index)}"
        return replace(
            result,
            problem=f"{problem} (largest error{where}: analytic {result.analytic:.5g}, "
            f"numeric {result.numeric:.5g})",
        )

    def _directions(self, value: np.ndarray, count: int) -> list[np.ndarray]:
        return [self.rng.choice((-1.0, 1.0), value.shape) for _ in range(count)]

    def _elements(self, value: np.ndarray, limit: int) -> list[Test]:
        if value.size <= limit:
            return list(range(value.size))
        return sorted(self.rng.choice(value.size, limit, replace=False).tolist())

    def _factors(self, outputs: Sequence[np.ndarray]) -> dict[str, int]:
        """What a mean may have divided by."""
        shape = next((y.shape for y in outputs if y.ndim), self.subject.values[0].shape)
        return {
            "the batch size": self.batch_size,
            "the number of features or classes": shape[-1],
            "the number of positions": int(np.prod(shape[:-1])),
            "the number of elements": int(np.prod(shape)),
        }


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


def _compared(
    result: TensorCheck,
    analytic: np.ndarray,
    tests: Sequence[Test],
    numeric: np.ndarray,
    floor: float,
) -> TensorCheck:
    predicted = project(analytic, tests)
    errors = np.nan_to_num(relative_error(predicted, numeric, floor), nan=np.inf)
    worst, test = int(np.argmax(errors)), tests[int(np.argmax(errors))]
    index = None
    if not isinstance(test, np.ndarray):
        index = tuple(int(i) for i in np.unravel_index(test, analytic.shape))
    return replace(
        result,
        max_absolute_error=float(np.max(np.abs(predicted - numeric))),
        max_relative_error=float(errors[worst]),
        index=index,
        analytic=float(predicted[worst]),
        numeric=float(numeric[worst]),
        scale=diagnosis.scale(predicted, numeric),
    )


def _linearity(once: Any, thrice: Any) -> str:
    """What is wrong if -3 times the upstream gradient does not give -3 times the gradient."""
    if once is None or thrice is None or once.shape != thrice.shape:
        return ""
    a, b = np.asarray(once), np.asarray(thrice)
    if not a.size or not np.isfinite(a).all():
        return ""
    level = 1e-9 * float(np.abs(a).max())
    if np.abs(b + 3 * a).max() <= level:
        return ""
    if np.abs(b - a).max() <= level:
        return "the gradient ignores the upstream gradient"
    return "the gradient is not linear in the upstream gradient"


def _same(one: Sequence[np.ndarray], other: Sequence[np.ndarray], tolerance: float) -> bool:
    return all(
        a.shape == b.shape and np.allclose(a, b, rtol=tolerance, atol=tolerance, equal_nan=True)
        for a, b in zip(one, other, strict=True)
    )


def _alike(one: Any, other: Any) -> bool:
    if one is None or other is None:
        return one is other
    a, b = np.asarray(one), np.asarray(other)
    level = 1e-9 * float(np.max(np.abs(a), initial=0))
    return a.shape == b.shape and np.allclose(a, b, rtol=0, atol=level, equal_nan=True)


def _index(index: Sequence[int]) -> str:
    return f"({', '.join(str(int(i)) for i in index)})"


def _first_line(error: BaseException) -> str:
    return str(error).strip().split("\n")[0]
