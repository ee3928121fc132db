from dataclasses import replace

import pytest

from zoo.errors import ArgumentError, DataError
from zoo.inspect import ModelPage, model_page
from zoo.inspect.page_parts import making
from zoo.inspect.page_parts.contents import PARTS, PagePart
from zoo.inspect.page_parts.subject import Contents, LeftOut, Subject
from zoo.pages.parts import paragraph


def test_a_page_has_all_parts_and_loads_nothing(made, found):
    assert list(made.summaries) == [part.title for part in PARTS]
    assert [tag["id"] for tag in found.named("h2")] == [part.key for part in PARTS]
    assert not any(summary.startswith("failed") for summary in made.summaries.values())
    assert made.html.encode()


def test_hostile_names_are_text_in_one_line_and_cut_off(made, found):
    assert '<script>alert("1")</script>' in found.text
    assert "\"'><img src=http://example.org/x.png" in found.text
    assert "namename" in found.text
    assert "name" * 30 not in made.html
    assert "\x1b" not in made.html
    assert all("onerror" not in tag for _, tag in found.tags)


def test_the_head_says_what_was_looked_at_and_how(found):
    text = " ".join(found.text.split())
    assert "Inside a committee of 2" in text
    assert "flat_model (5" in text
    assert "40 of the split 'test', 8×8×3" in text
    assert "tensorflow 2." in text
    assert "<b> .keras" in text
    assert "<i>&lt;" in text


def test_a_part_that_the_model_cannot_have_and_an_error_cost_this_part_only(
    monkeypatch, perceptron, split, read_page
):
    def left_out(subject):
        raise LeftOut("There is no <b>.")

    def broken(subject):
        raise ValueError("wrong <b>\n\x1b[31mdata")

    shown = Contents([paragraph("all is well")], "well")
    parts = {"Missing": left_out, "Broken": broken, "Good": lambda subject: shown}
    table = [PagePart(title.lower(), title, show) for title, show in parts.items()]
    monkeypatch.setattr(making, "PARTS", table)
    with pytest.warns(RuntimeWarning, match="The part 'Broken' of the page could not be made"):
        made = model_page(perceptron, split, verbose=0)
    text = read_page(made.html).text
    assert "Left out. There is no <b>." in text
    assert "This part could not be made (ValueError: wrong <b>" in text
    assert "all is well" in text
    assert made.summaries["Missing"] == "left out: There is no <b>."
    assert made.summaries["Broken"].startswith("failed: ValueError: wrong <b>")
    assert made.summaries["Good"] == "well"
    assert str(made).splitlines()[-1].split() == ["Good", "well"]


def test_an_unbuilt_model_is_refused(split):
    with pytest.raises(ArgumentError, match=r"model_or_committee must be a built keras\.Model"):
        model_page("cnn", split)


def test_a_page_replaces_a_page_and_no_other_file(made, tmp_path):
    path = tmp_path / "page.html"
    assert made.save(path) == path
    ModelPage(made.html + "<!-- again -->", {}).save(path)
    assert path.read_text("utf-8").endswith("<!-- again -->")
    other = tmp_path / "other.html"
    other.write_text("mine", "utf-8")
    with pytest.raises(ArgumentError, match="path must be a new file, or a page that Zoo wrote"):
        made.save(other)
    assert other.read_text("utf-8") == "mine"


def test_the_value_prints_its_parts(made):
    assert str(made).splitlines()[0].split() == ["part", "what", "it", "shows"]
    assert repr(made).startswith("ModelPage(")
    assert "Members side by side" in repr(made)


def test_images_that_do_not_fit_are_an_error_of_the_page(models, split):
    four = replace(split, class_names=("a", "b", "c", "d"), labels=split.labels + 1)
    with pytest.raises(DataError, match="3 classes"):
        model_page(models["flat"], four, verbose=0)


@pytest.mark.parametrize(("kind", "classes"), [("logits", 3), ("sigmoid", 2)])
def test_a_model_without_a_softmax_has_a_report(models, split, kind, classes):
    chosen = split.take(split.labels < classes)
    chosen = replace(chosen, class_names=split.class_names[:classes])
    subject = Subject(models[kind], chosen)
    accuracy = subject.report.scores[-1].accuracy
    assert accuracy.n == len(chosen)
    assert accuracy.value == pytest.approx(subject.is_right.mean())
