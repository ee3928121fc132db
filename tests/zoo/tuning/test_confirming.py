import numpy as np
import pytest

from zoo.datasets import ImageData
from zoo.errors import DataError


@pytest.fixture(scope="module")
def confirmation(swept, images):
    return swept.confirm(images, seeds=2, verbose=0)


def test_fresh_seeds_are_others_than_those_of_the_sweep(confirmation, swept):
    assert confirmation.committee.member_names == tuple(
        f"{swept.best.name}-seed-{seed}" for seed in (7, 8)
    )
    weights = [model.get_weights()[0] for model in confirmation.committee.members]
    weights += [model.get_weights()[0] for model in swept.best.models()]
    assert all(
        np.abs(one - other).max() > 1e-3 for k, one in enumerate(weights) for other in weights[:k]
    )


def test_accuracies_are_those_of_the_fresh_and_of_the_own_models(confirmation, swept, images):
    votes = confirmation.committee.votes(images.test)
    np.testing.assert_allclose(confirmation.test, (votes == images.test.labels).mean(axis=1))
    assert confirmation.test_accuracy.value == pytest.approx(confirmation.test.mean())
    own = swept.best.committee().votes(images.test) == images.test.labels
    assert confirmation.trial_test_accuracy.value == pytest.approx(own.mean())
    votes = confirmation.committee.votes(images.validation)
    expected = (votes == images.validation.labels).mean(axis=1)
    np.testing.assert_allclose(confirmation.validation, expected)
    assert confirmation.optimism == pytest.approx(swept.best.mean_accuracy - expected.mean())


def test_the_sentence_tells_choosing_seeds_and_test_images(confirmation):
    text = str(confirmation)
    assert "was chosen among 6 trials with an accuracy of" in text
    assert "Trained again with 2 other seeds, it has" in text
    assert "On test images, which chose nothing, the fresh trainings have" in text
    assert "Caution" not in text
    assert confirmation.to_dict()["sentence"] == text


def test_without_test_images_only_the_seeds_are_fresh(swept, monkeypatch, confirmation):
    from zoo.tuning import confirming

    monkeypatch.setattr(confirming, "train_afresh", lambda *arguments: confirmation.committee)
    alone = swept.confirm(None, seeds=2)
    assert alone.test is None
    assert "test images" not in str(alone)
    known = swept.confirm(swept.setup.train, seeds=2)
    assert str(known).startswith("Caution: 100 of these 100 images were trained on")


def test_a_data_set_without_a_test_split_is_refused(swept, images):
    data = ImageData("halves", images.train, images.validation)
    with pytest.raises(DataError, match="data must have a test split to confirm on"):
        swept.confirm(data)
