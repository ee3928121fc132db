import json
from dataclasses import asdict

import keras
import numpy as np
import pytest

import zoo
import zoo.seeds
from zoo.ensembles import Committee, Member
from zoo.ensembles.members import make_members
from zoo.errors import ArgumentError, UnknownModelError
from zoo.recipes import recipe_from_config


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
    assert Member("cnn", recipe="CO395").recipe == zoo.describe("cnn").recipe_named("CO395")


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
    for name in ("a/b", "../a", "", "a\n", "ü" * 101):
        with pytest.raises(ArgumentError, match="log folder"):
            Member("mlp", name=name)


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


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"hiden": [3]}, "The arguments of mlp must be .*Received: 'hiden'; did you mean 'hidden'"),
        ({"features": True}, "The arguments of mlp must be .*Received: 'features'"),
        ([3], "arguments must be a mapping"),
    ],
)
def test_build_arguments_are_those_of_the_builder(arguments, message):
    with pytest.raises(ArgumentError, match=message):
        Member("mlp", arguments)
    assert Member("mlp", {"gradients": "handwritten"}).arguments == {"gradients": "handwritten"}


def test_build_arguments_are_plain_values():
    with pytest.raises(ArgumentError, match="names such as 'he_normal'"):
        Member("mlp", {"initializer": keras.initializers.HeNormal()})


# --- models of other origin ---------------------------------------------------------------

layers = keras.layers
SHAPE = (6, 6, 1)


def model_of(*parts, shape=SHAPE, name="mine"):
    return keras.Sequential([keras.Input(shape), layers.Flatten(), *parts], name=name)


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.flatten, self.dense = layers.Flatten(), layers.Dense(3, "softmax")

    def call(self, inputs):
        return self.dense(self.flatten(inputs))


def two_inputs():
    x, y = keras.Input(SHAPE), keras.Input((2,))
    both = layers.Concatenate()([layers.Flatten()(x), y])
    return keras.Model([x, y], layers.Dense(3, "softmax")(both), name="mine")


def two_outputs(kind, names=("a", "b")):
    x = keras.Input(SHAPE)
    flat = layers.Flatten()(x)
    heads = [layers.Dense(3, "softmax")(flat) for _ in names]
    outputs = dict(zip(names, heads, strict=True)) if kind is dict else heads
    return keras.Model(x, outputs, name="mine")


def called(model):
    model(np.zeros((1, *SHAPE), "float32"))
    return model


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (Subclassed, r"must have a fixed input shape.*Wrap it"),
        (lambda: called(Subclassed()), r"must have a fixed input shape.*Wrap it"),
        (
            lambda: keras.Model(x := keras.Input(SHAPE), Subclassed()(x)),
            r"saved and loaded again.*Subclassed.*register_keras_serializable",
        ),
        (two_inputs, r"a single input, the images\. Received: a model with the inputs \["),
        (lambda: two_outputs(dict), r"a single output, the probabilities.*outputs"),
        (lambda: two_outputs(dict, ["a"]), r"a single output, the probabilities.*outputs"),
        (lambda: two_outputs(list), r"a single output, the probabilities.*outputs \["),
        (lambda: model_of(layers.Dense(2, "sigmoid")), r"for an image of noise.*Softmax\(\)"),
        (lambda: model_of(layers.Dense(3)), r"a black image, as of logits"),
        (lambda: model_of(layers.Dense(1, "sigmoid")), r"with 2 classes or more.*\(None, 1\)"),
        (
            lambda: model_of(layers.Reshape((4, 9)), layers.Dense(3, "softmax")),
            r"shape \[batch, classes\]",
        ),
        (lambda: model_of(layers.Dense(3, "softmax"), shape=(36,)), r"Reshape\(\(36,\)\)"),
        (
            lambda: keras.Sequential([keras.Input(SHAPE, batch_size=4), layers.Flatten(),
                                      layers.Dense(3, "softmax")]),
            "batches of any size",
        ),
        (
            lambda: model_of(layers.Lambda(lambda x: x / 255), layers.Dense(3, "softmax")),
            r"saved and loaded again.*Lambda",
        ),
    ],
)  # fmt: skip
def test_models_that_cannot_be_members_are_refused_with_the_way_out(make, message):
    with pytest.raises(ArgumentError, match=message):
        Committee([make()])


