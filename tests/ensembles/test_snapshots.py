from dataclasses import replace

import keras
import numpy as np
import pytest

import zoo
from zoo.ensembles import Committee, Member
from zoo.errors import ArgumentError
from zoo.recipes import Recipe

CYCLES = 3


@pytest.fixture
def recipe():
    return Recipe("adam", 0.01, batch_size=32, epochs=6, schedule="cosine", cycles=CYCLES)


class Weights(keras.callbacks.Callback):
    """The weights of a committee's first member after each epoch."""

    def __init__(self):
        super().__init__()
        self.weights = []

    def on_epoch_end(self, epoch, logs=None):
        self.weights.append(self.model.members[0].get_weights())


def assert_same(weights, expected, **tolerance):
    for a, b in zip(weights, expected, strict=True):
        np.testing.assert_allclose(a, b, **tolerance)


def test_members_are_the_weights_at_the_ends_of_the_cycles(recipe, train_split):
    committee = Committee(Member("bn_mlp", {"hidden": (8,)}, recipe), snapshots=CYCLES, seed=0)
    committee.fit(train_split, verbose=0)
    assert committee.member_names == ("bn_mlp", "bn_mlp_2", "bn_mlp_3")
    # Member k is built with seed k, and the last one is trained.
    model = zoo.build("bn_mlp", input_shape=(6, 6, 1), num_classes=3, hidden=(8,), seed=2)
    kept = Weights()
    Committee(Member(model, recipe=recipe), seed=0).fit(train_split, callbacks=[kept], verbose=0)
    assert not np.allclose(kept.weights[1][0], kept.weights[3][0])
    for epoch, member in zip((2, 4, 6), committee.members, strict=True):
        assert_same(member.get_weights(), kept.weights[epoch - 1], rtol=1e-5, atol=1e-6)


def test_the_learning_rate_starts_again_in_each_cycle(recipe):
    optimizer = recipe.make_optimizer(steps=60)
    rates = []
    for step in range(60):
        optimizer.iterations.assign(step)
        rates.append(float(optimizer.learning_rate))
    # Huang et al., 2017, equation 2.
    expected = [0.01 / 2 * (np.cos(np.pi * (step % 20) / 20) + 1) for step in range(60)]
    np.testing.assert_allclose(rates, expected, atol=1e-8)


def test_snapshots_of_a_killed_training_are_there_after_resuming(recipe, train_split, tmp_path):
    def committee():
        return Committee(Member("softmax", recipe=recipe), snapshots=CYCLES)

    whole = committee()
    whole.fit(train_split, verbose=0)

    class Kill(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 2:
                raise RuntimeError("the power has gone")

    with pytest.raises(RuntimeError, match="power"):
        committee().fit(train_split, log_dir=tmp_path / "run", callbacks=[Kill()], verbose=0)
    resumed = committee()
    resumed.fit(train_split, log_dir=tmp_path / "run", resume=True, verbose=0)
    assert_same(resumed.get_weights(), whole.get_weights(), rtol=1e-5, atol=1e-6)


def test_a_training_that_ends_too_soon_says_which_members_are_the_same(recipe, train_split):
    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = epoch == 2

    committee = Committee(Member("softmax", recipe=recipe), snapshots=CYCLES)
    with pytest.warns(UserWarning, match="ended in cycle 2 of 3: the last 2 snapshots are the sam"):
        committee.fit(train_split, callbacks=[Stop()], verbose=0)
    first, second, third = (member.get_weights()[0] for member in committee.members)
    np.testing.assert_array_equal(second, third)
    assert not np.allclose(first, second)


def test_a_committee_of_snapshots_votes_and_is_saved(recipe, train_split, test_split, tmp_path):
    committee = Committee(Member("softmax", recipe=recipe), snapshots=2)
    committee.fit(train_split, validation_data=test_split.take(slice(9), name="v"), verbose=0)
    committee.save(tmp_path / "a.keras")
    loaded = Committee.load(tmp_path / "a.keras")
    np.testing.assert_array_equal(loaded.predict(test_split), committee.predict(test_split))
    assert len(committee.report(test_split).members) == 2


@pytest.mark.parametrize(
    ("members", "arguments", "message"),
    [
        (
            "softmax",
            {"snapshots": 2, "copies": 2},
            "copies come from several trainings",
        ),
        (["softmax", "mlp"], {"snapshots": 2}, "members must be a single name"),
        ("softmax", {"snapshots": 0}, "snapshots must be a whole number of 1 or more"),
    ],
)
def test_members_without_snapshots_are_refused(members, arguments, message):
    with pytest.raises(ArgumentError, match=message):
        Committee(members, **arguments)


@pytest.mark.parametrize(
    ("changes", "arguments", "message"),
    [
        ({"cycles": 1, "average_from": 0.5}, {}, "the recipe must keep no other weights"),
        ({"cycles": 1, "patience": 3}, {}, "the recipe must keep no other weights"),
        ({}, {"epochs": 4}, "snapshots must divide the number of epochs"),
        ({}, {"resampling": "order"}, "resampling must be None with snapshots="),
    ],
)
def test_recipes_that_keep_other_weights_are_refused(
    recipe, train_split, changes, arguments, message
):
    member = Member("softmax", recipe=replace(recipe, **changes))
    with pytest.raises(ArgumentError, match=message):
        Committee(member, snapshots=CYCLES).fit(train_split, verbose=0, **arguments)
