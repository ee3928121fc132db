import re
import shutil

import pytest
from PIL import Image

import zoo
from zoo.cli import main
from zoo.ensembles import pretrained
from zoo.errors import ArgumentError, DataError, UnknownWeightsError
from zoo.weights import catalogue
from zoo.weights.catalogue import FOLDER, WeightSet, find_weights, weight_sets, weights_in_turn
from zoo.weights.paper import paper_of

ABOUT_WITH = "\n".join(
    [
        *(f'{key} = "x"' for key in ("title", "test_part", "chosen", "licence", "terms", "limits")),
        "rule = {}",
    ]
)
"""The text of a `set.toml`, for its rule."""

NAMES = ["tiny/mlp-0", "tiny/mlp-1", "tiny/vgg-0", "tiny/vgg-1"]


def test_weights_are_listed_set_by_set(tiny_weights):
    assert zoo.list_weights() == NAMES
    assert zoo.list_weights("tiny") == NAMES
    assert zoo.list_weights("*/vgg-*") == ["tiny/vgg-0", "tiny/vgg-1"]
    with pytest.raises(UnknownWeightsError, match="did you mean 'tiny'"):
        zoo.list_weights("tinny")
    for pattern in (None, ["tiny"]):
        with pytest.raises(ArgumentError, match="pattern must be a text"):
            zoo.list_weights(pattern)


def test_without_weights_the_list_is_empty_and_a_name_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(catalogue, "FOLDER", tmp_path)
    assert zoo.list_weights() == []
    with pytest.raises(UnknownWeightsError, match="comes without weights"):
        find_weights("fer2013")


def test_a_set_without_members_is_no_set(changeable_weights):
    (changeable_weights.parent / "empty").mkdir()
    shutil.copy(changeable_weights / "set.toml", changeable_weights.parent / "empty")
    assert [found.name for found in weight_sets()] == ["tiny"]


def test_members_are_in_the_order_of_their_numbers(tmp_path):
    for name in ("vgg-10", "vgg-9", "mlp", "set", "committee"):
        (tmp_path / f"{name}.toml").touch()
    assert WeightSet(tmp_path).members == ("mlp", "vgg-9", "vgg-10")


def test_a_set_gives_the_best_weights_of_a_model_on_validation_images_first(changeable_weights):
    for member, correct in (("vgg-0", 10), ("vgg-1", 20)):
        path = changeable_weights / f"{member}.toml"
        head, _, rest = path.read_text("utf-8").partition("[scores.validation]\n")
        _, _, rest = rest.partition("\n")
        path.write_text(f"{head}[scores.validation]\ncorrect = {correct}\n{rest}", "utf-8")
    assert [found.member for found in find_weights("tiny", "vgg")] == ["vgg-1", "vgg-0"]
    assert [found.name for found in find_weights("tiny/vgg-0", "vgg")] == ["tiny/vgg-0"]
    turns = weights_in_turn("tiny", [(name, {}) for name in ("vgg", "mlp", "vgg", "vgg")])
    assert [found.member for found in turns if found.paper.model == "vgg"] == [
        "vgg-1", "vgg-0", "vgg-1",
    ]  # fmt: skip


def test_teaching_needs_a_teacher(tiny_weights):
    (paper,) = [found.paper for found in find_weights("tiny/vgg-0")]
    taught = {"teacher": "tiny/mlp-0", "teaching": {"temperature": 2, "share": 0.7}}
    assert paper_of("tiny/a", paper.to_table() | taught).teaching == taught["teaching"]
    for wrong in ({"teacher": ""}, {"teaching": {"share": 1}}, {"teaching": "often"}):
        with pytest.raises(ArgumentError, match="teaching must"):
            paper_of("tiny/a", paper.to_table() | taught | wrong)


