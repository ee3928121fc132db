import numpy as np
import pytest
from google.protobuf import text_format
from PIL import Image
from tensorboard.plugins.projector.projector_config_pb2 import ProjectorConfig

from zoo.tensorboard.projector import LARGEST_SPRITE, LARGEST_THUMBNAIL, sprite_of, write_embeddings


def images(count, height=6, width=8, channels=1):
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (count, height, width, channels)).astype("uint8")


def test_files_hold_a_row_for_each_image(tmp_path):
    features = {"cnn": np.arange(6.0).reshape(3, 2), "mlp": np.ones((3, 4)) / 3}
    columns = {"label": ["a", "b", "a"], "right": [True, False, True]}
    write_embeddings(tmp_path, features, columns, images(3))
    config = text_format.Parse(
        (tmp_path / "projector_config.pbtxt").read_text("utf-8"), ProjectorConfig()
    )
    assert [embedding.tensor_name for embedding in config.embeddings] == ["cnn", "mlp"]
    for embedding, values in zip(config.embeddings, features.values(), strict=True):
        np.testing.assert_allclose(np.loadtxt(tmp_path / embedding.tensor_path), values, rtol=1e-5)
        assert list(embedding.tensor_shape) == list(values.shape)
        assert list(embedding.sprite.single_image_dim) == [8, 6]
        assert (tmp_path / embedding.sprite.image_path).is_file()
        rows = (tmp_path / embedding.metadata_path).read_text("utf-8").splitlines()
        assert rows == ["label\tright", "a\tTrue", "b\tFalse", "a\tTrue"]


def test_names_cannot_break_rows_and_columns(tmp_path):
    columns = {
        "label": ["tab\there", "line\nbreak\r\n", "", "$5 \udce9 & ünïcode 猫"],
        "n": range(4),
    }
    write_embeddings(tmp_path, {"cnn": np.zeros((4, 2))}, columns, images(4))
    text = (tmp_path / "projector" / "images.tsv").read_text("utf-8")
    rows = [line.split("\t")[0] for line in text.split("\n")]
    assert rows == ["label", "tab here", "line break", "-", r"$5 \udce9 & ünïcode 猫", ""]


@pytest.mark.parametrize("channels", [1, 3])
def test_thumbnails_stand_row_by_row(channels):
    shown = images(5, channels=channels)
    (width, height), picture = sprite_of(shown)
    assert (width, height, picture.size) == (8, 6, (24, 18))
    pixels = np.asarray(picture)
    np.testing.assert_array_equal(pixels[6:12, 8:16], np.broadcast_to(shown[4], (6, 8, 3)))
    assert pixels[6:12, 16:].max() == 0


@pytest.mark.parametrize(("count", "side"), [(4, 300), (40_000, 64)])
def test_the_sprite_is_no_larger_than_tensorboard_can_show(count, side):
    (width, height), picture = sprite_of(np.zeros((count, side, side // 2, 1), "uint8"))
    assert max(picture.size) <= LARGEST_SPRITE
    assert max(width, height) <= LARGEST_THUMBNAIL
    assert height in (2 * width, 2 * width + 1)


def test_an_earlier_projection_is_replaced(tmp_path):
    for count in (4, 2):
        columns = {"label": ["a"] * count, "n": range(count)}
        write_embeddings(tmp_path, {"cnn": np.zeros((count, 2))}, columns, images(count))
    with Image.open(tmp_path / "projector" / "images.png") as picture:
        assert picture.size == (16, 12)
    assert len((tmp_path / "projector" / "images.tsv").read_text().splitlines()) == 3
