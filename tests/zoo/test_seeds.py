"""A seed makes the draws of Keras repeatable, and touches nothing that threads share."""

import random
import threading

import keras
import numpy as np

from zoo.seeds import seed_words, seeded


def drawn():
    return keras.initializers.GlorotUniform().seed


def test_the_same_seed_gives_the_same_draws_and_blocks_can_be_nested():
    with seeded(5):
        expected = [drawn(), drawn()]
    with seeded(5):
        first = drawn()
        with seeded(6):
            assert drawn() not in expected
        assert [first, drawn()] == expected


def test_the_draws_are_those_of_pythons_generator_with_that_seed():
    random.seed(5)
    expected = [drawn(), drawn()]
    with seeded(5):
        assert [drawn(), drawn()] == expected


def test_pythons_generator_is_left_alone():
    random.seed(1)
    expected = [random.random() for _ in range(3)]
    random.seed(1)
    found = [random.random()]
    with seeded(5):
        drawn()
        found.append(random.random())
    assert [*found, random.random()] == expected


def test_without_a_seed_keras_draws_as_it_does_alone():
    random.seed(1)
    expected = drawn()
    random.seed(1)
    with seeded(None):
        assert drawn() == expected


def test_another_thread_draws_from_its_own_generator():
    seeds, turn = {}, threading.Barrier(2)

    def draw(seed):
        with seeded(seed):
            for _ in range(4):
                turn.wait()
                seeds.setdefault(seed, []).append(drawn())

    threads = [threading.Thread(target=draw, args=(seed,)) for seed in (1, 2)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    for seed in (1, 2):
        with seeded(seed):
            assert seeds[seed] == [drawn() for _ in range(4)]


def test_words_follow_from_the_seed():
    assert seed_words(3).dtype == np.int64
    np.testing.assert_array_equal(seed_words(3), seed_words(3))
    assert seed_words(3).tolist() != seed_words(4).tolist()
