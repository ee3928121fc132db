import os

import numpy as np
import pytest
from PIL import Image

import zoo.datasets
from zoo.datasets import read_image_blocks, read_images
from zoo.errors import ArgumentError, DataError


@pytest.fixture
def paths(write, image_bytes):
    """Three pictures of different kinds and sizes."""
    files = {
        "a.png": image_bytes((6, 5, 3)),
        "b.jpg": image_bytes((16, 12, 3), "JPEG"),
        "c": image_bytes((6, 5), "BMP"),
    }
    root = write("pictures", files)
    return [root / name for name in files]


def test_pictures_are_read_as_the_loader_reads_a_folder(write, image_bytes):
    files = {f"{name}/{k}.jpg": image_bytes((9, 7, 3), "JPEG") for name in "ab" for k in range(3)}
    root = write("pets", files)
    options = {"image_size": (4, 5), "color": "grayscale", "resize": "crop"}
    data = zoo.datasets.load("folder", root, validation=0, test=0, **options)
    images = read_images([root / name for name in files], **options)
    np.testing.assert_array_equal(images, data.train.images)


def test_a_single_path_is_read_as_one_image(paths):
    for path in (paths[0], str(paths[0])):
        assert read_images(path).shape == (1, 6, 5, 3)


def test_images_are_grey_if_all_are_and_rgb_otherwise(paths):
    assert read_images(paths[2]).shape == (1, 6, 5, 1)
    assert read_images([paths[2], paths[0]]).shape == (2, 6, 5, 3)
    assert read_images([paths[2]], color="rgb").shape == (1, 6, 5, 3)


def test_images_of_different_sizes_need_an_image_size(paths):
    with pytest.raises(DataError, match=r"6×5 \(.*a\.png\) and 16×12 \(.*b\.jpg"):
        read_images(paths)
    assert read_images(paths, 4).shape == (3, 4, 4, 3)


def test_pil_images_and_arrays_are_read_too(paths, rng):
    pixels = rng.integers(0, 256, (6, 5, 3), dtype=np.uint8)
    image = Image.fromarray(pixels)
    for pictures in (image, [image], pixels, [pixels], pixels[None]):
        np.testing.assert_array_equal(read_images(pictures), pixels[None])
    grey = pixels[..., :1]
    np.testing.assert_array_equal(read_images([grey, grey[..., 0]]), np.stack([grey, grey]))
    assert read_images([image, paths[0], pixels]).shape == (3, 6, 5, 3)


def test_a_pil_image_keeps_its_orientation_tag(image_bytes):
    image = Image.new("L", (3, 2))
    image.getexif()[0x0112] = 6
    image.info["exif"] = image.getexif().tobytes()
    assert read_images(image).shape == (1, 3, 2, 1)
    assert image.size == (3, 2)


def test_all_missing_and_damaged_files_are_named(paths, tmp_path):
    paths[1].write_bytes(b"damaged")
    wanted = [*paths, tmp_path / "nowhere.png", tmp_path]
    with pytest.raises(DataError) as raised:
        read_images(wanted, 4)
    message = str(raised.value)
    assert message.startswith("All 5 images must be readable. Received: 3 that are not: ")
    assert f"{paths[1]} (content of another kind)" in message
    assert f"{wanted[3]} (must be an image file. Received: no file of that name" in message
    assert f"{tmp_path} (must be an image file. Received: a folder" in message
    with pytest.raises(DataError, match=r"^\S+nowhere\.png must be an image file"):
        read_images([paths[0], wanted[3]], 4)


