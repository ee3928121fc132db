from dataclasses import replace

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
from zoo.training.distillation import Teacher

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
    """A committee whose members drew their images, apart, with its run in a folder."""
    committee = Committee(SOFTMAX, copies=2, seed=5)
    options = {"together": False, "log_dir": run_folder, "verbose": 0}
    committee.fit(train_split, resampling="bootstrap", **options)
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


ALL_AT_ONCE = Recipe("adam", 0.01, batch_size=200, epochs=4)


@pytest.fixture(scope="module")
def whole_data(train_split):
    """Images with weights and with label shares."""
    rng = np.random.default_rng(6)
    shares = rng.dirichlet(np.ones(3), len(train_split))
    weights = rng.uniform(0.5, 2, len(train_split)).astype("float32")
    return replace(train_split, sample_weight=weights, label_shares=shares.astype("float32"))


@pytest.mark.parametrize("resampling", ["bootstrap", "folds"])
@pytest.mark.parametrize(
    "changes",
    [{}, {"class_weight": "balanced"}, {"targets": "shares"}, {"standardize": "mean_image"}],
)
def test_counts_as_weights_are_the_drawn_images_where_a_batch_holds_all(
    whole_data, resampling, changes
):
    member = Member("lasso_mlp", {"hidden": (5,)}, replace(ALL_AT_ONCE, **changes))

    def train(together):
        committee = Committee(member, copies=3, seed=4)
        history = committee.fit(whole_data, resampling=resampling, together=together, verbose=0)
        return committee, history.history

    (shared, scores), (apart, expected) = train(True), train(False)
    for weights, others in zip(shared.get_weights(), apart.get_weights(), strict=True):
        np.testing.assert_allclose(weights, others, rtol=1e-4, atol=1e-5)
    assert shared.out_of_bag == apart.out_of_bag
    for key in ("lasso_mlp_loss", "lasso_mlp_3_loss", "lasso_mlp_2_accuracy"):
        np.testing.assert_allclose(scores[key], expected[key], rtol=1e-4)


def test_a_teacher_teaches_each_member_by_its_own_images(train_split, trained_committee):
    def train(together):
        committee = Committee(Member("softmax", recipe=ALL_AT_ONCE), copies=2)
        options = {"resampling": "bootstrap", "teacher": Teacher(trained_committee), "verbose": 0}
        committee.fit(train_split, together=together, **options)
        return committee.get_weights()

    for weights, expected in zip(train(True), train(False), strict=True):
        np.testing.assert_allclose(weights, expected, rtol=1e-4, atol=1e-5)


def test_a_member_in_shared_batches_learns_what_keras_would_teach_it_with_counts_as_weights(
    train_split,
):
    committee = Committee(SOFTMAX, copies=2, seed=5)
    committee.fit(train_split, resampling="bootstrap", verbose=0)
    rows = resample(train_split, 2, "bootstrap", seed=5)[1]
    weights = np.bincount(rows, minlength=len(train_split)).astype("float32")
    model = SOFTMAX.build((6, 6, 1), 3, seed=6)
    model.compile(
        QUICK.make_optimizer(4 * QUICK.epochs), "sparse_categorical_crossentropy", jit_compile=False
    )
    data = replace(train_split, sample_weight=weights)
    batches = data.batches(QUICK.batch_size, shuffle=True, seed=5, epochs=QUICK.epochs)
    model.fit(batches, epochs=QUICK.epochs, steps_per_epoch=4, shuffle=False, verbose=0)
    for found, expected in zip(
        committee.members[1].get_weights(), model.get_weights(), strict=True
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("resampling", ["bootstrap", "folds"])
def test_images_that_a_member_leaves_out_teach_it_nothing(train_split, resampling):
    def train(data):
        committee = Committee(Member("mlp", {"hidden": (5,)}, QUICK), copies=2, seed=5)
        history = committee.fit(data, resampling=resampling, epochs=1, verbose=0)
        return committee.members[1].get_weights(), history.history["mlp_2_accuracy"]

    rows = resample(train_split, 2, resampling, seed=5)[1]
    left_out = np.setdiff1d(np.arange(len(train_split)), rows)
    images = train_split.images.copy()
    images[left_out] = 255 - images[left_out]
    (weights, accuracy), (others, same) = (
        train(train_split),
        train(as_split(images, train_split.labels, class_names=train_split.class_names)),
    )
    for found, expected in zip(weights, others, strict=True):
        np.testing.assert_array_equal(found, expected)
    assert accuracy == same


def test_batch_normalisation_sees_no_image_that_a_member_leaves_out(train_split, capsys):
    members = [Member("bn_mlp", {"hidden": (4, 4)}, QUICK), SOFTMAX, SOFTMAX]
    committee = Committee(members, seed=5)
    history = committee.fit(train_split, resampling="folds", epochs=1)
    printed = " ".join(capsys.readouterr().err.split())
    assert (
        printed.count("Not trained on the same batches as bn_mlp: softmax, softmax_2 (batch") == 1
    )
    assert history.seconds["softmax"] == history.seconds["softmax_2"]  # trained together
    alone = Committee(members[0], seed=5)
    rows = resample(train_split, 3, "folds", seed=5)[0]
    alone.fit(train_split.take(rows), epochs=1, verbose=0)
    for weights, expected in zip(
        committee.members[0].get_weights(), alone.members[0].get_weights(), strict=True
    ):
        np.testing.assert_allclose(weights, expected, rtol=1e-5, atol=1e-6)
    with pytest.raises(ArgumentError, match="bn_mlp and softmax differ in their own images"):
        committee.fit(train_split, resampling="bootstrap", together=True, verbose=0)


def test_members_with_an_order_of_their_own_do_not_train_together(train_split):
    committee = Committee(SOFTMAX, copies=2)
    with pytest.raises(ArgumentError, match="softmax and softmax_2 differ in their own images"):
        committee.fit(train_split, resampling="order", together=True, verbose=0)


def test_a_run_of_bags_in_shared_batches_is_resumed(train_split, tmp_path):
    def train(epochs, **options):
        committee = Committee(SOFTMAX, copies=2, seed=5)
        options = {"epochs": epochs, "resampling": "bootstrap", "verbose": 0, **options}
        committee.fit(train_split, **options)
        return committee

    train(1, log_dir=tmp_path / "run")
    resumed = train(2, log_dir=tmp_path / "run", resume=True)
    for weights, expected in zip(resumed.get_weights(), train(2).get_weights(), strict=True):
        np.testing.assert_allclose(weights, expected, rtol=1e-5, atol=1e-6)


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
