"""The leaderboard: members, committees and rules on one table, and what of it may be luck."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.ensembles.combining.rules import Rule, rules_like
from zoo.ensembles.measures.bootstrap import Estimate
from zoo.ensembles.measures.calibration import BINS
from zoo.ensembles.measures.scores import scores
from zoo.ensembles.measures.significance import (
    CochranTest,
    PairedTest,
    cochran_q,
    holm,
    images_to_tell,
    mcnemar,
    paired_bootstrap,
)
from zoo.ensembles.provenance import known_images
from zoo.errors import ArgumentError
from zoo.metrics import Accuracy, accuracy
from zoo.text import as_plain_text, rich_table

if TYPE_CHECKING:
    from rich.console import Group

    from zoo.augmentation.augmentation import Augmentation
    from zoo.ensembles.committee import Committee


@dataclass(frozen=True)
class Entry:
    """A row of the leaderboard.

    Attributes:
        name: of the member, or of the committee with its rule.
        kind: `"member"` or `"committee"`.
        accuracy: with its 95 % Wilson interval.
        negative_log_likelihood: in nats, with its bootstrap interval.
        brier: Brier score, from 0 to 2, with its bootstrap interval.
        calibration_error: expected calibration error in 17 bins of equal width, with its bootstrap
            interval, which lies too high (see `zoo.ensembles.measures.scores.scores`).
        calibration_error_mass: the same in bins of equally many images.
        p_value: of McNemar's exact test against the best member, corrected by Holm's method for
            all rows that are compared with it; nan for that member itself.
    """

    name: str
    kind: str
    accuracy: Accuracy
    negative_log_likelihood: Estimate
    brier: Estimate
    calibration_error: Estimate
    calibration_error_mass: Estimate
    p_value: float = math.nan


@dataclass(frozen=True)
class Leaderboard:
    """Members, committees and rules on the same images, the most accurate first.

    Attributes:
        entries: the rows.
        n: how many images.
        committee: the name of the committee in question.
        best_member: the member that it is held against.
        chosen_on: where that member is the best: `"validation"`, or `"these images"`.
        comparison: McNemar's exact test of the committee against it, uncorrected; None where there
            is a single member only.
        difference: of their accuracies, with the interval of the paired bootstrap.
        cochran: Cochran's Q test of whether the members differ; None for a single one.
        trained_on: how many of the images some member was trained on, pixel for pixel.
        tuned_on: how many of them chose when to stop, members, weights or a temperature.

    Example:
        >>> labels = np.array([0, 1, 1, 0])
        >>> board = make_leaderboard(labels, {"a": np.eye(2)[labels]}, {})
        >>> board.sentence()
        'a is alone: there is no committee to compare it with.'
    """

    entries: tuple[Entry, ...]
    n: int
    committee: str
    best_member: str
    chosen_on: str
    comparison: PairedTest | None
    difference: Estimate | None
    cochran: CochranTest | None
    trained_on: int = 0
    tuned_on: int = 0

    def __getitem__(self, name: str) -> Entry:
        """The row of that name."""
        for entry in self.entries:
            if entry.name == name:
                return entry
        raise KeyError(name)

    @property
    def beyond_chance(self) -> bool:
        """Whether the difference is beyond chance at the 5 % level, after Holm's correction."""
        return self.comparison is not None and self[self.committee].p_value < 0.05

    def sentence(self) -> str:
        """Say whether the committee differs from its best member beyond chance."""
        test, difference = self.comparison, self.difference
        if test is None or difference is None:
            return f"{self.best_member} is alone: there is no committee to compare it with."
        points = f"{100 * abs(difference.value):.1f} points"
        low, high = sorted(100 * end for end in (difference.low, difference.high))
        compared = sum(not math.isnan(entry.p_value) for entry in self.entries)
        beyond = "beyond chance" if self.beyond_chance else "not beyond chance"
        if test.only_first == test.only_second:
            words = "as accurate as"
        else:
            way = "better" if difference.value > 0 else "worse"
            words = f"{way} by {points} (95 % interval {low:+.1f} to {high:+.1f}) than"
        where = "on the validation images" if self.chosen_on == "validation" else "on these images"
        sentence = caution(self.n, self.trained_on, self.tuned_on) + (
            f"{self.committee} is {words} {self.best_member}, the best member {where}; this is "
            f"{beyond} (McNemar's exact test, p = {self[self.committee].p_value:.2g} after Holm's "
            f"correction for {compared} comparisons, n = {self.n:,})."
        )
        enough = images_to_tell(
            test.only_first / test.n, test.only_second / test.n, level=0.05 / compared
        )
        if not self.beyond_chance and math.isfinite(enough):
            sentence += (
                f" A difference of this size would be found in 4 of 5 test sets of {enough:,.0f} "
                "images."
            )
        return sentence

    def to_dict(self) -> dict[str, Any]:
        """The leaderboard as JSON values; what is not a number is None."""
        values = {**asdict(self), "beyond_chance": self.beyond_chance, "sentence": self.sentence()}
        for entry in values["entries"]:
            entry["p_value"] = None if math.isnan(entry["p_value"]) else entry["p_value"]
        return values

    def tables(self) -> list[tuple[str, list[str], list[list[str]]]]:
        """Title, header and rows of each table, as text, with 95 % intervals."""
        ranks = [
            [
                entry.name,
                _percent(entry.accuracy),
                *(
                    f"{one.value:.2f} [{one.low:.2f}, {one.high:.2f}]"
                    for one in (entry.negative_log_likelihood, entry.brier)
                ),
                "–" if math.isnan(entry.p_value) else f"{entry.p_value:.2g}",
            ]
            for entry in self.entries
        ]
        errors = [
            [entry.name, *map(_percent, (entry.calibration_error, entry.calibration_error_mass))]
            for entry in self.entries
        ]
        against = f"; p against {self.best_member}, after Holm" if self.comparison else ""
        return [
            (
                f"Leaderboard, n = {self.n:,}{against}",
                ["", "accuracy in %", "NLL in nats", "Brier score", "p"],
                ranks,
            ),
            (
                "Expected calibration error in %",
                ["", "bins of equal width", "bins of equal mass"],
                errors,
            ),
        ]

    def __rich__(self) -> Group:
        from rich.console import Group
        from rich.text import Text

        tables = [
            rich_table(header, rows, title=title, bold=self.committee)
            for title, header, rows in self.tables()
        ]
        return Group(*(part for table in tables for part in (table, Text())), Text(self.sentence()))

    def __str__(self) -> str:
        return as_plain_text(self)


