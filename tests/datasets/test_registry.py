import importlib.util
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import zoo.datasets
from zoo.datasets import DatasetInfo, list_datasets, load, registry, sources
from zoo.errors import ArgumentError, DataError

TOY = '''
import numpy as np

import zoo.datasets


@zoo.datasets.register(
    info=zoo.datasets.DatasetInfo(
        source="made by a test",
        expected_files="dots.bin, one byte for each dot",
        markers=("dots.bin",),
        file_pattern=r"dots\\.bin",
    )
)
def toy_dots(request):
    """Dots, 2×2 grey, 2 classes."""
    pixels = np.frombuffer(request.tree.read("dots.bin"), "uint8")
    images = np.tile(pixels[:, None, None, None], (1, 2, 2, 1))
    return {"train": request.split("train", images, pixels % 2, ["even", "odd"])}
'''


@pytest.fixture(autouse=True)
def own_registry(monkeypatch):
    """Data sets that a test registers are gone after the test."""
    monkeypatch.setattr(registry, "_datasets", dict(registry._datasets))


@pytest.fixture
def import_toy(tmp_path, monkeypatch):
    """Import a temporary module, as a user's own, that registers `toy_dots`."""

    def load_module(name="toy"):
        path = tmp_path / f"{name}.py"
        path.write_text(TOY, "utf-8")
        spec = importlib.util.spec_from_file_location(name, path)
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
        return module

    return load_module


@pytest.fixture
def dots(write):
    return write("dots", {"dots.bin": bytes(range(40))})


def test_every_file_on_the_shelf_registers_one_data_set_of_its_name():
    files = {path.stem for path in Path(sources.__file__).parent.glob("*.py")} - {"__init__"}
    own = [
        dataset
        for dataset in registry._datasets.values()
        if dataset.read.__module__.startswith("zoo.datasets.sources.")
    ]
    assert {dataset.read.__module__.rpartition(".")[2] for dataset in own} == files, (
        "list each file of datasets/sources in datasets/sources/__init__.py"
    )
    assert {dataset.info.name for dataset in own} == files
    for dataset in own:
        assert dataset.info.summary
        assert dataset.info.source
    assert [dataset.info.name for dataset in own if not dataset.info.needs_root] == ["digits"]


def test_descriptions_are_listed_by_name():
    names = [info.name for info in list_datasets()]
    assert names == sorted(registry._datasets)
    assert {"digits", "mnist"} <= {*names}


def test_a_users_own_data_set_is_loaded_by_name(import_toy, dots):
    import_toy()
    info = registry.get_dataset("toy_dots").info
    assert (info.name, info.summary) == ("toy_dots", "Dots, 2×2 grey, 2 classes.")
    assert info.needs_root
    for _ in range(2):  # the second time from the cache
        data = load("toy_dots", dots, validation=0, test=5)
        assert data.class_names == ("even", "odd")
        assert data.test.class_counts == {"even": 5, "odd": 5}
        pixels = np.concatenate([data.train.images, data.test.images])[:, 1, 1, 0]
        assert sorted(pixels) == [*range(40)]
    assert isinstance(data.train.store, np.memmap)
    assert load("toy_dots", dots, image_size=4, color="rgb").image_shape == (4, 4, 3)


def test_files_of_a_users_own_data_set_that_are_missing_are_named(import_toy, tmp_path):
    import_toy()
    with pytest.raises(DataError, match=r"toy_dots.*dots\.bin, one byte for each dot"):
        load("toy_dots", tmp_path / "nowhere")


def test_a_reloaded_module_registers_again(import_toy):
    first, second = import_toy(), import_toy()
    names = [info.name for info in zoo.datasets.list_datasets()]
    assert names.count("toy_dots") == 1
    assert first is not second


def test_a_taken_name_raises_naming_both(import_toy):
    import_toy("first")
    with pytest.raises(ArgumentError, match=r"second\.toy_dots \(.*first\.toy_dots \("):
        import_toy("second")
    with pytest.raises(ArgumentError, match=r"taken by zoo\.datasets\.sources\.mnist\.read"):
        zoo.datasets.register(lambda request: {}, info=DatasetInfo("mnist"))


