import hashlib

import numpy as np
import pytest
from safetensors.numpy import load_file

import zoo
from zoo.errors import DataError
from zoo.weights.tensors import TensorFile, write_tensors

ARRAYS = {"kernel": np.arange(6, dtype=np.float16).reshape(2, 3), "bias": np.ones(3, np.float32)}


def test_written_arrays_are_read_again(tmp_path):
    file = write_tensors(tmp_path / "a.safetensors", ARRAYS)
    seen_shapes = {}
    read = file.read(seen_shapes.update)
    assert seen_shapes == file.shapes() == {"kernel": (2, 3), "bias": (3,)}
    for name, array in ARRAYS.items():
        assert read[name].dtype == array.dtype
        assert np.array_equal(read[name], array)


@pytest.mark.parametrize("position", [0, 20, -1])
def test_a_flipped_bit_is_an_error_before_anything_is_parsed(tmp_path, position):
    file = write_tensors(tmp_path / "a.safetensors", ARRAYS)
    content = bytearray(file.path.read_bytes())
    content[position] ^= 1
    file.path.write_bytes(content)
    with pytest.raises(DataError, match="must have the SHA-256"):
        file.read(lambda shapes: pytest.fail("The header was read."))


def test_a_check_that_fails_stops_the_reading(tmp_path):
    file = write_tensors(tmp_path / "a.safetensors", ARRAYS)
    with pytest.raises(DataError, match=r"and no others\. Received: no gamma\."):
        file.read(lambda shapes: file.check_names(shapes, ["kernel", "bias", "gamma"]))
    with pytest.raises(DataError, match=r"Received: bias\."):
        file.read(lambda shapes: file.check_names(shapes, ["kernel"]))


def test_a_file_of_another_kind_is_an_error(tmp_path):
    path = tmp_path / "a.safetensors"
    path.write_bytes(b"\x80\x04pickle")
    file = TensorFile(path, hashlib.sha256(path.read_bytes()).hexdigest())
    with pytest.raises(DataError, match="must be a safetensors file"):
        file.read(lambda shapes: None)
    with pytest.raises(DataError, match="must have arrays of F16, F32, U64 only"):
        write_tensors(path, {"a": np.zeros(2, np.int8)}).read(lambda shapes: None)
    with pytest.raises(DataError, match="No such file"):
        TensorFile(tmp_path / "gone", "0" * 64).read(lambda shapes: None)


def test_a_tampered_header_does_not_reach_the_model(changeable_weights):
    """Also where the SHA-256 of the paper was changed with the file."""
    path = changeable_weights / "vgg-0.safetensors"
    arrays = load_file(path)
    for changes, words in (
        ({"block1_1_conv/kernel": arrays["block1_1_conv/kernel"][..., :3]}, "must have the shape"),
        ({"logits/bias": np.zeros(3, np.float32)}, "must have the shape"),
        ({"lambda/code": np.zeros(3, np.float32)}, "and no others. Received: lambda/code"),
    ):
        sha256 = write_tensors(path, {**arrays, **changes}).sha256
        paper = changeable_weights / "vgg-0.toml"
        lines = paper.read_text("utf-8").splitlines()
        lines = [f'sha256 = "{sha256}"' if line.startswith("sha256") else line for line in lines]
        paper.write_text("\n".join(lines), "utf-8")
        with pytest.raises(DataError, match=words):
            zoo.build("vgg", weights="tiny/vgg-0")
