import re

import numpy as np
import pytest
from PIL import Image

from zoo.datasets.files.tree import open_tree
from zoo.datasets.formats import decode as decode_module
from zoo.datasets.formats.decode import decode, first_header
from zoo.datasets.formats.image_file import Target
from zoo.errors import DataError


@pytest.fixture
def read(write):
    """Decode one file's content."""

    def read(content, size=(2, 3), channels=3, resize="stretch"):
        with open_tree(write("tree.zip", {"a/x.img": content})) as tree:
            return decode(tree, ["a/x.img"], Target(size, channels, resize)).images[0]

    return read


@pytest.mark.parametrize("format", ["PNG", "BMP", "WEBP"])
def test_lossless_rgb_comes_back_as_it_was(read, image_bytes, rng, format):
    pixels = rng.integers(0, 256, (2, 3, 3), dtype=np.uint8)
    content = image_bytes(pixels, format, **({"lossless": True} if format == "WEBP" else {}))
    np.testing.assert_array_equal(read(content), pixels)


def test_jpeg_comes_back_as_pillow_decodes_it(read, image_bytes, tmp_path):
    content = image_bytes((16, 16, 3), "JPEG")
    (tmp_path / "oracle.jpg").write_bytes(content)
    with Image.open(tmp_path / "oracle.jpg") as oracle:
        np.testing.assert_array_equal(read(content, (16, 16)), np.asarray(oracle))


def test_grey_comes_back_as_it_was_in_one_channel_or_three(read, image_bytes, rng):
    pixels = rng.integers(0, 256, (2, 3), dtype=np.uint8)
    content = image_bytes(pixels)
    np.testing.assert_array_equal(read(content, channels=1), pixels[..., None])
    np.testing.assert_array_equal(read(content), np.repeat(pixels[..., None], 3, -1))


def test_sixteen_bit_grey_is_scaled_not_clipped(read, image_bytes):
    pixels = np.array([[0, 257, 514], [32896, 65278, 65535]], np.uint16)
    expected = np.array([[0, 1, 2], [128, 254, 255]])
    np.testing.assert_array_equal(read(image_bytes(pixels), channels=1)[..., 0], expected)


