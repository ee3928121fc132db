"""Images that are refused come with an advice; following it literally gives the right pixels."""

import re

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from zoo.datasets.arrays.images import check_batch, check_images
from zoo.errors import DataError

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (4, 8, 8, 3), "uint8")
PIXELS[0, 0, 0], PIXELS[0, 0, 1] = 0, 255  # the whole range
GREY = PIXELS[..., :1]
GOOD = np.zeros((3, 2, 2, 1), np.uint8)


def advised(images, number=0):
    """Follow the advice of the error: evaluate the expression between backticks."""
    with pytest.raises(DataError) as raised:
        check_images(images)
    expression = re.findall(r"`([^`]+)`", str(raised.value))[number]
    return eval(expression, {"images": images, "np": np, "numpy": np, "Image": Image})


def share(images):
    return images.astype("float32") / 255


VALUES = {
    "0..1": share(PIXELS),
    "0..1 as float64": PIXELS / 255,
    "0..1 as float16": (PIXELS / 255).astype("float16"),
    "0..1 in black and white": (PIXELS > 127).astype("float32"),
    "-1..1": PIXELS / 127.5 - 1,
    "-1..1 as float32": (PIXELS / 127.5 - 1).astype("float32"),
    "-0.5..0.5": PIXELS / 255 - 0.5,
    "bool": PIXELS > 127,
    "uint16 of 16 bits": PIXELS.astype("uint16") * 257,
    "int32 of 16 bits": PIXELS.astype("int32") * 257,
    "float of 16 bits": PIXELS * 257.0,
    "int64": PIXELS.astype("int64"),
    "uint16 up to 255": PIXELS.astype("uint16"),
    "whole floats": PIXELS.astype("float32"),
    "whole float16": PIXELS.astype("float16"),
    "int8": (PIXELS.astype("int16") - 128).astype("int8"),
    "fractions 0..255": PIXELS.astype("float64").clip(0, 254) + 0.25,
    "beyond 0..255 by resizing": PIXELS * 1.05 - 5.5,
    "black": np.zeros((2, 8, 8, 1)),
    "white": np.ones((2, 8, 8, 1)),
    "int 0 and 1": (PIXELS > 127).astype("int64"),
}
RIGHT = {
    "0..1 in black and white": np.where(PIXELS > 127, 255, 0),
    "bool": np.where(PIXELS > 127, 255, 0),
    "int 0 and 1": np.where(PIXELS > 127, 255, 0),
    "fractions 0..255": PIXELS.clip(0, 254),
    "beyond 0..255 by resizing": (PIXELS * 1.05 - 5.5).round().clip(0, 255),
    "black": np.zeros((2, 8, 8, 1)),
    "white": np.full((2, 8, 8, 1), 255),
}


@pytest.mark.parametrize("name", VALUES)
def test_the_advice_for_other_values_gives_the_pixels(name):
    found = check_images(advised(VALUES[name]))
    np.testing.assert_array_equal(found, RIGHT.get(name, PIXELS))


CONTAINERS = {
    "list": PIXELS.tolist(),
    "list of shares": (PIXELS / 255).tolist(),
    "objects": PIXELS.astype(object),
    "objects of shares": (PIXELS / 255).astype(object),
    "series of arrays": pd.Series(list(PIXELS)),
    "PIL of 16 bits": [Image.fromarray(image[..., 0].astype("uint16") * 257) for image in GREY],
}


@pytest.mark.parametrize("name", CONTAINERS)
def test_the_advice_for_other_containers_leads_to_the_pixels(name):
    values = {"images": CONTAINERS[name], "numpy": np}
    for _ in range(3):
        try:
            found = check_images(values["images"])
            break
        except DataError as error:
            for step in re.findall(r"`([^`]+)`", str(error)):
                exec(step if step.startswith("images =") else f"images = {step}", values)
    np.testing.assert_array_equal(found, GREY if name.startswith("PIL") else PIXELS)


