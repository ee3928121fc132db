import numpy as np
import pytest
from PIL import Image

import zoo.datasets
from zoo.datasets import as_split
from zoo.ensembles.answering import pictures as module
from zoo.ensembles.answering.pictures import image_options, picture_blocks
from zoo.errors import ArgumentError, DataError

SMALL_GREY = {"image_size": (6, 6), "color": "grayscale"}


@pytest.fixture
def photos(tmp_path):
    """Pictures as people have them, of different sizes, in two class folders."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (9, 12, 4), "uint8")
    turned = Image.Exif()
    turned[0x0112] = 6
    for name in ("cat", "dog"):
        folder = tmp_path / "photos" / name
        folder.mkdir(parents=True)
        Image.fromarray(pixels).save(folder / "alpha.png")
        Image.fromarray(pixels[..., 0]).save(folder / "grey.png")
        Image.fromarray(pixels[:, :7, :3]).save(folder / "turned.jpg", exif=turned)
    return tmp_path / "photos"


@pytest.mark.parametrize("resize", ["stretch", "crop"])
def test_pictures_are_read_exactly_as_the_loader_reads_them(photos, resize):
    options = {**SMALL_GREY, "resize": resize}
    expected = zoo.datasets.load("folder", photos, validation=0, test=0, **options).train.images
    (block,) = picture_blocks(photos, options)
    np.testing.assert_array_equal(block.images, expected)
    opened = [Image.open(path) for path in block.sources]
    (again,) = picture_blocks(opened, options)
    np.testing.assert_array_equal(again.images, expected)


def test_blocks_have_the_pictures_in_order_and_are_read_when_they_are_asked_for(
    photos, monkeypatch
):
    monkeypatch.setattr(module, "BLOCK", 4)
    array = np.zeros((6, 6, 1), "uint8")
    mixed = [photos / "cat", array, str(photos / "dog" / "grey.png"), np.stack([array, array])]
    (photos / "dog" / "late.png").write_bytes(b"")
    blocks = picture_blocks([*mixed, photos / "dog" / "late.png"], SMALL_GREY)
    first, *_ = (
        next(blocks),
        (photos / "dog" / "late.png").write_bytes((photos / "cat" / "grey.png").read_bytes()),
    )
    second = next(blocks)
    assert [getattr(s, "name", s) for s in first.sources] == [
        "alpha.png", "grey.png", "turned.jpg", 3
    ]  # fmt: skip
    assert second.sources == [
        photos / "dog" / "grey.png", 5, 6, photos / "dog" / "late.png"
    ]  # fmt: skip
    assert [*blocks] == []


@pytest.mark.parametrize(
    "pictures",
    [np.zeros((6, 6), "uint8"), np.zeros((6, 6, 1), "uint8"), np.zeros((1, 6, 6, 1), "uint8"),
     Image.new("L", (9, 9)), as_split(np.zeros((1, 6, 6, 1), "uint8"), [0])],
    ids=["grey", "an axis of channels", "several", "Pillow", "a split"],
)  # fmt: skip
def test_a_picture_may_come_as_pixels(pictures):
    (block,) = picture_blocks(pictures, SMALL_GREY)
    assert block.sources == [0]
    np.testing.assert_array_equal(block.images, np.zeros((1, 6, 6, 1)))


def test_damaged_pictures_are_named_or_skipped(photos):
    (photos / "cat" / "broken.jpg").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"cat/broken\.jpg"):
        [*picture_blocks(photos, SMALL_GREY)]
    with pytest.warns(UserWarning, match=r"cat/broken\.jpg"):
        (block,) = picture_blocks(photos, SMALL_GREY, on_error="skip")
    assert block.skipped == [photos / "cat" / "broken.jpg"]
    assert len(block.sources) == len(block.images) == 6


def test_a_block_may_have_damaged_pictures_only(tmp_path):
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    with pytest.warns(UserWarning, match=r"broken\.jpg"):
        (block,) = picture_blocks(tmp_path, SMALL_GREY, on_error="skip")
    assert (block.sources, block.skipped) == ([], [tmp_path / "broken.jpg"])


@pytest.mark.parametrize("pictures", [[], 3, None, [np.zeros((6, 6))]])
def test_what_is_no_picture_is_refused(pictures):
    with pytest.raises((ArgumentError, DataError), match=r"must be .*Received: "):
        [*picture_blocks(pictures, SMALL_GREY)]


def test_a_model_of_any_size_takes_pictures_as_they_are():
    options = image_options((None, None, 1))
    (block,) = picture_blocks(np.zeros((2, 5, 7, 1), "uint8"), options)
    assert block.images.shape == (2, 5, 7, 1)


def test_options_come_from_the_model_and_then_from_the_settings_of_the_data():
    settings = {"image_size": (3, 4), "color": None, "resize": "crop", "seed": 3}
    assert image_options((6, 8, 3), settings) == {
        "image_size": (6, 8), "color": "rgb", "resize": "crop"
    }  # fmt: skip
    assert image_options((None, None, 3), settings)["image_size"] == (3, 4)


def test_a_dataset_is_pictures_unless_it_has_no_end():
    import tensorflow as tf

    pixels = np.random.default_rng(0).integers(0, 256, (5, 4, 4, 1), "uint8")
    dataset = tf.data.Dataset.from_tensor_slices(pixels.astype("float32")).batch(2)
    options = {"image_size": (4, 4), "color": "grayscale"}
    (block,) = picture_blocks(dataset, options)
    np.testing.assert_array_equal(block.images, pixels)
    with pytest.raises(DataError, match="have an end"):
        list(picture_blocks(dataset.repeat(), options))
    with pytest.raises(DataError, match=r"images \* 255"):
        list(picture_blocks(dataset.map(lambda images: images / 255), options))
