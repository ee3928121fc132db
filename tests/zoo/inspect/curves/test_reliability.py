import numpy as np

from zoo.ensembles.measures.calibration import expected_calibration_error
from zoo.inspect import reliability


def test_a_committee_has_the_curve_and_the_error_of_its_report(trained_run):
    _, _, committee, data = trained_run
    found = reliability(committee, data.validation)
    analysis = committee.report(data.validation).analysis
    np.testing.assert_allclose(found.curve.accuracy, analysis.reliability.accuracy)
    np.testing.assert_array_equal(found.curve.count, analysis.reliability.count)
    combined = committee.rule(committee.member_probabilities(data.validation))
    error = expected_calibration_error(combined, data.validation.labels, bins=17)
    np.testing.assert_allclose(found.error.value, error)
    assert [*found.members] == ["softmax", "softmax_2"]


def test_the_picture_says_whose_confidence_and_how_far_off(trained_run):
    found = reliability(trained_run[0], bins=5)
    axes = found.plot()
    first, second = axes.get_title().split("\n")
    assert first == "digits, validation: 143 images"
    assert second.startswith(f"ECE {100 * found.error.value:.1f} % [")
    assert second.endswith("], 5 bins of equal width")
    assert len(found.curve.count) <= 5
    axes.figure.draw_without_rendering()
