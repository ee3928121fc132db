"""Diagnosis of a wrong gradient: the kind of mistake that gives such numbers, in words."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from zoo.gradients.finite_differences import Test, project, relative_error


@dataclass(frozen=True)
class Evidence:
    """An analytic gradient and the slopes that contradict it.

    Attributes:
        gradient: The analytic gradient, of the tensor's shape.
        tests: Elements or directions where slopes were measured.
        numeric: The slopes, [tests].
        floor: The smallest size by which a gradient is judged, [tests].
        tolerance: The largest relative error that counts as right.
        factors: Numbers that are easily forgotten, such as the batch size, by name.
        batched: Whether the tensor's first axis is the batch.
    """

    gradient: np.ndarray
    tests: Sequence[Test]
    numeric: np.ndarray
    floor: np.ndarray
    tolerance: float
    factors: dict[str, int]
    batched: bool

    @property
    def analytic(self) -> np.ndarray:
        """The slopes that the gradient predicts, [tests]."""
        return project(self.gradient, self.tests)

    @property
    def errors(self) -> np.ndarray:
        """Relative errors, [tests]."""
        return relative_error(self.analytic, self.numeric, self.floor)

    @property
    def wrong(self) -> np.ndarray:
        """True where the error is above the tolerance, bool [tests]."""
        return ~(self.errors <= self.tolerance)

    @property
    def elements(self) -> bool:
        """Whether the tests are elements. Directions do not show where a gradient is wrong."""
        return not isinstance(self.tests[0], np.ndarray)

    def fits(self, analytic: np.ndarray, numeric: np.ndarray | None = None) -> bool:
        """Whether a gradient with these numbers would have been right."""
        numeric = self.numeric if numeric is None else numeric
        errors = relative_error(analytic, numeric, self.floor)
        # Wider than the tolerance of the check, since only the kind of mistake matters here.
        return bool(np.all(errors <= max(100 * self.tolerance, 1e-4)))


def scale(analytic: np.ndarray, numeric: np.ndarray) -> float | None:
    """Compute the c that minimises |analytic − c · numeric|².

    Args:
        analytic: Gradient at the tests.
        numeric: Slopes at the tests.

    Returns:
        c, or None where all slopes are zero.

    Example:
        >>> scale(np.array([2.0, 4.0]), np.array([1.0, 2.0]))
        2.0
    """
    squares = float(numeric @ numeric)
    return float(analytic @ numeric) / squares if squares else None


def explain(evidence: Evidence) -> str:
    """Name the mistake that fits the evidence, or say how many tests are wrong."""
    for guess in (_wrong_scale, _wrong_order, _mask, _border, _constant):
        if found := guess(evidence):
            return found
    unit = "elements" if evidence.elements else "directions"
    return f"wrong at {evidence.wrong.sum():,} of {len(evidence.tests):,} {unit}"


def _wrong_scale(evidence: Evidence) -> str:
    analytic = evidence.analytic
    c = scale(analytic, evidence.numeric)
    if c is None:
        return ""
    if not evidence.gradient.any():
        return "the analytic gradient is zero everywhere"
    if abs(c) < 1e-6 or abs(c - 1) < 1e-3 or not evidence.fits(analytic, c * evidence.numeric):
        return ""
    if abs(c + 1) < 1e-3:
        return "wrong sign"
    text = f"analytic gradient is {c:.4g} times the numeric one"
    for name, n in evidence.factors.items():
        if n > 1 and min(abs(abs(c) / n - 1), abs(abs(c) * n - 1)) < 1e-3:
            return f"{text}: a factor of {name}?"
    return text


def _wrong_order(evidence: Evidence) -> str:
    g = evidence.gradient
    square = g.ndim >= 2 and g.shape[-1] == g.shape[-2]
    if square and evidence.fits(project(g.swapaxes(-1, -2), evidence.tests)):
        return "looks transposed"
    # A convolution's kernel is [height, width, in, out], an image [batch, height, width, channels].
    axes = tuple(range(1, g.ndim - 1) if evidence.batched else range(g.ndim - 2))
    if axes and evidence.fits(project(np.flip(g, axes), evidence.tests)):
        return "looks flipped in space"
    return ""


def _mask(evidence: Evidence) -> str:
    zero = np.abs(evidence.numeric) <= evidence.floor * evidence.tolerance
    if evidence.elements and not zero.all() and zero[evidence.wrong].all():
        return "not zero where the output does not depend on it: is a mask not applied backwards?"
    return ""


def _border(evidence: Evidence) -> str:
    """Recognise a gradient that is wrong only at the border of an image or sequence."""
    shape = evidence.gradient.shape
    if not evidence.elements or not evidence.batched or len(shape) < 3:
        return ""
    where = np.stack(np.unravel_index(np.array(evidence.tests), shape), axis=1)[:, 1:-1]
    distance = np.minimum(where, np.array(shape[1:-1]) - 1 - where).min(axis=1)
    wrong, right = distance[evidence.wrong], distance[~evidence.wrong]
    return "wrong only at the border" if wrong.max() < right.max(initial=0) else ""


def _constant(evidence: Evidence) -> str:
    """Recognise an error that is the same for the whole batch, as after a dropped mean."""
    shape = evidence.gradient.shape
    whole = evidence.elements and len(evidence.tests) == evidence.gradient.size
    if not whole or not evidence.batched or shape[0] < 2:
        return ""
    errors = (evidence.analytic - evidence.numeric).reshape(shape)
    if np.ptp(errors, axis=0).max() < 1e-4 * np.abs(errors).max():
        return "off by the same amount in the whole batch: is the term of a mean missing?"
    return ""
