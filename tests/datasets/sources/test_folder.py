import numpy as np
import pytest

import zoo.datasets
from zoo.datasets.cache.entries import CONTENTS
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


@pytest.mark.parametrize("cache", [True, False])
def test_a_file_whose_name_has_a_line_break_is_skipped_as_a_damaged_file_is(
    load, pets, image_bytes, cache
):
    files = pets | {"cat/two\nlines.png": image_bytes((6, 5, 3))}
    with pytest.raises(DataError, match=r"cat/two\\nlines.png in .* must have a name in UTF-8"):
        load(files, cache=cache)
    for _ in range(2):
        with pytest.warns(UserWarning, match=r"1 of 31 images .* cat/two\\nlines.png \(must have"):
            data = load(files, on_error="skip", cache=cache, validation=0, test=0)
        assert data.train.class_counts == {"cat": 10, "dog": 10, "owl": 10}


def test_a_file_that_is_no_image_is_left_out_whatever_its_name(load, pets):
    with pytest.warns(UserWarning, match=r"cat/two\\nlines.txt is left out"):
        load(pets | {"cat/two\nlines.txt": b"text"}, cache=False)


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
    files = {
        "a/1.png": image_bytes((2, 2)),
        "b/1.png": image_bytes(np.full((2, 2), 2**16 - 1, np.uint16)),
    }
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
    assert {path.name for path in private_cache.iterdir()} <= {CONTENTS}  # hashes, no images


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


def test_images_are_found_by_their_contents(load, image_bytes):
    files = {
        "a/1": image_bytes((3, 4), "JPEG"),
        "a/2.jfif": image_bytes((3, 4), "JPEG"),
        "a/3.dat": image_bytes((3, 4), "PNG"),
        "b/1": image_bytes((3, 4), "BMP"),
        "b/2.gif": image_bytes((3, 4), "WEBP"),
        "b/3.gif": image_bytes((3, 4), "GIF"),
        "b/BMW": b"BMW makes cars",
    }
    with pytest.warns(UserWarning, match=r"2 files such as b/3\.gif are left out"):
        data = load(files, validation=0, test=0)
    assert data.train.class_counts == {"a": 3, "b": 2}


def test_images_are_held_out_where_the_test_folder_has_no_classes(load, pets):
    files = {f"train/{name}": content for name, content in pets.items()}
    with pytest.warns(UserWarning, match="test holds 2 images without class folders"):
        data = load(files | {f"test/{k}.png": pets["cat/0.png"] for k in range(2)})
    assert data.test.class_counts == {"cat": 2, "dog": 2, "owl": 2}


def test_every_damaged_image_is_named_at_once(load, pets):
    damaged = {name: pets[name][:60] for name in ("cat/3.png", "dog/0.png", "owl/9.png")}
    with pytest.raises(DataError) as raised:
        load(pets | damaged)
    assert all(f"{name} (" in str(raised.value) for name in damaged)
    assert 'pass on_error="skip"' in str(raised.value)


@pytest.mark.parametrize("cache", [True, False])
def test_damaged_images_are_left_out_and_listed(load, pets, cache):
    damaged = {name: pets[name][:60] for name in ("cat/3.png", "dog/0.png")}
    for _ in range(2):
        with pytest.warns(
            UserWarning, match=r"2 of 30 images .* cannot be read, .*: cat/3\.png \("
        ):
            data = load(pets | damaged, on_error="skip", cache=cache, validation=0, test=0)
        assert data.train.class_counts == {"cat": 9, "dog": 9, "owl": 10}
    whole = load(pets, validation=0, test=0).train
    kept = np.delete(np.arange(30), [3, 10])
    np.testing.assert_array_equal(data.train.images, whole.images[kept])
    with pytest.raises(DataError, match=r"All 30 images in .* 2 that are not"):
        load(pets | damaged)


def test_a_class_of_damaged_images_only_is_an_error(load, pets):
    damaged = {name: b"" for name in pets if name.startswith("cat")}
    with (
        pytest.warns(UserWarning, match="10 of 30 images"),
        pytest.raises(DataError, match="Received: none of class 'cat'"),
    ):
        load(pets | damaged, on_error="skip", cache=False)


def test_images_are_stretched_or_cropped(load, image_bytes):
    pixels = np.full((4, 12), 50, np.uint8)
    pixels[:, 4:8] = 200
    files = {f"{name}/1.png": image_bytes(pixels) for name in "ab"}
    options = {"image_size": 4, "validation": 0, "test": 0}
    cropped = load(files, resize="crop", **options).train
    assert (cropped.images == 200).all()
    assert cropped.settings["resize"] == "crop"
    assert load(files, **options).train.images.min() == 50


def test_a_grey_first_image_does_not_make_the_others_grey(load, image_bytes):
    files = {f"{name}/{k}.jpg": image_bytes((8, 8), "JPEG") for name in "ab" for k in range(3)}
    files["b/2.jpg"] = image_bytes((8, 8, 3), "JPEG")
    assert load(files, validation=0, test=0).image_shape == (8, 8, 3)


@pytest.mark.parametrize("name", ["folder", "mnist"])
def test_a_folder_that_must_not_be_entered_is_no_traceback(locked, name):
    (locked / "images.zip").touch()
    with pytest.raises(DataError, match=r"must (hold readable folders|have .*ubyte)"):
        zoo.datasets.load(name, locked, cache=False)
