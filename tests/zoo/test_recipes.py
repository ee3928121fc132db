import json
import math
from dataclasses import FrozenInstanceError, asdict, replace

import keras
import numpy as np
import pytest

import zoo
from zoo import Augmentation, Recipe
from zoo.ensembles import Member
from zoo.errors import ArgumentError


@pytest.mark.parametrize("name", ["batch_size", "epochs", "patience", "cycles"])
@pytest.mark.parametrize("value", [0, -1, 2.0, "3", True])
def test_counts_are_whole_numbers_above_0(name, value):
    with pytest.raises(
        ArgumentError, match=rf"{name} must be a whole number of 1 or more\. Received: "
    ):
        Recipe(**{name: value})


@pytest.mark.parametrize("name", ["batch_size", "epochs"])  # patience=None does mean something
def test_batch_size_and_epochs_may_not_be_left_out(name):
    with pytest.raises(
        ArgumentError, match=rf"{name} must be a whole number of 1 or more\. Received: None"
    ):
        Recipe(**{name: None})


@pytest.mark.parametrize("value", [0, -0.1, math.nan, "fast", None])
def test_learning_rate_is_above_0(value):
    with pytest.raises(
        ArgumentError, match=r"learning_rate must be a finite number above 0\. Received: "
    ):
        Recipe(learning_rate=value)


@pytest.mark.parametrize("value", ["cosin", "", None])
def test_unknown_schedule_is_rejected(value):
    with pytest.raises(
        ArgumentError, match=r"schedule must be one of constant, cosine\. Received: "
    ):
        Recipe(schedule=value)


@pytest.mark.parametrize(
    "arguments", [{"cycles": 2}, {"cycles": 3, "schedule": "cosine", "epochs": 10}]
)
def test_cycles_are_of_the_cosine_and_whole_epochs(arguments):
    with pytest.raises(ArgumentError, match="cycles must be 1 without the schedule"):
        Recipe(**arguments)


@pytest.mark.parametrize("value", [-0.1, 1, 1.5, "0.1", float("nan")])
def test_label_smoothing_is_a_share(value):
    with pytest.raises(ArgumentError, match=r"label_smoothing must be a share of 0 or more and"):
        Recipe(label_smoothing=value)


ARRAY = np.array([1, 2])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"optimizer_arguments": None}, "optimizer_arguments must be a mapping .*None. Pass {"),
        ({"optimizer_arguments": [1]}, "optimizer_arguments must be a mapping"),
        ({"freeze": ARRAY}, 'freeze must be "features" or None. .* Pass None to train all'),
        ({"targets": ARRAY}, 'targets must be "shares" or None. .* Pass None'),
        ({"standardize": ARRAY}, 'standardize must be "per_image", "mean_image" or None'),
        ({"schedule": ARRAY}, "schedule must be one of constant, cosine"),
        ({"augmentation": ARRAY}, "augmentation must be a zoo.Augmentation.* Pass zoo.Augm"),
        ({"weight_decay_of": "biases"}, 'weight_decay_of must be "kernels" or None. .* Pass None'),
        ({"precision": 3}, 'precision must be "auto", "mixed_bfloat16".*Received: 3. Pass None'),
        ({"precision": "foo"}, "precision must be "),
        ({"learning_rate": True}, "learning_rate must be a finite number"),
        ({"label_smoothing": False}, "label_smoothing must be a share"),
        ({"layer_decay": True}, "layer_decay must be a number above 0"),
        ({"average_from": False}, "average_from must be a share"),
        ({"ema": True}, "ema must be a number"),
    ],
)
def test_values_of_other_types_are_rejected(arguments, message):
    with pytest.raises(ArgumentError, match=message):
        Recipe(**arguments)


