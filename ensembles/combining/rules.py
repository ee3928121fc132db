"""The table of the rules of combination, and `Rule`: a rule with its parameters.

To add a rule, write its `Definition` in a module of its own, and name it in `DEFINITIONS`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zoo.ensembles.checks import LEAST_PROBABILITY, checked_weights
from zoo.ensembles.combining import geometric, majority, soft, stacking
from zoo.ensembles.combining.definition import Definition
from zoo.errors import ArgumentError
from zoo.text import did_you_mean

DEFINITIONS: dict[str, Definition] = {
    module.DEFINITION.name: module.DEFINITION for module in (majority, soft, geometric, stacking)
}
"""The definition of each rule by its name."""

STACKING = stacking.DEFINITION.name
"""The name of the rule that `zoo.ensembles.stack` learns."""


@dataclass(frozen=True)
class Rule:
    """A rule of combination with its parameters.

    Args:
        voting: The name of the rule: `"majority"`, `"soft"` or `"geometric"`, as
            `committee_probabilities` describes them, or `"stacking"`, which
            `zoo.ensembles.stack` learns.
        weights: The weight of each member, [members]; None gives each member the weight 1.
        temperature: The logarithms of the combined probabilities are divided by this number, which
            is above 0 (Guo et al., 2017); None leaves the probabilities unchanged.
        coefficients: Of stacking, [classes, members, classes]: the logit of class k is
            intercept_k + Σ_m Σ_c coefficient_kmc log p_mc.
        intercept: Of stacking, [classes].

    Raises:
        ArgumentError: There is no such rule, or the rule does not have these parameters.

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
        if not isinstance(self.voting, str) or self.voting not in DEFINITIONS:
            raise ArgumentError(
                f"voting must be one of {', '.join(DEFINITIONS)}. Received: {self.voting!r}"
                f"{did_you_mean(str(self.voting), DEFINITIONS)}"
            )
        definition, which = self.definition, f"for voting={self.voting!r}"
        if self.weights is not None:
            if not definition.takes_weights:
                raise ArgumentError(f"weights must be None {which}. Received: {self.weights!r}")
            try:
                object.__setattr__(self, "weights", tuple(map(float, self.weights)))
            except (TypeError, ValueError) as error:
                raise ArgumentError(
                    f"weights must be numbers. Received: {self.weights!r}"
                ) from error
        for name in ("coefficients", "intercept"):
            value, needed = getattr(self, name), name in definition.learned
            if (value is not None) != needed:
                wanted = "learned by zoo.ensembles.stack" if needed else "None"
                raise ArgumentError(f"{name} must be {wanted} {which}. Received: {value!r}")
        if self.temperature is not None:
            if definition.counts_votes:
                raise ArgumentError(
                    f"temperature must be None {which}, which gives shares of the vote and no "
                    f'probabilities. Received: {self.temperature!r}. Use another rule: "soft".'
                )
            if not 0 < self.temperature < np.inf:
                raise ArgumentError(
                    f"temperature must be above 0 and finite. Received: {self.temperature!r}"
                )

    @property
    def definition(self) -> Definition:
        """The definition of the rule, from the table."""
        return DEFINITIONS[self.voting]

    @property
    def defined_for_fewer(self) -> bool:
        """Whether the rule can also combine some of its members; a learned rule cannot."""
        return not self.definition.learned

    def __call__(self, probabilities: ArrayLike) -> NDArray[np.float32]:
        """Combine arrays.

        Args:
            probabilities: float [members, n, classes], rows sum to 1.

        Returns:
            float32 [n, classes]; rows sum to 1.

        Raises:
            ArgumentError: The probabilities are not as described, or of another number of members.
        """
        combined = self.definition.on_arrays(probabilities, **self._parameters())
        if self.temperature is not None:
            from scipy.special import softmax  # imported here, since the import is slow

            # In float32 first, so that the temperature changes no decision, not even of a tie.
            logarithms = np.log(
                np.maximum(combined.astype(np.float32).astype(float), LEAST_PROBABILITY)
            )
            combined = softmax(logarithms / self.temperature, axis=1)
        return combined.astype(np.float32)

    def on_tensors(self, probabilities: Any, dtype: str = "float64") -> Any:
        """Combine tensors, in the same steps as arrays.

        Args:
            probabilities: float [members, batch, classes], rows sum to 1.
            dtype: The type to compute in: `"float64"`, or `"float32"` for runtimes that have no
                float64. In float32, sums that differ by less than a millionth tie.

        Returns:
            A tensor, float32 [batch, classes].
        """
        from keras import ops

        probabilities = ops.cast(probabilities, dtype)
        combined = self.definition.on_tensors(probabilities, **self._parameters())
        if self.temperature is not None:
            logarithms = ops.log(ops.maximum(combined, LEAST_PROBABILITY))
            combined = ops.softmax(logarithms / self.temperature)
        return ops.cast(combined, "float32")

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
                f"The rule must be defined for some of the members. Received: {self.voting!r}, "
                "which is learned from all members. Choose another rule with "
                "committee.with_rule."
            )
        weights = None if self.weights is None else tuple(self.weights[index] for index in kept)
        return replace(self, weights=weights)

    def for_probabilities(self) -> Rule:
        """Give the rule itself, or the soft rule with the same weights for a rule of votes.

        Example:
        X
        """
        return Rule(soft.DEFINITION.name, self.weights) if self.definition.counts_votes else self

    def to_config(self) -> dict[str, Any]:
        """Give the parameters as JSON values, for `from_config`."""
        return {key: value for key, value in vars(self).items() if value is not None}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Rule:
        """Make a rule of the values that `to_config` gave."""
        return cls(**{key: _as_tuples(value) for key, value in config.items()})

    def check_members(self, members: int, num_classes: int | None = None) -> None:
        """Check that the rule is for a number of members and classes.

        Args:
            members: The number of members.
            num_classes: The number of classes; None allows any number.

        Raises:
            ArgumentError: The rule is for another number of members or classes.
        """
        checked_weights(self.weights, members)
        if self.coefficients is not None and self.intercept is not None:
            shape, intercept = np.shape(self.coefficients), np.shape(self.intercept)
            classes = shape[0] if num_classes is None else num_classes
            if shape != (classes, members, classes) or intercept != (classes,):
                raise ArgumentError(
                    "coefficients must be [classes, members, classes] and intercept [classes], "
                    f"for {members} members. Received: {shape} and {intercept}"
                )

    def _parameters(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.definition.parameters}


def voting_names() -> tuple[str, ...]:
    """Name the rules that need nothing learned.

    Example:
        >>> voting_names()
        ('majority', 'soft', 'geometric')
    """
    return tuple(name for name, definition in DEFINITIONS.items() if not definition.learned)


def rules_like(rule: Rule) -> dict[str, Rule]:
    """Name a committee's rule and the other rules that need nothing learned, with its weights.

    Args:
        rule: The committee's rule.

    Returns:
        A name of each rule → the rule; the committee's rule is the first.

    Example:
        >>> list(rules_like(Rule("soft", temperature=2)))
        ['committee', 'majority vote', 'geometric vote']
    """
    rules = {"committee": rule}
    for name in voting_names():
        if name != rule.voting:
            weights = rule.weights if DEFINITIONS[name].takes_weights else None
            rules[f"{name} vote"] = Rule(name, weights)
    return rules


def _as_tuples(value: Any) -> Any:
    """Turn nested sequences into nested tuples, so that two equal rules compare as equal."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        return tuple(map(_as_tuples, value))
    return value
