import struct

import numpy as np
import pytest

from zoo.datasets import list_datasets, load, loading
from zoo.datasets.sources import fer2013
from zoo.errors import ArgumentError, DataError


def test_list_matches_what_load_knows():
    assert [info.name for info in list_datasets()] == sorted(loading._SETS)
    for info in list_datasets():
        module = loading._SETS[info.name]
        assert info is module.INFO
        assert info.summary
        assert info.source
    assert [info.name for info in list_datasets() if not info.needs_root] == ["digits"]


def test_default_fractions():
    data = load("digits")
    assert len(data.train) + len(data.validation) + len(data.test) == 1797
    assert len(data.test) == pytest.approx(0.2 * 1797, abs=5)
    assert len(data.validation) == pytest.approx(0.1 * 0.8 * 1797, abs=5)
    for name in ("train", "validation", "test"):
        assert getattr(data, name).name == name


def test_parts_are_disjoint_and_share_one_store():
    data = load("digits")
    parts = (data.train, data.validation, data.test)
    rows = np.concatenate([part.rows for part in parts])
    assert sorted(rows) == list(range(1797))
    assert all(part.store is data.train.store for part in parts)


def test_zero_holds_nothing_out():
    data = load("digits", validation=0, test=0)
    assert data.validation is None
    assert data.test is None
    assert len(data.train) == 1797


