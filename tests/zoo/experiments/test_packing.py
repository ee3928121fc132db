import json
import shutil

import numpy as np
import pytest

from zoo.datasets import load
from zoo.ensembles import Committee
from zoo.errors import ArgumentError, DataError, RunError
from zoo.experiments import packing, reproduce
from zoo.registry import build
from zoo.registry.named_weights import named_weights
from zoo.weights.catalogue import WeightSet, find_weights


def changed_run(run, tmp_path, **settings):
    """A copy of a run folder with other settings."""
    copy = tmp_path / "run"
    shutil.copytree(run, copy)
    path = copy / "experiment.json"
    written = json.loads(path.read_text("utf-8"))
    written["settings"] |= settings
    path.write_text(json.dumps(written), "utf-8")
    return copy


def test_packed_weights_are_those_of_the_run_rounded(weights_run, tiny_weights):
    trained = Committee.load(weights_run / "seed-1" / "committee.keras")
    (weights,) = find_weights("tiny/vgg-1")
    arrays = weights.file.read(lambda shapes: None)
    for name, variable in named_weights(trained.members[0]).items():
        exact = np.asarray(variable)
        kept = exact.astype(np.float16) if exact.ndim > 1 else exact
        assert arrays[name].dtype == kept.dtype
        assert np.array_equal(arrays[name], kept)


def test_the_paper_has_what_the_run_had(weights_run, tiny_weights):
    paper = find_weights("tiny/vgg-1")[0].paper
    assert paper.arguments["width"] == 4
    assert paper.arguments["blocks"] == 2
    assert paper.recipe.augmentation.rotation_range == 5
    assert (paper.seed, paper.experiment) == (1, "small")
    assert paper.seconds > 0
    assert paper.data.images["validation"] == paper.scores["validation"].n
    assert paper.environment["cores"] >= 1
    assert paper.rounding.kernels == "float16"
    assert 0 < paper.rounding.largest_difference < packing.MOST_CHANGED


GOES_ON = """
title = "weights that go on"
report = "a test"
place = "here"
minutes = 0.1

[data]
name = "digits"
options = {validation = 0.3}

[teacher]
weights = "tiny/mlp-0"

[protocol]
seeds = [1, 0]

[[members]]
name = "next"
model = "vgg"
arguments = {weights = "tiny/vgg-{seed}"}
recipe = {epochs = 1}
"""


def test_weights_that_went_on_from_others_know_their_images_and_name_them(
    changeable_weights, tmp_path
):
    file = tmp_path / "goes_on.toml"
    file.write_text(GOES_ON, "utf-8")
    with pytest.warns(UserWarning, match="validation images are training images too"):
        reproduce(str(file), log_dir=tmp_path / "run", verbose=0)
    folder = changeable_weights.parent / "later"
    folder.mkdir()
    shutil.copy(changeable_weights / "set.toml", folder)
    assert packing.pack(tmp_path / "run", "later") == ["later/next-0", "later/next-1"]
    digits = load("digits", validation=0.2)
    for weights, name in zip(find_weights("later"), ("tiny/vgg-0", "tiny/vgg-1"), strict=True):
        (before,) = find_weights(name)
        assert weights.paper.arguments == before.paper.arguments
        assert weights.paper.recipe.standardize == before.paper.recipe.standardize == "per_image"
        committee = Committee(build("vgg", weights=weights.name))
        right = committee.predict(digits.test).argmax(axis=1) == digits.test.labels
        assert weights.paper.scores["test"].correct == right.sum()
        assert (weights.paper.began_with, weights.paper.teacher) == (name, "tiny/mlp-0")
        assert weights.paper.teaching.keys() == {"temperature", "share"}
    known, known_before = weights.of.digests(), before.of.digests()
    assert set(known["trained_on"]) >= set(known_before["trained_on"])
    assert set(known["tuned_on"]) > set(known_before["tuned_on"])
    with pytest.raises(ArgumentError, match="of the same images"):
        packing.pack(tmp_path / "run", "tiny")


def test_kernels_stay_in_float32_where_rounding_changes_an_answer():
    exact = {part: np.array([[0.6, 0.4], [0.5005, 0.4995]]) for part in ("validation", "test")}
    same = packing._effect_of_rounding(exact, exact)
    assert (same.kernels, same.changed) == ("float16", 0)
    tie = {**exact, "test": np.array([[0.6, 0.4], [0.4999, 0.5001]])}
    assert packing._effect_of_rounding(exact, tie).changed == 1
    other = {**exact, "test": np.array([[0.4, 0.6], [0.5005, 0.4995]])}
    assert packing._effect_of_rounding(exact, other) is None
    assert packing._rounded(np.full((2, 2), 1e6, np.float32)).dtype == np.float32


def test_packing_again_writes_the_same(weights_run, changeable_weights, capsys):
    names = ("vgg-0.safetensors", "mlp-1.toml", "committee.toml", "images.safetensors")
    before = [(changeable_weights / name).read_bytes() for name in names]
    packing.main([str(weights_run), "--set", "tiny"])
    assert capsys.readouterr().out.split() == [
        "tiny/vgg-0", "tiny/mlp-0", "tiny/vgg-1", "tiny/mlp-1",
    ]  # fmt: skip
    assert [(changeable_weights / name).read_bytes() for name in names] == before
    assert WeightSet(changeable_weights).committee is not None


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"quick": True}, "without quick"),
        ({"sweep": {"member": "vgg"}}, "without sweep"),
        ({"protocol": {"new_splits": True}}, "whose seeds share the images"),
    ],
)
def test_a_run_that_cannot_give_weights_is_refused(weights_run, tmp_path, settings, words):
    with pytest.raises(ArgumentError, match=words):
        packing.Run.read(changed_run(weights_run, tmp_path, **settings))


@pytest.mark.parametrize("settings", [{"protocol": 5}, {"members": [1]}, {"data": None}])
def test_a_run_whose_settings_are_damaged_is_named(weights_run, tmp_path, settings):
    with pytest.raises(RunError, match=r"experiment\.json, which is damaged"):
        packing.Run.read(changed_run(weights_run, tmp_path, **settings))


def test_a_folder_without_a_run_is_refused_in_a_line(tmp_path, capsys):
    with pytest.raises(RunError, match="must be the folder of a run of `zoo reproduce`"):
        packing.Run.read(tmp_path)
    with pytest.raises(SystemExit, match="2"):
        packing.main([str(tmp_path / "nowhere"), "--set", "mnist"])
    assert "without experiment.json" in " ".join(capsys.readouterr().err.split())


def test_other_images_are_refused(weights_run, changeable_weights, tmp_path):
    data = {"name": "digits", "options": {"validation": 0.3}}
    copy = changed_run(weights_run, tmp_path, data=data)
    with pytest.raises(DataError, match="must be those of the run"):
        packing.pack(copy, "tiny")
    for path in changeable_weights.glob("vgg-0.toml"):
        path.write_text(path.read_text("utf-8").replace('test = "', 'test = "0'), "utf-8")
    with pytest.raises(ArgumentError, match="of the same images"):
        packing.pack(weights_run, "tiny")


def test_a_set_needs_what_people_say_of_it(weights_run, changeable_weights):
    with pytest.raises(DataError, match=r"readable file set\.toml"):
        packing.pack(weights_run, "other")
    with pytest.raises(ArgumentError, match="must be a set and a member"):
        packing.pack(weights_run, "../other")
