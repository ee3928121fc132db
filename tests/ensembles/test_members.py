import json
from dataclasses import asdict

import keras
import pytest

import zoo
from zoo.ensembles import Member
from zoo.ensembles.members import make_members, recipe_from_config
from zoo.errors import ArgumentError, UnknownModelError


def names(members, copies=None):
    return [member.name for member in make_members(members, copies)]


def test_a_name_a_member_and_a_model_can_sit_together():
    model = zoo.build("softmax", input_shape=(6, 6, 1), num_classes=3)
    assert names(["bn_mlp", Member("mlp", name="wide"), model]) == ["bn_mlp", "wide", "softmax"]


def test_members_of_the_same_name_are_told_apart():
    assert names(["mlp", "mlp", "bn_mlp", "mlp"]) == ["mlp", "mlp_2", "bn_mlp", "mlp_3"]


def test_a_made_up_name_does_not_meet_a_given_one():
    assert names(["mlp", Member("mlp", name="mlp_2"), "mlp"]) == ["mlp", "mlp_2", "mlp_3"]


def test_no_member_is_called_like_the_committee():
    assert names([Member("mlp", name="committee")]) == ["committee_2"]


def test_copies_of_one_name():
    assert names("lasso_mlp", copies=3) == ["lasso_mlp", "lasso_mlp_2", "lasso_mlp_3"]


def test_a_member_takes_the_recipe_of_its_entry():
    assert Member("cnn").recipe == zoo.describe("cnn").recipe
    assert Member("cnn", recipe=zoo.Recipe(epochs=2)).recipe.epochs == 2


def test_recipes_survive_a_round_trip_through_json():
    recipe = zoo.describe("cnn").recipe
    assert recipe_from_config(json.loads(json.dumps(asdict(recipe)))) == recipe


def test_a_member_is_built_with_its_arguments_recipe_and_seed():
    member = Member("mlp", {"hidden": (5,)}, zoo.Recipe(precision="mixed_bfloat16"))
    model = member.build((6, 6, 1), 3, seed=1)
    assert [layer.units for layer in model.layers if hasattr(layer, "units")] == [5, 3]
    assert model.layers[2].compute_dtype == "bfloat16"
    same = member.build((6, 6, 1), 3, seed=1).get_weights()
    assert all((a == b).all() for a, b in zip(model.get_weights(), same, strict=True))


def test_a_mistyped_name_gets_the_closest():
    with pytest.raises(UnknownModelError, match="did you mean 'bn_mlp'"):
        make_members(["bn_mpl"], None)


@pytest.mark.parametrize(
    ("members", "copies", "message"),
    [
        ([], None, "one member or more"),
        (["mlp", "cnn"], 2, "members must be a single name"),
        ("mlp", 0, "copies must be a whole number of 1 or more"),
        ([3], None, "Received: 3"),
    ],
)
def test_members_that_do_not_fit_are_refused(members, copies, message):
    with pytest.raises(ArgumentError, match=message):
        make_members(members, copies)


def test_the_same_model_twice_is_refused():
    model = zoo.build("softmax")
    with pytest.raises(ArgumentError, match="twice"):
        make_members([model, model], None)


def test_a_name_that_is_no_folder_is_refused():
    with pytest.raises(ArgumentError, match="log folder"):
        Member("mlp", name="a/b")


def test_build_arguments_for_a_built_model_are_refused():
    with pytest.raises(ArgumentError, match="built already"):
        Member(keras.Sequential([keras.Input((2,))], name="mine"), {"dropout": 0.5})


def test_a_precision_for_a_built_model_is_refused():
    model = keras.Sequential([keras.Input((2,))], name="mine")
    with pytest.raises(ArgumentError, match="built already"):
        Member(model, recipe=zoo.Recipe(precision="mixed_bfloat16"))


@pytest.mark.parametrize("arguments", [{"num_classes": 3}, {"input_shape": (6, 6, 1)}])
def test_what_the_data_decides_is_no_build_argument(arguments):
    with pytest.raises(ArgumentError, match="comes from the training data"):
        Member("mlp", arguments)


def test_build_arguments_are_plain_values():
    with pytest.raises(ArgumentError, match="names such as 'he_normal'"):
        Member("mlp", {"initializer": keras.initializers.HeNormal()})
