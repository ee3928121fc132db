import numpy as np
from sklearn.datasets import load_digits

from zoo.datasets.registry import ReadRequest
from zoo.datasets.sources import digits


def test_digits_are_scikit_learns_scaled_to_eight_bits():
    splits = digits.read(ReadRequest())
    assert list(splits) == ["train"]
    train = splits["train"]
    oracle = load_digits()
    assert train.images.dtype == np.uint8
    assert train.images.shape == (1797, 8, 8, 1)
    assert train.class_names == tuple("0123456789")
    assert (train.images.min(), train.images.max()) == (0, 255)
    np.testing.assert_allclose(train.images[..., 0], oracle.images * (255 / 16), atol=0.5)
    np.testing.assert_array_equal(train.labels, oracle.target)
