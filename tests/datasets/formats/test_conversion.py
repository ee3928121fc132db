import numpy as np
import pytest
from PIL import Image

import zoo.datasets
from zoo.datasets.formats.conversion import ImageConversion, concatenate_splits, in_memory
from zoo.datasets.split import Split
from zoo.errors import DataError


def test_nothing_to_do_is_the_same_array(rng):
    images = rng.integers(0, 256, (3, 4, 5, 1), dtype=np.uint8)
    for conversion in (
        ImageConversion(),
        ImageConversion(size=(4, 5)),
        ImageConversion(color="grayscale"),
    ):
        assert conversion.convert("train", images) is images


def test_grey_and_size_are_pillows(rng):
    images = rng.integers(0, 256, (3, 9, 7, 3), dtype=np.uint8)
    fitted = ImageConversion(size=(4, 5), color="grayscale").convert("train", images)
    assert fitted.shape == (3, 4, 5, 1)
    for image, converted_image in zip(images, fitted, strict=True):
        expected = Image.fromarray(image).convert("L").resize((5, 4), Image.Resampling.BILINEAR)
        np.testing.assert_array_equal(converted_image[..., 0], np.asarray(expected))


def test_grey_becomes_colour(rng):
    images = rng.integers(0, 256, (2, 4, 4, 1), dtype=np.uint8)
    fitted = ImageConversion(color="rgb").convert("train", images)
    np.testing.assert_array_equal(fitted, images.repeat(3, axis=-1))


def test_images_are_put_where_they_are_asked_to(rng):
    rooms = {}

    def new(part, shape):
        rooms[part] = in_memory(part, shape)
        return rooms[part]

    images = rng.integers(0, 256, (2, 4, 4, 3), dtype=np.uint8)
    conversion = ImageConversion(color="grayscale", new=new)
    assert conversion.convert("train", images) is rooms["train"]
    splits = [Split(part, images, np.array([0, 1]), ("a", "b")) for part in ("one", "two")]
    both = concatenate_splits("both", splits, conversion)
    assert both.images is rooms["both"]
    np.testing.assert_array_equal(both.images, np.concatenate([images, images]))
    assert both.labels.tolist() == [0, 1, 0, 1]


def test_too_much_for_memory_is_a_data_error():
    with pytest.raises(DataError, match="Pass a smaller image_size"):
        in_memory("train", (10**9, 10**4, 10**4, 3))


@pytest.mark.parametrize("cache", [True, False])
def test_every_data_set_takes_size_and_colour(write, rng, cache):
    data = zoo.datasets.load("digits", image_size=(4, 6), color="rgb", cache=cache)
    assert data.image_shape == (4, 6, 3)
    names = [*(f"data_batch_{k}.bin" for k in range(1, 6)), "test_batch.bin"]
    batch = np.hstack([np.arange(10)[:, None], rng.integers(0, 256, (10, 3072))]).astype("u1")
    root = write("cifar10", dict.fromkeys(names, batch.tobytes()))
    whole = zoo.datasets.load("cifar10", root, validation=0, cache=cache).train.images
    data = zoo.datasets.load("cifar10", root, image_size=8, color="grayscale", cache=cache)
    assert data.image_shape == (8, 8, 1)
    expected = whole.mean((1, 2)) @ [0.299, 0.587, 0.114]
    found = np.sort(np.concatenate([data.train.images, data.validation.images]).mean((1, 2, 3)))
    np.testing.assert_allclose(found, np.sort(expected), atol=3)


def test_parts_without_label_shares_join_parts_that_have_shares(rng):
    images = rng.integers(0, 256, (3, 4, 5, 1), dtype=np.uint8)
    labels, names = np.array([0, 2, 1]), ("a", "b", "c")
    shares = np.float32([[0.5, 0.5, 0], [0, 0, 1], [0.1, 0.8, 0.1]])
    voted = Split("voted", images, labels, names, label_shares=shares)
    plain = Split("plain", images, labels, names)
    both = concatenate_splits("both", [voted, plain], ImageConversion())
    np.testing.assert_array_equal(both.label_shares, [*shares, *np.eye(3)[labels]])
    assert both.label_shares.dtype == np.float32
    assert concatenate_splits("both", [plain, plain], ImageConversion()).label_shares is None
