from pathlib import Path

import keras
import pytest

import zoo
from zoo.errors import ArgumentError
from zoo.experiments.views import measuring
from zoo.experiments.views.choices import TrainedSeed
from zoo.experiments.views.measuring import Measurement

NOTHING = TrainedSeed(None, None, Path())


def test_cells_carry_the_unit_and_leave_out_what_is_missing():
    assert Measurement("a", "time", 1234.5, "ms").cells == ["a", "time", "1,234 ms", "–", "", "–"]
    row = Measurement("a", "error", 1.2e-9, bound=1e-5, basis="3 slopes", verdict="right")
    assert row.cells == ["a", "error", "1.2e-09", "1e-05", "3 slopes", "right"]
    assert Measurement("a", "time", None, "ms").cells[2] == "–"


def test_a_right_layer_is_below_the_bound_and_a_wrong_gradient_is_called_wrong(monkeypatch):
    (row,) = measuring.measure_gradients(NOTHING, targets=["Dropout"], arguments={"rate": 0.5})
    assert row.subject == "Dropout, rate 0.5"
    assert row.verdict == "right"
    assert row.value < row.bound

    @keras.ops.custom_gradient
    def wrong(x):
        return keras.ops.square(x), lambda upstream: upstream * x  # the factor 2 is missing

    class Wrong(keras.layers.Layer):
        def call(self, inputs):
            return wrong(inputs)

    layer = Wrong()
    monkeypatch.setattr(
        "zoo.gradients.catalogue.target", lambda *words, **more: (layer, {"input_shape": (6,)})
    )
    (row,) = measuring.measure_gradients(NOTHING, targets=["Wrong"])
    assert row.verdict == "wrong"
    assert row.value == pytest.approx(0.5)


def test_gradients_need_either_a_member_or_targets():
    for options in ({}, {"member": "a", "targets": ["ReLU"]}):
        with pytest.raises(ArgumentError, match="a member or targets"):
            measuring.measure_gradients(NOTHING, **options)


def test_times_come_with_the_number_of_products_and_too_many_paths_are_not_walked():
    quick = TrainedSeed(None, None, Path(), quick=True)
    rows = measuring.measure_backpropagation(quick, sizes=[[2, 3], [30, 3]])
    assert [row.basis for row in rows[:3]] == ["24 products", "90 products", "24 products"]
    assert all(row.value > 0 and row.unit == "ms" for row in rows[:3])
    assert rows[3].value is None
    assert rows[3].verdict == "too many paths"


def test_dead_units_are_counted_layer_by_layer():
    data = zoo.datasets.load("digits")
    model = zoo.build("mlp", input_shape=(8, 8, 1), num_classes=10, hidden=(4,), seed=0)
    dense = next(layer for layer in model.layers if isinstance(layer, keras.layers.Dense))
    kernel, bias = dense.get_weights()
    kernel[:, :3], bias[:3] = 0, -1
    dense.set_weights([kernel, bias])
    trained = TrainedSeed(None, data, Path())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TrainedSeed, "models", lambda self, name: {"net": model})
        row, *_ = measuring.measure_dead_units(trained)
    assert row.value >= 3
    assert row.basis == f"4 units, {len(data.test)} test images"
