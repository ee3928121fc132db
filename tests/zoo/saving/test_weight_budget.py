"""A description cannot ask for more weights than its file holds."""

import json
import threading
import zipfile

import keras
import pytest

import zoo
from zoo.errors import DataError
from zoo.saving.weight_budget import WeightBudget


def test_a_description_that_asks_for_more_weights_than_are_stored_is_refused(tmp_path):
    inputs = keras.Input((4, 4, 1))
    outputs = keras.layers.Dense(3, name="dense")(keras.layers.Flatten()(inputs))
    keras.Model(inputs, outputs).save(tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    description = json.loads(members["config.json"])
    (dense,) = (x for x in description["config"]["layers"] if x["class_name"] == "Dense")
    dense["config"]["units"] = 10**8
    members["config.json"] = json.dumps(description).encode()
    with zipfile.ZipFile(tmp_path / "m.keras", "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    with pytest.raises(DataError, match=r"weights take 6,[\d,]+ bytes, of which 204 are in"):
        zoo.load(tmp_path / "m.keras")


def test_the_budget_holds_in_its_block_and_thread_only():
    def build():
        keras.layers.Dense(3000).build((None, 3000))
        built.append(True)

    built = []
    with WeightBudget(0) as budget:
        thread = threading.Thread(target=build)
        thread.start()
        thread.join()
        with pytest.raises(MemoryError):
            build()
    build()
    assert budget.is_exceeded
    assert len(built) == 2
    for dtype, size in (("bool", 1), ("uint8", 1), ("bfloat16", 2), ("float64", 8)):
        budget = WeightBudget(0)
        budget.spend((2, 3), dtype)
        assert budget.asked == 6 * size
