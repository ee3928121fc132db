import inspect
from dataclasses import replace

import keras
import pytest
from optuna.distributions import FloatDistribution, IntDistribution

import zoo
from zoo.augmentation import Augmentation
from zoo.ensembles import Member
from zoo.errors import ArgumentError
from zoo.recipes import Recipe
from zoo.tuning.space import RECIPE_SETTINGS, TRANSFORMS, make_search_space, parse_values

SGD = Member("mlp", recipe=Recipe(optimizer_arguments={"nesterov": True}))


def test_settings_go_to_the_recipe_the_builder_and_the_optimiser():
    space = make_search_space(
        SGD, {"batch_size": IntDistribution(8, 64), "momentum": [0.5], "hidden": [(4,), (8, 8)]}
    )
    labels = {"batch_size": 16, "momentum": 0.5, "hidden": "(8, 8)"}
    member = space.member(space.values_of(labels), "trial")
    assert member.recipe.batch_size == 16
    assert member.recipe.optimizer_arguments == {"nesterov": True, "momentum": 0.5}
    assert member.arguments == {"hidden": (8, 8)}
    assert member.name == "trial"


def test_another_optimiser_has_other_arguments():
    space = make_search_space(SGD, {"optimizer": ["sgd", "adam"], "weight_decay": [1e-4]})
    adam = space.member({"optimizer": "adam", "weight_decay": 1e-4})
    assert adam.recipe.optimizer_arguments == {"weight_decay": 1e-4}
    assert "nesterov" in space.member({"optimizer": "sgd"}).recipe.optimizer_arguments


def test_an_argument_that_an_optimiser_does_not_take_is_refused():
    with pytest.raises(ArgumentError, match="no argument of the optimizer 'adam'"):
        make_search_space(SGD, {"optimizer": ["sgd", "adam"], "momentum": [0.9]})


def test_a_grid_needs_lists():
    space = make_search_space(SGD, {"learning_rate": FloatDistribution(0.1, 1), "l2": [0.1]})
    assert not space.is_grid
    with pytest.raises(ArgumentError, match=r"Received: FloatDistribution.* for 'learning_rate'"):
        space.grid()


def test_a_text_gives_whole_numbers_where_the_setting_is_whole():
    space = make_search_space(
        SGD,
        {
            "batch_size": "8..64:log", "dropout": "0..1", "patience": "2..5", "l2": "0,0.1",
            "warm_up": "1..3",
        },
    )  # fmt: skip
    kinds = {name: type(each).__name__ for name, each in space.distributions.items()}
    whole, real, list_ = "IntDistribution", "FloatDistribution", "CategoricalDistribution"
    assert kinds == {
        "batch_size": whole,
        "dropout": real,
        "patience": whole,
        "l2": list_,
        "warm_up": whole,
    }


@pytest.mark.parametrize(
    ("space", "message"),
    [
        ({"optimizer": []}, "space must give a distribution of Optuna, or a list"),
        ({"optimizer": 3}, "Received: 3 for 'optimizer'"),
        ({"optimizer": "sgd,sgd"}, "space must give different values. Received: 'sgd' twice"),
        ({"batch_size": "0..8"}, "Received: 0 for 'batch_size'. The reason: batch_size must be"),
    ],
)
def test_values_are_different_and_possible(space, message):
    with pytest.raises(ArgumentError, match=message):
        make_search_space(SGD, space)


def test_a_range_is_a_distribution():
    assert parse_values("rate", "1e-5..1e-2:log") == FloatDistribution(1e-5, 1e-2, log=True)
    assert parse_values("rate", "-1..0.5") == FloatDistribution(-1, 0.5)
    assert parse_values("size", "8..64", is_whole=True) == IntDistribution(8, 64)
    assert parse_values("size", "8..64") == FloatDistribution(8, 64)


def test_values_are_json_or_literals_or_texts():
    assert parse_values("a", "0,0.2,1e-3") == [0, 0.2, 0.001]
    assert parse_values("a", "(64,),(64, 32)") == [(64,), (64, 32)]
    assert parse_values("a", "null, 5") == [None, 5]
    assert parse_values("a", "None,balanced") == [None, "balanced"]
    assert parse_values("freeze", "features,none") == ["features", None]
    assert parse_values("a", "adam") == ["adam"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1..a", "space must give a range as LOW..HIGH"),
        ("1..2:lin", "space must give a range as LOW..HIGH"),
        ("2..1", "from a lower to a higher number. Received: '2..1' for 'rate'"),
        ("0..1:log", "to a higher number above 0"),
    ],
)
def test_a_wrong_range_is_refused(text, message):
    with pytest.raises(ArgumentError, match=message):
        parse_values("rate", text)


