"""Agreement of outputs and gradients with a twin, or with float64 where there is no twin."""

import functools
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from zoo.gradients.pure_function import PureFunction, compiled
from zoo.gradients.report import EXECUTIONS, AgreementCheck
from zoo.losses import SoftmaxCrossEntropy
from zoo.text import first_line

WITH_TWIN = {"float64": 1e-9, "float32": 1e-4, "mixed_float16": 1e-2, "mixed_bfloat16": 0.2}
"""The largest error between twins in each precision.

Keras sums the gradient of a bias in bfloat16, which alone is 10 % off over 48 × 48 positions.
"""

WITH_FLOAT64 = {"float64": 1e-9, "float32": 1e-3, "mixed_float16": 0.05, "mixed_bfloat16": 0.3}
"""The largest error of each precision against float64. In half precision, more is only noted."""

NO_ROUNDING = 0.5
"""An error above half of a tensor's size is a fault in any precision."""

SMALL_TENSOR = {False: 1e-3, True: 0.03}
"""A tensor smaller than this part of the largest is judged as if it had this size, by `rough`.

Rounding is as large as the numbers that were added up. The gradient of a bias in front of a batch
normalisation, for example, is a sum of large numbers that cancel, so that only rounding remains.
"""

UNIT_ROUNDING = {
    "float64": 2.0**-53,
    "float32": 2.0**-24,
    "mixed_float16": 2.0**-11,
    "mixed_bfloat16": 2.0**-8,
}
"""The largest relative error of rounding a number in each precision."""

ROUNDING_STEPS = 10
"""A difference up to this many times the effect of rounding only the inputs and weights may come
from rounding: a layer also rounds each of its intermediate results."""

TWIN_ERRORS = 2
"""A difference up to this many times the twin's own error against float64 may be rounding."""

MakeFunction = Callable[[str], PureFunction]
"""Makes the function under a Keras dtype policy."""

Values = list[np.ndarray | None]
"""Outputs, then a gradient for each tensor, in float64."""


@dataclass(frozen=True)
class _Call:
    """A function with its arguments."""

    function: PureFunction
    training: bool
    moving: list[Any]
    upstream: list[Any]

    def run(self, moving: Any, upstream: Any) -> Any:
        return self.function.gradients(moving, upstream, self.training)


def compare(
    reference: PureFunction,
    make_checked: MakeFunction,
    make_twin: MakeFunction | None,
    policies: Sequence[str],
    modes: Sequence[bool | None],
    seed: int,
    *,
    deep: bool = False,
) -> Iterator[AgreementCheck]:
    """Run in every precision, eagerly, in a graph and through XLA, and compare the results.

    With a twin, the twin runs the same way in the same precision. Without a twin, every result is
    compared with eager execution in float64.

    Args:
        reference: The function in float64, whose weights and random state all others take.
        make_checked: Makes the checked function.
        make_twin: Makes the twin, or None.
        policies: The precisions to run in.
        modes: True for training, False for inference, None where there is no difference.
        seed: Seed of the upstream gradient.
        deep: Whether the function is a whole network, in which rounding adds up in float32 too.

    Yields:
        A check for each precision, mode and way to run.
    """

    @functools.cache
    def exact(training: bool) -> Values:
        (values,) = _run([_prepared(reference, training, seed)], "eager")
        return values

    @functools.cache
    def rounding_effect(policy: str, training: bool, rough: bool) -> float:
        return _rounding_effect(reference, exact(training), policy, training, seed, rough=rough)

    modes_that_differ: set[bool | None] = set()
    for policy in policies:
        functions = [make(policy) for make in (make_checked, make_twin) if make]
        for function in functions:
            function.copy_state(reference)
        results = _all_results(functions, modes, seed)
        rough = policy.startswith("mixed") or (deep and make_twin is None and policy == "float32")
        for mode, execution in itertools.product(modes, EXECUTIONS):
            if make_twin is None and (policy, execution) == ("float64", "eager"):
                continue
            tolerance = (WITH_TWIN if make_twin else WITH_FLOAT64)[policy]
            check = AgreementCheck(mode, policy, execution, None, tolerance)
            result = results[execution, mode, 0]
            expected = results[execution, mode, 1] if make_twin else exact(bool(mode))
            if isinstance(expected, Exception):
                yield replace(check, note=f"the twin {_raised(expected)}")
                continue
            if isinstance(result, Exception):
                # Not every function can be compiled; where the twin can, this function should.
                if make_twin is None and execution == "xla":
                    yield replace(check, note=_raised(result))
                else:
                    yield replace(check, problem=_raised(result))
                continue
            error, description = _difference(reference.names, result, expected, rough=rough)
            check = replace(check, max_error=error)
            if not check.far:
                yield check
                continue
            if policy == "float64":
                modes_that_differ.add(mode)
            rounding = ROUNDING_STEPS * rounding_effect(policy, bool(mode), rough)
            if make_twin is None:
                rounding = max(rounding, NO_ROUNDING if rough else 0)
            elif mode not in modes_that_differ and not (mode and reference.random):
                # The twins are the same in float64, and draw the same random numbers. So an error
                # of Keras's is rounding. (Random numbers of different precisions differ.)
                twin_error, _ = _difference([], expected, exact(bool(mode)), rough=rough)
                rounding = max(rounding, TWIN_ERRORS * twin_error)
            yield check if error <= rounding < np.inf else replace(check, problem=description)


