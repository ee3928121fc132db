import numpy as np
import pytest

from tests.zoo.inspect.curves.conftest import scores_of_epochs, write_run
from zoo.errors import ArgumentError
from zoo.inspect import sweep_curve

nan = np.nan


def scores(*validation):
    return scores_of_epochs([value + 0.1 for value in validation], [*validation])


@pytest.fixture
def folders(tmp_path):
    """Two seeds of each of three learning rates, and a third seed of one."""
    ends = {0.001: (0.3, 0.5), 0.1: (0.2, 0.2), 0.01: (0.6, 0.8, 0.7)}
    return [
        write_run(
            tmp_path / f"{rate}-{seed}", scores(end - 0.1, end, end - 0.2), seed=seed,
            learning_rate=rate,
        )
        for rate, group in ends.items()
        for seed, end in enumerate(group)
    ]  # fmt: skip


def test_run_folders_are_grouped_by_the_value_in_their_configuration(folders):
    curve = sweep_curve(folders)
    assert curve.values.tolist() == [0.001, 0.01, 0.1]
    assert curve.log
    assert curve.counts.tolist() == [2, 3, 2]
    np.testing.assert_allclose(
        curve.validation, [[0.3, 0.5, nan], [0.6, 0.8, 0.7], [0.2, 0.2, nan]]
    )
    np.testing.assert_allclose(curve.validation_mean, [0.4, 0.7, 0.2])
    np.testing.assert_allclose(curve.validation_deviation, [np.sqrt(0.02), 0.1, 0], atol=1e-12)
    np.testing.assert_allclose(curve.train_mean, [0.5, 0.8, 0.3])
    assert curve.best_value == 0.01
    assert curve.also_differing == ()
    assert repr(curve) == "SweepCurve(accuracy over 3 values of learning_rate, best 0.01)"
    assert curve.to_frame()["runs"].tolist() == [2, 3, 2]


def test_the_last_epoch_may_be_taken_instead_of_the_best(folders):
    np.testing.assert_allclose(sweep_curve(folders, epoch="last").validation_mean, [0.2, 0.5, 0])


def test_the_value_of_a_sweep_may_be_an_argument_of_the_builder(tmp_path):
    runs = [
        write_run(tmp_path / f"{number}", scores(0.1 * number), arguments=arguments)
        for number, arguments in enumerate([{"dropout": 0.2}, {"dropout": 0.4}, {}])
    ]
    curve = sweep_curve(runs, "dropout", metric="loss")
    assert curve.values.tolist() == [0.0, 0.2, 0.4]
    assert not curve.log
    assert curve.plot().get_xlabel() == "dropout"
    assert sweep_curve(runs, "builder.dropout").values.tolist() == curve.values.tolist()


def test_values_may_be_texts(tmp_path):
    runs = {"sgd": [scores(0.2), scores(0.4)], "adam_$1_$": [scores(0.5), scores(0.7)]}
    curve = sweep_curve(runs, "optimizer")
    assert curve.values.tolist() == ["sgd", "adam_$1_$"]
    assert curve.best_value == "adam_$1_$"
    axes = curve.plot()
    assert [text.get_text() for text in axes.get_xticklabels()] == ["sgd", "adam_$1_$"]
    axes.figure.draw_without_rendering()
    with pytest.raises(ArgumentError, match="all values must be numbers above 0"):
        sweep_curve(runs, "optimizer", log=True)


def test_lists_stand_along_the_axis_by_their_length_and_their_numbers():
    runs = {"512, 512": 0.3, "none": 0.1, "1024": 0.2, "64, 8": 0.4}
    curve = sweep_curve(
        {key: [{"val_accuracy": [x]}] for key, x in runs.items()}, "hidden", epoch="last"
    )
    assert curve.values.tolist() == ["none", "1024", "64, 8", "512, 512"]
    np.testing.assert_allclose(curve.validation_mean, [0.1, 0.2, 0.4, 0.3])