def compare(
    committees: Committee | Mapping[str, Committee],
    x: Any,
    y: Any = None,
    *,
    augmentation: Augmentation | None = None,
    times: int = 8,
    seed: int = 0,
) -> Leaderboard:
    """Judge committees, their members and rules on the same images.

    Args:
        committees: a trained committee, which is judged by its own rule and by those that need
            nothing learned; or several by name, each judged by its own rule, the first one being
            that in question. Members that several share are judged once.
        x: images that no member was trained on: a `Split`, or uint8 [n, height, width, channels].
        y: labels int [n] where `x` is an array.
        augmentation: test-time augmentation of all, as for `Committee.member_probabilities`.
        times: with it: how many versions of each image.
        seed: with it: of the transforms.

    Returns:
        The leaderboard; print it.

    Raises:
        ArgumentError: no committee.
        DataError: data that does not fit.

    Example:
        >>> import zoo
        >>> from zoo.ensembles import Committee, compare
        >>> data = zoo.datasets.load("digits")
        >>> committee = Committee(["softmax", "bn_mlp"], voting="soft")
        >>> history = committee.fit(data.train, epochs=2, batch_size=64, verbose=0)
        >>> board = compare(committee, data.test)
        >>> sorted(entry.name for entry in board.entries)
        ['bn_mlp', 'committee', 'geometric vote', 'majority vote', 'softmax']
    """
    several = isinstance(committees, Mapping)
    if not committees or not (several or hasattr(committees, "member_probabilities")):
        raise ArgumentError(
            "A leaderboard is of one committee, or of several by name, {name: committee}. "
            f"Received: {committees!r}"
        )
    versions: dict[str, Any] = {"augmentation": augmentation, "times": times, "seed": seed}
    if not isinstance(committees, Mapping):
        split = committees.split_to_judge(x, y)
        stacked = committees.member_probabilities(split, **versions)
        members = dict(zip(committees.member_names, stacked, strict=True))
        answers = answers_like(committees.rule, stacked)
        validated = committees.validation_accuracy
        judged = [committees]
    else:
        judged = list(committees.values())
        split = judged[0].split_to_judge(x, y)
        members, answers, accuracies = {}, {}, {}
        seen: dict[int, str] = {}
        for title, committee in committees.items():
            judged_on = committee.split_to_judge(split, None)
            its = committee.member_probabilities(judged_on, **versions)
            answers[title] = committee.rule(its)
            for place, model in enumerate(committee.members):
                if id(model) not in seen:
                    name = committee.member_names[place]
                    name = f"{title}: {name}" if name in members or name in committees else name
                    seen[id(model)] = name
                    members[name] = its[place]
                    if committee.validation_accuracy:
                        accuracies[name] = committee.validation_accuracy[place]
        validated = (
            tuple(accuracies[name] for name in members) if len(accuracies) == len(members) else None
        )
    board = make_leaderboard(split.labels, members, answers, validated)
    return replace(
        board,
        trained_on=split.count_among(known_images(judged, "trained_on")),
        tuned_on=split.count_among(known_images(judged, "tuned_on")),
    )


