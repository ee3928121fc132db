import numpy as np
import pytest

import zoo.datasets
from zoo.errors import ArgumentError, DataError


@pytest.fixture
def pets(image_bytes):
    return {
        f"{name}/{number}.png": image_bytes((6, 5, 3))
        for name in ("owl", "cat", "dog")
        for number in range(10)
    }


@pytest.fixture(params=["pets", "pets.zip"])
def load(request, write):
    def load(files, **options):
        return zoo.datasets.load("folder", write(request.param, files), **options)

    return load


@pytest.mark.parametrize("cache", [True, False])
def test_classes_become_splits(load, pets, cache):
    for _ in range(2):
        data = load(pets, cache=cache)
        assert data.class_names == ("cat", "dog", "owl")
        assert data.image_shape == (6, 5, 3)
        assert data.test.class_counts == {"cat": 2, "dog": 2, "owl": 2}
        assert data.validation.class_counts == {"cat": 1, "dog": 1, "owl": 1}
        assert data.train.class_counts == {"cat": 7, "dog": 7, "owl": 7}


def test_own_splits_are_taken_as_they_are(load, image_bytes):
    counts = {"training": 3, "val": 2, "test": 1}
    data = load(
        {
            f"{part}/{name}/{number}.jpg": image_bytes((4, 4), "JPEG")
            for part, count in counts.items()
            for name in ("cat", "dog")
            for number in range(count)
        }
    )
    assert [len(split) for split in (data.train, data.validation, data.test)] == [6, 4, 2]
    assert data.image_shape == (4, 4, 1)


def test_root_may_hold_nothing_but_the_archive(write, pets):
    path = write("downloads/pets.zip", pets)
    assert zoo.datasets.load("folder", path.parent).class_names == ("cat", "dog", "owl")


def test_pixels_follow_their_labels(load, image_bytes):
    values = {"cat/1.png": 10, "cat/2.png": 11, "dog/1.png": 200}
    files = {name: image_bytes(np.full((2, 2), value, np.uint8)) for name, value in values.items()}
    data = load(files, validation=0, test=0)
    assert data.test is None
    assert data.train.images[:, 0, 0, 0].tolist() == [10, 11, 200]
    assert data.train.labels.tolist() == [0, 0, 1]


@pytest.mark.parametrize(("color", "channels"), [(None, 3), ("rgb", 3), ("grayscale", 1)], ids=str)
def test_color_by_default_if_any_image_has_it(load, image_bytes, color, channels):
    files = {"a/1.png": image_bytes((2, 2)), "b/1.png": image_bytes((2, 2, 3))}
    data = load(files, color=color, validation=0, test=0)
    assert data.image_shape == (2, 2, channels)


def test_grey_by_default_if_all_images_are(load, image_bytes):
    files = {"a/1.png": image_bytes((2, 2)), "b/1.png": image_bytes(np.ones((2, 2), np.uint16))}
    assert load(files, validation=0, test=0).image_shape == (2, 2, 1)


@pytest.mark.parametrize(("image_size", "shape"), [(4, (4, 4)), ((4, 7), (4, 7)), ([3, 2], (3, 2))])
def test_images_are_scaled_to_image_size(load, image_bytes, image_size, shape):
    files = {"a/1.png": image_bytes((9, 8)), "b/1.png": image_bytes((2, 2))}
    data = load(files, image_size=image_size, validation=0, test=0)
    assert data.image_shape == (*shape, 1)


def test_differing_sizes_are_named(load, image_bytes):
    files = {"a/1.png": image_bytes((9, 8)), "b/1.png": image_bytes((2, 2))}
    with pytest.raises(DataError, match=r"9×8 \(a/1\.png\) and 2×2 \(b/1\.png\)\. Pass image_"):
        load(files)


def test_options_are_part_of_the_cache(load, pets):
    assert load(pets, image_size=3).image_shape == (3, 3, 3)
    assert load(pets, image_size=4, color="grayscale").image_shape == (4, 4, 1)
    assert load(pets).image_shape == (6, 5, 3)


@pytest.mark.parametrize("image_size", [0, -1, 2.5, True, "48", (1,), (1, 2, 3), (4, 0), (4, None)])
def test_image_size_out_of_range_is_refused(load, pets, image_size):
    with pytest.raises(ArgumentError, match="image_size must be a whole number"):
        load(pets, image_size=image_size)


def test_unknown_color_is_refused(load, pets):
    with pytest.raises(ArgumentError, match="Received: 'bgr'"):
        load(pets, color="bgr")


def test_damaged_image_is_named_and_nothing_is_cached(load, pets, private_cache):
    with pytest.raises(DataError, match=r"cat/3\.png in "):
        load(pets | {"cat/3.png": pets["cat/3.png"][:60]})
    assert list(private_cache.iterdir()) == []


def test_root_is_needed(tmp_path):
    with pytest.raises(DataError, match=r"Received: None\. Pass root="):
        zoo.datasets.load("folder")
    with pytest.raises(DataError, match="nowhere"):
        zoo.datasets.load("folder", tmp_path / "nowhere")


def test_nothing_on_disk_changes(write, pets):
    root = write("pets", pets)
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    zoo.datasets.load("folder", root)
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == before
