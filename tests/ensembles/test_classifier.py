import copy
import pickle
import pickletools
from dataclasses import replace
from types import MappingProxyType

import joblib
import keras
import numpy as np
import pytest
import tensorflow as tf
from joblib.externals import loky
from sklearn.base import clone, is_classifier
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_wine
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import (
    check_classifiers_classes,
    check_classifiers_one_label,
    check_classifiers_train,
    check_methods_sample_order_invariance,
    check_methods_subset_invariance,
    parametrize_with_checks,
)

import zoo
from zoo.ensembles import Committee, CommitteeClassifier, Member
from zoo.ensembles.combining.voting import vote_shares
from zoo.errors import ArgumentError, DataError

SMALL = Member("mlp", {"hidden": (8,)}, zoo.Recipe(learning_rate=0.5, batch_size=16, epochs=8))


def quick(members=("softmax",), **parameters):
    """A classifier that is trained in less than a second."""
    settings = {"learning_rate": 0.1, "batch_size": 16, "epochs": 8, "random_state": 0}
    return CommitteeClassifier(members, **{**settings, **parameters})


def pair(**parameters):
    """A committee of two, which are often of two minds."""
    return quick(("softmax", SMALL), **{"learning_rate": None, **parameters})


def blobs(n=90, seed=0):
    """A table of three classes that a line can tell apart."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 3
    return rng.normal(size=(n, 2)) + 6 * np.array([[0, 0], [1, 0], [0, 1]])[y], y


# --- scikit-learn's own checks -------------------------------------------------------------


# The order of the images decides what is in a batch, and float32 keeps 7 digits: a test in
# test_sample_weight.py compares weights with repeated images, in a single batch.
@parametrize_with_checks(
    [quick(voting="soft")],
    expected_failed_checks=lambda _: {
        "check_sample_weight_equivalence_on_dense_data": "batches depend on the order of the rows"
    },
)
def test_checks_of_scikit_learn(estimator, check):
    check(estimator)


@pytest.mark.parametrize(
    "check",
    [  # the checks that look at answers
        check_classifiers_classes,
        check_classifiers_one_label,
        check_classifiers_train,
        check_methods_sample_order_invariance,
        check_methods_subset_invariance,
    ],
)
def test_checks_of_scikit_learn_for_hard_votes_of_two_copies(check):
    check("CommitteeClassifier", quick("softmax", copies=2))


def test_check_that_scikit_learn_skips_unless_a_process_starts_with_the_array_api(fresh_process):
    assert fresh_process["array_api"]


# --- what it decides -----------------------------------------------------------------------


def test_it_is_the_committee_with_that_seed(train_split, test_split):
    classifier = quick([SMALL, "softmax"], weights=[2, 1], learning_rate=0.1)
    classifier.fit(train_split.images, train_split.labels)
    recipe = replace(SMALL.recipe, learning_rate=0.1)
    default = zoo.describe("softmax").recipe
    softmax = replace(default, learning_rate=0.1, batch_size=16, epochs=8)
    committee = Committee(
        [replace(SMALL, recipe=recipe), Member("softmax", recipe=softmax)],
        weights=[2, 1],
        seed=classifier.committee_.seed,
    )
    committee.fit(train_split.images, train_split.labels, verbose=0)
    expected = committee.predict(test_split)
    np.testing.assert_array_equal(classifier.predict_proba(test_split.images), expected)
    np.testing.assert_array_equal(classifier.predict(test_split.images), expected.argmax(axis=1))


def test_images_are_standardised_each_for_itself_and_rows_of_a_table_are_not(train_split):
    X, y = blobs()
    table = quick().fit(X, y)
    images = quick(epochs=1).fit(train_split.images, train_split.labels)
    own = Member("softmax", recipe=zoo.Recipe(standardize="per_image"))
    asked = quick(own, epochs=1).fit(X, y)
    models = [fitted.committee_.members[0].layers for fitted in (table, images, asked)]
    standardised = [
        any(type(layer).__name__ == "PerImageStandardization" for layer in layers)
        for layers in models
    ]
    assert standardised == [False, True, True]


def test_without_members_a_small_table_is_learned():
    X, y = load_wine(return_X_y=True)
    classifier = make_pipeline(StandardScaler(), CommitteeClassifier(random_state=0))
    assert classifier.fit(X[::2], y[::2]).score(X[1::2], y[1::2]) > 0.9
    assert classifier[-1].committee_.member_names == ("bn_mlp", "lasso_mlp", "deep_mlp")


def test_copies_of_one_member():
    assert len(quick("softmax", copies=3, epochs=1).fit(*blobs()).committee_.members) == 3


def test_hard_votes_are_shares_and_ties_are_decided():
    X, y = blobs()
    classifier = pair(epochs=1).fit(X, y)
    votes = classifier.committee_.votes(classifier._pixels(X))
    tied = votes[0] != votes[1]
    assert tied.any()
    probabilities = classifier.predict_proba(X)
    np.testing.assert_allclose(probabilities, vote_shares(votes, 3), atol=0.001)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_array_equal(classifier.predict(X), probabilities.argmax(axis=1))
    mean = classifier.committee_.member_probabilities(classifier._pixels(X)).mean(axis=0)
    led = np.where(vote_shares(votes, 3) > 0, mean, -1).argmax(axis=1)
    np.testing.assert_array_equal(classifier.predict(X)[tied], led[tied])


def test_soft_votes_are_mean_probabilities():
    X, y = blobs()
    classifier = pair(voting="soft").fit(X, y)
    mean = classifier.committee_.member_probabilities(classifier._pixels(X)).mean(axis=0)
    np.testing.assert_allclose(classifier.predict_proba(X), mean, atol=1e-6)


@pytest.mark.parametrize(
    "labels",
    [
        np.array(["pear", "apple", "fig"]),
        np.array(["pear", "apple", "fig"], object),
        np.array([7, -1, 1000]),
        np.array([2.0, 1.0, 5.0]),
        np.array([True, False, True]),
    ],
    ids=["strings", "objects", "integers", "whole floats", "bools"],
)
def test_labels_of_any_kind(labels):
    X, y = blobs()
    classifier = quick().fit(X, labels[y])
    assert classifier.classes_.tolist() == sorted({*labels.tolist()})
    predicted = classifier.predict(X)
    assert predicted.dtype == labels.dtype
    assert (predicted == labels[y]).mean() > 0.8
    decided = classifier.predict_proba(X).argmax(axis=1)
    np.testing.assert_array_equal(predicted, classifier.classes_[decided])
    assert classifier.committee_.class_names == tuple(map(str, classifier.classes_))


def test_the_same_random_state_gives_the_same_predictions():
    X, y = blobs()

    def predicted(state):
        return quick(epochs=2, voting="soft", random_state=state).fit(X, y).predict_proba(X)

    state = np.random.RandomState(3)
    expected = predicted(3)
    np.testing.assert_array_equal(predicted(state), expected)
    for other in (state, None):  # the state has moved on
        assert not np.array_equal(predicted(other), expected)


# --- images and tables ---------------------------------------------------------------------


def test_images_and_the_same_in_a_table(train_split, test_split):
    images, labels = train_split.images, train_split.labels
    forms = {
        "channels": (lambda x: x, None),
        "none": (lambda x: x[..., 0], None),
        "table": (lambda x: x.reshape(len(x), -1), (6, 6)),
        "table with channels": (lambda x: x.reshape(len(x), -1), (6, 6, 1)),
    }
    found = []
    for form, shape in forms.values():
        classifier = quick(image_shape=shape, epochs=1).fit(form(images), labels)
        assert classifier.image_shape_ == (6, 6, 1)
        assert classifier.n_features_in_ == 36
        # A classifier may be asked about the same images in any form.
        found += [classifier.predict_proba(other(test_split.images)) for other, _ in forms.values()]
    for probabilities in found[1:]:
        np.testing.assert_array_equal(probabilities, found[0])


def test_a_table_is_images_of_one_row():
    classifier = quick(epochs=1).fit(*blobs())
    assert classifier.image_shape_ == classifier.committee_.input_shape[1:] == (1, 2, 1)


def test_colour_images_keep_their_channels():
    images = np.random.default_rng(0).integers(0, 256, (30, 4, 5, 3)).astype("uint8")
    classifier = quick(epochs=1).fit(images, np.arange(30) % 2)
    assert classifier.committee_.input_shape == (None, 4, 5, 3)


def test_pixels_go_in_as_they_are():
    images = np.arange(4 * 9, dtype="uint8").reshape(4, 3, 3)
    classifier = quick(epochs=1).fit(images, [0, 1, 0, 1])
    assert classifier.value_range_ is None
    rows = images.reshape(4, 9)
    assert np.shares_memory(classifier._pixels(rows), images)
    # Whole numbers can be pixels too.
    wide = rows.astype(int)
    wide[0, :2] = -5, 300
    pixels = classifier._pixels(wide).reshape(4, 9)
    assert pixels[0, :2].tolist() == [0, 255]
    np.testing.assert_array_equal(pixels[1:], rows[1:])
    assert classifier.predict(wide).shape == (4,)


def test_other_values_have_one_range_of_256_levels():
    X = np.array([[-1.0, 0.0], [2.0, 4.0], [1.0, 1.0]])
    classifier = quick(epochs=1).fit(X, [0, 1, 0])
    assert classifier.value_range_ == (-1.0, 4.0)
    pixels = classifier._pixels(X).reshape(3, 2)
    assert pixels.tolist() == [[0, 51], [153, 255], [102, 102]]
    beyond = classifier._pixels(np.array([[-9.0, 9.0], [-0.99, -0.98]])).reshape(2, 2)
    assert beyond.tolist() == [[0, 255], [1, 1]]


def test_a_table_of_one_value_is_black():
    classifier = quick(epochs=1).fit(np.full((6, 2), 3.0), [0, 1] * 3)
    assert not classifier._pixels(np.full((1, 2), 3.0)).any()


def test_columns_of_a_data_frame_keep_their_names():
    pandas = pytest.importorskip("pandas")
    X, y = blobs()
    frame = pandas.DataFrame(X, columns=["length", "width"])
    classifier = quick(epochs=1).fit(frame, y)
    assert classifier.feature_names_in_.tolist() == ["length", "width"]
    with pytest.raises(ValueError, match="feature names should match"):
        classifier.predict(frame[["width", "length"]])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda split: split, r"Received: Split\. Pass split\.images"),
        (lambda split: split.batches(8), "or fit a Committee, which takes splits and datasets"),
        (lambda split: np.zeros((100, 3, 8, 8), "uint8"), r"numpy\.moveaxis\(images, 1, -1\)"),
    ],
)
def test_what_scikit_learn_has_no_word_for_is_refused(train_split, make, message):
    with pytest.raises(DataError, match=message):
        quick().fit(make(train_split), train_split.labels)


# --- recipes -------------------------------------------------------------------------------


def test_recipes_are_changed_only_where_asked():
    member = replace(SMALL, recipe=replace(SMALL.recipe, optimizer="adam", class_weight="balanced"))
    classifier = CommitteeClassifier([member], epochs=1, random_state=0).fit(*blobs())
    (config,) = classifier.committee_.get_config()["members"]
    assert config["recipe"]["optimizer"] == "adam"
    assert config["recipe"]["class_weight"] == "balanced"
    assert config["recipe"]["learning_rate"] == 0.5
    assert config["recipe"]["epochs"] == 1
    assert classifier.members[0] is member


def test_images_are_held_out_only_for_a_member_that_needs_them():
    X, y = blobs()
    whole = quick().fit(X, y)
    assert "val_loss" not in whole.history_
    assert whole.committee_.report(whole._pixels(X), y).trained_on == 90
    part = quick(learning_rate=20.0, patience=1, epochs=12, validation_fraction=0.2).fit(X, y)
    assert 1 < len(part.history_["val_loss"]) < 12
    assert part.committee_.report(part._pixels(X), y).trained_on == 72


def test_images_are_held_out_for_a_plateau_at_which_the_rate_falls():
    X, y = blobs()
    recipe = replace(SMALL.recipe, learning_rate=20.0, plateau=1, plateau_factor=0.5)
    members = [replace(SMALL, recipe=recipe), "softmax"]  # the second has no plateau
    settings = {"learning_rate": None, "validation_fraction": 0.2}
    fitted = quick(members, **settings).fit(X, y)
    report = fitted.committee_.report(fitted._pixels(X), y)
    assert (report.trained_on, report.tuned_on) == (72, 18)
    losses, rates = (fitted.history_[f"{name}"] for name in ("val_mlp_loss", "mlp_learning_rate"))
    assert len(losses) == 8
    worse = [losses[k] >= min(losses[:k]) for k in range(1, 8)]
    assert any(worse)
    assert rates[0] == 20.0
    assert rates[-1] < 20.0


# --- trained weights ---


def test_a_member_starts_from_trained_weights(tiny_weights):
    digits = zoo.datasets.load("digits", validation=0.2)
    still = zoo.Recipe(learning_rate=1e-9, epochs=1, batch_size=256)
    member = Member("mlp", {"weights": "tiny"}, still)
    classifier = CommitteeClassifier([member], voting="soft", random_state=0)
    classifier = clone(classifier).fit(digits.train.images, digits.train.labels)
    found = classifier.predict_proba(digits.test.images)
    expected = np.asarray(zoo.build("mlp", weights="tiny")(digits.test.images))
    np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize("is_built", [False, True])
def test_trained_weights_follow_sorted_labels(is_built):
    """scikit-learn sorts the labels, and FER2013 has its emotions in another order."""
    emotions = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (14, 48, 48, 1), "uint8")
    labels = np.array(emotions)[np.arange(14) % 7]
    model = zoo.build("vgg", weights="fer2013-small/vgg-0")
    still = zoo.Recipe(learning_rate=1e-9, epochs=1, freeze="features")
    if is_built:
        member = Member(model, recipe=still)
    else:
        still = replace(still, standardize="per_image")
        member = Member("vgg", {"weights": "fer2013-small/vgg-0"}, still)
    classifier = CommitteeClassifier([member], voting="soft", random_state=0).fit(images, labels)
    assert classifier.classes_.tolist() == sorted(emotions)
    before = np.asarray(model(images, training=False))
    expected = before[:, [emotions.index(name) for name in sorted(emotions)]]
    np.testing.assert_allclose(classifier.predict_proba(images), expected, atol=1e-5)
    assert abs(expected - before).max() > 1e-3
    assert model.zoo_class_names == emotions  # The model itself stays as it is.
    assert len(classifier.committee_.trained_on) > 1000  # It knows the faces of the weights.


# --- built models --------------------------------------------------------------------------


def built():
    return zoo.build("mlp", input_shape=(1, 2, 1), num_classes=3, hidden=(6,), dropout=0.5, seed=1)


def test_models_that_are_not_built_yet_stay_as_they_are():
    flat = [keras.layers.Flatten(), keras.layers.Dense(2, activation="softmax")]
    model = keras.Sequential(flat)
    images = np.random.default_rng(0).integers(0, 256, (20, 4, 4), dtype=np.uint8)
    classifier = CommitteeClassifier([Member(model, recipe=zoo.Recipe(epochs=1))])
    classifier.fit(images, np.arange(20) % 2)
    assert not model.built
    assert classifier.predict(images).shape == (20,)


def test_built_models_stay_as_they_are():
    model, (X, y) = built(), blobs()
    before = model.get_weights()
    classifier = quick([model, Member(built(), name="other")], learning_rate=0.1, epochs=2)
    expected = classifier.fit(X, y).predict_proba(X)
    assert all((a == b).all() for a, b in zip(before, model.get_weights(), strict=True))
    trained = classifier.committee_.members[0].get_weights()
    assert not all((a == b).all() for a, b in zip(before, trained, strict=True))
    # Dropout too is repeated.
    np.testing.assert_array_equal(clone(classifier).fit(X, y).predict_proba(X), expected)


# --- the rest of scikit-learn --------------------------------------------------------------


def test_clone_loses_nothing():
    recipe = zoo.Recipe(
        optimizer_arguments=MappingProxyType({"momentum": 0.9}),
        augmentation=zoo.Augmentation(rotation_range=9),
    )
    classifier = CommitteeClassifier(
        [Member("mlp", MappingProxyType({"hidden": (8,)}), recipe, "first"), "softmax"],
        voting="soft",
        weights=(2, 1),
        learning_rate=0.1,
        batch_size=8,
        epochs=3,
        patience=2,
        validation_fraction=0.2,
        image_shape=(1, 2),
        random_state=7,
        verbose=1,
    )
    copied = clone(classifier)
    assert copied.get_params() == classifier.get_params()
    assert copied.members[0] is not classifier.members[0]
    assert clone(quick("softmax", copies=2)).copies == 2
    (model,) = clone(quick([built()])).members
    expected = built().get_weights()
    assert all((a == b).all() for a, b in zip(model.get_weights(), expected, strict=True))


def test_in_a_pipeline_with_a_scaler():
    X, y = blobs()
    X = X * [1, 1e6]
    alone, scaled = quick(), make_pipeline(StandardScaler(), quick())
    assert is_classifier(scaled)
    assert scaled.fit(X, y).score(X, y) > 0.8 > alone.fit(X, y).score(X, y)


def test_cross_validation_in_two_processes(fresh_process):
    assert fresh_process["scores"].min() > 0.8


def test_a_search_over_voting_epochs_and_members():
    X, y = blobs()
    grid = [
        {"voting": ["hard"], "epochs": [1], "members": [[SMALL]]},
        {"voting": ["soft"]},
    ]
    search = GridSearchCV(quick(), grid, cv=2).fit(X, y)
    assert len(search.cv_results_["params"]) == 2
    assert search.best_params_.get("epochs") != 1
    assert search.best_score_ > 0.8
    assert search.predict_proba(X).shape == (90, 3)


@pytest.mark.parametrize("ensemble", [True, False])
def test_calibration(ensemble):
    X, y = blobs()
    names = np.array(["pear", "apple", "fig"])
    calibrated = CalibratedClassifierCV(quick(voting="soft"), cv=2, ensemble=ensemble)
    calibrated.fit(X, names[y])
    assert calibrated.score(X, names[y]) > 0.8
    np.testing.assert_allclose(calibrated.predict_proba(X).sum(axis=1), 1, rtol=1e-6)


def test_many_classifiers_one_after_another_bring_no_warning(caplog):
    tf.get_logger().addHandler(caplog.handler)
    try:
        for _ in range(6):
            quick(epochs=1, batch_size=90).fit(*blobs()).predict(blobs()[0])
    finally:
        tf.get_logger().removeHandler(caplog.handler)
    assert caplog.text == ""


# --- pickles -------------------------------------------------------------------------------

FRESH = """
import pickle
import numpy as np
from sklearn.utils.estimator_checks import check_array_api_input
from zoo.ensembles import CommitteeClassifier
with open(given, "rb") as file:
    trained, untrained, X, y = pickle.load(file)