def test_a_class_a_layer_and_a_path_are_no_members():
    for wrong in (keras.Sequential, layers.Dense(3), 3, None):
        with pytest.raises(ArgumentError, match="A member must be the name of a registered model"):
            Committee([wrong])
    with pytest.raises(ArgumentError, match=r"Load the file first: zoo\.load\('runs/net\.keras'\)"):
        Committee(["runs/net.keras"])


def test_a_sequential_model_without_input_is_built_at_the_first_fit(train_split, tmp_path):
    model = keras.Sequential([layers.Flatten(), layers.Dense(3, "softmax")], name="mine")
    committee = Committee([model, "softmax"])
    committee.fit(train_split, epochs=1, verbose=0)
    assert committee.members[0] is model
    assert model.input_shape == (None, *SHAPE)
    committee.save(tmp_path / "both.keras")
    loaded = Committee.load(tmp_path / "both.keras").predict(train_split)
    np.testing.assert_allclose(loaded, committee.predict(train_split), rtol=1e-5)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ([layers.Flatten(), layers.Dense(3)], "as of logits"),
        ([], r"can be built for images of .*no layers"),
        ([layers.Conv2D(2, 99), layers.Flatten()], r"can be built for images of .*model\.build"),
    ],
    ids=["logits", "no layer", "too large a kernel"],
)
def test_an_unbuilt_model_that_cannot_be_a_member_is_refused_at_the_first_fit(
    train_split, parts, message
):
    with pytest.raises(ArgumentError, match=message):
        Committee([keras.Sequential(parts, name="mine")]).fit(train_split, epochs=1, verbose=0)


def test_a_member_is_trained_with_the_optimizer_that_it_was_compiled_with(train_split):
    def train(member):
        with zoo.seeds.seeded(0):
            model = model_of(layers.Dense(3, "softmax"))
        return Committee([member(model)]), model

    def compiled(model):
        model.compile(keras.optimizers.Adam(0.01, beta_1=0.8), "sparse_categorical_crossentropy",
                      metrics=["accuracy"])  # fmt: skip
        return model

    recipe = zoo.Recipe("adam", 0.01, {"beta_1": 0.8})
    results = []
    for member in (compiled, lambda model: Member(model, recipe=recipe)):
        committee, model = train(member)
        committee.fit(train_split, epochs=2, batch_size=20, verbose=0)
        results.append(model.get_weights())
        assert committee.recipes[0].learning_rate == 0.01
    for weight, expected in zip(*results, strict=True):
        np.testing.assert_array_equal(weight, expected)


def test_a_recipe_comes_before_the_compiled_optimizer():
    model = model_of(layers.Dense(3, "softmax"))
    model.compile("adam", "mse")
    assert Member(model, recipe=zoo.Recipe("sgd", 0.5)).recipe.optimizer == "sgd"


def test_settings_of_compile_without_an_effect_are_said(train_split, tmp_path):
    model = model_of(layers.Dense(3, "softmax"))
    model.compile(keras.optimizers.SGD(keras.optimizers.schedules.CosineDecay(0.1, 10)),
                  lambda labels, outputs: 0.0, metrics=["auc"])  # fmt: skip
    committee = Committee([model])
    with pytest.warns(UserWarning, match=r"mine was compiled with loss=<lambda>, metrics=\['auc'"):
        committee.fit(train_split, epochs=1, verbose=0, log_dir=tmp_path / "run")
    # The loss of the user's own does not stand in the way of loading.
    committee.save(tmp_path / "mine.keras")
    loaded = Committee.load(tmp_path / "mine.keras")
    assert loaded.recipes == committee.recipes
    np.testing.assert_allclose(loaded.predict(train_split), committee.predict(train_split))
