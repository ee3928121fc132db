"""Frozen layers stay as they are until they are unfrozen: alone, in a committee, and resumed."""

import re
from dataclasses import replace

import keras
import numpy as np
import pytest

import zoo
from zoo import Recipe
from zoo.datasets.split import Split
from zoo.ensembles import Committee, Member
from zoo.errors import ArgumentError
from zoo.training import Teacher, train
from zoo.training.learner import Learner
from zoo.training.transfer import feature_splits
from zoo.training.transfer.freezing import (
    FrozenLayers,
    copy_features,
    tell_of_frozen_layers,
)

SHAPE = (4, 4, 1)
RECIPE = Recipe(
    "adam", learning_rate=0.05, batch_size=10, epochs=3, freeze="features", precision="float64"
)


@pytest.fixture(scope="module")
def split():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (30, *SHAPE), dtype=np.uint8)
    return Split("train", images, np.arange(30) % 3, ("a", "b", "c"))


def learners_of(*recipes, name="bn_mlp", **arguments):
    arguments = arguments or {"hidden": (5,)}
    return [
        Learner(
            f"m{k}",
            zoo.build(
                name, input_shape=SHAPE, num_classes=3, seed=k, precision="float64", **arguments
            ),
            recipe,
        )
        for k, recipe in enumerate(recipes)
    ]


def weights_of(learner):
    """Copies of the weights below the head, and of those of the head."""
    values = [np.array(value) for value in learner.model.get_weights()]
    return values[:-2], values[-2:]


def assert_same(learners, expected, **tolerance):
    for learner, other in zip(learners, expected, strict=True):
        pairs = zip(learner.model.get_weights(), other.model.get_weights(), strict=True)
        for weight, value in pairs:
            np.testing.assert_allclose(weight, value, **tolerance)


@pytest.mark.parametrize(
    ("gradients", "changes"),
    [
        ("auto", {}),
        ("handwritten", {}),
        ("auto", {"average_from": 0.5}),
        ("auto", {"ema": 0.9}),
    ],
)
def test_only_the_head_learns_and_normalisation_keeps_its_statistics(split, gradients, changes):
    (learner,) = learners_of(replace(RECIPE, **changes), hidden=(5,), gradients=gradients)
    moving = next(layer for layer in learner.model.layers if hasattr(layer, "moving_mean"))
    moving.moving_mean.assign(np.full(5, 0.5))
    below, head = weights_of(learner)
    inference = np.asarray(learner.model(split.images.astype("float64"), training=False))
    history = train([learner], split, split, verbose=0).history
    after, new_head = weights_of(learner)
    assert all((a == b).all() for a, b in zip(below, after, strict=True))
    assert all((a != b).any() for a, b in zip(head, new_head, strict=True))
    assert history["val_loss"][-1] < -np.log(inference[np.arange(30), split.labels]).mean()
    assert all(layer.trainable for layer in learner.model.layers)


def test_the_first_loss_is_that_of_the_model_in_inference_mode(split):
    (learner,) = learners_of(replace(RECIPE, batch_size=30, epochs=1))
    answers = np.asarray(learner.model(split.images.astype("float64"), training=False))
    loss = train([learner], split, verbose=0).history["loss"][0]
    expected = -np.log(answers[np.arange(30), split.labels]).mean()
    assert loss == pytest.approx(expected, rel=1e-5)


def test_layers_that_were_frozen_before_stay_so(split):
    (learner,) = learners_of(replace(RECIPE, epochs=2, unfreeze_at=1))
    dense = next(layer for layer in learner.model.layers if layer.weights)
    dense.trainable = False
    before = dense.kernel.numpy()
    train([learner], split, verbose=0)
    assert not dense.trainable
    assert (dense.kernel.numpy() == before).all()


@pytest.mark.parametrize(
    ("values", "are_random", "told"),
    [
        ({}, False, []),
        ({"layer_decay": 1}, False, []),
        ({"layer_decay": 0.5, "unfreeze_at": 2}, False, []),
        ({"layer_decay": 0.5}, False, ["m: layer_decay has no effect while only the head learns"]),
        ({"layer_decay": 0.5, "freeze": None}, True, []),
        ({}, True, ["m: the frozen layers have random weights"]),
    ],
)
def test_what_frozen_layers_make_useless_is_told(values, are_random, told, caplog):
    tell_of_frozen_layers("m", replace(RECIPE, **values), are_random=are_random)
    assert len(caplog.messages) == len(told)
    assert all(map(str.startswith, caplog.messages, told))


def test_heads_of_several_members_train_side_by_side_as_alone(split, capsys):
    recipes = [RECIPE, replace(RECIPE, learning_rate=0.01)]
    learners, expected = learners_of(*recipes), learners_of(*recipes)
    train(learners, split, split, together=True)
    assert "m0, m1: the features of 60 images were computed once" in capsys.readouterr().err
    train(expected, split, split, together=False, verbose=0)
    assert_same(learners, expected, atol=2e-5)