def test_dark_values_get_both_readings():
    for bits, factor in ((10, 1023), (12, 4095), (14, 16383)):
        images = (PIXELS * (factor / 255)).round().astype("uint16")
        dark = check_images(advised(images))
        assert np.abs(dark * 257.0 - images).max() <= 257 / 2
        bright = check_images(advised(images, 1))
        np.testing.assert_array_equal(bright, PIXELS, err_msg=f"{bits} bits")
    digits = np.arange(17.0).reshape(-1, 1, 1, 1)  # as in scikit-learn
    np.testing.assert_array_equal(check_images(advised(digits)), digits)
    bright = check_images(advised(digits, 1))
    np.testing.assert_array_equal(bright, (digits * 255 / 16).round())


def test_missing_values_are_counted_and_left_out():
    images = share(PIXELS)
    images[1, 0, 0, 0], images[3] = np.nan, np.inf
    with pytest.raises(DataError, match="float32 with 193 values that are not finite"):
        check_images(images)
    np.testing.assert_array_equal(advised(images), images[[0, 2]])


def test_standardised_values_have_no_way_back():
    images = (PIXELS - PIXELS.mean()) / PIXELS.std() * 2
    for other in (images, images.astype("float32"), PIXELS.astype("int64") - 1000):
        with pytest.raises(DataError, match="Pass the pixels from before they were scaled"):
            check_images(other)


@pytest.mark.parametrize(
    ("images", "right"),
    [
        (np.moveaxis(PIXELS, -1, 1), PIXELS),
        (np.moveaxis(GREY, -1, 1), GREY),
        (np.zeros((2, 3, 24, 32), "uint8"), np.zeros((2, 24, 32, 3), "uint8")),
        (GREY[..., 0], GREY),
        (PIXELS[0], PIXELS[:1]),
        (GREY[0], GREY[:1]),
        (GREY[0, ..., 0], GREY[:1]),
        (PIXELS.reshape(4, -1), PIXELS),
        (GREY.reshape(4, -1), GREY),
    ],
    ids=lambda array: str(array.shape),
)
def test_the_advice_for_another_layout_gives_the_images(images, right):
    np.testing.assert_array_equal(check_images(advised(images)), right)


@pytest.mark.parametrize(
    "shape",
    [(4, 8, 8, 2), (4, 8, 8, 13), (4, 32, 48, 6), (4, 1, 30, 1), (4, 1, 128, 9), (4, 3, 3, 3)],
)
def test_images_of_many_channels_and_rows_of_a_table_pass(shape):
    images = np.zeros(shape, "uint8")
    assert check_images(images) is images


@pytest.mark.parametrize("value", [0, 1, 7, 255])
def test_constant_images_are_no_alarm(value):
    check_images(np.full((3, 8, 8, 1), value, "uint8"))


@pytest.mark.parametrize("kind", ["a mask", "shares of 0 and 1"])
def test_pixels_of_0_and_1_are_black_with_a_warning_that_gives_the_pixels(kind):
    mask = PIXELS > 127
    images = mask.astype("uint8") if kind == "a mask" else mask.astype("float32").astype("uint8")
    with pytest.warns(UserWarning, match="without a pixel above 1, which are black") as warned:
        assert check_images(images) is images  # a picture taken in the dark
    (expression,) = re.findall(r"`([^`]+)`", str(warned[0].message))
    np.testing.assert_array_equal(check_images(eval(expression)), np.where(mask, 255, 0))
    assert warned[0].filename == __file__


def test_the_warning_of_dark_pixels_looks_at_all_images():
    images = np.zeros((600, 2, 2, 1), "uint8")
    images[0, 0, 0] = 1
    images[-1, 0, 0] = 2
    check_images(images)
    with pytest.warns(UserWarning, match="which are black"):
        check_images(images[:-1])


