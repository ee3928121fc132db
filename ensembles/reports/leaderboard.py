"""The leaderboard: members, committees and rules in one table, on the same images."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Group
from rich.text import Text

from zoo.augmentation.views import Views
from zoo.ensembles.combining.rules import Rule, rules_to_compare
from zoo.ensembles.measures.bootstrap import Estimate
from zoo.ensembles.measures.retraining import Retrainings, ScoreVariance, retrainings
from zoo.ensembles.measures.significance import (
    CochranTest,
    PairedTest,
    cochran_q,
    holm,
    mcnemar,
    paired_bootstrap,
)
from zoo.ensembles.measures.worth import calibrated_log_likelihood, ensemble_curve
from zoo.ensembles.provenance import Overlap
from zoo.ensembles.reports.measure_table import Answers, Value, measure
from zoo.ensembles.reports.saving import as_json
from zoo.ensembles.reports.tables import Table, leaderboard_tables
from zoo.ensembles.reports.verdict import Verdict
from zoo.errors import ArgumentError
from zoo.metrics import accuracy
from zoo.pages.frame import fragment
from zoo.pages.parts import paragraph
from zoo.text import as_plain_text, terminal_text

if TYPE_CHECKING:
    from markupsafe import Markup


@dataclass(frozen=True)
class LeaderboardRow:
    """The results of a member or a committee.

    Every measure of `zoo.ensembles.reports.measure_table` is an attribute: `row.accuracy` with its
    95 % Wilson interval, `row.macro_f1`, `row.negative_log_likelihood`, `row.brier`,
    `row.calibration_error` and `row.calibration_error_mass` with their bootstrap intervals. The
    intervals of calibration errors lie too high, see `zoo.ensembles.measures.scores.scores`. Where
    they are known, there are also `row.training_seconds`, `row.milliseconds_an_image` and
    `row.worth`, and for copies of one recipe `row.training_deviation`, `row.image_deviation` and
    `row.total_deviation`.

    Attributes:
        name: Name of the member, or of the committee with its rule.
        kind: `"member"` or `"committee"`.
        values: Name of a measure → its value.
        p_value: P-value of McNemar's exact test against the best member, corrected by Holm's method
            for all rows that are compared with this member; nan for the member itself.

    Example:
        >>> LeaderboardRow("cnn", "member", {"macro_f1": 0.5}).macro_f1
        0.5
    """

    name: str
    kind: str
    values: Mapping[str, Value] = field(hash=False)
    p_value: float = math.nan

    def __getattr__(self, name: str) -> Any:
        """The value of a measure."""
        try:
            return self.__dict__["values"][name]
        except KeyError:
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}") from None

    def to_dict(self) -> dict[str, Any]:
        """Give the row as JSON values; a p-value that is nan becomes None."""
        return as_json(
            {"name": self.name, "kind": self.kind, **self.values, "p_value": self.p_value}
        )


@dataclass(frozen=True)
class Leaderboard:
    """Members, committees and rules on the same images, the most accurate first.

    Attributes:
        entries: The rows.
        verdict: The comparison of the committee with its best member.

    Example:
        >>> labels = np.array([0, 1, 1, 0])
        >>> board = make_leaderboard(labels, {"a": np.eye(2)[labels]}, {})
        >>> board.sentence()
        'a recognises 4 of 4 images: 100.0 %, with a 95 % interval of 51.0 to 100.0 %.'
    """

    entries: tuple[LeaderboardRow, ...]
    verdict: Verdict

    def __getitem__(self, name: str) -> LeaderboardRow:
        """Find the row with a name."""
        for row in self.entries:
            if row.name == name:
                return row
        raise KeyError(name)

    @property
    def n(self) -> int:
        """The number of images that members and committees are judged on."""
        return self.verdict.overlap.images

    @property
    def committee(self) -> str:
        """The name of the committee that is compared with its best member."""
        return self.verdict.committee

    @property
    def best_member(self) -> str:
        """The name of the member that all other rows are compared with."""
        return self.verdict.best_member

    @property
    def chosen_on(self) -> str:
        """The images on which this member is the best: `"validation"` or `"these images"`."""
        return self.verdict.chosen_on

    @property
    def comparison(self) -> PairedTest | None:
        """McNemar's exact test of the committee against the best member.

        The p-value is not corrected. None if there is only one member.
        """
        return self.verdict.test

    @property
    def difference(self) -> Estimate | None:
        """Accuracy of the committee less that of the best member, with its interval."""
        return self.verdict.difference

    @property
    def cochran(self) -> CochranTest | None:
        """Cochran's Q test of whether the members differ; None for a member alone."""
        return self.verdict.cochran

    @property
    def retrainings(self) -> Retrainings | None:
        """What another training would change; None if the members are no copies of one recipe."""
        return self.verdict.retrainings

    @property
    def trained_on(self) -> int:
        """The number of images that some member was trained on, pixel for pixel."""
        return self.verdict.overlap.trained_on

    @property
    def tuned_on(self) -> int:
        """The number of images that chose when to stop, members, weights or a temperature."""
        return self.verdict.overlap.tuned_on

    @property
    def beyond_chance(self) -> bool:
        """Whether the committee differs from its best member beyond chance at the 5 % level."""
        return self.verdict.beyond_chance

    def sentence(self) -> str:
        """Say whether the committee is better than its best member, and whether this is luck."""
        return self.verdict.sentence()

    def to_dict(self) -> dict[str, Any]:
        """Give the leaderboard as JSON values; a number that is nan or infinite becomes None."""
        return {"entries": [row.to_dict() for row in self.entries], **self.verdict.to_dict()}

    def tables(self) -> list[Table]:
        """Give the tables as text, with 95 % intervals."""
        return leaderboard_tables(
            [(row.name, row.values, row.p_value) for row in self.entries],
            self.n,
            self.best_member if self.comparison else None,
        )

    def html_tables(self) -> list[Markup]:
        """Give the tables as parts of an HTML page."""
        return [table.to_html(bold=self.committee) for table in self.tables()]

    def _repr_html_(self) -> str:
        """Show the leaderboard in a notebook."""
        return fragment(*self.html_tables(), paragraph(self.sentence()))

    def __rich__(self) -> Group:
        tables = [table.to_rich(bold=self.committee) for table in self.tables()]
        parts = (part for table in tables for part in (table, Text()))
        return Group(*parts, terminal_text(self.sentence()))

    def __str__(self) -> str:
        return as_plain_text(self)