def test_numbers_of_numpy_become_those_of_python():
    values = {"label_smoothing": np.float32(0.5), "ema": np.float32(0.5), "layer_decay": 1}
    recipe = Recipe("sgd", optimizer_arguments={"momentum": np.float32(0.5)}, **values)
    assert json.loads(json.dumps(asdict(recipe)))["ema"] == 0.5
    assert recipe.optimizer_arguments == {"momentum": 0.5}
    member = Member("mlp", {"dropout": np.float32(0.5), "hidden": (np.int64(4),)})
    assert json.dumps(member.arguments) == '{"dropout": 0.5, "hidden": [4]}'


def test_changed_recipe_is_checked_again():
    with pytest.raises(ArgumentError, match="epochs"):
        replace(Recipe(), epochs=0)


def test_recipe_is_a_value():
    assert Recipe(epochs=3) == replace(Recipe(), epochs=3)
    with pytest.raises(FrozenInstanceError):
        Recipe().epochs = 3


def rates(recipe, steps):
    """The learning rate that each step sees, and the one after the last."""
    optimizer = recipe.make_optimizer(steps)
    for step in range(steps + 1):
        optimizer.iterations.assign(step)
        yield float(optimizer.learning_rate)


def test_constant_schedule_keeps_the_learning_rate():
    assert list(rates(Recipe(learning_rate=0.25), 5)) == [0.25] * 6


def test_cosine_schedule_goes_down_to_zero_over_all_steps():
    found = list(rates(Recipe(learning_rate=0.2, schedule="cosine"), 20))
    # Loshchilov and Hutter, 2017, equation 5, with one period and a smallest rate of zero.
    expected = [0.2 * 0.5 * (1 + math.cos(math.pi * step / 20)) for step in range(21)]
    assert found == pytest.approx(expected, abs=1e-7)
    assert found[0] == pytest.approx(0.2)
    assert found[-1] == pytest.approx(0, abs=1e-7)


@pytest.mark.parametrize(
    ("name", "arguments", "kind"),
    [
        ("sgd", {"momentum": 0.9, "nesterov": True}, "SGD"),
        ("SGD", {"weight_decay": 0.0005}, "SGD"),  # as Keras spells the class
        ("adam", {"beta_1": 0.8}, "Adam"),
        ("adamw", {"weight_decay": 0.01}, "AdamW"),
        ("rmsprop", {"rho": 0.5}, "RMSprop"),
    ],
)
def test_optimizer_and_its_arguments_are_kerass(name, arguments, kind):
    recipe = Recipe(optimizer=name, optimizer_arguments=arguments, learning_rate=0.125)
    optimizer = recipe.make_optimizer(steps=1)
    assert type(optimizer).__name__ == kind
    assert float(optimizer.learning_rate) == 0.125
    config = optimizer.get_config()
    assert {key: config[key] for key in arguments} == arguments


def test_optimizer_is_fresh_each_time():
    recipe = Recipe(optimizer="adam")
    assert recipe.make_optimizer(1) is not recipe.make_optimizer(1)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("sgd", {"momentun": 0.9}),
        ("sgd", {"momentum": 7}),  # out of the range that Keras allows
    ],
)
def test_what_keras_does_not_know_is_rejected(name, arguments):
    recipe = Recipe(optimizer=name, optimizer_arguments=arguments)
    with pytest.raises(ArgumentError, match="the name of a Keras optimiser") as error:
        recipe.make_optimizer(1)
    assert f"Received: {name!r}{f' with {arguments}' if arguments else ''}" in str(error.value)


def test_a_mistyped_optimiser_is_told_which_are_close():
    with pytest.raises(
        ArgumentError, match=r"'addam'; did you mean 'adam'.*Choose among adadelta, "
    ):
        Recipe(optimizer="addam", optimizer_arguments={"beta_1": 0.9}).make_optimizer(1)


def test_an_optimizer_that_is_no_name_is_rejected():
    with pytest.raises(ArgumentError, match=r"the name of a Keras optimiser\. Received: 3"):
        Recipe(optimizer=3)


def test_learning_rate_stands_in_one_place():
    with pytest.raises(ArgumentError, match="learning_rate"):
        Recipe(optimizer_arguments={"learning_rate": 0.5}).make_optimizer(1)