def answers_like(rule: Rule, members: np.ndarray) -> dict[str, np.ndarray]:
    """What a committee says by its rule, and by those that need nothing learned.

    Args:
        rule: the committee's.
        members: each member's probabilities, float [members, n, classes].

    Returns:
        Name of the rule → float32 [n, classes], the committee's first; of a member alone only what
        the committee makes of it, if that is something else.

    Example:
        >>> list(answers_like(Rule("soft"), np.full((2, 1, 2), 0.5)))
        ['committee', 'majority vote', 'geometric vote']
        >>> list(answers_like(Rule("soft"), np.full((1, 1, 2), 0.5)))
        []
    """
    if len(members) == 1:
        own = rule(members)
        return {} if np.allclose(own, members[0], atol=1e-6) else {"committee": own}
    return {name: one(members) for name, one in rules_like(rule).items()}


def caution(n: int, trained_on: int, tuned_on: int) -> str:
    """Say that scores are too good, where they are on images that the committee knows.

    Args:
        n: how many images it is judged on.
        trained_on: how many of them members were trained on.
        tuned_on: how many chose when to stop, members, weights or a temperature.

    Returns:
        A sentence with a space after it, or nothing.

    Example:
        >>> print(caution(100, trained_on=3, tuned_on=0))  # doctest: +NORMALIZE_WHITESPACE
        Caution: 3 of these 100 images are among those that members were trained on, so the scores
        are too good.
    """
    if trained_on:
        why = "are among those that members were trained on"
    elif tuned_on:
        why = "chose when to stop, members or how they are combined"
    else:
        return ""
    count = trained_on or tuned_on
    return f"Caution: {count:,} of these {n:,} images {why}, so the scores are too good. "


def make_leaderboard(
    labels: np.ndarray,
    members: Mapping[str, np.ndarray],
    committees: Mapping[str, np.ndarray],
    validation_accuracy: Sequence[float] | None = None,
) -> Leaderboard:
    """Make a leaderboard of probabilities.

    Args:
        labels: int [n], the true class ids.
        members: each member's probabilities, float [n, classes], by its name.
        committees: each committee's, the one in question first; none for a member alone.
        validation_accuracy: each member's accuracy on validation images, which says who the best
            is; without it these images have to.

    Returns:
        The leaderboard.

    Raises:
        ArgumentError: arrays that do not fit.

    Example:
        >>> labels = np.array([0, 1, 1, 0])
        >>> sure, unsure = np.eye(2)[labels], np.full((4, 2), 0.5)
        >>> board = make_leaderboard(labels, {"a": unsure, "b": sure}, {"both": sure})
        >>> board.best_member, [entry.name for entry in board.entries]
        ('b', ['b', 'both', 'a'])
    """
    names = list(members)
    votes = np.stack([members[name].argmax(axis=1) for name in names])
    chosen_by = validation_accuracy or (votes == labels).mean(axis=1)
    best = int(np.argmax(chosen_by))
    question = next(iter(committees), names[0])
    alone = len(names) == 1
    everyone = {**members, **committees}
    entries = []
    for name, probabilities in everyone.items():
        by_width = scores(probabilities, labels, bins=BINS)
        by_mass = scores(probabilities, labels, bins=BINS, binning="mass")
        entries.append(
            Entry(
                name,
                "member" if name in members else "committee",
                accuracy(labels, probabilities.argmax(axis=1)),
                by_width.negative_log_likelihood,
                by_width.brier,
                by_width.calibration_error,
                by_mass.calibration_error,
            )
        )
    rival = votes[best]
    tests = {
        name: mcnemar(labels, probabilities.argmax(axis=1), rival)
        for name, probabilities in everyone.items()
        if name != names[best]
    }
    if tests:
        corrected = dict(zip(tests, holm([test.p_value for test in tests.values()]), strict=True))
        entries = [
            replace(entry, p_value=float(corrected.get(entry.name, math.nan))) for entry in entries
        ]
    decision = everyone[question].argmax(axis=1)
    return Leaderboard(
        entries=tuple(
            sorted(
                entries,
                key=lambda one: (-one.accuracy.value, one.negative_log_likelihood.value),
            )
        ),
        n=len(labels),
        committee=question,
        best_member=names[best],
        chosen_on="validation" if validation_accuracy else "these images",
        comparison=None if alone else tests[question],
        difference=None if alone else paired_bootstrap(decision == labels, rival == labels),
        cochran=None if alone else cochran_q(labels, votes),
    )


def _percent(score: Accuracy | Estimate) -> str:
    return f"{100 * score.value:.1f} [{100 * score.low:.1f}, {100 * score.high:.1f}]"
