"""The answer of a committee about a picture: class, probability, votes and uncertainty."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from zoo.ensembles.combining.majority import vote_shares
from zoo.ensembles.measures.uncertainty import predictive_entropy
from zoo.text import percent, visible


@dataclass(frozen=True, repr=False)
class Answer:
    """The answer of a committee about a picture.

    Attributes:
        source: Path of the picture's file; for a picture without a file, its number among the
            pictures, from 0.
        class_name: Name of the class that the committee decides for.
        probability: Probability of this class, from 0 to 1; for a majority vote, the share of the
            votes. (`Committee.predict` mixes the mean probability into the shares, less than 0.001,
            which decides ties.)
        votes: Name of each member → name of the class that the member votes for.
        uncertainty: How unsure the members are together, in nats, from 0 to the logarithm of the
            number of classes (`zoo.ensembles.measures.uncertainty.predictive_entropy`).

    Example:
        >>> Answer(Path("a.jpg"), "cat", 0.75, {"cnn": "cat", "mlp": "dog"}, 0.562)
        Answer(a.jpg: cat 75.0 %, uncertainty 0.56 nats; cnn: cat, mlp: dog)
    """

    source: Path | int
    class_name: str
    probability: float
    votes: Mapping[str, str] = field(hash=False)
    uncertainty: float

    def to_dict(self) -> dict[str, Any]:
        """Give the answer as JSON values; numbers have six decimals."""
        return {
            "source": self.source if isinstance(self.source, int) else str(self.source),
            "class": self.class_name,
            "probability": round(self.probability, 6),
            "uncertainty": round(self.uncertainty, 6),
            "votes": dict(self.votes),
        }

    def __repr__(self) -> str:
        source = f"picture {self.source}" if isinstance(self.source, int) else self.source
        votes = ", ".join(f"{member}: {vote}" for member, vote in self.votes.items())
        return visible(
            f"Answer({source}: {self.class_name} {percent(self.probability)}, "
            f"uncertainty {self.uncertainty:.2f} nats; {votes})"
        )


def make_answers(
    sources: Sequence[Path | int],
    members: Mapping[str, np.ndarray],
    committee: np.ndarray,
    class_names: Sequence[str],
    weights: Sequence[float] | None = None,
    *,
    counts_votes: bool = False,
) -> list[Answer]:
    """Make answers of probabilities.

    Args:
        sources: Where each picture comes from, [n].
        members: Name of each member → its probabilities, float [n, classes].
        committee: The probabilities of the committee, float [n, classes].
        class_names: The name of each class.
        weights: The weight of each member in the vote and in the uncertainty, [members]; None for
            equal weights.
        counts_votes: Whether the committee decides by vote, and answers are shares of the vote.

    Returns:
        An answer for each picture.

    Example:
        >>> make_answers([0], {"cnn": np.array([[0.9, 0.1]])}, np.array([[0.9, 0.1]]), "ab")
        [Answer(picture 0: a 90.0 %, uncertainty 0.33 nats; cnn: a)]
    """
    probabilities = np.stack([*members.values()])
    uncertainty = predictive_entropy(probabilities, weights)
    decisions, votes = committee.argmax(axis=-1), probabilities.argmax(axis=-1)
    if counts_votes:
        committee = vote_shares(votes, committee.shape[-1], weights)
    return [
        Answer(
            source,
            class_names[decisions[k]],
            float(committee[k, decisions[k]]),
            {name: class_names[vote] for name, vote in zip(members, votes[:, k], strict=True)},
            float(uncertainty[k]),
        )
        for k, source in enumerate(sources)
    ]
