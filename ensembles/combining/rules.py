"""How a committee's members become one answer: on arrays, and on tensors for use in a graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zoo.ensembles.checks import FLOOR, checked_probabilities
from zoo.ensembles.combining.voting import (
    BLEND,
    LEAD,
    TIE_TOLERANCE,
    VOTING,
    checked_weights,
    committee_probabilities,
)
from zoo.ensembles.measures.calibration import apply_temperature
from zoo.errors import ArgumentError

STACKING = "stacking"


@dataclass(frozen=True)
class Rule:
    """A rule of combination.

    Args:
        voting: `"majority"`, `"soft"` or `"geometric"`, as `committee_probabilities` has them, or
            `"stacking"`.
        weights: what each member counts, [members]; None counts each as one.
        temperature: what the logarithms of the combined probabilities are divided by (Guo et al.,
            2017); None leaves them as they are.
        coefficients: of stacking, [classes, members, classes]: the logits are, for class k,
            intercept_k + Σ_m Σ_c coefficient_kmc log p_mc.
        intercept: of stacking, [classes].

    Raises:
        ArgumentError: values that do not go together.

    Example:
        >>> Rule("soft")(np.array([[[0.9, 0.1]], [[0.5, 0.5]]])).round(2)
        array([[0.7, 0.3]], dtype=float32)
    """

    voting: str = "majority"
    weights: Sequence[float] | None = None
    temperature: float | None = None
    coefficients: tuple[Any, ...] | None = None
    intercept: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        stacked = self.voting == STACKING
        if self.voting not in (*VOTING, STACKING):
            raise ArgumentError(
                f"voting is one of {', '.join((*VOTING, STACKING))}. Received: {self.voting!r}"
            )
        learned = (self.coefficients is not None, self.intercept is not None)
        if learned != (stacked, stacked) or (stacked and self.weights is not None):
            raise ArgumentError(
                "stacking has coefficients and an intercept, which zoo.ensembles.stack learns, and "
                "no weights. "
                f"Received: voting={self.voting!r}, weights={self.weights!r}"
            )
        if self.temperature is not None and (
            self.voting == "majority" or not 0 < self.temperature < np.inf
        ):
            raise ArgumentError(
                "A temperature is above 0, and of probabilities: majority voting gives shares of "
                f"the vote. Received: voting={self.voting!r}, temperature={self.temperature!r}"
            )
        if self.weights is not None:
            try:
                object.__setattr__(self, "weights", tuple(map(float, self.weights)))
            except (TypeError, ValueError) as error:
                raise ArgumentError(
                    f"weights must be numbers. Received: {self.weights!r}"
                ) from error

    def __call__(self, probabilities: ArrayLike) -> NDArray[np.float32]:
        """Combine arrays.

        Args:
            probabilities: float [members, n, classes], rows sum to 1.

        Returns:
            float32 [n, classes]; rows sum to 1.

        Raises:
            ArgumentError: for probabilities that are not as described.
        """
        if self.voting == STACKING:
            from scipy.special import softmax  # loaded on use: it is slow to import

            logs = np.log(np.maximum(checked_probabilities(probabilities), FLOOR))
            logits = np.einsum("kmc,mnc->nk", np.array(self.coefficients), logs)
            combined = softmax(logits + np.array(self.intercept), axis=1)
        else:
            combined = committee_probabilities(probabilities, self.voting, self.weights)  # type: ignore[arg-type]
        if self.temperature is not None:
            combined = apply_temperature(combined, self.temperature)
        return combined.astype(np.float32)

    def on_tensors(self, probabilities: Any, dtype: str = "float64") -> Any:
        """Combine tensors, in the same steps.

        Args:
            probabilities: float [members, batch, classes], rows sum to 1.
            dtype: what to compute in. `"float64"` tells ties from near ties by less than float32
                resolves; with `"float32"`, which is all that some runtimes know, sums that differ
                by less than a millionth tie.

        Returns:
            float32 [batch, classes].
        """
        from keras import ops

        probabilities = ops.cast(probabilities, dtype)
        scale = self._scale(probabilities.shape[0], dtype)
        if self.voting == "majority":
            return ops.cast(_majority(probabilities, scale, dtype), "float32")
        logs = ops.log(ops.maximum(probabilities, FLOOR))
        if self.voting == STACKING:
            coefficients = ops.convert_to_tensor(np.array(self.coefficients), dtype)
            logits = ops.einsum("kmc,mnc->nk", coefficients, logs)
            logits += ops.convert_to_tensor(np.array(self.intercept), dtype)
        elif self.voting == "geometric":
            logits = ops.sum(scale * logs, axis=0)
        else:
            mean = ops.sum(scale * probabilities, axis=0)
            if self.temperature is None:
                return ops.cast(mean, "float32")
            logits = ops.log(ops.maximum(mean, FLOOR))
        return ops.cast(ops.softmax(logits / (self.temperature or 1.0)), "float32")

    @property
    def defined_for_fewer(self) -> bool:
        """Whether the rule also combines some of the members: stacking has learned from all."""
        return self.voting != STACKING

    def for_members(self, kept: Sequence[int]) -> Rule:
        """Give the same rule for some of the members.

        Args:
            kept: The numbers of the members that are combined, in their order.

        Returns:
            The rule with the weights of these members.

        Raises:
            ArgumentError: The rule is not defined for fewer members.

        Example:
            >>> Rule("soft", (1, 2, 3)).for_members([0, 2]).weights
            (1.0, 3.0)
        """
        if not self.defined_for_fewer:
            raise ArgumentError(
                f"The rule must be defined for some of the members. Received: {self.voting}, which "
                "has learned from all of them. Choose another rule with committee.with_rule."
            )
        weights = None if self.weights is None else tuple(self.weights[index] for index in kept)
        return replace(self, weights=weights)

    def to_config(self) -> dict[str, Any]:
        """The rule as JSON values, for `from_config`."""
        return {key: value for key, value in vars(self).items() if value is not None}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Rule:
        """Make a rule from what `to_config` gave."""
        return cls(**{key: _tuples(value) for key, value in config.items()})

    def check_members(self, members: int, num_classes: int | None = None) -> None:
        """Check that it is a rule for so many members, and classes.

        Args:
            members: how many.
            num_classes: how many; None for any number.

        Raises:
            ArgumentError: it is one for others.
        """
        checked_weights(self.weights, members)
        if self.coefficients is not None and self.intercept is not None:
            shape = np.shape(self.coefficients)
            classes = shape[0] if num_classes is None else num_classes
            if shape != (classes, members, classes) or np.shape(self.intercept) != (classes,):
                raise ArgumentError(
                    f"coefficients are [classes, members, classes] for {members} members, and "
                    f"intercept is [classes]. Received: {shape} and {np.shape(self.intercept)}"
                )

    def _scale(self, members: int, dtype: str) -> Any:
        from keras import ops

        scale = np.ones(members) if self.weights is None else np.asarray(self.weights, "float64")
        return ops.convert_to_tensor((scale / scale.sum())[:, None, None], dtype)


def rules_like(rule: Rule) -> dict[str, Rule]:
    """Name a committee's rule, and those that need nothing learned, with its weights.

    Example:
        >>> list(rules_like(Rule("soft", temperature=2)))
        ['committee', 'majority vote', 'geometric vote']
    """
    others = {f"{name} vote": Rule(name, rule.weights) for name in VOTING if name != rule.voting}
    return {"committee": rule, **others}


def _majority(probabilities: Any, scale: Any, dtype: str) -> Any:
    """`committee_probabilities` for majority voting."""
    import tensorflow as tf  # whose argmax other runtimes know; that of Keras looks at bits
    from keras import ops

    mean = ops.sum(scale * probabilities, axis=0)
    num_classes = probabilities.shape[-1]
    votes = ops.one_hot(tf.argmax(probabilities, axis=-1), num_classes, dtype=dtype)
    shares = ops.sum(scale * votes, axis=0)
    tolerance = TIE_TOLERANCE if dtype == "float64" else 1e-6
    led = _leaders(ops.where(_leaders(shares, tolerance), mean, -1.0), tolerance)
    first = tf.argmax(ops.cast(led, dtype), axis=-1)
    decision = ops.one_hot(first, num_classes, dtype=dtype)
    blend = (1 - BLEND) * shares + BLEND * mean
    behind = ops.max(blend, axis=-1, keepdims=True)
    behind -= ops.sum(blend * decision, axis=-1, keepdims=True)
    blend += decision * (behind + LEAD)
    return blend / ops.sum(blend, axis=-1, keepdims=True)


def _leaders(scores: Any, tolerance: float) -> Any:
    from keras import ops

    return scores >= ops.max(scores, axis=-1, keepdims=True) - tolerance


def _tuples(value: Any) -> Any:
    """Sequences in sequences as tuples in tuples, so that rules are values."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        return tuple(map(_tuples, value))
    return value
