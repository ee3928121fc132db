"""A small file cannot ask for much memory, and only what Keras writes is read."""

import io
import json
import zipfile

import h5py
import numpy as np
import pytest

import zoo
from zoo.errors import DataError
from zoo.saving import saved_description
from zoo.saving.archive import stored_bytes


@pytest.fixture
def members(tmp_path):
    zoo.build("softmax", input_shape=(4, 4, 1)).save(tmp_path / "good.keras")
    with zipfile.ZipFile(tmp_path / "good.keras") as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture
def written(tmp_path):
    def write(members, compression=zipfile.ZIP_STORED):
        path = tmp_path / "m.keras"
        with zipfile.ZipFile(path, "w", compression) as archive:
            for name, content in members.items():
                archive.writestr(name, content)
        return path

    return write


def weights_with(change):
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        change(file)
    return content.getvalue()


@pytest.mark.parametrize("name", ["config.json", "metadata.json", "model.weights.h5", "assets/a"])
def test_a_member_that_unpacks_to_much_more_than_it_takes_is_refused(members, written, name):
    content = b'"' + bytes(3_000_000) + b'"'
    path = written({**members, name: content}, zipfile.ZIP_DEFLATED)
    for read in (zoo.load, saved_description):
        with pytest.raises(DataError, match="unpacks to 3,000,002 bytes"):
            read(path)


@pytest.mark.parametrize("name", ["model.weights.npz", "a.py", "../config.json", "assets/../a"])
def test_a_member_that_keras_does_not_write_is_refused(members, written, name):
    with pytest.raises(DataError, match=r"only the members that Keras writes.*which also holds"):
        zoo.load(written({**members, name: b""}))


def test_a_long_description_is_refused_before_it_is_read(members, written, monkeypatch):
    monkeypatch.setattr("zoo.saving.archive._LARGE", 100)
    with pytest.raises(DataError, match=r"whose config\.json has [\d,]+ bytes"):
        saved_description(written(members))


def test_members_that_are_missing_or_stand_twice_are_told(members, written):
    path = written(members)
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(path, "a") as archive:
        archive.writestr("config.json", "{}")
    with pytest.raises(DataError, match="which holds a member twice"):
        zoo.load(path)
    del members["model.weights.h5"]
    with pytest.raises(DataError, match=r"cannot be read \(.*model\.weights\.h5"):
        zoo.load(written(members))


def test_members_that_overlap_are_refused(members, written):
    path = written({**members, **{f"assets/{k}": b"" for k in range(9)}})
    content = bytearray(path.read_bytes())
    at = content.index(b"PK\x01\x02")
    large = content.index(b"model.weights.h5", at) - 46
    sizes, start = content[large + 16 : large + 28], content[large + 42 : large + 46]
    for k in range(9):  # the directory says that all of them are the weights
        entry = content.index(f"assets/{k}".encode(), at) - 46
        content[entry + 16 : entry + 28], content[entry + 42 : entry + 46] = sizes, start
    path.write_bytes(content)
    with pytest.raises(DataError, match="whose members overlap"):
        zoo.load(path)


def test_arrays_that_are_not_stored_or_lie_elsewhere_are_refused(members, written, tmp_path):
    (tmp_path / "secret").write_bytes(b"secret" * 100)

    def hollow(file):
        file.create_dataset("w", (10**5, 10**5), "f4", chunks=(100, 100), compression="gzip")

    def external(file):
        file.create_dataset("w", (8,), "u1", external=[(str(tmp_path / "secret"), 0, 8)])

    def virtual(file):
        layout = h5py.VirtualLayout((8,), "u1")
        layout[:] = h5py.VirtualSource(str(tmp_path / "secret"), "w", (8,))
        file.create_virtual_dataset("w", layout)

    def linked(file):
        file["w"] = h5py.ExternalLink(str(tmp_path / "secret"), "/")

    def soft(file):
        file["layers/w"] = h5py.SoftLink("/layers")

    def texts(file):
        file["w"] = ["a", "b"]

    for change, message in (
        (hollow, "take 40,000,000,000 bytes of memory"),
        (external, "lie in other files"),
        (virtual, "lie in other files"),
        (linked, "leads elsewhere"),
        (soft, "leads elsewhere"),
        (texts, "are of the type object"),
    ):
        with pytest.raises(DataError, match=message):
            zoo.load(written({**members, "model.weights.h5": weights_with(change)}))


def test_the_bytes_of_the_weights_are_counted_once(members, written):
    def twice(file):
        file["a/w"] = np.zeros((10, 10), "f4")
        file["b"] = file["a"]

    assert stored_bytes(written({**members, "model.weights.h5": weights_with(twice)})) == 400


def test_any_damage_to_the_description_is_one_error(members, written):
    """What a file makes of numbers, names and lists in a description is Keras's matter."""
    description = json.loads(members["config.json"])
    rng = np.random.default_rng(0)
    strange = [None, -1, 10**30, 1e308, "", "\ud800", [], {}, [[[]]], True, {"class_name": 5}]
    images = rng.integers(0, 256, (2, 4, 4, 1), dtype=np.uint8)
    refused = loaded = 0
    for _ in range(40):
        changed = json.loads(json.dumps(description))
        place, key = _any_place(changed, rng)
        place[key] = strange[rng.integers(len(strange))]
        path = written({**members, "config.json": json.dumps(changed).encode()})
        try:
            model = zoo.load(path)
        except DataError:
            refused += 1
        else:
            loaded += 1
            np.testing.assert_allclose(model(images).numpy().sum(axis=1), 1, atol=1e-5)
    assert min(refused, loaded) >= 10


def _any_place(value, rng):
    """Choose a list or dict inside the value, and a key of it."""
    while True:
        keys = [*value] if isinstance(value, dict) else [*range(len(value))]
        key = keys[rng.integers(len(keys))]
        inside = value[key]
        if not isinstance(inside, (dict, list)) or not inside or rng.random() < 0.1:
            return value, key
        value = inside
