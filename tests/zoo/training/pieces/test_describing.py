import json

import keras
import numpy as np
import pytest

import zoo
from zoo.ensembles import Committee, Rule
from zoo.errors import ArgumentError
from zoo.files.packing import pack, unpack
from zoo.training.learner import Learner
from zoo.training.pieces.describing import (
    describe_learners,
    describe_teacher,
    make_learners,
    make_teacher,
)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("mlp", {"dropout": 0.3}),
        ("bn_mlp", {"precision": "mixed_bfloat16", "standardize": "mean_image"}),
        ("mlp", {"gradients": "handwritten", "precision": "bfloat16"}),
    ],
)
def test_a_learner_is_made_anew_from_its_description(name, arguments):
    model = zoo.build(name, **arguments, input_shape=(4, 4, 1), num_classes=3, seed=5)
    augmentation = zoo.Augmentation(rotation_range=10, cutmix=0.5)
    recipe = zoo.Recipe(augmentation=augmentation, optimizer_arguments={"beta_1": 0.8})
    rows = np.array([3, 1, 1])
    described, arrays = describe_learners([Learner("a", model, recipe, rows=rows, seed=4)])
    arrays, described = unpack(pack(arrays, described))
    (made,) = make_learners(json.loads(json.dumps(described)), arrays)
    assert (made.name, made.recipe, made.seed) == ("a", recipe, 4)
    np.testing.assert_array_equal(made.rows, rows)
    assert made.model.dtype_policy == model.dtype_policy
    for own, other in zip(made.model.variables, model.variables, strict=True):
        assert own.dtype == other.dtype
        np.testing.assert_array_equal(
            keras.ops.convert_to_numpy(own), keras.ops.convert_to_numpy(other)
        )


def test_a_teacher_is_made_anew_from_its_description():
    options = {"input_shape": (4, 4, 1), "num_classes": 3}
    models = [
        zoo.build("bn_mlp", **options, precision="mixed_bfloat16", seed=1),
        zoo.build("softmax", **options, seed=2),
    ]
    committee = Committee(models, voting=Rule("geometric", (1, 3)))
    images = np.random.default_rng(0).integers(0, 256, (5, 4, 4, 1), "uint8")
    for model in (committee, models[0]):
        teacher = zoo.Teacher(model, temperature=2, share=0.7)
        described, arrays = describe_teacher(teacher)
        arrays, described = unpack(pack(arrays, described))
        made = make_teacher(json.loads(json.dumps(described)), arrays)
        assert made.fingerprint() == teacher.fingerprint()
        np.testing.assert_array_equal(made.probabilities(images), teacher.probabilities(images))
    assert make_teacher(*describe_teacher(None)) is None


def test_layers_that_cannot_be_made_anew_are_refused():
    layers = [keras.layers.Flatten(), keras.layers.Lambda(lambda x: x), keras.layers.Dense(2)]
    model = keras.Sequential([keras.Input((2, 2, 1)), *layers])
    with pytest.raises(ArgumentError, match="a must consist of layers that can be made anew"):
        describe_learners([Learner("a", model, zoo.Recipe())])


def test_layers_of_the_program_itself_are_refused(monkeypatch):
    class Own(keras.layers.Layer):
        pass

    keras.saving.register_keras_serializable(package="zoo")(Own)
    monkeypatch.setattr(Own, "__module__", "__main__")
    model = keras.Sequential([keras.Input((4,)), Own(), keras.layers.Dense(2)])
    with pytest.raises(ArgumentError, match=r"Received: Own of the program itself\. Move"):
        describe_learners([Learner("a", model, zoo.Recipe())])
