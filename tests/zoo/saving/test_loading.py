import json
import zipfile

import h5py
import keras
import numpy as np
import pytest

import zoo
from zoo.ensembles import Committee
from zoo.errors import ArgumentError, DataError, ZooError
from zoo.saving import saved_description


def test_a_loaded_model_is_the_saved_one(tmp_path):
    model = zoo.build("softmax", input_shape=(4, 4, 1))
    model.save(tmp_path / "m.keras")
    for a, b in zip(zoo.load(tmp_path / "m.keras").get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("gone.keras", None, "gone.keras, which does not exist"),
        (
            "old.h5",
            b"",
            r"old.h5, which is in the earlier HDF5.*Rescaling\(1/127\.5, offset=-1",
        ),
        ("old.hdf5", b"", r"load_model\(.*old.hdf5\", compile=False\).*save\(\"old\.keras\"\)"),
        ("report.json", b"{}", "report.json, which is not a .keras file"),
        ("noise.keras", b"noise", r"noise.keras, which cannot be read.*Copy or download"),
    ],
)
def test_files_that_are_no_model(tmp_path, name, content, message):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        zoo.load(tmp_path / name)


@pytest.mark.parametrize("path", [None, 3, ["a.keras"], "a" * 300 + ".keras", "a\0.keras"])
def test_what_is_no_path_is_refused(path):
    with pytest.raises(ArgumentError, match="path must be a path: "):
        zoo.load(path)


def test_code_in_a_model_is_refused(tmp_path):
    inputs = keras.Input((2,))
    model = keras.Model(inputs, keras.layers.Lambda(lambda x: x + 1)(inputs))
    model.save(tmp_path / "lambda.keras")
    with pytest.raises(DataError, match=r"names keras\.layers\.Lambda"):
        zoo.load(tmp_path / "lambda.keras")


