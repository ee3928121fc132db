"""Finite differences: the slopes of a function, measured.

With the outputs y(t), the upstream gradient u and a direction d, the slope of f = u·y along d is

- forward, `(f(t + h d) - f(t)) / h`, wrong by `h f''/2`;
- backward, `(f(t) - f(t - h d)) / h`, wrong by `-h f''/2`;
- central, their mean, wrong by `h² f'''/6`;

Rounding adds an error of about `ε |f| / h` to each, with ε = 2.2e-16. So the error of the central
difference as a function of h is a V, with its lowest point near `h = ε^(1/3)` (Press et al.,
Numerical Recipes, section 5.7). Where forward and backward differ by more than h explains, f has a
kink.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

STEPS = tuple(10.0**-k for k in range(1, 10))
"""The steps of the sweep."""

SMALLEST = 1e-9
"""The smallest step: below it, the rounding grows by more than the error of the step shrinks."""

SMALL_SLOPE = 1e-3
"""A gradient smaller than this part of its tensor's largest is judged as if it had this size.

The rounding of the differences is as large for a small gradient as for a large gradient of the same
tensor. So the relative error of a small gradient says more about rounding than about the gradient.
"""

Test = int | np.ndarray
"""An element of a tensor, by its flat index, or a direction, an array of the tensor's shape."""


@dataclass(frozen=True)
class Slopes:
    """Slopes along several elements or directions, which are called tests.

    Attributes:
        numeric: Central differences, float64 [tests].
        kinks: True where the function has a kink and so no slope, bool [tests].
        floor: The smallest size by which a gradient is judged, from rounding and from the
            tensor's largest slope, float64 [tests].
    """

    numeric: np.ndarray
    kinks: np.ndarray
    floor: np.ndarray