def test_members_join_at_their_own_epoch_together_as_alone(split, capsys):
    recipes = [
        replace(RECIPE, unfreeze_at=1),
        replace(RECIPE, unfreeze_at=2, layer_decay=0.5),
        replace(RECIPE, freeze=None),
    ]
    learners, expected = learners_of(*recipes), learners_of(*recipes)
    below = [weights_of(learner)[0] for learner in learners]
    seen = []
    record = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append([weights_of(each)[0] for each in learners])
    )
    train(learners, split, split, together=True, callbacks=[record])
    message = capsys.readouterr().err
    assert "m0: all layers learn from epoch 2 on." in message
    assert "since other layers of m2 learn in the same steps" in message
    for k, first in enumerate([1, 2, 0]):
        for epoch in range(3):
            pairs = zip(below[k], seen[epoch][k], strict=True)
            assert all((a == b).all() for a, b in pairs) == (epoch < first)
    train(expected, split, split, together=False, verbose=0)
    assert_same(learners, expected, atol=2e-5)


RESUMED = replace(RECIPE, unfreeze_at=2, epochs=4, patience=9, schedule="cosine", ema=0.9)


@pytest.fixture(scope="module")
def whole(split):
    """A learner that was trained without interruption, and its scores."""
    (learner,) = learners_of(RESUMED)
    return learner, train([learner], split, split, verbose=0).history


@pytest.mark.parametrize(("epoch", "step"), [(1, 2), (2, 1)])
def test_a_killed_training_goes_on_as_if_it_had_not_been_killed(
    split, tmp_path, whole, interrupt, epoch, step
):
    (killed,), (resumed,) = learners_of(RESUMED), learners_of(RESUMED)
    run = {"log_dir": tmp_path / "run", "verbose": 0}
    with pytest.raises(KeyboardInterrupt):
        train([killed], split, split, callbacks=[interrupt(epoch, step)], **run)
    history = train([resumed], split, split, resume=True, **run).history
    assert_same([resumed], whole[:1], rtol=0, atol=0)
    assert history["val_loss"] == whole[1]["val_loss"]


def test_patience_begins_when_all_layers_learn(split):
    recipe = replace(RECIPE, learning_rate=1e-9, patience=1, epochs=5)
    for start, stopped in ((None, 2), (3, 4)):
        (learner,) = learners_of(replace(recipe, unfreeze_at=start, optimizer="sgd"))
        learner.best_loss = 0.0  # no epoch is better
        train([learner], split, split, verbose=0)
        assert learner.stopped == f"stopped in epoch {stopped if start else 1}"


def test_the_schedule_begins_anew_when_all_layers_learn(split):
    recipe = replace(RECIPE, unfreeze_at=2, epochs=4, schedule="cosine", learning_rate=0.5)
    (learner,) = learners_of(recipe)
    rates = train([learner], split, verbose=0).history["learning_rate"]
    np.testing.assert_allclose(rates, [0.25, 0, 0.25, 0], atol=1e-7)


def test_a_lowered_rate_is_the_first_again_when_all_layers_learn(split):
    recipe = replace(RECIPE, unfreeze_at=4, epochs=8, plateau=1, learning_rate=9.0)
    (learner,) = learners_of(recipe)
    rates = train([learner], split, split, verbose=0).history["learning_rate"]
    assert rates[0] == rates[4] == 9
    assert min(rates[:4]) < 9


def compared(split, monkeypatch, recipe, name, **arguments):
    """A learner whose features were kept, and one whose frozen layers ran in every step."""
    (kept,), (computed,) = (learners_of(recipe, name=name, **arguments) for _ in range(2))
    scores = train([kept], split, split, verbose=0).history
    monkeypatch.setattr(feature_splits, "obstacle_to_caching", lambda model: "no")
    expected = train([computed], split, split, verbose=0).history
    return kept, computed, scores, expected


@pytest.mark.parametrize("augmentation", [None, zoo.Augmentation()])  # the second changes nothing
def test_kept_features_give_the_same_result(split, monkeypatch, augmentation):
    recipe = replace(
        RECIPE, class_weight="balanced", label_smoothing=0.1, augmentation=augmentation
    )
    kept, computed, scores, expected = compared(
        split, monkeypatch, recipe, "vgg", width=2, blocks=1, dropout=0.5
    )
    assert_same([kept], [computed], atol=1e-5)
    for key, values in expected.items():
        np.testing.assert_allclose(scores[key], values, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "arguments", "changes", "teaches", "reason"),
    [
        ("mlp", {"hidden": (4, 4), "dropout": 0.5}, {}, False, r"dropout.* \(Dropout\) is random"),
        ("mlp", {"hidden": (4,)}, {"augmentation": zoo.Augmentation(horizontal_flip=True)},
         False, r"the augmentation changes the images \(without it, the features are computed"),
        ("mlp", {"hidden": (4,)}, {}, True, "the teacher looks at the images"),
    ],
)  # fmt: skip
def test_a_log_line_says_why_features_are_not_kept(
    split, capsys, name, arguments, changes, teaches, reason
):
    learners = learners_of(replace(RECIPE, epochs=1, **changes), name=name, **arguments)
    teacher = Teacher(learners_of(RECIPE)[0].model) if teaches else None
    train(learners, split, teacher=teacher)
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "frozen layers run" in line]
    assert line.startswith("m0: the frozen layers run in every step, since ")
    assert re.search(reason, line)


