import io
import zipfile

import numpy as np
import pytest

from zoo.files.packing import pack, unpack


def test_arrays_and_facts_come_back_as_they_were():
    arrays = {"a/b": np.arange(6, dtype="float32").reshape(2, 3), "seed": np.uint32(7)}
    contents = pack(arrays, {"epoch": 3, "loss": 0.1})
    got, facts = unpack(contents)
    assert facts == {"epoch": 3, "loss": 0.1}
    for name, array in arrays.items():
        np.testing.assert_array_equal(got[name], array)
        assert got[name].dtype == array.dtype
    assert [*unpack(contents, names=("seed",))[0]] == ["seed"]


def test_objects_are_not_unpacked():
    with pytest.raises(ValueError, match="pickle"):
        unpack(pack({"object": np.array([{}], dtype=object)}))


@pytest.mark.parametrize("names", [None, ()])
def test_a_file_that_unpacks_to_more_than_it_takes_is_refused(names):
    stream = io.BytesIO()
    np.savez_compressed(stream, facts=np.array("{}"), large=np.zeros(10**6))
    with pytest.raises(ValueError, match=r"bytes, and would take 8,000,\d+ in memory"):
        unpack(stream.getvalue(), names)
    with zipfile.ZipFile(io.BytesIO(stream.getvalue())) as archive:
        assert sum(member.compress_size for member in archive.infolist()) < 20_000
