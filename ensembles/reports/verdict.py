"""The verdict: whether a committee is better than its best member, and whether that may be luck.

The question is one planned comparison, so its p-value is not corrected. Report, leaderboard and
model card all take the answer from the same `Verdict`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

from zoo.ensembles.measures.bootstrap import Estimate
from zoo.ensembles.measures.retraining import Retrainings
from zoo.ensembles.measures.significance import LEVEL, CochranTest, PairedTest, required_test_size
from zoo.ensembles.provenance import Overlap
from zoo.ensembles.reports.saving import as_json
from zoo.metrics import Accuracy
from zoo.text import percent


@dataclass(frozen=True)
class Verdict:
    """The comparison of a committee with its best member.

    Attributes:
        committee: Name of the committee.
        best_member: Name of the member that the committee is compared with.
        chosen_on: Where this member is the best: `"validation"`, or `"these images"`.
        test: McNemar's exact test of the committee against the member; None for a member alone.
        difference: Accuracy of the committee less that of the member, with the interval of the
            paired bootstrap; None for a member alone.
        cochran: Cochran's Q test of whether the members differ; None for a member alone.
        comparisons: How many rows of the leaderboard are compared with the member. The p-values of
            these rows are corrected for their number; the p-value of the verdict is not.
        overlap: How many of the images the committee knows already.
        accuracy: The accuracy of the member, which is the answer about a member alone.
        retrainings: How often the committee would win again if all members were trained again;
            None if the members are not copies of one recipe.
        views: Of which views of an image the answers are means, in words; empty without views.

    Example:
        >>> test = PairedTest(n=400, only_first=60, only_second=20, difference=0.1, p_value=8e-6)
        >>> verdict = Verdict(
        ...     "committee", "cnn", "validation", test, Estimate(0.1, 0.06, 0.14), None, 1,
        ...     Overlap(400),
        ... )
        >>> verdict.beyond_chance
        True
        >>> print(verdict.sentence())  # doctest: +NORMALIZE_WHITESPACE
        Against cnn, the best member on the validation images, the committee is better by 10.0
        points; a difference this large would come by chance in fewer than 1 of 10,000 test sets.
        The 95 % interval of the difference is +6.0 to +14.0 points. At the 5 % level this is beyond
        chance (McNemar's exact test, p = 8e-06, n = 400). It is the only comparison, so p is not
        corrected.
    """

    committee: str
    best_member: str
    chosen_on: Literal["validation", "these images"]
    test: PairedTest | None
    difference: Estimate | None
    cochran: CochranTest | None
    comparisons: int
    overlap: Overlap
    accuracy: Accuracy | None = None
    retrainings: Retrainings | None = None
    views: str = ""

    @property
    def beyond_chance(self) -> bool:
        """Whether committee and member differ beyond chance at the 5 % level."""
        return self.test is not None and self.test.beyond_chance

    def to_dict(self) -> dict[str, Any]:
        """Give the verdict as JSON values."""
        test = self.test
        return {
            "n": self.overlap.images,
            "committee": self.committee,
            "best_member": self.best_member,
            "chosen_on": self.chosen_on,
            "comparison": test and {**as_json(test), "beyond_chance": test.beyond_chance},
            "comparisons": self.comparisons,
            "difference": as_json(self.difference),
            "cochran": as_json(self.cochran),
            "retrainings": as_json(self.retrainings),
            "trained_on": self.overlap.trained_on,
            "tuned_on": self.overlap.tuned_on,
            "views": self.views,
            "beyond_chance": self.beyond_chance,
            "sentence": self.sentence(),
        }

    def sentence(self) -> str:
        """Give the answer in plain sentences, with a warning if images are known already."""
        if self.test is None or self.difference is None:
            sentences = [self.overlap.warning(), self._answer_alone(), self._views()]
            return " ".join(filter(None, sentences))
        sentences = [
            self.overlap.warning(),
            self._comparison(self.test, self.difference),
            _larger_test(self.test),
            _differences_of_members(self.cochran),
            self.retrainings.sentence() if self.retrainings else "",
            self._views(),
        ]
        return " ".join(filter(None, sentences))

    def _answer_alone(self) -> str:
        """Say how good a member is that has no committee."""
        found = self.accuracy
        if found is None:
            return f"{self.best_member} is a single model, which is compared with no other."
        right = round(found.value * found.n)
        return (
            f"{self.best_member} recognises {right:,} of {found.n:,} images: "
            f"{percent(found.value)}, with a 95 % interval of {100 * found.low:.1f} to "
            f"{100 * found.high:.1f} %."
        )

    def _views(self) -> str:
        """Say of which views the answers are means, and which numbers are without them."""
        if not self.views:
            return ""
        return (
            f"Each answer is the mean of the answers about {self.views}; validation accuracies and "
            "times are those of one answer about the image as it is."
        )

    def _comparison(self, test: PairedTest, difference: Estimate) -> str:
        where = (
            "the best member on the validation images"
            if self.chosen_on == "validation"
            else "the best member on these very images, which favours the member"
        )
        committee = "the committee" if self.committee == "committee" else self.committee
        low, high = 100 * difference.low, 100 * difference.high
        interval = (
            ""
            if test.only_first == test.only_second
            else f"The 95 % interval of the difference is {low:+.1f} to {high:+.1f} points. "
        )
        correction = (
            "It is the only comparison, so p is not corrected."
            if self.comparisons == 1
            else "It is the one planned comparison, so p is not corrected; the p-values of the "
            f"leaderboard are corrected for its {self.comparisons} comparisons (Holm's method)."
        )
        beyond = "beyond chance" if test.beyond_chance else "not beyond chance"
        return (
            f"Against {self.best_member}, {where}, {committee} is {test.sentence()}. {interval}"
            f"At the 5 % level this is {beyond} (McNemar's exact test, "
            f"p = {test.p_value:.2g}, n = {test.n:,}). {correction}"
        )


def _larger_test(test: PairedTest) -> str:
    """Say how many images would be enough, if these are too few."""
    if test.beyond_chance:
        return ""
    images = required_test_size(test.only_first / test.n, test.only_second / test.n)
    if not math.isfinite(images):
        return ""
    return f"A difference of this size would be found in 4 of 5 test sets of {images:,.0f} images."


def _differences_of_members(test: CochranTest | None) -> str:
    """Say whether the members differ beyond chance."""
    if test is None:
        return ""
    differ = "differ" if test.p_value < LEVEL else "do not differ"
    return (
        f"The accuracies of the {test.members} members {differ} beyond chance "
        f"(Cochran's Q = {test.statistic:.1f}, p = {test.p_value:.2g})."
    )
