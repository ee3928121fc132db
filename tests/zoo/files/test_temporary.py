"""Unfinished files are swept when the process that wrote them has ended."""

import errno
import os
import subprocess
import sys

import pytest

from zoo.errors import RunError
from zoo.files import (
    holds_files,
    is_abandoned,
    is_temporary,
    scratch_folder,
    temporary_folder,
    write_atomically,
)
from zoo.files.temporary import sweep, temporary_name

LEAVE_FILES = """
import os, sys
from pathlib import Path
from zoo.files.temporary import temporary_name
folder = Path(sys.argv[1])
(folder / temporary_name(suffix=".keras")).write_text("half")
(folder / temporary_name("pets")).mkdir()
os.kill(os.getpid(), 9)
"""


def files_of_a_killed_process(folder):
    subprocess.run([sys.executable, "-c", LEAVE_FILES, folder], check=False)
    return sorted(path for path in folder.iterdir() if is_temporary(path))


def test_no_two_names_are_the_same_and_all_are_hidden():
    names = {temporary_name("x" * 300)[:5] + temporary_name(suffix=".a") for _ in range(99)}
    assert len(names) == 99
    assert all(name.startswith(".") for name in names)


def test_files_of_a_killed_process_are_swept_by_the_next_write(tmp_path):
    assert len(files_of_a_killed_process(tmp_path)) == 2
    mine = tmp_path / temporary_name(suffix=".keras")
    mine.write_text("being written")
    write_atomically(tmp_path / "a.txt", lambda path: path.write_text("hello"))
    assert sorted(tmp_path.iterdir()) == [mine, tmp_path / "a.txt"]


def test_folders_of_a_killed_process_are_swept_by_the_next_folder(tmp_path):
    files_of_a_killed_process(tmp_path)
    with temporary_folder(tmp_path, "pets") as folder:
        (folder / "half.npy").write_bytes(b"0")
        assert [*tmp_path.iterdir()] == [folder]
        assert not is_abandoned(folder)
    assert [*tmp_path.iterdir()] == []


def test_files_of_another_machine_are_swept_after_a_day(tmp_path):
    path = tmp_path / ".zoo_00000000_1_abc0.tmp.npz"
    path.write_text("half")
    sweep(tmp_path)
    assert path.exists()
    os.utime(path, (1, 1))
    sweep(tmp_path)
    assert not path.exists()


def test_other_hidden_files_stay(tmp_path):
    for name in (".lock", ".zoo", ".a.tmp.npz", ".zoo_1_2.npz", "a.123.tmp.npz"):
        (tmp_path / name).write_text("mine")
        os.utime(tmp_path / name, (1, 1))
    sweep(tmp_path)
    assert len([*tmp_path.iterdir()]) == 5


def test_files_of_earlier_versions_are_swept_after_a_day_if_their_process_has_ended(tmp_path):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    abandoned = tmp_path / f".committee.{ended.pid}.tmp.keras"
    used = tmp_path / f".committee.{os.getpid()}.tmp.keras"
    fresh = tmp_path / f".run.{ended.pid}.tmp.json"
    for path in (abandoned, used, fresh):
        path.write_text("half")
        os.utime(path, None if path == fresh else (1, 1))
    assert not holds_files(tmp_path)
    write_atomically(tmp_path / "a.txt", lambda path: path.write_text("hello"))
    assert sorted(tmp_path.iterdir()) == sorted([used, fresh, tmp_path / "a.txt"])


def test_files_and_folders_of_other_programs_stay(tmp_path):
    (tmp_path / ".backup.20231104.tmp").mkdir()
    (tmp_path / ".backup.20231104.tmp/photo.jpg").write_text("mine")
    (tmp_path / ".work.999.tmp.json").mkdir()
    (tmp_path / ".work.999.tmp.json/a").write_text("mine")
    for name in (".x.999.tmp", ".x.999.tmp.part", ".x.20231104.tmp.png"):
        (tmp_path / name).write_text("mine")
    for path in sorted(tmp_path.rglob("*"), reverse=True):
        os.utime(path, (1, 1))
    assert not [path for path in tmp_path.iterdir() if is_temporary(path)]
    before = sorted(tmp_path.rglob("*"))
    sweep(tmp_path)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_large_folder_is_searched_once(tmp_path, monkeypatch):
    monkeypatch.setattr("zoo.files.temporary._LARGE", 2)
    for name in "abc":
        (tmp_path / name).touch()
    sweep(tmp_path)
    path = tmp_path / ".zoo_00000000_1_abc0.tmp.npz"
    path.touch()
    os.utime(path, (1, 1))
    sweep(tmp_path)
    assert path.exists()


def test_a_missing_or_full_folder_for_temporary_files_is_told(monkeypatch):
    message = r"temporary files must be writable.*No space left.*TMPDIR"
    with pytest.raises(RunError, match=message), scratch_folder():
        raise OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(KeyError), scratch_folder():
        raise KeyError
    monkeypatch.setattr("tempfile.tempdir", "/nowhere")
    with pytest.raises(RunError, match="temporary files must be writable"):
        scratch_folder().__enter__()
