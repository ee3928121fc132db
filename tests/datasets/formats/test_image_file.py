import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from zoo.datasets.files.tree import open_tree
from zoo.datasets.formats.image_file import (
    Target,
    find_images,
    open_image,
    read_header,
    read_pixels,
)
from zoo.errors import DataError

GRADIENT = Image.linear_gradient("L")


@pytest.fixture(scope="module")
def large():
    """A grey gradient of 60 million pixels, as JPEG."""
    content = io.BytesIO()
    GRADIENT.resize((10_000, 6_000)).save(content, "JPEG")
    return content.getvalue()


def test_a_large_photograph_is_read_if_it_is_made_small(large):
    with pytest.raises(DataError, match=r"at most 50,000,000 pixels.*6000×10000\. Pass image_size"):
        read_pixels(large, Target((6_000, 10_000), 1), [])
    assert read_header(io.BytesIO(large), is_reduced=True)[:3] == (6_000, 10_000, True)
    pixels = read_pixels(large, Target((16, 16), 1, "stretch"), [])
    expected = np.asarray(GRADIENT.resize((16, 16), Image.Resampling.BILINEAR))
    np.testing.assert_allclose(pixels[..., 0].astype(int), expected, atol=2)


def test_a_large_photograph_that_stays_large_is_refused(large):
    with pytest.raises(DataError, match="Pass a smaller image_size"):
        read_pixels(large, Target((5_999, 9_999), 1, "stretch"), [])


def test_an_image_larger_than_pillow_admits_is_decoded_at_an_eighth():
    content = io.BytesIO()
    Image.new("L", (20_000, 10_000), 77).save(content, "JPEG")
    assert (read_pixels(content.getvalue(), Target((8, 8), 3, "crop"), []) == 77).all()
    with open_image(io.BytesIO(content.getvalue()), size=(8, 8)) as image:
        image.load()
        assert image.size == (2_500, 1_250)


def test_cropping_keeps_the_middle_in_its_shape(image_bytes, rng):
    pixels = rng.integers(0, 256, (8, 4), dtype=np.uint8)
    content = image_bytes(pixels)
    cropped = read_pixels(content, Target((4, 4), 1, "crop"), [])
    np.testing.assert_array_equal(cropped[..., 0], pixels[2:6])


def test_images_are_found_by_suffix_or_content(write, image_bytes):
    files = {
        "1.PNG": b"damaged, but named as an image",
        "2": image_bytes((2, 2)),
        "3.txt": image_bytes((2, 2), "JPEG"),
        "4": b"BM is no image",
        "5": b"",
        "6.gif": image_bytes((2, 2), "GIF"),
    }
    with open_tree(write("tree.tar", files)) as tree:
        assert find_images(tree) == ["1.PNG", "2", "3.txt"]


def with_last_chunk(png, kind, content):
    """A PNG file with one more chunk, behind the pixels."""
    body = kind + content
    chunk = struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))
    return png[:-12] + chunk + png[-12:]


XMP = (
    b"""XML:com.adobe.xmp\0\0\0\0\0<x:xmpmeta><rdf:Description tiff:Orientation="6"/></x:xmpmeta>"""
)


@pytest.mark.parametrize("kind", [b"eXIf", b"iTXt"])
def test_an_orientation_behind_the_pixels_of_a_png_is_applied(image_bytes, rng, kind):
    pixels = rng.integers(0, 256, (2, 3), dtype=np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6  # on its side: to be turned to the right
    content = {b"eXIf": exif.tobytes().removeprefix(b"Exif\0\0"), b"iTXt": XMP}[kind]
    png = with_last_chunk(image_bytes(pixels), kind, content)
    assert read_header(io.BytesIO(png))[:2] == (3, 2)
    turned = read_pixels(png, Target((3, 2), 1), [])
    np.testing.assert_array_equal(turned[..., 0], np.rot90(pixels, -1))
