import keras
import numpy as np
import pytest

from zoo.datasets.split import Split, as_split
from zoo.ensembles import Committee, Member
from zoo.ensembles.combining.bagging import out_of_bag, resample
from zoo.ensembles.combining.voting import committee_probabilities
from zoo.ensembles.provenance import record_exposure
from zoo.errors import ArgumentError, DataError, RunError
from zoo.recipes import Recipe

QUICK = Recipe(learning_rate=0.1, batch_size=32, epochs=1)


def split_of(*labels):
    names = tuple(map(str, range(max(labels) + 1)))
    return Split("train", np.zeros((len(labels), 2, 2, 1), "uint8"), np.array(labels), names)


def test_bootstraps_draw_as_many_with_replacement_and_differ(train_split):
    drawn = resample(train_split, 20, "bootstrap", seed=3)
    for rows in drawn:
        assert len(rows) == len(train_split)
        assert 0 <= rows[0] <= rows[-1] < len(train_split)
        assert (np.diff(rows) >= 0).all()
    assert len({rows.tobytes() for rows in drawn}) == 20
    counts = np.mean([np.bincount(rows, minlength=len(train_split)) for rows in drawn], axis=0)
    assert abs(counts.mean() - 1) < 1e-9
    assert 0.4 < counts.min() < counts.max() < 2.2
    again = resample(train_split, 20, "bootstrap", seed=3)
    assert all((a == b).all() for a, b in zip(drawn, again, strict=True))
    other = resample(train_split, 20, "bootstrap", seed=4)
    assert not any((a == b).all() for a, b in zip(drawn, other, strict=True))


def test_a_bootstrap_that_misses_a_class_is_drawn_again():
    data = split_of(*[0] * 30, 1)
    plain = [np.random.default_rng([0, k]).integers(31, size=31) for k in range(30)]
    assert any(30 not in rows for rows in plain)
    assert all(30 in rows for rows in resample(data, 30, "bootstrap"))


def test_classes_without_images_are_not_waited_for():
    data = Split("train", np.zeros((4, 2, 2, 1), "uint8"), np.array([0, 0, 2, 2]), ("a", "b", "c"))
    assert len(resample(data, 2, "bootstrap")) == 2


def test_bootstraps_that_cannot_have_all_classes_are_refused():
    with pytest.raises(DataError, match="must have images of all 12 classes"):
        resample(split_of(*range(12)), 1, "bootstrap")


def test_folds_leave_each_image_out_once(train_split):
    drawn = resample(train_split, 4, "folds")
    left_out = [np.setdiff1d(np.arange(len(train_split)), rows) for rows in drawn]
    assert sorted(np.concatenate(left_out).tolist()) == list(range(len(train_split)))
    for rows in left_out:
        assert np.ptp(np.bincount(train_split.labels[rows])) <= 1


@pytest.mark.parametrize(
    ("resampling", "members", "message"),
    [
        ("jackknife", 2, "resampling must be one of order, bootstrap, folds"),
        ("folds", 1, "members must be 2 or more"),
    ],
)
def test_other_resampling_is_refused(train_split, resampling, members, message):
    with pytest.raises(ArgumentError, match=message):
        resample(train_split, members, resampling)


@pytest.mark.parametrize("voting", ["majority", "soft", "geometric"])
@pytest.mark.parametrize("weights", [None, (2, 1, 0, 1)])
def test_out_of_bag_is_each_image_by_those_that_have_not_seen_it(voting, weights):
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.ones(3), (4, 50))
    rows = [np.sort(rng.integers(50, size=50)) for _ in range(4)]
    images, combined = out_of_bag(probabilities, rows, voting, weights)
    expected = {}
    for image in range(50):
        kept = [k for k in range(4) if image not in rows[k] and (weights is None or weights[k])]
        if kept:
            own = None if weights is None else [weights[k] for k in kept]
            combined_here = committee_probabilities(probabilities[kept][:, [image]], voting, own)
            expected[image] = combined_here[0]
    assert images.tolist() == list(expected)
    np.testing.assert_array_equal(combined, np.stack(list(expected.values())))


def test_images_that_all_have_seen_are_left_out():
    images, combined = out_of_bag(np.full((2, 3, 2), 0.5), [np.array([0, 1]), np.array([0, 2])])
    assert images.tolist() == [1, 2]
    assert combined.shape == (2, 2)


SOFTMAX = Member("softmax", recipe=QUICK)


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory):
    return tmp_path_factory.mktemp("bootstrap") / "run"


@pytest.fixture(scope="module")
def bootstrapped(train_split, run_folder):
    """A committee whose members drew their images, with its run in a folder."""
    committee = Committee(SOFTMAX, copies=2, seed=5)
    committee.fit(train_split, resampling="bootstrap", log_dir=run_folder, verbose=0)
    return committee


