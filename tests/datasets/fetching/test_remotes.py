import gzip
import hashlib
import shutil
import struct
from dataclasses import replace

import numpy as np
import pytest

import zoo.datasets
from zoo.datasets import registry
from zoo.datasets.description import DatasetInfo, RemoteFile
from zoo.datasets.fetching.remotes import fetch_files
from zoo.datasets.files.locations import locate
from zoo.datasets.sources import cifar10, fashion_mnist, mnist, svhn
from zoo.errors import DataError

CONTENT = bytes(1000)
SUM = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def dots(server):
    server.files["/a"] = CONTENT
    remote = RemoteFile("dots.bin", (server.url("/a"),), len(CONTENT), SUM)
    return DatasetInfo("dots", "dots", "nowhere", expected_files="dots.bin", remote_files=(remote,))


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_without_a_root_the_data_folder_is_taken(dots, tmp_path, monkeypatch):
    assert fetch_files(dots, None) == tmp_path / "user-data" / "zoo" / "dots"
    monkeypatch.setenv("ZOO_DATA", str(tmp_path / "mine"))
    assert files(fetch_files(dots, None)) == {"dots.bin": CONTENT}


def test_a_folder_that_cannot_be_made_is_named(dots, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="must be a folder that can be written"):
        fetch_files(dots, tmp_path / "file")


def test_files_that_only_people_get_are_asked_for_in_words(tmp_path):
    with pytest.raises(DataError) as raised:
        zoo.datasets.load("fer2013", tmp_path, download=True)
    for word in ("kaggle.com/datasets/msambare/fer2013", "fer2013.csv", str(tmp_path)):
        assert word in str(raised.value)


@pytest.mark.parametrize("name", ["digits", "folder"])
def test_where_there_is_nothing_to_fetch_it_is_said(name):
    with pytest.raises(DataError, match=f"{name}', which has nothing to fetch: it is .* (in|of) "):
        zoo.datasets.download(name)


def test_what_was_fetched_is_loaded(server, tmp_path, monkeypatch):
    remotes = []
    for prefix in ("train", "t10k"):
        digits = np.arange(10, dtype=np.uint8)
        contents = {
            f"{prefix}-images-idx3-ubyte.gz": struct.pack(">4I", 2051, 10, 28, 28) + bytes(7840),
            f"{prefix}-labels-idx1-ubyte.gz": struct.pack(">2I", 2049, 10) + digits.tobytes(),
        }
        for name, plain in contents.items():
            packed = server.files[f"/{name}"] = gzip.compress(plain)
            md5 = hashlib.md5(packed).hexdigest()
            remotes.append(RemoteFile(name, (server.url(f"/{name}"),), len(packed), md5))
    info = replace(mnist.INFO, remote_files=tuple(remotes))
    monkeypatch.setitem(registry._datasets, "mnist", registry.Dataset(info, mnist.read))
    data = zoo.datasets.load("mnist", tmp_path / "here", download=True, validation=0)
    assert (len(data.train), len(data.test)) == (10, 10)
    assert len(files(tmp_path / "here")) == 4


@pytest.fixture
def numbers(server):
    """SVHN, with other files, and the folder that they are in."""
    server.files["/a"] = CONTENT
    remotes = tuple(
        replace(remote, urls=(server.url("/a"),), size=len(CONTENT), checksum=SUM)
        for remote in svhn.INFO.remote_files
    )
    return replace(svhn.INFO, remote_files=remotes)


def test_only_the_parts_asked_for_are_fetched(numbers, tmp_path):
    assert set(files(fetch_files(numbers, tmp_path))) == {"train_32x32.mat", "test_32x32.mat"}
    assert set(files(fetch_files(numbers, tmp_path / "e", ["extra"]))) == {"extra_32x32.mat"}


