"""Small images first: the same weights, the same losses as a small network, and full size later."""

import re
from dataclasses import replace

import keras
import numpy as np
import pytest

import zoo
from zoo import Augmentation, Recipe
from zoo.datasets.split import Split
from zoo.ensembles import Committee, Member
from zoo.errors import ArgumentError
from zoo.training import Teacher, train
from zoo.training.learner import Learner
from zoo.training.phases.small_images import (
    make_smaller,
    scaled,
    small_image_network,
    small_shape,
)

SHAPE, SMALL = (12, 12, 3), (8, 8, 3)
RECIPE = Recipe("sgd", learning_rate=0.05, batch_size=10, epochs=3, precision="float64")
FIRST = replace(RECIPE, small_images=0.67, full_size_at=2)
ENTRIES = {
    "vgg": {"width": 4, "blocks": 2},
    "resnet": {"depth": 8, "width": 4},
    "wide_resnet": {"depth": 10, "width": 1},
    "mini_xception": {},
    "rep_vgg": {"width": 4, "depths": (1, 1)},
}


@pytest.fixture(scope="module")
def split():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (30, *SHAPE), dtype=np.uint8)
    return Split("train", images, np.arange(30) % 3, ("a", "b", "c"))


def learners_of(*recipes, name="vgg", shape=SHAPE):
    return [
        Learner(
            f"m{k}",
            zoo.build(
                name, input_shape=shape, num_classes=3, seed=k,
                precision=recipe.precision, **ENTRIES.get(name, {}),
            ),
            recipe,
        )
        for k, recipe in enumerate(recipes)
    ]  # fmt: skip


def weights_of(learner):
    return [np.array(value) for value in learner.model.get_weights()]


def assert_same(first, second, **tolerance):
    for weight, value in zip(first, second, strict=True):
        np.testing.assert_allclose(weight, value, **tolerance)


class StopAfter(keras.callbacks.Callback):
    """Stops a training after an epoch, from 0."""

    def __init__(self, epoch):
        super().__init__()
        self.epoch = epoch

    def on_epoch_end(self, epoch, logs=None):
        self.model.stop_training = epoch == self.epoch


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        *((name, {}) for name in ENTRIES),
        ("vgg", {"augmentation": Augmentation(zoom_range=0.1, horizontal_flip=True, cutmix=1.0)}),
        ("vgg", {"class_weight": "balanced", "label_smoothing": 0.1, "optimizer": "adam"}),
        ("vgg", {"targets": "shares", "layer_decay": 0.5}),
    ],
)
def test_the_first_epochs_are_those_of_a_network_for_small_images(split, name, changes):
    data = replace(split.take(slice(25)), sample_weight=np.linspace(0.5, 1.5, 25, dtype="float32"))
    if "targets" in changes:
        shares = np.random.default_rng(1).dirichlet([1, 1, 1], 25).astype("float32")
        data = replace(data, label_shares=shares)
    (learner,) = learners_of(replace(FIRST, **changes), name=name)
    (small,) = learners_of(replace(RECIPE, **changes), name=name, shape=SMALL)
    small.model.set_weights(learner.model.get_weights())
    scores = train([learner], data, split, callbacks=[StopAfter(1)], verbose=0).history
    smaller = make_smaller(data, SMALL)
    expected = train([small], smaller, callbacks=[StopAfter(1)], verbose=0).history
    assert len(scores["loss"]) == 2
    assert scores["loss"] == pytest.approx(expected["loss"], rel=1e-6)
    assert_same(weights_of(learner), weights_of(small), rtol=1e-5, atol=1e-7)
    assert scores["val_loss"][-1] == pytest.approx(loss_of(learner, split), rel=1e-6)


def loss_of(learner, split):
    """The mean loss of a model's answers about the images as they are."""
    answers = np.asarray(learner.model(split.images.astype("float64"), training=False))
    return -np.log(answers[np.arange(len(split)), split.labels]).mean()


def test_crops_are_padded_by_the_same_share(split):
    first = replace(FIRST, augmentation=Augmentation(crop_padding=3))
    (learner,) = learners_of(first)
    (small,) = learners_of(replace(RECIPE, augmentation=Augmentation(crop_padding=2)), shape=SMALL)
    small.model.set_weights(learner.model.get_weights())
    scores = train([learner], split, callbacks=[StopAfter(1)], verbose=0).history
    expected = train([small], make_smaller(split, SMALL), callbacks=[StopAfter(1)], verbose=0)
    assert scores["loss"] == pytest.approx(expected.history["loss"], rel=1e-6)


