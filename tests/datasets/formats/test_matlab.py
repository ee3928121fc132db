import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy
from scipy.io import savemat

from zoo.datasets.formats.matlab import read_arrays
from zoo.errors import DataError

NUMBERS = st.sampled_from(["u1", "i2", "u4", "f4", "f8"]).flatmap(
    lambda dtype: st_numpy.arrays(dtype, st_numpy.array_shapes(min_dims=2, max_dims=4))
)


def mat(arrays, *, packed=True):
    content = io.BytesIO()
    savemat(content, arrays, do_compression=packed)
    return content.getvalue()


def read(content, *arguments):
    return read_arrays(io.BytesIO(content), *arguments)


@given(NUMBERS, st.booleans())
def test_what_scipy_writes_is_read(array, packed):
    found = read(mat({"other": "text", "a": array}, packed=packed), "f", {"a": 2**20})
    np.testing.assert_array_equal(found["a"], array)
    assert found.keys() == {"a"}


IMAGES = np.random.default_rng(0).integers(0, 256, (4, 4, 3, 5), dtype=np.uint8)


@given(st.data(), st.booleans())
def test_damaged_bytes_are_an_error_or_the_same_shape(data, packed):
    content = bytearray(mat({"X": IMAGES}, packed=packed))
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    content = content[: data.draw(st.integers(0, len(content)))]
    try:
        found = read(bytes(content), "f", {"X": 2**20})
    except DataError:
        return
    if packed and "X" in found:  # it has a checksum
        np.testing.assert_array_equal(found["X"].astype("u1").ravel(), IMAGES.ravel("K"))


def element(kind, content):
    return struct.pack("<II", kind, len(content)) + content + bytes(-len(content) % 8)


def file(*, axes=(2, 1), kind=2, size=2, flags=9, content=b"\1\2", name=b"y"):
    """A file with one array, of which every number can be a lie."""
    array = element(6, struct.pack("<II", flags, 0))
    array += element(5, struct.pack(f"<{len(axes)}i", *axes)) + element(1, name)
    array += struct.pack("<II", kind, size) + content
    header = b"MATLAB 5.0".ljust(124) + b"\x00\x01IM"
    packed = zlib.compress(struct.pack("<II", 14, len(array)) + array)
    return header + struct.pack("<II", 15, len(packed)) + packed


def test_a_file_written_out_by_hand_is_read():
    assert read(file(), "f", {"y": 10})["y"].tolist() == [[1], [2]]


LIES = [
    ({"axes": (2**31 - 1, 2**31 - 1)}, "y with 2 bytes for the shape"),
    ({"axes": (-1, -2)}, r"the shape \[-1, -2\]"),
    ({"axes": (2,)}, r"the shape \[2\]"),
    ({"axes": (1,) * 9}, "36 bytes where there are at most 32"),
    ({"axes": (2**16, 2**16), "size": 2**32 - 1}, "y with 4,294,967,295 bytes"),
    ({"axes": (64, 1), "size": 64, "content": bytes(64)}, "y with 64 bytes"),
    ({"axes": (3, 1), "size": 3}, "a file cut short"),
    ({"content": b"\1\2" + bytes(9)}, "more bytes than numbers"),
    ({"content": b"\1\2" + bytes(10**7)}, "more bytes than numbers"),
    ({"kind": 8}, "numbers of type 8"),
    ({"flags": 1}, "another class than numbers"),
    ({"flags": 9 | 0x800}, "another class than numbers"),
]


@pytest.mark.parametrize(("lie", "words"), LIES)
def test_lies_are_found_out(lie, words):
    with pytest.raises(DataError, match=words):
        read(file(**lie), "f", {"y": 10})


def test_other_files_are_refused():
    for content in (b"", b"<html>" * 100, b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM"):
        with pytest.raises(
            DataError, match=r"must be a file of MATLAB 5 to 7\.2\. Received: another"
        ):
            read(content, "f", {})
