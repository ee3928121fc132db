"""Datasets of TensorFlow and Keras: read as arrays, batch by batch, or refused."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from zoo.datasets.arrays import streams
from zoo.datasets.split import as_split
from zoo.errors import ArgumentError, DataError

IMAGES = np.random.default_rng(0).integers(0, 256, (10, 6, 5, 3), "uint8")
LABELS = np.arange(10) % 3
WEIGHTS = np.arange(10, dtype="float32")


class Batches(keras.utils.PyDataset):
    """Batches of 4 images, as pairs or as other parts."""

    def __init__(self, *parts, **arguments):
        super().__init__(**arguments)
        self.parts = parts or (IMAGES, LABELS)

    def __len__(self):
        return 3

    def __getitem__(self, index):
        return tuple(part[4 * index : 4 * index + 4] for part in self.parts)


class Endless(keras.utils.PyDataset):
    def __getitem__(self, index):
        return IMAGES, LABELS


def dataset(*parts):
    return tf.data.Dataset.from_tensor_slices(parts)


def generated(elements, shapes=True):
    signature = (
        tf.TensorSpec([None, 6, 5, 3] if shapes else None, tf.uint8),
        tf.TensorSpec([None] if shapes else None, tf.int64),
    )
    return tf.data.Dataset.from_generator(lambda: elements, output_signature=signature)


PAIRS = [(IMAGES[:7], LABELS[:7]), (IMAGES[7:], LABELS[7:])]
STREAMS = {
    "batched": lambda: dataset(IMAGES, LABELS).batch(4),
    "single images": lambda: dataset(IMAGES, LABELS),
    "floats": lambda: dataset(IMAGES.astype("float32"), LABELS).batch(4),
    "int64": lambda: dataset(IMAGES.astype("int64"), LABELS).batch(4),
    "generated": lambda: generated(PAIRS),
    "generated without shapes": lambda: generated(PAIRS, shapes=False),
    "columns of labels": lambda: dataset(IMAGES, LABELS[:, None]).batch(4),
    "filtered": lambda: dataset(IMAGES, LABELS).filter(lambda *_: True).batch(3),
    "with an empty batch": lambda: generated([(IMAGES[:0], LABELS[:0]), *PAIRS]),
    "PyDataset": Batches,
    "PyDataset of floats": lambda: Batches(IMAGES.astype("float32"), LABELS),
    "batches of a split": lambda: as_split(IMAGES, LABELS).batches(4),
}


@pytest.mark.parametrize("name", STREAMS)
def test_a_dataset_of_pairs_is_a_split(name):
    split = as_split(STREAMS[name](), name="train")
    np.testing.assert_array_equal(split.images, IMAGES)
    np.testing.assert_array_equal(split.labels, LABELS)
    assert (split.images.dtype, split.labels.dtype) == (np.uint8, np.int64)
    assert split.name == "train"
    assert split.sample_weight is None


@pytest.mark.parametrize(
    "make",
    [
        lambda: dataset(IMAGES, LABELS, WEIGHTS).batch(4),
        lambda: dataset(IMAGES, LABELS, WEIGHTS),
        lambda: Batches(IMAGES, LABELS, WEIGHTS),
        lambda: as_split(IMAGES, LABELS, sample_weight=WEIGHTS).batches(4),
        lambda: (IMAGES, LABELS, WEIGHTS),
    ],
)
def test_a_third_part_is_the_weights(make):
    split = as_split(make())
    np.testing.assert_array_equal(split.sample_weight, WEIGHTS)
    np.testing.assert_array_equal(split.take([3, 1]).sample_weight, WEIGHTS[[3, 1]])


def test_a_folder_read_by_keras_is_a_split_with_its_names(tmp_path):
    for name, image in zip(("cat", "dog", "cat", "dog"), IMAGES, strict=False):
        (tmp_path / name).mkdir(exist_ok=True)
        keras.utils.save_img(tmp_path / name / f"{image[0, 0, 0]}.png", image, scale=False)
    stream = keras.utils.image_dataset_from_directory(
        tmp_path, image_size=(9, 7), shuffle=False, verbose=False
    )
    split = as_split(stream)
    assert split.class_counts == {"cat": 2, "dog": 2}
    expected = np.concatenate([images for images, _ in stream])
    assert (split.image_shape, expected.dtype) == ((9, 7, 3), np.float32)
    np.testing.assert_array_equal(split.images, expected.round())
    plain = stream.map(lambda images, labels: (images / 255, labels))
    with pytest.raises(DataError, match=r"images \* 255"):
        as_split(plain)


def test_fractions_are_rounded_when_they_are_collected():
    stream = dataset(IMAGES.astype("float32") * 0.99, LABELS).batch(4)
    np.testing.assert_array_equal(as_split(stream).images, (IMAGES * np.float32(0.99)).round())


def test_a_dataset_whose_largest_pixel_is_1_gives_a_warning_at_its_end():
    masks = (IMAGES > 127).astype("uint8")
    with pytest.warns(UserWarning, match=r"which are black.*\(images \* 255, labels\)"):
        as_split(dataset(masks, LABELS).batch(4))
    last = masks.copy()
    last[-1] = 2
    as_split(dataset(last, LABELS).batch(4))


def test_images_alone_are_read_batch_by_batch():
    for stream in (tf.data.Dataset.from_tensor_slices(IMAGES), dataset(IMAGES).batch(3)):
        parts = [batch.images for batch in streams.read_batches(stream)]
        np.testing.assert_array_equal(np.concatenate(parts), IMAGES)


def test_a_number_of_steps_reads_a_part_of_an_endless_dataset():
    for stream in (dataset(IMAGES, LABELS).batch(4).repeat(), Endless()):
        assert len(list(streams.read_batches(stream, steps=5))) == 5


def many():
    return ((IMAGES, LABELS) for _ in itertools.count())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: dataset(IMAGES, LABELS).batch(4).repeat(), r"have an end.*Leave out `repeat"),
        (lambda: dataset(IMAGES, LABELS).repeat(), "have an end"),
        (Endless, r"have an end. Received: Endless without an end.*__len__"),
        (many, "type generator, which may have no end"),
        (lambda: iter(dataset(IMAGES, LABELS)), "which may have no end"),
        (lambda: dataset(IMAGES / 255, LABELS).batch(4), r"\(images \* 255\).round"),
        (lambda: Batches(IMAGES / 127.5 - 1, LABELS), r"\(images \+ 1\) \* 127.5"),
        (lambda: dataset(np.moveaxis(IMAGES[:, :5], -1, 1), LABELS).batch(4), "moveaxis"),
        (lambda: dataset(IMAGES[..., 0], LABELS).batch(4), r"images\[\.\.\., None\]"),
        (lambda: dataset(IMAGES[..., 0], LABELS), r"images\[\.\.\., None\]"),
        (lambda: dataset(IMAGES).batch(4), "Pass `labels`"),
        (lambda: dataset(IMAGES, np.eye(3)[LABELS]).batch(4), "argmax"),
        (lambda: dataset(IMAGES, np.eye(3)[LABELS]), "argmax"),
        (lambda: dataset(IMAGES, LABELS + 1).batch(4), "without a gap"),
        (lambda: dataset(IMAGES, LABELS).take(0), "an empty dataset"),
        (
            lambda: tf.data.Dataset.from_tensor_slices({"image": IMAGES, "label": LABELS}),
            r"a dictionary with 'image', 'label'\..*dataset\.map",
        ),
        (
            lambda: dataset({"left": IMAGES, "right": IMAGES}, LABELS).batch(4),
            "The images of a dataset must be a single array. Received: a dict of 2 parts",
        ),
        (lambda: dataset(IMAGES, LABELS, WEIGHTS, WEIGHTS).batch(4), "Received: 4 parts"),
        (
            lambda: (
                dataset(IMAGES, LABELS)
                .batch(4)
                .map(lambda x, y: (tf.ensure_shape(x, [7, 6, 5, 3]), y))
            ),
            "without an error. Received: ",
        ),
        (
            lambda: tf.data.Dataset.from_tensor_slices(tf.ragged.constant([[1], [2, 3]])),
            "four axes",
        ),
        (
            lambda: generated([(IMAGES, LABELS), (IMAGES[:, :4], LABELS)], shapes=False),
            r"images of one shape. Received: \(6, 5, 3\) and \(4, 5, 3\)",
        ),
    ],
)
def test_other_datasets_are_refused(make, message):
    with pytest.raises(DataError, match=message):
        as_split(make())


def test_a_flow_of_random_images_is_refused_for_an_array():
    from keras.src.legacy.preprocessing.image import ImageDataGenerator

    flow = ImageDataGenerator(horizontal_flip=True).flow(IMAGES, LABELS, batch_size=4)
    with pytest.raises(DataError, match=r"flow of an ImageDataGenerator.*Recipe\(augmentation="):
        as_split(flow)
    assert sum(len(batch.images) for batch in streams.read_batches(flow)) == 10


def test_a_dataset_that_is_too_large_is_refused_before_memory_is_full(monkeypatch):
    monkeypatch.setattr(streams, "MOST_BYTES", 2 * IMAGES.size)
    read = []

    def counted():
        for number in range(99):
            read.append(number)
            yield IMAGES, LABELS

    message = r"at most .* GiB of pixels.*Received: more pixels.*zoo\.datasets\.load"
    with pytest.raises(DataError, match=message):
        as_split(generated(counted()))
    assert len(read) < 9
    # A dataset of known length is refused at its first batch.
    whole = as_split(dataset(IMAGES, LABELS).repeat(2).batch(10))
    assert len(whole) == 20
    reads = []

    class Large(Batches):
        def __len__(self):
            return 10**6

        def __getitem__(self, index):
            reads.append(index)
            return IMAGES, LABELS

    with pytest.raises(DataError, match=message):
        as_split(Large())
    assert reads == [0]


def test_a_dataset_of_unknown_length_ends_at_a_bound(monkeypatch):
    monkeypatch.setattr(streams, "MOST_IMAGES", 50)
    with pytest.raises(DataError, match=r"at most 50 images, if .*60 images or more.*repeat"):
        as_split(generated(many()))


def test_a_dataset_that_gives_its_images_again_and_again_is_refused_early():
    images = np.random.default_rng(0).integers(0, 256, (97, 6, 5, 3), "uint8")
    read = []

    def endless():
        while True:
            read.append(len(images))
            yield images, np.arange(97) % 3

    message = r"an end. Received: 1,067 images so far, which are 97 images.*`dataset.take\(n\)`"
    with pytest.raises(DataError, match=message):
        as_split(generated(endless()))
    assert len(read) < 20
    # A generator that repeats only some times is read.
    assert len(as_split(generated(itertools.islice(endless(), 10)))) == 970


def test_a_dataset_of_unknown_length_warns_while_it_is_read(monkeypatch):
    monkeypatch.setattr(streams, "PATIENCE", 0)
    with pytest.warns(UserWarning, match=r"7 images so far, and no end yet.*take\(n\)") as warned:
        assert len(as_split(generated(PAIRS))) == 10
    assert len(warned) == 1
    assert len(as_split(dataset(IMAGES, LABELS).batch(4))) == 10


def test_labels_beside_a_pair_or_a_dataset_are_refused():
    with pytest.raises(ArgumentError, match="None beside a pair or a dataset"):
        as_split(dataset(IMAGES, LABELS).batch(4), LABELS)
    with pytest.raises(ArgumentError, match="the third part"):
        as_split((IMAGES, LABELS), sample_weight=WEIGHTS)
