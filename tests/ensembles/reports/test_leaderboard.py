import io
import json
import math

import numpy as np
import pytest
from rich.console import Console

import zoo
from zoo.ensembles import Committee, Member, Rule, calibrate, compare, model_card
from zoo.ensembles.measures.scores import scores
from zoo.ensembles.measures.significance import (
    cochran_q,
    holm,
    images_to_tell,
    mcnemar,
    paired_bootstrap,
)
from zoo.ensembles.reports.leaderboard import make_leaderboard
from zoo.errors import ArgumentError
from zoo.metrics import accuracy
from zoo.recipes import Recipe


def members(n=400, skills=(0.7, 0.6, 0.5), seed=0):
    """Labels, and members that are right as often as their skills, independently."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, n)
    made = {}
    for place, skill in enumerate(skills):
        values = rng.dirichlet(np.ones(3), n)
        knows = rng.random(n) < skill
        values[knows] = 0.1
        values[knows, labels[knows]] = 0.8
        made[f"member {place}"] = values
    return labels, made


@pytest.fixture
def board():
    labels, made = members()
    mean = np.mean(list(made.values()), axis=0)
    return labels, made, mean, make_leaderboard(labels, made, {"committee": mean})


def test_rows_have_the_scores_of_the_pure_functions(board):
    labels, made, mean, found = board
    for name, probabilities in {**made, "committee": mean}.items():
        entry = found[name]
        assert entry.accuracy == accuracy(labels, probabilities.argmax(axis=1))
        expected = scores(probabilities, labels, bins=17)
        assert entry.negative_log_likelihood == expected.negative_log_likelihood
        assert entry.brier == expected.brier
        assert entry.calibration_error == expected.calibration_error
        mass = scores(probabilities, labels, bins=17, binning="mass").calibration_error
        assert entry.calibration_error_mass == mass
        assert entry.kind == ("committee" if name == "committee" else "member")


def test_rows_are_sorted_by_accuracy(board):
    accuracies = [entry.accuracy.value for entry in board[-1].entries]
    assert accuracies == sorted(accuracies, reverse=True)


def test_all_are_held_against_the_best_member_and_corrected(board):
    labels, made, mean, found = board
    assert found.best_member == "member 0"
    assert math.isnan(found["member 0"].p_value)
    others = {"member 1": made["member 1"], "member 2": made["member 2"], "committee": mean}
    rival = made["member 0"].argmax(axis=1)
    plain = [mcnemar(labels, one.argmax(axis=1), rival).p_value for one in others.values()]
    found_values = [found[name].p_value for name in others]
    np.testing.assert_allclose(found_values, holm(plain))
    votes = np.stack([one.argmax(axis=1) for one in made.values()])
    assert found.cochran == cochran_q(labels, votes)
    right = mean.argmax(axis=1) == labels
    assert found.difference == paired_bootstrap(right, rival == labels)
    assert found.comparison == mcnemar(labels, mean.argmax(axis=1), rival)


def test_the_best_member_is_that_of_the_validation_images():
    labels, made = members()
    mean = np.mean(list(made.values()), axis=0)
    found = make_leaderboard(labels, made, {"committee": mean}, (0.1, 0.2, 0.9))
    assert (found.best_member, found.chosen_on) == ("member 2", "validation")
    assert "member 2, the best member on the validation images" in found.sentence()


def test_the_sentence_says_what_is_beyond_chance(board):
    _, _, _, found = board
    assert found.beyond_chance
    sentence = found.sentence()
    assert sentence.startswith("committee is better by ")
    assert "Holm's correction for 3 comparisons, n = 400" in sentence
    assert "; this is beyond chance (McNemar's exact test" in sentence


def test_where_it_is_not_the_sentence_says_how_many_images_would_tell():
    labels, made = members(n=60, skills=(0.7, 0.68))
    found = make_leaderboard(labels, made, {"committee": made["member 1"]}, (0.9, 0.1))
    test = found.comparison
    assert not found.beyond_chance
    assert "; this is not beyond chance (McNemar's exact test" in found.sentence()
    # Two rows are compared: the least p-value has to be below half of 5 %.
    enough = images_to_tell(test.only_first / test.n, test.only_second / test.n, level=0.025)
    assert f"4 of 5 test sets of {enough:,.0f} images" in found.sentence()


def test_equals_are_as_accurate_as_each_other():
    labels, made = members(skills=(0.7, 0.5))
    found = make_leaderboard(labels, made, {"committee": made["member 0"]})
    assert "committee is as accurate as member 0" in found.sentence()
    assert "test sets" not in found.sentence()
    assert found["committee"].p_value == 1


def test_a_member_alone_has_no_committee():
    labels, made = members(skills=(0.7,))
    found = make_leaderboard(labels, made, {})
    assert [entry.name for entry in found.entries] == ["member 0"]
    assert found.comparison is found.difference is found.cochran is None
    assert "is alone" in found.sentence()
    assert not found.beyond_chance


def test_json_and_terminal_show_all_rows(board):
    found = board[-1]
    values = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert [entry["name"] for entry in values["entries"]] == [one.name for one in found.entries]
    assert values["sentence"] == found.sentence()
    console = Console(width=80, file=io.StringIO())
    console.print(found)
    for text in (str(found), console.file.getvalue()):
        lines = [line for line in text.splitlines() if "]" in line]
        assert len(lines) == 2 * len(found.entries)
        for entry, rank, error in zip(found.entries, lines, lines[len(lines) // 2 :], strict=False):
            assert rank.startswith(entry.name)
            assert error.startswith(entry.name)
            assert f" [{100 * entry.accuracy.low:.1f}, {100 * entry.accuracy.high:.1f}]" in rank
            assert f" {entry.brier.value:.2f} [{entry.brier.low:.2f}, " in rank
            for one in (entry.calibration_error, entry.calibration_error_mass):
                assert f" {100 * one.value:.1f} [{100 * one.low:.1f}, " in error


@pytest.fixture(scope="module")
def committee(train_split):
    quick = Recipe(learning_rate=0.1, batch_size=32, epochs=2)
    committee = Committee([Member(name, recipe=quick) for name in ("softmax", "mlp")])
    committee.fit(train_split, verbose=0)
    return committee


def test_one_committee_is_judged_by_all_rules_that_need_nothing_learned(committee, test_split):
    found = compare(committee, test_split)
    assert {entry.name for entry in found.entries} == {
        "softmax", "mlp", "committee", "soft vote", "geometric vote",
    }  # fmt: skip
    right = committee.with_rule("soft").predict(test_split).argmax(axis=1) == test_split.labels
    assert found["soft vote"].accuracy.value == right.mean()


def test_several_committees_share_their_members(committee, test_split):
    both = {"majority": committee, "soft": committee.with_rule("soft")}
    found = compare(both, test_split.images, test_split.labels)
    assert {entry.name for entry in found.entries} == {"softmax", "mlp", *both}
    assert found.committee == "majority"


def test_versions_of_images_are_seen_as_in_the_report(committee, test_split):
    versions = {"augmentation": zoo.Augmentation(90), "times": 3, "seed": 4}
    expected = committee.report(test_split, **versions).leaderboard
    for committees in (committee, {"committee": committee}):
        found = compare(committees, test_split, **versions)
        assert {found[name].accuracy for name in ("softmax", "committee")} == {
            expected[name].accuracy for name in ("softmax", "committee")
        }
    plain = compare(committee, test_split)["committee"].negative_log_likelihood
    assert found["committee"].negative_log_likelihood != plain


def test_members_of_one_name_are_told_apart(committee, train_split, test_split):
    other = Committee(["softmax"])
    other.fit(train_split, epochs=1, verbose=0)
    found = compare({"one": committee, "two": other}, test_split)
    assert {entry.name for entry in found.entries} == {
        "one", "two", "softmax", "mlp", "two: softmax",
    }  # fmt: skip


def test_images_that_members_were_trained_on_are_confessed(committee, train_split, test_split):
    found = compare(committee, train_split)
    assert found.sentence().startswith("Caution: 100 of these 100 images")
    assert "Caution" not in compare(committee, test_split).sentence()


def test_shares_of_the_vote_are_not_divided_by_what_breaks_ties(test_split):
    """As in the picture of the reliability: equal shares are one bin."""
    labels, made = members(skills=(0.7, 0.6, 0.6))
    shares = Rule("majority")(np.stack(list(made.values())))
    found = make_leaderboard(labels, made, {"committee": shares})["committee"]
    right = shares.argmax(axis=1) == labels
    largest = shares.max(axis=1)
    groups = [np.isclose(largest, share, atol=0.01) for share in (1 / 3, 2 / 3, 1)]
    errors = [abs(right[group].sum() - largest[group].sum()) for group in groups]
    assert found.calibration_error.value == pytest.approx(sum(errors) / len(labels))


def test_a_single_member_is_judged_as_it_was_calibrated(committee, validation_split, test_split):
    alone = committee.with_rule("soft", members=[1])
    cool = calibrate(alone, validation_split)
    expected = scores(cool.predict(test_split), test_split.labels).negative_log_likelihood.value
    board = cool.report(test_split).leaderboard
    assert board[board.committee].negative_log_likelihood.value == pytest.approx(expected)
    assert {entry.name for entry in board.entries} == {"mlp", "committee"}
    assert "is alone" in board.sentence()
    assert f"Log loss {board['committee'].negative_log_likelihood}" in model_card(
        cool, cool.report(test_split)
    )
    assert [entry.name for entry in alone.report(test_split).leaderboard.entries] == ["mlp"]
    both = compare({"as it is": alone, "calibrated": cool}, test_split)
    assert {entry.name for entry in both.entries} == {"mlp", "as it is", "calibrated"}


@pytest.mark.parametrize("wrong", [{}, [], None, "cnn"])
def test_other_things_have_no_leaderboard(wrong, test_split):
    with pytest.raises(ArgumentError, match="one committee, or of several by name"):
        compare(wrong, test_split)