def test_the_last_epochs_are_those_of_the_images_as_they_are(split):
    """Without a state of the optimiser, the last epoch is that of a training of the weights."""
    (learner,), (other,) = learners_of(FIRST), learners_of(RECIPE)
    train([learner], split, split, callbacks=[StopAfter(1)], verbose=0)
    before = weights_of(learner)
    (learner,) = learners_of(FIRST)
    seen = []
    look = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: seen.append(weights_of(learner))
    )
    scores = train([learner], split, split, callbacks=[look], verbose=0).history
    assert_same(seen[2], before, rtol=1e-12)
    other.model.set_weights(before)
    batches = split.batches(10, shuffle=True, seed=0, epochs=1, first_epoch=2)
    other.model.compile(keras.optimizers.SGD(0.05), "sparse_categorical_crossentropy")
    other.model.fit(batches, shuffle=False, verbose=0)
    assert_same(weights_of(learner), weights_of(other), rtol=1e-6)
    assert scores["val_loss"][-1] == pytest.approx(loss_of(learner, split), rel=1e-6)
    assert learner.network is learner.model


@pytest.mark.parametrize("warm_up", [None, 1])
def test_the_optimiser_goes_on_and_the_cosine_begins_at_full_size(split, warm_up):
    recipe = replace(FIRST, schedule="cosine", epochs=5, optimizer="adam", warm_up=warm_up)
    (learner,) = learners_of(recipe)
    rates = train([learner], split, verbose=0).history["learning_rate"]
    falling = 0.05 * (1 + np.cos(np.pi * np.arange(1, 4) / 3)) / 2
    np.testing.assert_allclose(rates, [0.05, 0.05, *falling], rtol=1e-5, atol=1e-9)
    assert int(learner.optimizer.iterations) == 15


RESUMED = replace(FIRST, optimizer="adam", schedule="cosine", ema=0.9, patience=9, epochs=4)


@pytest.fixture(scope="module")
def whole(split):
    """A learner that was trained without interruption, and its scores."""
    (learner,) = learners_of(RESUMED)
    return learner, train([learner], split, split, verbose=0).history


@pytest.mark.parametrize(("epoch", "step"), [(0, 1), (1, 2), (2, 1)])
def test_a_killed_training_goes_on_as_if_it_had_not_been_killed(
    split, tmp_path, whole, interrupt, epoch, step
):
    (killed,), (resumed,) = learners_of(RESUMED), learners_of(RESUMED)
    run = {"log_dir": tmp_path / "run", "verbose": 0}
    with pytest.raises(KeyboardInterrupt):
        train([killed], split, split, callbacks=[interrupt(epoch, step)], **run)
    history = train([resumed], split, split, resume=True, **run).history
    assert_same(weights_of(resumed), weights_of(whole[0]), rtol=0, atol=0)
    assert history["val_loss"] == whole[1]["val_loss"]


def test_patience_and_plateau_begin_at_full_size(split):
    recipe = replace(FIRST, learning_rate=1e-9, patience=1, epochs=5)
    (learner,) = learners_of(recipe)
    learner.best_loss = 0.0  # no epoch is better
    train([learner], split, split, verbose=0)
    assert learner.stopped == "stopped in epoch 3"
    recipe = replace(FIRST, learning_rate=30.0, plateau=1, epochs=6, full_size_at=3)
    (learner,) = learners_of(recipe)
    rates = train([learner], split, split, verbose=0).history["learning_rate"]
    assert rates[:4] == [30.0] * 4
    assert rates[-1] < 30


def test_the_best_weights_are_never_those_of_small_images(split):
    (learner,) = learners_of(replace(FIRST, learning_rate=1e-9, patience=9, epochs=4))

    def spoil(epoch, logs):
        if epoch == 2:
            bias = learner.model.weights[-1]
            bias.assign(bias.value + np.array([9.0, 0, 0]))

    callback = keras.callbacks.LambdaCallback(on_epoch_begin=spoil)
    losses = train([learner], split, split, callbacks=[callback], verbose=0).history["val_loss"]
    assert np.argmin(losses) < 2
    assert learner.best_epoch > 2


def test_a_training_that_ends_early_is_judged_on_the_images_as_they_are(split, tmp_path):
    (learner,) = learners_of(replace(FIRST, ema=0.9))
    train([learner], split, split, callbacks=[StopAfter(0)], log_dir=tmp_path / "run", verbose=0)
    assert learner.network is learner.model
    (diverged,) = learners_of(replace(FIRST, learning_rate=1e30))
    with pytest.warns(UserWarning, match="diverged in epoch [12],"):
        train([diverged], split, split, verbose=0)
    assert all(np.isfinite(weight).all() for weight in weights_of(diverged))


