"""Weights of images: they multiply losses, so that a weight of 2 is an image that comes twice."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from zoo import Recipe, Teacher
from zoo.datasets.split import as_split
from zoo.ensembles import Committee, CommitteeClassifier, Member, stack
from zoo.errors import ArgumentError, DataError, RunError

# A single batch, so that the order of the images changes nothing.
WHOLE = Recipe(learning_rate=0.2, batch_size=1024, epochs=3)
MEMBERS = [Member("softmax", recipe=WHOLE), Member("lasso_mlp", {"hidden": (8,)}, WHOLE)]
COUNTS = np.random.default_rng(0).integers(0, 4, 100)
CLOSE = {"rtol": 1e-4, "atol": 1e-5}


def fit(members, x, y=None, **arguments):
    committee = Committee(members, voting="soft", seed=3)
    return committee, committee.fit(x, y, verbose=0, **arguments).history


def assert_same(committee, other):
    for a, b in zip(committee.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, **CLOSE)


def with_changes(members, **changes):
    return [replace(member, recipe=replace(member.recipe, **changes)) for member in members]


@pytest.fixture(scope="module")
def mean_weights():
    """Weights that stand for the counts of the images, with the mean 1 over those that count."""
    return COUNTS / COUNTS[COUNTS > 0].mean()


@pytest.fixture(scope="module")
def repeated(train_split):
    return train_split.take(np.arange(100).repeat(COUNTS))


@pytest.mark.parametrize("changes", [{}, {"class_weight": "balanced"}], ids=["plain", "balanced"])
def test_a_weight_is_worth_as_many_images(train_split, repeated, mean_weights, changes):
    members = with_changes(MEMBERS, **changes)
    weighted, history = fit(members, train_split, sample_weight=mean_weights)
    twice, expected = fit(members, repeated)
    assert_same(weighted, twice)
    # The graph of a training with weights is not that of a training without.
    weighted.fit(repeated, epochs=1, verbose=0)
    twice.fit(train_split, sample_weight=mean_weights, epochs=1, verbose=0)
    assert_same(weighted, twice)
    np.testing.assert_allclose(history["lasso_mlp_loss"], expected["lasso_mlp_loss"], rtol=1e-4)


def test_a_weight_counts_in_distillation_too(
    train_split, repeated, mean_weights, trained_committee
):
    teacher = Teacher(trained_committee)
    weighted, _ = fit(MEMBERS[0], train_split, sample_weight=mean_weights, teacher=teacher)
    assert_same(weighted, fit(MEMBERS[0], repeated, teacher=teacher)[0])


def test_weights_are_those_of_keras(train_split):
    weights = np.random.default_rng(1).random(100) * 3 + 0.1
    committee, history = fit(MEMBERS[1], train_split, sample_weight=weights)
    model = MEMBERS[1].build((6, 6, 1), 3, seed=3)
    model.compile(MEMBERS[1].recipe.make_optimizer(3), "sparse_categorical_crossentropy")
    expected = model.fit(
        train_split.images.astype("float32"), train_split.labels, sample_weight=weights,
        batch_size=1024, epochs=3, verbose=0,
    )  # fmt: skip
    assert_same(committee, model)
    np.testing.assert_allclose(history["loss"], expected.history["loss"], rtol=1e-4)


def test_weights_come_from_every_container(train_split, mean_weights):
    x, y = train_split.images, train_split.labels
    expected = fit(MEMBERS[0], x, y, sample_weight=mean_weights)[0]
    dataset = tf.data.Dataset.from_tensor_slices((x, y, mean_weights))
    for given in ((x, y, mean_weights), dataset.batch(32), dataset):
        assert_same(fit(MEMBERS[0], given)[0], expected)


def test_validation_losses_are_weighted(train_split, validation_split):
    weights = np.arange(48) + 1.0
    weights /= weights.mean()
    pair = (validation_split.images, validation_split.labels)
    committee = Committee(MEMBERS[0], voting="soft")
    split = as_split(*pair, class_names=train_split.class_names, sample_weight=weights)
    history = committee.fit(train_split, validation_data=split, epochs=1, verbose=0).history
    probabilities = committee.predict(split)
    losses = -np.log(probabilities[np.arange(48), split.labels])
    assert history["val_loss"][0] == pytest.approx((weights * losses).mean(), rel=1e-4)


def test_images_of_weight_0_are_not_trained_on(train_split, mean_weights):
    committee, _ = fit(MEMBERS[0], train_split, sample_weight=mean_weights)
    assert committee.trained_images == np.count_nonzero(COUNTS)
    left_out = train_split.take(COUNTS == 0)
    assert committee.report(left_out).trained_on == 0


@pytest.mark.parametrize("resampling", ["bootstrap", "folds"])
def test_weights_follow_their_images_into_each_members_own(train_split, mean_weights, resampling):
    members = Member("softmax", recipe=WHOLE)
    committee = Committee(members, copies=2, seed=3)
    committee.fit(train_split, sample_weight=mean_weights, resampling=resampling, verbose=0)
    kept = replace(train_split, sample_weight=mean_weights).take(COUNTS > 0)
    from zoo.ensembles.combining.bagging import resample

    rows = resample(kept, 2, resampling, 3)[1]
    alone = Committee(members, seed=4)
    alone.fit(kept.take(rows), verbose=0)
    for a, b in zip(committee.members[1].get_weights(), alone.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, **CLOSE)


def test_weights_follow_their_images_into_the_folds_of_a_stack(train_split, mean_weights):
    options = {"folds": 2, "verbose": 0, "epochs": 1}
    weighted = stack(MEMBERS[:1], train_split, sample_weight=mean_weights, **options)
    kept = train_split.take(COUNTS > 0)
    from_triple = stack(
        MEMBERS[:1], (kept.images, kept.labels, mean_weights[COUNTS > 0]), **options
    )
    assert_same(weighted, from_triple)
    np.testing.assert_allclose(weighted.rule.intercept, from_triple.rule.intercept, rtol=1e-4)
    plain = stack(MEMBERS[:1], kept, **options)
    assert not np.allclose(plain.rule.intercept, weighted.rule.intercept)


def test_a_run_with_other_weights_is_not_resumed(train_split, mean_weights, tmp_path):
    options = {"log_dir": tmp_path / "run"}
    fit(MEMBERS[0], train_split, sample_weight=mean_weights, **options)
    with pytest.raises(RunError, match="weights was"):
        fit(MEMBERS[0], train_split, sample_weight=2 * mean_weights, resume=True, **options)
    again, _ = fit(MEMBERS[0], train_split, sample_weight=mean_weights, resume=True, **options)
    assert again.trained_images == np.count_nonzero(COUNTS)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.ones(99), r"numbers \[100\]"),
        (-np.ones(100), "0 or more"),
        (np.zeros(100), "above 0 for some image"),
        ("balanced", r"numbers \[100\].*<U8"),
    ],
)
def test_wrong_weights_are_refused(train_split, weights, message):
    with pytest.raises(DataError, match=message):
        fit(MEMBERS[0], train_split, sample_weight=weights)


def test_a_report_takes_no_weights(trained_committee, test_split):
    triple = (test_split.images, test_split.labels, np.ones(60))
    with pytest.raises(ArgumentError, match="must come without weights"):
        trained_committee.report(triple)


# --- evaluate -----------------------------------------------------------------------------


def test_evaluate_gives_loss_and_accuracy(trained_committee, test_split):
    soft = trained_committee.with_rule("soft")
    probabilities = soft.predict(test_split)
    right = probabilities.argmax(axis=-1) == test_split.labels
    losses = -np.log(probabilities[np.arange(60), test_split.labels])
    expected = [losses.mean(), right.mean()]
    x, y = test_split.images, test_split.labels
    dataset = tf.data.Dataset.from_tensor_slices((x, y)).batch(7)
    for given in ((test_split,), (x, y), ((x, y),), (dataset,)):
        np.testing.assert_allclose(soft.evaluate(*given), expected, rtol=1e-5)
    assert soft.evaluate(x, y, return_dict=True, batch_size=9, verbose=0) == pytest.approx(
        {"loss": expected[0], "accuracy": expected[1]}
    )
    weights = np.arange(60)
    found = soft.evaluate(x, y, sample_weight=weights)
    weighted = [np.average(values, weights=weights) for values in (losses, right)]
    np.testing.assert_allclose(found, weighted, rtol=1e-5)


def test_a_compiled_committee_is_evaluated_by_keras(trained_committee, test_split):
    soft = trained_committee.with_rule("soft")
    expected = soft.evaluate(test_split, return_dict=True)["accuracy"]
    soft.compile(loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    x, y = test_split.images, test_split.labels
    dataset = tf.data.Dataset.from_tensor_slices((x, y))
    for given in ((test_split,), (x, y), ((x, y),), (dataset,), (dataset.batch(8),)):
        _, found = soft.evaluate(*given, verbose=0)
        assert found == pytest.approx(expected)
    weights = np.arange(60)
    expected_loss = soft.evaluate(x, y, sample_weight=weights, verbose=0)[0]
    weighted = replace(test_split, sample_weight=weights.astype("float32"))
    assert soft.evaluate(weighted, verbose=0)[0] == pytest.approx(expected_loss)
    endless = dataset.batch(10).repeat()
    assert soft.evaluate(endless, steps=6, verbose=0)[1] == pytest.approx(expected)
    with pytest.raises(DataError, match=r"images \* 255"):
        soft.evaluate(x / 255, y)


def test_evaluate_refuses_arguments_that_would_have_no_effect(trained_committee, test_split):
    with pytest.raises(ArgumentError, match="Received: steps"):
        trained_committee.evaluate(test_split, steps=3)


# --- the classifier -----------------------------------------------------------------------


def test_the_classifier_takes_weights_as_images_that_come_again():
    rng = np.random.default_rng(5)
    y = np.arange(60) % 3
    X, counts = rng.normal(size=(60, 4)) + y[:, None], rng.integers(0, 4, 60)
    settings = {"batch_size": 1024, "epochs": 5, "learning_rate": 0.5, "random_state": 0}

    def fitted(*data, **weights):
        classifier = CommitteeClassifier(["softmax"], voting="soft", **settings)
        return classifier.fit(*data, **weights)

    expected = fitted(X.repeat(counts, axis=0), y.repeat(counts))
    for factor in (1, 7.5):
        weighted = fitted(X, y, sample_weight=counts * factor)
        np.testing.assert_allclose(weighted.predict_proba(X), expected.predict_proba(X), atol=1e-5)
        assert weighted.value_range_ == expected.value_range_
    right = expected.predict(X) == y
    assert expected.score(X, y, sample_weight=counts) == pytest.approx(
        np.average(right, weights=counts)
    )


def test_the_classifier_names_weights_that_leave_a_single_class():
    X, y = np.random.default_rng(0).normal(size=(20, 3)), np.arange(20) % 2
    with pytest.raises(DataError, match="labels of 2 classes or more"):
        CommitteeClassifier(["softmax"], epochs=1).fit(X, y, sample_weight=y)
