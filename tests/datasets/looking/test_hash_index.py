import numpy as np

from zoo.datasets import as_split
from zoo.datasets.looking.hash_index import HashIndex
from zoo.datasets.looking.perceptual_hash import low_frequencies


def index_of(images):
    return HashIndex(as_split(images, np.arange(len(images)) % 2))


def test_a_shifted_mirrored_image_is_found_with_its_change(rng):
    pixels = rng.integers(0, 256, (50, 24, 24, 1), dtype=np.uint8)
    smooth = pixels.cumsum(axis=1).cumsum(axis=2).astype("uint8")
    padded = np.pad(smooth[7], [(1, 1), (1, 1), (0, 0)], mode="edge")
    moved = padded[2:26, 0:24]  # down by 1, right by -1
    index = index_of(np.stack([*smooth[:7], moved[:, ::-1], *smooth[8:]]))
    alike = index.alike(smooth[7:8], max_shift=1, threshold=0.97)
    assert set(alike.second.tolist()) == {7}
    assert 9 + 6 in alike.change  # the shifts are in order, and come mirrored behind themselves


def test_shifts_move_the_image_with_its_outermost_pixels(rng):
    image = rng.integers(0, 256, (1, 12, 10, 1), dtype=np.uint8)
    padded = np.pad(image, [(0, 0), (2, 2), (2, 2), (0, 0)], mode="edge")
    found = low_frequencies(image, max_shift=2)
    for number, (top, left) in enumerate(np.ndindex(5, 5)):
        moved = padded[:, top : top + 12, left : left + 10]
        np.testing.assert_allclose(found[0, number], low_frequencies(moved)[0, 0], atol=0.05)


def test_images_without_contrast_look_alike_among_themselves_only(rng):
    flat = np.full((3, 16, 16, 1), 9, np.uint8)
    noise = rng.integers(0, 256, (3, 16, 16, 1), dtype=np.uint8)
    alike = index_of(np.concatenate([flat, noise])).alike(flat[:1], 0, 0.97)
    assert set(alike.second.tolist()) == {0, 1, 2}
