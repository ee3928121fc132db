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


@pytest.mark.parametrize("color", ["grayscale", "rgb", None])
def test_a_model_of_any_size_takes_pictures_of_several_sizes_and_skips_damaged_ones(photos, color):
    (photos / "cat" / "broken.jpg").write_bytes(b"no picture")
    options = {"image_size": None, "color": color, "resize": "crop"}
    with pytest.warns(UserWarning, match=r"1 of 1 images cannot be read.*cat/broken\.jpg"):
        blocks = [*picture_blocks([photos / "cat", photos / "cat/grey.png"], options, "skip")]
    names = [path.name for block in blocks for path in block.sources]
    sizes = [block.images.shape[1:3] for block in blocks if block.sources]
    assert names == ["alpha.png", "grey.png", "turned.jpg", "grey.png"]
    assert sizes[-2:] == [(7, 9), (9, 12)]
    assert [path.name for block in blocks for path in block.skipped] == ["broken.jpg"]
    for block in blocks:
        for path, image in zip(block.sources, block.images, strict=True):
            np.testing.assert_array_equal(image, zoo.datasets.read_images(path, color=color)[0])
    with pytest.raises(DataError, match=r"cat/broken\.jpg must be a readable image"):
        [*picture_blocks(photos, options)]


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


def test_a_generator_is_read_block_by_block(photos, monkeypatch):
    monkeypatch.setattr(module, "BLOCK", 4)
    taken = []

    def endless():
        pixels = np.zeros((6, 6, 1), "uint8")  # as a camera does, which fills the same array
        for number in range(10**9):
            taken.append(number)
            pixels[:] = number % 256
            yield pixels if number != 2 else photos / "cat" / "grey.png"

    blocks = picture_blocks(endless(), SMALL_GREY)
    first, second = next(blocks), next(blocks)
    assert first.sources == [0, 1, photos / "cat" / "grey.png", 3]
    assert second.sources == [4, 5, 6, 7]
    assert first.images[[0, 1, 3], 0, 0, 0].tolist() == [0, 1, 3]
    assert second.images[:, 0, 0, 0].tolist() == [4, 5, 6, 7]
    assert len(taken) <= 9


def test_a_generator_of_paths_and_pictures_gives_the_answers_of_a_list(photos, monkeypatch):
    monkeypatch.setattr(module, "BLOCK", 2)
    array = np.full((6, 6, 1), 7, "uint8")
    mixed = [array, photos / "cat", str(photos / "dog/*.png"), Image.new("L", (9, 9)), [array]]
    listed = [*picture_blocks(mixed, SMALL_GREY)]
    generated = [*picture_blocks(iter(mixed), SMALL_GREY)]
    assert [block.sources for block in generated] == [block.sources for block in listed]
    for block, same in zip(generated, listed, strict=True):
        np.testing.assert_array_equal(block.images, same.images)
    with pytest.raises(DataError, match=r"gone\.png, lost\.png, where there is no picture"):
        next(picture_blocks(iter(["gone.png", "lost.png"]), SMALL_GREY))


def test_a_block_has_fewer_large_pictures(monkeypatch):
    monkeypatch.setattr(module, "BLOCK_BYTES", 500)
    arrays = [np.zeros((10, 10, 3), "uint8")] * 3  # 300 bytes each
    for pictures in (arrays, iter(arrays), [Image.new("RGB", (10, 10))] * 3):
        blocks = picture_blocks(pictures, SMALL_GREY)
        assert [block.sources for block in blocks] == [[0, 1], [2]]


DARK = np.random.default_rng(0).integers(0, 2, (3, 6, 6, 1), "uint8")


OTHER_RANGES = {
    "0..1": DARK / 1.0,
    "a picture": (DARK / 1.0)[0],
    "list": [*DARK / 1.0],
    "generator": iter(DARK / 1.0),
    "0..0.5": DARK / 2,
    "-1..1": DARK * 2.0 - 1,
    "bool": DARK > 0,
    "16 bits": DARK.astype("uint16") * 65535,
    "NaN": DARK * np.nan,
    "grey pictures without channels": np.zeros((3, 6, 6), "uint8") / 2,
    "Pillow": [Image.fromarray(DARK[0, ..., 0] / np.float32(2))],
}


@pytest.mark.parametrize("pictures", OTHER_RANGES.values(), ids=OTHER_RANGES)
def test_pictures_of_another_range_are_refused_with_an_advice(pictures):
    advice = r"pixels 0\.\.255.*Received: .*(Pass|Leave out|For 16 bits)"
    with pytest.raises(DataError, match=advice):
        [*picture_blocks(pictures, SMALL_GREY)]


def test_dark_pixels_are_pixels_with_a_warning():
    with pytest.warns(UserWarning, match=r"which are black. Pass `images \* 255` if 1 is white"):
        (block,) = picture_blocks(DARK, SMALL_GREY)
    np.testing.assert_array_equal(block.images, DARK)
