import keras
import numpy as np
import pytest

import zoo
from zoo.cli.words.wording import in_options
from zoo.ensembles import Committee
from zoo.ensembles.provenance import (
    RECORDED,
    Overlap,
    known_images,
    provenance_of,
    record_exposure,
    settings_from_file,
)
from zoo.errors import DataError
from zoo.registry.features import with_features
from zoo.weights.catalogue import find_weights


def test_digests_are_added_and_kept_apart_by_kind(built_model):
    model = built_model("mine")
    record_exposure([model], "trained_on", np.array([5, 3], np.uint64))
    record_exposure([model], "trained_on", np.array([3, 4], np.uint64))
    assert known_images([model], "trained_on").tolist() == [3, 4, 5]
    assert known_images([model], "tuned_on").tolist() == []


def test_a_committee_records_for_each_member_and_knows_the_images_of_all(built_model):
    first, second = built_model("first"), built_model("second")
    record_exposure([first], "tuned_on", np.array([1], np.uint64))
    committee = Committee([first, second])
    record_exposure([committee], "tuned_on", np.array([2], np.uint64))
    assert known_images([first], "tuned_on").tolist() == [1, 2]
    assert known_images([second], "tuned_on").tolist() == [2]
    assert known_images([committee], "tuned_on").tolist() == [1, 2]


@pytest.mark.parametrize("take", ["fold", "cut", "copy"])
def test_weights_that_are_taken_from_a_model_bring_its_images_along(tiny_weights, take):
    model = zoo.build("vgg", weights="tiny")
    of_weights = provenance_of([model]).trained_on.tolist()
    record_exposure([model], "trained_on", np.array([1], np.uint64))
    if take == "fold":
        taker = zoo.fold_batch_normalization(model)
    elif take == "cut":
        taker = with_features(model, True, keras.layers)
    else:
        paper = find_weights("tiny", "vgg")[0].paper
        taker = zoo.build(
            "vgg", input_shape=paper.input_shape, standardize="per_image", **paper.arguments
        )
    record_exposure([taker], "trained_on", np.array([2], np.uint64))
    if take == "copy":
        zoo.copy_features(model, taker)
    expected = {1, 2, *of_weights}
    assert len(expected) > 2
    assert set(provenance_of([taker]).trained_on.tolist()) == expected


def test_an_overlap_counts_the_images_that_are_recorded(built_model, test_split):
    model = built_model("mine")
    record_exposure([model], "trained_on", test_split.digests[:7])
    record_exposure([model], "tuned_on", test_split.digests[:3])
    found = provenance_of([model]).overlap_with(test_split)
    assert found == Overlap(images=60, trained_on=7, tuned_on=3)
    assert "7 of these 60 images were trained on" in found.warning()
    assert "3 of these 60 images chose" in Overlap(60, tuned_on=3).warning()
    assert Overlap(60).warning() == ""


def test_names_of_earlier_modules_still_exist():
    from zoo.ensembles import export, rule, seen

    assert (seen.note, seen.seen_by) == (record_exposure, known_images)
    assert set(export.FORMATS) == {"tf_saved_model", "onnx", "litert"}
    assert rule.VOTING == ("majority", "soft", "geometric")


@pytest.mark.parametrize(
    "settings", [5, [], {}, {"name": 5}, {"name": "digits", "download": True}, {"name": None}]
)
def test_a_saved_committee_cannot_ask_for_anything_but_recorded_settings(settings):
    with pytest.raises(DataError, match="must be among 'name', 'root', 'parts'") as error:
        settings_from_file(settings)
    text = str(error.value)
    assert in_options(text, {name: f"--{name}" for name in RECORDED}) == text


def test_the_settings_that_loading_records_are_known():
    settings = zoo.datasets.load("digits").train.settings
    assert settings_from_file(settings) == settings
    assert settings_from_file(None) is None