class FiniteDifferences:
    """Finite differences of a function at one point.

    Args:
        function: Maps the values of the tensors to the outputs.
        values: The point: an array for each tensor.
        upstream: The gradient of each output.
        tolerance: The largest relative error that counts as right.
    """

    def __init__(
        self,
        function: Callable[[Sequence[Any]], Sequence[Any]],
        values: Sequence[np.ndarray],
        upstream: Sequence[np.ndarray],
        tolerance: float,
    ) -> None:
        self._function = function
        self._values = list(values)
        self._tensors = [tf.constant(value) for value in values]
        self._upstream = upstream
        self._tolerance = tolerance
        self._here = self._outputs(self._tensors)
        weighted = [(u * y).ravel() for u, y in zip(upstream, self._here, strict=True)]
        size = float(np.linalg.norm(np.concatenate(weighted)))
        self._rounding = np.full(len(values), 10 * np.finfo("float64").eps * size)

    def sweep(self, index: int, directions: Sequence[np.ndarray]) -> tuple[float, np.ndarray]:
        """Measure the slope along directions with every step, and choose the best step.

        From the best step to the next smaller step, the slope changes least. This choice uses the
        differences alone, so it is right also where the analytic gradient is wrong. The sweep also
        shows how large the rounding is, and `slopes` then allows for it.

        Args:
            index: Number of the tensor.
            directions: Arrays of the tensor's shape.

        Returns:
            The best step, and the central differences, float64 [steps, directions].
        """
        central = np.array(
            [[sum(self._sides(index, d, step)) / 2 for d in directions] for step in STEPS]
        )
        # A step that leaves the domain of the function gives NaN.
        changes = np.nan_to_num(np.abs(np.diff(central, axis=0)).mean(axis=1), nan=np.inf)
        best = int(np.argmin(changes))
        # At smaller steps, rounding changes the slope, by this number / step.
        smaller = np.array(STEPS[best + 1 :])[:, None]
        rounding = np.abs(central[best + 1 :] - central[best]) * smaller
        self._rounding[index] = max(self._rounding[index], 3 * np.nan_to_num(rounding).max())
        return STEPS[best], central

    def slopes(self, index: int, tests: Sequence[Test], step: float) -> Slopes:
        """Measure slopes, with smaller steps where forward and backward difference disagree.

        Args:
            index: Number of the tensor.
            tests: Elements or directions.
            step: The first step.

        Returns:
            The slopes, in which kinks are marked.
        """
        sides = np.array([self._sides(index, test, step) for test in tests])
        used, first = np.full(len(tests), step), _jump(sides)
        open_ = self._disagree(sides, self._floor(index, sides.mean(axis=1), used))
        while step > 2 * SMALLEST and open_.any():
            step /= 10
            for i in map(int, np.flatnonzero(open_)):
                closer: np.ndarray = np.array(self._sides(index, tests[i], step))
                change = abs(closer.mean() - sides[i].mean())
                bends = _jump(closer) <= 0.5 * _jump(sides[i])
                if bends and change <= self._tolerance / 10 * abs(closer.mean()):
                    # The function only bends here, and the step was small enough.
                    open_[i] = False
                else:
                    sides[i], used[i] = closer, step
            open_ &= self._disagree(sides, self._floor(index, sides.mean(axis=1), used))
        # A kink: at every smaller step the two sides disagree as much as before.
        kinks = open_ & ~(_jump(sides) <= 0.2 * first)
        numeric = sides.mean(axis=1)
        return Slopes(numeric, kinks, self._floor(index, np.where(kinks, 0, numeric), used))

    def _sides(self, index: int, test: Test, step: float) -> tuple[float, float]:
        plus, minus = (self._outputs(self._moved(index, test, signed)) for signed in (step, -step))
        forward = backward = 0.0
        # Subtracted element by element, so that unchanged outputs add no rounding.
        for u, here, up, down in zip(self._upstream, self._here, plus, minus, strict=True):
            forward += float(np.sum(u * (up - here)))
            backward += float(np.sum(u * (here - down)))
        return forward / step, backward / step

    def _moved(self, index: int, test: Test, step: float) -> list[Any]:
        if isinstance(test, np.ndarray):
            moved = self._values[index] + step * test
        else:
            moved = self._values[index].copy()
            moved.flat[test] += step
        # The others stay tensors, since copying millions of weights would take long.
        return [*self._tensors[:index], tf.constant(moved), *self._tensors[index + 1 :]]

    def _outputs(self, values: Sequence[Any]) -> list[np.ndarray]:
        return [np.asarray(y) for y in self._function(values)]

    def _disagree(self, sides: np.ndarray, floor: np.ndarray) -> np.ndarray:
        level = np.maximum(np.abs(sides.mean(axis=1)), floor)
        return ~(_jump(sides) <= 2 * self._tolerance * level)

    def _floor(self, index: int, numeric: np.ndarray, steps: np.ndarray) -> np.ndarray:
        largest = float(np.max(np.nan_to_num(np.abs(numeric)), initial=0))
        rounding = self._rounding[index] / steps
        return np.maximum(max(SMALL_SLOPE * largest, 1e-300), rounding / self._tolerance)


def project(gradient: np.ndarray, tests: Sequence[Test]) -> np.ndarray:
    """Compute the slopes that a gradient predicts for elements or directions, float64 [tests]."""
    return np.array(
        [
            np.sum(gradient * test) if isinstance(test, np.ndarray) else gradient.flat[test]
            for test in tests
        ]
    )


def relative_error(
    analytic: np.ndarray, numeric: np.ndarray, floor: float | np.ndarray
) -> np.ndarray:
    """|analytic - numeric| divided by the larger of the two, or by the floor if both are small."""
    level = np.maximum(np.maximum(np.abs(analytic), np.abs(numeric)), floor)
    return np.abs(analytic - numeric) / level


def _jump(sides: np.ndarray) -> np.ndarray:
    return np.abs(sides[..., 0] - sides[..., 1])
