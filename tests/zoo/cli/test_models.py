import numpy as np
import pytest
from PIL import Image

import zoo
from zoo.weights import catalogue
from zoo.weights.catalogue import find_weights


def test_models_lists_every_model(zoo_command):
    code, out, _ = zoo_command("models")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines() if line[:1].isalpha()][1:] == (
        zoo.list_models()
    )


def test_models_takes_a_pattern_and_a_tag(zoo_command):
    _, out, _ = zoo_command("models", "*mlp", "--tag", "batchnorm")
    assert "bn_mlp" in out
    assert "deep_mlp" not in out


def test_describe_shows_parameters_and_recipe(zoo_command):
    code, out, _ = zoo_command("describe", "cnn")
    assert code == 0
    for words in ("dropout", "0.5", "batch_size", "32", "rotation_range 10", "CO395"):
        assert words in out
    assert "shear_range" not in out  # of an augmentation only what it does


def test_weights_lists_sets_with_accuracies_and_their_committees(zoo_command, tiny_weights):
    code, out, _ = zoo_command("weights")
    assert code == 0
    rows = [line.split()[:3] for line in out.splitlines()[1:]]
    assert rows == [["tiny", "2", "mlp"], ["tiny", "2", "vgg"], ["tiny", "4", "committee"]]
    assert "1,230" in out
    assert "a fifth of the digits" in out


def test_weights_of_several_sizes_have_a_row_each(zoo_command):
    _, out, _ = zoo_command("weights")
    rows = [line.split()[1:4] for line in out.splitlines() if line.startswith("fer2013 ")]
    members = [weights.member.partition("-")[0] for weights in find_weights("fer2013", "vgg")]
    assert [str(members.count("vgg")), "vgg", "1,176,359"] in rows
    assert [str(len(members) - members.count("vgg")), "vgg", "295,575"] in rows


@pytest.mark.usefixtures("tiny_weights")
@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("t*", [["tiny", "2", "mlp"], ["tiny", "2", "vgg"], ["tiny", "4", "committee"]]),
        ("*", [["tiny", "2", "mlp"], ["tiny", "2", "vgg"], ["tiny", "4", "committee"]]),
        ("*/vgg-*", [["tiny", "2", "vgg"]]),
        ("tiny/*-1", [["tiny", "1", "mlp"], ["tiny", "1", "vgg"]]),
        ("tin?/vgg-0", [["tiny", "1", "vgg"]]),
    ],
)
def test_weights_takes_a_pattern(zoo_command, pattern, expected):
    code, out, _ = zoo_command("weights", pattern)
    assert code == 0
    assert [line.split()[:3] for line in out.splitlines()[1:]] == expected


@pytest.mark.usefixtures("tiny_weights")
def test_a_row_has_the_accuracy_of_the_best_member_that_a_pattern_matches(zoo_command):
    parts = find_weights("tiny", "mlp")
    for part in parts:
        row = zoo_command("weights", f"*/{part.member}").out.splitlines()[1]
        assert f" {100 * part.paper.scores['test'].accuracy.value:.2f} [" in row


@pytest.mark.parametrize(
    ("name", "is_another_program"), [("mnist/lenet-0", False), ("ferplus/vgg-0", True)]
)
def test_a_paper_says_whether_the_experiment_trains_these_very_networks(
    zoo_command, name, is_another_program
):
    paper = find_weights(name)[0].paper
    assert ("JAX" in paper.environment["machine"]) == is_another_program
    words = " ".join(zoo_command("weights", name).out.split())
    assert f"zoo reproduce {paper.experiment}" in words
    assert ("and not these very networks" in words) == is_another_program


def test_every_paper_that_names_another_program_names_its_version():
    """`zoo weights` looks at the versions, and people read the line about the machine."""
    for name in zoo.list_weights():
        environment = find_weights(name)[0].paper.environment
        assert ("JAX" in environment["machine"]) == ("jax" in environment["versions"]), name


def test_weights_of_a_set_prints_its_papers(zoo_command, tiny_weights):
    code, out, _ = zoo_command("weights", "tiny")
    assert code == 0
    words = " ".join(out.split())
    for expected in (
        *("tiny/vgg-0", "tiny/mlp-1", "Limits: For tests.", "zoo reproduce small", "float16"),
        *("(rotation_range 5.0)", "All members together:", "SHA-256", "n = 359"),
    ):
        assert expected in words
    assert words.count("Licence") == 1


def test_without_weights_a_sentence_says_so(zoo_command, tmp_path, monkeypatch):
    monkeypatch.setattr(catalogue, "FOLDER", tmp_path)
    code, out, _ = zoo_command("weights")
    assert (code, out) == (0, "This version comes without trained weights.\n")


@pytest.mark.usefixtures("tiny_weights")
def test_a_set_answers_about_a_picture_of_any_size(zoo_command, tmp_path):
    pixels = zoo.datasets.load("digits").test.images[1, :, :, 0]
    Image.fromarray(np.kron(pixels, np.ones((5, 5), "uint8"))).convert("RGB").save(
        tmp_path / "three.png"
    )
    code, out, err = zoo_command("predict", "tiny", "three.png", "--csv")
    assert (code, err) == (0, "")
    header, row = out.splitlines()
    assert header == "source,class,probability,uncertainty,mlp-0,mlp-1,vgg-0,vgg-1"
    assert row.startswith("three.png,3,")


@pytest.mark.usefixtures("tiny_weights")
def test_a_training_starts_from_weights_and_says_what_is_new(zoo_command):
    words = ("--epochs", 1, "--data", "digits", "-q", "--log-dir", "run")
    code, _, err = zoo_command("train", "mlp", "--weights", "tiny", "--classes", "1,2", *words)
    assert code == 0
    assert "Note: mlp starts from tiny/mlp-" in err
    assert "a new last layer for 2 classes in place of 10" in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["train", "vgg", "--weights", "tinny"], "--weights must be the name of a set"),
        (["committee", "vgg", "--weights", "tinny"], "--weights must be the name of a set"),
        (["committee", "vgg", "--weights", "2,x"], "--weights must be numbers with commas between"),
        (["train", "cnn", "--weights", "tiny"], "--weights must be of the model cnn"),
        (["weights", "tinny"], "did you mean 'tiny'"),
        (["weights", "*/resnet-*"], "weights must be the name of a set"),
        (["weights", "tiny/vgg-2"], "did you mean 'tiny/vgg-"),
        (["predict", "tinny", "x.png"], "did you mean 'tiny'"),
        (["inspect", "tinny"], "did you mean 'tiny'"),
    ],
)
def test_unknown_weights_are_one_line(zoo_command, tiny_weights, words, message):
    code, out, err = zoo_command(*words)
    assert (code, out) == (2, "")
    assert message in " ".join(err.split())
