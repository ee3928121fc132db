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
        def turn(done: Any) -> Any:
            step(*arguments, *batches.get_next())
            return done + 1

        tf.while_loop(lambda done: done < steps, turn, [tf.constant(0)], parallel_iterations=1)

    # TensorFlow counts the tracings of each Python function, and would warn of too many tracings
    # after five short trainings. A new partial has a count of its own.
    return tf.function(functools.partial(run), autograph=False)
