from dataclasses import dataclass

import keras
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

import zoo
from zoo.datasets.split import as_split
from zoo.ensembles import Committee, Member, select, stack, stacking
from zoo.ensembles.provenance import record_exposure
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


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory):
    return tmp_path_factory.mktemp("stack")


@pytest.fixture(scope="module")
def stacked(train_split, run_folder):
    """A stack of two folds, with its runs in a folder."""
    return stack(
        MEMBERS,
        train_split,
        folds=2,
        seed=4,
        log_dir=run_folder,
        verbose=0,
    )


@dataclass
class RecordedStack:
    """A stack, and what its folds did.

    Attributes:
        committee: The committee.
        judged: The digests of the images that the members of each fold judged.
        known: How many of these images the members had been trained on.
        learned_from: The probabilities from which the rule was learned.
    """

    committee: Committee
    judged: list
    known: list
    learned_from: list


@pytest.fixture(scope="module")
def recorded(train_split, validation_split):
    """A stack of two folds of the smallest member."""
    judged, known, learned_from = [], [], []
    plain = Committee.member_probabilities

    def member_probabilities(self, x, *arguments, **keywords):
        known.append(x.count_among(self.trained_on))
        if x is not validation_split:
            judged.append(x.digests)
        return plain(self, x, *arguments, **keywords)

    def fit(probabilities, labels, penalty, sample_weight):
        learned_from.append(probabilities)
        return fit_stacking(probabilities, labels, penalty, sample_weight)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Committee, "member_probabilities", member_probabilities)
        patch.setattr(stacking, "fit_stacking", fit)
        options = {"validation_data": validation_split, "epochs": 1, "verbose": 0}
        committee = stack(MEMBERS[0], train_split, folds=2, **options)
    return RecordedStack(committee, judged, known, learned_from)


def test_each_image_is_judged_by_members_that_were_not_trained_on_it(recorded, train_split):
    assert len(recorded.judged) == 2
    assert not any(recorded.known)
    assert recorded.committee.validation_accuracy is not None
    judged = np.sort(np.concatenate(recorded.judged))
    np.testing.assert_array_equal(judged, np.sort(train_split.digests))
    assert train_split.count_among(recorded.committee.trained_on) == len(train_split)


def test_the_rule_is_learned_from_the_probabilities_of_the_folds(recorded, train_split):
    (learned_from,) = recorded.learned_from
    for kept, held_out in train_split.fold_rows(2, seed=0):
        committee = Committee(MEMBERS[0])
        committee.fit(train_split.take(kept), epochs=1, verbose=0)
        expected = committee.member_probabilities(train_split.take(held_out))
        np.testing.assert_allclose(learned_from[:, held_out], expected, rtol=1e-5, atol=1e-6)


def test_the_rule_can_be_learned_from_views(train_split, monkeypatch):
    learned_from = []

    def fit(probabilities, *arguments):
        learned_from.append(probabilities)
        return fit_stacking(probabilities, *arguments)

    monkeypatch.setattr(stacking, "fit_stacking", fit)
    options = {"folds": 2, "epochs": 1, "verbose": 0}
    stack(MEMBERS[0], train_split, augmentation="flip", **options)
    for kept, held_out in train_split.fold_rows(2, seed=0):
        committee = Committee(MEMBERS[0])
        committee.fit(train_split.take(kept), epochs=1, verbose=0)
        images = train_split.take(held_out)
        expected = committee.member_probabilities(images, augmentation="flip")
        assert abs(expected - committee.member_probabilities(images)).max() > 0.01
        np.testing.assert_allclose(learned_from[0][:, held_out], expected, rtol=1e-5, atol=1e-6)


def test_another_augmentation_is_refused_before_the_training(train_split, monkeypatch):
    monkeypatch.setattr(Committee, "fit", None)
    with pytest.raises(ArgumentError, match=r"augmentation must be a zoo\.Augmentation"):
        stack(MEMBERS[0], train_split, folds=2, augmentation="spin")