@pytest.mark.parametrize(
    ("name", "model", "error", "words"),
    [
        ("tinny", None, UnknownWeightsError, "did you mean 'tiny'"),
        ("tiny/", None, UnknownWeightsError, "Received: 'tiny/'; did you mean 'tiny'"),
        ("tiny/vgg-7", None, UnknownWeightsError, "did you mean 'tiny/vgg-1'"),
        ("tiny", "cnn", UnknownWeightsError, "has weights of mlp, vgg"),
        ("tiny/vgg-0", "mlp", UnknownWeightsError, "has weights of vgg"),
        ("../tiny/vgg-0", None, UnknownWeightsError, "The sets are tiny"),
        (3, None, ArgumentError, "Received: 3"),
    ],
)
def test_an_unknown_name_is_an_error_with_the_closest(tiny_weights, name, model, error, words):
    with pytest.raises(error, match=words):
        find_weights(name, model)


def test_scores_of_a_committee_of_other_members_do_not_count(changeable_weights):
    assert WeightSet(changeable_weights).committee.scores["test"].n == 359
    (changeable_weights / "vgg-1.toml").unlink()
    assert WeightSet(changeable_weights).committee is None


def test_a_damaged_file_of_a_set_is_an_error_that_names_the_file(changeable_weights):
    (changeable_weights / "vgg-0.toml").write_text("model = ", "utf-8")
    with pytest.raises(DataError, match=r"readable file vgg-0\.toml"):
        zoo.build("vgg", weights="tiny/vgg-0")
    (changeable_weights / "vgg-1.toml").write_text('model = "vgg"', "utf-8")
    with pytest.raises(DataError, match=r"vgg-1\.toml must be a file of Zoo that describes"):
        zoo.build("vgg", weights="tiny/vgg-1")


@pytest.mark.parametrize(
    ("file", "text", "expected"),
    [
        ("set.toml", 'title = ""', "must have the keys title, "),
        ("set.toml", ABOUT_WITH.format('"soft"'), "rule must be a table"),
        ("set.toml", ABOUT_WITH.format('{voting = "loud"}'), "must have a rule. voting must be"),
        ("set.toml", ABOUT_WITH.format("{volume = 11}"), "must have a rule. .*volume"),
        ("committee.toml", "members = 3", "scores must be a table"),
        ("committee.toml", "members = 3\nscores = 1", "scores must be a table"),
        ("committee.toml", "members = 3\nscores = {}", "members must be a list of names"),
        ("committee.toml", "members = [1]\nscores = {}", "members must be a list of names"),
        ("committee.toml", "members = []\nscores = {}", "scores must be those on validation and"),
        ("committee.toml", "scores = {test = 1}", "scores.test must have the keys"),
        ("notes.toml", 'to_do = "buy milk"', "if the file is yours, keep it in another folder"),
    ],
)
def test_a_damaged_description_of_a_set_is_an_error_also_at_the_command_line(
    changeable_weights, capsys, file, text, expected
):
    (changeable_weights / file).write_text(text, "utf-8")
    picture = changeable_weights.parent / "digit.png"
    Image.new("L", (8, 8)).save(picture)
    with pytest.raises(DataError, match=f"(?s){re.escape(file)}.*{expected}"):
        pretrained("tiny")
    with pytest.raises(SystemExit, match="2"):
        main(["predict", "tiny", str(picture)])
    assert file in capsys.readouterr().err.replace("\n", "")


def test_members_of_a_set_know_the_same_classes(changeable_weights):
    path = changeable_weights / "vgg-1.toml"
    order = [*map(str, reversed(range(10)))]
    paper = path.read_text("utf-8")
    path.write_text(
        re.sub(r"class_names = \[.*?\]", f"class_names = {order}", paper, flags=re.S), "utf-8"
    )
    with pytest.raises(DataError, match="members of a set must know the same classes"):
        pretrained("tiny")


def test_the_sets_of_the_package_are_whole_and_small():
    sets = [WeightSet(path.parent) for path in FOLDER.glob("*/set.toml")]
    assert sets
    for found in sets:
        assert found.about.rule["voting"]
        for weights in found.weights:
            paper = weights.paper
            assert zoo.describe(paper.model).parameters.keys() >= paper.arguments.keys()
            assert weights.file.read(lambda shapes: None)
            assert found.digests()["trained_on"].size
        assert not found.members or found.committee
    assert sum(path.stat().st_size for path in FOLDER.rglob("*.safetensors")) < 50e6
