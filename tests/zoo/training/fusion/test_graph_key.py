"""Graphs that train other models after their own, with other settings."""

import numpy as np
import pytest

import zoo
from zoo.datasets.split import Split
from zoo.training.fusion.graph_key import graph_key
from zoo.training.learner import Learner
from zoo.training.lockstep import Graphs
from zoo.training.train import train

SHAPE = (4, 5, 1)


@pytest.fixture(scope="module")
def split():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (24, *SHAPE)).astype("uint8")
    return Split("train", images, rng.integers(0, 3, 24), ("a", "b", "c"))


@pytest.fixture(scope="module")
def validation(split):
    return split.take(np.arange(9), name="validation")


def learners(number, count=3, **changes):
    """Make the learners of a round; most of their settings depend on the number of the round."""
    made = []
    for k in range(count):
        seed = 10 * number + k
        arguments = {"dropout": 0.1 + seed / 100, "l1": 1e-3 * seed, "l2": 1e-4 * seed}
        momentum = {"momentum": 0.3 + seed / 100}
        settings = {
            "learning_rate": 0.05 / (1 + seed), "optimizer_arguments": momentum,
            "label_smoothing": seed / 100, "class_weight": "balanced" if seed % 3 else None,
            **changes,
        }  # fmt: skip
        model = zoo.build(
            "mlp", input_shape=SHAPE, num_classes=3, hidden=(6 + k, 4), seed=seed,
            precision="float64", **arguments,
        )  # fmt: skip
        recipe = zoo.Recipe(batch_size=8, epochs=2, **settings)
        made.append(Learner(f"trial-{seed}", model, recipe))
    return made


def key_of(made):
    for learner in made:
        learner.start(3)
    return graph_key([each.model for each in made], [each.optimizer for each in made])


@pytest.fixture(scope="module", params=["constant", "cosine"])
def rounds(split, validation, request):
    """Three rounds, of which the last is smaller: learners, scores, and the graphs of each."""
    graphs, done = Graphs(), []
    for number, count in ((1, 3), (2, 3), (3, 2)):
        made = learners(number, count, schedule=request.param)
        history = train(made, split, validation, graphs=graphs, verbose=0)
        answers = graphs.answering([learner.model for learner in made]).probabilities(
            validation.batches(4)
        )
        done.append((made, history.history, graphs.latest[1], answers))
    return request.param, done


def test_the_second_round_is_trained_by_the_graphs_of_the_first(rounds):
    _, ((_, _, first, _), (_, _, second, _), (_, _, third, _)) = rounds
    assert first is second
    (_, function), *others = second._groups.values()
    assert not others
    for graph in (function, second._evaluate_function):
        assert graph.experimental_get_tracing_count() == 1
    assert third is not second  # of fewer models


def test_a_reused_graph_gives_the_weights_that_each_model_has_alone(rounds, split, validation):
    schedule, ((_, _, _, _), (together, scores, _, answers), _) = rounds
    apart = learners(2, schedule=schedule)
    expected = train(apart, split, validation, together=False, verbose=0).history
    # A schedule is computed in float32.
    rounding = 2e-7 if schedule == "cosine" else 1e-9
    for learner, alone in zip(together, apart, strict=True):
        for variable, value in zip(
            [*learner.model.variables, *learner.optimizer.variables],
            [*alone.model.variables, *alone.optimizer.variables],
            strict=True,
        ):
            np.testing.assert_allclose(variable, value, rtol=1e-6, atol=rounding)
    for name, values in expected.items():
        np.testing.assert_allclose(scores[name], values, rtol=1e-6)
    images = validation.images.astype("float32")
    own = [np.asarray(learner.model(images)) for learner in apart]
    np.testing.assert_allclose(answers, own, rtol=1e-5)


def test_graphs_hold_no_models_of_earlier_rounds(rounds):
    _, ((first, _, lockstep, _), (second, _, _, _), _) = rounds
    assert lockstep.models == [learner.model for learner in second]
    (part,) = lockstep._answering.parts
    parts = {id(own) for pair in part._weights for own in pair.parts}
    assert not parts & {id(weight) for learner in first for weight in learner.model.weights}


@pytest.mark.parametrize(
    "changes",
    [
        {"optimizer": "adam", "optimizer_arguments": {}},
        {"schedule": "cosine"},
        {"learning_rate": 0.1},  # the same for all: a number, and not a vector
        {"optimizer_arguments": {"nesterov": True, "momentum": 0.9}},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_settings_of_another_kind_need_a_new_graph(changes):
    assert key_of(learners(1, 2, **changes)) != key_of(learners(1, 2))


def test_a_model_by_itself_keeps_its_graph_for_itself():
    assert key_of(learners(1, 1)) != key_of(learners(1, 1))
