import sys

import numpy as np
import pytest
from PIL import Image

from zoo.datasets import as_split
from zoo.errors import ArgumentError
from zoo.inspect.pictures.ranked_images import ranked
from zoo.plots import new_figure


@pytest.fixture
def order():
    return np.array([5, 3, 0])


@pytest.fixture
def images(predictions, six, order):
    return ranked(predictions, six.labels, order, six.class_names, "some images", six)


def test_each_image_has_its_label_answer_and_measures(images, six, order):
    np.testing.assert_array_equal(images.labels, [2, 0, 0])
    np.testing.assert_array_equal(images.answers, [0, 0, 0])
    np.testing.assert_allclose(images.confidences, [0.9, 0.5, 0.8])
    np.testing.assert_allclose(images.quality, [0, 0.5, 0.8])
    np.testing.assert_allclose(images.measures["mutual_information"], [0, np.log(2), 0], atol=1e-9)
    np.testing.assert_array_equal(images.images, six.images[order])
    assert len(images) == 3
    assert repr(images) == "RankedImages(3 images: some images)"


def test_the_table_has_a_row_for_each_image(images, tmp_path):
    pytest.importorskip("pandas")
    frame = images.to_frame(tmp_path / "pictures")
    assert list(frame.columns) == [
        "index", "split", "label", "answer", "confidence", "predictive_entropy",
        "expected_entropy", "mutual_information", "label_quality", "duplicate_group", "filepath",
    ]  # fmt: skip
    assert frame["index"].tolist() == [5, 3, 0]
    assert frame["label"].tolist() == ["a very long name of a class", "cat", "cat"]
    assert frame["duplicate_group"].tolist() == [1, 3, 0]
    assert set(frame["split"]) == {"train"}
    written = np.asarray(Image.open(frame["filepath"][0]))
    np.testing.assert_array_equal(written, images.images[0])


def test_a_missing_pandas_is_told(images, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ArgumentError, match="pip install pandas"):
        images.to_frame()


def test_a_folder_that_cannot_be_written_is_named(images, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ArgumentError, match="folder must be a folder in which"):
        images.to_frame(tmp_path / "file")


def test_the_picture_names_label_and_answer_as_plain_text(images):
    (axes,) = images.plot(most=2).axes
    assert [text.get_text() for text in axes.texts] == [
        "#5\nlabel: a very long n…\ncat: p = 0.90",
        "#3\nlabel: cat\ncat: p = 0.50",
    ]
    assert axes.get_title() == "some images; 2 of 3 images"
    assert not any(text.get_parse_math() for text in axes.texts)
    given = new_figure(3, 3).add_subplot()
    assert images.plot(given) is given


def test_no_images_give_an_empty_picture_and_table(predictions, six):
    pytest.importorskip("pandas")
    nothing = np.array([], np.int64)
    images = ranked(predictions, six.labels, nothing, six.class_names, "mistakes", six)
    assert images.plot().axes[0].texts[0].get_text() == "no images"
    assert len(images.to_frame()) == 0


def test_images_that_cannot_be_drawn_are_named(predictions, order):
    two = as_split(np.zeros((6, 4, 4, 2), "uint8"), [0, 1, 2, 0, 1, 2])
    images = ranked(predictions, two.labels, order, two.class_names, "some", two)
    with pytest.raises(ArgumentError, match=r"grey or RGB to be drawn\. Received: 2 channels"):
        images.plot()
    with pytest.raises(ArgumentError, match="grey or RGB to be written"):
        images.to_frame("somewhere")
