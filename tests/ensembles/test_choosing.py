import numpy as np
import pytest

from zoo.augmentation.views import FlippedViews
from zoo.datasets.split import as_split
from zoo.ensembles import Committee, Member, Rule, calibrate, compare, select
from zoo.ensembles.combining.selection import best_members, greedy_selection, simplex_weights
from zoo.ensembles.measures.calibration import fit_temperature
from zoo.errors import ArgumentError, DataError
from zoo.recipes import Recipe


@pytest.fixture(scope="module")
def committee(train_split):
    def member(name, epochs):
        arguments = {} if name == "softmax" else {"hidden": (8,)}
        return Member(name, arguments, Recipe(learning_rate=0.1, batch_size=32, epochs=epochs))

    members = [member("softmax", 3), member("mlp", 2), member("bn_mlp", 1), member("softmax", 1)]
    committee = Committee(members, voting="soft", weights=(1, 2, 3, 4))
    committee.fit(train_split, verbose=0)
    return committee


def test_greedy_selection_weights_members_by_how_often_they_were_taken(
    committee, validation_split, test_split
):
    chosen = select(committee, validation_split, count=20)
    members = committee.member_probabilities(validation_split)
    counts = greedy_selection(members, validation_split.labels, rounds=20)
    assert chosen.rule == Rule("soft", tuple(counts[counts > 0].astype(float)))
    expected = np.tensordot(counts / counts.sum(), committee.member_probabilities(test_split), 1)
    np.testing.assert_allclose(chosen.predict(test_split), expected, atol=1e-6)


def test_simplex_weights_leave_out_members_without_weight(committee, validation_split):
    chosen = select(committee, validation_split, method="simplex")
    weights = simplex_weights(
        committee.member_probabilities(validation_split), validation_split.labels
    )
    assert len(chosen.members) == np.count_nonzero(weights)
    np.testing.assert_allclose(chosen.rule.weights, weights[weights > 0])


def test_the_best_keep_their_order_names_rule_and_weights(committee, validation_split):
    chosen = select(committee, validation_split, method="best", count=2)
    members = committee.member_probabilities(validation_split)
    kept = sorted(best_members(members, validation_split.labels, 2).tolist())
    assert chosen.member_names == tuple(committee.member_names[k] for k in kept)
    assert chosen.rule == Rule("soft", tuple(float(k + 1) for k in kept))
    assert [id(model) for model in chosen.members] == [id(committee.members[k]) for k in kept]


def test_the_chosen_know_how_good_they_are_on_validation(committee, validation_split, test_split):
    chosen = select(committee, validation_split)
    votes = chosen.votes(validation_split)
    expected = (votes == validation_split.labels).mean(axis=1)
    np.testing.assert_allclose(chosen.validation_accuracy, expected)
    assert chosen.report(test_split).chosen_on == "validation"


def test_the_old_committee_stays_as_it_was_and_the_new_one_is_saved(
    committee, validation_split, test_split, tmp_path
):
    before = committee.predict(test_split)
    chosen = select(committee, validation_split)
    np.testing.assert_array_equal(committee.predict(test_split), before)
    chosen.save(tmp_path / "a.keras")
    loaded = Committee.load(tmp_path / "a.keras")
    assert loaded.rule == chosen.rule
    np.testing.assert_array_equal(loaded.predict(test_split), chosen.predict(test_split))


@pytest.mark.parametrize("voting", ["soft", "geometric"])
def test_calibration_divides_logarithms_by_the_fitted_temperature(
    committee, validation_split, test_split, voting
):
    committee = committee.with_rule(voting)
    calibrated = calibrate(committee, validation_split)
    temperature = fit_temperature(committee.predict(validation_split), validation_split.labels)
    assert calibrated.rule.temperature == pytest.approx(temperature, rel=1e-4)
    plain, found = committee.predict(test_split), calibrated.predict(test_split)
    np.testing.assert_array_equal(plain.argmax(axis=1), found.argmax(axis=1))
    powers = plain.astype(float) ** (1 / temperature)
    np.testing.assert_allclose(found, powers / powers.sum(axis=1, keepdims=True), atol=1e-5)
    again = calibrate(calibrated, validation_split)
    assert again.rule.temperature == pytest.approx(temperature, rel=1e-4)


def test_a_temperature_can_be_that_of_views(committee, validation_split):
    found = calibrate(committee, validation_split, augmentation="flip").rule.temperature
    flipped = committee.predict(validation_split, augmentation="flip")
    assert found == pytest.approx(fit_temperature(flipped, validation_split.labels), rel=1e-4)
    assert found != pytest.approx(calibrate(committee, validation_split).rule.temperature)


