"""What reports say of copies of one recipe, and of the time that training and predicting take."""

import json

import numpy as np
import pytest

import zoo
from zoo.ensembles import Committee, Member, compare, model_card
from zoo.ensembles.measures.retraining import retrainings
from zoo.ensembles.reports.training_record import TrainingRecord
from zoo.recipes import Recipe

RECIPE = Recipe(learning_rate=0.1, batch_size=32, epochs=2)
SOFTMAX = Member("softmax", recipe=RECIPE)


@pytest.fixture(scope="module")
def copies(train_split):
    """Three copies, whose speed has been measured."""
    committee = Committee(SOFTMAX, copies=3, voting="soft")
    committee.fit(train_split, verbose=0)
    committee.measure_speed(train_split)
    return committee


def test_members_are_timed_as_the_committee_computes_them(monkeypatch):
    """With its normalisation folded, each convolution has a bias; else only the last layer."""
    biases = []

    def note(function, images):
        graph = function.get_concrete_function(images).graph
        biases.append([operation.type for operation in graph.get_operations()].count("BiasAdd"))
        return 1.0

    monkeypatch.setattr("zoo.ensembles.models.voting_model.milliseconds_an_image", note)
    model = zoo.build("vgg", input_shape=(8, 8, 1), num_classes=3, width=4, blocks=2)
    Committee([model]).measure_speed(np.zeros((2, 8, 8, 1), "uint8"))
    assert biases[0] == biases[1] > 1


def test_a_report_on_copies_says_what_another_training_would_change(copies, test_split):
    report = copies.report(test_split)
    members = copies.member_probabilities(test_split)
    expected = retrainings(members, test_split.labels, copies.rule)
    assert report.leaderboard.retrainings == expected
    assert report.committee.training_deviation == expected.committee.training_deviation
    for row in report.members:
        assert row.image_deviation == expected.single.image_deviation
        assert row.total_deviation == expected.single.total_deviation
        assert 0 <= row.worth <= 3
    values = json.loads(report.to_json())
    assert values["leaderboard"]["retrainings"]["over_best"] == expected.over_best
    assert values["committee"]["worth"] == report.committee.worth
    for text in (str(report), report.to_markdown(), model_card(copies, report)):
        assert "worth in independent members" in text
        assert "by another training" in text
        assert "members are copies of one recipe" in " ".join(text.split())


def test_times_are_kept_in_the_file_and_shown(copies, test_split, tmp_path):
    seconds, milliseconds = copies.training["seconds"], copies.training["milliseconds"]
    assert [*seconds] == ["committee", *copies.member_names]
    assert seconds["committee"] == pytest.approx(sum(list(seconds.values())[1:]))
    assert {*milliseconds} == {*seconds}
    copies.save(tmp_path / "a.keras")
    report = Committee.load(tmp_path / "a.keras").report(test_split)
    assert report.committee.training_seconds == seconds["committee"] > 0
    assert report.members[1].milliseconds_an_image == milliseconds["softmax_2"] > 0
    # The rules beside the committee have the same members, so the same times.
    assert report.leaderboard["majority vote"].training_seconds == seconds["committee"]


def test_several_committees_are_compared_in_copies_of_the_first(copies, test_split):
    chosen = copies.with_rule("soft", [0, 2])
    assert "milliseconds" not in chosen.training
    board = compare({"all": copies, "two": chosen}, test_split)
    assert board["two"].worth <= 3
    assert not hasattr(board["two"], "training_deviation")
    assert not hasattr(board["two"], "milliseconds_an_image")
    assert board["two"].training_seconds == copies.training["seconds"]["committee"]
    assert "two" not in [row[0] for row in board.tables()[2].rows]
    assert board.retrainings.copies == 3
    # Chosen members are no copies: another training would be worse.
    assert compare(chosen, test_split).retrainings is None


def test_members_of_different_recipes_are_no_copies(trained_committee, test_split):
    report = trained_committee.report(test_split)
    assert report.leaderboard.retrainings is None
    assert "copies of one recipe" not in report.verdict()
    assert report.committee.training_seconds > 0
    assert not hasattr(report.committee, "worth")


@pytest.mark.parametrize(
    ("members", "are_copies"),
    [
        ([Member("softmax", recipe=RECIPE, name="a"), SOFTMAX], True),
        ([Member("softmax"), SOFTMAX], False),
        ([Member("mlp", {"hidden": (3,)}, RECIPE), Member("mlp", {"hidden": (4,)}, RECIPE)], False),
        (SOFTMAX, False),
    ],
)
def test_copies_have_the_same_entry_arguments_and_recipe(train_split, members, are_copies):
    committee = Committee(members)
    committee.fit(train_split, epochs=1, batch_size=50, verbose=0)
    assert committee.training_record.copies == (committee.member_names if are_copies else ())


def test_folds_and_snapshots_depend_on_each_other_and_are_no_copies(train_split):
    folds = Committee(SOFTMAX, copies=2)
    folds.fit(train_split, resampling="folds", verbose=0)
    assert folds.training_record.copies == ()
    snapshots = Committee(SOFTMAX, snapshots=2)
    snapshots.fit(train_split, verbose=0)
    assert snapshots.training_record.copies == ()
    assert [*snapshots.training_record.seconds] == ["committee"]


def test_seconds_add_up_over_trainings_and_resumed_runs(train_split, tmp_path):
    committee = Committee(SOFTMAX, copies=2)
    committee.fit(train_split, verbose=0, log_dir=tmp_path / "run")
    first = committee.training["seconds"]["committee"]
    again = Committee(SOFTMAX, copies=2)
    again.fit(train_split, verbose=0, log_dir=tmp_path / "run", resume=True)
    assert again.training["seconds"]["committee"] == pytest.approx(first)
    committee.fit(train_split, verbose=0)
    assert committee.training["seconds"]["committee"] > first


def test_a_record_without_values_leaves_them_out():
    record = TrainingRecord.of({"seconds": None, "snapshots": None}, ["a"])
    assert record == TrainingRecord()
    assert record.values("a") == {}
