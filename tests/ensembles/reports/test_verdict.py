from dataclasses import replace

import pytest

from zoo.ensembles.measures.bootstrap import Estimate
from zoo.ensembles.measures.significance import CochranTest, PairedTest, required_test_size
from zoo.ensembles.provenance import Overlap
from zoo.ensembles.reports.verdict import Verdict

VERDICT = Verdict(
    committee="committee",
    best_member="cnn",
    chosen_on="validation",
    test=PairedTest(n=400, only_first=60, only_second=40, difference=0.05, p_value=0.03),
    difference=Estimate(0.05, 0.01, 0.09),
    cochran=CochranTest(n=400, members=3, statistic=2.0, p_value=0.37),
    comparisons=4,
    overlap=Overlap(400),
)


def test_the_planned_comparison_decides_and_is_not_corrected():
    assert VERDICT.beyond_chance
    sentence = VERDICT.sentence()
    assert VERDICT.test.sentence() in sentence
    assert "The 95 % interval of the difference is +1.0 to +9.0 points." in sentence
    assert "At the 5 % level this is beyond chance (McNemar's exact test, p = 0.03, n = 400)" in (
        sentence
    )
    assert "It is the one planned comparison, so p is not corrected" in sentence
    assert "corrected for its 4 comparisons (Holm's method)" in sentence


def test_too_few_images_are_answered_with_the_size_that_is_enough():
    test = replace(VERDICT.test, p_value=0.06)
    sentence = replace(VERDICT, test=test).sentence()
    assert "this is not beyond chance" in sentence
    images = required_test_size(60 / 400, 40 / 400)
    assert f"found in 4 of 5 test sets of {images:,.0f} images" in sentence
    assert "4 of 5" not in VERDICT.sentence()


def test_equal_accuracies_need_no_size_and_no_interval():
    test = PairedTest(n=400, only_first=9, only_second=9, difference=0.0, p_value=1.0)
    sentence = replace(VERDICT, test=test, difference=Estimate(0.0, -0.02, 0.02)).sentence()
    assert "no better and no worse: the same accuracy" in sentence
    assert "test sets" not in sentence
    assert "interval" not in sentence


@pytest.mark.parametrize(("p_value", "words"), [(0.37, "do not differ"), (0.01, "differ")])
def test_the_differences_among_members_are_judged_too(p_value, words):
    cochran = replace(VERDICT.cochran, p_value=p_value)
    sentence = replace(VERDICT, cochran=cochran).sentence()
    assert f"The accuracies of the 3 members {words} beyond chance (Cochran's Q = 2.0" in sentence


def test_a_committee_with_a_name_is_called_by_it():
    sentence = replace(VERDICT, committee="three seeds", comparisons=1).sentence()
    assert ", three seeds is better by 5.0 points" in sentence
    assert "It is the only comparison, so p is not corrected." in sentence


def test_known_images_are_a_warning_before_the_answer():
    known = Overlap(400, trained_on=3)
    assert replace(VERDICT, overlap=known).sentence().startswith(known.warning() + " Against")
    alone = replace(VERDICT, test=None, difference=None, cochran=None, overlap=known)
    assert alone.sentence() == (
        f"{known.warning()} cnn is a single model, which is compared with no other."
    )
