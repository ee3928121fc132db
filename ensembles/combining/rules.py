"""The table of the rules of combination, and `Rule`: a rule with its parameters.

To add a rule, write its `Definition` in a module of its own, and name it in `DEFINITIONS`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zoo.arguments import argument_error, is_real
from zoo.ensembles.checks import checked_weights, logarithms
from zoo.ensembles.combining import geometric, logistic_regression, majority, soft
from zoo.ensembles.combining.definition import Definition
from zoo.ensembles.combining.weights import weighted_mean
from zoo.errors import ArgumentError
from zoo.metrics import LEAST_PROBABILITY
from zoo.text import did_you_mean

DEFINITIONS: dict[str, Definition] = {
    module.DEFINITION.name: module.DEFINITION
    for module in (majority, soft, geometric, logistic_regression)
}
"""The definition of each rule by its name."""

MEANS_AT_ONCE = 2**16
"""How many numbers `Rule.decisions_of_groups` computes at once, for as many groups as fit."""


@dataclass(frozen=True, init=False)
class Rule:
    """A rule of combination with its parameters.

    Learned parameters are attributes of the rule, such as `rule.coefficients`. A parameter of
    another rule is None.

    Args:
        voting: The name of the rule: `"majority"`, `"soft"` or `"geometric"`, as
            `committee_probabilities` describes them, or `"stacking"`, which
            `zoo.ensembles.stack` learns.
        weights: The weight of each member, [members]; None gives each member the weight 1.
        temperature: A number above 0 by which the logarithms of the combined probabilities are
            divided (Guo et al., 2017); None leaves the probabilities unchanged.
        learned: The learned parameters by name; None for a rule that learns nothing.
        **parameters: The same learned parameters as single arguments. For stacking,
            `coefficients`, [classes, members, classes], and `intercept`, [classes]: the logit of
            class k is intercept_k + Σ_m Σ_c coefficient_kmc log p_mc.

    Raises:
        ArgumentError: There is no such rule, or the rule does not have these parameters.

    Example:
        >>> Rule("soft")(np.array([[[0.9, 0.1]], [[0.5, 0.5]]])).round(2)
        array([[0.7, 0.3]], dtype=float32)
    """

    voting: str
    weights: Sequence[float] | None
    temperature: float | None
    learned: Mapping[str, Any] = field(hash=False)

    def __init__(
        self,
        voting: str = "majority",
        weights: Sequence[float] | None = None,
        temperature: float | None = None,
        *,
        learned: Mapping[str, Any] | None = None,
        **parameters: Any,
    ) -> None:
        parameters = {**(learned or {}), **parameters}
        values = {
            "voting": voting,
            "weights": weights,
            "temperature": temperature,
            "learned": {
                name: _as_tuples(value) for name, value in parameters.items() if value is not None
            },
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)
        self._check_parameters()

    def _check_parameters(self) -> None:
        """Check the parameters against the definition, and turn the weights into numbers."""
        if not isinstance(self.voting, str) or self.voting not in DEFINITIONS:
            raise ArgumentError(
                f"voting must be one of {', '.join(DEFINITIONS)}. Received: {self.voting!r}"
                f"{did_you_mean(str(self.voting), DEFINITIONS)}"
            )
        definition, condition = self.definition, f"for voting={self.voting!r}"
        if self.weights is not None:
            if not definition.takes_weights:
                raise ArgumentError(
                    f"weights must be None {condition}. Received: {self.weights!r}. Leave the "
                    'weights out, or use another rule, such as "soft".'
                )
            try:
                object.__setattr__(self, "weights", tuple(map(float, self.weights)))
            except (TypeError, ValueError, OverflowError) as error:
                raise ArgumentError(
                    f"weights must be numbers, one for each member. Received: {self.weights!r}. "
                    "Pass None to give each member the weight 1. Trained weights are a name, as in "
                    'Committee(["lenet", "lenet"], weights="mnist"), or arguments of each Member.'
                ) from error
        for name in definition.learned:
            if name not in self.learned:
                raise ArgumentError(
                    f"{name} must be learned by {definition.learned_by or 'the caller'} "
                    f"{condition}. Received: None. Pass {name}=."
                )
        for name, value in self.learned.items():
            if name not in definition.learned:
                raise argument_error(name, f"be None {condition}", value, "Leave it out")
        if self.temperature is not None:
            if definition.counts_votes:
                raise ArgumentError(
                    f"temperature must be None {condition}, which gives shares of the vote and no "
                    f'probabilities. Received: {self.temperature!r}. Use another rule: "soft".'
                )
            if not is_real(self.temperature) or not 0 < self.temperature < np.inf:
                raise ArgumentError(
                    f"temperature must be above 0 and finite. Received: {self.temperature!r}. "
                    "zoo.ensembles.calibrate finds a temperature."
                )

    def __getattr__(self, name: str) -> Any:
        """Give a learned parameter, or None for a learned parameter of another rule."""
        if any(name in definition.learned for definition in DEFINITIONS.values()):
            return self.__dict__.get("learned", {}).get(name)
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

    @property
    def definition(self) -> Definition:
        """The definition of the rule, from the table."""
        return DEFINITIONS[self.voting]

    @property
    def defined_for_fewer(self) -> bool:
        """Whether the rule can also combine some of its members; a learned rule cannot."""
        return not self.definition.learned

    @property
    def treats_members_alike(self) -> bool:
        """Whether members can change places, or be left out, without another meaning."""
        return self.defined_for_fewer and len({*(self.weights or ())}) <= 1

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
            combined = softmax(logarithms(combined.astype(np.float32)) / self.temperature, axis=1)
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
            logits = ops.log(ops.maximum(combined, LEAST_PROBABILITY))
            combined = ops.softmax(logits / self.temperature)
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

    def decisions_of_groups(
        self, probabilities: NDArray, groups: NDArray[np.bool_]
    ) -> NDArray[np.int64]:
        """Decide by each of several groups of the members, much faster than group by group.

        Args:
            probabilities: Probabilities of all members, float [members, n, classes].
            groups: True for each member of a group, bool [groups, members]. Each group has a
                member whose weight is above 0.

        Returns:
            The class ids that each group decides for, int64 [groups, n].

        Raises:
            ArgumentError: The rule is not defined for fewer members.

        Example:
            >>> members = np.array([[[0.9, 0.1]], [[0.2, 0.8]]])
            >>> Rule("soft").decisions_of_groups(members, np.array([[True, False], [True, True]]))
            array([[0],
                   [0]])
        """
        plain, (members, n, num_classes) = replace(self, temperature=None), probabilities.shape
        decisions = np.empty((len(groups), n), np.int64)
        if self.definition.decide is None:
            for row, group in zip(decisions, groups, strict=True):
                kept = np.flatnonzero(group).tolist()
                row[:] = plain.for_members(kept)(probabilities[kept]).argmax(axis=1)
            return decisions
        weights = groups * checked_weights(self.weights, members)
        terms = self.definition.terms(probabilities)
        # Some groups at once, so that the means stay in the processor's cache.
        some = max(1, MEANS_AT_ONCE // max(1, n * num_classes))
        for start in range(0, len(groups), some):
            means = (weighted_mean(term, weights[start : start + some]) for term in terms)
            decisions[start : start + some] = self.definition.decide(*means)
        return decisions

    def for_probabilities(self) -> Rule:
        """Give the rule itself, or the soft rule with the same weights for a rule of votes.

        Example:
            >>> Rule("majority", (2, 1)).for_probabilities() == Rule("soft", (2, 1))
            True
        """
        return Rule(soft.DEFINITION.name, self.weights) if self.definition.counts_votes else self

    def to_config(self) -> dict[str, Any]:
        """Give the parameters as JSON values, for `from_config`."""
        values = {
            "voting": self.voting,
            "weights": self.weights,
            "temperature": self.temperature,
            **self.learned,
        }
        return {name: value for name, value in values.items() if value is not None}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Rule:
        """Make a rule of the values that `to_config` gave."""
        return cls(**config)

    def check_members(self, members: int, num_classes: int | None = None) -> None:
        """Check that the rule is for a number of members and classes.

        Args:
            members: The number of members.
            num_classes: The number of classes; None allows any number.

        Raises:
            ArgumentError: The rule is for another number of members or classes.
        """
        checked_weights(self.weights, members)
        if self.definition.check_learned is not None:
            self.definition.check_learned(members, num_classes, **self.learned)

    def _parameters(self) -> dict[str, Any]:
        """Give the arguments for the computations of the definition."""
        weights = {"weights": self.weights} if self.definition.takes_weights else {}
        return {**weights, **self.learned}


def voting_names() -> tuple[str, ...]:
    """List the names of the rules that need nothing learned.

    Example:
        >>> voting_names()
        ('majority', 'soft', 'geometric')
    """
    return tuple(name for name, definition in DEFINITIONS.items() if not definition.learned)


VOTING = voting_names()
"""The names of the rules of this package that need nothing learned."""


def rules_to_compare(rule: Rule) -> dict[str, Rule]:
    """List a committee's rule, and all other rules that need nothing learned, with its weights.

    Args:
        rule: The committee's rule.

    Returns:
        Title of a rule → the rule. The first is `"committee"`, the committee's rule.

    Example:
        >>> list(rules_to_compare(Rule("soft", temperature=2)))
        ['committee', 'majority vote', 'geometric vote']
    """
    rules = {"committee": rule}
    for name in voting_names():
        if name != rule.voting:
            weights = rule.weights if DEFINITIONS[name].takes_weights else None
            rules[f"{name} vote"] = Rule(name, weights)
    return rules


def _as_tuples(value: Any) -> Any:
    """Turn arrays and nested sequences into nested tuples, so that equal rules compare as equal."""
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, Sequence) and not isinstance(value, str):
        return tuple(map(_as_tuples, value))
    return value
