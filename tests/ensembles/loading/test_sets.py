import json
from dataclasses import replace

import numpy as np
import pytest

import zoo
from zoo.ensembles import Committee, model_card, pretrained
from zoo.errors import DataError, UnknownWeightsError


@pytest.fixture
def data():
    return zoo.datasets.load("digits", validation=0.2)


def test_a_ready_committee_answers_as_its_paper_says(tiny_weights, data):
    committee = pretrained("tiny")
    assert committee.member_names == ("mlp-0", "mlp-1", "vgg-0", "vgg-1")
    assert committee.class_names == data.class_names
    assert committee.voting == "soft"
    right = committee.predict(data.test).argmax(axis=1) == data.test.labels
    scores = zoo.weights.weight_sets()[0].committee.scores
    assert right.sum() == scores["test"].correct
    assert committee.validation_scores["committee"] == scores["validation"].accuracy
    assert committee.recipes[2].standardize == "per_image"


def test_a_ready_committee_may_compute_in_bfloat16(tiny_weights):
    members = pretrained("tiny", precision="mixed_bfloat16").members
    assert all("bfloat16" in {layer.compute_dtype for layer in model.layers} for model in members)


def test_reports_warn_of_the_images_of_the_training(tiny_weights, data):
    committee = pretrained("tiny")
    assert committee.overlap_with(data.train).trained_on == len(data.train)
    assert committee.overlap_with(data.validation).tuned_on == len(data.validation)
    assert committee.overlap_with(data.test).warning() == ""
    report = committee.report(data.test)
    assert committee.data_settings["name"] == "digits"
    assert "digits" in model_card(committee, report)


def test_a_ready_committee_is_saved_and_loaded_like_a_trained_one(tiny_weights, data, tmp_path):
    committee = pretrained("tiny/vgg-0")
    committee.save(tmp_path / "vgg.keras")
    again = Committee.load(tmp_path / "vgg.keras")
    assert np.array_equal(again.predict(data.test), committee.predict(data.test))
    assert np.array_equal(again.trained_on, committee.trained_on)
    assert json.dumps(again.training)


def test_a_damaged_or_unknown_set_is_an_error(changeable_weights):
    with pytest.raises(UnknownWeightsError, match="did you mean 'tiny'"):
        pretrained("tinny")
    path = changeable_weights / "images.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DataError, match=r"images\.safetensors must have the SHA-256"):
        pretrained("tiny/mlp-0").trained_on  # noqa: B018


def test_members_start_from_the_weights_of_a_set_in_turn(tiny_weights, data, caplog):
    committee = Committee(["vgg", "mlp", "vgg"], weights="tiny")
    names = [member.arguments["weights"] for member in committee._specs]
    assert sorted(names[::2]) == ["tiny/vgg-0", "tiny/vgg-1"]
    assert committee._specs[0].arguments["width"] == 4
    assert committee.recipes[1].standardize is None
    assert not any("same weights" in record.message for record in caplog.records)
    member = zoo.ensembles.Member("vgg", {"weights": "tiny/vgg-1"})
    Committee(member, snapshots=2)
    assert "Several members start" not in caplog.text
    Committee(member, copies=2)
    assert "Several members start from the same weights: tiny/vgg-1" in caplog.text
    Committee("vgg", copies=3, weights="tiny")
    assert "Several members start from the same weights: tiny/vgg-0, tiny/vgg-1" in caplog.text


def test_frozen_layers_with_random_weights_are_told(tiny_weights, data, caplog):
    recipe = zoo.Recipe(epochs=1, freeze="features", layer_decay=0.9)
    told = "the frozen layers have random weights"
    weights = {"weights": "tiny/mlp-0"}
    built = zoo.build("mlp", weights="tiny/mlp-0")
    for member in (
        zoo.ensembles.Member("mlp", weights, recipe),
        zoo.ensembles.Member(built, recipe=recipe),
        zoo.ensembles.Member("mlp", recipe=zoo.Recipe(epochs=1)),
    ):
        Committee([member]).fit(data.train, verbose=0)
        assert told not in caplog.text
    Committee([zoo.ensembles.Member("mlp", recipe=recipe)]).fit(data.train, verbose=0)
    assert f"mlp: {told}. Name trained weights for this member." in caplog.text
    assert "mlp: layer_decay has no effect" in caplog.text