# The reports' own settings


def test_recipe_of_the_cnn_is_the_reports():
    recipe = zoo.describe("cnn").recipe_named("CO395")
    assert (recipe.batch_size, recipe.epochs) == (32, 150)
    assert recipe.augmentation == Augmentation(
        rotation_range=45,
        width_shift_range=0.25,
        height_shift_range=0.25,
        horizontal_flip=True,
        vertical_flip=True,
    )


def test_image_data_generator_by_name_is_the_reports_augmentation():
    reports = zoo.describe("cnn").recipe_named("CO395").augmentation
    assert Recipe(augmentation="ImageDataGenerator").augmentation == replace(
        reports, method="ImageDataGenerator"
    )


def test_class_weights_are_refused_for_votes_that_are_mixed():
    mixed = Recipe(augmentation=Augmentation(mixup=0.2), class_weight="balanced")
    with pytest.raises(ArgumentError, match="class_weight must be None for votes that are mixed"):
        replace(mixed, targets="shares")


@pytest.mark.parametrize("value", ["imagedatagenerator", "", True, {"rotation_range": 5}])
def test_an_augmentation_of_another_kind_is_rejected(value):
    with pytest.raises(
        ArgumentError, match=r'zoo\.Augmentation, "ImageDataGenerator" or None\. Received: '
    ):
        Recipe(augmentation=value)


@pytest.mark.parametrize("name", ["bn_mlp", "lasso_mlp", "deep_mlp"])
def test_recipe_of_the_inm702_members_is_the_reports(name):
    assert zoo.describe(name).recipe_named("INM702") == Recipe(
        optimizer="sgd", learning_rate=0.001, batch_size=256, epochs=100
    )


@pytest.mark.parametrize("name", zoo.list_models())
def test_every_recipe_makes_its_optimizer(name):
    spec = zoo.describe(name)
    for recipe in (spec.recipe, *spec.recipes.values()):
        check_optimizer(recipe)


def check_optimizer(recipe):
    rate = float(recipe.make_optimizer(10).learning_rate)
    assert rate == pytest.approx(recipe.learning_rate)


def test_perceptrons_agree_on_batches_so_that_they_train_together():
    names = zoo.list_models(tags="mlp")
    batches = {zoo.describe(name).recipe.batch_size for name in names}
    assert batches == {32}
    assert {zoo.describe(name).recipe.augmentation for name in names} == {None}


@pytest.mark.parametrize("name", zoo.list_models())
def test_no_default_turns_images_upside_down(name):
    augmentation = zoo.describe(name).recipe.augmentation
    assert augmentation is None or not augmentation.vertical_flip


def test_a_recipe_name_that_the_model_does_not_have_is_rejected():
    with pytest.raises(ArgumentError, match=r"of cnn: CO395\. Received: 'CO359'; did you mean"):
        zoo.describe("cnn").recipe_named("CO359")


def test_a_schedule_of_keras_is_followed():
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 2, 0.5)
    recipe = Recipe(learning_rate=0.1, schedule=keras.optimizers.schedules.serialize(schedule))
    optimizer = recipe.make_optimizer(steps=100)
    optimizer.iterations.assign(4)
    assert float(optimizer.learning_rate) == pytest.approx(0.025)


def test_another_optimiser_with_the_arguments_of_the_optimiser_before_is_explained():
    recipe = Recipe(optimizer="adam", optimizer_arguments={"momentum": 0.9})
    with pytest.raises(ArgumentError, match="with arguments of this optimiser only"):
        recipe.make_optimizer(steps=1)


def test_each_cycle_is_longer_than_the_warm_up():
    values = {"schedule": "cosine", "cycles": 2, "epochs": 8}
    assert Recipe(**values, warm_up=3).warm_up == 3
    with pytest.raises(ArgumentError, match="below that of the training, or of a cycle"):
        Recipe(**values, warm_up=4)
