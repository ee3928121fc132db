"""A folder is for a single process, and the lock of a killed process is free."""

import os
import re
import subprocess
import sys

import pytest

from zoo.errors import RunError
from zoo.files import FolderLock, holds_files, is_locked

HOLD = """
import sys
from pathlib import Path
from zoo.files import FolderLock
lock = FolderLock(Path(sys.argv[1]), "run folder")
print("locked", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def other_process(tmp_path):
    command = [sys.executable, "-c", HOLD, tmp_path]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"locked\n"
        yield process
        process.kill()


def test_the_message_says_who_holds_the_lock_and_a_killed_process_holds_none(
    tmp_path, other_process
):
    host = re.escape(os.uname().nodename)
    message = rf"Received: .*, in which process {other_process.pid} on {host}, since 20.*, works"
    with pytest.raises(RunError, match=message):
        FolderLock(tmp_path, "run folder")
    assert is_locked(tmp_path)
    other_process.kill()
    other_process.wait()
    FolderLock(tmp_path, "run folder").release()


def test_a_thread_of_the_same_process_must_wait_too(tmp_path):
    with FolderLock(tmp_path / "new", "run folder") as lock:
        with pytest.raises(RunError, match="A run folder must be free for this process"):
            FolderLock(tmp_path / "new", "run folder")
        lock.release()
        FolderLock(tmp_path / "new", "run folder").release()
    assert not is_locked(tmp_path / "new")
    assert not is_locked(tmp_path / "missing")
    assert not holds_files(tmp_path / "new")


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match=r"must be a folder that can be written\. Received: .*file"):
        FolderLock(tmp_path / "file", "run folder")
