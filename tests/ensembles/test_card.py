from dataclasses import replace

import pytest

import zoo
from zoo.ensembles import Committee, Member, Rule, calibrate, model_card
from zoo.recipes import Recipe

QUICK = Recipe(learning_rate=0.1, batch_size=32, epochs=2)


@pytest.fixture(scope="module")
def committee(train_split):
    transforms = zoo.Augmentation(rotation_range=9, horizontal_flip=True)
    augmented = replace(QUICK, augmentation=transforms, class_weight="balanced")
    members = [
        Member("softmax", recipe=QUICK),
        Member("mlp", {"hidden": (8, 4), "dropout": 0.3}, augmented),
    ]
    committee = Committee(members, weights=(2, 1), seed=5)
    committee.fit(train_split, epochs=1, resampling="folds", verbose=0)
    return committee


def test_the_card_says_what_the_report_says(committee, test_split):
    report = committee.report(test_split)
    card = model_card(committee, report)
    assert report.verdict() in card
    for score in report.scores:
        assert f"{100 * score.accuracy.value:.1f} %" in card
        assert f"{100 * score.accuracy.low:.1f} – {100 * score.accuracy.high:.1f}" in card
    assert "| softmax | softmax | – | 111 | sgd | 0.1 | constant | 32 | 1 | – |" in card
    settings = "augmentation: rotation range 9.0, horizontal flip; class weight: balanced"
    assert f"| sgd | 0.1 | constant | 32 | 1 | {settings} |" in card
    assert "The seed was 5. Each member had images of its own: folds." in card
    assert "majority vote with the weights 2, 1" in card
    assert "Trained on 100 different images, given as arrays." in card
    assert f"Accuracy out of bag: {committee.out_of_bag}" in card
    assert "shares of the vote" in card
    assert "not tested on out-of-distribution images" in card
    worst = min(report.classes, key=lambda score: score.recall)
    assert f"The class with the lowest recall is {worst.name}: {100 * worst.recall:.1f} %" in card


def test_the_arguments_of_builders_are_told_also_of_a_loaded_committee(
    committee, test_split, tmp_path
):
    committee.save(tmp_path / "saved.keras")
    for known in (committee, Committee.load(tmp_path / "saved.keras"), committee.with_rule("soft")):
        card = model_card(known, known.report(test_split))
        assert "| member | model | arguments | parameters |" in card
        assert "| mlp | mlp | hidden: 8, 4; dropout: 0.3 |" in card


def test_a_loaded_committee_keeps_the_arguments_when_it_is_trained_again(
    committee, train_split, test_split, tmp_path
):
    committee.save(tmp_path / "saved.keras")
    again = Committee.load(tmp_path / "saved.keras")
    again.fit(train_split, epochs=1, verbose=0)
    assert "| mlp | mlp | hidden: 8, 4; dropout: 0.3 |" in model_card(
        again, again.report(test_split)
    )


def test_tables_have_a_cell_for_each_column(committee, test_split):
    card = model_card(committee, committee.report(test_split))
    tables = [block for block in card.split("\n\n") if block.startswith("|")]
    assert len(tables) == 2
    for table in tables:
        assert len({line.count("|") for line in table.splitlines()}) == 1


def test_images_that_members_were_trained_on_are_told(committee, train_split):
    report = committee.report(train_split)
    assert report.trained_on == 100
    warning = committee.overlap_with(train_split).warning()
    assert model_card(committee, report).count(warning) == 2  # data, and verdict


def test_unknown_training_is_called_unknown(test_split):
    committee = Committee([zoo.build("softmax", input_shape=(6, 6, 1), num_classes=3)])
    some = test_split.take(test_split.labels < 2)
    card = model_card(committee, committee.report(some.images, some.labels))
    assert "The training images are not known." in card
    assert "one of 3 classes: 0, 1, 2." in card
    assert "The seed was" not in card
    assert "of 0 images" not in card
    committee.measure_speed(some)  # which is no training
    report = committee.report(some.images, some.labels)
    assert "The seed was" not in model_card(committee, report)


def test_a_student_has_its_teacher_in_the_card(committee, train_split, test_split):
    student = Committee("softmax", snapshots=2)
    student.fit(train_split, epochs=2, teacher=zoo.Teacher(committee, share=0.5), verbose=0)
    card = model_card(student.with_rule("soft"), student.report(test_split))
    assert "The members are 2 snapshots of one training in cycles." in card
    assert "learned from another model as well as from the labels (temperature 4.0, share 0.5)" in (
        card
    )


def test_calibration_and_other_images_are_told(committee, validation_split, test_split):
    calibrated = calibrate(committee.with_rule(Rule("soft", (2, 1))), validation_split)
    report = calibrated.report(test_split, elsewhere=255 - test_split.images)
    card = model_card(calibrated, report)
    assert f"with the temperature {calibrated.rule.temperature:.3g}" in card
    assert "Out-of-distribution images are told from these with an AUROC of" in card


def test_data_sets_are_named_with_how_they_were_loaded():
    excluded = {"train": [3, 17], "validation": [0]}
    data = zoo.datasets.load("digits", classes=["3", "8"], validation=0.2, exclude=excluded)
    committee = Committee(Member("softmax", recipe=QUICK), voting="soft")
    committee.fit(data.train, validation_data=data.validation, verbose=0)
    card = model_card(committee, committee.report(data.test))
    assert "of the data set digits" in card
    assert "validation 0.2" in card
    assert "Left out by a list: 3 images (2 of train, 1 of validation)" in card
    text = card.lower()
    assert "member" not in text
    assert "committee" not in text
    assert "vote" not in text
    (accuracy,) = [score.accuracy for score in committee.report(data.test).members]
    assert f"softmax recognises {round(accuracy.value * accuracy.n)} of {accuracy.n} images" in card
    assert f"validation, n = {len(data.validation)}" in card


def test_classes_without_test_images_are_named(committee, test_split):
    some = test_split.take(test_split.labels == 0)
    card = model_card(committee, committee.report(some))
    assert "No image was there to judge these classes by: right, top. The macro F1 is" in card
    assert "Fewer than 100 images were there to judge these classes by: left." in card
