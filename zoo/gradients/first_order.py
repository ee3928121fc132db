"""The first gradient of each tensor against differences."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import tensorflow as tf

from zoo.gradients.diagnosis import Evidence, explain, scale
from zoo.gradients.differences import Differences, Test, project, relative_error
from zoo.gradients.report import TensorCheck
from zoo.gradients.subject import Subject, compiled, first_line


@dataclass(frozen=True)
class Gradients:
    """Analytic gradients, taken in several ways.

    Attributes:
        ways: `"eager"` and `"graph"`, those that did not raise: a gradient or None for each tensor.
        thrice: In the first of these ways, the gradients for -3 times the upstream gradient.
        outputs: The outputs of each way.
        faults: What was raised, in words.
    """

    ways: dict[str, list[Any]]
    thrice: list[Any]
    outputs: list[list[np.ndarray]]
    faults: list[str]


def analytic_gradients(
    subject: Subject, upstream: Sequence[np.ndarray], training: bool
) -> Gradients:
    """Take the gradient with a tape, in eager execution and in a graph.

    Args:
        subject: What is checked.
        upstream: The outputs' gradient.
        training: Training or inference.

    Returns:
        The gradients.
    """

    def eager(moving: Any, upstream: Any) -> Any:
        return subject.gradients(moving, upstream, training)

    def graph(moving: Any, upstream: Any) -> Any:
        return compiled(eager, moving, upstream)(moving, upstream)

    moving = [tf.constant(x) for x in subject.values[: len(subject.input_names)]]
    above = [tf.constant(u) for u in upstream]
    results: dict[str, Any] = {}
    faults = []
    run: Callable[[Any, Any], Any]
    for way, run in (("eager", eager), ("graph", graph)):
        try:
            results[way] = run(moving, above)
        except Exception as error:
            faults.append(
                f"gradient in {way} execution raises {type(error).__name__}: {first_line(error)}"
            )
    thrice = []
    if results:
        run = eager if "eager" in results else graph
        _, thrice = run(moving, [-3 * u for u in above])
    return Gradients(
        ways={way: gradients for way, (_, gradients) in results.items()},
        thrice=thrice,
        outputs=[[np.asarray(y) for y in outputs] for outputs, _ in results.values()],
        faults=faults,
    )


class FirstOrder:
    """Checks one tensor after another.

    Args:
        subject: What is checked.
        differences: Measures slopes.
        mode: `"full"` or `"fast"`.
        tolerance: Relative error that counts as right.
        limit: Elements of a tensor to check in full mode.
        factors: Numbers that a gradient may be wrong by, with their names.
        rng: Where directions and samples are drawn from.
    """

    def __init__(
        self,
        subject: Subject,
        differences: Differences,
        mode: str,
        tolerance: float,
        limit: int,
        factors: dict[str, int],
        rng: np.random.Generator,
    ) -> None:
        self.notes: list[str] = []
        self._subject = subject
        self._differences = differences
        self._mode = mode
        self._tolerance = tolerance
        self._limit = limit
        self._factors = factors
        self._rng = rng

    def check(self, k: int, gradients: Gradients, label: bool | None) -> TensorCheck:
        """Compare the gradient of tensor k with differences.

        Args:
            k: Which of the subject's names.
            gradients: The analytic gradients.
            label: Training or inference, as the report calls it.

        Returns:
            What was found.
        """
        name, value = self._subject.names[k], self._subject.values[k]
        gradient, *others = (found[k] for found in gradients.ways.values())
        step, central = self._differences.sweep(k, along := self._directions(value, 2))
        tests: Sequence[Test] = (
            self._elements(value, self._limit)
            if self._mode == "full"
            else self._directions(value, 4)
        )
        slopes = self._differences.slopes(k, tests, step)
        smooth = [test for test, kink in zip(tests, slopes.kinks, strict=True) if not kink]
        numeric = slopes.numeric[~slopes.kinks]
        result = TensorCheck(
            name=name,
            role="input" if k < len(self._subject.input_names) else "weight",
            training=label,
            shape=value.shape,
            dtype=None if gradient is None else gradient.dtype.name,
            checked=len(tests),
            size=value.size,
            kinks=len(tests) - len(smooth),
            step=step,
        )
        if not smooth:
            return replace(result, problem="nothing but kinks, so nothing could be compared")
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
        if not smooth:
            return result
        evidence = Evidence(
            gradient=analytic,
            tests=smooth,
            numeric=numeric,
            floor=slopes.floor[~slopes.kinks],
            tolerance=self._tolerance,
            factors=self._factors,
            batched=result.role == "input",
        )
        evidence = self._closer(k, evidence, step)
        result = _compared(result, evidence)
        odd = _odd(analytic, gradients.thrice[k], others, slopes.floor.max() * self._tolerance)
        if result.max_relative_error <= self._tolerance:  # type: ignore[operator]
            return replace(result, problem=odd)
        return self._explained(k, result, evidence, odd)

    def _closer(self, k: int, evidence: Evidence, step: float) -> Evidence:
        """Measure again with smaller steps where few contradict: errors of the differences go."""
        for smaller in (step / 10, step / 100):
            wrong = np.flatnonzero(evidence.wrong)
            if not 0 < len(wrong) <= max(4, len(evidence.tests) // 20):
                break
            slopes = self._differences.slopes(k, [evidence.tests[int(i)] for i in wrong], smaller)
            numeric, floor = evidence.numeric.copy(), evidence.floor.copy()
            numeric[wrong] = slopes.numeric
            floor[wrong] = np.maximum(floor[wrong], slopes.floor)
            right = ~replace(evidence, numeric=numeric, floor=floor).wrong
            # What stays wrong keeps the numbers of the better step.
            evidence = replace(
                evidence,
                numeric=np.where(right, numeric, evidence.numeric),
                floor=np.where(right, floor, evidence.floor),
            )
        return evidence

    def _explained(self, k: int, result: TensorCheck, evidence: Evidence, odd: str) -> TensorCheck:
        problem = odd or explain(evidence)
        if self._mode == "fast":
            # Directions have seen the fault; elements can say where it is.
            elements = self._elements(evidence.gradient, 100)
            slopes = self._differences.slopes(k, elements, result.step)
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
        return [self._rng.integers(0, 2, value.shape) * 2.0 - 1 for _ in range(count)]

    def _elements(self, value: np.ndarray, limit: int) -> list[Test]:
        if value.size <= limit:
            return list(range(value.size))
        return sorted(self._rng.choice(value.size, limit, replace=False).tolist())


def _malformed(analytic: np.ndarray, value: np.ndarray) -> str:
    """What is wrong with a gradient before its numbers are looked at."""
    if analytic.shape != value.shape:
        spare = analytic.ndim - value.ndim
        unreduced = spare > 0 and analytic.shape[spare:] == value.shape
        hint = ": not summed over the leading axes, such as the batch?" if unreduced else ""
        return f"gradient has shape {analytic.shape}, the tensor {value.shape}{hint}"
    if analytic.dtype != value.dtype:
        return f"gradient is {analytic.dtype.name}, the tensor {value.dtype.name}"
    bad = np.argwhere(~np.isfinite(analytic))
    return (
        f"{len(bad):,} values are not finite, such as at {tuple(map(int, bad[0]))}"
        if len(bad)
        else ""
    )


def _compared(result: TensorCheck, evidence: Evidence) -> TensorCheck:
    """The result with its errors filled in."""
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


def _odd(analytic: np.ndarray, thrice: Any, others: Sequence[Any], rounding: float) -> str:
    """What is wrong with a gradient whatever the differences say."""
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
