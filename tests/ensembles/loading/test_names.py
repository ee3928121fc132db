import shutil

import pytest

import zoo
from zoo.ensembles.evaluate import evaluate_file
from zoo.ensembles.loading.names import committee_of, is_weights, settings_of
from zoo.errors import DataError


def test_a_name_of_a_set_or_member_gives_its_committee(tiny_weights):
    assert is_weights("tiny")
    assert is_weights("tiny/vgg-0")
    assert committee_of("tiny/vgg-0").member_names == ("vgg-0",)
    assert settings_of("tiny") == {"name": "digits", "validation": 0.2, "seed": 0}


def test_a_file_and_a_run_folder_win_and_another_folder_does_not(
    tiny_weights, tmp_path, monkeypatch, caplog
):
    monkeypatch.chdir(tmp_path)
    zoo.build("softmax", input_shape=(8, 8, 1)).save("saved.keras")
    assert committee_of("saved.keras").member_names == ("softmax",)
    assert not caplog.records
    (tmp_path / "tiny").mkdir()  # perhaps images
    assert len(committee_of("tiny").members) == 4
    assert "the set of weights is taken, not the folder" in caplog.text
    shutil.copy("saved.keras", tmp_path / "tiny" / "committee.keras")
    assert not is_weights("tiny")
    assert committee_of("tiny").member_names == ("softmax",)
    assert settings_of("tiny") == {}
    shutil.rmtree(tmp_path / "tiny")
    (tmp_path / "tiny").touch()
    with pytest.raises(DataError, match=r"is not a \.keras file"):
        committee_of("tiny")
    assert "tiny is a set of weights and also a path here: the file is taken." in caplog.text


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("tinny", "a set of trained weights. Received: tinny, .*; did you mean 'tiny'"),
        ("tiny/vgg-9", "did you mean 'tiny/vgg-1'"),
        ("gone.keras", r"gone\.keras, which does not exist"),
    ],
)
def test_a_word_that_is_neither_is_an_error(tiny_weights, tmp_path, monkeypatch, name, words):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=words):
        settings_of(name)


def test_a_set_is_judged_on_the_images_of_its_training(tiny_weights, caplog):
    report = evaluate_file("tiny/mlp-0")
    paper = zoo.weights.weight_sets()[0].weights[0].paper
    assert report.committee.accuracy == paper.scores["test"].accuracy
    assert not caplog.records


def test_other_images_than_those_of_the_papers_are_told(changeable_weights, caplog):
    paper = changeable_weights / "mlp-0.toml"
    checksum = zoo.weights.weight_sets()[0].weights[0].paper.data.fingerprint["test"]
    paper.write_text(paper.read_text("utf-8").replace(checksum, "00000000"), "utf-8")
    evaluate_file("tiny/mlp-0", split="validation")
    evaluate_file("tiny/mlp-0", classes=["3", "8"])  # other images, as it was asked for
    assert not caplog.records
    evaluate_file("tiny/mlp-0")
    (told,) = caplog.messages
    assert told.startswith("The test images are not those in the papers of tiny/mlp-0: 359 here, 3")
