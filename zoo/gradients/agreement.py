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
"""How far each precision may be from float64.

In half precision that may be rounding, so being farther off is only noted.
"""

Make = Callable[[str], Subject]
"""Makes the subject under a Keras dtype policy."""


def compare(
    reference: Subject,
    ours: Make,
    twin: Make | None,
    policies: Sequence[str],
    modes: Sequence[bool | None],
    seed: int,
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

    Yields:
        A check for each mode, precision and way to run.
    """
    for policy in policies:
        tolerance = (WITH_TWIN if twin else WITH_FLOAT64)[policy]
        mine = ours(policy)
        mine.copy_state(reference)
        other = reference
        if twin:
            other = twin(policy)
            other.copy_state(reference)
        for label, execution in itertools.product(modes, EXECUTIONS):
            if not twin and (policy, execution) == ("float64", "eager"):
                continue
            check = AgreementCheck(label, policy, execution, None, tolerance)
            run = functools.partial(_run, training=bool(label), seed=seed)
            try:
                expected = run(other, execution=execution if twin else "eager")
            except Exception as raised:
                yield replace(check, note=f"the twin {_raises(raised)}")
                continue
            try:
                distance = _distance(run(mine, execution=execution), expected)
            except Exception as raised:
                # Not everything can be compiled; where the twin can, this should.
                if twin or execution != "xla":
                    yield replace(check, problem=_raises(raised))
                else:
                    yield replace(check, note=_raises(raised))
                continue
            check = replace(check, max_error=distance)
            if check.far and (twin or not policy.startswith("mixed")):
                check = replace(check, problem=f"differs by {distance:.2g}")
            yield check


def loss_twin(loss: Any, labels: np.ndarray, predictions: np.ndarray) -> Any:
    """The loss of Keras that does the same on such labels, or None."""
    if not isinstance(loss, SoftmaxCrossEntropy):
        return None
    common: Any = {"from_logits": True, "axis": loss.axis, "reduction": loss.reduction}
    if labels.shape == predictions.shape:
        return keras.losses.CategoricalCrossentropy(label_smoothing=loss.label_smoothing, **common)
    return None if loss.label_smoothing else keras.losses.SparseCategoricalCrossentropy(**common)


def _run(subject: Subject, *, training: bool, execution: str, seed: int) -> list[np.ndarray | None]:
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


def _distance(ours: Sequence[np.ndarray | None], theirs: Sequence[np.ndarray | None]) -> float:
    """The largest difference of a tensor, as a part of its size: |a − b| / |b| in root squares.

    A tensor much smaller than the largest is judged as if it were not: such as the gradient of a
    bias in front of a batch normalisation, which is all rounding.
    """
    if [x if x is None else x.shape for x in ours] != [x if x is None else x.shape for x in theirs]:
        return np.inf
    pairs = [
        (a, b)
        for a, b in zip(ours, theirs, strict=True)
        if a is not None and b is not None and a.size
    ]
    size = max((_size(b) for _, b in pairs), default=0.0)
    with np.errstate(invalid="ignore"):
        errors = [_size(a - b) / max(_size(b), FLOOR * size, 1e-300) for a, b in pairs]
    return np.inf if np.isnan(errors).any() else max(errors, default=0.0)


def _size(x: np.ndarray) -> float:
    return float(np.sqrt(np.mean(x**2)))


def _raises(error: Exception) -> str:
    return f"raises {type(error).__name__}: {first_line(error)}"
