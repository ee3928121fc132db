"""Dtype policies hold for a block, and for a single thread."""

import threading

import keras
import pytest

import zoo
from zoo.errors import ArgumentError
from zoo.registry.dtype_policy import under_policy


def settings():
    return keras.config.floatx(), keras.config.dtype_policy().name


def test_the_settings_of_before_are_restored_after_an_error_too():
    before = settings()
    found = []
    with pytest.raises(KeyError), under_policy("float64", constants=True):
        raise KeyError(found.append(settings()))
    assert found == [("float64", "float64")]
    assert settings() == before
    with under_policy("mixed_bfloat16", constants=True):
        assert settings() == ("float32", "mixed_bfloat16")
    with pytest.raises(ArgumentError, match="precision must be a Keras dtype policy"):
        under_policy("float7").__enter__()
    assert settings() == before


def test_a_model_that_a_new_thread_builds_meanwhile_has_the_usual_precision():
    found, started = [], threading.Event()

    def build():
        started.set()
        found.append(zoo.build("softmax").dtype)

    with under_policy("float64", constants=True):
        thread = threading.Thread(target=build)
        thread.start()
        started.wait()
        thread.join(0.1)
    thread.join()
    assert found == ["float32"]