def test_same_seed_same_parts():
    first, again, other = (load("digits", seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.test.rows, again.test.rows)
    np.testing.assert_array_equal(first.validation.rows, again.validation.rows)
    assert first.test.rows.tolist() != other.test.rows.tolist()


def test_classes_are_numbered_in_the_order_asked():
    whole = load("digits", validation=0, test=0).train
    data = load("digits", classes=["7", "1"], validation=0, test=0)
    assert data.class_names == ("7", "1")
    for label, digit in enumerate([7, 1]):
        np.testing.assert_array_equal(
            data.train.images[data.train.labels == label], whole.images[whole.labels == digit]
        )


def test_held_out_images_of_a_class_do_not_depend_on_the_classes_asked():
    whole = load("digits")
    some = load("digits", classes=["7", "1"])
    for part in ("train", "validation", "test"):
        expected = getattr(whole, part)
        expected = expected.rows[np.isin(expected.labels, [1, 7])]
        np.testing.assert_array_equal(getattr(some, part).rows, expected)


# arguments, error, what the message has to say
BAD_ARGUMENTS = [
    ({"name": "digit"}, DataError, "There is no data set 'digit'; did you mean 'digits'? Known"),
    (
        {"name": "imagenet"},
        DataError,
        "Known: cifar10, digits, facescrub, fer2013, folder, mnist, svhn",
    ),
    ({"classes": ["1", "seven"]}, DataError, "There is no class 'seven'. Known: 0, 1"),
    ({"classes": ["1", "10"]}, DataError, "did you mean '1'"),
    ({"classes": ["1", "1"]}, DataError, "'1' twice"),
    ({"classes": ["1"]}, DataError, "at least two classes"),
    ({"classes": "17"}, ArgumentError, "a list of names"),
    ({"validation": 1.0}, ArgumentError, "validation must be at least 0 and below 1"),
    ({"validation": -0.1}, ArgumentError, "Received: -0.1"),
    ({"test": float("nan")}, ArgumentError, "test must be"),
    ({"test": "0.2"}, ArgumentError, "Received: '0.2'"),
    ({"seed": -1}, ArgumentError, "seed must be"),
    ({"seed": None}, ArgumentError, "seed must be"),
    ({"root": "."}, ArgumentError, "digits is embedded; it takes no root"),
    ({"root": 3}, ArgumentError, "root must be a path"),
    ({"image_size": 0}, ArgumentError, "image_size must be a whole number of 1 or more"),
    (
        {"image_size": 10**30},
        ArgumentError,
        "image_size must be a whole number of 50,000,000 or less",
    ),
    ({"image_size": (8000, 8000)}, ArgumentError, "image_size must make at most"),
    ({"name": ["digits"]}, DataError, "There is no data set ['digits']"),
    ({"classes": 5}, ArgumentError, "classes must be a list of names. Received: 5"),
    ({"classes": [1, 2]}, ArgumentError, "classes must be a list of names"),
    ({"root": "a\0b"}, ArgumentError, "root must be a path: "),
    ({"root": "a" * 5000}, ArgumentError, "root must be a path: File name too long"),
    ({"root": "~no-such-user-of-zoo"}, ArgumentError, "root must be a path: "),
    ({"color": ["rgb"]}, ArgumentError, 'color must be "grayscale", "rgb" or None'),
    ({"color": np.array(["rgb", "a"])}, ArgumentError, "color must be"),
    ({"classes": {"1", "2"}}, ArgumentError, "classes must be a list of names"),
    ({"color": "bgr"}, ArgumentError, 'color must be "grayscale", "rgb" or None'),
    ({"parts": {"train": "train"}}, ArgumentError, "digits has no parts to choose from"),
    ({"name": "mnist", "parts": ["train"]}, ArgumentError, 'must be a dict with "train"'),
    ({"name": "mnist", "parts": {"test": "test"}}, ArgumentError, 'must be a dict with "train"'),
    ({"name": "mnist", "parts": {"train": []}}, ArgumentError, "at least one part each"),
    ({"name": "mnist", "parts": {"train": [3]}}, ArgumentError, "parts must be a list of names"),
    ({"name": "mnist", "parts": {"train": 5}}, ArgumentError, "parts must be a list of names"),
    ({"name": "mnist", "parts": {"train": "train", "test": "train"}}, ArgumentError, "part once"),
]


@pytest.mark.parametrize(("arguments", "error", "message"), BAD_ARGUMENTS)
def test_bad_arguments_are_refused(arguments, error, message):
    with pytest.raises(error) as raised:
        load(**{"name": "digits"} | arguments)
    assert message in str(raised.value)


@pytest.mark.parametrize("variable", ["ZOO_DATA", "ZOO_CACHE"])
def test_variables_that_are_no_paths_are_named(write, image_bytes, monkeypatch, variable):
    root = write("pets", {f"{name}/{k}.png": image_bytes() for name in "ab" for k in range(5)})
    monkeypatch.setenv(variable, "~no-such-user-of-zoo/x")
    with pytest.raises(ArgumentError, match=f"{variable} must be a path: "):
        load(*{"ZOO_DATA": ["mnist"], "ZOO_CACHE": ["folder", root]}[variable])


def test_class_that_is_too_small_to_part_is_named(write, image_bytes):
    files = {f"{name}.png": image_bytes((2, 2)) for name in ("cat/1", "dog/1", "dog/2", "owl/1")}
    root = write("pets", files)
    with pytest.raises(DataError, match="2 images of class 'cat' to hold some out, got 1"):
        load("folder", root)
    assert len(load("folder", root, validation=0, test=0).train) == 4


def test_importing_and_loading_leave_tensorflow_out(write, image_bytes):
    import subprocess
    import sys

    root = write("pets", {f"{name}/{k}.png": image_bytes((2, 2)) for name in "ab" for k in "123"})
    code = (
        "import sys, zoo.datasets\n"
        "heavy = {'tensorflow', 'keras', 'sklearn', 'PIL', 'numpy', 'matplotlib'}\n"
        "assert not heavy & sys.modules.keys(), heavy & sys.modules.keys()\n"
        f"zoo.datasets.load('folder', {str(root)!r})\n"
        "assert not {'tensorflow', 'keras', 'sklearn', 'matplotlib'} & sys.modules.keys()\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_package_shows_its_public_names():
    import zoo.datasets

    assert {"load", "list_datasets", "Split", "ImageData"} <= set(dir(zoo.datasets))
    with pytest.raises(AttributeError, match="has no attribute 'lode'"):
        zoo.datasets.lode  # noqa: B018


@pytest.mark.parametrize("name", ["mnist", "cifar10"])
def test_parts_that_are_not_there_are_named(write, name):
    digits = np.arange(10, dtype=np.uint8)
    header = struct.pack(">4I", 2051, 10, 28, 28)
    files = {
        "train-images-idx3-ubyte": header + bytes(7840),
        "train-labels-idx1-ubyte": struct.pack(">2I", 2049, 10) + digits.tobytes(),
        **{f"data_batch_{k}.bin": bytes(3073) for k in range(1, 6)},
    }
    root = write("data", files)
    with pytest.raises(DataError, match="expected the parts extra"):
        load(name, root, parts={"train": "extra"})


def test_files_that_change_while_they_are_read_are_not_kept(write, image_bytes, monkeypatch):
    root = write("pets", {f"{name}/{k}.png": image_bytes() for name in "ab" for k in range(5)})
    picture = root / "a" / "0.png"
    content, plain = picture.read_bytes(), loading._read

    def read(*arguments):
        picture.write_bytes(image_bytes())
        splits = plain(*arguments)
        picture.write_bytes(content)
        return splits

    monkeypatch.setattr(loading, "_read", read)
    with pytest.raises(DataError, match="pets has changed while it was read; load it again"):
        load("folder", root)
    monkeypatch.undo()


@pytest.mark.parametrize("name", ["fer2013.csv", "icml_face_data.csv"])
def test_a_file_that_is_named_is_the_one_that_is_read(write, tmp_path, name):
    def csv(pixel):
        pixels = b" ".join([b"%d" % pixel] * 2304)
        rows = (b"%d,%s,Training\n" % (emotion, pixels) for emotion in range(7) for _ in range(4))
        return b"emotion,pixels,Usage\n" + b"".join(rows)

    write("data", {"fer2013.csv": csv(1), "icml_face_data.csv": csv(2)})
    write("data/fer2013.zip", {"fer2013.csv": csv(3)})
    with pytest.warns(UserWarning, match="no part PublicTest"):
        data = load("fer2013", tmp_path / "data" / name, validation=0)
    assert data.train.images.max() == {"fer2013.csv": 1, "icml_face_data.csv": 2}[name]


def test_a_damaged_archive_that_is_named_is_not_replaced_by_another(write, tmp_path):
    write("data/mnist.zip", {"a": b""})
    damaged = tmp_path / "data" / "mine.zip"
    damaged.write_bytes(b"PK\3\4 and no more")
    with pytest.raises(DataError, match=r"mine\.zip: expected a readable archive"):
        load("mnist", damaged)


def test_an_archive_of_another_name_is_found_where_it_is_alone(write, image_bytes, tmp_path):
    pictures = {
        f"{part}/{emotion}/{k}.jpg": image_bytes((48, 48), "JPEG")
        for part in ("train", "test") for emotion in fer2013.CLASS_NAMES for k in range(4)
    }  # fmt: skip
    write("there/archive.zip", pictures)
    write("data/fer2013/archive.zip", pictures)
    write("data/other.zip", {"a": b""})
    write("big/FER2013.zip", pictures).rename(tmp_path / "big" / "FER2013.ZIP")
    (tmp_path / "big" / "readme.txt").touch()
    for root in ("there", "data", "big"):
        parts = {"train": "Training", "test": "test"}
        assert len(load("fer2013", tmp_path / root, parts=parts, validation=0).train) == 28


def test_train_folders_of_other_data_sets_are_passed_over(write, image_bytes, tmp_path):
    write("data/animals", {f"train/{name}/1.png": image_bytes() for name in ("cat", "dog")})
    with pytest.raises(DataError, match=r"got none of it\. Fetch it"):
        load("fer2013", tmp_path / "data")


def test_duplicates_that_are_all_there_is_are_not_dropped_in_silence(write, image_bytes):
    images = {f"{name}/{k}.png": image_bytes() for name in "ab" for k in range(4)}
    root = write(
        "pets", {f"{part}/{k}": v for part in ("train", "test") for k, v in images.items()}
    )
    with pytest.raises(DataError, match="got none of 'a' in train"):
        load("folder", root, drop_duplicates=True)