def test_override_replaces_a_data_set():
    @zoo.datasets.register(info=DatasetInfo("mnist"), override=True)
    def mine(request):
        return {"train": request.split("train", ZEROS, LABELS, ["a", "b"])}

    assert load("mnist", validation=0, test=0).class_names == ("a", "b")


def test_a_higher_version_decodes_again(import_toy, dots):
    toy = import_toy()
    first = load("toy_dots", dots).train.store.filename
    assert load("toy_dots", dots).train.store.filename == first
    info = replace(registry.get_dataset("toy_dots").info, version=1)
    zoo.datasets.register(toy.toy_dots, info=info)
    assert load("toy_dots", dots).train.store.filename != first


def without_arguments():
    return {}


def with_options(request, *, size=3):
    return {}


class Reader:
    def __call__(self, request):
        return {}


@pytest.mark.parametrize(
    ("reader", "info", "message"),
    [
        (Reader(), None, "must be read by a function with one parameter"),
        (without_arguments, None, "with one parameter, the ReadRequest"),
        (with_options, None, "with one parameter, the ReadRequest"),
        (lambda request: {}, None, "small letters, digits and underscores. Received: '<lambda>'"),
        (lambda request: {}, DatasetInfo("My Dots"), "Received: 'My Dots'"),
    ],
)
def test_what_cannot_be_registered_is_refused(reader, info, message):
    with pytest.raises(ArgumentError) as raised:
        zoo.datasets.register(reader, info=info)
    assert message in str(raised.value)


ZEROS = np.zeros((4, 2, 2, 1), "uint8")
LABELS = [0, 1, 0, 1]


@pytest.mark.parametrize(
    ("read", "message"),
    [
        (lambda request: None, "must return a dict of splits"),
        (lambda request: {"train": ZEROS}, "Make each split by `request.split("),
        (
            lambda request: {"test": request.split("test", ZEROS, LABELS, None)},
            'image shape: "train", and perhaps',
        ),
        (
            lambda request: {
                name: request.split(name, ZEROS[:, :size], LABELS, None)
                for name, size in (("train", 1), ("test", 2))
            },
            "the same class names and image shape",
        ),
        (
            lambda request: {"train": request.split("train", ZEROS / 2, LABELS, None)},
            "images must be uint8",
        ),
        (
            lambda request: {"train": request.split("train", ZEROS[..., [0, 0]], LABELS, None)},
            "must be grey or RGB",
        ),
        (
            lambda request: {
                "train": replace(
                    request.split("train", ZEROS, LABELS, None), sample_weight=np.ones(4)
                )
            },
            "without sample_weight",
        ),
    ],
)
def test_a_reader_that_returns_something_else_is_one_clear_error(read, message):
    zoo.datasets.register(read, info=DatasetInfo("odd"))
    with pytest.raises(DataError) as raised:
        load("odd")
    assert message in str(raised.value)


def test_a_selection_of_rows_is_read_as_it_is():
    @zoo.datasets.register
    def some_dots(request):
        whole = request.split(
            "train", np.arange(16, dtype="uint8").reshape(4, 2, 2, 1), [0, 1] * 2, None
        )
        return {"train": whole.take([3, 0])}

    data = load("some_dots", validation=0, test=0)
    assert data.train.images[:, 0, 0, 0].tolist() == [12, 0]


def test_parts_of_a_users_own_data_set_are_concatenated():
    @zoo.datasets.register(info=DatasetInfo(parts={"train": ("large",), "test": ("small",)}))
    def two_parts(request):
        rows = {"large": [0, 1, 2, 3], "small": [0, 1]}
        whole = request.split("whole", ZEROS, LABELS, None)
        return {part: whole.take(rows[part]) for part in request.parts}

    data = load("two_parts", validation=0)
    assert (len(data.train), len(data.test)) == (4, 2)
    parts = {"train": ["large", "small"]}
    assert len(load("two_parts", parts=parts, validation=0, test=0).train) == 6
