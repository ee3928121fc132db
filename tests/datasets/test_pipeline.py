import collections
import itertools

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

import zoo
from zoo.datasets import pipeline
from zoo.datasets.split import as_split
from zoo.errors import ArgumentError


def numbered(count):
    """Images that show their own number, so that a batch tells what is in it."""
    images = np.zeros((count, 2, 3, 1), np.uint8)
    images += np.arange(count, dtype=np.uint8)[:, None, None, None]
    return as_split(images, np.arange(count) % 3)


def order(dataset):
    """The numbers of the images, batch by batch; labels have to agree."""
    batches = []
    for images, labels in dataset.as_numpy_iterator():
        batches.append(images[:, 0, 0, 0].tolist())
        np.testing.assert_array_equal(labels, np.array(batches[-1]) % 3)
    return batches


def test_batches_keep_the_order_and_the_partial_last_one():
    assert order(numbered(7).batches(3)) == [[0, 1, 2], [3, 4, 5], [6]]


def test_batches_have_static_shapes_and_a_known_length():
    dataset = numbered(7).batches(3, epochs=2, first_batch=1)
    images, labels = dataset.element_spec
    assert images.shape.as_list() == [None, 2, 3, 1]
    assert images.dtype == "uint8"
    assert labels.shape.as_list() == [None]
    assert labels.dtype == "int64"
    assert len(dataset) == 5


def test_shares_come_beside_the_labels_where_they_are_asked_for():
    shares = np.random.default_rng(0).dirichlet(np.ones(3), 7).astype("float32")
    split = as_split(numbered(7), label_shares=shares)
    assert order(split.batches(3)) == order(numbered(7).batches(3))
    weighted = as_split(split, sample_weight=np.arange(7))
    for some in (split, weighted):
        dataset = some.batches(3, shuffle=True, label_shares=True)
        assert dataset.element_spec[1][1].shape.as_list() == [None, 3]
        for images, targets, *weights in dataset.as_numpy_iterator():
            numbers = images[:, 0, 0, 0]
            np.testing.assert_array_equal(targets[0], numbers % 3)
            np.testing.assert_array_equal(targets[1], shares[numbers])
            assert len(weights) == (some is weighted)
            for weight in weights:
                np.testing.assert_array_equal(weight, numbers)
    with pytest.raises(ArgumentError, match="label_shares must be False for a split without"):
        numbered(7).batches(3, label_shares=True)


def test_batches_of_a_selection_come_from_the_store():
    part = numbered(9).take([8, 2, 5])
    assert order(part.batches(2)) == [[8, 2], [5]]
    assert "images" not in vars(part)


def test_batches_do_not_cross_epochs():
    sizes = [len(batch) for batch in order(numbered(5).batches(2, shuffle=True, epochs=3))]
    assert sizes == [2, 2, 1] * 3


@settings(deadline=None, max_examples=6)
@given(data=st.data(), seed=st.integers(0, 2**40), count=st.integers(1, 20))
def test_resumed_batches_equal_the_tail_of_the_whole(data, seed, count):
    split = numbered(count)
    batch_size = data.draw(st.integers(1, count + 1))
    per_epoch = -(-count // batch_size)
    epochs = data.draw(st.integers(1, 4))
    epoch = data.draw(st.integers(0, epochs - 1))
    batch = data.draw(st.integers(0, per_epoch - 1))
    whole = order(split.batches(batch_size, shuffle=True, seed=seed, epochs=epochs))
    for start in range(0, len(whole), per_epoch):
        epoch_order = itertools.chain(*whole[start : start + per_epoch])
        assert sorted(epoch_order) == list(range(count))
    tail = split.batches(
        batch_size,
        shuffle=True,
        seed=seed,
        epochs=epochs - epoch,
        first_epoch=epoch,
        first_batch=batch,
    )
    assert order(tail) == whole[epoch * per_epoch + batch :]


class Shift:
    """Adds a number drawn from the seed, in the graph."""

    def on_tensors(self, images, words):
        word = tf.cast(words[0] % 7, "uint8")
        return images + word


@pytest.mark.parametrize("at_once", [1, 40])
@pytest.mark.parametrize("transform", [None, Shift()])
def test_how_many_are_gathered_at_once_changes_nothing(at_once, transform, monkeypatch):
    def batches():
        dataset = numbered(17).batches(
            3, shuffle=True, seed=3, epochs=2, first_batch=2, transform=transform
        )
        return [images[:, 0, 0, 0].tolist() for images, _ in dataset.as_numpy_iterator()]

    expected = batches()
    monkeypatch.setattr(pipeline, "BYTES_AT_ONCE", at_once)
    assert batches() == expected
    assert [len(batch) for batch in expected] == [3, 3, 3, 2] + [3] * 5 + [2]


def test_each_iteration_without_epochs_is_the_next_epoch():
    split = numbered(20)
    whole = order(split.batches(8, shuffle=True, seed=5, epochs=3))
    for _ in range(2):
        dataset = split.batches(8, shuffle=True, seed=5)
        assert len(dataset) == 3
        assert [*order(dataset), *order(dataset), *order(dataset)] == whole


def test_orders_differ_by_epoch_and_by_seed():
    split = numbered(50)
    first, second = order(split.batches(50, shuffle=True, epochs=2))
    (other,) = order(split.batches(50, shuffle=True, seed=1))
    assert first != second
    assert first != other


def test_global_random_state_has_no_say():
    import tensorflow as tf

    split = numbered(30)
    orders = []
    for seed in (1, 2):
        tf.random.set_seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        orders.append(order(split.batches(30, shuffle=True)))
    assert orders[0] == orders[1]


def test_transform_gets_a_seed_of_its_own_for_each_batch_and_epoch():
    def stamp(images, seed):
        return np.full(images.shape, seed, np.float32)

    def seeds(**where):
        dataset = numbered(4).batches(2, transform=stamp, **where)
        assert dataset.element_spec[0].dtype == "float32"
        return [float(images[0, 0, 0, 0]) for images, _ in dataset.as_numpy_iterator()]

    whole = seeds(epochs=3)
    assert len(set(whole)) == 6
    assert seeds(epochs=2, first_epoch=1, first_batch=1) == whole[3:]
    assert seeds(epochs=3, seed=1) != whole


def test_a_transform_that_mixes_images_gives_their_shares_and_their_weights():
    mixup = zoo.Augmentation(mixup=1)
    split = as_split(numbered(12), sample_weight=np.arange(12) / 4)
    options = {"shuffle": True, "seed": 2, "epochs": 2, "transform": mixup}
    dataset = split.batches(5, **options)
    images, (labels, shares), weights = dataset.element_spec
    assert (images.shape.as_list(), images.dtype) == ([None, 2, 3, 1], "float32")
    assert (labels.dtype, shares.dtype, weights.dtype) == ("int64", "float32", "float32")
    whole = list(dataset.as_numpy_iterator())
    for images, (labels, shares), weights in whole:
        np.testing.assert_array_equal(labels, shares.argmax(axis=1))
        np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-6)
        # The image of the number n has the weight n / 4, so both are mixed in the same way.
        np.testing.assert_allclose(images[:, 0, 0, 0] * (weights > 0) / 4, weights, atol=1e-5)
    rest = split.batches(5, **{**options, "epochs": 1}, first_epoch=1, first_batch=1)
    for found, expected in zip(rest.as_numpy_iterator(), whole[4:], strict=True):
        np.testing.assert_array_equal(found[0], expected[0])
        np.testing.assert_array_equal(found[1][1], expected[1][1])
    with pytest.raises(ArgumentError, match="model_weights must be None with mixup or cutmix"):
        split.batches(5, transform=mixup, model_weights=np.ones((12, 2), "float32"))


