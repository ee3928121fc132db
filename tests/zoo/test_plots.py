import io
import sys

import numpy as np
import pytest
from matplotlib.colors import to_hex
from PIL import Image

from zoo.plots import confusion_figure, draw_confusion, figure_pixels, new_figure

NAMES = ["angry", "fear", "happy", "sad"]
CONFUSION = np.array([[1200, 3, 0, 7], [1, 20, 2, 9], [0, 0, 0, 0], [5, 6, 4, 8]])


@pytest.fixture
def axes():
    axes = new_figure(4, 3).add_subplot()
    draw_confusion(axes, CONFUSION, NAMES, "the title")
    return axes


def labels(ticks):
    return [tick.get_text() for tick in ticks]


def test_each_count_stands_in_its_cell(axes):
    shown = {(text.get_position(), text.get_text()) for text in axes.texts}
    assert shown == {
        ((column, row), f"{CONFUSION[row, column]:,}") for row in range(4) for column in range(4)
    }
    assert ((0, 0), "1,200") in shown


def test_rows_are_true_and_columns_predicted_classes(axes):
    assert labels(axes.get_xticklabels()) == NAMES
    assert labels(axes.get_yticklabels()) == NAMES
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted", "true")
    assert axes.get_title() == "the title"
    assert axes.yaxis_inverted()  # the first class stands above


def test_colour_is_the_share_of_the_true_class(axes):
    (image,) = axes.images
    expected = CONFUSION / [[1210], [32], [1], [23]]  # the empty class has no share at all
    np.testing.assert_allclose(image.get_array(), expected)
    assert image.get_clim() == (0, 1)


def test_numbers_are_light_on_dark_cells(axes):
    colours = {text.get_position(): to_hex(text.get_color()) for text in axes.texts}
    light = {(0, 0), (1, 1)}  # (column, row) of the shares above one half
    assert colours == {
        (column, row): "#ffffff" if (column, row) in light else "#000000"
        for row in range(4)
        for column in range(4)
    }


@pytest.mark.parametrize(
    ("classes", "named", "counted"), [(2, True, True), (20, True, True), (21, True, False),
                                      (150, True, False), (151, False, False)],
)  # fmt: skip
def test_names_and_counts_are_drawn_where_they_are_legible(classes, named, counted):
    names = [f"class {i}" for i in range(classes)]
    figure = confusion_figure(np.eye(classes, dtype=int), names)
    (axes,) = figure.axes
    assert len(axes.texts) == (classes**2 if counted else 0)
    assert labels(axes.get_xticklabels()) == (names if named else [])
    assert axes.images[0].get_array().shape == (classes, classes)


def test_a_rare_confusion_is_visible_without_its_count():
    confusion = 50 * np.eye(30, dtype=int)
    confusion[3, 20] = 1
    image = confusion_figure(confusion, [str(k) for k in range(30)]).axes[0].images[0]
    colours = image.to_rgba(image.get_array())
    assert np.abs(colours[3, 20] - colours[3, 21]).max() > 0.1


def test_figure_of_its_own_grows_with_the_classes():
    widths = [
        confusion_figure(np.eye(n, dtype=int), [str(i) for i in range(n)]).get_figwidth()
        for n in (2, 16, 43, 100)
    ]
    assert widths == sorted(set(widths))
    assert widths[0] >= 3.6
    assert widths[-1] <= 21


def test_letters_without_a_font_are_told_once_in_plain_words():
    figure = new_figure(2, 2)
    figure.suptitle("\ue1f3 and \ue1f4, \ue1f3")
    with pytest.warns(UserWarning, match="^No font that pictures are drawn with has the") as caught:
        figure_pixels(figure)
    assert len(caught) == 1


def test_names_are_never_mathematics():
    names = ["$5_and_$10", "$5", "a_b", "50 %"]
    figure = confusion_figure(CONFUSION, names, "$5_and_$10")
    figure_pixels(figure)  # as mathematics, the first name is a syntax error
    (axes,) = figure.axes
    assert labels(axes.get_xticklabels()) == labels(axes.get_yticklabels()) == names
    shown = [*axes.get_xticklabels(), *axes.get_yticklabels(), axes.title]
    assert not any(text.get_parse_math() for text in shown)


@pytest.mark.parametrize(("width", "height"), [(2, 1), (1.5, 3)])
def test_pixels_of_a_figure(width, height):
    figure = new_figure(width, height)
    pixels = figure_pixels(figure)
    assert pixels.dtype == np.uint8
    assert pixels.shape == (height * figure.dpi, width * figure.dpi, 4)
    np.testing.assert_array_equal(pixels, 255)  # an empty white page


def test_drawing_changes_the_pixels():
    figure = confusion_figure(CONFUSION, NAMES)
    pixels = figure_pixels(figure)
    assert pixels.min() < 50
    assert not np.array_equal(pixels, figure_pixels(confusion_figure(CONFUSION.T, NAMES)))


def test_a_notebook_displays_a_figure_without_pyplot():
    png = new_figure(2, 1)._repr_png_()
    assert Image.open(io.BytesIO(png)).size == (240, 120)


def test_no_window_and_no_global_figure_is_made():
    figure_pixels(confusion_figure(CONFUSION, NAMES))
    pyplot = sys.modules.get("matplotlib.pyplot")
    assert pyplot is None or pyplot.get_fignums() == []
