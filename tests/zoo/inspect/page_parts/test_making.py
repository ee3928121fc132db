import re
from dataclasses import replace

import keras
import numpy as np
import pytest
from markupsafe import Markup

from zoo.datasets.split import as_split
from zoo.ensembles import Committee
from zoo.ensembles.provenance import record_exposure
from zoo.errors import DataError
from zoo.inspect import ModelPage, model_page
from zoo.inspect.page_parts import contents, making
from zoo.inspect.page_parts.answers import MOST_IN_CELL, show_confusion
from zoo.inspect.page_parts.contents import PARTS, PagePart
from zoo.inspect.page_parts.images import show_suspects
from zoo.inspect.page_parts.subject import LeftOut, Subject

TITLES = [part.title for part in PARTS]


@pytest.fixture(scope="module")
def split(hostile_names):
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, (36, 8, 8, 3)).astype("uint8")
    return as_split(images, np.arange(36) % 3, class_names=hostile_names, name='te"st')


@pytest.fixture(scope="module")
def committee(models, hostile_names):
    other = keras.models.clone_model(models["flat"])
    return Committee([models["flat"], other], class_names=hostile_names)


@pytest.fixture(scope="module")
def made(committee, split):
    facts = {"Command": "zoo inspect '<i>.keras'"}
    return model_page(committee, split, facts=facts, verbose=0)


def test_the_page_has_every_part_that_a_committee_has(made):
    assert [*made.summaries] == TITLES
    missing = [title for title, text in made.summaries.items() if text.startswith("left out")]
    assert missing == ["Learning curves"]  # there is no run folder
    assert not [text for text in made.summaries.values() if text.startswith("failed")]


def test_the_page_is_one_whole_file_with_every_link_and_no_hostile_name(
    made, read_page, hostile_names
):
    page = read_page(made.html)
    assert {part.key for part in PARTS} <= {*page.ids}
    assert hostile_names[0] in page.text
    assert "x" * 200 not in made.html
    assert "\x1b" not in made.html
    assert "zoo inspect '<i>.keras'" in page.text
    assert "36 of the split 'te\"st', 8×8×3" in page.text
    assert re.search(r"Date\s*\d{4}-\d\d-\d\d \d\d:\d\d", page.text)


def test_each_cell_of_the_confusion_matrix_opens_its_pictures(committee, split):
    subject = Subject(committee, split)
    (html,) = show_confusion(subject).parts
    answers = subject.predictions.answers
    counts = [
        int(((split.labels == true) & (answers == answer)).sum())
        for true, answer in np.ndindex(3, 3)
    ]
    numbers = re.findall(r"<(?:button|span)[^>]*>(\d+)</(?:button|span)></td>", html)
    assert [*map(int, numbers)] == counts
    assert html.count("<img") == len(split)


def test_a_cell_with_many_images_says_how_many_it_shows(models, hostile_names):
    images = np.zeros((50, 8, 8, 3), "uint8")
    split = as_split(images, np.zeros(50, int), class_names=hostile_names)
    (html,) = show_confusion(Subject(models["flat"], split)).parts
    assert f"{MOST_IN_CELL} of 50, the most confident first" in html
    assert html.count("<img") == MOST_IN_CELL


def test_a_model_is_shown_without_what_it_cannot_have(models, split, read_page):
    logits = models["logits"]
    found = model_page(logits, split, verbose=0)
    assert found.summaries["Disputed images"] == (
        "left out: A single model has no members that can disagree."
    )
    assert not [text for text in found.summaries.values() if text.startswith("failed")]
    assert "Left out. A single model has no other members" in read_page(found.html).text


def test_an_error_costs_its_part_only(models, split, monkeypatch):
    def fail(subject):
        raise RuntimeError("<b>no\nluck</b>")

    parts = (PagePart("a", "First", fail), PagePart("b", "Second", show_confusion))
    monkeypatch.setattr(making, "PARTS", parts)
    with pytest.warns(RuntimeWarning, match="'First' of the page could not be made"):
        found = model_page(models["flat"], split, verbose=0)
    assert found.summaries["First"] == "failed: RuntimeError: <b>no"
    assert "This part could not be made (RuntimeError: &lt;b&gt;no)." in found.html
    assert "answered wrongly" in found.summaries["Second"]


def test_images_of_the_training_are_no_suspects(models, split):
    model = keras.models.clone_model(models["flat"])
    record_exposure([model], "trained_on", split.digests[:3])
    shown = show_suspects(Subject(model, split))
    assert "3 images are left out" in shown.parts[0]
    record_exposure([model], "trained_on", split.digests)
    with pytest.raises(LeftOut, match="trained on most of these images"):
        show_suspects(Subject(model, split))


def test_suspects_have_their_number_in_the_whole_split(models, split):
    model = keras.models.clone_model(models["flat"])
    record_exposure([model], "trained_on", split.digests[:10])
    sheet = show_suspects(Subject(model, split)).parts[-1]
    rows = [*map(int, re.findall(r"<span>#(\d+)</span>", sheet))]
    assert min(rows) >= 10
    labels = [
        text.unescape() for text in map(Markup, re.findall(r"<span>label: (.*?)</span>", sheet))
    ]
    expected = [split.class_names[split.labels[row]] for row in rows]
    assert [label[0] for label in labels] == [name[0] for name in expected]


def test_images_of_other_classes_are_refused(models, split):
    four = replace(split, class_names=("a", "b", "c", "d"), labels=np.arange(36) % 4)
    with pytest.raises(DataError, match="3 classes"):
        model_page(models["flat"], four, verbose=0)


def test_a_page_prints_its_parts():
    text = str(ModelPage("", {"Report": "accuracy 62.0 %", "Dead units": "left out: none"}))
    assert text.splitlines()[1:] == [
        "Report      accuracy 62.0 %",
        "Dead units  left out: none",
    ]


def test_each_part_has_a_key_of_its_own():
    keys = [part.key for part in contents.PARTS]
    assert len({*keys}) == len(keys)
    assert all(re.fullmatch(r"[a-z-]+", key) for key in keys)
