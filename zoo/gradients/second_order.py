"""The second-order gradient against differences of the first."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from zoo.gradients.differences import FLOOR, relative_error
from zoo.gradients.report import SecondOrderCheck
from zoo.gradients.subject import Subject, compiled

_EPSILON = float(np.finfo("float64").eps)
_STEPS = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9)


def second_order(
    subject: Subject,
    upstream: Sequence[Any],
    training: bool,
    label: bool | None,
    tolerance: float,
    rng: np.random.Generator,
) -> list[SecondOrderCheck]:
    """Compare products of the Hessian with a random vector v, two ways.

    Analytic: a tape inside a tape, `∇(∇f · v)` (Pearlmutter, 1994). Numeric: differences of the
    first gradient, `(∇f(t + h v) - ∇f(t - h v)) / 2h`.

    Args:
        subject: What is checked.
        upstream: Weights of the outputs.
        training: Training or inference.
        label: What the report calls that.
        tolerance: Relative error that counts as right.
        rng: Where v is drawn from.

    Returns:
        A check for each tensor.

    Raises:
        Exception: Whatever the target raises where it has no second order.
    """
    values = subject.values
    count = len(subject.input_names)
    vectors = [rng.standard_normal(value.shape) for value in values]
    vectors = [v / max(float(np.linalg.norm(v)), 1e-300) for v in vectors]
    moving = [tf.constant(x) for x in values[:count]]
    products = subject.hessian_vector(moving, upstream, vectors, training)
    run = compiled(lambda moving: subject.gradients(moving, upstream, training)[1], moving)

    def gradient(step: float) -> list[np.ndarray]:
        moved = [value + step * v for value, v in zip(values, vectors, strict=True)]
        subject.assign(moved[count:])
        found = run([tf.constant(x) for x in moved[:count]])
        return [
            np.zeros(v.shape) if g is None else np.asarray(g)
            for g, v in zip(found, vectors, strict=True)
        ]

    try:
        here = gradient(0.0)
        size = max(float(np.max(np.abs(one), initial=0)) for one in here)
        numbers = [_Best() for _ in values]
        for step in _STEPS:
            for best, middle, up, down in zip(
                numbers, here, gradient(step), gradient(-step), strict=True
            ):
                best.add(step, middle, up, down, size)
    finally:
        subject.assign(values[count:])
    return [
        _second_order_check(name, product, best, label, tolerance)
        for name, product, best in zip(subject.names, products, numbers, strict=True)
    ]


class _Best:
    """Differences of gradients with the step from which the next changes them least.

    Attributes:
        numeric: The differences.
        kinks: Where the gradient jumps.
        change: How far the next step's differences are off.
        rounding: What rounding alone may have done.
    """

    def __init__(self) -> None:
        self.numeric: np.ndarray = np.empty(0)
        self.kinks: np.ndarray = np.empty(0, bool)
        self.change: np.ndarray = np.array([np.inf])
        self.rounding = 0.0
        self._last: tuple[np.ndarray, np.ndarray] | None = None

    def add(
        self, step: float, here: np.ndarray, up: np.ndarray, down: np.ndarray, size: float
    ) -> None:
        """Take the gradients at a point and on both sides of it; `size` is all tensors' largest."""
        central = (up - down) / (2 * step)
        jump = np.abs(up - 2 * here + down) / step
        rounding = 10 * _EPSILON * size / step
        if self._last:
            before, jump_before = self._last
            # What bends shrinks with the step, what jumps grows.
            kinks = (jump > 3 * jump_before) & (jump > 1000 * rounding)
            change = np.where(kinks, 0, np.abs(central - before))
            if np.sum(change) < np.sum(self.change):
                self.numeric, self.kinks, self.change = before, kinks, change
                self.rounding = rounding
        self._last = central, jump


def _second_order_check(
    name: str, product: Any, best: _Best, label: bool | None, tolerance: float
) -> SecondOrderCheck:
    largest = float(np.max(np.abs(best.numeric[~best.kinks]), initial=0))
    floor = max(FLOOR * largest, best.rounding / tolerance, 1e-300)
    # Differences that still change with the step have met a kink of another element.
    level = np.maximum(np.abs(best.numeric), floor)
    smooth = ~best.kinks & (best.change <= tolerance / 2 * level)
    numeric, kinks = best.numeric[smooth], int((~smooth).sum())
    if product is None:
        # Right for what is linear.
        problem = largest > floor and (
            f"second-order gradient is None, and the differences reach {largest:.3g}"
        )
        return SecondOrderCheck(name, label, None, kinks, problem or "")
    analytic = np.asarray(product)[smooth]
    errors = relative_error(analytic, numeric, floor)
    if not errors.size:
        return SecondOrderCheck(name, label, None, kinks)
    worst = int(np.argmax(np.nan_to_num(errors, nan=np.inf)))
    problem = not errors[worst] <= tolerance and (
        f"second-order gradient is wrong: analytic {analytic[worst]:.5g}, "
        f"numeric {numeric[worst]:.5g}"
    )
    return SecondOrderCheck(name, label, float(errors[worst]), kinks, problem or "")
