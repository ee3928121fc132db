"""Graphs serve as long as they fit: other trainings of the same models, members that stop."""

import gc
import weakref
from dataclasses import replace

import keras
import numpy as np
import pytest

import zoo
from zoo.datasets.split import Split
from zoo.training import Teacher, train
from zoo.training.learner import Learner
from zoo.training.lockstep import Lockstep

SHAPE = (4, 4, 1)
RECIPE = zoo.Recipe("adam", 0.01, batch_size=8, epochs=2)


@pytest.fixture(scope="module")
def split():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (24, *SHAPE), dtype=np.uint8)
    return Split("train", images, np.arange(24) % 3, ("a", "b", "c"))


@pytest.fixture(scope="module")
def validation(split):
    return split.take(np.arange(9), name="validation")


def build(name="mlp", seed=0, **arguments):
    arguments = {"hidden": (5,), "dropout": 0.3, **arguments} if name == "mlp" else arguments
    return zoo.build(name, input_shape=SHAPE, num_classes=3, seed=seed, **arguments)


def mean_of_members(probabilities):
    return keras.ops.mean(probabilities, axis=0)


def fit(models, split, recipe=RECIPE, **arguments):
    """Train models, and give the graph that trained them."""
    learners = [Learner(f"m{k}", model, recipe) for k, model in enumerate(models)]
    history = train(learners, split, verbose=0, **arguments)
    return models[0]._zoo_lockstep[1], history.history


def tracings(lockstep):
    functions = [function for _, function in lockstep._groups.values()]
    functions += [lockstep._evaluate_function]
    return sum(function.experimental_get_tracing_count() for function in functions)


def test_a_second_training_traces_nothing_and_gives_what_a_new_graph_gives(split, validation):
    arguments = {"validation": validation, "combine": mean_of_members}
    again, anew = ([build(), build("softmax")] for _ in range(2))
    first, _ = fit(again, split, **arguments)
    fit(anew, split, **arguments)
    before = tracings(first)
    second, scores = fit(again, split, **arguments)
    assert second is first
    assert tracings(second) == before
    del anew[0]._zoo_lockstep
    third, expected = fit(anew, split, **arguments)
    assert third is not first
    assert scores == expected
    for model, other in zip(again, anew, strict=True):
        for variable, other_variable in zip(model.variables, other.variables, strict=True):
            np.testing.assert_array_equal(variable, other_variable)


def test_another_training_of_other_settings_makes_a_new_graph(split, monkeypatch):
    # Which graph trains is decided before the first step, and no step is needed to see which.
    def skip_steps(self, *arguments):
        self.reset(np.ones_like(self.totals))

    monkeypatch.setattr(Lockstep, "train", skip_steps)
    model, recipe = build(), replace(RECIPE, epochs=1)
    graphs = [fit([model], split, recipe)[0]]
    changes = [{"learning_rate": 0.5}, {"schedule": "cosine"}, {"class_weight": "balanced"}]
    changes += [{"ema": 0.9}, {"ema": 0.5}]
    decayed = {"optimizer": "adamw", "optimizer_arguments": {"weight_decay": 0.1}}
    changes += [decayed, decayed | {"weight_decay_of": "kernels"}]
    for changed in changes:
        graphs.append(fit([model], split, replace(recipe, **changed))[0])
    graphs.append(fit([model], split, recipe, teacher=Teacher(build("softmax")))[0])
    dropout = next(layer for layer in model.layers if isinstance(layer, keras.layers.Dropout))
    dropout.rate = 0.9
    graphs.append(fit([model], split, recipe)[0])
    model.layers[-2].trainable = False
    graphs.append(fit([model], split, recipe)[0])
    assert len(set(map(id, graphs))) == len(graphs) == 11


def test_more_epochs_or_other_images_need_no_new_graph(split):
    model = build()
    first, _ = fit([model], split)
    second, _ = fit([model], split.take(np.arange(15)), replace(RECIPE, epochs=3))
    assert second is first


def test_a_graph_ends_with_its_models(split):
    model = build()
    lockstep, _ = fit([model], split)
    lockstep, model = weakref.ref(lockstep), weakref.ref(model)
    gc.collect()
    assert lockstep() is model() is None


def test_a_trained_model_can_be_saved_copied_and_loaded(split, tmp_path):
    model = build()
    fit([model], split)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert not hasattr(loaded, "_zoo_lockstep")
    for weight, expected in zip(loaded.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, expected)
    model.export(tmp_path / "exported", verbose=False)


def test_a_single_model_that_stops_in_a_shared_graph_stays_as_it_is(split, validation):
    """The committee's curve after the stop is that of a graph without the stopped model."""

    def both(*epochs):
        models = [build(gradients="handwritten"), build("mlp", seed=1)]
        learners = [
            Learner(f"m{k}", model, replace(RECIPE, epochs=count))
            for k, (model, count) in enumerate(zip(models, epochs, strict=True))
        ]
        history = train(learners, split, validation, combine=mean_of_members, verbose=0)
        return models, history.history

    (stopped, other), scores = both(1, 3)
    (expected, _), _ = both(1, 1)
    for variable, value in zip(stopped.variables, expected.variables, strict=True):
        np.testing.assert_array_equal(variable, value)
    assert len(scores["m0_loss"]) == 1
    assert len(scores["accuracy"]) == len(scores["m1_loss"]) == 3
    # In the last epoch the committee is the mean of the model at rest and the model that learns.
    answers = [np.asarray(model(validation.images.astype("float32"))) for model in (stopped, other)]
    right = np.mean(answers, axis=0).argmax(-1) == validation.labels
    assert scores["val_accuracy"][-1] == pytest.approx(right.mean())
