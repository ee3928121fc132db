import pytest

import zoo
from zoo.ensembles import Committee, Member, calibrate, compare, model_card
from zoo.ensembles.measures.scores import scores
from zoo.errors import ArgumentError

MEMBERS = ("bn_mlp", "lasso_mlp", "deep_mlp")


def names(board):
    return {row.name for row in board.entries}


def test_a_committee_is_judged_by_all_rules_that_learn_nothing(trained_committee, test_split):
    board = compare(trained_committee, test_split)
    assert names(board) == {*MEMBERS, "committee", "soft vote", "geometric vote"}
    answers = trained_committee.with_rule("soft").predict(test_split).argmax(axis=1)
    assert board["soft vote"].accuracy.value == (answers == test_split.labels).mean()


def test_several_committees_share_their_members(trained_committee, test_split):
    both = {"majority": trained_committee, "soft": trained_committee.with_rule("soft")}
    board = compare(both, test_split.images, test_split.labels)
    assert names(board) == {*MEMBERS, *both}
    assert board.committee == "majority"


def test_test_time_augmentation_is_the_same_as_in_the_report(trained_committee, test_split):
    views = {"augmentation": zoo.Augmentation(90), "times": 3, "seed": 4}
    expected = trained_committee.report(test_split, **views).leaderboard
    for committees in (trained_committee, {"committee": trained_committee}):
        board = compare(committees, test_split, **views)
        for name in ("bn_mlp", "committee"):
            assert board[name].accuracy == expected[name].accuracy
    plain = compare(trained_committee, test_split)["committee"].negative_log_likelihood
    assert board["committee"].negative_log_likelihood != plain


def test_different_members_of_one_name_are_told_apart(trained_committee, test_split):
    model = zoo.build("softmax", input_shape=(6, 6, 1), num_classes=3)
    other = Committee([Member(model, name="bn_mlp")], class_names=test_split.class_names)
    board = compare({"first": trained_committee, "second": other}, test_split)
    assert names(board) == {"first", "second", *MEMBERS, "second: bn_mlp"}


def test_members_that_were_trained_on_the_images_are_counted(
    trained_committee, train_split, test_split
):
    board = compare(trained_committee, train_split)
    assert board.sentence().startswith("Caution: 100 of these 100 images were trained on")
    assert board.trained_on == trained_committee.report(train_split).trained_on == 100
    assert "Caution" not in compare(trained_committee, test_split).sentence()


def test_a_single_member_is_judged_as_it_was_calibrated(
    trained_committee, validation_split, test_split
):
    alone = trained_committee.with_rule("soft", members=[1])
    cool = calibrate(alone, validation_split)
    expected = scores(cool.predict(test_split), test_split.labels).negative_log_likelihood.value
    report = cool.report(test_split)
    board = report.leaderboard
    assert board[board.committee].negative_log_likelihood.value == pytest.approx(expected)
    assert names(board) == {"lasso_mlp", "calibrated"}
    assert "recognises" in board.sentence()
    log_loss = board["calibrated"].negative_log_likelihood
    assert f"Log loss (NLL) {log_loss} nats" in model_card(cool, report)
    assert names(alone.report(test_split).leaderboard) == {"lasso_mlp"}
    both = compare({"as it is": alone, "calibrated": cool}, test_split)
    assert names(both) == {"lasso_mlp", "as it is", "calibrated"}


def test_earlier_names_of_modules_and_classes_are_known():
    from zoo.ensembles.leaderboard import Entry, Leaderboard
    from zoo.ensembles.leaderboard import compare as earlier
    from zoo.ensembles.report import Report, Score, log_report, make_report
    from zoo.ensembles.reports.leaderboard import LeaderboardRow

    assert Entry is Score is LeaderboardRow
    assert earlier is compare
    assert Leaderboard is zoo.ensembles.Leaderboard
    assert Report is zoo.ensembles.Report
    assert callable(log_report)
    assert callable(make_report)


@pytest.mark.parametrize("wrong", [{}, [], None, "cnn", {"a": "cnn"}])
def test_only_committees_are_compared(wrong, test_split):
    with pytest.raises(ArgumentError, match="must be a Committee, or several by name"):
        compare(wrong, test_split)
