import numpy as np
import pytest
from google.protobuf import text_format
from tensorboard.plugins.projector.projector_config_pb2 import ProjectorConfig

from zoo.inspect import features, log_features
from zoo.inspect.watching.feature_log import MOST_VALUES, _shortened


def test_a_committee_has_an_embedding_for_each_member(trained, test_split, tmp_path):
    committee, _ = trained[True]
    folder = log_features(committee, test_split, run=tmp_path, count=1000)
    assert folder == tmp_path / "committee"
    assert list(folder.glob("*.tfevents.*"))
    config = text_format.Parse((folder / "projector_config.pbtxt").read_text(), ProjectorConfig())
    assert [embedding.tensor_name for embedding in config.embeddings] == ["first", "second"]
    lines = (folder / "projector" / "images.tsv").read_text("utf-8").splitlines()
    header, *rows = (line.split("\t") for line in lines)
    assert header == ["label", "answer", "right", "confidence", "votes"]
    chosen = test_split.sample(len(test_split))
    names = np.array(test_split.class_names)
    np.testing.assert_array_equal([row[0] for row in rows], names[chosen.labels])
    answers = committee.predict(chosen.images).argmax(axis=1)
    np.testing.assert_array_equal([row[1] for row in rows], names[answers])
    is_right = answers == chosen.labels
    assert [row[2] for row in rows] == ["right" if right else "wrong" for right in is_right]
    votes = committee.votes(chosen.images)
    assert [row[4] for row in rows] == [", ".join(names[column]) for column in votes.T]
    layer = next(layer.name for layer in committee.members[1].layers if "dropout" in layer.name)
    np.testing.assert_allclose(
        np.loadtxt(folder / config.embeddings[1].tensor_path),
        features(committee.members[1], chosen, layer),
        rtol=1e-4,
        atol=1e-6,
    )


@pytest.mark.parametrize("name", ["subclassed", "nested", "sigmoid"])
def test_a_single_model_has_its_own_folder(models, images, tmp_path, name):
    model = models[name]
    folder = log_features(model, images, [0, 1, 1, 0, 1], run=tmp_path, count=3)
    assert folder == tmp_path / "models" / model.name
    assert len((folder / "projector" / "images.tsv").read_text().splitlines()) == 4


def test_long_features_keep_their_distances_nearly():
    rng = np.random.default_rng(1)
    values = rng.standard_normal((6, 5000)).astype("float32")
    short = _shortened(values)
    assert short.shape == (6, MOST_VALUES)
    before = np.linalg.norm(values[:, None] - values, axis=-1)
    after = np.linalg.norm(short[:, None] - short, axis=-1)
    np.testing.assert_allclose(after, before, rtol=0.15)
    assert _shortened(values[:, :8]).shape == (6, 8)
