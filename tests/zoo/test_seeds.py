import random

import numpy as np

from zoo.seeds import seed_words, seeded


def test_the_callers_random_state_is_restored():
    random.seed(1)
    expected = [random.random() for _ in range(3)]
    random.seed(1)
    found = [random.random()]
    with seeded(5):
        inside = random.random()
    found += [random.random(), random.random()]
    assert found == expected
    with seeded(5):
        assert random.random() == inside


def test_without_a_seed_nothing_is_changed():
    random.seed(1)
    with seeded(None):
        first = random.random()
    random.seed(1)
    assert random.random() == first


def test_words_follow_from_the_seed():
    assert seed_words(3).dtype == np.int64
    np.testing.assert_array_equal(seed_words(3), seed_words(3))
    assert seed_words(3).tolist() != seed_words(4).tolist()
