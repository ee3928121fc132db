"""The definition of a rule of combination: a name, and the computation on arrays and on tensors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Definition:
    """A rule of combination, which turns the members' probabilities into the committee's.

    Both computations take the probabilities of the members and, by keyword, those parameters of
    `zoo.ensembles.Rule` that `parameters` names. The two agree to float rounding.

    Args:
        name: The name, as in `Committee(voting=name)`.
        on_arrays: The computation on arrays. It takes float [members, n, classes] and gives
            float64 [n, classes], whose rows sum to 1.
        on_tensors: The computation on tensors, in the operations of Keras and TensorFlow. It takes
            a tensor [members, batch, classes] of float32 or float64 and gives a tensor [batch,
            classes] of the same type.
        parameters: The names of the parameters. `"weights"`, if named, may be None; all others are
            learned, so that the rule cannot be used without them.
        counts_votes: Whether the result is shares of a vote rather than probabilities. A
            temperature is for probabilities only, and so is learning from a teacher.
        description: How the members decide, for the model card; empty for the text "NAME vote".
        learned_by: The name of the function that learns the parameters, for error messages; empty
            for a rule that learns nothing.
        check_learned: Raises an `ArgumentError` if the learned parameters, given by keyword, are
            not for this number of members and of classes. The number of classes may be None for
            any number. None checks nothing.
        terms: The arrays whose weighted means over the members decide. It takes float [members, n,
            classes] and gives a tuple of float [members, n, classes].
        decide: The decisions of `on_arrays` from these means, in less time for many groups of the
            members. It takes the means, float64 [..., n, classes], and gives class ids, int [...,
            n]. None for a rule that has no such form: it combines one group after another.

    Example:
        >>> from zoo.ensembles.combining import soft
        >>> soft.DEFINITION.on_arrays([[[0.9, 0.1]], [[0.5, 0.5]]], weights=None)
        array([[0.7, 0.3]])
    """

    name: str
    on_arrays: Callable[..., Any]
    on_tensors: Callable[..., Any]
    parameters: tuple[str, ...] = ("weights",)
    counts_votes: bool = False
    description: str = ""
    learned_by: str = ""
    check_learned: Callable[..., None] | None = None
    terms: Callable[..., tuple[Any, ...]] = lambda probabilities: (probabilities,)
    decide: Callable[..., Any] | None = None

    @property
    def takes_weights(self) -> bool:
        """Whether members can have weights."""
        return "weights" in self.parameters

    @property
    def learned(self) -> tuple[str, ...]:
        """The names of the parameters that have to be learned before the rule can be used."""
        return tuple(name for name in self.parameters if name != "weights")
