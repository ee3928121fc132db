import numpy as np
import pytest

from zoo.ensembles import Committee
from zoo.errors import ArgumentError, RunError
from zoo.inspect import reliability, risk_coverage
from zoo.inspect.curves.judged import judged_answers


def test_a_committee_has_the_curve_of_its_analysis(trained_run):
    _, _, committee, data = trained_run
    analysis = committee.report(data.validation).analysis
    found = risk_coverage(committee, data.validation)
    np.testing.assert_allclose(found.curve.risk, analysis.risk.risk)
    assert found.area.value == pytest.approx(analysis.risk.area)
    assert found.area.low <= found.area.value <= found.area.high
    assert list(found.members) == ["softmax", "softmax_2"]
    members = committee.member_probabilities(data.validation)
    alone = risk_coverage(committee.members[1], data.validation)
    np.testing.assert_allclose(found.members["softmax_2"].risk, alone.curve.risk)
    assert len(members) == 2
    assert not alone.members


def test_a_run_folder_is_judged_on_its_validation_images(trained_run):
    folder, _, committee, data = trained_run
    found = risk_coverage(folder)
    assert found.title == f"digits, validation: {len(data.validation)} images"
    np.testing.assert_allclose(
        found.curve.risk, risk_coverage(committee, data.validation).curve.risk
    )
    assert risk_coverage(str(folder), split="test").title == "digits, test: 359 images"
    saved = risk_coverage(folder / "committee.keras", data.test)
    assert saved.title == "committee, test: 359 images"


def test_the_picture_has_the_members_as_thin_lines(trained_run):
    axes = risk_coverage(trained_run[0]).plot()
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels == ["2 members", "committee"]
    assert axes.get_title().startswith("digits, validation: 143 images\nAURC 0.")
    alone = risk_coverage(trained_run[2].members[0], trained_run[3].validation).plot()
    assert alone.get_legend() is None


@pytest.mark.parametrize("kind", ["flat", "logits", "sigmoid", "mixed", "nested"])
def test_every_kind_of_model_has_curves(models, images, kind):
    labels = np.array([0, 1, 0, 1, 1])
    found = risk_coverage(models[kind], images, labels)
    assert found.curve.coverage.tolist() == [0.2, 0.4, 0.6, 0.8, 1]
    assert found.title.endswith("images: 5 images")
    assert reliability(models[kind], (images, labels)).curve.count.sum() == 5


def test_a_committee_of_one_has_no_members_to_draw(models, images):
    committee = Committee([models["flat"]])
    answers = judged_answers(committee, images, np.zeros(5, int), None, 2)
    assert answers.members == {}
    assert answers.name == "committee"


def test_what_cannot_be_judged_is_refused(models, images, tmp_path):
    with pytest.raises(ArgumentError, match="data must be images with labels"):
        risk_coverage(models["flat"])
    with pytest.raises(ArgumentError, match="split must be left out, except for a file"):
        reliability(models["flat"], images, np.zeros(5, int), split="test")
    with pytest.raises(RunError, match=r"A run folder must hold committee\.keras"):
        risk_coverage(tmp_path)
