import threading

import keras
import pytest

from zoo.inspect.networks.interception import in_float32, observed_calls


def state():
    return keras.Operation.__call__, keras.Layer.compute_dtype


def test_keras_is_as_before_after_the_blocks_and_after_an_error():
    before = state()
    with observed_calls(lambda *_: None), in_float32():
        assert state() != before
    assert state() == before
    with pytest.raises(ZeroDivisionError), observed_calls(lambda *_: 1 / 0):
        keras.layers.ReLU()(keras.ops.zeros((1, 1)))
    assert state() == before


def test_another_thread_runs_as_before():
    names = []
    layer = keras.layers.ReLU(dtype="mixed_bfloat16")

    def run():
        layer(keras.ops.zeros((1, 1)))
        names.append(layer.compute_dtype)

    with observed_calls(lambda operation, output: names.append("observed")), in_float32():
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
    assert names == ["bfloat16"]
    assert layer.compute_dtype == "bfloat16"
