import numpy as np
import pytest
import tensorflow as tf

import zoo
from zoo.errors import ArgumentError, DataError
from zoo.inspect.networks.recording import record, record_blocks


def test_blocks_are_those_of_the_images_in_order(models, images):
    blocks = list(record_blocks(models["flat"], images, ["hidden"], batch_size=2))
    assert [len(block.logits) for block in blocks] == [2, 2, 1]
    whole = record(models["flat"], images, ["hidden"])
    joined = np.concatenate([block.outputs["hidden"] for block in blocks])
    assert np.allclose(joined, whole.outputs["hidden"], atol=1e-6)


def test_a_dataset_and_a_split_are_taken_too(models, images):
    whole = record(models["flat"], images).logits
    split = zoo.datasets.Split("test", images, [0, 1, 2, 0, 1], ("a", "b", "c"))
    dataset = tf.data.Dataset.from_tensor_slices(images).batch(3)
    for given in (split, dataset):
        assert np.allclose(record(models["flat"], given).logits, whole, atol=1e-6)


def test_images_of_another_shape_are_refused(models, images):
    with pytest.raises(DataError, match=r"\(8, 8, 3\)"):
        record(models["flat"], images[:, :4])
    with pytest.raises(ArgumentError, match="batch_size must be"):
        record(models["flat"], images, batch_size=0)