def test_transforms_change_the_augmentation_of_the_recipe():
    turned = Member("mlp", recipe=Recipe(augmentation=Augmentation(rotation_range=10)))
    space = make_search_space(
        turned,
        {
            "cutmix": "0,1", "rotation_range": "0..20", "crop_padding": "1..3",
            "vertical_flip": "0..1",
        },
    )  # fmt: skip
    assert {*space.homes.values()} == {"augmentation"}
    assert space.distributions["rotation_range"] == FloatDistribution(0, 20)
    assert space.distributions["crop_padding"] == IntDistribution(1, 3)
    assert space.distributions["vertical_flip"] == IntDistribution(0, 1)
    changed = space.member({"cutmix": 1, "crop_padding": 2}).recipe
    expected = Augmentation(rotation_range=10, cutmix=1, crop_padding=2)
    assert changed == replace(turned.recipe, augmentation=expected)
    assert space.member({"cutmix": 0, "rotation_range": 0}).recipe.augmentation is None


def test_a_recipe_without_augmentation_starts_from_a_plain_one():
    space = make_search_space(SGD, {"horizontal_flip": [False, True], "momentum": [0.5]})
    flips, plain = (
        space.member({"horizontal_flip": flip, "momentum": 0.5}).recipe for flip in (True, False)
    )
    assert flips.augmentation == Augmentation(horizontal_flip=True)
    assert plain.augmentation is None
    assert flips.optimizer_arguments == {"nesterov": True, "momentum": 0.5}


def test_a_small_share_from_a_range_mixes_no_images():
    space = make_search_space(SGD, {"mixup": "0..0.4", "cutmix": "0.01..1"})
    assert space.values_of({"mixup": 0.004, "cutmix": 0.01}) == {"mixup": 0, "cutmix": 0.01}
    assert space.member(space.values_of({"mixup": 0.004})).recipe.augmentation is None
    assert space.values_of({"mixup": 0.3})["mixup"] == 0.3
    with pytest.raises(ArgumentError, match=r"Received: 0\.005 for 'mixup'"):
        make_search_space(SGD, {"mixup": [0, 0.005]})


@pytest.mark.parametrize(
    ("recipe", "space", "message"),
    [
        ({}, {"cutmix": [0, -1]}, "Received: -1 for 'cutmix'. The reason: cutmix must be 0, or"),
        ({}, {"zoom_range": "0..1"}, "Received: 1.0 for 'zoom_range'. The reason: zoom_range must"),
        ({}, {"vertical_flip": "0..0.5"}, "0.5 for 'vertical_flip'. The reason: vertical_flip mus"),
        (
            {"augmentation": "ImageDataGenerator"},
            {"mixup": [0, 1]},
            "Received: 1 for 'mixup'. The reason: mixup must be 0 with method='ImageDataGenerator'",
        ),
        (
            {"targets": "shares", "class_weight": "balanced"},
            {"mixup": [0, 1]},
            "Received: 1 for 'mixup'. The reason: class_weight must be None",
        ),
        (
            {},
            {"augmentation": [None, Augmentation(zoom_range=0.1)], "mixup": [0], "cutmix": [0]},
            "either the augmentation or its transforms. Received: 'augmentation' and 'cutmix', 'm",
        ),
        ({}, {"cutmx": [0]}, "Received: 'cutmx'; did you mean 'cutmix'"),
        ({}, {"cutmx": [0]}, "Augmentation: 'brightness_range', 'contrast_range', 'crop_padding'"),
    ],
)
def test_a_transform_that_cannot_vary_is_refused(recipe, space, message):
    with pytest.raises(ArgumentError, match=message):
        make_search_space(Member("mlp", recipe=Recipe(**recipe)), space)


def test_transforms_share_no_name_with_other_settings():
    """The settings of a builder come before those of the augmentation, and these before others."""
    arguments = {name for model in zoo.list_models() for name in zoo.describe(model).parameters}
    optimizers = {
        name
        for kind in vars(keras.optimizers).values()
        if isinstance(kind, type)
        for name in inspect.signature(kind.__init__).parameters
    }
    assert {"dropout", "momentum"} <= arguments | optimizers
    assert not TRANSFORMS & (RECIPE_SETTINGS | arguments | optimizers)
