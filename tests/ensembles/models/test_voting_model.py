"""What a committee computes: probabilities, votes, decisions, also by test-time augmentation."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import zoo
from zoo.augmentation.views import AugmentedViews, TenCropViews
from zoo.ensembles import Committee, Rule, compare
from zoo.ensembles.combining.voting import committee_probabilities, majority_vote, soft_vote
from zoo.errors import ArgumentError, DataError


def test_predict_decides_like_the_vote(trained_committee, test_split):
    probabilities = trained_committee.member_probabilities(test_split)
    votes = trained_committee.votes(test_split)
    expected = majority_vote(votes, 3, probabilities=probabilities)
    predicted = trained_committee.predict(test_split.images)
    assert predicted.dtype == np.float32
    np.testing.assert_allclose(predicted.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_array_equal(predicted.argmax(axis=1), expected)


def test_soft_voting_is_the_mean(trained_committee, test_split):
    soft = Committee(list(trained_committee.members), voting="soft", weights=[1, 2, 3])
    expected = soft_vote(trained_committee.member_probabilities(test_split), weights=[1, 2, 3])
    np.testing.assert_allclose(soft.predict(test_split), expected, rtol=1e-6)


def test_the_committee_is_a_layer_like_any_other(trained_committee, test_split):
    images = test_split.images[:5]
    called = trained_committee(images, training=False)
    np.testing.assert_allclose(called, trained_committee.predict(images), rtol=1e-6)


def test_the_soft_probabilities_of_a_vote_are_the_weighted_mean(trained_committee, test_split):
    committee = trained_committee.with_rule(Rule("majority", (2, 1, 1)))
    expected = soft_vote(committee.member_probabilities(test_split), (2, 1, 1))
    found = committee.soft_probabilities(test_split.images)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_a_big_batch_and_a_small_batch_give_the_same(trained_committee, test_split):
    small = trained_committee.member_probabilities(test_split, batch_size=7)
    big = trained_committee.member_probabilities(test_split)
    np.testing.assert_allclose(small, big, rtol=1e-5, atol=1e-6)


def test_pixels_must_be_uint8(trained_committee, test_split):
    for act in (
        trained_committee.predict,
        trained_committee.votes,
        lambda x: trained_committee.report(x, test_split.labels),
    ):
        with pytest.raises(DataError, match=r"uint8.*float64"):
            act(test_split.images / 255)
    with pytest.raises(DataError, match="uint8"):
        trained_committee.predict([[1, 2], [3, 4]])


def test_predict_holds_the_members_answers_for_one_batch_only(
    trained_committee, test_split, monkeypatch
):
    expected, sizes = trained_committee.predict(test_split), []
    combine = trained_committee._answers
    monkeypatch.setattr(
        trained_committee, "_answers", lambda part: sizes.append(len(part)) or combine(part)
    )
    predicted = trained_committee.predict(test_split, batch_size=7)
    np.testing.assert_allclose(predicted, expected, atol=1e-6)
    assert max(sizes) == 7
    assert sum(sizes) == len(test_split)


def test_datasets_of_batches_are_predicted_too(trained_committee, test_split):
    batches = test_split.batches(7).map(lambda images, labels: images)
    expected = trained_committee.predict(test_split)
    np.testing.assert_allclose(trained_committee.predict(batches), expected, rtol=1e-6)


def test_every_question_takes_every_container(trained_committee, test_split):
    import tensorflow as tf

    x, y = test_split.images, test_split.labels
    expected = trained_committee.member_probabilities(x)
    report = trained_committee.report(test_split).to_dict()
    floats = tf.data.Dataset.from_tensor_slices((x.astype("float32"), y))
    for given in (test_split, (x, y), list(x), floats, floats.batch(7), test_split.batches(16)):
        found = trained_committee.member_probabilities(given)
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(trained_committee.votes(given), expected.argmax(axis=-1))
        probabilities = trained_committee.predict(given)
        np.testing.assert_array_equal(
            probabilities.argmax(axis=1), trained_committee.predict(x).argmax(axis=1)
        )
        if not isinstance(given, list):
            judged = trained_committee.report(given).to_dict()
            assert judged["members"] == report["members"]


def test_a_dataset_of_other_class_names_is_refused(trained_committee, test_split):
    dataset = test_split.batches(16)
    dataset.class_names = ["right", "left", "top"]  # as Keras sets it
    with pytest.raises(DataError, match=r"in this order: left, right, top\. Received: right"):
        trained_committee.report(dataset)


def test_a_dataset_of_shares_is_refused_as_the_array_is(trained_committee, test_split):
    import tensorflow as tf

    shares = tf.data.Dataset.from_tensor_slices(test_split.images / 255).batch(8)
    for act in (
        trained_committee.predict,
        trained_committee.votes,
        lambda x: trained_committee.predict(x, verbose=1),
        lambda x: trained_committee.predict(x, times=3, augmentation=zoo.Augmentation()),
    ):
        with pytest.raises(DataError, match=r"\(images \* 255\)\.round"):
            act(shares)


def test_steps_take_a_part_of_an_endless_dataset(trained_committee, test_split):
    endless = test_split.batches(20).repeat()
    expected = trained_committee.predict(test_split)
    found = trained_committee.predict(endless, steps=4)
    np.testing.assert_allclose(found, np.concatenate([expected, expected[:20]]), rtol=1e-5)
    with pytest.raises(DataError, match="have an end"):
        trained_committee.predict(endless)


def test_keras_shows_its_progress_over_arrays(trained_committee, test_split, capsys):
    found = trained_committee.predict(test_split, batch_size=20, verbose=1)
    assert "3/3" in capsys.readouterr().out
    np.testing.assert_allclose(found, trained_committee.predict(test_split), rtol=1e-5)
    found = trained_committee.predict(test_split.batches(20), verbose=1)
    np.testing.assert_allclose(found, trained_committee.predict(test_split), rtol=1e-5)
    with pytest.raises(DataError, match="may have no end"):
        trained_committee.predict(iter(test_split.batches(20)), verbose=1)


def test_images_of_another_shape_are_refused(trained_committee):
    with pytest.raises(DataError, match=r"\(6, 6, 1\).*Received: shape \(2, 5, 6, 1\)"):
        trained_committee.predict(np.zeros((2, 5, 6, 1), "uint8"))
    with pytest.raises(DataError, match="one image or more"):
        trained_committee.votes(np.zeros((0, 6, 6, 1), "uint8"))


# --- models of other origin ---------------------------------------------------------------


def test_trained_models_of_any_origin_vote_without_fit(test_split, built_model):
    registered = zoo.build("softmax", input_shape=(6, 6, 1), num_classes=3)
    committee = Committee([built_model("mine"), registered])
    assert committee.votes(test_split).shape == (2, 60)
    assert committee.report(test_split).chosen_on == "these images"
    few = committee.report(test_split.images[:2], [0, 1])  # no image of the third class
    assert few.class_names == ("0", "1", "2")


def test_another_number_of_classes_is_refused(test_split, built_model):
    committee = Committee([built_model("mine", outputs=4)])
    with pytest.raises(DataError, match=r"the 4 classes.* Received: 3 classes, left, right, top"):
        committee.report(test_split)


def test_a_committee_can_be_a_member_of_a_committee(trained_committee, test_split, built_model):
    nested = Committee([trained_committee, built_model("mine")])
    expected = trained_committee.predict(test_split)
    np.testing.assert_allclose(nested.member_probabilities(test_split)[0], expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"outputs": 4}, "other must be given images of 4 classes. Received: 3"),
        ({"shape": (5, 6, 1)}, "other must be given images of .height"),
        ({"activation": None}, "other must give probabilities.*logits"),
        ({"outputs": 1, "activation": "sigmoid"}, "2 classes or more"),
    ],
)
def test_members_that_do_not_fit_each_other_are_refused(built_model, arguments, message):
    with pytest.raises(ArgumentError, match=message):
        Committee([built_model("mine"), built_model("other", **arguments)])


def test_a_committee_that_keras_asks_before_it_is_built_can_still_be_trained(train_split):
    committee = Committee(["softmax"])
    for ask in (committee, committee.load_weights):
        with pytest.raises(ArgumentError, match=r"members must be built.*Call fit first"):
            ask(train_split.images[:2])
    committee.fit(train_split, epochs=1, verbose=0)
    assert committee.predict(train_split.images[:2]).shape[0] == 2


def test_models_without_a_fixed_input_shape_are_refused(built_model):
    class Other(keras.Model):
        def call(self, inputs):
            return inputs

    with pytest.raises(ArgumentError, match="must have a fixed input shape"):
        Committee([built_model("mine"), Other()])


# --- test-time augmentation ---------------------------------------------------------------


def test_test_time_augmentation_is_the_mean_over_views_of_the_image(trained_committee, test_split):
    flips, committee = zoo.Augmentation(horizontal_flip=True), trained_committee
    plain = committee.member_probabilities(test_split)
    flipped = committee.member_probabilities(test_split.images[:, :, ::-1])
    found = committee.member_probabilities(test_split, augmentation=flips, times=5, seed=1)
    # Each of the four random views is the image or its mirror image.
    differs = np.abs(flipped - plain) > 1e-3
    share = 5 * (found - plain)[differs] / (flipped - plain)[differs]
    assert np.abs(share - share.round()).max() < 0.05
    assert {0, 1, 2, 3, 4} >= set(share.round().astype(int).tolist()) > {0}
    views = AugmentedViews(flips, count=5, seed=1)
    np.testing.assert_array_equal(
        found, committee.member_probabilities(test_split, augmentation=views)
    )
    other = committee.member_probabilities(test_split, augmentation=flips, times=5, seed=2)
    assert not np.allclose(found, other)


def test_the_committee_votes_on_the_means_over_all_views(trained_committee, test_split):
    shifts = zoo.Augmentation(width_shift_range=0.2)
    members = trained_committee.member_probabilities(test_split, augmentation=shifts, times=3)
    for voting in ("majority", "soft", "geometric"):
        committee = trained_committee.with_rule(Rule(voting, (2, 1, 1)))
        expected = committee_probabilities(members, voting, (2, 1, 1))
        found = committee.predict(test_split, augmentation=shifts, times=3)
        np.testing.assert_array_equal(found, expected)
    report = committee.report(test_split, augmentation=shifts, times=3)
    right = (expected.argmax(axis=-1) == test_split.labels).mean()
    assert report.committee.accuracy.value == pytest.approx(right)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"augmentation": zoo.Augmentation(), "times": 1}, r"times .* whole number of 2 or more"),
        ({"augmentation": zoo.Augmentation(), "seed": -1}, "seed must be a whole number"),
        ({"augmentation": "flips"}, "augmentation must be a zoo.Augmentation, .* 'flips'"),
        ({"augmentation": "flip", "times": 4}, "times and seed must be None beside 'flip'"),
        ({"times": 4}, "augmentation must be given beside times and seed"),
        ({"augmentation": "flip", "callbacks": []}, "callbacks must be left out with augm"),
        ({"augmentation": zoo.Augmentation(cutmix=1)}, "mixup and cutmix must be 0 for test-time"),
    ],
)
def test_arguments_of_test_time_augmentation_are_checked(
    trained_committee, test_split, arguments, message
):
    with pytest.raises(ArgumentError, match=message):
        trained_committee.predict(test_split, **arguments)


def test_views_of_the_first_batches_of_an_endless_dataset(trained_committee, test_split):
    images = tf.data.Dataset.from_tensor_slices(test_split.images).repeat().batch(5)
    answers = trained_committee.predict(images, steps=2, augmentation="flip")
    expected = trained_committee.predict(test_split.images[:10], augmentation="flip")
    np.testing.assert_allclose(answers, expected, atol=1e-6)


def test_by_flips_a_mirrored_image_gets_the_same_answer(trained_committee, test_split):
    mirrored = np.ascontiguousarray(test_split.images[:, :, ::-1])
    options = {"batch_size": 7, "augmentation": "flip"}
    answers = trained_committee.predict(test_split.images, **options)
    np.testing.assert_array_equal(answers, trained_committee.predict(mirrored, **options))
    plain = trained_committee.predict(test_split.images)
    assert not np.allclose(plain, trained_committee.predict(mirrored))
    whole = trained_committee.member_probabilities(test_split, augmentation="flip")
    both = [trained_committee.member_probabilities(x) for x in (test_split.images, mirrored)]
    np.testing.assert_allclose(whole, np.mean(both, axis=0), atol=1e-6)


def test_ten_crops_are_the_same_each_time_and_for_every_size_of_batches(
    trained_committee, test_split
):
    answers = trained_committee.predict(test_split, augmentation="ten_crop")
    again = trained_committee.predict(test_split, batch_size=7, augmentation="ten_crop")
    np.testing.assert_allclose(answers, again, atol=1e-3)
    images = test_split.images[:5]
    crops = TenCropViews().crops(images)
    expected = np.mean([trained_committee.member_outputs(crop) for crop in crops], axis=0)
    found = trained_committee.member_probabilities(images, augmentation="ten_crop")
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"augmentation": "flip"}, "each image and its mirror image"),
        ({"augmentation": "ten_crop"}, "ten crops of each image, with 0.875 of its sides"),
        ({"augmentation": TenCropViews(0.9)}, "ten crops of each image, with 0.9 of its sides"),
        (
            {"augmentation": zoo.Augmentation(90), "times": 3},
            "each image and 2 random transforms of it",
        ),
        (
            {"augmentation": zoo.Augmentation(90), "times": 2},
            "each image and 1 random transform of it",
        ),
    ],
)
def test_reports_name_their_views_in_every_form(trained_committee, test_split, arguments, words):
    report = trained_committee.report(test_split, **arguments)
    assert report.to_dict()["views"] == words
    sentence = f"Each answer is the mean of the answers about {words}; validation accuracies and"
    for text in (report.verdict(), report.to_markdown(), report.to_html()):
        assert sentence in text
    assert (
        sentence
        in trained_committee.with_rule("soft", members=[0])
        .report(test_split, **arguments)
        .verdict()
    )
    assert sentence in compare(trained_committee, test_split, **arguments).sentence()
    plain = trained_committee.report(test_split)
    assert plain.to_dict()["views"] == ""
    assert "Each answer" not in plain.verdict()


def test_pictures_are_classified_by_views_too(trained_committee, test_split):
    answers = trained_committee.classify(test_split, augmentation="flip")
    expected = trained_committee.predict(test_split, augmentation="flip").max(axis=1)
    found = [answer.probability for answer in answers]
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_answers_agree_with_predictions_and_votes(trained_committee, test_split, tmp_path):
    answers = trained_committee.classify(test_split)
    probabilities = trained_committee.predict(test_split)
    decisions, names = probabilities.argmax(axis=1), test_split.class_names
    assert [answer.class_name for answer in answers] == [names[k] for k in decisions]
    found = [answer.probability for answer in answers]
    np.testing.assert_allclose(found, probabilities.max(axis=1), atol=1e-3)
    agreeing = [[*answer.votes.values()].count(answer.class_name) for answer in answers]
    np.testing.assert_allclose(found, np.divide(agreeing, len(trained_committee.members)))
    for member, votes in zip(
        trained_committee.member_names, trained_committee.votes(test_split), strict=True
    ):
        assert [answer.votes[member] for answer in answers] == [names[k] for k in votes]
    path = tmp_path / "first.png"
    Image.fromarray(test_split.images[0][..., 0]).save(path)
    for picture in (path, str(path), [path], tmp_path, f"{tmp_path}/*.png"):
        (answer,) = trained_committee.classify(picture)
        assert (answer.source, answer.votes) == (path, answers[0].votes)


@pytest.mark.filterwarnings("default:.*cannot be read")
def test_pictures_that_cannot_be_read_have_no_answer(trained_committee, tmp_path):
    (tmp_path / "broken.png").write_bytes(b"no picture")
    assert trained_committee.classify(tmp_path, on_error="skip") == []
    with pytest.raises(DataError, match=r"broken\.png"):
        trained_committee.classify(tmp_path)


def test_a_model_without_class_names_answers_with_their_numbers(built_model):
    (answer,) = Committee([built_model("plain")]).classify(np.zeros((6, 6), "uint8"))
    assert answer.class_name in "012"
    assert answer.votes == {"plain": answer.class_name}