def test_validation_images_that_the_weights_know_are_told_at_the_first_fit(tiny_weights, data):
    new = zoo.datasets.as_split(255 - data.test.images[:40], data.test.labels[:40])
    known = data.train.take(range(30))
    recipe = zoo.Recipe(epochs=1, batch_size=40)
    member = zoo.ensembles.Member("vgg", {"weights": "tiny/vgg-0"}, recipe)
    with pytest.warns(UserWarning, match="30 of the 30 validation images are training images"):
        Committee([member]).fit(new, validation_data=known, verbose=0)


def test_a_committee_with_trained_weights_is_good_before_its_training(tiny_weights, data):
    alone = Committee(zoo.build("mlp", weights="tiny/mlp-0"), voting="soft")
    assert alone.overlap_with(data.train).trained_on == len(data.train)
    best = pretrained("tiny/mlp-0").evaluate(data.test, return_dict=True)["accuracy"]
    recipe = zoo.Recipe(learning_rate=1e-9, epochs=1, batch_size=256)
    member = zoo.ensembles.Member("mlp", {"weights": "tiny/mlp-0"}, recipe)
    committee = Committee([member])
    committee.fit(data.train, verbose=0)
    scores = committee.evaluate(data.test, return_dict=True)
    assert scores["accuracy"] == pytest.approx(best, abs=0.01)
    assert committee.overlap_with(data.validation).tuned_on == len(data.validation)


def test_a_built_model_with_trained_weights_knows_its_classes(tiny_weights, data, tmp_path):
    digits = Committee([zoo.build("mlp", weights="tiny")])
    assert digits.label_names == data.class_names
    backwards = replace(data.test, class_names=data.class_names[::-1])
    with pytest.raises(DataError, match="classes that the committee knows, in this order"):
        digits.report(backwards)
    unnamed = zoo.datasets.as_split(data.test.images, data.test.labels)
    assert digits.report(unnamed).committee.accuracy == digits.report(data.test).committee.accuracy
    digits.save(tmp_path / "digits.keras")
    assert Committee.load(tmp_path / "digits.keras").class_names == data.class_names
    shown = zoo.inspect.explain(
        zoo.build("mlp", weights="tiny"), data.test.images[:1], method="gradient"
    )
    assert shown.class_names == data.class_names
    folded = zoo.fold_batch_normalization(zoo.build("vgg", weights="tiny"))
    assert Committee([folded]).label_names == data.class_names
    named = Committee([zoo.build("mlp", weights="tiny")], class_names=[*"abcdefghij"])
    assert named.label_names == tuple("abcdefghij")


def test_models_for_other_classes_have_no_names_of_classes(tiny_weights, data, caplog):
    assert Committee([zoo.build("mlp", weights="tiny", num_classes=3)]).label_names == tuple("012")
    letters = [f"letter {letter}" for letter in "abcdefghij"]
    model = zoo.build("mlp", weights="tiny")
    some = replace(data.train.take(range(32)), class_names=tuple(letters))
    Committee([model]).fit(some, epochs=1, verbose=0)
    assert "keeps the last layer of tiny/mlp-" in caplog.text
    assert Committee([model]).label_names == tuple(letters)


def test_a_last_layer_for_other_classes_of_the_same_number_is_told(tiny_weights, data, caplog):
    recipe = zoo.Recipe(epochs=1, batch_size=256)
    member = zoo.ensembles.Member("mlp", {"weights": "tiny/mlp-0"}, recipe)
    some = data.train.take(range(32))
    for names in (some.class_names, tuple(f"letter {name}" for name in "abcdefghij")):
        assert "keeps the last layer" not in caplog.text
        Committee([member, "softmax"]).fit(replace(some, class_names=names), epochs=1, verbose=0)
    assert "mlp keeps the last layer of tiny/mlp-0, which was trained for other" in caplog.text
    assert "letter c" in caplog.text


def test_built_members_cannot_start_from_a_set(tiny_weights):
    with pytest.raises(zoo.errors.ArgumentError, match="which is built already"):
        Committee([zoo.build("softmax")], weights="tiny")
    with pytest.raises(UnknownWeightsError, match="weights must be of the model cnn"):
        Committee(["vgg", "cnn"], weights="tiny")
    member = zoo.ensembles.Member("vgg", {"weights": "tiny/vgg-1"})
    with pytest.raises(zoo.errors.ArgumentError, match="vgg with weights='tiny/vgg-1', and weig"):
        Committee([member, "vgg"], weights="tiny")
