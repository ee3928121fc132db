import json

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.util.tensor_util import make_ndarray

import zoo
from zoo.ensembles import Committee, model_card
from zoo.ensembles.measures.bootstrap import Estimate
from zoo.ensembles.reports.measure_table import MEASURES, Answers, Measure, measure, number
from zoo.ensembles.reports.report import log_report
from zoo.errors import ArgumentError
from zoo.tensorboard import TEST_SCORES, run_folder


@pytest.fixture(scope="module")
def committee():
    shape = {"input_shape": (6, 6, 1), "num_classes": 3}
    return Committee([zoo.build("softmax", **shape), zoo.build("softmax", **shape)])


@pytest.mark.parametrize("place", ["scores", "leaderboard", "calibration", "variation", "cost"])
def test_a_new_measure_is_one_line_and_shows_in_every_output(
    committee, test_split, tmp_path, monkeypatch, place
):
    toy = Measure("toy in %", lambda answers: Estimate(0.25, 0.125, answers.labels[0] + 0.5), place)
    monkeypatch.setitem(MEASURES, "toy", toy)
    report = committee.report(test_split.images, test_split.labels)
    text = "25.0 [12.5, 50.0]"
    assert report.committee.toy.value == 0.25

    values = json.loads(report.to_json())
    found = [*values["members"], values["committee"], *values["leaderboard"]["entries"]]
    assert all(row["toy"] == {"value": 0.25, "low": 0.125, "high": 0.5} for row in found)
    for printed in (str(report), report.to_markdown(), model_card(committee, report)):
        assert "toy in %" in printed
        assert printed.count(text) >= len(report.scores)

    log_report(report, tmp_path, step=3)
    for row in report.scores:
        events = EventAccumulator(str(tmp_path / run_folder(row.name)))
        events.Reload()
        (event,) = events.Tensors(f"{report.split}/toy")
        assert make_ndarray(event.tensor_proto) == 0.25


def test_the_table_of_hyperparameters_shows_measures_that_there_are():
    assert TEST_SCORES.keys() <= {f"test/{name}" for name in MEASURES}


def test_answers_compute_what_measures_share_once():
    rng = np.random.default_rng(0)
    answers = Answers(rng.integers(0, 3, 20), rng.dirichlet(np.ones(3), 20))
    assert answers.scores is answers.scores
    assert answers.confusion.sum() == 20
    known = {name for name, entry in MEASURES.items() if entry.place in ("variation", "cost")}
    assert set(measure(answers)) == set(MEASURES) - known
    also = Answers(answers.labels, answers.probabilities, dict.fromkeys(known, 0.5))
    assert set(measure(also)) == set(MEASURES)
    assert answers.scores.brier == answers.scores_equal_mass.brier


def test_values_are_written_in_the_unit_of_their_measure():
    share = Measure("share in %", lambda answers: 0.5)
    plain = Measure("nats", lambda answers: 0.5, fraction=False)
    assert share.text(0.4714) == "47.1 %"
    assert share.text(Estimate(0.5, 0.25, 0.75)) == "50.0 [25.0, 75.0]"
    assert plain.text(0.4714) == "0.47"
    assert plain.text(Estimate(0.5, 0.25, 0.75)) == "0.50 [0.25, 0.75]"
    assert number(Estimate(0.5, 0.25, 0.75)) == number(0.5) == 0.5


def test_a_measure_needs_a_table_that_there_is():
    with pytest.raises(ArgumentError, match="place must be one of scores, leaderboard, calibratio"):
        Measure("toy", lambda answers: 0.5, "nowhere")
