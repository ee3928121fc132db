"""Agreement of outputs and gradients with a twin, or with float64 where there is none."""

import functools
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from zoo.gradients.differences import FLOOR
from zoo.gradients.report import EXECUTIONS, AgreementCheck
from zoo.gradients.subject import Subject, compiled, first_line
from zoo.losses import SoftmaxCrossEntropy

WITH_TWIN = {"float64": 1e-9, "float32": 1e-4, "mixed_float16": 1e-2, "mixed_bfloat16": 0.2}
"""How far twins may be apart in each precision.

Keras sums a bias's gradient in bfloat16: over 48 x 48 positions that alone is 10 % off.
"""

WITH_FLOAT64 = {"float64": 1e-9, "float32": 1e-3, "mixed_float16": 0.05, "mixed_bfloat16": 0.3}
"""How far each precision may be from float64; in half precision, more than that is only noted."""

NO_ROUNDING = 0.5
"""More than half of a tensor's size is a fault in any precision."""

Make = Callable[[str], Subject]
"""Makes the subject under a Keras dtype policy."""

Values = list[np.ndarray | None]
"""Outputs, then a gradient for each tensor, in float64."""


def compare(
    reference: Subject,
    ours: Make,
    twin: Make | None,
    policies: Sequence[str],
    modes: Sequence[bool | None],
    seed: int,
    *,
    deep: bool = False,
) -> Iterator[AgreementCheck]:
    """Run in every precision, eagerly, in a graph and through XLA, and compare.

    With a twin, like is compared with like: the twin runs the same way in the same precision.
    Without one, everything is compared with eager execution in float64.

    Args:
        reference: The subject in float64, whose weights and random state all others take.
        ours: Makes what is checked.
        twin: Makes what it is compared with.
        policies: The precisions to run in.
        modes: Training, inference, or None where there is no difference.
        seed: Of the upstream gradient.
        deep: Whether it is a whole network, where rounding adds up in float32 too.

    Yields:
        A check for each mode, precision and way to run.
    """
    exact = functools.cache(lambda training: _run(reference, training, "eager", seed))
    apart: set[bool | None] = set()
    for policy in policies:
        tolerance = (WITH_TWIN if twin else WITH_FLOAT64)[policy]
        mine = ours(policy)
        mine.copy_state(reference)
        theirs = twin(policy) if twin else None
        if theirs:
            theirs.copy_state(reference)
        for label, execution in itertools.product(modes, EXECUTIONS):
            if not twin and (policy, execution) == ("float64", "eager"):
                continue
            check, training = AgreementCheck(label, policy, execution, None, tolerance), bool(label)
            try:
                expected = _run(theirs, training, execution, seed) if theirs else exact(training)
            except Exception as raised:
                yield replace(check, note=f"the twin {_raises(raised)}")
                continue
            try:
                found = _run(mine, training, execution, seed)
            except Exception as raised:
                # Not everything can be compiled; where the twin can, this should.
                if twin or execution != "xla":
                    yield replace(check, problem=_raises(raised))
                else:
                    yield replace(check, note=_raises(raised))
                continue
            rough = policy.startswith("mixed") or (deep and not twin and policy == "float32")
            error, words = _difference(reference.names, found, expected, rough=rough)
            check = replace(check, max_error=error)
            if not check.far:
                yield check
                continue
            if policy == "float64":
                apart.add(label)
            if not twin:
                rounding = rough and error < NO_ROUNDING
            else:
                # Only of twins that are the same in float64, and whose draws are as well.
                alike = label not in apart and not (training and reference.random)
                rounding = alike and _nearer(found, expected, exact(training), rough=rough)
            yield check if rounding else replace(check, problem=words)


def _nearer(ours: Values, theirs: Values, exact: Values, *, rough: bool) -> bool:
    """Whether ours are about as near to float64 as the twin's: then it is rounding, and theirs too.

    In a deep network with batch normalisation, rounding may grow to any size.
    """
    (mine, _), (its, _) = (_difference([], one, exact, rough=rough) for one in (ours, theirs))
    return bool(mine <= 2 * its < np.inf)


def loss_twin(loss: Any, labels: np.ndarray, predictions: np.ndarray) -> Any:
    """The loss of Keras that does the same on such labels, or None."""
    if not isinstance(loss, SoftmaxCrossEntropy):
        return None
    common: Any = {"from_logits": True, "axis": loss.axis, "reduction": loss.reduction}
    if labels.shape == predictions.shape:
        return keras.losses.CategoricalCrossentropy(label_smoothing=loss.label_smoothing, **common)
    return None if loss.label_smoothing else keras.losses.SparseCategoricalCrossentropy(**common)


def _run(subject: Subject, training: bool, execution: str, seed: int) -> Values:
    """Outputs and gradients, in float64."""
    values = [tf.constant(x) for x in subject.values]
    rng = np.random.default_rng([seed, 3])
    upstream = [
        tf.cast(rng.standard_normal(y.shape), y.dtype) for y in subject.outputs(values, training)
    ]
    moving = values[: len(subject.input_names)]

    def run(moving: Any, upstream: Any) -> Any:
        return subject.gradients(moving, upstream, training)

    if execution != "eager":
        run = compiled(run, moving, upstream, xla=execution == "xla")
    with np.errstate(over="ignore"):  # what stands for infinity in float32 is more than float16 has
        outputs, gradients = run(moving, upstream)
    return [
        None if x is None else np.asarray(tf.cast(x, "float64")) for x in [*outputs, *gradients]
    ]


def _difference(
    names: Sequence[str], ours: Values, theirs: Values, *, rough: bool
) -> tuple[float, str]:
    """The largest difference of a tensor as a part of its size, and where it is, in words.

    Roughly, sizes are root mean squares, since the rounding of half precision takes single elements
    over the kinks of a ReLU; else they are the largest elements. A tensor much smaller than the
    largest is judged as if it were not: such as the gradient of a bias in front of a batch
    normalisation, which is all rounding.
    """

    def size(x: np.ndarray) -> float:
        return float(np.sqrt(np.mean(x**2)) if rough else np.max(np.abs(x)))

    outputs = len(theirs) - len(names)
    labels = [*["output"] * outputs, *(f"gradient of {name}" for name in names)]
    if len(ours) != len(theirs):
        return np.inf, "not as many outputs"
    largest = max((size(b) for b in theirs if b is not None and b.size), default=0.0)
    worst = 0.0, ""
    for label, a, b in zip(labels, ours, theirs, strict=True):
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
            error = size(np.nan_to_num(a - b)) / max(size(b), FLOORS[rough] * largest, 1e-300)
        worst = max(worst, (error, f"{label} differs by {error:.2g}"))
    return worst


FLOORS = {False: FLOOR, True: 30 * FLOOR}
"""Smaller tensors than this part of the largest are judged as if they were that."""


def _raises(error: Exception) -> str:
    return f"raises {type(error).__name__}: {first_line(error)}"
