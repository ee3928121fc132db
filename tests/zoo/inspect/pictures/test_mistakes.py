import numpy as np
import pytest

from zoo.ensembles import Committee
from zoo.ensembles.measures.uncertainty import mutual_information
from zoo.errors import ArgumentError
from zoo.inspect import disputed, mistakes


@pytest.fixture(scope="module")
def answers(models, six):
    return np.asarray(models["flat"](six.images.astype("float32")))


def test_mistakes_are_the_wrong_answers_from_the_most_confident_on(models, six, answers):
    found = mistakes(models["flat"], six)
    wrong = np.flatnonzero(answers.argmax(1) != six.labels)
    assert sorted(found.indices) == wrong.tolist()
    assert (np.diff(found.confidences) <= 0).all()
    np.testing.assert_allclose(found.confidences, answers.max(1)[found.indices], atol=1e-5)
    assert mistakes(models["flat"], six, most=1).indices.tolist() == found.indices[:1].tolist()


def test_right_answers_are_no_mistakes(models, six, answers):
    assert len(mistakes(models["flat"], six.images, answers.argmax(1))) == 0


def test_disputed_images_have_the_highest_mutual_information(models, six):
    other = type(models["flat"]).from_config(models["flat"].get_config())
    committee = Committee([models["flat"], other], class_names=six.class_names)
    found = disputed(committee, six)
    information = mutual_information(committee.member_probabilities(six))
    np.testing.assert_array_equal(found.indices, np.argsort(-information, kind="stable"))
    np.testing.assert_allclose(found.measures["mutual_information"], information[found.indices])
    assert len(disputed(committee, six, most=2)) == 2


def test_a_single_model_disputes_nothing(models, six):
    with pytest.raises(ArgumentError, match="committee of two members or more"):
        disputed(models["flat"], six)
    with pytest.raises(ArgumentError, match="most must be a whole number"):
        mistakes(models["flat"], six, most=0)