def test_what_is_no_file_is_named_as_what_it_is(tmp_path):
    (tmp_path / "broken.png").symlink_to("gone.png")
    os.mkfifo(tmp_path / "pipe.png")
    for name, kind in (("broken.png", "a link to nothing"), ("pipe.png", "a device or a pipe")):
        with pytest.raises(DataError, match=f"must be an image file. Received: {kind}"):
            read_images(tmp_path / name)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", "an empty file"),
        (b"GIF89a\1\0\1\0", "a GIF file"),
        (b"II*\0\x08\0\0\0", "a TIFF file"),
        (b"MM\0*\0\0\0\x08", "a TIFF file"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "a HEIC file"),
        (b"\0\0\0\x1cftypavif\0\0\0\0", "an AVIF file"),
        (b"%PDF-1.7", "a PDF file"),
        (b"notes", "content of another kind"),
    ],
)
def test_a_file_of_another_kind_is_called_by_its_kind(tmp_path, content, kind):
    path = tmp_path / "photo.jpg"
    path.write_bytes(content)
    with pytest.raises(DataError) as raised:
        read_images(path, 4)
    assert str(raised.value).endswith(f"Received: {kind}. Mend, convert or remove it.")


def test_damaged_files_are_left_out_and_listed(paths):
    paths[1].write_bytes(b"damaged")
    with pytest.warns(UserWarning, match=r"1 of 3 images cannot be read, .*: \S*b\.jpg \(content"):
        assert read_images(paths, 4, on_error="skip").shape == (2, 4, 4, 3)
    with (
        pytest.warns(UserWarning, match="1 of 1 images"),
        pytest.raises(DataError, match="must hold a readable image"),
    ):
        read_images(paths[1], 4, "rgb", on_error="skip")


def test_blocks_give_the_pictures_with_their_images(paths):
    blocks = list(read_image_blocks(iter(paths), 4, "rgb", block_size=2))
    assert [block for block, _ in blocks] == [paths[:2], paths[2:]]
    np.testing.assert_array_equal(
        np.concatenate([images for _, images in blocks]), read_images(paths, 4, "rgb")
    )


def test_blocks_leave_damaged_files_out(paths):
    paths[2].write_bytes(b"damaged")
    with pytest.warns(UserWarning, match="1 of 1 images"):
        blocks = list(read_image_blocks(paths, 4, "rgb", block_size=2, on_error="skip"))
    assert [block for block, _ in blocks] == [paths[:2], []]


# arguments, what the message has to say
BAD_ARGUMENTS = [
    ({"paths": []}, "paths must hold at least one picture"),
    ({"paths": 3}, "paths must be a picture or a list"),
    ({"paths": [3]}, r"uint8 arrays .* Received: int of int64"),
    ({"paths": np.zeros((2, 4, 4, 3))}, "be uint8 pixels 0..255. Received: float64 from 0 to 0"),
    ({"paths": np.zeros((2, 4, 4, 9), "uint8")}, r"uint8 arrays .* Received: ndarray of uint8"),
    ({"paths": np.zeros((0, 5))}, r"uint8 arrays .* Received: ndarray of float64 .*\(0, 5\)"),
    ({"paths": np.zeros((0, 5), "uint8")}, r"uint8 arrays .* Received: ndarray of uint8"),
    ({"paths": np.full((2, 4, 4, 3), 0.5)}, r"Pass `\(images \* 255\)\.round\(\)"),
    ({"paths": Image.new("F", (4, 4), 0.5)}, r"pixels 0\.\.255. Received: float32 from 0.5 to 0.5"),
    ({"paths": "a.png", "resize": "crop"}, 'resize must be "stretch" without image_size'),
    ({"paths": "a.png", "image_size": 4, "resize": "pad"}, 'be "stretch" or "crop"'),
    ({"paths": "a.png", "on_error": "ignore"}, 'on_error must be "raise" or "skip"'),
]


@pytest.mark.parametrize(("arguments", "message"), BAD_ARGUMENTS)
def test_bad_arguments_are_refused(arguments, message):
    with pytest.raises((ArgumentError, DataError), match=message):
        read_images(**arguments)


def test_blocks_need_a_size_and_a_color():
    with pytest.raises(ArgumentError, match="be a size and a colour"):
        read_image_blocks(["a.png"], None, "rgb")