@pytest.mark.parametrize(
    ("peak", "most", "advice"),
    [
        (4000, "4,095", "for 12 bits, `(images"),
        (200, "255", "Pass `images.astype"),
        (1, "1", "255"),
    ],
)
def test_sixteen_bits_that_are_not_used_are_told_once(write, image_bytes, peak, most, advice):
    values = np.array([[0, peak], [peak // 2, peak]], np.uint16)
    files = {f"{number}.png": image_bytes(values) for number in range(3)}
    with (
        open_tree(write("dark", files)) as tree,
        pytest.warns(UserWarning, match=re.escape(f"dark without a value above {most}, ")) as told,
    ):
        images = decode(tree, sorted(files), Target((2, 2), 1)).images
    (message,) = (str(warning.message) for warning in told)
    assert advice in message
    np.testing.assert_array_equal(images[0, ..., 0], np.rint(values / 257))


def test_a_dark_image_beside_bright_images_is_dark(write, image_bytes):
    values = {"a.png": 2**16 - 1, "b.png": 300, "c.png": 0}
    files = {name: image_bytes(np.full((2, 2), peak, np.uint16)) for name, peak in values.items()}
    with open_tree(write("tree", files)) as tree:
        assert decode(tree, [*files], Target((2, 2), 1)).images[:, 0, 0, 0].tolist() == [255, 1, 0]
        decode(tree, ["c.png"], Target((2, 2), 1))


def test_one_bit_images_are_black_and_white(read, image_bytes):
    pixels = np.array([[True, False, True], [False, True, False]])
    np.testing.assert_array_equal(read(image_bytes(pixels), channels=1)[..., 0], pixels * 255)


def test_transparency_is_laid_on_white(read, image_bytes):
    pixels = np.zeros((2, 3, 4), np.uint8)
    pixels[..., 3] = [[0, 255, 51], [0, 255, 51]]
    expected = np.repeat(np.array([[255, 0, 204]] * 2)[..., None], 3, -1)
    np.testing.assert_array_equal(read(image_bytes(pixels)), expected)


def test_transparent_grey_is_laid_on_white(read, image_bytes):
    image = Image.merge("LA", [Image.new("L", (3, 2), 10), Image.new("L", (3, 2), 0)])
    assert (read(image_bytes(image), channels=1) == 255).all()


def test_palettes_are_resolved(read, image_bytes):
    image = Image.new("P", (3, 2), 1)
    image.putpalette([0, 0, 0, 10, 20, 30])
    assert (read(image_bytes(image)) == [10, 20, 30]).all()
    assert (read(image_bytes(image, transparency=1)) == 255).all()


def test_orientation_is_respected(read, image_bytes, write):
    pixels = np.zeros((2, 3), np.uint8)
    pixels[0, 0] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter clockwise
    content = image_bytes(pixels, exif=exif.tobytes())
    np.testing.assert_array_equal(
        read(content, (3, 2), channels=1, resize=None)[..., 0], np.rot90(pixels, -1)
    )
    with open_tree(write("tree.zip", {"x.png": content})) as tree:
        assert first_header(tree, ["x.png"], is_reduced=False)[:3] == (3, 2, True)


def test_resize_is_pillows_bilinear(read, image_bytes, rng):
    pixels = rng.integers(0, 256, (9, 7, 3), dtype=np.uint8)
    oracle = Image.fromarray(pixels).resize((4, 5), Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(read(image_bytes(pixels), (5, 4)), np.asarray(oracle))


def test_another_size_is_refused_without_resize(read, image_bytes):
    with pytest.raises(DataError, match=r"a/x\.img in .*must have 2×3 pixels\. Received: 8×9"):
        read(image_bytes((8, 9)), resize=None)


def test_the_header_tells_size_and_greyness(write, image_bytes):
    files = {
        "grey.png": image_bytes((4, 5)),
        "color.jpg": image_bytes((6, 7, 3), "JPEG"),
        "deep.png": image_bytes(np.zeros((2, 2), np.uint16)),
    }
    with open_tree(write("tree.zip", files)) as tree:
        headers = [first_header(tree, [name], is_reduced=False)[:3] for name in files]
        assert headers == [(4, 5, True), (6, 7, False), (2, 2, True)]


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "BMP"])
def test_every_truncation_is_a_data_error_that_names_the_file(read, image_bytes, format):
    content = image_bytes((16, 16, 3), format)
    for length in range(0, len(content) * 3 // 4, 29):
        with pytest.raises(DataError, match=r"a/x\.img in .*tree\.zip"):
            read(content[:length], (16, 16))


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "BMP"])
def test_damage_gives_an_image_or_a_data_error(read, image_bytes, rng, format):
    content = image_bytes((16, 16, 3), format)
    for _ in range(60):
        damaged = bytearray(content)
        for place in rng.integers(0, len(content), 4):
            damaged[place] = rng.integers(256)
        try:
            image = read(bytes(damaged), (16, 16))
        except DataError as error:
            assert re.match(r"a/x\.img in .*tree\.zip", str(error))  # noqa: PT017
        else:
            assert image.shape == (16, 16, 3)


def test_other_formats_are_refused(read, image_bytes):
    with pytest.raises(DataError, match=r"must be a readable image \(BMP, JPEG, PNG, WEBP\)"):
        read(image_bytes((4, 4), "GIF"))


# our own limits, Pillow's warning, Pillow's error
@pytest.mark.parametrize(
    ("pixels", "resize"), [(60_000_000, None), (110_000_000, "stretch"), (200_000_000, "stretch")]
)
def test_decompression_bombs_are_refused_before_they_are_decoded(read, image_bytes, pixels, resize):
    content = bytearray(image_bytes(np.zeros((1, 1), bool), "BMP"))
    content[18:22] = (pixels // 1000).to_bytes(4, "little")
    content[22:26] = (1000).to_bytes(4, "little")
    with pytest.raises(DataError, match=r"a/x\.img in .*pixels"):
        read(bytes(content), resize=resize)


def test_images_that_fit_no_memory_are_a_data_error(read, image_bytes):
    with pytest.raises(DataError, match="Pass a smaller image_size"):
        read(image_bytes((2, 2)), size=(2**31, 2**31))


@pytest.mark.parametrize("threshold", [0, 2**40], ids=["threads", "no threads"])
def test_threads_change_nothing(write, image_bytes, monkeypatch, threshold):
    monkeypatch.setattr(decode_module, "_BYTES_WORTH_A_THREAD", threshold)
    files = {f"{number}.png": image_bytes((3, 3)) for number in range(50)}
    with open_tree(write("tree.zip", files)) as tree:
        together = decode(tree, list(files), Target((3, 3), 1)).images
        for name, image in zip(files, together, strict=True):
            alone = decode(tree, [name], Target((3, 3), 1)).images[0]
            np.testing.assert_array_equal(alone, image)
    files["30.png"] = b"damaged"
    path = write("tree.zip", files)
    with open_tree(path) as tree, pytest.raises(DataError, match=r"^30\.png"):
        decode(tree, list(files), Target((3, 3), 1))


def test_png_whose_pixels_have_another_checksum_is_refused(read, image_bytes):
    content = bytearray(image_bytes(np.full((60, 60), 7, np.uint8)))
    content[content.index(b"IDAT") + 20] ^= 1
    with pytest.raises(DataError, match=r"a/x\.img in .* must be a readable image"):
        read(bytes(content))


def test_jpeg_of_many_scans_is_not_decoded(read, image_bytes):
    """Each scan goes over all pixels, and takes some bytes only."""
    content = image_bytes((64, 64), "JPEG", progressive=True)
    start = content.rindex(b"\xff\xda")
    scan = content[start : content.rindex(b"\xff\xd9")]
    with pytest.raises(DataError, match="a JPEG file of at most 100 scans"):
        read(content[:start] + scan * 101 + b"\xff\xd9")


def test_start_of_scan_bytes_outside_of_a_jpeg_image_are_no_scans(read, image_bytes):
    """Noise in a large PNG or BMP file holds them, and the video behind a phone's photograph."""
    pixels = np.tile(np.array([0xFF, 0xDA, 0], np.uint8), (20, 20, 1))
    content = image_bytes(pixels, "BMP")
    assert content[::-1].count(b"\xff\xda") > 100
    np.testing.assert_array_equal(read(content, (20, 20)), pixels)
    photograph = image_bytes((16, 16, 3), "JPEG")
    video = b"\xff\xda" * 500
    np.testing.assert_array_equal(read(photograph + video, (16, 16)), read(photograph, (16, 16)))