def test_bagged_members_learn_from_their_own_images(split):
    rows = np.array([0, 1, 2, 3, 4, 5, 6, 7, 8, 0, 1, 2])
    (learner,), (small,) = learners_of(FIRST), learners_of(RECIPE, shape=SMALL)
    learner.rows, learner.seed = rows, 3
    small.rows, small.seed = rows, 3
    small.model.set_weights(learner.model.get_weights())
    train([learner], split, callbacks=[StopAfter(1)], verbose=0)
    train([small], make_smaller(split, SMALL), callbacks=[StopAfter(1)], verbose=0)
    assert_same(weights_of(learner), weights_of(small), rtol=1e-6)


def test_members_share_batches_if_they_agree_on_the_size(split, capsys):
    adam = replace(FIRST, optimizer="adam", learning_rate=0.01)
    recipes = [FIRST, adam, replace(FIRST, full_size_at=1), RECIPE]
    learners, expected = learners_of(*recipes), learners_of(*recipes)
    train(learners, split, split)
    message = capsys.readouterr().err
    assert "m0, m1: small training images, 8×8 pixels, to epoch 2." in message
    assert "m0, m1: full size, 12×12 pixels, from epoch 3 on." in message
    assert "m2 (another full_size_at); m3 (another small_images and full_size_at)" in message
    train(expected, split, split, together=False, verbose=0)
    for learner, other in zip(learners, expected, strict=True):
        assert_same(weights_of(learner), weights_of(other), rtol=1e-5, atol=1e-7)


def test_members_train_in_other_processes_as_here(split):
    members = [
        Member("vgg", {**ENTRIES["vgg"]}, recipe=recipe, name=f"m{k}")
        for k, recipe in enumerate([FIRST, replace(FIRST, full_size_at=1)])
    ]
    here, there = Committee(members), Committee(members)
    images, held_out = split.take(slice(20)), split.take(slice(20, 30))
    expected = here.fit(images, validation_data=held_out, verbose=0).history
    history = there.fit(images, validation_data=held_out, n_jobs=2, verbose=0).history
    for name in ("val_m0_loss", "val_m1_loss"):
        assert history[name] == pytest.approx(expected[name], rel=1e-6)


@pytest.mark.parametrize("share", [None, 1, 0.97])
def test_images_that_stay_as_they_are_need_no_other_network(split, share, capsys):
    recipe = replace(RECIPE, small_images=share, full_size_at=share and 1)
    (learner,), (plain,) = learners_of(recipe, name="mlp"), learners_of(RECIPE, name="mlp")
    train([learner], split)
    assert "small" not in capsys.readouterr().err
    train([plain], split, verbose=0)
    assert_same(weights_of(learner), weights_of(plain), rtol=0)


@pytest.mark.parametrize(
    ("share", "shape"), [(0.67, (32, 20, 1)), (0.5, (24, 15, 1)), (0.001, (1, 1, 1))]
)
def test_shapes_are_rounded(share, shape):
    recipe = replace(RECIPE, small_images=share, full_size_at=2)
    assert small_shape(recipe, (48, 30, 1), 1) == shape
    assert small_shape(recipe, (48, 30, 1), 2) is None


def test_each_small_pixel_is_the_mean_of_those_that_it_covers(split):
    chosen = split.take([4, 2, 4])
    images = make_smaller(chosen, (1, 1, 3)).images
    means = np.rint(split.images.mean(axis=(1, 2)))[[4, 2, 4]]
    assert np.abs(images[:, 0, 0].astype(int) - means).max() < 30  # a triangle, not a box
    plain = replace(chosen, store=np.full_like(split.store, 77))
    assert (make_smaller(plain, SMALL).images == 77).all()
    edge = np.zeros((1, 12, 12, 1), np.uint8)
    edge[:, :, 6:] = 255
    (row,) = make_smaller(Split("a", edge, np.zeros(1, int), ("a",)), (4, 4, 1)).images[:, 0, :, 0]
    assert row.tolist() == sorted(row)
    assert (row[0], row[-1]) == (0, 255)
    assert make_smaller(chosen, SMALL).labels.tolist() == chosen.labels.tolist()


def test_the_padding_of_crops_shrinks_with_the_images():
    assert scaled(Augmentation(crop_padding=4, zoom_range=0.1), 0.5) == Augmentation(
        crop_padding=2, zoom_range=0.1
    )
    assert scaled(None, 0.5) is None


class Pooled(keras.Model):
    """A model of somebody else's, whose `call` knows nothing of training."""

    def __init__(self):
        super().__init__()
        self.pool, self.head = keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3)

    def call(self, images):
        return keras.ops.softmax(self.head(self.pool(images / 255)))


