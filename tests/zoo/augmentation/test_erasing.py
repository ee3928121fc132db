import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo import Augmentation
from zoo.augmentation.erasing import AREAS, ASPECT, rectangles

NUMBER = st.floats(0, 1, exclude_max=True)


@settings(max_examples=50)
@given(
    numbers=st.lists(NUMBER, min_size=4, max_size=4),
    height=st.integers(1, 64),
    width=st.integers(1, 64),
)
def test_the_rectangle_is_inside_of_the_image(numbers, height, width):
    top, left, rows, columns = (int(side) for (side,) in rectangles([numbers], height, width))
    assert 0 <= top < top + rows <= height
    assert 0 <= left < left + columns <= width


def test_areas_and_ratios_of_large_rectangles_are_those_of_the_paper():
    numbers = np.random.default_rng(0).random((2000, 4))
    _, _, rows, columns = (side.numpy() for side in rectangles(numbers, 1000, 1000))
    fits = (rows < 1000) & (columns < 1000)
    areas, ratios = (rows * columns / 1e6)[fits], (rows / columns)[fits]
    assert AREAS[0] == pytest.approx(areas.min(), rel=0.05)
    assert AREAS[1] == pytest.approx(areas.max(), rel=0.05)
    assert pytest.approx(ratios.min(), rel=0.05) == ASPECT
    assert pytest.approx(ratios.max(), rel=0.05) == 1 / ASPECT
    assert np.median(ratios) == pytest.approx(1, rel=0.1)


def test_exactly_one_rectangle_of_some_images_is_erased():
    images = np.full((64, 12, 9, 2), 300, "int64")  # a value that no random pixel has
    erased = Augmentation(random_erasing=0.5)(images, seed=0)
    changed = (erased != 300).any(axis=-1)
    np.testing.assert_array_equal(changed, (erased != 300).all(axis=-1))
    counts = changed.sum(axis=(1, 2))
    for mask in changed[counts > 0]:
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        assert mask.sum() == len(rows) * len(columns)
        assert np.ptp(rows) + 1 == len(rows)
        assert np.ptp(columns) + 1 == len(columns)
    assert 16 < (counts > 0).sum() < 48
    random_pixels = erased[erased != 300]
    assert set(np.unique(random_pixels)) <= set(range(256))
    assert random_pixels.mean() == pytest.approx(127.5, abs=8)
