import tracemalloc

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from zoo.datasets import load
from zoo.datasets.image_data import ImageData
from zoo.datasets.looking.show import mean_images, sample_images, to_markdown
from zoo.datasets.split import as_split
from zoo.errors import ArgumentError, RunError
from zoo.plots import figure_pixels


@pytest.fixture
def split(rng):
    images = rng.integers(0, 256, (40, 6, 5, 3), dtype=np.uint8)
    return as_split(images, rng.integers(0, 3, 40), class_names=("cat", "dog", "owl", "fox"))


@pytest.fixture
def data(split):
    return ImageData("pets", split, test=split.take([0, 1, 2]))


def test_samples_are_different_images_of_the_class(split):
    chosen = list(sample_images(split, 5, seed=0))
    for label in range(3):
        own = {image.tobytes() for image in split.images[split.labels == label]}
        assert len({image.tobytes() for image in chosen[label]} & own) == 5
    assert chosen[3].shape == (0, 6, 5, 3)


def test_the_seed_chooses_the_samples(split):
    first, again, other = (next(sample_images(split, 5, seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_class_has_no_more_samples_than_images(split):
    assert len(next(sample_images(split, 1000, seed=0))) == (split.labels == 0).sum()


def test_means_are_numpys(split):
    *means, overall = mean_images(split)
    for label in range(3):
        expected = np.rint(split.images[split.labels == label].mean(0))
        np.testing.assert_array_equal(means[label], expected)
    assert means[3] is None
    np.testing.assert_array_equal(overall, np.rint(split.images.mean(0)))


def test_means_of_a_selection_of_rows(split):
    part = split.take([7, 3, 3, 20])
    np.testing.assert_array_equal(mean_images(part)[-1], np.rint(part.images.mean(0)))


@pytest.mark.parametrize("count", [1, 257, 258, 70_000])
def test_sums_of_white_images_do_not_overflow(count):
    images = np.broadcast_to(np.uint8(255), (count, 1, 1, 1))
    first, second, overall = mean_images(
        as_split(images, [0] * (count - 1) + [1], class_names=("a", "b"))
    )
    assert (first is None) == (count == 1)
    assert second.item() == overall.item() == 255
    assert first is None or first.item() == 255


def test_means_take_the_memory_of_a_block(tmp_path):
    shape = (2**15, 40, 40, 1)  # 50 MiB
    store = np.memmap(tmp_path / "images", np.uint8, "w+", shape=shape)
    split = as_split(store, np.arange(len(store)) % 2)
    tracemalloc.start()
    mean_images(split)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 24 * 2**20


def words(figure):
    axes = figure.axes[0]
    texts = [*figure.texts, *axes.get_yticklabels(), *axes.texts, *axes.get_legend().get_texts()]
    return [text.get_text() for text in texts]


def test_picture_has_a_row_for_each_class(data):
    texts = words(data.show(samples=4))
    assert texts[0] == "pets: 4 classes of 6×5, RGB"
    assert texts[1] == f"{data.duplicates().sentence()}\n{data.duplicates().details()}"
    assert {"cat", "dog", "owl", "fox", "all", "training images", "mean", "train"} <= {*texts}
    counts = data.train.class_counts.values(), data.test.class_counts.values()
    assert {f"{a} + {b}" for a, b in zip(*counts, strict=True)} <= {*texts}
    assert f"{len(data.train)} + 3" in texts


def test_png_holds_the_figure(data, tmp_path):
    path = tmp_path / "new folder" / "pets.png"
    figure = data.show(path)
    np.testing.assert_array_equal(np.asarray(Image.open(path)), figure_pixels(figure))
    data.show(path, samples=2)
    assert np.asarray(Image.open(path)).shape != figure_pixels(figure).shape
    assert [file.name for file in path.parent.iterdir()] == ["pets.png"]


def test_tensorboard_gets_pictures_in_order_and_the_tables(data, tmp_path):
    data.show(log_dir=tmp_path / "logs")
    events = EventAccumulator(str(tmp_path / "logs" / "data"), size_guidance={"tensors": 0})
    events.Reload()
    tags = sorted(events.Tags()["tensors"])
    assert tags == [
        "pets/1 samples",
        "pets/2 mean images",
        "pets/3 class counts",
        "pets/counts and duplicates",
    ]
    plugins = [events.SummaryMetadata(tag).plugin_data.plugin_name for tag in tags]
    assert plugins == ["images", "images", "images", "text"]
    text = tf.make_ndarray(events.Tensors(tags[-1])[0].tensor_proto).item().decode()
    assert text == to_markdown(data.splits, data.duplicates())


def test_markdown_escapes_what_would_begin_a_column(split):
    data = ImageData("pets", as_split(split.images[:2], [0, 1], class_names=("a|b", "two\nlines")))
    assert to_markdown(data.splits, data.duplicates()).splitlines()[:5] == [
        "| class | train |",
        "| --- | ---: |",
        "| a\\|b | 1 |",
        "| two\\nlines | 1 |",
        "| **all** | 2 |",
    ]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"samples": 0}, ArgumentError, "samples must be a whole number of 1 or more"),
        ({"samples": 2.5}, ArgumentError, "Received: 2.5"),
        ({"seed": -1}, ArgumentError, "seed must be"),
        ({"path": "pets.jpg"}, ArgumentError, r"must end in \.png. Received: 'pets.jpg'"),
        ({"path": 3}, ArgumentError, "path must be a path: .* Received: 3"),
        ({"log_dir": 3}, ArgumentError, "log_dir must be a path: .* Received: 3"),
    ],
)
def test_wrong_arguments_are_refused(data, arguments, error, message):
    with pytest.raises(error, match=message):
        data.show(**arguments)


def test_files_that_cannot_be_written(data, tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(RunError, match=r"log_dir must be a folder.*Received: '.*file'"):
        data.show(log_dir=tmp_path / "file")
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(RunError, match=r"folder\.png must be writable"):
        data.show(tmp_path / "folder.png")
    assert (tmp_path / "file").read_text() == "mine"


def test_other_than_grey_and_rgb_cannot_be_shown():
    data = ImageData("odd", as_split(np.zeros((2, 4, 4, 2), np.uint8), [0, 1]))
    with pytest.raises(ArgumentError, match=r"must be grey or RGB.*Received: 2 channels"):
        data.show()


def test_a_set_without_training_images_of_a_class_or_other_parts(split):
    figure = ImageData("pets", split.take(split.labels == 1)).show()
    assert "fox" in words(figure)
    figure_pixels(figure)


def test_looking_leaves_no_window_and_the_data_as_it_was():
    import sys

    data = load("digits")
    before = data.train.digests.copy()
    data.show()
    assert "images" not in vars(data.train)  # not kept in memory
    np.testing.assert_array_equal(data.train.digests, before)
    pyplot = sys.modules.get("matplotlib.pyplot")
    assert pyplot is None or pyplot.get_fignums() == []
