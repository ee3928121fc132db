"""Files are written whole or not at all."""

import os
from concurrent.futures import ThreadPoolExecutor
from unittest import mock

import pytest
import tensorflow as tf

from zoo.errors import ArgumentError, RunError, ZooError
from zoo.files import check_writable, errors_as_warnings, write_atomically


def contents(folder):
    """Every path in it, with its bytes."""
    return {
        path.relative_to(folder): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


def test_file_is_written_with_its_folders(tmp_path):
    path = tmp_path / "a" / "b" / "c.txt"
    assert write_atomically(path, lambda temporary: temporary.write_text("hello")) == path
    assert contents(tmp_path / "a") == {
        (path.parent.relative_to(tmp_path / "a")): None,
        path.relative_to(tmp_path / "a"): b"hello",
    }


@pytest.mark.parametrize(
    ("path", "suffixes", "message"),
    [
        ("a.pdf", [".md"], r"^output must end in \.md\. Received: a\.pdf\. Rename it\.$"),
        ("a", [".json", ".md", ".png"], r"end in \.json, \.md or \.png\. Received: a\. Ren"),
        ("folder.md", [".md"], r"be a file that can be written\. Received: folder\.md, which is a"),
        ("file/a.md", [".md"], r"Received: file/a\.md, where .*file is no folder\. Name another"),
        ("file", [], r"^output must be a folder that can be written\. Received: file, where "),
        ("locked/new/a.md", [".md"], r"and nothing can be written in .*locked\. Name another path"),
        ("locked/a.md", [".md"], r"and files in .*locked must not be changed\. Name another path"),
    ],
)
def test_what_cannot_be_written_is_told_before_the_work(
    tmp_path, monkeypatch, path, suffixes, message
):
    monkeypatch.chdir(tmp_path)
    for folder in ("folder.md", "locked"):
        (tmp_path / folder).mkdir()
    (tmp_path / "file").write_text("a file")
    (tmp_path / "locked" / "a.md").write_text("a file")
    access = os.access
    monkeypatch.setattr(  # for the administrator no folder is locked
        os, "access", lambda path, mode: not str(path).endswith("locked") and access(path, mode)
    )
    with pytest.raises(ArgumentError, match=message):
        check_writable("output", path, suffixes)


def test_the_check_before_the_work_makes_nothing(tmp_path):
    (tmp_path / "old.md").write_text("old")
    for path in ("a.md", "new/folder/a.md", "old.md"):
        assert check_writable("output", tmp_path / path, [".md"]) == tmp_path / path
    check_writable("log_dir", tmp_path / "new" / "logs")
    check_writable("log_dir", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["old.md"]


def test_path_may_be_a_string(tmp_path):
    write_atomically(str(tmp_path / "c.txt"), lambda path: path.write_text("hello"))
    assert (tmp_path / "c.txt").read_text() == "hello"


def test_temporary_file_stands_beside_its_place_with_its_suffix(tmp_path):
    paths = []

    def write(path):
        paths.append(path)
        path.write_text("new")
        assert (tmp_path / "c.keras").read_text() == "old"

    (tmp_path / "c.keras").write_text("old")
    write_atomically(tmp_path / "c.keras", write)
    (temporary,) = paths
    assert temporary.parent == tmp_path
    assert temporary.suffix == ".keras"
    assert contents(tmp_path).keys() == {(tmp_path / "c.keras").relative_to(tmp_path)}
    assert (tmp_path / "c.keras").read_text() == "new"


def test_written_bytes_reach_the_disk_before_the_file_takes_its_place(tmp_path, monkeypatch):
    calls = []
    for name in ("fsync", "replace"):
        real = getattr(os, name)
        monkeypatch.setattr(
            os, name, lambda *a, real=real, name=name: (calls.append(name), real(*a))[1]
        )
    write_atomically(tmp_path / "c.txt", lambda path: path.write_text("hello"))
    assert calls == ["fsync", "replace", "fsync"]  # the file, the move, the folder


@pytest.mark.parametrize("error", [KeyError("x"), KeyboardInterrupt(), OSError("disk full")])
@pytest.mark.parametrize("old", [b"old", None])
def test_writer_that_fails_leaves_everything_as_it_was(tmp_path, error, old):
    path = tmp_path / "c.txt"
    if old:
        path.write_bytes(old)
    before = contents(tmp_path)

    def write(temporary):
        temporary.write_text("half of it")
        raise error

    with pytest.raises(RunError if isinstance(error, OSError) else type(error)):
        write_atomically(path, write)
    assert contents(tmp_path) == before


def test_disk_error_names_the_file(tmp_path):
    def write(temporary):
        raise OSError("disk full")

    with pytest.raises(RunError, match="disk full") as error:
        write_atomically(tmp_path / "c.txt", write)
    assert str(error.value).startswith(
        f"{tmp_path / 'c.txt'} must be writable. Received: disk full"
    )
    assert isinstance(error.value, ZooError)


def test_move_that_fails_keeps_the_old_file(tmp_path, monkeypatch):
    (tmp_path / "c.txt").write_text("old")
    before = contents(tmp_path)

    def replace(*paths):
        raise PermissionError("no")

    monkeypatch.setattr(os, "replace", replace)
    with pytest.raises(RunError, match="must be writable"):
        write_atomically(tmp_path / "c.txt", lambda path: path.write_text("new"))
    assert contents(tmp_path) == before


@pytest.mark.parametrize("place", ["file/c.txt", "folder"])  # in a file; over a folder
def test_impossible_place_raises_and_leaves_nothing(tmp_path, place):
    (tmp_path / "file").write_text("x")
    (tmp_path / "folder" / "in it").mkdir(parents=True)
    before = contents(tmp_path)
    with pytest.raises(RunError, match="must be writable"):
        write_atomically(tmp_path / place, lambda path: path.write_text("hello"))
    assert contents(tmp_path) == before


def test_an_error_in_what_is_written_for_looking_at_is_a_warning():
    message = r"card\.md could not be written \(KeyError: 'cat'\)"
    with pytest.warns(RuntimeWarning, match=message), errors_as_warnings("card.md"):
        raise KeyError("cat")
    with pytest.raises(KeyboardInterrupt), errors_as_warnings("card.md"):
        raise KeyboardInterrupt


def test_threads_may_write_the_same_file(tmp_path):
    def write(text):
        def contents(path):
            path.write_text(text * 10_000)

        return write_atomically(tmp_path / "c.txt", contents)

    with ThreadPoolExecutor(3) as pool:
        assert {*pool.map(write, "abc" * 20)} == {tmp_path / "c.txt"}
    assert {*(tmp_path / "c.txt").read_text()} < {*"abc"}
    assert [path.name for path in tmp_path.iterdir()] == ["c.txt"]


def test_the_longest_name_that_the_system_takes_can_be_written(tmp_path):
    write_atomically(tmp_path / f"{'x' * 251}.txt", lambda path: path.write_text("hello"))
    with pytest.raises(RunError, match="must be writable"):
        write_atomically(tmp_path / f"{'x' * 252}.txt", lambda path: path.write_text("hello"))
    assert len([*tmp_path.iterdir()]) == 1


@pytest.mark.parametrize("name", ["a\0b", "\ud800.txt"])
def test_a_name_that_no_file_can_have_is_told(tmp_path, name):
    with pytest.raises(RunError, match="must be text that the system can write"):
        write_atomically(tmp_path / name, lambda path: path.write_text("hello"))


def test_errors_of_tensorflow_and_hdf5_about_the_disk_are_those_of_a_file(tmp_path):
    full = tf.errors.ResourceExhaustedError(None, None, "No space left on device")
    for error in (full, RuntimeError("Can't write (No space left on device)")):
        with pytest.raises(RunError, match="No space left on device") as raised:
            write_atomically(tmp_path / "c.txt", mock.Mock(side_effect=error))
        assert raised.value.__cause__ is error
