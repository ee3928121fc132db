import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
from zoo.ensembles import Committee, Member
from zoo.ensembles.combining.rules import Rule
from zoo.ensembles.export import formats
from zoo.ensembles.stacking import fit_stacking
from zoo.errors import ArgumentError, RunError
from zoo.recipes import Recipe

QUICK = Recipe(learning_rate=0.1, batch_size=32, epochs=1)
FILES = {"tf_saved_model": "committee", "onnx": "committee.onnx", "litert": "committee.tflite"}
NEEDS = {"onnx": ["onnxruntime", "tf2onnx"], "litert": ["ai_edge_litert"]}


@pytest.fixture(scope="module")
def trained(train_split):
    """Two members, as small as they are: the time of a test is that of the converters."""
    committee = Committee(
        [Member("softmax", recipe=QUICK), Member("bn_mlp", {"hidden": (4,)}, QUICK)]
    )
    committee.fit(train_split, verbose=0)
    return committee


def run(path, images):
    """Run a written graph by its own runtime."""
    if path.suffix == ".onnx":
        import onnxruntime

        session = onnxruntime.InferenceSession(str(path))
        names = [output.name for output in session.get_outputs()]
        return dict(zip(names, session.run(names, {"pixels": images}), strict=True))
    if path.suffix == ".tflite":
        from ai_edge_litert.interpreter import Interpreter

        found = Interpreter(model_path=str(path)).get_signature_runner()(pixels=images)
        return {name: np.array(value) for name, value in found.items()}
    serve = tf.saved_model.load(str(path)).signatures["serving_default"]
    return {name: one.numpy() for name, one in serve(pixels=tf.constant(images)).items()}


@pytest.mark.parametrize("format", FILES)
@pytest.mark.parametrize("voting", ["majority", "soft", "geometric", "stacking"])
def test_the_graph_computes_what_the_committee_computes(
    trained, train_split, test_split, tmp_path, format, voting
):
    for module in NEEDS.get(format, ()):
        pytest.importorskip(module)
    if voting == "stacking":
        rule = fit_stacking(trained.member_probabilities(train_split), train_split.labels)
    else:
        rule = Rule(voting, (3, 2), temperature=None if voting == "majority" else 1.5)
    committee = trained.with_rule(rule)
    path = committee.export(tmp_path / FILES[format], format)
    assert path == tmp_path / FILES[format]
    found = run(path, test_split.images)
    np.testing.assert_allclose(
        found["probabilities"], committee.predict(test_split), rtol=1e-3, atol=1e-5
    )
    np.testing.assert_array_equal(found["votes"], committee.votes(test_split).T)
    names = [str(name, "utf-8") if isinstance(name, bytes) else name
             for name in found["class_names"]]  # fmt: skip
    assert names == ["left", "right", "top"]
    assert {one.name for one in tmp_path.iterdir()} == {FILES[format]}


def test_names_of_classes_that_are_no_utf8_are_written_as_python_writes_them(
    trained, test_split, tmp_path, monkeypatch
):
    monkeypatch.setattr(trained, "class_names", ("caf\udce9", "a\n", "猫"))
    found = run(trained.export(tmp_path / "a"), test_split.images)
    names = [str(name, "utf-8") for name in found["class_names"]]
    assert names == ["caf\\udce9", "a\\n", "猫"]


def test_a_path_that_is_no_utf8_is_refused(trained, tmp_path):
    with pytest.raises(ArgumentError, match=r"must be text in UTF-8.* Received: .*/\\udce9\."):
        trained.export(tmp_path / "\udce9")
    assert list(tmp_path.iterdir()) == []


def test_a_graph_takes_batches_of_any_size(trained, test_split, tmp_path):
    path = trained.export(tmp_path / "a")
    for count in (1, 7):
        assert run(path, test_split.images[:count])["probabilities"].shape == (count, 3)


