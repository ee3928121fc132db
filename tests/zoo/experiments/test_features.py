import numpy as np
import pytest

import zoo
from zoo.ensembles.provenance import provenance_of, record_exposure
from zoo.errors import ArgumentError, DataError
from zoo.experiments.features import frozen_features, make_beginning_member, make_member
from zoo.experiments.settings import DataSettings, FeatureSettings, MemberSettings


@pytest.fixture(scope="module")
def digits():
    return zoo.datasets.load("digits")


def test_features_of_a_saved_network_take_the_place_of_the_images(digits, tmp_path):
    model = zoo.build("mlp", input_shape=(8, 8, 1), num_classes=10, hidden=(5,), seed=0)
    model.save(tmp_path / "net.keras")
    settings = FeatureSettings(layer=-3, file="net.keras")
    found = frozen_features(settings, digits, tmp_path, tmp_path / "run")
    outputs = zoo.inspect.features(model, digits.train, model.layers[-3])
    low, high = outputs.min(axis=0), outputs.max(axis=0)
    assert found.train.image_shape == (1, 1, 5)
    levels = found.train.images[:, 0, 0] / 255
    np.testing.assert_allclose(levels * (high - low) + low, outputs, atol=(high - low).max() / 255)
    assert found.test.labels.tolist() == digits.test.labels.tolist()
    assert found.test.class_names == digits.test.class_names


def test_a_network_is_trained_on_other_images_once(digits, tmp_path):
    member = MemberSettings("net", "softmax", recipe={"epochs": 1})
    settings = FeatureSettings(layer="logits", member=member, data=DataSettings("digits"))
    first, again = (
        frozen_features(settings, digits, None, tmp_path, quick=True, verbose=0) for _ in range(2)
    )
    assert first.train.image_shape == (1, 1, 10)
    assert np.array_equal(first.test.images, again.test.images)
    assert (tmp_path / "features" / "committee.keras").exists()


@pytest.mark.parametrize("size", [28, 32])  # the trained size, and another one
def test_features_of_trained_weights_need_no_training(size, tmp_path):
    images = zoo.datasets.load("digits", image_size=size)
    member = MemberSettings("net", "lenet", {"weights": "mnist/lenet-1"})
    settings = FeatureSettings(layer="logits", member=member)
    found = frozen_features(settings, images, None, tmp_path / "run", verbose=0)
    network = zoo.build("lenet", weights="mnist/lenet-1", input_shape=(size, size, 1))
    outputs = zoo.inspect.features(network, images.test, "logits")
    every = zoo.inspect.features(network, images.train, "logits")
    low, high = every.min(axis=0), every.max(axis=0)
    levels = found.test.images[:, 0, 0] / 255 * (high - low) + low
    np.testing.assert_allclose(levels, outputs.clip(low, high), atol=(high - low).max() / 255)
    assert not (tmp_path / "run").exists()


def test_a_member_begins_with_the_weights_of_the_network_and_a_new_head(digits):
    sizes = {"input_shape": (8, 8, 1), "hidden": (5,)}
    network = zoo.build("mlp", num_classes=7, seed=0, **sizes)
    record_exposure([network], "trained_on", digits.validation.digests)
    settings = MemberSettings("net", "mlp", {"hidden": [5]}, begins_with="features")
    first, second = (
        make_beginning_member(settings, network, digits.train, seed).model for seed in (1, 2)
    )
    below, head = (model.get_weights()[:2] for model in (first, network)), first.get_weights()[2]
    assert all((a == b).all() for a, b in zip(*below, strict=True))
    assert head.shape == (5, 10)
    assert (head != second.get_weights()[2]).any()
    assert set(digits.validation.digests) == set(provenance_of([first]).trained_on)


def test_each_seed_may_go_on_from_other_trained_weights():
    settings = MemberSettings("net", "lenet", {"weights": "mnist/lenet-{seed}"})
    member = make_member(settings, images=100, seed=3)
    assert member.arguments["weights"] == "mnist/lenet-3"


def test_a_missing_network_is_an_error_that_says_what_to_do(digits, tmp_path):
    settings = FeatureSettings(layer="pool5", file="alexnet.keras")
    with pytest.raises(DataError, match=r"alexnet\.keras in the folder of the data"):
        frozen_features(settings, digits, tmp_path, tmp_path)


def test_features_come_from_a_file_or_from_a_trained_network():
    with pytest.raises(ArgumentError, match="or a member and data, or a member with"):
        FeatureSettings(layer="pool5")
    trained = MemberSettings("net", "lenet", {"weights": "mnist/lenet-0"}, {"epochs": 3})
    with pytest.raises(ArgumentError, match=r"no recipe without data.*'epochs': 3"):
        FeatureSettings(layer="logits", member=trained)
    with pytest.raises(ArgumentError, match="no data"):
        FeatureSettings(layer="pool5", member=MemberSettings("net", "softmax"))


def test_a_quick_training_has_two_epochs_where_the_second_is_another_training():
    def quick(**values):
        settings = MemberSettings("net", "mlp", recipe={"epochs": 9, **values})
        recipe = make_member(settings, 50, quick=True).recipe
        return recipe.epochs, recipe.warm_up, recipe.unfreeze_at, recipe.full_size_at

    frozen = {"freeze": "features", "unfreeze_at": 4}
    assert quick() == (1, None, None, None)
    assert quick(warm_up=3) == (2, 1, None, None)
    assert quick(**frozen) == quick(warm_up=3, **frozen) == (2, None, 1, None)
    assert quick(small_images=0.5, full_size_at=4) == (2, None, None, 1)
