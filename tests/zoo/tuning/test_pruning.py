import optuna
import pytest

from zoo.tuning.pruning import Pruning, median_pruner
from zoo.tuning.study import quiet_optuna


class Learner:
    def __init__(self, name):
        self.name, self.stopped = name, ""

    def trains(self, epoch):
        return not self.stopped and epoch < 5


@pytest.fixture
def study():
    with quiet_optuna():
        yield optuna.create_study(direction="maximize", pruner=median_pruner(warm_up=1))


def test_the_worse_half_of_a_round_leaves_after_the_warm_up(study):
    trials = [study.ask() for _ in range(4)]
    learners = [[Learner(f"trial-{k}-seed-{seed}") for seed in range(2)] for k in range(4)]
    pruning = Pruning(trials, learners, "accuracy")
    for epoch in range(4):
        pruning.on_epoch_end(
            epoch,
            {
                f"val_{learner.name}_accuracy": k / 10
                for k, group in enumerate(learners)
                for learner in group
                if learner.trains(epoch)
            },
        )
        assert pruning.pruned == (set() if epoch == 0 else {0, 1})
    assert learners[0][0].stopped == learners[1][1].stopped == "pruned in epoch 2"
    assert not learners[2][0].stopped


def test_the_mean_over_the_seeds_counts_also_after_a_seed_has_ended(study):
    (trial,) = [study.ask()]
    pruning = Pruning([trial], [[Learner("a"), Learner("b")]], "loss")
    pruning.on_epoch_end(0, {"val_a_loss": 1.0, "val_b_loss": 3.0})
    pruning.on_epoch_end(1, {"val_b_loss": 2.0})
    assert study.get_trials()[0].intermediate_values == {1: 2.0, 2: 1.5}
    assert not pruning.pruned


def test_a_single_model_has_scores_without_a_name(study):
    pruning = Pruning([study.ask()], [[Learner("a")]], "accuracy")
    pruning.on_epoch_end(0, {"val_accuracy": 0.5})
    assert study.get_trials()[0].intermediate_values == {1: 0.5}


def test_without_a_second_trial_none_is_pruned(study):
    trial = study.ask()
    trial.report(0.1, 2)
    assert not trial.should_prune()
