import numpy as np
import pytest

from zoo.errors import ArgumentError
from zoo.experiments.published.confusion_figure import draw_beside

HERE = [[80, 20], [30, 70]]


def numbers(axes):
    return [text.get_text() for text in axes.texts]


def test_both_matrices_are_in_percent_of_the_true_class_with_their_difference():
    figure = draw_beside([[9, 1], [4, 6]], HERE, ["cat", "dog"])
    report, here, difference = figure.axes
    assert numbers(report) == ["90", "10", "40", "60"]
    assert numbers(here) == ["80", "20", "30", "70"]
    assert numbers(difference) == ["-10", "+10", "-10", "+10"]


def test_without_a_published_matrix_the_matrix_here_is_drawn_alone():
    (axes,) = draw_beside([], HERE, ["cat", "dog"]).axes
    assert axes.get_title() == "here"
    assert [label.get_text() for label in axes.get_yticklabels()] == ["cat", "dog"]


def test_a_class_without_images_has_zeros():
    figure = draw_beside([[1, 1], [0, 0]], HERE, ["cat", "dog"])
    assert numbers(figure.axes[0]) == ["50", "50", "0", "0"]


@pytest.mark.parametrize("matrix", [np.ones((3, 3)), [[1, -1], [0, 1]]])
def test_a_matrix_of_another_shape_or_below_0_is_refused(matrix):
    with pytest.raises(ArgumentError, match="a matrix of 2 × 2 counts"):
        draw_beside(matrix, HERE, ["cat", "dog"])
