import keras
import numpy as np
import pytest

import zoo
from zoo.errors import DataError


def test_a_loaded_model_is_the_saved_one(tmp_path):
    model = zoo.build("softmax", input_shape=(4, 4, 1))
    model.save(tmp_path / "m.keras")
    for a, b in zip(zoo.load(tmp_path / "m.keras").get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("gone.keras", None, "gone.keras, which does not exist"),
        ("report.json", b"{}", "report.json, which is not a .keras file"),
        ("noise.keras", b"noise", r"noise.keras, which cannot be loaded.*Committee\.load"),
    ],
)
def test_files_that_are_no_model(tmp_path, name, content, message):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        zoo.load(tmp_path / name)


def test_code_in_a_model_is_refused(tmp_path):
    inputs = keras.Input((2,))
    model = keras.Model(inputs, keras.layers.Lambda(lambda x: x + 1)(inputs))
    model.save(tmp_path / "lambda.keras")
    with pytest.raises(DataError, match="cannot be loaded"):
        zoo.load(tmp_path / "lambda.keras")