def test_pictures_of_pillow_are_images():
    colour = [Image.fromarray(image) for image in PIXELS]
    np.testing.assert_array_equal(check_images(colour), PIXELS)
    np.testing.assert_array_equal(
        check_images([image.convert("L") for image in colour]).shape, (4, 8, 8, 1)
    )
    # The numbers of a palette are no colours.
    palettes = [image.convert("P") for image in colour]
    np.testing.assert_array_equal(advised(palettes)[0], np.asarray(palettes[0].convert("RGB")))


def test_tensors_are_images():
    class Tensor:
        def __array__(self, dtype=None, copy=None):
            return PIXELS

    assert check_images(Tensor()) is PIXELS


def test_a_tensor_that_cannot_be_an_array_gets_an_advice():
    class Tensor:
        def __array__(self, dtype=None, copy=None):
            raise RuntimeError("requires grad")

    with pytest.raises(DataError, match=r"requires grad.*tensor\.detach\(\)\.cpu\(\)\.numpy"):
        check_images(Tensor())


@pytest.mark.parametrize(
    ("images", "message"),
    [
        ([GOOD[0], GOOD[0, :1]], "have the same shape each.*Resize all images"),
        (np.array([GOOD[0], "a"], object), "object of the shape .*read_images"),
        (["a.png", "b.png"], r"shape \(2,\)\. For paths of files.*datasets\.read_images\(paths\)"),
        ("digits", r"For a data set or a folder.*zoo\.datasets\.load"),
        ([GOOD, np.arange(3)], r"arrays with 4 or 1 axes\. Pass .* a tuple `\(images, labels\)`"),
        ((GOOD, np.arange(3), np.ones(3), np.ones(3)), "a tuple of arrays with 4 or 1 axes"),
        (GOOD.tolist(), r"Make an array first: `images = numpy\.asarray\(images\)`\. Pass"),
        ((image for image in GOOD), "type generator, which may have no end.*concatenate"),
        (iter([GOOD]), "type list_iterator, which may have no end"),
        ({"images": GOOD}, r"type dict\. "),
        (None, "type NoneType"),
        (GOOD[:0], "at least one image.*Check the condition"),
        (GOOD[:, :0], "at least one image"),
        (GOOD[0, 0, 0, 0], r"Received: the shape \(\).*four axes"),
        (np.zeros((3, 7), "uint8"), r"images\.reshape\(-1, height, width, channels\)"),
        (GOOD[None], "four axes"),
        (GOOD.astype(complex), "complex128.*real numbers"),
        ([], "at least one image"),
    ],
)
def test_what_is_no_array_of_images_is_refused(images, message):
    with pytest.raises(DataError, match=message):
        check_images(images)


# --- batches of a dataset -----------------------------------------------------------------


def test_floats_from_0_to_255_pass_in_a_dataset_without_a_change():
    images, brightest = check_batch(PIXELS.astype("float32"), 0)
    assert images.dtype == np.uint8
    assert brightest == 255
    fractions = PIXELS.astype("float64").clip(0, 254) + 0.25
    images, _ = check_batch(fractions, 0)
    assert images.dtype == np.float32
    np.testing.assert_array_equal(images, fractions)


def test_black_batches_of_floats_pass_in_a_dataset():
    black = np.zeros((2, 8, 8, 1), "float32")
    assert check_batch(black, 0)[1] == 0
    assert check_batch(black + 0.5, 200)[1] == 200  # a dark batch among bright ones
    with pytest.raises(DataError, match=r"0\.5 to 0\.5\. In NumPy: pass `\(images \* 255\)"):
        check_batch(black + 0.5, 0)


@pytest.mark.parametrize(
    "name", ["0..1", "-1..1", "bool", "uint16 of 16 bits", "int 0 and 1", "int8"]
)
def test_other_values_are_refused_in_a_dataset_too(name):
    with pytest.raises(DataError, match=r"dataset must be pixels 0\.\.255.*In NumPy: "):
        check_batch(VALUES[name], 0)