answers = {"predicted": trained.predict(X), "probabilities": trained.predict_proba(X)}
answers["fitted"] = untrained.fit(X, y).predict_proba(X)
check_array_api_input("CommitteeClassifier", CommitteeClassifier("softmax", epochs=1), "numpy")
np.savez(answers_file, array_api=True, **answers)
"""


@pytest.fixture(scope="module")
def pickled():
    """A trained and an untrained classifier, and a table with labels."""
    X, y = blobs()
    names = np.array(["pear", "apple", "fig"])[y]
    untrained = quick(["softmax", Member(built(), name="built")], voting="soft")
    return pair().fit(X, names), untrained, X, names


@pytest.fixture(scope="module")
def fresh_process(pickled, tmp_path_factory):
    """The answers of the pickled classifiers in a fresh process, and scores of two processes."""
    folder = tmp_path_factory.mktemp("fresh")
    given, answers = folder / "given.pickle", folder / "answers.npz"
    given.write_bytes(pickle.dumps(pickled))
    _, untrained, X, y = pickled
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SCIPY_ARRAY_API", "1")  # for the processes, which joblib starts now
        scores = cross_val_score(untrained, X, y, cv=2, n_jobs=2)
        names = {"given": str(given), "answers_file": str(answers)}
        joblib.Parallel(n_jobs=2)([joblib.delayed(exec)(FRESH, names)])
    loky.get_reusable_executor().shutdown(wait=True)
    with np.load(answers) as found:
        return {**found, "scores": scores}


def test_a_pickle_predicts_the_same_in_a_fresh_process(pickled, fresh_process):
    classifier, _, X, _ = pickled
    np.testing.assert_array_equal(fresh_process["predicted"], classifier.predict(X))
    expected = classifier.predict_proba(X)
    np.testing.assert_allclose(fresh_process["probabilities"], expected, atol=1e-6)


def test_an_untrained_classifier_learns_the_same_in_a_fresh_process(pickled, fresh_process):
    _, classifier, X, y = pickled
    expected = clone(classifier).fit(X, y).predict_proba(X)
    np.testing.assert_allclose(fresh_process["fitted"], expected, atol=1e-4)


def test_a_pickle_names_nothing_of_keras_or_tensorflow(pickled):
    content = pickle.dumps(pickled[0])
    words = [argument for _, argument, _ in pickletools.genops(content) if type(argument) is str]
    assert "zoo.ensembles.classifier" in words
    assert not [word for word in words if word.startswith(("keras", "tensorflow"))]


def test_a_compiled_model_is_trained_with_its_optimizer():
    layers = [keras.Input((1, 2, 1)), keras.layers.Flatten(), keras.layers.Dense(3, "softmax")]
    model = keras.Sequential(layers, name="mine")
    model.compile(keras.optimizers.Adam(0.03), "sparse_categorical_crossentropy")
    classifier = quick([model], epochs=1, learning_rate=None).fit(*blobs())
    recipe = classifier.committee_.recipes[0]
    assert (recipe.optimizer, recipe.learning_rate) == ("Adam", 0.03)


def test_a_pickle_is_loaded_in_safe_mode(tmp_path):
    inputs = keras.Input((1, 2, 1))
    hidden = keras.layers.Lambda(lambda x: x / 255)(keras.layers.Flatten()(inputs))
    model = keras.Model(inputs, keras.layers.Dense(3, "softmax")(hidden), name="unsafe")
    model.save(tmp_path / "unsafe.keras")
    state = {"committee_": (tmp_path / "unsafe.keras").read_bytes()}
    with pytest.raises(DataError, match="Lambda"):
        quick().__setstate__(state)
    with pytest.raises(ArgumentError, match="Lambda"):
        quick([model], epochs=1).fit(*blobs())


def test_copies_of_a_trained_one_go_their_own_ways():
    X, y = blobs()
    classifier = quick(voting="soft").fit(X, y)
    expected = classifier.predict_proba(X)
    copied = copy.deepcopy(classifier)
    np.testing.assert_allclose(copied.predict_proba(X), expected, atol=1e-6)
    copied.set_params(random_state=1).fit(X, y)
    np.testing.assert_array_equal(classifier.predict_proba(X), expected)


def test_what_is_not_trained_can_be_pickled():
    classifier = pair()
    assert pickle.loads(pickle.dumps(classifier)).get_params() == classifier.get_params()


# --- what is refused -----------------------------------------------------------------------

IMAGES = np.arange(6 * 6 * 6, dtype="uint8").reshape(6, 6, 6, 1)
LABELS = np.arange(6) % 2


@pytest.mark.parametrize(
    ("classifier", "X", "y", "error", "message"),
    [
        # parameters
        (quick(voting="majority"), IMAGES, LABELS, ArgumentError, "\"soft\".*'majority'"),
        (quick(voting=["hard"]), IMAGES, LABELS, ArgumentError, "voting must be"),
        (
            quick(weights="mnist"),
            IMAGES,
            LABELS,
            ArgumentError,
            r"numbers, one for each.*Received: 'mnist'\..*\(\"lenet\", .\"weights\": 'mnist'.\)",
        ),
        (quick(weights=[1, 2]), IMAGES, LABELS, ArgumentError, "each of the 1 members"),
        (
            quick(epochs=0),
            IMAGES,
            LABELS,
            ArgumentError,
            "epochs must be a whole number of 1 or more",
        ),
        (
            quick(copies=0),
            IMAGES,
            LABELS,
            ArgumentError,
            "copies must be a whole number of 1 or more",
        ),
        (quick(verbose=7), IMAGES, LABELS, ArgumentError, "verbose must be"),
        (quick(validation_fraction=1.0), IMAGES, LABELS, ArgumentError, "below 1.*1.0"),
        (quick(validation_fraction="a"), IMAGES, LABELS, ArgumentError, "Received: 'a'"),
        (
            quick(image_shape=6),
            IMAGES,
            LABELS,
            ArgumentError,
            "image_shape must be .height.*Received: 6",
        ),
        (quick(image_shape=(6, 6, 0)), IMAGES, LABELS, ArgumentError, r"\(6, 6, 0\)"),
        (quick(random_state="x"), IMAGES, LABELS, ValueError, "cannot be used to seed"),
        (quick(["sofmax"]), IMAGES, LABELS, LookupError, "did you mean 'softmax'"),
        # images
        (quick(image_shape=(5, 6)), IMAGES, LABELS, DataError, r"of \(5, 6, 1\).*Received: \(6, 6"),
        (quick(image_shape=(2, 2)), IMAGES[:, 0, :, 0], LABELS, DataError, "4 features.*6 feat"),
        (quick(["cnn"]), IMAGES[:, 0, :, 0], LABELS, ArgumentError, "at least 4×4"),
        (quick(), IMAGES[None], LABELS, ValueError, "dim 5"),
        (quick(), IMAGES[:0], LABELS[:0], ValueError, "0 sample"),
        (quick(), IMAGES, LABELS[1:], ValueError, "inconsistent numbers of samples"),
        (quick(), IMAGES * np.nan, LABELS, ValueError, "contains NaN"),
        # labels
        (quick(), IMAGES, LABELS * 0, DataError, "2 classes or more. Received: one class, .*0"),
        (quick(), IMAGES, LABELS + 0.5, ValueError, "Unknown label type"),
        (quick(patience=1), IMAGES, [0, 1, 0, 0, 0, 0], DataError, "2 images of class .1."),
    ],
)
def test_what_cannot_be_fitted(classifier, X, y, error, message):
    with pytest.raises(error, match=message):
        classifier.fit(X, y)


def test_what_cannot_be_predicted(train_split):
    with pytest.raises(NotFittedError):
        quick().predict(IMAGES)
    classifier = quick(epochs=1).fit(train_split.images, train_split.labels)
    with pytest.raises(DataError, match=r"images of \(6, 6, 1\).*Received: images of \(5, 6, 1\)"):
        classifier.predict(IMAGES[:, 1:])
    with pytest.raises(ValueError, match="35 features, but CommitteeClassifier is expecting 36"):
        classifier.predict(np.zeros((1, 35), "uint8"))
    with pytest.raises(DataError, match=r"must be pixels.*float64.*X \* 255"):
        classifier.predict(IMAGES / 255)


class Interrupt(Exception):
    pass


def test_an_interrupted_fit_is_none(monkeypatch):
    def interrupted(*arguments, **keywords):
        raise Interrupt

    monkeypatch.setattr(Committee, "fit", interrupted)
    classifier = quick()
    with pytest.raises(Interrupt):
        classifier.fit(*blobs())
    with pytest.raises(NotFittedError):
        classifier.predict(blobs()[0])
