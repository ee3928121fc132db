import hashlib

import numpy as np
import pytest

from zoo.datasets.description import DatasetInfo, RemoteFile
from zoo.datasets.fetching import mirrors
from zoo.datasets.fetching.mirrors import is_page
from zoo.datasets.fetching.remotes import download
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


def test_a_file_is_fetched_once(server, dots, tmp_path):
    for _ in range(2):
        assert download(dots, tmp_path / "new" / "folder") == tmp_path / "new" / "folder"
    assert files(tmp_path / "new" / "folder") == {"dots.bin": CONTENT}
    assert server.asked == [("/a", 0)]


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


@pytest.mark.parametrize("way", ["no ranges", "no ranges, no length", "416", "another range"])
def test_a_server_without_ranges_begins_anew(server, dots, tmp_path, way):
    (tmp_path / "dots.bin.part").write_bytes(b"something else")
    server.ways["/a"] = way
    download(dots, tmp_path)
    assert files(tmp_path) == {"dots.bin": CONTENT}


WAYS = {
    "html": "sent a page instead of the file",
    "text/html": "sent a page instead of the file",
    "too much": "has another file there, which has not 600,000 bytes",
    "404": "answered 404 Not Found",
    "to http://127.0.0.1:1/": r"failed \(ConnectionError\)",
    "to http://[::1": r"failed \((ValueError|InvalidURL|LocationParseError)\)",
    "to /a": "sent more than 5 redirects",
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


def test_what_does_not_fit_on_what_is_there_is_fetched_afresh_once(server, dots, tmp_path):
    (tmp_path / "dots.bin.part").write_bytes(b"x" * 1000)
    download(dots, tmp_path)
    assert files(tmp_path) == {"dots.bin": CONTENT}
    assert server.asked == [("/a", 1000), ("/a", 0)]


ANSWERS = {
    "error": b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>',
    "json": b'{"error": "try later"}' * 10,
    "nothing": b"",
}


@pytest.mark.parametrize("length", ["", "no length"])
@pytest.mark.parametrize("answer", ANSWERS)
def test_a_short_answer_is_no_piece_of_the_file(server, dots, tmp_path, answer, length):
    server.files["/a"], server.ways["/a"] = ANSWERS[answer], length
    server.ways["/b"] = "404"
    with pytest.raises(
        DataError, match=r"/a (sent a page|has another file|broke off).*/b answered"
    ):
        download(dots, tmp_path)
    assert files(tmp_path) == {}
    del server.ways["/b"]
    download(dots, tmp_path)
    assert server.asked[-1] == ("/b", 0)
    assert files(tmp_path) == {"dots.bin": CONTENT}


@pytest.mark.parametrize(
    "way", ["html", "text/html", "too much", "no ranges, no length, breaks off", "404"]
)
def test_what_has_come_outlives_answers_that_are_not_the_file(server, dots, tmp_path, way):
    (tmp_path / "dots.bin.part").write_bytes(CONTENT[:1000])
    server.ways |= {"/a": way, "/b": way}
    with pytest.raises(DataError, match="trying again goes on from there"):
        download(dots, tmp_path)
    assert files(tmp_path) == {"dots.bin.part": CONTENT[:1000]}


def test_an_answer_that_does_not_tell_its_length_counts_as_a_whole(server, dots, tmp_path):
    server.ways |= {"/a": "no length, breaks off", "/b": "404"}
    with pytest.raises(DataError, match="broke off after 300,000 of 600,000 bytes"):
        download(dots, tmp_path)
    assert files(tmp_path) == {}
    server.ways["/a"] = "no length"
    download(dots, tmp_path)
    assert files(tmp_path) == {"dots.bin": CONTENT}


def test_a_file_that_another_process_fetches_is_left_to_it(dots, tmp_path):
    fcntl = pytest.importorskip("fcntl", reason="nothing is locked on Windows")
    with (tmp_path / "dots.bin.part").open("wb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(DataError, match=r"dots\.bin\.part: another process is fetching it"):
            download(dots, tmp_path)
    download(dots, tmp_path)
    assert files(tmp_path) == {"dots.bin": CONTENT}


def test_a_file_that_came_to_its_place_meanwhile_is_left_there(dots, tmp_path, monkeypatch):
    def move(file):
        (tmp_path / "dots.bin.part").rename(tmp_path / "dots.bin")
        return True

    monkeypatch.setattr(mirrors, "_lock", move)
    with pytest.raises(DataError, match="another process"):
        download(dots, tmp_path)


def test_another_file_of_that_name_is_left_alone(server, dots, tmp_path):
    (tmp_path / "dots.bin").write_bytes(b"mine")
    with pytest.raises(DataError, match=r"is there, but not as its owner has it.*Move it away"):
        download(dots, tmp_path)
    assert files(tmp_path) == {"dots.bin": b"mine"}
    assert not server.asked


def test_pages_are_told_from_data():
    for page in (
        b"\xef\xbb\xbf\n<!doctype HTML>",
        b"<html lang='en'>",
        b"<!-- moved -->",
        b"<?xml ",
    ):
        assert is_page(page)
    for data in (b"", b"\x1f\x8b", b"PK\x03\x04", CONTENT[:100], b"emotion,pixels"):
        assert not is_page(data)
