import keras
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

import zoo
from zoo.datasets.split import as_split
from zoo.ensembles import Committee, Member, select, stack
from zoo.ensembles.stacking import fit_stacking
from zoo.errors import ArgumentError, DataError
from zoo.recipes import Recipe

QUICK = Recipe(learning_rate=0.1, batch_size=32, epochs=2)
MEMBERS = [Member("softmax", recipe=QUICK), Member("mlp", {"hidden": (8,)}, QUICK)]


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_the_rule_is_scikit_learns_regression_on_logarithms(classes):
    rng = np.random.default_rng(0)
    labels = np.arange(200) % classes
    probabilities = rng.dirichlet(np.ones(classes), (3, 200))
    probabilities[0, np.arange(200), labels] += 0.7
    probabilities /= probabilities.sum(axis=-1, keepdims=True)
    found = fit_stacking(probabilities, labels, penalty=0.5)(probabilities)
    features = np.concatenate(np.log(probabilities), axis=1)
    expected = LogisticRegression(C=0.5, max_iter=2000).fit(features, labels)
    np.testing.assert_allclose(found, expected.predict_proba(features), atol=1e-5)


def test_each_image_is_judged_by_members_that_have_not_seen_it(train_split, monkeypatch):
    asked = []
    plain = Committee.member_probabilities

    def spied(self, x, *arguments, **keywords):
        assert x.count_among(self.trained_on) == 0
        asked.append(x.digests)
        return plain(self, x, *arguments, **keywords)

    monkeypatch.setattr(Committee, "member_probabilities", spied)
    committee = stack(MEMBERS, train_split, folds=4, verbose=0)
    assert len(asked) == 4
    np.testing.assert_array_equal(np.sort(np.concatenate(asked)), np.sort(train_split.digests))
    assert train_split.count_among(committee.trained_on) == len(train_split)


def test_members_that_learn_by_heart_are_not_believed():
    """In-fold, an answer learned by heart is always right; out of fold, it is worth nothing."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (200, 6, 6, 1), dtype="uint8")
    noise, others = (
        as_split(images[part], np.arange(100) % 2) for part in (slice(100), slice(100, 200))
    )
    member = Member("mlp", {"hidden": (64,)}, Recipe("adam", 0.01, batch_size=32, epochs=40))
    committee = stack(member, noise, verbose=0)
    own = committee.members[0].predict(others.images, verbose=0)
    assert own.max(axis=1).mean() > 0.8
    assert committee.predict(others).max(axis=1).mean() < 0.65
    in_fold = fit_stacking(committee.member_probabilities(noise), noise.labels)
    assert in_fold(own[None]).max(axis=1).mean() > 0.75


def test_a_stack_is_a_committee_like_others(train_split, validation_split, test_split, tmp_path):
    committee = stack(
        MEMBERS, train_split, folds=2, validation_data=validation_split, epochs=3, verbose=0
    )
    assert committee.member_names == ("softmax", "mlp")
    assert committee.predict(test_split).argmax(axis=1).shape == (60,)
    assert committee.report(test_split).voting == "stacking"
    committee.save(tmp_path / "a.keras")
    loaded = Committee.load(tmp_path / "a.keras")
    assert loaded.rule == committee.rule
    np.testing.assert_array_equal(loaded.predict(test_split), committee.predict(test_split))


def test_built_models_which_learn_on_from_fold_to_fold_are_refused(train_split):
    model = zoo.build("softmax", input_shape=(6, 6, 1), num_classes=3)
    with pytest.raises(ArgumentError, match="each member is trained anew in every fold"):
        stack(["softmax", model], train_split, folds=2, verbose=0)


def test_a_stack_is_not_resampled(train_split):
    committee = stack(MEMBERS, train_split, folds=2, verbose=0)
    with pytest.raises(ArgumentError, match="resampling must be None with the rule 'stacking'"):
        committee.fit(train_split, resampling="bootstrap", verbose=0)


def test_the_members_that_stay_are_trained_on_all_images(train_split):
    stacked = stack(MEMBERS, train_split, folds=2, seed=4, verbose=0)
    plain = Committee(MEMBERS, seed=4)
    plain.fit(train_split, verbose=0)
    for one, other in zip(stacked.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_teacher_that_has_seen_the_folds_is_refused(train_split):
    teacher = Committee(MEMBERS)
    teacher.fit(train_split.take(range(5)), verbose=0)
    with pytest.raises(DataError, match="a teacher that was trained on 5 of these 100 images"):
        stack(MEMBERS, train_split, teacher=zoo.Teacher(teacher.members[0]), verbose=0)


def test_members_of_a_stack_cannot_be_pruned(train_split, validation_split):
    committee = stack(MEMBERS, train_split, folds=2, verbose=0)
    with pytest.raises(ArgumentError, match="which is learned from all members"):
        select(committee, validation_split, method="best", count=1)


@pytest.mark.parametrize("penalty", [0, -1, float("nan"), "1"])
def test_bad_penalties_are_refused(penalty):
    with pytest.raises(ArgumentError, match="penalty must be above 0"):
        fit_stacking(np.full((1, 2, 2), 0.5), [0, 1], penalty)


def test_a_stack_is_resumed_where_it_was(train_split, tmp_path):
    first = stack(MEMBERS, train_split, folds=2, log_dir=tmp_path, verbose=0)
    assert {path.name for path in tmp_path.iterdir()} == {"fold-1", "fold-2", "all"}
    again = stack(MEMBERS, train_split, folds=2, log_dir=tmp_path, resume=True, verbose=0)
    assert again.rule == first.rule


def test_a_stack_killed_within_a_fold_goes_on_there(train_split, tmp_path):
    class Crash(keras.callbacks.Callback):
        epochs = 0

        def on_epoch_end(self, epoch, logs=None):
            Crash.epochs += 1
            if Crash.epochs == 3:  # the first of the second fold
                raise KeyboardInterrupt

    options = {"folds": 2, "epochs": 2, "verbose": 0}
    with pytest.raises(KeyboardInterrupt):
        stack(MEMBERS, train_split, log_dir=tmp_path, callbacks=[Crash()], **options)
    assert {path.name for path in tmp_path.iterdir()} == {"fold-1", "fold-2"}
    resumed = stack(MEMBERS, train_split, log_dir=tmp_path, resume=True, **options)
    whole = stack(MEMBERS, train_split, **options)
    assert resumed.rule == whole.rule
    for one, other in zip(resumed.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("folds", "error", "message"),
    [
        (1, ArgumentError, "count must be a whole number of 2 or more"),
        (40, DataError, "40 different images of every class"),
    ],
)
def test_folds_that_there_cannot_be_are_refused(train_split, folds, error, message):
    with pytest.raises(error, match=message):
        stack(MEMBERS, train_split, folds=folds, verbose=0)


def test_the_test_split_is_refused(test_split):
    with pytest.raises(DataError, match=r"must be training images\. Received: the test split"):
        stack(MEMBERS, test_split, verbose=0)


def test_a_class_without_images_is_named():
    with pytest.raises(DataError, match="no image of class 2"):
        fit_stacking(np.full((1, 2, 3), 1 / 3), [0, 1])
