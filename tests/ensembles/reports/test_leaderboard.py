import io
import json
import math

import numpy as np
import pytest
from rich.console import Console

from zoo.ensembles.combining.rules import Rule
from zoo.ensembles.measures.scores import scores
from zoo.ensembles.measures.significance import cochran_q, holm, mcnemar, paired_bootstrap
from zoo.ensembles.provenance import Overlap
from zoo.ensembles.reports.leaderboard import LeaderboardRow, make_leaderboard
from zoo.errors import ArgumentError
from zoo.metrics import accuracy


def members(n=400, skills=(0.7, 0.6, 0.5), seed=0):
    """Labels, and members that are right as often as their skills, independently."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, n)
    made = {}
    for index, skill in enumerate(skills):
        values = rng.dirichlet(np.ones(3), n)
        knows = rng.random(n) < skill
        values[knows] = 0.1
        values[knows, labels[knows]] = 0.8
        made[f"member {index}"] = values
    return labels, made


@pytest.fixture(scope="module")
def board():
    labels, made = members()
    mean = np.mean(list(made.values()), axis=0)
    return labels, made, mean, make_leaderboard(labels, made, {"committee": mean})


def test_rows_have_the_scores_of_the_pure_functions(board):
    labels, made, mean, found = board
    for name, probabilities in {**made, "committee": mean}.items():
        row = found[name]
        assert row.accuracy == accuracy(labels, probabilities.argmax(axis=1))
        expected = scores(probabilities, labels, bins=17)
        assert row.negative_log_likelihood == expected.negative_log_likelihood
        assert row.brier == expected.brier
        assert row.calibration_error == expected.calibration_error
        mass = scores(probabilities, labels, bins=17, binning="mass").calibration_error
        assert row.calibration_error_mass == mass
        assert row.kind == ("committee" if name == "committee" else "member")


def test_a_row_has_only_its_measures_as_attributes():
    row = LeaderboardRow("a", "member", {"macro_f1": 0.5})
    assert row.macro_f1 == 0.5
    with pytest.raises(AttributeError, match="no attribute 'brier'"):
        row.brier  # noqa: B018
    with pytest.raises(KeyError, match=r"^'c'$"):
        make_leaderboard(np.array([0, 1]), {"a": np.eye(2)}, {})["c"]


def test_rows_are_sorted_by_accuracy(board):
    accuracies = [row.accuracy.value for row in board[-1].entries]
    assert accuracies == sorted(accuracies, reverse=True)


def test_all_rows_are_compared_with_the_best_member_and_corrected(board):
    labels, made, mean, found = board
    assert found.best_member == "member 0"
    assert math.isnan(found["member 0"].p_value)
    others = {"member 1": made["member 1"], "member 2": made["member 2"], "committee": mean}
    rival = made["member 0"].argmax(axis=1)
    plain = [mcnemar(labels, values.argmax(axis=1), rival).p_value for values in others.values()]
    np.testing.assert_allclose([found[name].p_value for name in others], holm(plain))
    votes = np.stack([values.argmax(axis=1) for values in made.values()])
    assert found.cochran == cochran_q(labels, votes)
    right = mean.argmax(axis=1) == labels
    assert found.difference == paired_bootstrap(right, rival == labels)
    assert found.comparison == mcnemar(labels, mean.argmax(axis=1), rival)
    assert found.verdict.comparisons == 3


def test_the_best_member_is_that_of_the_validation_images():
    labels, made = members()
    mean = np.mean(list(made.values()), axis=0)
    found = make_leaderboard(labels, made, {"committee": mean}, (0.1, 0.2, 0.9))
    assert (found.best_member, found.chosen_on) == ("member 2", "validation")
    assert "Against member 2, the best member on the validation images" in found.sentence()


def test_a_member_alone_has_no_committee():
    labels, made = members(skills=(0.7,))
    found = make_leaderboard(labels, made, {})
    assert [row.name for row in found.entries] == ["member 0"]
    assert found.comparison is found.difference is found.cochran is None
    assert "recognises" in found.sentence()
    assert not found.beyond_chance


def test_the_leaderboard_counts_known_images(board):
    labels, made, mean, _ = board
    found = make_leaderboard(labels, made, {"committee": mean}, overlap=Overlap(400, 0, 9))
    assert (found.n, found.trained_on, found.tuned_on) == (400, 0, 9)
    assert found.sentence().startswith("Caution: 9 of these 400 images chose")
    assert found.to_dict()["tuned_on"] == 9


def test_json_and_terminal_show_all_rows(board):
    found = board[-1]
    values = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert [row["name"] for row in values["entries"]] == [row.name for row in found.entries]
    assert values["sentence"] == found.sentence()
    console = Console(width=80, file=io.StringIO())
    console.print(found)
    for text in (str(found), console.file.getvalue()):
        lines = [line for line in text.splitlines() if "]" in line]
        assert len(lines) == 2 * len(found.entries)
        for row, rank, error in zip(found.entries, lines, lines[len(lines) // 2 :], strict=False):
            assert rank.startswith(row.name)
            assert error.startswith(row.name)
            assert f" [{100 * row.accuracy.low:.1f}, {100 * row.accuracy.high:.1f}]" in rank
            assert f" {row.brier.value:.2f} [{row.brier.low:.2f}, " in rank
            for estimate in (row.calibration_error, row.calibration_error_mass):
                assert f" {100 * estimate.value:.1f} [{100 * estimate.low:.1f}, " in error


def test_shares_of_the_vote_that_only_a_tie_break_moves_share_a_bin():
    """As in the picture of the reliability: equal shares are in one bin."""
    labels, made = members(skills=(0.7, 0.6, 0.6))
    shares = Rule("majority")(np.stack(list(made.values())))
    found = make_leaderboard(labels, made, {"committee": shares})["committee"]
    right = shares.argmax(axis=1) == labels
    largest = shares.max(axis=1)
    groups = [np.isclose(largest, share, atol=0.01) for share in (1 / 3, 2 / 3, 1)]
    errors = [abs(right[group].sum() - largest[group].sum()) for group in groups]
    assert found.calibration_error.value == pytest.approx(sum(errors) / len(labels))


@pytest.mark.parametrize(("members", "committees"), [({}, {}), ({"a": 1}, {"a": 1})])
def test_members_need_names_of_their_own(members, committees):
    with pytest.raises(ArgumentError, match="members must be one member or more, with other names"):
        make_leaderboard(np.array([0]), members, committees)