def answers_by_rule(rule: Rule, members: np.ndarray) -> dict[str, np.ndarray]:
    """Combine members by the rule of their committee, and by all rules that learn nothing.

    Args:
        rule: The rule of the committee.
        members: Probabilities of the members, float [members, n, classes].

    Returns:
        Name of the rule → probabilities, float32 [n, classes]; the committee comes first. For a
        single member, the only entry is the member by its rule, and there is none if the rule
        leaves the probabilities of the member unchanged.

    Example:
        >>> list(answers_by_rule(Rule("soft"), np.full((2, 1, 2), 0.5)))
        ['committee', 'majority vote', 'geometric vote']
        >>> list(answers_by_rule(Rule("soft"), np.full((1, 1, 2), 0.5)))
        []
    """
    if len(members) == 1:
        combined = rule(members)
        unchanged = np.allclose(combined, members[0], atol=1e-6)
        name = "as a vote" if rule.definition.counts_votes else "by the rule"
        name = name if rule.temperature is None else "calibrated"
        return {} if unchanged else {name: combined}
    return {name: other(members) for name, other in rules_to_compare(rule).items()}


def make_leaderboard(
    labels: np.ndarray,
    members: Mapping[str, np.ndarray],
    committees: Mapping[str, np.ndarray],
    validation_accuracy: Sequence[float] | None = None,
    overlap: Overlap | None = None,
    *,
    copies: Sequence[str] = (),
    rule: Rule | None = None,
    known: Mapping[str, Mapping[str, float]] | None = None,
    views: Views | None = None,
) -> Leaderboard:
    """Make a leaderboard of probabilities.

    Args:
        labels: True class ids, int [n].
        members: Name of a member → its probabilities, float [n, classes].
        committees: Name of a committee → its probabilities, float [n, classes]; the committee that
            is compared with its best member comes first. Empty for a member alone.
        validation_accuracy: Accuracy of each member on validation images, which decides which
            member is the best; with None the accuracy on these images decides.
        overlap: How many of the images the committees know already; with None, no image.
        copies: Names of the members that are copies of one recipe, 2 or more; without copies, what
            another training would change is left out.
        rule: The rule of the first committee, whose members are the copies; None leaves out how
            often this committee would win again.
        known: Name of a member or committee → measures whose values are known from elsewhere, such
            as `"training_seconds"`.
        views: The views of an image of which the probabilities are means; None without views.

    Returns:
        The leaderboard.

    Raises:
        ArgumentError: There is no member, a committee has the name of a member, or arrays do not
            fit.

    Example:
        >>> labels = np.array([0, 1, 1, 0])
        >>> sure, unsure = np.eye(2)[labels], np.full((4, 2), 0.5)
        >>> board = make_leaderboard(labels, {"a": unsure, "b": sure}, {"both": sure})
        >>> board.best_member, [row.name for row in board.entries]
        ('b', ['b', 'both', 'a'])
    """
    if not members or set(members) & set(committees):
        raise ArgumentError(
            "members must be one member or more, with other names than the committees. "
            f"Received: members {list(members)} and committees {list(committees)}. Add a member, "
            "or rename the committees."
        )
    given = {**members, **committees}
    again = None
    if copies and rule and rule.treats_members_alike and len(labels) > 1:
        again = retrainings(np.stack([members[name] for name in copies]), labels, rule)
    values = _known_values(labels, given, copies, next(iter(committees), ""), again)
    for name, others in (known or {}).items():
        values.get(name, {}).update(others)
    answers = {name: Answers(labels, given[name], values[name]) for name in given}
    votes = np.stack([answers[name].predictions for name in members])
    correct = votes == labels
    best = int(np.argmax(validation_accuracy or correct.mean(axis=1)))
    best_member = list(members)[best]
    tests = {
        name: mcnemar(labels, answer.predictions, answers[best_member].predictions)
        for name, answer in answers.items()
        if name != best_member
    }
    p_values: dict[str, float] = {}
    if tests:
        corrected = holm([test.p_value for test in tests.values()]).tolist()
        p_values = dict(zip(tests, corrected, strict=True))
    rows = [
        LeaderboardRow(
            name,
            "member" if name in members else "committee",
            measure(answer),
            p_values.get(name, math.nan),
        )
        for name, answer in answers.items()
    ]
    committee = next(iter(committees), next(iter(members)))
    alone = len(members) == 1
    right = answers[committee].predictions == labels
    verdict = Verdict(
        committee=committee,
        best_member=best_member,
        chosen_on="validation" if validation_accuracy else "these images",
        test=None if alone else tests[committee],
        difference=None if alone else paired_bootstrap(right, correct[best]),
        cochran=None if alone else cochran_q(labels, votes),
        comparisons=len(tests),
        overlap=overlap or Overlap(len(labels)),
        accuracy=accuracy(labels, answers[best_member].predictions),
        retrainings=again,
        views=views.words if views else "",
    )
    return Leaderboard(tuple(sorted(rows, key=_rank)), verdict)


