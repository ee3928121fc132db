import io

import keras
import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from zoo.datasets import as_split
from zoo.ensembles import Committee, model_card
from zoo.ensembles.reports import leaks as leaks_module
from zoo.ensembles.reports.leaks import search_leaks


def recompressed(image):
    file = io.BytesIO()
    Image.fromarray(image[..., 0]).save(file, "JPEG", quality=60)
    return np.asarray(Image.open(file))[..., None]


@pytest.fixture(scope="module")
def training():
    """Thirty smooth pictures of 24×24."""
    noise = np.random.default_rng(0).normal(size=(30, 24, 24, 1))
    smooth = sum(sigma * gaussian_filter(noise, (0, sigma, sigma, 0)) for sigma in (2, 4))
    low, high = smooth.min(axis=(1, 2, 3), keepdims=True), smooth.max(axis=(1, 2, 3), keepdims=True)
    pixels = np.rint(255 * (smooth - low) / (high - low)).astype("uint8")
    return as_split(pixels, np.arange(30) % 2, class_names=("a", "b"))


@pytest.fixture(scope="module")
def test_images(training):
    """An identical, a mirrored, a shifted and a recompressed copy, and six other pictures."""
    pixels = training.images
    shifted = np.pad(pixels[2], [(2, 2), (2, 2), (0, 0)], mode="edge")[4:28, 1:25]
    copies = [pixels[0], pixels[1][:, ::-1], shifted, recompressed(pixels[3])]
    others = 255 - pixels[10:16]
    return as_split(np.stack([*copies, *others]), [0, 1] * 5, class_names=("a", "b"))


@pytest.fixture(scope="module")
def committee(training):
    model = keras.Sequential(
        [
            keras.Input((24, 24, 1)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Flatten(),
            keras.layers.Dense(2, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    committee = Committee([model], class_names=("a", "b"))
    committee.fit(training, epochs=1, verbose=0)
    return committee


def test_accuracy_is_given_with_and_without_changed_copies(training, test_images):
    answers = test_images.labels.copy()
    answers[[0, 4, 5]] = 1 - answers[[0, 4, 5]]
    found = search_leaks(test_images, answers, training, training.digests)
    assert found.leaks.duplicates.rows.tolist() == [0, 1, 2, 3]
    assert sorted(found.leaks.duplicates.kinds) == [
        "identical", "mirrored", "recompressed", "shifted"
    ]  # fmt: skip
    assert (found.leaks.every.value, found.leaks.without.value) == (7 / 10, 4 / 6)
    assert found.sentence() == (
        "4 of these 10 images are the same or nearly the same as some of 30 training images "
        "(mirrored, moved by up to 2 pixels or compressed again: a correlation of 0.97 or more). "
        f"Accuracy with them: {found.leaks.every}; without: {found.leaks.without}."
    )
    values = found.to_dict()
    assert (values["images"], values["accuracy_without"]["n"]) == (4, 6)


def test_a_report_after_a_training_counts_near_copies(committee, test_images):
    report = committee.report(test_images)
    sentence = report.leak_search.sentence()
    assert sentence.startswith("4 of these 10 images are the same or nearly the same as some of 30")
    assert sentence in report.to_markdown()
    assert " ".join(sentence.split()) in " ".join(str(report).split())
    assert report.to_dict()["leaks"]["images"] == 4
    assert sentence in model_card(committee, report)
    other = committee.with_rule("soft").report(test_images)
    assert other.leak_search.sentence().startswith("4 of these 10")


def test_a_loaded_committee_tells_that_it_does_not_have_the_images(
    committee, training, test_images, tmp_path
):
    committee.save(tmp_path / "saved.keras")
    loaded = Committee.load(tmp_path / "saved.keras")
    sentence = loaded.report(test_images).leak_search.sentence()
    assert "were not looked for: the training images are not at hand" in sentence
    # Images beside the training images do not count.
    more = as_split(
        np.concatenate([training.images, test_images.images[4:]]),
        [0, 1] * 18,
        class_names=("a", "b"),
    )
    found = loaded.report(test_images, training=more).leak_search
    assert (len(found.leaks.duplicates.rows), found.training_images) == (4, 30)
    half = loaded.report(test_images, training=training.images[:15]).leak_search
    assert "some of 15 of the 30 training images" in half.sentence()


def test_what_was_not_looked_for_is_told(training, test_images, monkeypatch):
    answers, known = test_images.labels, training.digests
    reasons = [
        (search_leaks(test_images, answers, None, known[:0]), "images are not known"),
        (search_leaks(test_images, answers, test_images, known[5:6]), "trained on none of the"),
        (search_leaks(training, training.labels, None, np.sort(known)), "all of these images are"),
    ]
    small = as_split(training.images[:, :20], training.labels, class_names=("a", "b"))
    reasons.append((search_leaks(test_images, answers, small, known), "have another shape"))
    tiny = as_split(training.images[:, :6], training.labels, class_names=("a", "b"))
    reasons.append((search_leaks(tiny, tiny.labels, tiny, known), "fewer than 16 pixels a side"))
    monkeypatch.setattr(leaks_module, "MOST_PAIRS", 299)
    asked = search_leaks(test_images, answers, training, known, always=False)
    reasons.append((asked, "a while for 0 million pairs"))
    for search, reason in reasons:
        assert search.leaks is None
        assert reason in search.sentence()


def test_no_near_copy_is_told(training, test_images):
    others = test_images.take(np.arange(4, 10))
    found = search_leaks(others, others.labels, training, np.sort(training.digests))
    assert found.sentence().startswith("0 of these 6 images are the same or nearly the same")
    every = search_leaks(test_images.take([1, 2]), [0, 1], training, np.sort(training.digests))
    assert every.sentence().endswith("No other image is left.")