def test_runs_that_differ_in_other_settings_too_are_said(tmp_path):
    runs = [
        write_run(tmp_path / f"{rate}", scores(rate), learning_rate=rate, batch_size=size)
        for rate, size in ((0.1, 32), (0.2, 64))
    ]
    with pytest.warns(
        UserWarning, match="must differ in learning_rate alone.* also differ in batch"
    ):
        curve = sweep_curve(runs)
    assert curve.plot().get_title().endswith("The runs also differ in batch_size.")


@pytest.mark.parametrize(
    ("values", "log", "expected"),
    [
        ((0.1, 0.5), None, False),
        ((0.1, 1), None, False),
        ((0.1, 1.1), None, True),
        ((0, 1, 100), None, False),
        ((1, 2), True, True),
        ((1, 1000), False, False),
    ],
)
def test_the_axis_is_logarithmic_for_values_that_span_more_than_a_factor_of_ten(
    values, log, expected
):
    curve = sweep_curve({value: scores(0.5) for value in values}, log=log)
    assert curve.log is expected
    assert curve.plot().get_xscale() == ("log" if expected else "linear")


def test_a_run_that_diverged_is_marked_and_never_the_best():
    runs = {
        0.01: {"loss": [2.0, 1.0], "val_loss": [2.0, 1.5]},
        1.0: [{"loss": [nan], "val_loss": [nan]}],
    }
    curve = sweep_curve(runs, metric="loss")
    np.testing.assert_array_equal(curve.validation_mean, [1.5, nan])
    assert curve.best_value == 0.01
    labels = [text.get_text() for text in curve.plot().get_legend().get_texts()]
    assert "a run diverged: no finite value" in labels
    assert "best: 0.01 (1.5), at an end of the sweep" in labels


def test_without_validation_images_there_is_no_best():
    curve = sweep_curve({1: {"loss": [2.0, 1.0, 3.0]}, 2: {"loss": [4.0]}}, metric="loss")
    assert curve.best is None
    assert curve.best_value is None
    np.testing.assert_array_equal(curve.train_mean, [1, 4])
    curve.plot().figure.draw_without_rendering()


def test_the_picture_names_axes_seeds_and_the_best(folders):
    axes = sweep_curve(folders).plot()
    assert axes.get_xlabel() == "learning_rate"
    assert axes.get_ylabel() == "accuracy in %"
    first, second = axes.get_title().split("\n")
    assert first == "accuracy at the lowest validation loss"
    assert second == "2 to 3 runs each: mean ± standard deviation"
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels == ["training images", "validation images", "best: 0.01 (70.0 ± 10.0 %)"]


@pytest.mark.parametrize(
    ("runs", "options", "message"),
    [
        ({1: scores(0.5)}, {}, "two values of learning_rate or more. Received: 1 in all 1 runs"),
        ({}, {}, "runs must hold one run or more"),
        ([scores(0.5)], {}, "runs must be run folders, which know their settings, or a dict"),
        (scores(0.5), {}, "runs must be run folders, which know their settings, or a dict"),
        ({1: {"accuracy": [0.1]}, 2: {"accuracy": [1]}}, {}, "must have a loss after each epoch"),
        ({1: scores(0.5), 2: scores(0.5)}, {"epoch": "all"}, 'epoch must be "best" or "last"'),
        ({1: scores(0.5), 2: scores(0.5)}, {"metric": "f"}, "metric must be a score of run 1"),
        (
            {1: {"loss": [1.0], "f": [1.0]}, 2: {"loss": [1.0], "f": [1.0]}},
            {"metric": "f"},
            'best must be "max" or "min" for',
        ),
    ],
)
def test_sweeps_that_are_none_are_refused(runs, options, message):
    with pytest.raises(ArgumentError, match=message):
        sweep_curve(runs, **options)


def test_an_unknown_setting_is_refused_with_the_known_ones(folders):
    with pytest.raises(ArgumentError, match=r"'learning_rates', which 0\.001-0 does not have;"):
        sweep_curve(folders, "learning_rates")
    with pytest.raises(ArgumentError, match=r"or more\. Received: 256 in all 7 runs"):
        sweep_curve(folders, "batch_size")
