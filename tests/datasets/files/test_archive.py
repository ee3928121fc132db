import gzip
import io
import os
import tarfile
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from unittest import mock

import pytest

from zoo.datasets.files import archive
from zoo.datasets.files import checks as files
from zoo.datasets.files.archive import archive_items
from zoo.datasets.files.tree import open_tree
from zoo.errors import DataError, RunError


def tar(path, entries):
    """A tar archive of `TarInfo`s and contents."""
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT) as target:
        for entry, content in entries:
            entry.size = len(content)
            target.addfile(entry, io.BytesIO(content))
    return path


def test_backslashes_of_windows_are_folders(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as target:
        target.writestr("train\\cat\\1.png", b"one")
        target.writestr("..\\up.png", b"")
    with open_tree(tmp_path / "a.zip") as tree:
        assert tree.sizes == {"train/cat/1.png": 3}
        assert tree.read("train/cat/1.png") == b"one"


def test_a_tar_archive_that_ends_in_a_zip_archive_is_a_tar_archive(tmp_path):
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as target:
        target.writestr("inside.png", b"one")
    entries = [(tarfile.TarInfo("1.png"), b"one"), (tarfile.TarInfo("z.zip"), inner.getvalue())]
    path = tar(tmp_path / "a.tar", entries)
    assert zipfile.is_zipfile(path)
    with open_tree(path) as tree:
        assert tree.sizes.keys() == {"1.png", "z.zip"}


@pytest.mark.parametrize("name", ["a.zip", "a.tar"])
def test_a_file_that_is_there_twice_is_refused(tmp_path, name):
    path = tmp_path / name
    if name == "a.zip":
        with zipfile.ZipFile(path, "w") as target:
            target.writestr("cat/1.png", b"one")
            target.writestr("cat//1.png", b"two")
    else:
        tar(path, [(tarfile.TarInfo("cat/1.png"), b"one"), (tarfile.TarInfo("cat//1.png"), b"2")])
    with pytest.raises(
        DataError, match=r"must hold each file once\. Received: two files cat/1\.png"
    ):
        open_tree(path).__enter__()


def test_folders_may_be_listed_twice(tmp_path):
    folder = tarfile.TarInfo("cat")
    folder.type = tarfile.DIRTYPE
    path = tar(tmp_path / "a.tar", [(folder, b""), (folder, b""), (tarfile.TarInfo("cat/1"), b"1")])
    with open_tree(path) as tree:
        assert (tree.folders, tree.sizes) == ({"cat"}, {"cat/1": 1})


@pytest.mark.parametrize("kind", [tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE])
def test_headers_without_measure_are_not_read(tmp_path, kind):
    header = tarfile.TarInfo("long")
    header.type, header.size = kind, 2**33
    path = tmp_path / "a.tar"
    path.write_bytes(header.tobuf(tarfile.GNU_FORMAT) + bytes(2**16))
    with pytest.raises(
        DataError, match=r"headers of at most 1,048,576 bytes\. Received: a header of 8,589"
    ):
        open_tree(path).__enter__()


def test_many_long_headers_are_not_read_either(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "MAX_HEADERS_BYTES", 10_000)
    names = [tarfile.TarInfo(str(number) * 1000) for number in range(10)]
    path = tar(tmp_path / "a.tar", [(name, b"") for name in names])
    with pytest.raises(DataError, match="or very many"):
        open_tree(path).__enter__()


def test_long_names_are_read(tmp_path):
    name = "/".join(["folder"] * 40) + "/a.png"
    with open_tree(tar(tmp_path / "a.tar", [(tarfile.TarInfo(name), b"a")])) as tree:
        assert tree.read(name) == b"a"


def test_what_is_left_alone_counts_too(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "MAX_FILES", 10)
    link = tarfile.TarInfo("link")
    link.type, link.linkname = tarfile.SYMTYPE, "elsewhere"
    for entry in (link, tarfile.TarInfo(".hidden"), tarfile.TarInfo("../up")):
        path = tar(tmp_path / "a.tar", [(entry, b"")] * 11)
        with pytest.raises(DataError, match="at most 10 files and folders"):
            open_tree(path).__enter__()


def test_sparse_files_are_refused(tmp_path):
    header = tarfile.TarInfo("cat/1.png")
    header.type = tarfile.GNUTYPE_SPARSE
    block = bytearray(header.tobuf(tarfile.GNU_FORMAT))
    block[483:495] = b"00000000001\0"
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    (tmp_path / "a.tar").write_bytes(bytes(block) + bytes(1024))
    with pytest.raises(
        DataError, match=r"must hold plain files\. Received: the sparse file 'cat/1\.png'"
    ):
        open_tree(tmp_path / "a.tar").__enter__()


def test_threads_read_one_archive_at_once(tmp_path):
    contents = {f"{number}": bytes([number]) * 200_000 for number in range(32)}
    path = tar(
        tmp_path / "a.tar", [(tarfile.TarInfo(name), content) for name, content in contents.items()]
    )
    switched = threading.Barrier(8)

    def read(name):
        switched.wait()
        return tree.read(name)

    with open_tree(path) as tree, ThreadPoolExecutor(8) as pool:
        for _ in range(5):
            assert dict(zip(contents, pool.map(read, contents), strict=True)) == contents


def test_members_of_tar_archives_can_be_gone_through(tmp_path):
    path = tar(tmp_path / "a.tar", [(tarfile.TarInfo("a"), b"abcdef"), (tarfile.TarInfo("b"), b"")])
    with ExitStack() as stack:
        first, _ = archive_items(path, stack)
        with first.open() as file:
            assert (file.seek(2), file.read(2), file.tell()) == (2, b"cd", 4)
            assert (file.seek(-1, 2), file.read()) == (5, b"f")
            assert (file.seek(99), file.read()) == (99, b"")


def test_a_member_that_is_cut_short_is_named(tmp_path):
    path = tar(tmp_path / "a.tar", [(tarfile.TarInfo("a"), bytes(3000))])
    with open_tree(path) as tree:
        os.truncate(path, 1000)  # while it is in use
        with pytest.raises(DataError, match=r"a in .*unexpected end of data"):
            tree.read("a")


def test_a_folder_for_temporary_files_that_is_missing_or_full_is_told(tmp_path, monkeypatch):
    tar(tmp_path / "a.tar", [(tarfile.TarInfo("cat/1.png"), b"one")])
    (tmp_path / "a.tgz").write_bytes(gzip.compress((tmp_path / "a.tar").read_bytes()))
    with open_tree(tmp_path / "a.tgz") as tree:
        assert tree.sizes == {"cat/1.png": 3}
    monkeypatch.setattr("tempfile.TemporaryFile", lambda: open("/dev/full", "wb", 0))  # noqa: SIM115
    with pytest.raises(RunError, match="No space left on device"), open_tree(tmp_path / "a.tgz"):
        pass
    monkeypatch.setattr("tempfile.TemporaryFile", mock.Mock(side_effect=FileNotFoundError("no")))
    with pytest.raises(RunError, match="TMPDIR"), open_tree(tmp_path / "a.tgz"):
        pass
