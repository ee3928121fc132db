import struct
from dataclasses import replace

import numpy as np
import pytest

from zoo.datasets import load, registry
from zoo.datasets.sources import fer2013
from zoo.errors import ArgumentError, DataError


def test_default_fractions():
    data = load("digits")
    assert len(data.train) + len(data.validation) + len(data.test) == 1797
    assert len(data.test) == pytest.approx(0.2 * 1797, abs=5)
    assert len(data.validation) == pytest.approx(0.1 * 0.8 * 1797, abs=5)
    for name in ("train", "validation", "test"):
        assert getattr(data, name).name == name


def test_splits_are_disjoint_and_share_one_store():
    data = load("digits")
    splits = (data.train, data.validation, data.test)
    rows = np.concatenate([split.rows for split in splits])
    assert sorted(rows) == list(range(1797))
    assert all(split.store is data.train.store for split in splits)


@pytest.mark.parametrize("variable", ["ZOO_DATA", "ZOO_CACHE"])
def test_variables_that_are_no_paths_are_named(write, image_bytes, monkeypatch, variable):
    root = write("pets", {f"{name}/{k}.png": image_bytes() for name in "ab" for k in range(5)})
    monkeypatch.setenv(variable, "~no-such-user-of-zoo/x")
    with pytest.raises(ArgumentError, match=f"{variable} must be a path: "):
        load(*{"ZOO_DATA": ["mnist"], "ZOO_CACHE": ["folder", root]}[variable])


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


@pytest.mark.parametrize("name", ["drop_duplicates", "download", "cache"])
def test_switches_are_no_texts(name):
    with pytest.raises(ArgumentError, match=f"{name} must be True or False. Received: 'false'"):
        load("digits", **{name: "false"})


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
    with pytest.raises(DataError, match="must have the parts extra"):
        load(name, root, parts={"train": "extra"})


def test_files_that_change_while_they_are_read_are_not_kept(write, image_bytes, monkeypatch):
    root = write("pets", {f"{name}/{k}.png": image_bytes() for name in "ab" for k in range(5)})
    picture = root / "a" / "0.png"
    content, folder = picture.read_bytes(), registry.get_dataset("folder")

    def read(request):
        picture.write_bytes(image_bytes())
        splits = folder.read(request)
        picture.write_bytes(content)
        return splits

    monkeypatch.setitem(registry._datasets, "folder", replace(folder, read=read))
    with pytest.raises(DataError, match=r"pets, which has changed while it was read\. Load it"):
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
    with pytest.raises(DataError, match=r"must be a readable archive.*Received: .*mine\.zip"):
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
    with pytest.raises(DataError, match=r"none of these files\. Fetch them"):
        load("fer2013", tmp_path / "data")


def test_a_loaded_split_knows_how_it_was_loaded():
    data = load("digits", seed=3, validation=0, test=0.3)
    settings = {
        "name": "digits",
        "validation": 0,
        "test": 0.3,
        "seed": 3,
        "drop_duplicates": False,
        **dict.fromkeys(("root", "parts", "image_size", "color")),
        "resize": "stretch",
        "on_error": "raise",
    }
    assert data.train.settings == data.test.settings == settings
    assert data.train.take([0, 1]).settings == settings
