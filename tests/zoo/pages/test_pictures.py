import base64
import io

import numpy as np
import pytest
from PIL import Image

from zoo.pages.pictures import LARGEST, MOST_BYTES, figure_picture, image_picture
from zoo.plots import new_figure


def contents(picture):
    head, _, code = picture.address.partition(",")
    return head, base64.b64decode(code)


def test_a_figure_of_lines_is_svg_and_a_figure_of_noise_is_png():
    lines = new_figure(3, 2)
    lines.add_subplot().plot([0, 1])
    noise = new_figure(3, 2)
    noise.add_subplot().imshow(np.random.default_rng(0).random((200, 200)))
    assert contents(figure_picture(lines))[0] == "data:image/svg+xml;base64"
    assert contents(figure_picture(noise.axes[0]))[0] == "data:image/png;base64"


def test_the_same_figure_gives_the_same_bytes():
    figure = new_figure(2, 2)
    figure.add_subplot().plot([0, 1])
    assert figure_picture(figure) == figure_picture(figure)


def test_a_large_figure_gets_256_colours():
    figure = new_figure(6, 6)
    noise = np.random.default_rng(0).random((400, 400, 3))
    figure.add_subplot().imshow(noise, interpolation="nearest")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    kind, written = contents(figure_picture(figure))
    assert kind == "data:image/png;base64"
    assert len(buffer.getvalue()) > MOST_BYTES
    assert len(written) < 0.6 * len(buffer.getvalue())
    assert Image.open(io.BytesIO(written)).mode == "P"


@pytest.mark.parametrize("shape", [(8, 8, 1), (20, 10, 3), (1, 1, 1)])
def test_a_small_image_is_written_without_loss(shape):
    image = np.random.default_rng(0).integers(0, 256, shape).astype("uint8")
    kind, written = contents(image_picture(image))
    read = np.asarray(Image.open(io.BytesIO(written))).reshape(shape)
    assert kind == "data:image/png;base64"
    np.testing.assert_array_equal(read, image)


def test_a_larger_image_is_nearly_as_it_was():
    ramp = np.linspace(0, 255, 48 * 48).reshape(48, 48, 1).astype("uint8")
    kind, written = contents(image_picture(ramp))
    read = np.asarray(Image.open(io.BytesIO(written)).convert("L"), int)
    assert kind == "data:image/webp;base64"
    assert abs(read - ramp[..., 0]).max() <= 6


def test_a_large_image_keeps_its_proportions():
    picture = image_picture(np.zeros((300, 600, 3), "uint8"))
    assert Image.open(io.BytesIO(contents(picture)[1])).size == (LARGEST, LARGEST // 2)
    assert (picture.width, picture.height) == (80, 40)


def test_an_image_with_other_channels_is_shown_by_their_mean():
    image = np.stack([np.full((4, 4), value) for value in (0, 100)], axis=-1)
    written = contents(image_picture(image))[1]
    assert np.asarray(Image.open(io.BytesIO(written))).tolist() == [[50] * 4] * 4