def test_members_that_learn_by_heart_are_not_believed():
    """In-fold, an answer learned by heart is always right; out of fold, it is worth nothing."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (200, 6, 6, 1), dtype="uint8")
    noise, others = (
        as_split(images[part], np.arange(100) % 2) for part in (slice(100), slice(100, 200))
    )
    member = Member("mlp", {"hidden": (64,)}, Recipe("adam", 0.01, batch_size=32, epochs=40))
    committee = stack(member, noise, folds=3, verbose=0)
    own = committee.members[0].predict(others.images, verbose=0)
    assert own.max(axis=1).mean() > 0.8
    assert committee.predict(others).max(axis=1).mean() < 0.65
    in_fold = fit_stacking(committee.member_probabilities(noise), noise.labels)
    assert in_fold(own[None]).max(axis=1).mean() > 0.75


def test_a_stack_is_a_committee_like_others(stacked, test_split, tmp_path):
    assert stacked.member_names == ("softmax", "mlp")
    assert stacked.predict(test_split).argmax(axis=1).shape == (60,)
    assert stacked.report(test_split).voting == "stacking"
    stacked.save(tmp_path / "a.keras")
    loaded = Committee.load(tmp_path / "a.keras")
    assert loaded.rule == stacked.rule
    np.testing.assert_array_equal(loaded.predict(test_split), stacked.predict(test_split))


def test_built_models_which_learn_on_from_fold_to_fold_are_refused(train_split):
    model = zoo.build("softmax", input_shape=(6, 6, 1), num_classes=3)
    with pytest.raises(ArgumentError, match="each member is trained anew in every fold"):
        stack(["softmax", model], train_split, folds=2, verbose=0)


def test_a_stack_is_not_resampled(stacked, train_split):
    with pytest.raises(ArgumentError, match="resampling must be None with the rule 'stacking'"):
        stacked.fit(train_split, resampling="bootstrap", verbose=0)


def test_the_members_of_the_committee_are_trained_on_all_images(stacked, train_split):
    plain = Committee(MEMBERS, seed=4)
    plain.fit(train_split, verbose=0)
    for weights, expected in zip(stacked.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_array_equal(weights, expected)


def test_a_teacher_that_knows_images_of_the_folds_is_refused(train_split):
    teacher = zoo.build("softmax", input_shape=(6, 6, 1), num_classes=3)
    record_exposure([teacher], "trained_on", train_split.digests[:5])
    with pytest.raises(DataError, match="a teacher that was trained on 5 of these 100 images"):
        stack(MEMBERS, train_split, teacher=zoo.Teacher(teacher), verbose=0)


def test_members_of_a_stack_cannot_be_pruned(stacked, validation_split):
    with pytest.raises(ArgumentError, match="which is learned from all members"):
        select(stacked, validation_split, method="best", count=1)


@pytest.mark.parametrize("penalty", [0, -1, float("nan"), "1"])
def test_bad_penalties_are_refused(penalty):
    with pytest.raises(ArgumentError, match="penalty must be above 0"):
        fit_stacking(np.full((1, 2, 2), 0.5), [0, 1], penalty)
    with pytest.raises(ArgumentError, match="penalty must be above 0"):
        stack(["softmax"], None, penalty=penalty)  # before the images and the training


def test_a_stack_killed_within_a_fold_continues_there(
    stacked, train_split, run_folder, tmp_path, monkeypatch
):
    class Crash(keras.callbacks.Callback):
        epochs = 0

        def on_epoch_end(self, epoch, logs=None):
            Crash.epochs += 1
            if Crash.epochs == 3:  # the first epoch of the second fold
                raise KeyboardInterrupt

    assert {path.name for path in run_folder.iterdir()} == {"fold-1", "fold-2", "all"}
    options = {"folds": 2, "seed": 4, "log_dir": tmp_path, "verbose": 0}
    with pytest.raises(KeyboardInterrupt):
        stack(MEMBERS, train_split, **options, callbacks=[Crash()])
    assert {path.name for path in tmp_path.iterdir()} == {"fold-1", "fold-2"}
    monkeypatch.setenv("HOME", str(tmp_path.parent))
    in_home = options | {"log_dir": f"~/{tmp_path.name}"}
    resumed = stack(MEMBERS, train_split, **in_home, resume=True)
    assert {path.name for path in tmp_path.iterdir()} == {"fold-1", "fold-2", "all"}
    assert resumed.rule == stacked.rule
    for weights, expected in zip(resumed.get_weights(), stacked.get_weights(), strict=True):
        np.testing.assert_array_equal(weights, expected)


@pytest.mark.parametrize(
    ("number", "error", "message"),
    [
        (1, ArgumentError, "count must be a whole number of 2 or more"),
        (40, DataError, "at least 40 different images"),
    ],
)
def test_folds_that_cannot_be_made_are_refused(train_split, number, error, message):
    with pytest.raises(error, match=message):
        stack(MEMBERS, train_split, folds=number, verbose=0)


def test_the_test_split_is_refused(test_split):
    with pytest.raises(DataError, match=r"must be training images\. Received: the test split"):
        stack(MEMBERS, test_split, verbose=0)


def test_a_class_without_images_is_named():
    with pytest.raises(DataError, match="no image of class 2"):
        fit_stacking(np.full((1, 2, 3), 1 / 3), [0, 1])
