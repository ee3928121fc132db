import numpy as np
import pytest

from zoo.datasets.looking.page import MARGIN, Page
from zoo.datasets.looking.sheet import FRAME, GAP, draw_sheet, thumbnail
from zoo.errors import ArgumentError
from zoo.plots import figure_pixels


def grey(level, shape=(8, 8, 1)):
    return np.full(shape, level, np.uint8)


def texts(figure):
    return [text.get_text() for text in figure.texts]


def boxes(figure):
    """Where each text is, in pixels."""
    figure_pixels(figure)
    renderer = figure.canvas.get_renderer()
    return [text.get_window_extent(renderer) for text in figure.texts if text.get_text()]


# shape of the image, side, shape of the thumbnail
@pytest.mark.parametrize(
    ("shape", "side", "expected"),
    [
        ((8, 8, 1), 96, (96, 96, 3)),
        ((28, 28, 1), 96, (84, 84, 3)),  # by the whole factor that comes closest
        ((48, 48, 1), 96, (96, 96, 3)),
        ((227, 227, 3), 96, (96, 96, 3)),
        ((300, 100, 3), 96, (96, 32, 3)),
        ((1, 1000, 3), 96, (1, 96, 3)),
        ((1, 1, 1), 64, (64, 64, 3)),
    ],
)
def test_thumbnails_are_about_as_large_as_asked(shape, side, expected, rng):
    image = rng.integers(0, 256, shape, dtype=np.uint8)
    assert thumbnail(image, side).shape == expected


def test_small_images_grow_pixel_by_pixel(rng):
    image = rng.integers(0, 256, (8, 6, 3), dtype=np.uint8)
    np.testing.assert_array_equal(thumbnail(image, 24), np.kron(image, np.ones((3, 3, 1))))


def test_large_images_are_averaged():
    image = np.indices((100, 100)).sum(0)[..., None].astype(np.uint8) % 2 * 200
    np.testing.assert_array_equal(thumbnail(image, 50), 100)


def test_every_pixel_of_an_image_is_drawn_where_it_belongs(rng):
    images = rng.integers(0, 256, (5, 32, 32, 3), dtype=np.uint8)
    figure = draw_sheet(["cat", "dog"], {"images": [images[:3], images[3:]]})
    pixels = figure_pixels(figure)[..., :3]
    rows, columns = np.nonzero((pixels == thumbnail(images[0], 96)[0, 0]).all(-1))
    top, left = rows[0], columns[0]
    for place, image in zip([(0, 0), (0, 1), (0, 2), (1, 0), (1, 1)], images, strict=True):
        y, x = np.add((top, left), np.multiply(place, 96 + GAP))
        np.testing.assert_array_equal(pixels[y : y + 96, x : x + 96], thumbnail(image, 96))


def test_a_row_may_have_fewer_images_and_white_ones_have_a_frame():
    figure = draw_sheet(["a", "b", "c"], {"images": [[grey(255)] * 8, [grey(255)], []]})
    (axes,) = figure.axes
    mosaic = axes.images[0].get_array()
    assert mosaic.shape == (3 * 100 - GAP, 8 * 100 - GAP, 3)
    assert (mosaic[96, :96] == FRAME).all()
    assert (mosaic[102:, 98:] == 255).all()
    assert (mosaic[202:] == 255).all()


def test_bars_are_stacked_and_the_last_row_holds_the_totals():
    counts = {"train": [1200, 30], "test": [300, 0]}
    figure = draw_sheet(["cat", "dog", "all"], {}, counts)
    (axes,) = figure.axes
    widths = [[bar.get_width() for bar in bars] for bars in axes.containers]
    assert widths == [[1200, 30, 0], [300, 0, 0]]
    assert [bar.get_x() for bar in axes.containers[1]] == [1200, 30, 0]
    assert texts(figure)[-3:] == ["1,200 + 300", "30 + 0", "1,230 + 300"]


@pytest.mark.parametrize("classes", [1, 2, 7, 23, 24, 100])
@pytest.mark.parametrize("shape", [(8, 8, 1), (227, 227, 3), (10, 100, 1), (60, 6, 3)])
def test_nothing_overlaps_and_nothing_leaves_the_page(classes, shape):
    names = [f"an actor with a long name, number {i}" for i in range(classes)] + ["all"]
    row = [grey(100, shape)] * 4
    counts = {"train": [12345] * classes, "validation": [0] * classes, "test": [4567] * classes}
    pictures = {"training images": [row] * classes, "mean": [row[:1]] * (classes + 1)}
    figure = draw_sheet(names, pictures, counts, title="actors", notes=["a note", "more"])
    width, height = figure.bbox.size
    page = boxes(figure)
    others = [axes.get_window_extent() for axes in figure.axes if axes.images]
    for number, box in enumerate(page):
        assert box.x0 >= MARGIN - 2
        assert box.x1 <= width - MARGIN + 2
        assert box.y0 >= MARGIN / 2
        assert box.y1 <= height - MARGIN / 2
        for other in (*page[:number], *others):
            assert not box.overlaps(other)
    assert 1 / 3 < width / height < 8


def test_many_rows_stand_in_blocks():
    figure = draw_sheet([str(i) for i in range(120)], {"images": [[grey(9)]] * 120})
    assert len(figure.axes) > 1
    heights = sum(axes.images[0].get_array().shape[0] + GAP for axes in figure.axes)
    assert heights == 120 * (64 + GAP)
    assert {str(i) for i in range(120)} <= {*texts(figure)}


def test_names_are_neither_mathematics_nor_too_long():
    figure = draw_sheet(["$a$ $b$", "two\nlines", "x" * 100], {"images": [[grey(0)]] * 3})
    assert [text for text in texts(figure) if text not in ("", "images")] == [
        "$a$ $b$",
        "two lines",
        "x" * 23 + "…",
    ]
    assert not any(text.get_parse_math() for text in figure.texts)
    figure_pixels(figure)


def test_too_large_a_picture_is_refused():
    with pytest.raises(ArgumentError, match="fewer samples or classes"):
        draw_sheet(["cat"], {"images": [[grey(0)] * 1000]})
    with pytest.raises(ArgumentError, match="20,080 by 20,080 pixels is too large"):
        Page().resize(20000, 20000)