@pytest.mark.parametrize("method", ["greedy", "simplex", "best"])
def test_members_can_be_chosen_by_views(committee, validation_split, method):
    count = 2 if method == "best" else None
    views = FlippedViews()
    chosen = select(committee, validation_split, method=method, count=count, augmentation=views)
    members = committee.member_probabilities(validation_split, augmentation="flip")
    plain = committee.member_probabilities(validation_split)
    assert abs(members - plain).max() > 0.01
    labels = validation_split.labels
    if method == "best":
        kept = sorted(best_members(members, labels, 2).tolist())
        assert chosen.member_names == tuple(committee.member_names[k] for k in kept)
    else:
        choose = greedy_selection if method == "greedy" else simplex_weights
        weights = choose(members, labels)
        np.testing.assert_allclose(chosen.rule.weights, weights[weights > 0])
        assert not np.allclose(weights, choose(plain, labels))
    right = (members.argmax(axis=-1) == labels).mean(axis=1)
    expected = [right[committee.member_names.index(name)] for name in chosen.member_names]
    np.testing.assert_allclose(chosen.validation_accuracy, expected)


@pytest.mark.parametrize("choose", [select, calibrate])
def test_other_augmentations_are_refused(committee, validation_split, choose):
    with pytest.raises(ArgumentError, match=r"augmentation must be a zoo\.Augmentation"):
        choose(committee, validation_split, augmentation="spin")


def test_votes_cannot_be_calibrated(committee, validation_split):
    with pytest.raises(ArgumentError, match=r"must give probabilities\. Received: 'majority'"):
        calibrate(committee.with_rule("majority"), validation_split)


@pytest.mark.parametrize("choose", [select, calibrate])
def test_the_test_split_is_refused(committee, test_split, choose):
    with pytest.raises(DataError, match=r"must be validation images\. Received: the test split"):
        choose(committee, test_split)


@pytest.mark.parametrize("choose", [select, calibrate])
def test_classes_in_another_order_are_refused(committee, validation_split, choose):
    names = validation_split.class_names[::-1]
    other = as_split(validation_split.images, 2 - validation_split.labels, class_names=names)
    with pytest.raises(DataError, match="in this order"):
        choose(committee, other)


@pytest.mark.parametrize("choose", [select, calibrate])
def test_images_that_members_were_trained_on_are_warned_of(committee, train_split, choose):
    with pytest.warns(UserWarning, match="^9 of these 9 images are training images") as warned:
        choose(committee, train_split.take(slice(9)))
    assert warned[0].filename == __file__


@pytest.mark.parametrize("choose", [select, calibrate])
def test_reports_say_that_images_chose_something(
    committee, validation_split, test_split, choose, tmp_path
):
    choose(committee, validation_split).save(tmp_path / "a.keras")
    chosen = Committee.load(tmp_path / "a.keras")
    report = chosen.report(validation_split)
    assert (report.tuned_on, report.trained_on) == (48, 0)
    told = "Caution: 48 of these 48 images chose something already"
    assert report.verdict().startswith(told)
    assert compare({"chosen": chosen}, validation_split).sentence().startswith(told)
    assert chosen.report(test_split).tuned_on == committee.report(validation_split).tuned_on == 0


def test_what_chose_is_asked_again_without_a_warning(committee, validation_split):
    assert calibrate(select(committee, validation_split), validation_split).rule.temperature


def test_arrays_are_taken_too(committee, validation_split):
    arrays = select(committee, validation_split.images, validation_split.labels)
    assert arrays.rule == select(committee, validation_split).rule


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"method": "all"}, "method must be one of greedy, simplex, best"),
        ({"method": "best"}, "count must be the number of members"),
        ({"method": "simplex", "count": 2}, "count must be the number of members"),
        ({"method": "best", "count": 5}, "count must be 4 or less"),
        ({"count": 0}, "rounds must be a whole number of 1"),
    ],
)
def test_arguments_without_use_are_refused(committee, validation_split, arguments, message):
    with pytest.raises(ArgumentError, match=message):
        select(committee, validation_split, **arguments)


def test_members_built_in_their_own_way_stay_so_under_another_rule(train_split, test_split):
    recipe = Recipe(batch_size=32, epochs=1, precision="mixed_bfloat16", standardize="mean_image")
    committee = Committee([Member("softmax", recipe=recipe), Member("mlp", recipe=recipe)])
    committee.fit(train_split, verbose=0)
    other = committee.with_rule("soft")
    assert other.members == committee.members
    expected = committee.member_probabilities(test_split)
    np.testing.assert_array_equal(other.member_probabilities(test_split), expected)


def test_the_same_members_under_another_rule(committee, test_split):
    other = committee.with_rule(Rule("majority"), members=[2, 0])
    assert other.member_names == ("bn_mlp", "softmax")
    assert test_split.count_among(other.trained_on) == 0
    with pytest.raises(ArgumentError, match="one number for each of the 4 members"):
        committee.with_rule(Rule("soft", (1, 2)))
