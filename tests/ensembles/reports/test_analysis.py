import json

import numpy as np
import pytest
from PIL import Image

from zoo.ensembles.combining.rules import Rule
from zoo.ensembles.measures.contributions import leave_one_out, shapley_values
from zoo.ensembles.measures.diversity import diversity
from zoo.ensembles.measures.uncertainty import (
    accuracy_at_coverage,
    detection_auroc,
    mutual_information,
    predictive_entropy,
    risk_coverage,
)
from zoo.ensembles.reports.analysis import COVERAGES, UNCERTAINTIES, analyse
from zoo.ensembles.stacking import fit_stacking
from zoo.errors import ArgumentError

RNG = np.random.default_rng(0)
LABELS = np.arange(120) % 3
MEMBERS = RNG.dirichlet(np.ones(3), (4, 120))
NAMES = ("a", "b", "c", "d")


@pytest.mark.parametrize("rule", [Rule(), Rule("soft", (1, 2, 3, 4)), Rule("geometric")])
def test_the_analysis_holds_the_numbers_of_the_measures(rule):
    found = analyse(LABELS, MEMBERS, NAMES, rule)
    combined = rule(MEMBERS)
    correct, sure = combined.argmax(axis=1) == LABELS, combined.max(axis=1).astype(float)
    assert found.diversity.means() == diversity(MEMBERS, LABELS, rule.weights).means()
    np.testing.assert_array_equal(found.leave_one_out, leave_one_out(MEMBERS, LABELS, rule))
    np.testing.assert_array_equal(found.shapley, shapley_values(MEMBERS, LABELS, rule))
    assert found.risk.area == risk_coverage(sure, correct).area
    expected = accuracy_at_coverage(sure, correct, COVERAGES)
    assert list(found.coverage_accuracy.values()) == expected.tolist()
    expected = predictive_entropy(MEMBERS, rule.weights).mean()
    assert found.predictive_entropy == pytest.approx(expected)
    difference = found.predictive_entropy - found.expected_entropy
    assert found.mutual_information == pytest.approx(difference)
    assert found.detection is None


def test_equal_shares_of_the_vote_are_one_point_of_the_curve():
    found = analyse(LABELS, MEMBERS[:3], NAMES[:3]).reliability
    np.testing.assert_allclose(found.confidence, [1 / 3, 2 / 3, 1], atol=0.006)
    votes = MEMBERS[:3].argmax(axis=2)
    agreed = (votes[0] == votes[1]) & (votes[1] == votes[2])
    assert found.count[-1] == agreed.sum()
    assert found.accuracy[-1] == (votes[0] == LABELS)[agreed].mean()


def test_out_of_distribution_images_are_detected_by_uncertainty():
    elsewhere = RNG.dirichlet(np.ones(3) / 5, (4, 50))
    found = analyse(LABELS, MEMBERS, NAMES, elsewhere=elsewhere)
    assert found.detection == {
        "predictive entropy": detection_auroc(
            predictive_entropy(MEMBERS), predictive_entropy(elsewhere)
        ),
        "mutual information": detection_auroc(
            mutual_information(MEMBERS), mutual_information(elsewhere)
        ),
    }
    assert any("AUROC" in row[0] for _, _, rows in found.tables() for row in rows)


def test_a_new_measure_of_uncertainty_is_one_line(monkeypatch):
    def variance(probabilities, weights):
        return probabilities.var(axis=0).mean(axis=1)

    monkeypatch.setitem(UNCERTAINTIES, "toy_variance", variance)
    found = analyse(LABELS, MEMBERS, NAMES)
    expected = MEMBERS.var(axis=0).mean()
    assert found.toy_variance == found.to_dict()["toy_variance"] == pytest.approx(expected)
    assert ["toy variance", f"{expected:.3f} nats"] in found.tables()[-1].rows
    with pytest.raises(AttributeError, match="no attribute 'unknown'"):
        found.unknown  # noqa: B018


def test_a_member_alone_has_no_diversity_and_no_contribution():
    found = analyse(LABELS, MEMBERS[:1], NAMES[:1], Rule("soft"))
    assert found.diversity is found.leave_one_out is found.shapley is None
    assert [title for title, _, _ in found.tables()] == ["Confidence and uncertainty"]
    assert len(found.plot().axes) == 3  # two, and one more for the counts


def test_a_rule_that_is_not_defined_for_fewer_members_has_no_contributions():
    found = analyse(LABELS, MEMBERS, NAMES, fit_stacking(MEMBERS, LABELS))
    assert found.leave_one_out is found.shapley is None
    assert found.diversity is not None


def test_thirteen_members_have_no_exact_shapley_values():
    members = RNG.dirichlet(np.ones(3), (13, 30))
    found = analyse(LABELS[:30], members, [str(k) for k in range(13)])
    assert found.shapley is None
    assert len(found.leave_one_out) == 13
    assert {len(row) for row in found.tables()[0][2]} == {2}


def test_json_has_no_numbers_that_json_does_not_know():
    always = np.tile([[0.8, 0.1, 0.1]], (2, 6, 1))  # Q and correlation are 0 / 0
    found = analyse(np.zeros(6, int), always, ("a", "b"))
    values = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert values["diversity"]["q_statistic"] == [[None, None], [None, None]]
    assert values["member_names"] == ["a", "b"]


def test_the_picture_is_written(tmp_path):
    path = analyse(LABELS, MEMBERS, NAMES).save(tmp_path / "a.png")
    with Image.open(path) as image:
        assert image.width > image.height > 300
    with pytest.raises(ArgumentError, match=r"must end in \.png\. Received: .*a\.pdf"):
        analyse(LABELS, MEMBERS, NAMES).save(tmp_path / "a.pdf")
