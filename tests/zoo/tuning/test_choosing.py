import numpy as np
import pytest

from zoo.ensembles.combining.selection import greedy_selection
from zoo.errors import DataError


@pytest.fixture(scope="module")
def chosen(swept):
    return swept.committee(rounds=10)


def test_the_committee_is_chosen_greedily_among_all_trained_models(swept, chosen, images):
    answers = np.concatenate([trial.probabilities for trial in swept.trials])
    counts = greedy_selection(answers, images.validation.labels, rounds=10)
    assert chosen.rule.weights == tuple(counts[counts > 0].astype(float))
    names = [f"{trial.name}-seed-{seed}" for trial in swept.trials for seed in (5, 6)]
    assert chosen.member_names == tuple(np.array(names)[counts > 0])
    np.testing.assert_allclose(
        chosen.member_probabilities(images.validation), answers[counts > 0], atol=1e-6
    )


def test_other_validation_images_may_choose_but_not_the_test_split(swept, images):
    other = images.validation.take(np.arange(24))
    committee = swept.committee(other, rounds=3)
    assert set(committee.tuned_on) >= set(other.digests)
    with pytest.raises(DataError, match="Received: the test split"):
        swept.committee(images.test)


def test_the_leaderboard_compares_with_the_best_trial(swept, chosen, images):
    board = swept.leaderboard(images.test, committee=chosen)
    names = {row.name for row in board.entries}
    assert names == {"committee", *chosen.member_names, *swept.best.committee().member_names}
    assert board.best_member in names - {"committee"}
    assert board.chosen_on == "validation"
    assert "beyond chance" in board.sentence()
    assert board.trained_on == board.tuned_on == 0
