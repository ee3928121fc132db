"""The files of a data set as they were listed, and their fingerprint: a hash of names and bytes.

Each file is read once: files that are decoded are hashed on the way. Later, files are hashed again
only if their states (sizes, times and places on the disk) are not those of the listing any more.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import stat
import time
from contextlib import AbstractContextManager
from pathlib import Path

from zoo.datasets.cache.entries import CONTENTS, cache_root, hash_facts
from zoo.datasets.files.checks import (
    as_data_errors,
    check_file_or_folder,
    checksum,
    file_state,
)
from zoo.datasets.files.tree import read_start, walk

# Nanoseconds in which a file may change twice with the same time: a tick of FAT's clock, 2 s.
_SETTLED = 2 * 10**9


class ListedFiles:
    """The files of a data set as they were listed, and the hashes of those that have been read.

    Args:
        path: A file, or a folder with everything below it.
        only: A regular expression of the files that count, as for `open_tree`.

    Attributes:
        found: The results of `os.stat` by the path inside the folder; by "" for a single file.
        states: Numbers that change when a file is written, by the path inside, sorted. A folder
            has an empty list.

    Raises:
        DataError: A file cannot be read.
    """

    def __init__(self, path: Path, only: str | None = None) -> None:
        self.path, self._only = path, only
        check_file_or_folder(path)
        self._began = time.time_ns()
        with self._as_data_errors():
            self._top = file_state(os.stat(path))
            self.found = walk(path, only) if os.path.isdir(path) else {"": os.stat(path)}
        self.states = {
            name: file_state(info) if stat.S_ISREG(info.st_mode) else []
            for name, info in sorted(self.found.items())
        }
        self._hashes: dict[str, str] = {}
        # The keys under which the cache keeps the fingerprint, and that such files were there.
        self._known = self._file_in_cache([str(path.absolute()), self.states])
        sizes = [state[0] for state in self.states.values() if state]
        self._familiar = self._file_in_cache([len(sizes), sum(sizes)])

    def read(self, name: str, most: int) -> bytes:
        """Read at most so many bytes of a file in the folder.

        The hash is kept if these are all bytes and the file is as it was listed.
        """
        content, opened = read_start(f"{self.path}/{name}", most)
        state = self.states[name]
        if file_state(opened) == state and len(content) == state[0]:
            self._hashes[name] = hashlib.sha256(content).hexdigest()
        else:
            self._hashes.pop(name, None)  # of an earlier reading
        return content

    def known_fingerprint(self) -> str | None:
        """Look up the fingerprint, without reading a file; None if the cache does not have it."""
        with contextlib.suppress(OSError, ValueError):
            if re.fullmatch("[0-9a-f]{64}", content := self._known.read_text("ascii")):
                return content
        return None

    def are_familiar(self) -> bool:
        """Whether a folder of as many files with as many bytes has been hashed before.

        Then the images are probably in the cache, and hashing is quicker than decoding.
        """
        return self._familiar.exists()

    def fingerprint(self) -> str:
        """Hash the names and bytes of all files, a SHA-256 in hexadecimal; the cache keeps it.

        Files that `read` has read are not read again. A DataError says that a file cannot be read.
        """
        with self._as_data_errors():
            content = hash_facts([(name, self._hash(name)) for name in self.states])
        changed = max((max(state[1:3]) for state in self.states.values() if state), default=0)
        with contextlib.suppress(OSError):  # then the files are read each time
            if "" not in self.states:  # a folder
                _write(self._familiar, "")
            if changed < self._began - _SETTLED:
                _write(self._known, content)
        return content

    def have_changed(self) -> bool:
        """Whether a file or folder was added, removed or written since the listing.

        Files whose hash `read` has kept are not looked at again: the hash is that of the bytes
        that were read.
        """
        with contextlib.suppress(OSError):
            others = self.found.keys() - self._hashes.keys()
            if file_state(os.stat(self.path)) == self._top and all(
                file_state(os.stat(self._inside(name))) == file_state(self.found[name])
                for name in others
            ):
                return False
        # The time of a folder changes also for a file that does not count, such as a hidden file.
        return ListedFiles(self.path, self._only).states != self.states

    def _hash(self, name: str) -> str | list[int]:
        """The SHA-256 of a file in hexadecimal; for a folder its state, which is empty."""
        if not self.states[name]:
            return []
        return self._hashes.get(name) or checksum(self._inside(name))

    def _inside(self, name: str) -> str:
        """The path of a file; quicker than `path / name`, of which there may be a million."""
        return f"{self.path}/{name}" if name else str(self.path)

    def _file_in_cache(self, facts: object) -> Path:
        return cache_root() / CONTENTS / hash_facts(facts)

    def _as_data_errors(self) -> AbstractContextManager[None]:
        expected, remedy = "be a readable file or folder", "Check the path and its permissions"
        return as_data_errors(self.path, expected, remedy, OSError)


def _write(path: Path, text: str) -> None:
    """Write a small file; if a crash cuts it, `known_fingerprint` does not believe it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "ascii")