def test_what_is_missing_comes_beside_what_is_there(server, numbers, tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_DATA", str(tmp_path))
    there = tmp_path / "svhn" / "format2"
    there.mkdir(parents=True)
    (there / "train_32x32.mat").write_bytes(CONTENT)
    assert fetch_files(numbers, None, ["train"]) == there
    assert not server.asked
    assert fetch_files(numbers, None, ["train", "extra"]) == there
    assert set(files(there)) == {"train_32x32.mat", "extra_32x32.mat"}
    assert len(server.asked) == 1


def test_nothing_is_put_into_the_folder_of_keras(server, tmp_path, write, recwarn):
    server.files["/a"] = CONTENT
    remotes = [
        replace(remote, urls=(server.url("/a"),), size=len(CONTENT), checksum=SUM)
        for remote in fashion_mnist.INFO.remote_files
    ]
    info = replace(fashion_mnist.INFO, remote_files=(*remotes,))
    first, *others = (remote.name for remote in remotes)
    kept = write("keras/datasets/fashion-mnist", {first: CONTENT[:9]})
    assert fetch_files(info, None) == tmp_path / "user-data" / "zoo" / "fashion_mnist"
    assert locate(info, None) == tmp_path / "user-data" / "zoo" / "fashion_mnist"
    assert files(kept) == {first: CONTENT[:9]}
    assert not recwarn
    shutil.rmtree(tmp_path / "user-data")
    write("keras/datasets/fashion-mnist", dict.fromkeys([first, *others], CONTENT))
    assert fetch_files(info, None) == kept
    assert len(server.asked) == len(remotes)


def test_another_file_that_is_read_is_taken_with_a_warning(server, numbers, tmp_path):
    (tmp_path / "train_32x32.mat").write_bytes(b"mine")
    with pytest.warns(UserWarning, match=r"train_32x32\.mat must be the owner's file\. "):
        assert fetch_files(numbers, tmp_path) == tmp_path
    assert files(tmp_path) == {"train_32x32.mat": b"mine", "test_32x32.mat": CONTENT}
    info = replace(
        cifar10.INFO,
        remote_files=tuple(replace(remote, checksum=SUM) for remote in cifar10.INFO.remote_files),
    )
    archive = tmp_path / "cifar-10-binary.tar.gz"
    archive.write_bytes(b"mine")
    with pytest.warns(UserWarning, match=r"cifar-10-binary\.tar\.gz must be the owner"):
        fetch_files(info, tmp_path)
    assert archive.read_bytes() == b"mine"


def test_parts_that_there_are_not_are_named():
    with pytest.raises(
        DataError, match=r"parts of svhn\. Received: 'nope'\. Choose among train, test, ext"
    ):
        zoo.datasets.download("svhn", parts={"train": "nope"})


def test_nothing_is_fetched_that_is_in_an_archive(server, numbers, write):
    files = dict.fromkeys(["data/train_32x32.mat", "data/test_32x32.mat"], b"")
    path = write("svhn.zip", files)
    assert fetch_files(numbers, path.parent) == path
    with pytest.raises(DataError, match=r"svhn\.zip must hold all .* without extra_32x32\.mat"):
        fetch_files(numbers, path, ["train", "extra"])
    assert not server.asked


FORMS = [
    ("mnist", [f"{part}-{kind}" for part in ("train", "t10k")
               for kind in ("images-idx3-ubyte", "labels.idx1-ubyte.gz")]),
    ("cifar10", [*(f"data_batch_{k}" for k in range(1, 6)), "test_batch"]),
    ("cifar10", ["train/airplane/1.jpg", "test/airplane/1.jpg"]),
    ("fer2013", ["fer2013.csv"]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "names"), FORMS)
def test_other_forms_of_the_files_do_as_well(write, name, names):
    root = write("data", dict.fromkeys(names, b""))
    assert zoo.datasets.download(name, root) == root


@pytest.mark.parametrize("missing", ["data_batch_3", "test_batch"])
def test_forms_that_are_not_whole_are_fetched(server, write, missing):
    server.files["/a"] = CONTENT
    remotes = [replace(remote, urls=(server.url("/a"),)) for remote in cifar10.INFO.remote_files]
    info = replace(cifar10.INFO, remote_files=(*remotes,))
    names = {*(f"data_batch_{k}" for k in range(1, 6)), "test_batch"} - {missing}
    root = write("data", dict.fromkeys(names, b""))
    with pytest.raises(DataError, match="sent 1,000 bytes"):
        fetch_files(info, root)
    fetch_files(info, root, ["test" if missing == "data_batch_3" else "train"])
    assert len(server.asked) == 1


def test_an_archive_is_put_where_it_is_found_before_folders(server, write):
    server.files["/a"] = CONTENT
    remotes = [
        replace(remote, urls=(server.url("/a"),), size=len(CONTENT), checksum=SUM)
        for remote in cifar10.INFO.remote_files
    ]
    info = replace(cifar10.INFO, remote_files=(*remotes,))
    root = write("data", {"some/train/airplane/1.jpg": b""})
    assert fetch_files(info, root) == root
    assert locate(info, root) == root / "cifar-10-binary.tar.gz" == fetch_files(info, root)
    assert len(server.asked) == 1


def test_nothing_to_fetch_is_no_hindrance_to_loading(write):
    assert len(zoo.datasets.load("digits", download=True, test=0, validation=0).train) == 1797
    rows = [f"{k},{' '.join(['7'] * 2304)},Training\n" for k in range(7)]
    root = write("fer", {"fer2013.csv": f"emotion,pixels,Usage\n{''.join(rows)}".encode()})
    parts = {"train": "Training"}
    data = zoo.datasets.load("fer2013", root, parts=parts, download=True, validation=0, test=0)
    assert len(data.train) == 7


def test_the_registered_files_are_described_soundly():
    for module in (mnist, svhn, cifar10):
        assert module.INFO.remote_files
        for remote in module.INFO.remote_files:
            assert remote.algorithm == "md5"
            assert int(remote.checksum, 16)
            assert all(url.startswith("http") and url.endswith(remote.name) for url in remote.urls)
