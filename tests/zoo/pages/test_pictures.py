import base64
import io

import numpy as np
import pytest
from PIL import Image

from zoo.pages.pictures import LARGEST, figure_picture, image_picture
from zoo.plots import new_figure


def drawn_pixels(picture):
    """Decode the picture in an address."""
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(picture.address.partition(",")[2]))))


@pytest.mark.parametrize("channels", [1, 3])
def test_a_small_image_is_written_without_loss(channels):
    image = np.random.default_rng(0).integers(0, 256, (8, 12, channels)).astype("uint8")
    picture = image_picture(image)
    assert picture[1:] == (84, 56)
    assert np.array_equal(drawn_pixels(picture), np.broadcast_to(image, (8, 12, 3)))


def test_of_channels_that_are_no_colours_the_mean_is_shown():
    image = np.stack([np.full((4, 4), 10), np.full((4, 4), 30)], axis=-1)
    assert (drawn_pixels(image_picture(image)) == 20).all()


def test_values_beyond_the_range_of_pixels_are_cut_off():
    image = np.array([[[-3.0], [0.6], [999.0]]])
    assert drawn_pixels(image_picture(image))[0, :, 0].tolist() == [0, 1, 255]


def test_a_large_image_is_made_smaller():
    picture = image_picture(np.full((500, 1000, 3), 77, "uint8"))
    assert picture[1:] == (80, 40)
    assert drawn_pixels(picture).shape == (LARGEST // 2, LARGEST, 3)
    assert len(picture.address) < 500


def test_an_image_of_a_single_row_has_a_height():
    assert image_picture(np.zeros((1, 900, 1), "uint8")).height == 1


def test_a_figure_of_lines_is_a_vector_drawing_and_a_figure_of_pixels_is_not():
    figure = new_figure(2, 2)
    figure.add_subplot().plot([0, 1])
    assert figure_picture(figure).address.startswith("data:image/svg+xml;base64,")
    figure.add_subplot().imshow(np.random.default_rng(0).random((300, 300)), "gray")
    picture = figure_picture(figure.axes[0])
    assert picture.address.startswith("data:image/webp;base64,")
    assert picture[1:] == (160, 160)


def test_the_same_figure_gives_the_same_bytes():
    figures = [new_figure(1, 1), new_figure(1, 1)]
    for figure in figures:
        figure.add_subplot().plot([0, 1])
    first, second = map(figure_picture, figures)
    assert first == second
