"""First-order gradients: the gradient of each tensor against finite differences."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import tensorflow as tf

from zoo.gradients.diagnosis import Evidence, explain, scale
from zoo.gradients.finite_differences import FiniteDifferences, Test, project, relative_error
from zoo.gradients.pure_function import PureFunction, compiled
from zoo.gradients.report import TensorCheck
from zoo.text import first_line


@dataclass(frozen=True)
class Gradients:
    """Analytic gradients, computed in eager execution and in a graph.

    Attributes:
        results: A gradient or None for each tensor, by `"eager"` and `"graph"`. A way to run that
            raised is not in it.
        thrice: The gradients for -3 times the upstream gradient, computed the first of these ways.
        outputs: The outputs for each way to run.
        faults: A sentence for each way to run that raised.
    """

    results: dict[str, list[Any]]
    thrice: list[Any]
    outputs: list[list[np.ndarray]]
    faults: list[str]


def analytic_gradients(
    function: PureFunction, upstream: Sequence[np.ndarray], training: bool
) -> Gradients:
    """Compute the gradient with a tape, in eager execution and in a graph.

    Args:
        function: The checked function.
        upstream: The gradient of each output.
        training: True for training, False for inference.

    Returns:
        The gradients.
    """

    def eager(moving: Any, upstream: Any) -> Any:
        return function.gradients(moving, upstream, training)

    def graph(moving: Any, upstream: Any) -> Any:
        return compiled(eager, moving, upstream)(moving, upstream)

    moving = [tf.constant(x) for x in function.values[: len(function.input_names)]]
    above = [tf.constant(u) for u in upstream]
    results: dict[str, Any] = {}
    faults = []
    run: Callable[[Any, Any], Any]
    for execution, run in (("eager", eager), ("graph", graph)):
        try:
            results[execution] = run(moving, above)
        except Exception as error:
            raised = f"{type(error).__name__}: {first_line(error)}"
            faults.append(f"gradient in {execution} execution raises {raised}")
    thrice = []
    if results:
        run = eager if "eager" in results else graph
        _, thrice = run(moving, [-3 * u for u in above])
    return Gradients(
        results={execution: gradients for execution, (_, gradients) in results.items()},
        thrice=thrice,
        outputs=[[np.asarray(y) for y in outputs] for outputs, _ in results.values()],
        faults=faults,
    )


@dataclass
class FirstOrder:
    """Compares the gradient of one tensor after another with finite differences.

    Args:
        function: The checked function.
        differences: Measures the slopes.
        method: `"full"` or `"fast"`.
        tolerance: The largest relative error that counts as right.
        limit: How many elements of a tensor to check with the full method.
        factors: Numbers that are easily forgotten, such as the batch size, by name.
        rng: The generator that draws directions and samples.

    Attributes:
        notes: What was left out, and why.
    """

    function: PureFunction
    differences: FiniteDifferences
    method: str
    tolerance: float
    limit: int
    factors: dict[str, int]
    rng: np.random.Generator
    notes: list[str] = field(default_factory=list)

    def check(self, k: int, gradients: Gradients, mode: bool | None) -> TensorCheck:
        """Compare the gradient of tensor k with differences.

        Args:
            k: Number of the tensor in the function's `names`.
            gradients: The analytic gradients.
            mode: True for training, False for inference, None where there is no difference.

        Returns:
            The numbers, and the problem in words.
        """
        name, value = self.function.names[k], self.function.values[k]
        gradient, *others = (found[k] for found in gradients.results.values())
        step, central = self.differences.sweep(k, along := self._directions(value, 2))
        tests: Sequence[Test] = (
            self._elements(value, self.limit)
            if self.method == "full"
            else self._directions(value, 4)
        )
        slopes = self.differences.slopes(k, tests, step)
        smooth = [test for test, kink in zip(tests, slopes.kinks, strict=True) if not kink]
        numeric = slopes.numeric[~slopes.kinks]
        result = TensorCheck(
            name=name,
            role="input" if k < len(self.function.input_names) else "weight",
            training=mode,
            shape=value.shape,
            dtype=None if gradient is None else gradient.dtype.name,
            checked=len(tests),
            size=value.size,
            kinks=len(tests) - len(smooth),
            step=step,
        )
        if not smooth:
            return replace(
                result,
                unjudged="cannot be judged here, because every checked element is at a kink, "
                "where there is no slope to compare with. Use a larger batch, or another seed",
            )
        if gradient is None:
            largest = float(np.max(np.abs(numeric), initial=0))
            if largest > slopes.floor.max(initial=0):
                return replace(result, problem=f"gradient is None; the slopes reach {largest:.3g}")
            self.notes.append(f"{name}: gradient is None; the slopes are zero as well.")
            return result
        analytic = np.asarray(gradient)
        if problem := _malformed(analytic, value):
            return replace(result, problem=problem)
        sweep = (relative_error(project(analytic, along), row, 1e-300).max() for row in central)
        result = replace(result, sweep=tuple(map(float, sweep)))
        evidence = Evidence(
            gradient=analytic,
            tests=smooth,
            numeric=numeric,
            floor=slopes.floor[~slopes.kinks],
            tolerance=self.tolerance,
            factors=self.factors,
            batched=result.role == "input",
        )
        evidence = self._with_smaller_steps(k, evidence, step)
        result = _compared(result, evidence)
        inconsistent = _inconsistent(
            analytic, gradients.thrice[k], others, slopes.floor.max() * self.tolerance
        )
        if result.max_relative_error <= self.tolerance:  # type: ignore[operator]
            return replace(result, problem=inconsistent)
        return self._explained(k, result, evidence, inconsistent)

    def _with_smaller_steps(self, k: int, evidence: Evidence, step: float) -> Evidence:
        """Measure again with smaller steps where only few tests are wrong.

        If the error comes from the differences and not from the gradient, it disappears.
        """
        for smaller in (step / 10, step / 100):
            wrong = np.flatnonzero(evidence.wrong)
            if not 0 < len(wrong) <= max(4, len(evidence.tests) // 20):
                break
            slopes = self.differences.slopes(k, [evidence.tests[int(i)] for i in wrong], smaller)
            numeric, floor = evidence.numeric.copy(), evidence.floor.copy()
            numeric[wrong] = slopes.numeric
            floor[wrong] = np.maximum(floor[wrong], slopes.floor)
            right = ~replace(evidence, numeric=numeric, floor=floor).wrong
            # A test that stays wrong keeps the numbers of the better step.
            evidence = replace(
                evidence,
                numeric=np.where(right, numeric, evidence.numeric),
                floor=np.where(right, floor, evidence.floor),
            )
        return evidence

    def _explained(
        self, k: int, result: TensorCheck, evidence: Evidence, inconsistent: str
    ) -> TensorCheck:
        problem = inconsistent or explain(evidence)
        if self.method == "fast":
            # Directions have shown the fault, and elements can show where it is.
            elements = self._elements(evidence.gradient, 100)
            slopes = self.differences.slopes(k, elements, result.step)
            closer = replace(
                evidence,
                tests=[e for e, kink in zip(elements, slopes.kinks, strict=True) if not kink],
                numeric=slopes.numeric[~slopes.kinks],
                floor=slopes.floor[~slopes.kinks],
            )
            if closer.wrong.any():
                result = _compared(result, closer)
                problem = explain(closer) if problem.startswith("wrong at") else problem
        where = f" at ({', '.join(map(str, result.index))})" if result.index else ""
        return replace(
            result,
            problem=f"{problem} (largest error{where}: analytic {result.analytic:.5g}, "
            f"numeric {result.numeric:.5g})",
        )

    def _directions(self, value: np.ndarray, count: int) -> list[np.ndarray]:
        return [self.rng.integers(0, 2, value.shape) * 2.0 - 1 for _ in range(count)]

    def _elements(self, value: np.ndarray, limit: int) -> list[Test]:
        if value.size <= limit:
            return list(range(value.size))
        return sorted(self.rng.choice(value.size, limit, replace=False).tolist())


def _malformed(analytic: np.ndarray, value: np.ndarray) -> str:
    """Describe a wrong shape or dtype, or numbers that are not finite."""
    if analytic.shape != value.shape:
        spare = analytic.ndim - value.ndim
        unreduced = spare > 0 and analytic.shape[spare:] == value.shape
        hint = ": not summed over the leading axes, such as the batch?" if unreduced else ""
        return f"gradient has shape {analytic.shape}, the tensor {value.shape}{hint}"
    if analytic.dtype != value.dtype:
        return f"gradient is {analytic.dtype.name}, the tensor {value.dtype.name}"
    bad = np.argwhere(~np.isfinite(analytic))
    return (
        f"{len(bad):,} values are not finite, the first at {tuple(map(int, bad[0]))}"
        if len(bad)
        else ""
    )


def _compared(result: TensorCheck, evidence: Evidence) -> TensorCheck:
    """Fill in the errors of the result."""
    analytic, numeric = evidence.analytic, evidence.numeric
    worst = int(np.argmax(evidence.errors))
    test = evidence.tests[worst]
    index = None
    if not isinstance(test, np.ndarray):
        index = tuple(int(i) for i in np.unravel_index(test, evidence.gradient.shape))
    return replace(
        result,
        max_absolute_error=float(np.max(np.abs(analytic - numeric))),
        max_relative_error=float(evidence.errors[worst]),
        index=index,
        analytic=float(analytic[worst]),
        numeric=float(numeric[worst]),
        scale=scale(analytic, numeric),
    )


def _inconsistent(analytic: np.ndarray, thrice: Any, others: Sequence[Any], rounding: float) -> str:
    """Describe a fault that shows without differences: wrong use of the upstream, or of a graph."""
    level = max(1e-8 * float(np.max(np.abs(analytic), initial=0)), rounding)

    def near(other: Any, wanted: np.ndarray) -> bool:
        return (
            other is not None
            and other.shape == wanted.shape
            and bool(np.all(np.abs(np.asarray(other) - wanted) <= level))
        )

    if not near(thrice, -3 * analytic):
        ignored = near(thrice, analytic)
        return (
            "the gradient ignores the upstream gradient"
            if ignored
            else "the gradient is not linear in the upstream gradient"
        )
    if not all(near(other, analytic) for other in others):
        return "the gradients in eager execution and in a graph differ"
    return ""
