import gzip
import hashlib
import struct
from dataclasses import replace

import numpy as np
import pytest

import zoo.datasets
from zoo.datasets import cifar10, mnist, svhn
from zoo.datasets.info import DatasetInfo, Remote
from zoo.datasets.remotes import download, is_page
from zoo.errors import DataError

CONTENT = np.random.default_rng(0).bytes(600_000)
SUM = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def dots(server):
    """A data set of one file, with two mirrors."""
    server.files |= {"/a": CONTENT, "/b": CONTENT}
    remote = Remote("dots.bin", (server.url("/a"), server.url("/b")), len(CONTENT), SUM)
    return DatasetInfo("dots", "dots", "nowhere", wanted="dots.bin", remotes=(remote,))


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_file_is_fetched_once(server, dots, tmp_path):
    for _ in range(2):
        assert download(dots, tmp_path / "new" / "folder") == tmp_path / "new" / "folder"
    assert files(tmp_path / "new" / "folder") == {"dots.bin": CONTENT}
    assert server.asked == [("/a", 0)]


def test_without_a_root_the_data_folder_is_taken(dots, tmp_path, monkeypatch):
    assert download(dots, None) == tmp_path / "user-data" / "zoo" / "dots"
    monkeypatch.setenv("ZOO_DATA", str(tmp_path / "mine"))
    assert files(download(dots, None)) == {"dots.bin": CONTENT}


def test_what_broke_off_goes_on_where_it_stopped(server, dots, tmp_path):
    server.ways |= {"/a": "breaks off", "/b": "404"}
    with pytest.raises(DataError) as raised:
        download(dots, tmp_path)
    for word in ("/a ", "/b ", "404", "trying again goes on from there"):
        assert word in str(raised.value)
    (partial,) = files(tmp_path).values()
    assert CONTENT.startswith(partial)
    assert 200_000 < len(partial) <= 300_000
    server.ways.clear()
    server.asked.clear()
    download(dots, tmp_path)
    assert server.asked == [("/a", len(partial))]
    assert files(tmp_path) == {"dots.bin": CONTENT}


def test_the_next_mirror_goes_on_with_it(server, dots, tmp_path):
    server.ways["/a"] = "breaks off"
    download(dots, tmp_path)
    assert [path for path, _ in server.asked] == ["/a", "/b"]
    assert 200_000 < server.asked[1][1] <= 300_000
    assert files(tmp_path) == {"dots.bin": CONTENT}


@pytest.mark.parametrize("way", ["no ranges", "416"])
def test_a_server_without_ranges_begins_anew(server, dots, tmp_path, way):
    (tmp_path / "dots.bin.part").write_bytes(b"something else")
    server.ways["/a"] = way
    download(dots, tmp_path)
    assert files(tmp_path) == {"dots.bin": CONTENT}


WAYS = {
    "html": "sent a page of HTML instead of the file",
    "too much": "sent more than the 600,000 bytes",
    "404": "answered 404 Not Found",
    "to http://127.0.0.1:1/": r"failed \(ConnectionError\)",
}


@pytest.mark.parametrize("way", WAYS)
def test_mirrors_that_fail_are_left_for_the_next(server, dots, tmp_path, way):
    server.ways["/a"] = way
    download(dots, tmp_path)
    assert files(tmp_path) == {"dots.bin": CONTENT}
    (tmp_path / "dots.bin").unlink()
    server.ways["/b"] = way
    with pytest.raises(DataError, match=f"one of 2 mirrors, got: .*/a {WAYS[way]}.*/b {WAYS[way]}"):
        download(dots, tmp_path)
    assert files(tmp_path) == {}


def test_a_wrong_checksum_is_no_file(server, dots, tmp_path):
    server.files["/a"] = server.files["/b"] = CONTENT[:-1] + bytes([CONTENT[-1] ^ 1])
    with pytest.raises(DataError, match=f"of another sha256 than {SUM}"):
        download(dots, tmp_path)
    assert files(tmp_path) == {}
    # As of a file that was begun before it changed.
    (tmp_path / "dots.bin.part").write_bytes(b"x" * 1000)
    server.files["/b"] = CONTENT
    download(dots, tmp_path)
    assert files(tmp_path) == {"dots.bin": CONTENT}


def test_another_file_of_that_name_is_left_alone(server, dots, tmp_path):
    (tmp_path / "dots.bin").write_bytes(b"mine")
    with pytest.raises(DataError, match=r"is there, but not as its owner has it.*Move it away"):
        download(dots, tmp_path)
    assert files(tmp_path) == {"dots.bin": b"mine"}
    assert not server.asked


def test_files_that_only_people_get_are_asked_for_in_words(tmp_path):
    with pytest.raises(DataError) as raised:
        zoo.datasets.load("fer2013", tmp_path, download=True)
    for word in ("kaggle.com/datasets/msambare/fer2013", "fer2013.csv", str(tmp_path)):
        assert word in str(raised.value)
    with pytest.raises(DataError, match="digits has nothing to fetch"):
        zoo.datasets.load("digits", download=True)


def test_a_folder_that_cannot_be_made_is_named(dots, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="expected a folder that can be written"):
        download(dots, tmp_path / "file")


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
            remotes.append(Remote(name, (server.url(f"/{name}"),), len(packed), md5))
    monkeypatch.setattr(mnist, "INFO", replace(mnist.INFO, remotes=tuple(remotes)))
    data = zoo.datasets.load("mnist", tmp_path / "here", download=True, validation=0)
    assert (len(data.train), len(data.test)) == (10, 10)
    assert len(files(tmp_path / "here")) == 4


def test_only_the_parts_asked_for_are_fetched(server, tmp_path):
    server.files["/a"] = CONTENT
    remotes = tuple(
        replace(one, urls=(server.url("/a"),), size=len(CONTENT), checksum=SUM)
        for one in svhn.INFO.remotes
    )
    info = replace(svhn.INFO, remotes=remotes)
    assert set(files(download(info, tmp_path))) == {"train_32x32.mat", "test_32x32.mat"}
    assert set(files(download(info, tmp_path / "e", ["extra"]))) == {"extra_32x32.mat"}


def test_the_registered_files_are_described_soundly():
    for module in (mnist, svhn, cifar10):
        assert module.INFO.remotes
        for remote in module.INFO.remotes:
            assert remote.algorithm == "md5"
            assert int(remote.checksum, 16)
            assert all(url.startswith("http") and url.endswith(remote.name) for url in remote.urls)


def test_pages_are_told_from_data():
    for page in (b"\xef\xbb\xbf\n<!doctype HTML>", b"<html lang='en'>", b"<!-- moved -->"):
        assert is_page(page)
    for data in (b"", b"\x1f\x8b", b"PK\x03\x04", CONTENT[:100], b"emotion,pixels"):
        assert not is_page(data)
