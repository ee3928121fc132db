"""The archive of a saved model: only the members that Keras writes, as large as Keras writes them.

A small file can ask for much memory: compressed members that unpack to a thousand times their size,
members that overlap, arrays of which only the shape is stored. All of it is refused from the
archive's and the arrays' own headers, before anything is unpacked.
"""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

from zoo.errors import DataError
from zoo.text import first_line

_DESCRIPTION, _WEIGHTS = "config.json", "model.weights.h5"
_MEMBERS = ("metadata.json", _DESCRIPTION, _WEIGHTS)
_ASSETS = "assets/"
"""The folder of files of layers that save more than weights, such as a vocabulary."""
_MOST_COMPRESSED, _MOST_COMPRESSED_LARGE = 100, 10
"""How many times larger a member, and a member above `_LARGE` bytes, may become when it is
unpacked. Keras does not compress at all."""
_LARGE = 2**28
"""The most bytes of a description. That of a committee holds 11 bytes for each training image."""


def read_description(path: Path, *, check_weights: bool) -> Any:
    """Read the description of a model, and refuse a damaged or hostile archive.

    With the weights, the archive is read from beginning to end: a reader that jumps in a file, as
    Keras does, does not look at checksums in newer releases of Python.

    Args:
        path: The file.
        check_weights: Whether to compare all members with their checksums.

    Returns:
        The JSON values of `config.json`.

    Raises:
        DataError: The archive is damaged, or holds something else than a model.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            _check_members(path, archive)
            if check_weights and (damaged := archive.testzip()):
                raise zipfile.BadZipFile(f"{damaged} does not match its checksum")
            return json.loads(archive.read(_DESCRIPTION))
    except DataError:
        raise
    except Exception as error:  # of zipfile, zlib and json, which raise whatever a file provokes
        raise _damaged(path, error) from error


def stored_bytes(path: Path) -> int:
    """Count the bytes of the weights in a model's file, and refuse weights that are not there.

    Args:
        path: The file, whose members are checked.

    Returns:
        The bytes of all arrays.

    Raises:
        DataError: The weights are damaged, lie in other files, or are larger than the file.
    """
    import h5py

    try:
        with (
            zipfile.ZipFile(path) as archive,
            # A member of an archive cannot be read backwards without reading it again.
            h5py.File(io.BytesIO(archive.read(_WEIGHTS)), "r") as file,
        ):
            arrays = _arrays(h5py, file)
            count = sum(array.size * array.dtype.itemsize for array in arrays)
            most = archive.getinfo(_WEIGHTS).file_size
            fault = next(filter(None, map(_fault_of, arrays)), "")
    except Exception as error:  # h5py raises whatever a file provokes
        raise _damaged(path, error) from error
    if count > most:
        fault = f"take {count:,} bytes of memory, of which at most {most:,} are in the file"
    if fault:
        raise DataError(
            "The weights of a .keras model must be in the file as Keras writes them. Received: "
            f"{path}, whose weights {fault}. Save the model again with model.save(path), or do not "
            "load this file."
        )
    return count


def _check_members(path: Path, archive: zipfile.ZipFile) -> None:
    """Compare names and sizes of the members with those of a file that Keras writes."""
    members = archive.infolist()
    names = [member.filename for member in members]
    packed = sum(member.compress_size for member in members)
    fault = ""
    if foreign := [name for name in names if name not in _MEMBERS and not _is_asset(name)]:
        fault = f"which also holds {foreign[0]!a:.80}"
    elif len({*names}) < len(names):
        fault = "which holds a member twice"
    elif packed > path.stat().st_size:
        fault = "whose members overlap"
    for member in members:
        is_large = member.file_size > _LARGE
        most = _MOST_COMPRESSED_LARGE if is_large else _MOST_COMPRESSED
        if member.file_size > most * max(member.compress_size, 1):
            fault = f"whose {member.filename!a:.80} unpacks to {member.file_size:,} bytes"
        elif is_large and member.filename.endswith(".json"):
            fault = f"whose {member.filename} has {member.file_size:,} bytes"
    if fault:
        raise DataError(
            "path must be a .keras model with only the members that Keras writes, each about as "
            f"large as it is stored. Received: {path}, {fault}. Save the model again with "
            "model.save(path), or do not load this file."
        )


def _is_asset(name: str) -> bool:
    return name.startswith(_ASSETS) and ".." not in name.split("/")


def _arrays(h5py: Any, group: Any) -> list[Any]:
    """List the arrays in a group and in all groups inside it, each once."""
    arrays: list[Any] = []

    def visit(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            arrays.append(item)
            return
        for key in item:
            if not isinstance(item.get(key, getlink=True), h5py.HardLink):
                raise ValueError(f"{name}/{key} leads elsewhere")

    visit("", group)
    group.visititems(visit)
    return arrays


def _fault_of(array: Any) -> str:
    """Say why an array is not one that Keras writes."""
    if array.external or array.is_virtual:
        return "lie in other files"
    if array.dtype.kind not in "biufcV":
        return f"are of the type {array.dtype}"
    return ""


def _damaged(path: Path, error: Exception) -> DataError:
    return DataError(
        f"path must be an undamaged .keras model. Received: {path}, which cannot be read "
        f"({first_line(error)}). Copy or download the file again."
    )
