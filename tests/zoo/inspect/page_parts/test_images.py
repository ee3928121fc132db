import numpy as np
import pytest

from zoo.datasets import as_split
from zoo.ensembles import Committee
from zoo.ensembles.provenance import Provenance
from zoo.inspect.page_parts import images
from zoo.inspect.page_parts.subject import LeftOut, Subject


def test_suspects_are_counted_and_shown(subject, read_page):
    contents = images.show_suspects(subject)
    found = read_page("".join(contents.parts))
    assert "The members contradict these labels most" in found.text
    assert contents.summary == "the 24 most suspect labels"
    assert "24 of 40 images, the most suspect first" in found.text
    assert len(found.named("img")) == 24


@pytest.mark.parametrize(("wrong", "is_warned"), [(8, False), (9, True)])  # 20 % of 40 images
def test_the_number_of_suspects_says_little_where_many_answers_are_wrong(single, wrong, is_warned):
    labels = single.predictions.answers.copy()
    labels[:wrong] = (labels[:wrong] + 1) % 3
    split = as_split(single.split.images, labels, class_names=["a", "b", "c"])
    looked_at = Subject(single.given, split)
    assert (~looked_at.is_right).sum() == wrong
    (text, _) = images.show_suspects(looked_at).parts
    assert ("the order counts, and not the number" in text) == is_warned


def test_images_of_the_training_are_no_suspects(single, split, monkeypatch):
    def trained_on(rows):
        known = Provenance(trained_on=np.sort(split.digests[:rows]))
        monkeypatch.setattr(images, "provenance_of", lambda models: known)
        return images.show_suspects(single)

    contents = trained_on(10)
    assert "10 images are left out: the model was trained on them." in contents.parts[0]
    numbers = [int(part.partition("<")[0]) for part in contents.parts[-1].split("<span>#")[1:]]
    assert len(numbers) == 24
    assert all(number >= 10 for number in numbers)
    with pytest.raises(LeftOut, match="The model was trained on most of these images"):
        trained_on(30)


def test_mistakes_are_the_wrong_answers(subject, read_page):
    contents = images.show_mistakes(subject)
    wrong = int((~subject.is_right).sum())
    assert contents.summary == f"{wrong} wrong answers"
    assert len(read_page("".join(contents.parts)).named("img")) == min(24, wrong)


def test_a_model_without_mistakes_shows_none(single):
    answers = single.predictions.answers
    right = as_split(single.split.images, answers, class_names=["a", "b", "c"])
    with pytest.raises(LeftOut, match="No image is answered wrongly"):
        images.show_mistakes(Subject(single.given, right))


def test_disputes_need_members(subject, single, read_page):
    contents = images.show_disputed(subject)
    found = read_page("".join(contents.parts))
    assert len(found.named("img")) == 24
    assert "24 of 40 images, the most disputed first" in found.text
    with pytest.raises(LeftOut, match="A single model has no members that can disagree"):
        images.show_disputed(single)


def test_a_committee_of_a_single_member_is_a_single_model(perceptron, split):
    subject = Subject(Committee(perceptron, voting="soft"), split)
    assert not subject.is_committee
    assert [*subject.members] == ["perceptron"]
    with pytest.raises(LeftOut, match="A single model has no members"):
        images.show_disputed(subject)
