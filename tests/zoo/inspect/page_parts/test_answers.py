import numpy as np
import pytest

from zoo.datasets import as_split
from zoo.inspect.page_parts import answers
from zoo.inspect.page_parts.subject import LeftOut, Subject
from zoo.inspect.pictures.predictions import Predictions
from zoo.metrics import confusion_matrix


def predicted(split, classes, wrong=0.3):
    """A subject whose answers are known: the label, or another class."""
    rng = np.random.default_rng(0)
    answers_ = np.where(rng.random(len(split)) < wrong, rng.integers(0, classes, len(split)),
                        split.labels)  # fmt: skip
    probabilities = rng.random((len(split), classes))
    probabilities[np.arange(len(split)), answers_] += 1
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    subject = Subject(None, split)
    subject.predictions = Predictions(probabilities[None], probabilities, answers_)
    return subject


def test_each_cell_opens_its_pictures(subject, read_page):
    part = read_page(answers.show_confusion(subject).parts[0])
    confusion = confusion_matrix(subject.split.labels, subject.predictions.answers, 3)
    opening = [tag for tag in part.named("button") if "popovertargetaction" not in tag]
    targets = [f"cell-{true}-{answer}" for true, answer in zip(*np.nonzero(confusion), strict=True)]
    assert [tag["popovertarget"] for tag in opening] == targets
    assert len(part.named("img")) == len(subject.split)
    assert "24 at most" in part.text


def test_the_most_confident_pictures_of_a_cell_come_first():
    images = np.zeros((70, 4, 4, 1), "uint8")
    subject = predicted(as_split(images, np.zeros(70, int), class_names=["cat", "dog"]), 2, 0)
    html = answers.show_confusion(subject).parts[0]
    assert html.count("<img") == 24
    assert "true cat, answer cat: 24 of 70, the most confident first" in html
    order = np.argsort(-subject.predictions.confidences, kind="stable")
    numbers = [int(part.partition("<")[0]) for part in html.split("<span>#")[1:]]
    assert numbers == order[:24].tolist()


def test_a_page_of_a_hundred_classes_lists_the_commonest_confusions_and_stays_small(read_page):
    images = np.random.default_rng(0).integers(0, 256, (5000, 32, 32, 3)).astype("uint8")
    split = as_split(images, np.arange(5000) % 100, class_names=[f"<{k}>" for k in range(100)])
    html = answers.show_confusion(predicted(split, 100)).parts[0]
    found = read_page(html)
    assert len(found.named("tr")) == 1 + 40
    assert "The commonest confusions of 100 classes. A number opens its pictures" in found.text
    assert len(html) < 2e6


def test_the_curves_need_a_run_folder(subject):
    with pytest.raises(LeftOut, match="There is no run folder of the training here"):
        answers.show_curves(subject)


def test_a_single_model_has_measures_and_no_members(single, read_page):
    text = read_page("".join(answers.show_confidence(single).parts)).text
    assert "NLL in nats" in text
    with pytest.raises(LeftOut, match="A single model has no other members"):
        answers.show_members(single)


def test_members_stand_side_by_side_with_their_answers(subject, read_page):
    contents = answers.show_members(subject)
    assert contents.summary == "flat_model, perceptron"
    found = read_page("".join(contents.parts))
    assert "Answers to the most disputed images" in found.text
    assert len([tag for tag in found.named("td") if tag.get("class") == "photo"]) == 12
    assert "Leaderboard" in found.text
    assert "disagreement" in found.text