@pytest.mark.parametrize("name", ["probabilities", "votes", "class_names"])
def test_a_graph_that_computes_something_else_is_not_kept(trained, tmp_path, monkeypatch, name):
    def other(path, images):
        found = formats._run_saved_model(path, images)
        return {**found, name: (found[name] + 1) % 3 if name == "votes" else found[name][..., ::-1]}

    plain = formats.FORMATS["tf_saved_model"]
    monkeypatch.setitem(formats.FORMATS, "tf_saved_model", plain._replace(run=other))
    with pytest.raises(RunError, match="must compute the same as the committee, and was not kept"):
        trained.export(tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


def test_an_existing_folder_is_not_changed(trained, tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "thesis.tex").touch()
    with pytest.raises(RunError, match="exists and was not changed"):
        trained.export(tmp_path / "a")
    assert (tmp_path / "a" / "thesis.tex").exists()


@pytest.mark.parametrize(
    ("name", "format", "message"),
    [
        ("a", "torch", "format must be one of tf_saved_model, onnx, litert"),
        ("a.txt", "onnx", r"filepath must end in \.onnx"),
        ("a", "litert", r"filepath must end in \.tflite"),
    ],
)
def test_other_formats_and_suffixes_are_refused(trained, tmp_path, name, format, message):
    with pytest.raises(ArgumentError, match=message):
        trained.export(tmp_path / name, format)


@pytest.mark.parametrize("path", [None, "a" * 300])
def test_what_is_no_path_is_refused(trained, train_split, path):
    for write in (trained.export, trained.save, trained.report(train_split).save):
        with pytest.raises(ArgumentError, match="path must be a path: "):
            write(path)


def test_packages_that_are_not_installed_are_named(trained, tmp_path, monkeypatch):
    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(formats.importlib, "import_module", missing)
    with pytest.raises(ArgumentError, match=r"tf2onnx must be installed.* 'committee-zoo\[onnx\]'"):
        trained.export(tmp_path / "a.onnx", "onnx")


def test_models_without_class_names_have_numbers(tmp_path):
    images = keras.Input((6, 6, 1))
    x = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(images))
    model = keras.Model(images, keras.layers.Dense(2, activation="softmax")(x))
    path = Committee(model).export(tmp_path / "a")
    assert run(path, np.zeros((1, 6, 6, 1), "uint8"))["class_names"].tolist() == [b"0", b"1"]


def test_a_committee_that_is_not_built_is_not_exported(tmp_path):
    with pytest.raises(ArgumentError, match="not built yet"):
        Committee("softmax").export(tmp_path / "a")


NORMALISED = {
    "mini_xception": {"width": 2},  # separable convolutions
    "rep_vgg": {"width": 2},  # three branches that become one convolution
    "resnet": {"width": 2},
    "vgg": {"width": 2},
    "wide_resnet": {"width": 1},  # some normalisations have no linear layer before them
}


@pytest.mark.parametrize("gradients", ["auto", "handwritten"])
@pytest.mark.parametrize("name", NORMALISED)
def test_networks_with_batch_normalisation_answer_the_same_exported(tmp_path, name, gradients):
    shape = {"input_shape": (32, 32, 1), "num_classes": 4}
    model = zoo.build(name, gradients=gradients, seed=0, **shape, **NORMALISED[name])
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (6, 32, 32, 1), dtype=np.uint8)
    images[::2] //= 3
    for layer in model.layers:  # as after a training, where no constant is 0 or 1
        if type(layer).__name__ == "BatchNormalization":
            layer.gamma.assign(rng.uniform(0.5, 1.5, layer.gamma.shape))
            layer.beta.assign(rng.uniform(-0.5, 0.5, layer.beta.shape))
            layer.momentum = 0.1
    model(images.astype("float32"), training=True)
    expected = np.asarray(model(images.astype("float32"), training=False))
    assert np.ptp(expected, axis=0).max() > 0.01  # the answers depend on the image
    path = Committee([model], voting="soft").export(tmp_path / "graph")
    found = run(path, images)["probabilities"]
    np.testing.assert_allclose(found, expected, atol=1e-5)
    stored = tf.train.list_variables(str(path / "variables" / "variables"))
    folded = zoo.fold_batch_normalization(model).weights
    assert len([shape for _, shape in stored if shape]) == len(folded) < len(model.weights)


def test_batch_normalisation_is_folded_into_the_convolutions_of_the_graph(tmp_path, seeded):
    inputs = keras.Input((6, 6, 1))
    x = keras.layers.Conv2D(3, 3, use_bias=False)(inputs)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.ReLU()(x))
    model = keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(x), name="small")
    for weight in model.weights:
        if weight.name in ("gamma", "moving_variance"):
            weight.assign(weight * 2 + 1)
    committee = Committee([model])
    path = committee.export(tmp_path / "graph")
    shapes = [shape for _, shape in tf.train.list_variables(str(path / "variables" / "variables"))]
    assert sorted(shape for shape in shapes if shape) == [[3], [3], [3, 3], [3, 3, 1, 3]]
    images = np.random.default_rng(0).integers(0, 256, (4, 6, 6, 1), dtype=np.uint8)
    found = run(path, images)["probabilities"]
    expected = np.asarray(model(images.astype("float32"), training=False))
    np.testing.assert_allclose(committee.member_probabilities(images)[0], expected, atol=1e-5)
    np.testing.assert_allclose(found, committee.predict(images), atol=1e-5)
    soft = committee.with_rule("soft")
    found = run(soft.export(tmp_path / "soft"), images)["probabilities"]
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("kind", ["tf_saved_model", "onnx", "litert"])
def test_layers_that_are_random_in_training_are_exported(tmp_path, kind):
    suffix = {"onnx": ".onnx", "litert": ".tflite"}.get(kind, "")
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            *(layers.RandomFlip(), layers.RandomRotation(0.1), layers.GaussianNoise(0.1)),
            *(layers.Flatten(), layers.Dropout(0.5), layers.Dense(3, "softmax")),
        ]
    )
    path = Committee([model], voting="soft").export(tmp_path / f"graph{suffix}", format=kind)
    assert path.exists()
