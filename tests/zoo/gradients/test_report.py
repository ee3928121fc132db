"""The report as text and as JSON."""

import json

import keras
import pytest
import tensorflow as tf

import zoo

L = keras.layers


def test_the_report_as_json(affine):
    layer = affine(fault=lambda dx, dw, db, **_: (dx, tf.transpose(dw), db))
    report = zoo.gradcheck(layer, (4,))
    values = json.loads(report.to_json())
    assert values["ok"] is False
    kernel = next(one for one in values["tensors"] if one["name"] == "kernel")
    assert kernel["shape"] == [4, 4]
    assert (kernel["dtype"], kernel["role"], kernel["training"]) == ("float64", "weight", None)
    assert set(kernel) >= {
        "max_absolute_error", "max_relative_error", "index", "analytic", "numeric", "scale",
        "checked", "kinks", "step", "sweep",
    }  # fmt: skip
    assert len(kernel["index"]) == 2
    assert kernel["analytic"] != pytest.approx(kernel["numeric"])
    assert len(values["steps"]) == 9
    assert values["findings"] == list(report.findings)


def test_the_report_as_text(affine):
    layer = affine(fault=lambda dx, dw, db, **_: (dx, -dw, db))
    text = str(zoo.gradcheck(layer, (4,)))
    assert "Affine: WRONG" in text
    assert "  - kernel: wrong sign" in text
    assert "Relative error over the step" in text
    assert "4×4" in text