def test_a_model_of_any_kind_takes_small_images():
    layers = [keras.Input(SHAPE), keras.layers.GlobalMaxPooling2D(), keras.layers.Dense(3)]
    images = np.random.default_rng(0).uniform(0, 255, (2, *SMALL)).astype("float32")
    for model in (Pooled(), keras.Sequential(layers)):
        model(np.zeros((1, *SHAPE), "float32"))
        answers = small_image_network("m", model, SMALL)(images, training=True)
        np.testing.assert_array_equal(answers, model.call(images))


@pytest.mark.parametrize(
    ("name", "share", "reason"),
    [("mlp", 0.67, "is incompatible with the layer"), ("vgg", 0.1, "leave nothing|cannot compute")],
)
def test_a_network_for_one_size_is_refused_before_anything_is_written(
    split, tmp_path, name, share, reason
):
    (learner,) = learners_of(replace(FIRST, small_images=share), name=name)
    with pytest.raises(ArgumentError, match=rf"m0 must take images of .* \(.*({reason})"):
        train([learner], split, log_dir=tmp_path / "run", verbose=0)
    assert not (tmp_path / "run").exists()


def test_a_sweep_over_a_network_for_one_size_is_refused_at_once(split, tmp_path):
    space, run = {"small_images": [1, 0.67]}, tmp_path / "run"
    with pytest.raises(ArgumentError, match=r"With small_images, mlp must take images of 8×8×3"):
        zoo.tune(Member("mlp", recipe=FIRST), split, space=space, log_dir=run, verbose=0)
    assert not run.exists()


def test_a_teacher_is_refused(split):
    learner, teacher = learners_of(FIRST, RECIPE)
    with pytest.raises(ArgumentError, match=r"small_images must be None beside a teacher"):
        train([learner], split, teacher=Teacher(teacher.model), verbose=0)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"small_images": 0.0, "full_size_at": 1}, "small_images must be a share above 0"),
        ({"small_images": 1.5, "full_size_at": 1}, "small_images must be a share above 0"),
        ({"small_images": True, "full_size_at": 1}, "small_images must be a share above 0"),
        ({"small_images": "half", "full_size_at": 1}, "Received: 'half'"),
        ({"small_images": 0.5}, "full_size_at must be .* full_size_at=None"),
        ({"full_size_at": 1}, "full_size_at must be .* small_images=None"),
        ({"small_images": 0.5, "full_size_at": 3}, "below that of the training"),
        ({"small_images": 0.5, "full_size_at": 0}, "full_size_at must be a whole number"),
        ({"small_images": 0.5, "full_size_at": 1, "freeze": "features"}, "None beside freeze='f"),
        (
            {"small_images": 0.5, "full_size_at": 1, "standardize": "mean_image"},
            'None beside standardize="mean_image"',
        ),
        (
            {"small_images": 0.5, "full_size_at": 1, "schedule": "cosine", "cycles": 3},
            "None beside cycles=3",
        ),
        ({"small_images": 0.5, "full_size_at": 2, "average_from": 0.5}, "beside average_from=0.5"),
        ({"small_images": 0.5, "full_size_at": 2, "average_from": 0}, "beside average_from=0"),
    ],
)
def test_what_cannot_be_is_an_error(values, message):
    with pytest.raises(ArgumentError, match=message):
        replace(RECIPE, **values)


def test_a_share_of_1_is_none():
    assert replace(FIRST, small_images=1) == RECIPE
    averaged = replace(FIRST, average_from=0.7)
    assert averaged.small_images == 0.67


def test_a_trial_that_cannot_be_ends_no_sweep(split):
    """Each setting by itself can be, and the two together leave nothing for the last layers."""
    member = Member("vgg", {"width": 4, "blocks": 1}, recipe=replace(FIRST, epochs=3))
    space = {"small_images": [1, 0.2], "blocks": [1, 2]}
    images, held_out = split.take(slice(20)), split.take(slice(20, 30))
    with pytest.warns(UserWarning, match="no result of trial-3"):
        sweep = zoo.tune(
            member, images, space=space, validation_data=held_out, sampler="grid", verbose=0
        )
    assert len(sweep.trials) == 3


def test_the_network_has_the_policy_and_the_weights_of_the_model():
    (learner,) = learners_of(replace(RECIPE, precision="mixed_bfloat16"))
    model = learner.model
    network = small_image_network("vgg", model, SMALL)
    assert network.dtype_policy.name == "mixed_bfloat16"
    assert [*map(id, network.trainable_variables)] == [*map(id, model.trainable_variables)]
    assert re.fullmatch(r"\(2, 3\)", str(tuple(network(np.zeros((2, *SMALL))).shape)))
