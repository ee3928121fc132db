"""Many steps in one graph, so that Python does nothing between them."""

import functools
from collections.abc import Callable
from typing import Any

import tensorflow as tf


def loop_over_batches(step: Callable[..., None]) -> Any:
    """Make the graph that takes batches from an iterator, a step for each.

    Args:
        step: Takes the further arguments of the graph, and then the parts of a batch.

    Returns:
        A `tf.function` of an iterator, the number of steps, and further arguments.
    """

    def run(batches: Any, steps: Any, *arguments: Any) -> None:
        repeat(steps, lambda: step(*arguments, *batches.get_next()))

    # TensorFlow counts the tracings of each Python function, and would warn of too many tracings
    # after five short trainings. A new partial has a count of its own.
    return tf.function(functools.partial(run), autograph=False)


def repeat(times: Any, body: Callable[[], None]) -> None:
    """Run a piece of a graph a number of times, one after another.

    Args:
        times: The number of times, a tensor.
        body: Makes the piece.
    """

    def turn(done: Any) -> Any:
        body()
        return done + 1

    tf.while_loop(lambda done: done < times, turn, [tf.constant(0)], parallel_iterations=1)
