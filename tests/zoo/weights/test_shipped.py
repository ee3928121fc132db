"""The weights of the package: each network answers, and its paper agrees with its experiment."""

from dataclasses import asdict

import numpy as np
import pytest

import zoo
from zoo.experiments import load_experiment
from zoo.experiments.packing import SPLIT_BY_DEFAULT
from zoo.weights.catalogue import find_weights

SHIPPED = zoo.list_weights()


@pytest.mark.parametrize("name", SHIPPED)
def test_a_network_of_the_package_answers(name):
    [trained] = find_weights(name)
    model = zoo.build(trained.paper.model, weights=name, precision="float32")
    pixels = np.random.default_rng(0).integers(0, 256, (3, *model.input_shape[1:]), dtype=np.uint8)
    answers = model.predict(pixels, verbose=0)
    assert answers.shape == (3, len(trained.paper.class_names))
    np.testing.assert_allclose(answers.sum(axis=1), 1, atol=1e-5)
    assert np.ptp(answers, axis=0).max() > 1e-4  # other pixels, another answer


@pytest.mark.parametrize("name", SHIPPED)
def test_a_paper_is_that_of_its_experiment(name):
    [trained] = find_weights(name)
    paper, experiment = trained.paper, load_experiment(trained.paper.experiment)
    member = name.partition("/")[2]
    [settings] = [part for part in experiment.members if f"{part.name}-{paper.seed}" == member]
    assert paper.seed in experiment.protocol.seeds
    assert paper.model == settings.model
    assert paper.recipe == settings.recipe_for(paper.data.images["train"])
    assert paper.data.name == experiment.data.name
    assert dict(paper.data.options) == {**SPLIT_BY_DEFAULT, **experiment.data.options}
    own = settings.arguments_for(paper.seed)
    assert paper.began_with == own.pop("weights", "")
    assert own.items() <= dict(paper.arguments).items()
    teacher = asdict(experiment.teacher) if experiment.teacher else {"weights": ""}
    assert {"weights": paper.teacher, **paper.teaching} == teacher