def test_each_member_is_trained_on_its_own_images(train_split, bootstrapped):
    rows = resample(train_split, 2, "bootstrap", seed=5)
    for index, model in enumerate(bootstrapped.members):
        alone = Committee(SOFTMAX, seed=5 + index)
        alone.fit(train_split.take(rows[index]), verbose=0)
        for weights, expected in zip(model.get_weights(), alone.get_weights(), strict=True):
            np.testing.assert_allclose(weights, expected, rtol=1e-5, atol=1e-6)


def test_the_out_of_bag_score_is_of_unseen_images():
    """Labels that mean nothing are learned by heart, and not known out of bag."""
    rng = np.random.default_rng(0)
    noise = as_split(rng.integers(0, 256, (60, 6, 6, 1), dtype="uint8"), np.arange(60) % 2)
    by_heart = Member("mlp", {"hidden": (64,)}, Recipe("adam", 0.01, batch_size=60, epochs=60))
    committee = Committee(by_heart, copies=3)
    committee.fit(noise, resampling="bootstrap", verbose=0)
    assert (committee.predict(noise).argmax(axis=-1) == noise.labels).mean() > 0.8
    assert 30 <= committee.out_of_bag.n <= 60
    assert committee.out_of_bag.low < 0.5 < committee.out_of_bag.high


def test_a_copy_of_a_learned_image_is_not_out_of_bag():
    images = np.zeros((30, 6, 6, 1), "uint8")
    images[0] = 9  # all others are the same, and no bootstrap misses them
    data = as_split(images, np.arange(30) % 2)
    assert [0 in rows for rows in resample(data, 2, "bootstrap", seed=2)] == [False, True]
    committee = Committee(SOFTMAX, copies=2, seed=2)
    committee.fit(data, resampling="bootstrap", verbose=0)
    assert committee.out_of_bag.n == 1


def test_the_out_of_bag_score_is_saved_and_forgotten_by_other_training(train_split, tmp_path):
    class Crash(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            raise KeyboardInterrupt

    committee = Committee(SOFTMAX, copies=2)
    options = {"resampling": "folds", "log_dir": tmp_path / "run", "verbose": 0}
    with pytest.raises(KeyboardInterrupt):
        committee.fit(train_split, callbacks=[Crash()], **options)
    # What the interrupted training learned was each member's own, too.
    committee.fit(train_split, resume=True, **options)
    assert committee.out_of_bag.n == len(train_split)
    committee.save(tmp_path / "a.keras")
    assert Committee.load(tmp_path / "a.keras").out_of_bag == committee.out_of_bag
    committee.fit(train_split, together=False, verbose=0)
    assert committee.out_of_bag is None


def test_members_that_may_know_all_images_have_no_out_of_bag_score(train_split, built_model):
    models = [built_model("a"), built_model("b")]
    committee = Committee(models)
    options = {"epochs": 1, "batch_size": 32, "resampling": "bootstrap", "verbose": 0}
    committee.fit(train_split, **options)
    assert committee.out_of_bag is None  # nobody knows what a built model learned before
    record_exposure(models, "trained_on", train_split.digests)
    committee.fit(train_split, **options)
    assert committee.out_of_bag is None


def test_an_order_of_its_own_is_another_training_of_the_same_images(train_split):
    def weights(resampling):
        committee = Committee(SOFTMAX, copies=2, seed=3)
        committee.fit(train_split, resampling=resampling, verbose=0)
        assert committee.out_of_bag is None
        return [model.get_weights()[0] for model in committee.members]

    shared, own = weights(None), weights("order")
    np.testing.assert_allclose(own[0], shared[0], rtol=1e-5, atol=1e-6)
    assert not np.allclose(own[1], shared[1])


def test_members_with_their_own_images_do_not_train_together(train_split):
    committee = Committee(SOFTMAX, copies=2)
    with pytest.raises(ArgumentError, match="softmax and softmax_2 differ in their own images"):
        committee.fit(train_split, resampling="bootstrap", together=True, verbose=0)


def test_a_resampled_run_is_resumed_with_the_same_images_only(
    train_split, bootstrapped, run_folder
):
    def resume(resampling):
        committee = Committee(SOFTMAX, copies=2, seed=5)
        options = {"log_dir": run_folder, "resume": True, "verbose": 0}
        committee.fit(train_split, resampling=resampling, **options)
        return committee.get_weights()

    for weights, expected in zip(resume("bootstrap"), bootstrapped.get_weights(), strict=True):
        np.testing.assert_array_equal(weights, expected)
    with pytest.raises(RunError, match="own images"):
        resume("folds")