def loss_twin(loss: Any, labels: np.ndarray, predictions: np.ndarray) -> Any:
    """Make the loss of Keras that computes the same for such labels, or give None."""
    if not isinstance(loss, SoftmaxCrossEntropy):
        return None
    common: Any = {"from_logits": True, "axis": loss.axis, "reduction": loss.reduction}
    if labels.shape == predictions.shape:
        return keras.losses.CategoricalCrossentropy(label_smoothing=loss.label_smoothing, **common)
    return None if loss.label_smoothing else keras.losses.SparseCategoricalCrossentropy(**common)


def _all_results(
    functions: Sequence[PureFunction], modes: Sequence[bool | None], seed: int
) -> dict[tuple[str, bool | None, int], Values | Exception]:
    """Run all functions in all modes, in each way to run; by way, mode and number of function."""
    keys = list(itertools.product(modes, range(len(functions))))
    calls: list[_Call | Exception] = []
    for mode, number in keys:
        try:
            calls.append(_prepared(functions[number], bool(mode), seed))
        except Exception as error:
            calls.append(error)
    possible = [call for call in calls if isinstance(call, _Call)]
    results = {}
    for execution in EXECUTIONS:
        run = iter(_results(possible, execution))
        for (mode, number), call in zip(keys, calls, strict=True):
            result = next(run) if isinstance(call, _Call) else call
            results[execution, mode, number] = result
    return results


def _prepared(function: PureFunction, training: bool, seed: int) -> _Call:
    """Draw the upstream gradient, for which the function runs eagerly once."""
    values = [tf.constant(x) for x in function.values]
    rng = np.random.default_rng([seed, 3])
    upstream = [
        tf.cast(rng.standard_normal(y.shape), y.dtype) for y in function.outputs(values, training)
    ]
    return _Call(function, training, values[: len(function.input_names)], upstream)


def _results(calls: Sequence[_Call], execution: str) -> list[Values | Exception]:
    """Run calls eagerly, in a graph or through XLA.

    All calls share one graph, since XLA compiles one large graph in less time than several small
    ones. Where the common graph fails, each call gets a graph of its own, which shows which fails.
    """
    if execution != "eager" and len(calls) > 1:
        try:
            return [*_run(calls, execution)]
        except Exception:
            return [result for call in calls for result in _results([call], execution)]
    results: list[Values | Exception] = []
    for call in calls:
        try:
            results += _run([call], execution)
        except Exception as error:
            results.append(error)
    return results


def _run(calls: Sequence[_Call], execution: str) -> list[Values]:
    def run(moving: Any, upstream: Any) -> Any:
        return [call.run(m, u) for call, m, u in zip(calls, moving, upstream, strict=True)]

    arguments = [call.moving for call in calls], [call.upstream for call in calls]
    function = run if execution == "eager" else compiled(run, *arguments, xla=execution == "xla")
    # float32's stand-in for infinity is larger than any number of float16.
    with np.errstate(over="ignore"):
        results = function(*arguments)
    return [
        [None if x is None else np.asarray(tf.cast(x, "float64")) for x in [*outputs, *gradients]]
        for outputs, gradients in results
    ]


def _rounding_effect(
    reference: PureFunction, exact: Values, policy: str, training: bool, seed: int, *, rough: bool
) -> float:
    """Measure how much outputs and gradients change if inputs and weights are rounded.

    A deep network with batch normalisation of few samples magnifies rounding to any size.
    """
    rng = np.random.default_rng([seed, 4])
    unit = UNIT_ROUNDING[policy]
    step = max(unit, 1e-12)  # in float64, a measurable step
    call, values, effects = _prepared(reference, training, seed), reference.values, []
    try:
        for _ in range(3):
            moved = [x * (1 + step * rng.uniform(-1, 1, x.shape)) for x in values]
            reference.assign(moved[len(call.moving) :])
            moving = [tf.constant(x) for x in moved[: len(call.moving)]]
            (changed,) = _run([replace(call, moving=moving)], "eager")
            effects.append(_difference(reference.names, changed, exact, rough=rough)[0])
    finally:
        reference.assign(values[len(call.moving) :])
    return float(max(effects)) * unit / step


def _difference(
    names: Sequence[str], result: Values, expected: Values, *, rough: bool
) -> tuple[float, str]:
    """Find the largest difference of a tensor relative to its size, and describe it.

    If `rough`, a size is the root mean square, since the rounding of half precision takes single
    elements over the kinks of a ReLU; else it is the largest element. A tensor much smaller than
    the largest tensor is judged as if it were larger: the gradient of a bias in front of a batch
    normalisation, for example, is only rounding.
    """

    def size(x: np.ndarray) -> float:
        return float(np.sqrt(np.mean(x**2)) if rough else np.max(np.abs(x)))

    outputs = len(expected) - len(names)
    labels = [*["output"] * outputs, *(f"gradient of {name}" for name in names)]
    if len(result) != len(expected):
        return np.inf, "the number of outputs differs"
    largest = max((size(b) for b in expected if b is not None and b.size), default=0.0)
    worst = 0.0, ""
    for label, a, b in zip(labels, result, expected, strict=True):
        if a is None and b is None:
            continue
        if a is None or b is None:
            return np.inf, f"{label} is None {'here' if a is None else 'there'} only"
        if a.shape != b.shape:
            return np.inf, f"{label} has shape {a.shape} and not {b.shape}"
        if not a.size:
            continue
        if np.isfinite(b).all() > np.isfinite(a).all():
            return np.inf, f"{label} is not finite"
        with np.errstate(invalid="ignore"):
            error = size(np.nan_to_num(a - b)) / max(size(b), SMALL_TENSOR[rough] * largest, 1e-300)
        worst = max(worst, (error, f"{label} differs by {error:.2g}"))
    return worst


def _raised(error: Exception) -> str:
    return f"raises {type(error).__name__}: {first_line(error)}"
