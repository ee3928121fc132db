"""Training on the shares of people's votes, in place of the labels of the majority."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from zoo import Recipe
from zoo.datasets.split import as_split
from zoo.ensembles import Committee, CommitteeClassifier, Member
from zoo.ensembles.combining.bagging import resample
from zoo.errors import ArgumentError, RunError

# A single batch, so that the order of the images changes nothing.
WHOLE = Recipe(learning_rate=0.2, batch_size=1024, epochs=3, targets="shares")
MEMBERS = [Member("softmax", recipe=WHOLE), Member("lasso_mlp", {"hidden": (8,)}, WHOLE)]
CLOSE = {"rtol": 1e-4, "atol": 1e-5}


def fit(members, data, **arguments):
    committee = Committee(members, voting="soft", seed=3)
    return committee, committee.fit(data, verbose=0, **arguments).history


def assert_same(committee, other):
    for a, b in zip(committee.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, **CLOSE)


def with_changes(member, **changes):
    return replace(member, recipe=replace(member.recipe, **changes))


@pytest.fixture(scope="module")
def voted(train_split):
    """The training images with random shares, of which the label seldom has the largest."""
    shares = np.random.default_rng(0).dirichlet(np.ones(3), len(train_split))
    return as_split(train_split, label_shares=shares)


@pytest.fixture(scope="module")
def shares_committee(voted):
    return fit(MEMBERS, voted)


def cross_entropy(shares, probabilities):
    return -(shares * np.log(probabilities)).sum(axis=-1)


def test_the_loss_is_the_cross_entropy_of_the_shares(voted, shares_committee):
    _, history = shares_committee
    before = MEMBERS[0].build((6, 6, 1), 3, seed=3)
    probabilities = np.asarray(before(voted.images.astype("float32")), "float64")
    expected = cross_entropy(voted.label_shares, probabilities).mean()
    assert history["softmax_loss"][0] == pytest.approx(expected, rel=1e-5)
    right = probabilities.argmax(axis=-1) == voted.labels
    assert history["softmax_accuracy"][0] == pytest.approx(right.mean())


@pytest.mark.parametrize("weighted", [False, True])
def test_the_training_is_that_of_keras_with_categorical_cross_entropy(voted, weighted):
    weights = np.random.default_rng(1).random(100) * 3 + 0.1 if weighted else None
    committee, history = fit(MEMBERS[1], voted, sample_weight=weights)
    model = MEMBERS[1].build((6, 6, 1), 3, seed=3)
    model.compile(WHOLE.make_optimizer(3), keras.losses.CategoricalCrossentropy())
    expected = model.fit(
        voted.images.astype("float32"), voted.label_shares, sample_weight=weights,
        batch_size=1024, epochs=3, verbose=0,
    )  # fmt: skip
    assert_same(committee, model)
    np.testing.assert_allclose(history["loss"], expected.history["loss"], rtol=1e-4)


def test_one_hot_shares_train_as_the_labels_do(train_split):
    one_hot = as_split(train_split, label_shares=np.eye(3)[train_split.labels])
    committee, history = fit(MEMBERS, one_hot)
    by_labels, expected = fit([with_changes(member, targets=None) for member in MEMBERS], one_hot)
    for a, b in zip(committee.get_weights(), by_labels.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(history["softmax_loss"], expected["softmax_loss"], rtol=1e-5)


def test_members_learn_from_shares_or_labels_side_by_side_as_each_by_itself(voted):
    """Copies of one architecture are one wide model, whose parts have targets of their own."""
    recipe = replace(WHOLE, batch_size=32, epochs=2, class_weight="balanced")
    mlp = Member("mlp", {"hidden": (6,)}, recipe)
    members = [
        replace(mlp, name="shares"),
        replace(with_changes(mlp, targets=None), name="labels"),
        replace(with_changes(mlp, class_weight=None), name="unweighted"),
        Member("cnn", {"filters": (2,), "hidden": 4}, recipe),
    ]
    together, history = fit(members, voted, together=True)
    apart, expected = fit(members, voted, together=False)
    assert_same(together, apart)
    for name in together.member_names:
        np.testing.assert_allclose(history[f"{name}_loss"], expected[f"{name}_loss"], rtol=1e-4)
    shares, labels = (together.members[row].get_weights()[0] for row in (0, 1))
    assert not np.allclose(shares, labels, **CLOSE)


def test_scores_on_validation_images_are_those_of_the_labels(
    voted, validation_split, shares_committee
):
    # The validation images need no shares.
    committee, history = fit(MEMBERS, voted, validation_data=validation_split)
    assert_same(committee, shares_committee[0])
    probabilities = committee.member_probabilities(validation_split)[0]
    of_labels = probabilities[np.arange(len(validation_split)), validation_split.labels]
    assert history["val_softmax_loss"][-1] == pytest.approx(-np.log(of_labels).mean(), rel=1e-4)


@pytest.mark.parametrize("resampling", ["bootstrap", "folds"])
def test_shares_follow_their_images_into_each_members_own(voted, resampling):
    committee = Committee(MEMBERS[0], copies=2, seed=3)
    committee.fit(voted, resampling=resampling, verbose=0)
    alone = Committee(MEMBERS[0], seed=4)
    alone.fit(voted.take(resample(voted, 2, resampling, 3)[1]), verbose=0)
    for a, b in zip(committee.members[1].get_weights(), alone.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, **CLOSE)


def test_a_run_with_shares_is_resumed_for_more_epochs_and_not_with_other_shares(
    voted, shares_committee, tmp_path
):
    options = {"log_dir": tmp_path / "run"}
    fit(MEMBERS, voted, epochs=2, **options)
    others = as_split(voted, label_shares=voted.label_shares[::-1])
    with pytest.raises(RunError, match="label shares was"):
        fit(MEMBERS, others, epochs=2, resume=True, **options)
    longer, _ = fit(MEMBERS, voted, resume=True, **options)
    assert_same(longer, shares_committee[0])


def test_shares_change_nothing_for_a_training_on_labels(voted, train_split, tmp_path):
    member, options = with_changes(MEMBERS[0], targets=None), {"log_dir": tmp_path / "run"}
    by_labels, _ = fit(member, train_split, **options)
    again, _ = fit(member, voted, resume=True, **options)
    for a, b in zip(by_labels.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_saved_committee_knows_its_targets(shares_committee, tmp_path):
    shares_committee[0].save(tmp_path / "committee.keras")
    loaded = Committee.load(tmp_path / "committee.keras")
    assert [recipe.targets for recipe in loaded.recipes] == ["shares", "shares"]


def test_images_without_shares_are_refused(train_split, tmp_path):
    message = r"targets must be left out .*in the recipe of lasso_mlp.*as_split\(images, labels"
    members = [with_changes(MEMBERS[0], targets=None), MEMBERS[1]]
    for data in (train_split, (train_split.images, train_split.labels)):
        with pytest.raises(ArgumentError, match=message):
            fit(members, data, log_dir=tmp_path / "run")
    assert not (tmp_path / "run").exists()
    X, y = np.random.default_rng(0).normal(size=(20, 3)), np.arange(20) % 2
    with pytest.raises(ArgumentError, match="targets must be left out"):
        CommitteeClassifier([MEMBERS[1]]).fit(X, y)


def test_other_targets_are_refused():
    with pytest.raises(ArgumentError, match='targets must be "shares" or None'):
        Recipe(targets="votes")
