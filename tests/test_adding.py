"""Adding a model or a layer takes its own file and one more place; a forgotten place is noticed."""

import importlib
import inspect
import pkgutil
import sys

import keras
import numpy as np
import pytest

import zoo
import zoo.layers
import zoo.models
from zoo import registry
from zoo.gradients import catalogue
from zoo.layers.registration import EXAMPLES

MODEL = '''
from zoo.models.stem_and_head import classifier_head, stem
from zoo.registry import register


@register(tags=("toy",), source="A test", parameter_count=7 * 7 * 2 + 2)
def toy(layers, input_shape=(7, 7, 1), num_classes=2, *, classifier_activation="softmax"):
    """A single layer."""
    inputs, x = stem(layers, "toy", input_shape)
    x = layers.Flatten()(x)
    return classifier_head(layers, "toy", inputs, x, num_classes, classifier_activation)
'''

LAYER = '''
import keras
from keras import ops

from zoo.layers.registration import register_layer


@ops.custom_gradient
def cube(x):
    return x**3, lambda upstream: 3 * x**2 * upstream


@register_layer((5,), power=3)
class Toy(keras.layers.Layer):
    """Raise inputs to the third power."""

    def __init__(self, power, **kwargs):
        super().__init__(**kwargs)
        self.power = power

    def call(self, inputs):
        """Compute the power."""
        return cube(inputs)

    def get_config(self):
        """Give the arguments of the constructor."""
        return {**super().get_config(), "power": self.power}
'''


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """A function that makes a package of one module, with the lines of its `__init__`."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(registry.specs, "_specs", dict(registry.specs._specs))
    before = dict(EXAMPLES)

    def make(name, module, init):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "toy.py").write_text(module)
        (folder / "__init__.py").write_text(init)
        return importlib.import_module(name)

    yield make
    for name in [*sys.modules]:
        if name.startswith("toy_shelf"):
            del sys.modules[name]
    EXAMPLES.clear()
    EXAMPLES.update(before)


def modules_of(package):
    return [
        importlib.import_module(f"{package.__name__}.{found.name}")
        for found in pkgutil.iter_modules(package.__path__)
    ]


def forgotten_models(package):
    """Builders in the files of a package that importing the package does not register."""
    registered = {name: zoo.describe(name).builder for name in zoo.list_models()}
    builders = {
        name: function
        for module in modules_of(package)
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__
        and not name.startswith("_")
        and {"layers", "input_shape", "num_classes"} <= set(inspect.signature(function).parameters)
    }
    return sorted(name for name in builders if registered.get(name) is not builders[name])


def forgotten_layers(package):
    """Classes of layers in the files of a package that are not exported or have no example."""
    kinds = {
        name: kind
        for module in modules_of(package)
        for name, kind in inspect.getmembers(module, inspect.isclass)
        if issubclass(kind, keras.layers.Layer) and kind.__module__ == module.__name__
    }
    exported = {name: getattr(package, name) for name in getattr(package, "__all__", ())}
    return sorted(
        name for name in kinds if exported.get(name) is not kinds[name] or name not in EXAMPLES
    )


def test_no_model_of_zoo_is_forgotten():
    assert forgotten_models(zoo.models) == []


def test_no_layer_of_zoo_is_forgotten():
    assert forgotten_layers(zoo.layers) == []
    own = [name for name in EXAMPLES if getattr(zoo.layers, name).__module__.startswith("zoo.")]
    assert sorted(own) == sorted(EXAMPLES)


def test_a_model_takes_its_file_and_a_line(shelf):
    assert forgotten_models(shelf("toy_shelf_1", MODEL, "from toy_shelf_1 import toy")) == []
    assert "toy" in zoo.list_models(tags="toy")
    model = zoo.build("toy", gradients="handwritten")
    assert model.count_params() == zoo.describe("toy").parameter_count
    np.testing.assert_allclose(np.sum(model(np.ones((3, 7, 7, 1), "uint8")), axis=1), 1, rtol=1e-6)
    target, point = catalogue.target("toy", "handwritten", seed=0)
    assert zoo.gradcheck(target, **point, mode="fast", twin=False).ok


def test_a_forgotten_line_for_a_model_is_noticed(shelf):
    assert forgotten_models(shelf("toy_shelf_2", MODEL, "")) == ["toy"]


def test_a_layer_takes_its_file_and_its_export(shelf):
    init = 'from toy_shelf_3.toy import Toy\n__all__ = ["Toy"]'
    package = shelf("toy_shelf_3", LAYER, init)
    assert forgotten_layers(package) == []
    layer = package.Toy(**EXAMPLES["Toy"].arguments)
    report = zoo.gradcheck(layer, EXAMPLES["Toy"].input_shape, second_order=True)
    assert report.ok, str(report)
    saved = keras.saving.serialize_keras_object(layer)
    assert type(keras.saving.deserialize_keras_object(saved)) is package.Toy


def test_a_forgotten_export_or_example_of_a_layer_is_noticed(shelf):
    assert forgotten_layers(shelf("toy_shelf_4", LAYER, "")) == ["Toy"]
    EXAMPLES.clear()
    init = 'from toy_shelf_5.toy import Toy\n__all__ = ["Toy"]'
    without_example = LAYER.replace("@register_layer((5,), power=3)\n", "")
    assert forgotten_layers(shelf("toy_shelf_5", without_example, init)) == ["Toy"]
