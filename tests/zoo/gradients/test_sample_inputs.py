"""Inputs, labels and predictions fit the target."""

import keras
import numpy as np
import pytest

import zoo

L = keras.layers


@pytest.mark.parametrize(
    "loss",
    [
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        keras.losses.SparseCategoricalCrossentropy(),
        keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1),
        keras.losses.CategoricalCrossentropy(label_smoothing=0.1, reduction="none"),
        keras.losses.BinaryCrossentropy(),
        keras.losses.MeanSquaredError(reduction="sum"),
        keras.losses.KLDivergence(),
        keras.losses.sparse_categorical_crossentropy,
    ],
)
@pytest.mark.usefixtures("only_eager")
def test_no_false_alarm_on_a_right_loss(loss):
    report = zoo.gradcheck(loss, input_shape=(5,))
    assert report.ok, str(report)
    (tensor,) = report.tensors
    assert (tensor.name, tensor.shape, tensor.dtype) == ("y_pred", (3, 5), "float64")


def test_token_ids_have_no_gradient_and_the_table_has():
    ids = np.array([[0, 2, 1], [2, 2, 4]])
    report = zoo.gradcheck(L.Embedding(5, 3), inputs=ids)
    assert report.ok, str(report)
    assert [one.name for one in report.tensors] == ["embeddings"]
