"""Second-order gradients, against finite differences of the first-order gradients."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from zoo.gradients.finite_differences import SMALL_SLOPE, relative_error
from zoo.gradients.pure_function import PureFunction, compiled
from zoo.gradients.report import SecondOrderCheck

_EPSILON = float(np.finfo("float64").eps)
_STEPS = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9)


def second_order(
    function: PureFunction,
    upstream: Sequence[Any],
    mode: bool | None,
    tolerance: float,
    rng: np.random.Generator,
) -> list[SecondOrderCheck]:
    """Compute the product of the Hessian and a random vector v in two ways, and compare them.

    Analytic: a tape inside a tape, `∇(∇f · v)` (Pearlmutter, 1994). Numeric: differences of the
    first-order gradient, `(∇f(t + h v) - ∇f(t - h v)) / 2h`.

    Args:
        function: The checked function.
        upstream: Weights of the outputs.
        mode: True for training, False for inference, None where there is no difference.
        tolerance: The largest relative error that counts as right.
        rng: The generator that draws v.

    Returns:
        A check for each tensor.

    Raises:
        Exception: The error of the target, if it has no second-order gradient.
    """
    training, values = bool(mode), function.values
    count = len(function.input_names)
    vectors = [rng.standard_normal(value.shape) for value in values]
    vectors = [v / max(float(np.linalg.norm(v)), 1e-300) for v in vectors]
    moving = [tf.constant(x) for x in values[:count]]
    products = function.hessian_vector(moving, upstream, vectors, training)
    run = compiled(lambda moving: function.gradients(moving, upstream, training)[1], moving)

    def gradient(step: float) -> list[np.ndarray]:
        moved = [value + step * v for value, v in zip(values, vectors, strict=True)]
        function.assign(moved[count:])
        found = run([tf.constant(x) for x in moved[:count]])
        return [
            np.zeros(v.shape) if g is None else np.asarray(g)
            for g, v in zip(found, vectors, strict=True)
        ]

    try:
        here = gradient(0.0)
        size = max(float(np.max(np.abs(middle), initial=0)) for middle in here)
        numbers = [_Best() for _ in values]
        for step in _STEPS:
            for best, middle, up, down in zip(
                numbers, here, gradient(step), gradient(-step), strict=True
            ):
                best.add(step, middle, up, down, size)
    finally:
        function.assign(values[count:])
    return [
        _second_order_check(name, product, best, mode, tolerance)
        for name, product, best in zip(function.names, products, numbers, strict=True)
    ]


class _Best:
    """Differences of gradients at the best step size.

    That is the step size from which the differences change least to the next step size.

    Attributes:
        numeric: The differences.
        kinks: True where the gradient jumps.
        change: How much the differences of the next step deviate.
        rounding: The largest error that rounding alone may have caused.
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
        """Add the gradients at the point and on both sides of it.

        Args:
            step: The distance of the two sides.
            here: The gradient at the point.
            up: The gradient on the one side.
            down: The gradient on the other side.
            size: The largest gradient of all tensors.
        """
        central = (up - down) / (2 * step)
        jump = np.abs(up - 2 * here + down) / step
        rounding = 10 * _EPSILON * size / step
        if self._last:
            before, jump_before = self._last
            # With a smaller step, a bend shrinks and a jump grows.
            kinks = (jump > 3 * jump_before) & (jump > 1000 * rounding)
            change = np.where(kinks, 0, np.abs(central - before))
            if np.sum(change) < np.sum(self.change):
                self.numeric, self.kinks, self.change = before, kinks, change
                self.rounding = rounding
        self._last = central, jump


def _second_order_check(
    name: str, product: Any, best: _Best, mode: bool | None, tolerance: float
) -> SecondOrderCheck:
    largest = float(np.max(np.abs(best.numeric[~best.kinks]), initial=0))
    floor = max(SMALL_SLOPE * largest, best.rounding / tolerance, 1e-300)
    # Differences that still change with the step have crossed a kink of another element.
    level = np.maximum(np.abs(best.numeric), floor)
    smooth = ~best.kinks & (best.change <= tolerance / 2 * level)
    numeric, kinks = best.numeric[smooth], int((~smooth).sum())
    if product is None:
        # None is right for a linear function.
        problem = largest > floor and (
            f"second-order gradient is None, but the differences reach {largest:.3g}"
        )
        return SecondOrderCheck(name, mode, None, kinks, problem or "")
    analytic = np.asarray(product)[smooth]
    errors = relative_error(analytic, numeric, floor)
    if not errors.size:
        return SecondOrderCheck(name, mode, None, kinks)
    worst = int(np.argmax(np.nan_to_num(errors, nan=np.inf)))
    problem = not errors[worst] <= tolerance and (
        f"second-order gradient is wrong: analytic {analytic[worst]:.5g}, "
        f"numeric {numeric[worst]:.5g}"
    )
    return SecondOrderCheck(name, mode, float(errors[worst]), kinks, problem or "")