def test_transform_may_return_uint8():
    def invert(images, seed):
        return 255 - images

    dataset = numbered(3).batches(3, transform=invert)
    (images,) = [images for images, _ in dataset.as_numpy_iterator()]
    assert images[:, 0, 0, 0].tolist() == [255, 254, 253]


@pytest.mark.parametrize(
    "transform",
    [
        lambda images, seed: images / 255,
        lambda images, seed: images[:, :1],
        lambda images, seed: None,
    ],
    ids=["float64", "cropped", "nothing"],
)
def test_transform_that_returns_something_else_is_refused(transform):
    with pytest.raises(ArgumentError, match="transform must return uint8 or float32 of the shape"):
        numbered(3).batches(3, transform=transform)


BAD_NUMBERS = [
    ({"batch_size": 2**63}, "batch_size must be a whole number of 2,147,483,647 or less"),
    ({"batch_size": 1, "epochs": 2**63}, "epochs must be a whole number of 2,147,483,647 or less"),
    ({"batch_size": 1, "first_epoch": 2**63}, "first_epoch must be a whole number of 2,147,483"),
    ({"batch_size": 0}, "batch_size must be a whole number of 1 or more. Received: 0"),
    ({"batch_size": 2.0}, "Received: 2.0"),
    ({"batch_size": True}, "Received: True"),
    ({"batch_size": "2"}, "Received: '2'"),
    ({"batch_size": 2, "seed": -1}, "seed must be a whole number of 0 or more"),
    ({"batch_size": 2, "epochs": 0}, "epochs must be a whole number of 1 or more"),
    ({"batch_size": 2, "first_epoch": -1}, "first_epoch must be"),
    ({"batch_size": 2, "first_batch": 1}, "first_batch must be 0 without epochs. Received: 1"),
    ({"batch_size": 2, "first_batch": 2, "epochs": 1}, "first_batch must be below 2"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD_NUMBERS)
def test_numbers_out_of_range_are_refused(arguments, message):
    with pytest.raises(ArgumentError) as raised:
        numbered(3).batches(**arguments)
    assert message in str(raised.value)


def test_numpy_integers_will_do():
    assert len(numbered(4).batches(np.int64(2), epochs=np.int32(2))) == 4


def test_data_end_when_python_ends(monkeypatch):
    # Else a thread that reads ahead would keep the process for ever.
    batches = iter(numbered(9).batches(2, epochs=10**6))
    assert next(batches)[0].shape == (2, 2, 3, 1)
    monkeypatch.setattr(pipeline, "_Reading", type("Ending", (), {"closing": True, "calls": 0}))
    with pytest.raises(tf.errors.OpError):
        collections.deque(batches, maxlen=0)
    assert pipeline._Reading.calls > 0


def test_weights_for_several_models_follow_their_images():
    images = np.arange(5, dtype="uint8").reshape(5, 1, 1, 1)
    weights = np.arange(10, dtype="float32").reshape(5, 2)
    split = as_split(images, [0, 1, 0, 1, 0], sample_weight=[1, 2, 3, 4, 5])
    for pixels, _, single, several in split.batches(2, shuffle=True, model_weights=weights):
        rows = pixels.numpy().ravel()
        np.testing.assert_array_equal(single, rows + 1)
        np.testing.assert_array_equal(several, weights[rows])