def test_features_of_a_head_for_images_of_any_size_are_not_kept(split, capsys):
    inputs = keras.Input((None, None, 1))
    x = keras.layers.ReLU()(keras.layers.Conv2D(4, 3)(inputs))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(3, 1)(x))
    model = keras.Model(inputs, keras.layers.Softmax()(x), name="any_size")
    recipe = replace(RECIPE, epochs=1, precision=None)
    train([Learner("any_size", model, recipe)], split, seed=0, verbose=1)
    assert "since in any_size the size of the head's input is not fixed" in " ".join(
        capsys.readouterr().err.split()
    )


def test_features_that_would_fill_the_memory_are_not_kept(split, monkeypatch, capsys):
    monkeypatch.setattr(feature_splits, "MOST_BYTES", 10)
    train(learners_of(replace(RECIPE, epochs=1)), split)
    assert "since their output for 30 images has 0.0 GB" in capsys.readouterr().err


def test_a_model_of_a_committee_trains_its_head_on_its_own_images(split):
    committee = Committee(
        [Member("bn_mlp", {"hidden": (5,)}, replace(RECIPE, epochs=1)) for _ in range(2)]
    )
    committee.fit(split, resampling="bootstrap", verbose=0)
    assert all(layer.trainable for member in committee.members for layer in member.layers)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"freeze": "all"}, 'freeze must be "features" or None'),
        ({"freeze": None, "unfreeze_at": 1}, "unfreeze_at must be a number of epochs below .*"
         "freeze=None"),
        ({"unfreeze_at": 3}, "unfreeze_at must be a number of epochs below"),
        ({"unfreeze_at": 0}, "unfreeze_at"),
        ({"unfreeze_at": 1, "warm_up": 1}, "warm_up below the epochs before and after"),
        ({"unfreeze_at": 2, "epochs": 4, "cycles": 2, "schedule": "cosine"}, "cycles must be 1"),
        ({"layer_decay": 0}, "layer_decay must be a number above 0 and at most 1"),
        ({"layer_decay": 1.1}, "layer_decay must be a number above 0 and at most 1"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_an_error(values, message):
    with pytest.raises(ArgumentError, match=message):
        replace(RECIPE, **values)


def test_a_model_without_layers_below_its_head_cannot_be_frozen(split, tmp_path):
    (learner,) = learners_of(RECIPE, name="softmax", classifier_activation="softmax")
    with pytest.raises(ArgumentError, match="m0 must have layers with weights below its head"):
        train([learner], split, log_dir=tmp_path / "run", verbose=0)
    assert not (tmp_path / "run").exists()
    with pytest.raises(ArgumentError, match=r"Received: none\."):
        FrozenLayers("flat", keras.Sequential([keras.Input((2, 2, 1)), keras.layers.Flatten()]))


def test_features_are_copied_between_models_of_other_classes():
    small, large = (
        zoo.build("bn_mlp", input_shape=SHAPE, num_classes=count, seed=count) for count in (2, 5)
    )
    head = large.get_weights()[-2:]
    copy_features(small, large)
    for own, other in zip(small.get_weights()[:-2], large.get_weights()[:-2], strict=True):
        assert (own == other).all()
    assert all((a == b).all() for a, b in zip(head, large.get_weights()[-2:], strict=True))
    other = zoo.build("bn_mlp", input_shape=SHAPE, hidden=(7,))
    with pytest.raises(ArgumentError, match="Build both with the same arguments"):
        copy_features(small, other)
    for wrong in ("mnist", None, Committee([small], voting="soft")):
        with pytest.raises(ArgumentError, match=r"model must be a built keras\.Model"):
            copy_features(small, wrong)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [("bn_mlp", {"standardize": "per_image"}), ("lenet", {"activation": "tanh"})],
)
def test_features_that_would_be_others_are_not_copied(name, arguments):
    plain = {"input_shape": (28, 28, 1), "num_classes": 3}
    source, model = zoo.build(name, **plain), zoo.build(name, **plain, **arguments)
    with pytest.raises(ArgumentError, match=r"must compute what those of .* compute"):
        copy_features(source, model)
    copy_features(model, zoo.build(name, gradients="handwritten", **plain, **arguments))


def test_models_without_weights_have_nothing_to_copy():
    first, second = (
        keras.Sequential([keras.Input((2, 2, 1)), keras.layers.Flatten()]) for _ in "ab"
    )
    copy_features(first, second)


def test_callbacks_follow_weights_that_are_unfrozen(split, tmp_path):
    path = zoo.inspect.WeightPath()
    histograms = zoo.inspect.HistogramLog(split.images, split.labels)
    (learner,) = learners_of(replace(RECIPE, epochs=2, unfreeze_at=1))
    train([learner], split, log_dir=tmp_path, callbacks=[path, histograms], verbose=0)
    variables, records = path.weights_of(learner.model)
    assert len(variables) == len(learner.model.trainable_variables)
    assert len(records) == 3
