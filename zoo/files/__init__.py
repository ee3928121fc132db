"""Files and folders: how they are written whole or not at all, read, and locked.

Every room above may come in. This room knows no other room.
"""

from zoo.files.disk_errors import is_error_of_disk
from zoo.files.locks import FolderLock, holds_files, is_locked
from zoo.files.reading import damaged_file, open_plain, read_json, values_of_file
from zoo.files.temporary import (
    is_abandoned,
    is_temporary,
    no_scratch_space,
    scratch_folder,
    temporary_folder,
)
from zoo.files.writing import (
    check_suffix,
    check_writable,
    errors_as_warnings,
    write_atomically,
)

__all__ = [
    "FolderLock",
    "check_suffix",
    "check_writable",
    "damaged_file",
    "errors_as_warnings",
    "holds_files",
    "is_abandoned",
    "is_error_of_disk",
    "is_locked",
    "is_temporary",
    "no_scratch_space",
    "open_plain",
    "read_json",
    "scratch_folder",
    "temporary_folder",
    "values_of_file",
    "write_atomically",
]
