import hashlib
from concurrent.futures import ThreadPoolExecutor

import filelock
import numpy as np
import pytest

from zoo.datasets.description import DatasetInfo, RemoteFile
from zoo.datasets.fetching.remotes import fetch_files
from zoo.errors import DataError

CONTENT = np.random.default_rng(0).bytes(600_000)
SUM = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def dots(server):
    """A data set of one file, with two mirrors."""
    server.files |= {"/a": CONTENT, "/b": CONTENT}
    remote = RemoteFile("dots.bin", (server.url("/a"), server.url("/b")), len(CONTENT), SUM)
    return DatasetInfo("dots", "dots", "nowhere", expected_files="dots.bin", remote_files=(remote,))


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_file_is_fetched_only_once(server, dots, tmp_path):
    for _ in range(2):
        assert fetch_files(dots, tmp_path / "new" / "folder") == tmp_path / "new" / "folder"
    assert files(tmp_path / "new" / "folder") == {"dots.bin": CONTENT}
    assert server.asked == ["/a"]


def test_a_fetched_file_has_the_permissions_of_a_new_file(dots, tmp_path):
    (tmp_path / "new.bin").touch()
    fetch_files(dots, tmp_path)
    modes = {path.stat().st_mode for path in tmp_path.iterdir()}
    assert len(modes) == 1


FAILURES = {
    "html": "sent more bytes",
    "short html": "sent 100 bytes, perhaps a page of HTML",
    "another": "sent a file with another sha256",
    "too much": "sent more bytes",
    "too much, no length": "sent more bytes",
    "breaks off": r"failed \((IncompleteRead|ProtocolError)\)",
    "breaks off, no length": "sent 300,000 bytes",
    "404": "answered 404",
    "to http://127.0.0.1:1/": r"failed \(ConnectionError\)",
    "to http://[::1": r"failed \((ValueError|InvalidURL|LocationParseError)\)",
    "to /a": r"failed \(TooManyRedirects\)",
}


@pytest.mark.parametrize("way", FAILURES)
def test_after_a_mirror_that_fails_the_next_mirror_is_asked(server, dots, tmp_path, way):
    server.ways["/a"] = way
    fetch_files(dots, tmp_path)
    assert files(tmp_path) == {"dots.bin": CONTENT}
    (tmp_path / "dots.bin").unlink()
    server.ways["/b"] = way
    words = f"one of 2 mirrors.* Received: .*/a {FAILURES[way]}.*/b {FAILURES[way]}"
    with pytest.raises(DataError, match=words):
        fetch_files(dots, tmp_path)
    assert files(tmp_path) == {}


def test_a_file_that_another_process_fetches_is_waited_for(server, dots, tmp_path):
    lock = filelock.FileLock(tmp_path / ".dots.bin.lock", is_singleton=False)
    with ThreadPoolExecutor(1) as pool:
        with lock:
            second = pool.submit(fetch_files, dots, tmp_path)
            (tmp_path / "dots.bin").write_bytes(CONTENT)
        assert second.result() == tmp_path
    assert not server.asked
    assert files(tmp_path) == {"dots.bin": CONTENT}


def test_another_file_of_that_name_is_not_changed(server, dots, tmp_path):
    (tmp_path / "dots.bin").write_bytes(b"mine")
    with pytest.raises(DataError, match=r"must be its owner's file.*Move it away"):
        fetch_files(dots, tmp_path)
    assert files(tmp_path) == {"dots.bin": b"mine"}
    assert not server.asked