def _known_values(
    labels: np.ndarray,
    answers: Mapping[str, np.ndarray],
    copies: Sequence[str],
    committee: str,
    again: Retrainings | None,
) -> dict[str, dict[str, float]]:
    """Compute the measures that compare with the copies: variation, and worth in members.

    Args:
        labels: True class ids, int [n].
        answers: Name of a member or committee → its probabilities, float [n, classes].
        copies: Names of the members that are copies of one recipe; may be empty.
        committee: Name of the committee of these copies.
        again: What another training would change, or None.

    Returns:
        Name of each member and committee → name of a measure → value.
    """
    values: dict[str, dict[str, float]] = {name: {} for name in answers}
    if not copies or len(labels) < 2:
        return values
    curve = ensemble_curve(np.stack([answers[name] for name in copies]), labels)
    for name, probabilities in answers.items():
        values[name]["worth"] = curve.worth(calibrated_log_likelihood(probabilities, labels))
    if again:
        for name in copies:
            values[name] |= _deviations(again.single)
        if committee:
            values[committee] |= _deviations(again.committee)
    return values


def _deviations(variance: ScoreVariance) -> dict[str, float]:
    return {
        "training_deviation": variance.training_deviation,
        "image_deviation": variance.image_deviation,
        "total_deviation": variance.total_deviation,
    }


def _rank(row: LeaderboardRow) -> tuple[float, float]:
    return -row.accuracy.value, row.negative_log_likelihood.value