def change_description(path, change):
    """Write the file anew, with a description in which `change` has changed the layers."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    description = json.loads(members["config.json"])
    change(description["config"]["layers"])
    members["config.json"] = json.dumps(description).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


HOSTILE_FUNCTIONS = [
    {"module": "keras.visualization", "class_name": "function", "config": "plot_image_gallery"},
    {"module": "keras.config", "class_name": "function", "config": "set_epsilon"},
    {"module": "keras.config", "class_name": "set_epsilon", "config": {}},
    {"module": "keras", "class_name": "function", "config": "config.set_epsilon"},
    {"module": "keras", "class_name": "config.set_epsilon", "config": {}},
    {"module": "keras.layers.", "class_name": "function", "config": ".config.set_epsilon"},
    {"module": "keras.src.utils.io_utils", "class_name": "function", "config": "print_msg"},
    {"module": "os", "class_name": "function", "config": "system"},
    {"module": None, "class_name": "function", "config": "system"},
    {"class_name": "__lambda__", "config": {"value": "4wAA"}},
    {"class_name": "__typespec__", "spec_name": "x", "module": "keras.utils", "config": []},
    {"module": "keras.layers", "class_name": "TFSMLayer", "config": {"filepath": "model"}},
    {"module": "keras.src.layers.core.lambda_layer", "class_name": "Lambda", "config": {}},
    {"module": "keras.layers", "class_name": "StringLookup", "config": {"vocabulary": "/secret"}},
    {"module": "keras.src.layers.preprocessing.index_lookup", "class_name": "IndexLookup"},
    {"module": "builtins", "class_name": "function", "config": "plot_image_gallery"},
    {"module": "keras.models", "class_name": "function", "config": "load_model"},
    {"module": "keras.models", "class_name": "function", "config": "model_from_json"},
    {"module": "keras.src.models.model", "class_name": "function", "config": "model_from_json"},
]

KNOWN_ATTACKS = {
    # A function of any module, called while the file is loaded.
    "CVE-2025-1550": {"module": "subprocess", "class_name": "function", "config": "run"},
    # A function of Keras itself that downloads a file.
    "CVE-2025-8747": {"module": "keras.utils", "class_name": "function", "config": "get_file"},
    # A function of Keras that switches the protection off.
    "CVE-2025-9906": {
        "module": "keras.config",
        "class_name": "function",
        "config": "enable_unsafe_deserialization",
    },
    # A file of the file's choice is read as a vocabulary.
    "CVE-2025-12058": {
        "module": "keras.src.layers.preprocessing.string_lookup",
        "class_name": "StringLookup",
        "config": {"vocabulary": "/etc/passwd"},
    },
    # A layer of PyTorch, which is a pickle.
    "CVE-2025-49655": {
        "module": "keras.layers",
        "class_name": "TorchModuleWrapper",
        "config": {"module": "gASVHgAAAAAAAACMBXBvc2l4lIwGc3lzdGVtlJOUjAJpZJSFlFKULg=="},
    },
    # A graph of TensorFlow of the file's choice.
    "CVE-2026-1462": {
        "module": "keras.src.export.tfsm_layer",
        "class_name": "TFSMLayer",
        "config": {"filepath": "/tmp/graph"},
    },
}


@pytest.mark.parametrize(
    "hostile",
    [*HOSTILE_FUNCTIONS, *KNOWN_ATTACKS.values()],
    ids=[*map(str, HOSTILE_FUNCTIONS), *KNOWN_ATTACKS],
)
def test_names_that_no_model_needs_are_refused_wherever_they_stand(tmp_path, hostile):
    zoo.build("softmax", input_shape=(4, 4, 1)).save(tmp_path / "m.keras")
    epsilon = keras.config.epsilon()

    def change(layers):
        (dense,) = (layer for layer in layers if layer["class_name"] == "Dense")
        dense["config"]["activation"] = [{"deep": hostile}]

    change_description(tmp_path / "m.keras", change)
    with pytest.raises(DataError, match=r"m\.keras, which names .*do not load this file"):
        zoo.load(tmp_path / "m.keras")
    assert keras.config.epsilon() == epsilon


SYMBOLIC = {
    "class_name": "__keras_tensor__",
    "config": {"shape": [None, 4], "dtype": "float32", "keras_history": ["flatten", 0, 0]},
}


@pytest.mark.parametrize(
    ("operation", "config"),
    [
        ("Tile", {"repeats": 10**12}),
        ("Repeat", {"repeats": 10**12}),
        ("Pad", {"pad_width": [[10**12, 0]]}),
    ],
)
@pytest.mark.parametrize(
    "nodes",
    [
        [{"args": [[1.0]], "kwargs": {}}],
        # A symbolic tensor inside the configuration of something else is no argument.
        [{"args": [{"class_name": "__numpy__", "config": {"value": [1.0], "of": SYMBOLIC}}]}],
        [{"args": [SYMBOLIC], "kwargs": {}}, {"args": [[1.0]], "kwargs": {}}],
        [[]],
        [None],
        {"": 1},
    ],
    ids=["numbers", "array", "second call", "earlier form", "nothing", "no list"],
)
def test_an_operation_that_would_be_computed_while_loading_is_refused(
    tmp_path, operation, config, nodes
):
    zoo.build("softmax", input_shape=(4, 4, 1)).save(tmp_path / "m.keras")

    def change(layers):
        named = {"name": "evil", "inbound_nodes": nodes, "registered_name": operation}
        kind = {"module": "keras.src.ops.numpy", "class_name": operation}
        layers.append({**kind, **named, "config": {"name": "evil", **config}})

    change_description(tmp_path / "m.keras", change)
    with pytest.raises(DataError, match=r"m\.keras, whose 'evil' takes only values that stand in"):
        zoo.load(tmp_path / "m.keras")


def test_calls_as_earlier_versions_of_keras_described_them_are_loaded(tmp_path):
    model = zoo.build("softmax", input_shape=(4, 4, 1))
    model.save(tmp_path / "m.keras")

    def change(layers):
        for layer in layers:
            for node in layer["inbound_nodes"]:
                history = node["args"][0]["config"]["keras_history"]
                layer["inbound_nodes"] = [[[*history, {}]]]

    change_description(tmp_path / "m.keras", change)
    loaded = zoo.load(tmp_path / "m.keras")
    np.testing.assert_array_equal(loaded.get_weights()[0], model.get_weights()[0])


@pytest.mark.parametrize(
    ("kind", "message"),
    [("Adam", "holds an object of the type Adam"), ("Dense", "holds an object of the type Dense")],
)
def test_a_file_of_another_object_than_a_model_is_refused(tmp_path, kind, message):
    path = tmp_path / "m.keras"
    zoo.build("softmax", input_shape=(4, 4, 1)).save(path)
    with zipfile.ZipFile(path) as archive:
        weights = archive.read("model.weights.h5")
    module = "keras.optimizers" if kind == "Adam" else "keras.layers"
    config = {"units": 2} if kind == "Dense" else {}
    description = {"module": module, "class_name": kind, "config": config}
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps({**description, "registered_name": None}))
        archive.writestr("metadata.json", "{}")
        archive.writestr("model.weights.h5", weights)
    with pytest.raises(DataError, match=message):
        zoo.load(path)


@pytest.mark.parametrize("suffix", [".h5", ".keras"])
def test_code_in_the_earlier_format_is_refused_under_any_name(tmp_path, suffix):
    # CVE-2025-9905: Keras runs the Lambda layers of HDF5 files in spite of safe_mode=True.
    with h5py.File(tmp_path / f"m{suffix}", "w") as file:
        layer = {"class_name": "Lambda", "config": {"name": "x", "function": ["4wAA", None, None]}}
        file.attrs["model_config"] = json.dumps(
            {"class_name": "Sequential", "config": {"name": "m", "layers": [layer]}}
        )
    with pytest.raises(DataError, match=r"which cannot be read|in the earlier HDF5 format"):
        zoo.load(tmp_path / f"m{suffix}")


def test_whatever_keras_raises_about_a_file_is_one_error_with_the_reason(tmp_path):
    path = tmp_path / "m.keras"
    zoo.build("softmax", input_shape=(4, 4, 1)).save(path)

    def grow(layers):
        (dense,) = (layer for layer in layers if layer["class_name"] == "Dense")
        dense["config"]["units"] = 10**15

    change_description(path, grow)
    with pytest.raises(DataError, match=r"m\.keras, which cannot be loaded \(The weights take 64,"):
        zoo.load(path)

    def misspell(layers):
        (dense,) = (layer for layer in layers if layer["class_name"] == "Dense")
        dense["config"].update(units=10, activation="sofmax")

    change_description(path, misspell)
    with pytest.raises(DataError, match=r"loaded \(Could not interpret .*sofmax"):
        zoo.load(path)


def test_a_description_that_is_nested_without_end_is_damaged(tmp_path):
    with zipfile.ZipFile(tmp_path / "deep.keras", "w") as archive:
        archive.writestr("config.json", "[" * 5_000 + "]" * 5_000)
    for read in (zoo.load, saved_description):
        with pytest.raises(DataError, match="recursion"):
            read(tmp_path / "deep.keras")


def test_a_loaded_model_that_cannot_answer_is_refused(tmp_path):
    zoo.build("softmax", input_shape=(4, 4, 1)).save(tmp_path / "m.keras")

    def change(layers):
        (dense,) = (layer for layer in layers if layer["class_name"] == "Dense")
        dense["config"]["activation"] = {
            "module": "keras.layers",
            "class_name": "function",
            "config": "deserialize",
            "registered_name": "deserialize",
        }

    change_description(tmp_path / "m.keras", change)
    with pytest.raises(ZooError, match=r"must answer about pixels|saved and loaded again"):
        Committee.load(tmp_path / "m.keras")


def test_a_lambda_layer_that_calls_a_function_of_keras_does_not_overwrite_a_file(tmp_path):
    picture = tmp_path / "picture.png"
    picture.write_bytes(b"precious")
    zoo.build("softmax", input_shape=(4, 4, 1)).save(tmp_path / "m.keras")

    def change(layers):
        (rescaling,) = (layer for layer in layers if layer["class_name"] == "Rescaling")
        rescaling.update(class_name="Lambda")
        rescaling["config"] = {
            "name": rescaling["config"]["name"],
            "function": HOSTILE_FUNCTIONS[0],
            "arguments": {"path": str(picture)},
        }

    change_description(tmp_path / "m.keras", change)
    for load in (zoo.load, Committee.load):
        with pytest.raises(DataError, match=r"names keras\.layers\.Lambda"):
            load(tmp_path / "m.keras")
    assert picture.read_bytes() == b"precious"


def test_models_of_many_layers_of_keras_and_of_registered_layers_load(tmp_path):
    @keras.saving.register_keras_serializable(package="test_saving")
    class Doubling(keras.layers.Layer):
        def call(self, inputs):
            return 2 * inputs

    inputs = keras.Input((8, 8, 3), dtype="uint8")
    x = keras.layers.Rescaling(1 / 255)(inputs)
    x = keras.layers.RandomFlip("horizontal", seed=1)(x)
    x = keras.layers.Conv2D(4, 3, activation="relu", kernel_constraint="max_norm")(x)
    x = keras.layers.SeparableConv2D(4, 3, activation=keras.ops.silu, strides=2)(x)
    x = keras.ops.abs(x) + keras.layers.TimeDistributed(keras.layers.Dense(4))(x)
    x = keras.layers.LeakyReLU()(Doubling()(x))
    x = keras.Sequential([keras.layers.GlobalAveragePooling2D(), keras.layers.Dropout(0.5)])(x)
    outputs = keras.layers.Dense(3, activation="softmax", kernel_regularizer="l2")(x)
    model = keras.Model(inputs, outputs)
    model.compile(keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.1, 9)), "mse")
    model.save(tmp_path / "m.keras")
    images = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3), "uint8")
    loaded = zoo.load(tmp_path / "m.keras")
    for weight, other in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, other)
    np.testing.assert_array_equal(loaded(images, training=False), model(images, training=False))


def test_a_byte_that_changed_anywhere_is_noticed(tmp_path):
    zoo.build("softmax", input_shape=(4, 4, 1)).save(tmp_path / "m.keras")
    content = (tmp_path / "m.keras").read_bytes()
    expected = zoo.load(tmp_path / "m.keras").get_weights()
    rng = np.random.default_rng(0)
    for position in rng.choice(len(content), 60, replace=False):
        damaged = bytearray(content)
        damaged[position] ^= 1 << rng.integers(8)
        (tmp_path / "damaged.keras").write_bytes(damaged)
        try:
            model = zoo.load(tmp_path / "damaged.keras")
        except DataError:
            continue
        # The change is in a place that means nothing, such as the time of a member.
        for weight, other in zip(expected, model.get_weights(), strict=True):
            np.testing.assert_array_equal(weight, other)
