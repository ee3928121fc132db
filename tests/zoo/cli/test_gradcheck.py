import json

import keras
import pytest
import tensorflow as tf

import zoo
import zoo.gradients


def test_without_a_name_all_layers_and_losses_of_zoo_are_checked(zoo_command, monkeypatch):
    class Report:
        ok = True

        def to_dict(self):
            return {}

    checked = []
    monkeypatch.setattr(
        zoo.gradients, "gradcheck", lambda target, **_: checked.append(target) or Report()
    )
    assert zoo_command("gradcheck", "--json")[0] == 0
    layers = [
        name
        for name in zoo.layers.__all__
        if getattr(zoo.layers, name) is not getattr(keras.layers, name, None)
    ]
    names = [type(target).__name__ for target in checked]
    assert sorted(names) == sorted([*layers, *zoo.losses.__all__])
    assert len(names) >= 12


def test_models_layers_and_losses_are_checked_by_name(zoo_command, monkeypatch):
    # That graphs and XLA are compared too, tests/zoo/gradients/test_agreement.py tests.
    monkeypatch.setattr("zoo.gradients.agreement.EXECUTIONS", ("eager",))
    names = ["softmax", "Softmax", "SoftmaxCrossEntropy", "Dense"]
    code, out, err = zoo_command("gradcheck", *names, "--json", "--mode", "fast")
    values = json.loads(out)
    assert (code, err, values["ok"]) == (0, "", True)
    assert [report["target"] for report in values["reports"]] == names
    assert {report["mode"] for report in values["reports"]} == {"fast"}
    references = {report["target"]: report["reference"] for report in values["reports"]}
    assert references["softmax"] == references["Dense"] == "the Keras twin"


def test_layers_of_keras_are_checked_when_told(zoo_command):
    words = "gradcheck", "Dense", "--json", "--mode", "fast", "--gradients", "auto"
    assert json.loads(zoo_command(*words)[1])["reports"][0]["reference"] == "float64"


def test_a_layer_is_checked_with_a_shape_and_arguments(zoo_command):
    options = "--input-shape", "3,4", "--set", "groups=2", "--set", "name=norm"
    code, out, _ = zoo_command("gradcheck", "GroupNormalization", "--json", *options)
    assert code == 0
    assert json.loads(out)["reports"][0]["tensors"][0]["shape"] == [3, 3, 4]


def test_a_wrong_gradient_is_exit_code_1(zoo_command, monkeypatch):
    class Wrong(keras.layers.Layer):
        def call(self, x):
            return tf.custom_gradient(lambda x: (tf.sin(x), lambda dy: -dy * tf.cos(x)))(x)

    monkeypatch.setattr(keras.layers, "Wrong", Wrong, raising=False)
    code, out, _ = zoo_command("gradcheck", "Wrong")
    assert code == 1
    assert "input: wrong sign" in out
    code, out, _ = zoo_command("gradcheck", "Wrong", "ReLU", "--json")
    assert code == 1
    assert [report["ok"] for report in json.loads(out)["reports"]] == [False, True]


def test_a_wrong_second_order_is_a_fault_when_asked_for(zoo_command):
    assert zoo_command("gradcheck", "LayerNormalization")[0] == 0
    assert zoo_command("gradcheck", "LayerNormalization", "--second-order")[0] == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["Desne"], "did you mean 'Dense'"),
        (["Reshape"], "such as `--set target_shape="),
    ],
)
def test_a_name_that_cannot_be_checked_is_one_line(zoo_command, words, message):
    code, out, err = zoo_command("gradcheck", *words)
    assert (code, out) == (2, "")
    device, line = err.splitlines()
    assert device.startswith("TensorFlow")
    assert message in line
