import numpy as np
import pytest

from zoo.errors import ArgumentError
from zoo.inspect.curves.histories import ModelHistory
from zoo.inspect.curves.spread import deviation_over_runs, mean_over_runs, scores_of, scores_of_all


def test_mean_and_deviation_are_those_of_numpy_over_the_runs_there_are():
    values = np.random.default_rng(0).normal(size=(5, 4))
    is_measured = np.arange(5)[:, None] <= np.arange(4)
    expected = [values[: k + 1, k].mean() for k in range(4)]
    np.testing.assert_allclose(mean_over_runs(values, is_measured), expected)
    expected = [np.nan, *(values[: k + 1, k].std(ddof=1) for k in range(1, 4))]
    np.testing.assert_allclose(deviation_over_runs(values, is_measured), expected)


def test_infinite_losses_raise_no_warning():
    values = np.array([[np.inf], [1.0]])
    assert np.isinf(mean_over_runs(values, np.ones((2, 1), bool)))
    assert not np.isfinite(deviation_over_runs(values, np.ones((2, 1), bool)))


@pytest.mark.parametrize(
    ("metric", "message"),
    [
        ("val_accuracy", "Received: 'val_accuracy'; did you mean 'accuracy'?"),
        ("accuracy/train", "Received: 'accuracy/train'; did you mean 'accuracy'?"),
        ("los", "did you mean 'loss'?"),
        ("auc", "metric must be a score of a: accuracy, loss. Received: 'auc'. The scores"),
    ],
)
def test_an_unknown_score_is_refused_with_the_known_ones(metric, message):
    history = ModelHistory("a", {"loss": [1.0], "val_accuracy": [0.5]})
    with pytest.raises(ArgumentError) as error:
        scores_of(history, metric)
    assert message in str(error.value)


def test_scores_must_be_known_after_each_epoch_and_for_all_runs():
    with pytest.raises(ArgumentError, match="Received: 4 and 2 values of a"):
        scores_of(ModelHistory("a", {"loss": [1.0] * 4, "val_loss": [1.0] * 2}), "loss")
    runs = [
        ModelHistory("a", {"loss": [1.0]}),
        ModelHistory("b", {"loss": [1.0], "val_loss": [1.0]}),
    ]
    with pytest.raises(ArgumentError, match="on the validation images for all runs, or for none"):
        scores_of_all(runs, "loss")
