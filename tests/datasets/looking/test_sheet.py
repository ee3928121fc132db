import numpy as np
import pytest

from zoo.datasets.looking.sheet import FRAME, GAP, SIDE, draw_sheet, thumbnail
from zoo.errors import ArgumentError
from zoo.plots import figure_pixels


def grey(level, shape=(8, 8, 1)):
    return np.full(shape, level, np.uint8)


def all_texts(figure):
    """Every piece of text in the picture, as matplotlib's objects."""
    texts = [*figure.texts]
    for axes in figure.axes:
        texts += [*axes.get_yticklabels(), *axes.texts]
        texts += axes.get_legend().get_texts() if axes.get_legend() else []
    return texts


def words(figure):
    return [text.get_text() for text in all_texts(figure)]


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


def test_every_pixel_of_an_image_is_drawn_sharp_where_it_belongs(rng):
    images = rng.integers(0, 256, (5, 32, 32, 3), dtype=np.uint8)
    figure = draw_sheet(["cat", "dog"], {"images": [images[:3], images[3:]]}, title="pets")
    pixels = figure_pixels(figure)[..., :3]
    rows, columns = np.nonzero((pixels == images[0, 0, 0]).all(-1))
    top, left = rows[0], columns[0]
    for place, image in zip([(0, 0), (0, 1), (0, 2), (1, 0), (1, 1)], images, strict=True):
        y, x = np.add((top, left), np.multiply(place, SIDE + GAP))
        np.testing.assert_array_equal(pixels[y : y + SIDE, x : x + SIDE], thumbnail(image))


def test_a_row_may_have_fewer_images_and_white_images_have_a_frame():
    figure = draw_sheet(["a", "b", "c"], {"images": [[grey(255)] * 8, [grey(255)], []]})
    mosaic = figure.axes[0].images[0].get_array()
    cell = SIDE + GAP
    assert mosaic.shape == (3 * cell, 8 * cell, 3)
    edge = GAP // 2 - 1
    assert (mosaic[edge, edge : cell - edge] == FRAME).all()
    assert (mosaic[cell:, cell:] == 255).all()
    assert (mosaic[2 * cell :] == 255).all()


def test_bars_are_stacked_and_the_last_row_holds_the_totals():
    counts = {"train": [1200, 30], "test": [300, 0]}
    figure = draw_sheet(["cat", "dog", "all"], {}, counts)
    train, test = ([bar.get_bbox() for bar in bars] for bars in figure.axes[0].containers)
    np.testing.assert_allclose(train[0].width, 4 * test[0].width)
    np.testing.assert_allclose(train[0].width, 40 * train[1].width)
    assert (train[2].width, test[1].width) == (0, 0)
    assert test[0].x0 == train[0].x1
    assert {"1,200 + 300", "30 + 0", "1,230 + 300", "train", "test"} <= {*words(figure)}


@pytest.mark.parametrize(
    ("classes", "samples", "shape"), [(1, 1, (8, 8, 1)), (7, 4, (60, 6, 3)), (70, 3, (10, 100, 1))]
)
def test_no_text_overlaps_another_or_an_image_or_leaves_the_picture(classes, samples, shape):
    names = [f"an actor with a long name, number {i}" for i in range(classes)] + ["all"]
    row = [grey(100, shape)] * samples
    counts = {"train": [12345] * classes, "validation": [0] * classes, "test": [4567] * classes}
    columns = {"training images": [row] * classes, "mean": [row[:1]] * (classes + 1)}
    notes = ["a note of many words " * 8, "another note"]
    figure = draw_sheet(names, columns, counts, title="actors", notes=notes)
    figure_pixels(figure)
    renderer = figure.canvas.get_renderer()
    boxes = [text.get_window_extent(renderer) for text in all_texts(figure) if text.get_text()]
    images = [image.get_window_extent(renderer) for axes in figure.axes for image in axes.images]
    for number, box in enumerate(boxes):
        assert figure.bbox.x0 <= box.x0 <= box.x1 <= figure.bbox.x1
        assert figure.bbox.y0 <= box.y0 <= box.y1 <= figure.bbox.y1
        assert not box.count_overlaps([*boxes[:number], *images])


def test_many_rows_stand_in_blocks():
    figure = draw_sheet([str(i) for i in range(120)], {"images": [[grey(9)]] * 120})
    assert len(figure.axes) > 1
    heights = sum(axes.images[0].get_array().shape[0] for axes in figure.axes)
    assert heights == 120 * (SIDE + GAP)
    assert {str(i) for i in range(120)} <= {*words(figure)}


def test_names_are_neither_read_as_mathematics_nor_too_long():
    names = ["$5_and_$10", "two\nlines", "x" * 100]
    figure = draw_sheet(names, {"images": [[grey(0)]] * 3}, title="$a$", notes=["$b$"])
    assert {"$5_and_$10", "two lines", "x" * 23 + "…"} <= {*words(figure)}
    named = [text for text in all_texts(figure) if "$" in text.get_text()]
    assert len(named) == 3
    assert not any(text.get_parse_math() for text in named)


def test_too_large_a_picture_is_refused():
    with pytest.raises(ArgumentError, match="fewer samples or classes"):
        draw_sheet(["cat"], {"images": [[grey(0)] * 1000]})
