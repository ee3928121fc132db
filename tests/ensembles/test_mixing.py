"""Training on mixed images, whose targets are shares of two classes."""

from dataclasses import replace

import keras
import numpy as np
import pytest

import zoo
from zoo import Augmentation, Recipe
from zoo.datasets.split import as_split
from zoo.ensembles import Committee, Member
from zoo.ensembles.combining.bagging import resample
from zoo.errors import ArgumentError

MIXED = Augmentation(mixup=0.4, cutmix=1, horizontal_flip=True)
# A single batch, so that the expected losses are those of an epoch.
WHOLE = Recipe(learning_rate=0.2, batch_size=1024, epochs=2, augmentation=MIXED)
SOFTMAX = Member("softmax", recipe=WHOLE)
CLOSE = {"rtol": 1e-4, "atol": 1e-5}


def fit(members, data, **arguments):
    committee = Committee(members, voting="soft", seed=3)
    return committee, committee.fit(data, verbose=0, **arguments).history


def assert_same(committee, other):
    for a, b in zip(committee.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, **CLOSE)


def with_changes(member, **changes):
    return replace(member, recipe=replace(member.recipe, **changes))


def mixed_batches(data, **arguments):
    """The batches of a training with the seed 3."""
    options = {"shuffle": True, "seed": 3, "epochs": 2, "transform": MIXED}
    return list(data.batches(1024, **options, **arguments).as_numpy_iterator())


@pytest.fixture(scope="module")
def voted(train_split):
    shares = np.random.default_rng(0).dirichlet(np.ones(3), len(train_split))
    return as_split(train_split, label_shares=shares)


@pytest.fixture(scope="module")
def uneven(train_split):
    """Training images of which one class is rare."""
    return train_split.take(np.flatnonzero((train_split.labels > 0) | (np.arange(100) % 3 == 0)))


@pytest.mark.parametrize(
    ("weighted", "targets", "class_weight", "smoothing"),
    [
        (False, None, None, 0),
        (True, "shares", None, 0.2),
        (True, None, "balanced", 0),
        (False, None, "balanced", 0.2),
    ],
)
def test_the_training_is_that_of_keras_on_the_mixed_targets(
    voted, uneven, weighted, targets, class_weight, smoothing
):
    data = voted if targets else uneven
    if weighted:
        data = as_split(data, sample_weight=np.random.default_rng(1).random(len(data)) * 3 + 0.1)
    member = with_changes(
        SOFTMAX, targets=targets, class_weight=class_weight, label_smoothing=smoothing
    )
    committee, history = fit(member, data)
    model = member.build((6, 6, 1), 3, seed=3)
    model.compile(WHOLE.make_optimizer(2), keras.losses.CategoricalCrossentropy())
    by_class = [*data.class_weights.values()] if class_weight else np.ones(3)
    for epoch, (images, (labels, shares), *weights) in enumerate(
        mixed_batches(data, label_shares=bool(targets))
    ):
        right = np.asarray(model(images)).argmax(axis=-1) == labels
        assert history["accuracy"][epoch] == pytest.approx(right.mean())
        # The gradients of Keras are right for targets of the sum 1 only.
        totals = (shares * by_class).sum(axis=1)
        factors = totals * (weights[0] if weights else 1)
        # Smoothing divides what an image counts among all classes, whatever each counts by itself.
        goals = (1 - smoothing) * shares * by_class / totals[:, None] + smoothing / 3
        loss = model.train_on_batch(images, goals, factors)
        assert history["loss"][epoch] == pytest.approx(float(loss), rel=1e-4)
        np.testing.assert_array_equal(labels, shares.argmax(axis=1))
    assert_same(committee, model)


def test_copies_train_on_the_same_mixed_images_as_each_by_itself(voted):
    recipe = replace(WHOLE, batch_size=32, class_weight="balanced")
    mlp = Member("mlp", {"hidden": (6,), "dropout": 0.2}, recipe)
    members = [mlp, replace(with_changes(mlp, class_weight=None), name="unweighted")]
    together, history = fit(members, voted, together=True)
    apart, expected = fit(members, voted, together=False)
    assert_same(together, apart)
    for name in together.member_names:
        np.testing.assert_allclose(history[f"{name}_loss"], expected[f"{name}_loss"], rtol=1e-4)
    # The loss of the committee is of the mixed targets too, and not of their larger share.
    assert history["loss"][0] < 1.2 * max(history[f"{n}_loss"][0] for n in ["mlp", "unweighted"])


def test_members_on_votes_and_on_labels_have_mixed_batches_of_their_own(voted):
    members = [SOFTMAX, replace(with_changes(SOFTMAX, targets="shares"), name="votes")]
    with pytest.raises(ArgumentError, match="softmax and votes differ in targets"):
        fit(members, voted, together=True)


def test_no_member_sees_a_mixed_image_that_it_leaves_out(train_split, capsys):
    resampling = "bootstrap"
    committee = Committee(SOFTMAX, copies=2, seed=3)
    with pytest.raises(ArgumentError, match="differ in their own images"):
        committee.fit(train_split, resampling=resampling, together=True, verbose=0)
    committee.fit(train_split, resampling=resampling, verbose=1)
    shown = " ".join(capsys.readouterr().err.split())
    assert "(mixup or cutmix would see the images that a member leaves out)" in shown
    alone = Committee(SOFTMAX, seed=4)
    alone.fit(train_split.take(resample(train_split, 2, resampling, 3)[1]), verbose=0)
    for a, b in zip(committee.members[1].get_weights(), alone.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, **CLOSE)


def test_a_student_learns_from_the_teachers_answers_to_the_mixed_images(train_split):
    teacher = zoo.Teacher(SOFTMAX.build((6, 6, 1), 3, seed=9), temperature=1, share=0.5)
    student = SOFTMAX.build((6, 6, 1), 3, seed=3)
    _, history = fit(with_changes(SOFTMAX, epochs=1), train_split, teacher=teacher)
    images, (_, shares), *_ = mixed_batches(train_split)[0]
    taught, answers = (np.asarray(model(images), "float64") for model in (teacher.model, student))
    by_labels = -(shares * np.log(answers)).sum(axis=1)
    divergence = (taught * np.log(taught / answers)).sum(axis=1)
    expected = (0.5 * by_labels + 0.5 * divergence).mean()
    assert history["loss"][0] == pytest.approx(expected, rel=1e-4)


def test_a_sweep_chooses_among_mixed_and_plain_images(train_split, validation_split):
    data = zoo.datasets.ImageData("tiny", train_split, validation_split, validation_split)
    space = {"augmentation": [None, MIXED]}
    member = with_changes(SOFTMAX, augmentation=None, epochs=1)
    sweep = zoo.tune(member, data, space, trials=2, seed=0, verbose=0)
    assert sorted(map(str, sweep.to_frame()["augmentation"])) == sorted(map(str, [None, MIXED]))


def test_a_committee_of_mixed_images_is_saved_with_its_recipe(train_split, tmp_path):
    committee, _ = fit(with_changes(SOFTMAX, epochs=1), train_split)
    committee.save(tmp_path / "mixed.keras")
    again = Committee.load(tmp_path / "mixed.keras")
    assert again.recipes[0].augmentation == MIXED
    np.testing.assert_array_equal(again.predict(train_split), committee.predict(train_split))
