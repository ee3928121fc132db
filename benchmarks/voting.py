"""Rules that combine votes, against scikit-learn's `VotingClassifier`."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import VotingClassifier

from benchmarks.measure import SPEED, bars, keep, rows_of, show, take_turns
from zoo.ensembles.combining.voting import majority_vote, soft_vote

REFERENCE = "scikit-learn, VotingClassifier"


class Answers(ClassifierMixin, BaseEstimator):
    """A classifier that returns given probabilities, so that only combining them takes time."""

    def __init__(self, probabilities: Any = None) -> None:
        self.probabilities = probabilities

    def fit(self, X: Any, y: Any) -> "Answers":
        """Nothing to learn: keep the votes that follow from the probabilities."""
        self.votes_ = self.probabilities.argmax(axis=-1)
        return self

    def predict(self, X: Any) -> Any:
        """Return the votes, int [n]."""
        return self.votes_

    def predict_proba(self, X: Any) -> Any:
        """Return the probabilities, float [n, classes]."""
        return self.probabilities


def voter(probabilities: np.ndarray, voting: str, weights: Sequence[float] | None) -> Any:
    """Make a trained `VotingClassifier` of members that return the given probabilities."""
    members = [(str(number), Answers(rows)) for number, rows in enumerate(probabilities)]
    classes = np.arange(probabilities.shape[-1])
    return VotingClassifier(members, voting=voting, weights=weights).fit(classes[:, None], classes)


def main(*, quick: bool = False) -> None:
    """Measure, print the tables, and write results/voting.json."""
    n, members, classes, turns = (500, 4, 3, 2) if quick else (100_000, 10, 10, 31)
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.ones(classes), (members, n))
    votes = probabilities.argmax(axis=-1)
    images, weights = np.zeros((n, 1)), rng.uniform(1, 2, members)
    tables = {}
    for title, chosen in {"majority": None, "majority, weighted": weights}.items():
        hard = voter(probabilities, "hard", chosen)
        ways = {
            REFERENCE: lambda hard=hard: hard.predict(images),
            "zoo, majority_vote": lambda chosen=chosen: majority_vote(
                votes, classes, chosen, "lowest"
            ),
            "zoo, ties by probability": lambda chosen=chosen: majority_vote(
                votes, classes, chosen, probabilities=probabilities
            ),
        }
        assert np.array_equal(ways[REFERENCE](), ways["zoo, majority_vote"]())
        tables[title] = measured(ways, turns)
    soft = voter(probabilities, "soft", weights)
    ways = {
        REFERENCE: lambda: soft.predict_proba(images),
        "zoo, soft_vote": lambda: soft_vote(probabilities, weights),
    }
    np.testing.assert_allclose(ways[REFERENCE](), ways["zoo, soft_vote"]())
    tables["mean probability, weighted"] = measured(ways, turns)
    tables["majority"]["zoo, majority_vote"]["asked for"] = "10"
    for title, rows in tables.items():
        show(f"{n:,} images, {members} members, {classes} classes: {title}", rows, SPEED)
    keep("voting", {"rows": tables["majority"], "tables": tables}, bars(tables, "seconds"))


def measured(ways: dict[str, Any], turns: int) -> dict[str, Any]:
    """Let contestants take turns, and compare each with the first."""
    timed = {name: lambda way=way: way() is None or None for name, way in ways.items()}
    return rows_of(take_turns(timed, turns), REFERENCE)
