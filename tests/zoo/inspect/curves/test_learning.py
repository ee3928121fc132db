import numpy as np

from tests.zoo.inspect.curves.conftest import scores_of_epochs, write_run
from zoo.inspect import learning_curves

nan = np.nan


def test_runs_that_end_early_are_padded_and_counted(seeds):
    curves = learning_curves(seeds)
    assert curves.names == ("seed-0", "seed-1", "seed-2")
    assert curves.epochs.tolist() == [1, 2, 3]
    assert curves.counts.tolist() == [3, 3, 2]
    np.testing.assert_array_equal(curves.validation[2], [0.6, 0.5, nan])
    np.testing.assert_allclose(curves.validation_mean, [0.4, 0.5, 0.7])
    np.testing.assert_allclose(curves.validation_deviation, [0.2, 0, np.std([0.6, 0.8], ddof=1)],
                               atol=1e-12)  # fmt: skip
    np.testing.assert_allclose(curves.train_mean, [0.4, 0.6, 0.8])
    assert curves.differing == ()
    assert repr(curves) == "LearningCurves(accuracy: 3 runs, 3 epochs)"


def test_members_of_a_run_are_its_seeds(trained_run):
    folder, history, _, _ = trained_run
    curves = learning_curves(folder)
    assert curves.names == ("softmax", "softmax_2")
    assert curves.differing == ()
    np.testing.assert_allclose(curves.train[1], history.history["softmax_2_accuracy"])
    np.testing.assert_allclose(curves.validation[0], history.history["val_softmax_accuracy"])
    own = learning_curves(folder, "loss", member="committee")
    np.testing.assert_allclose(own.validation, [history.history["val_loss"]])
    assert learning_curves(folder, "learning_rate").train.shape == (2, 2)


def test_a_history_gives_the_same_curves_as_its_run_folder(trained_run):
    folder, history, _, _ = trained_run
    np.testing.assert_array_equal(learning_curves(history).train, learning_curves(folder).train)
    assert learning_curves([history, folder]).names[:2] == ("digits: softmax", "digits: softmax_2")
    chosen = learning_curves([history, folder], member="softmax_2")
    assert chosen.names == ("digits", "digits")


def test_epochs_of_a_history_of_keras_count_from_one():
    import keras

    history = keras.callbacks.History()
    history.epoch, history.history = [5, 6], {"loss": [2.0, 1.0]}
    later = learning_curves([{"loss": [6.0, 5, 4, 3, 2, 1, 0]}, history], "loss")
    assert later.epochs.tolist() == [1, 2, 3, 4, 5, 6, 7]
    np.testing.assert_array_equal(later.train[1], [nan] * 5 + [2, 1])
    assert later.counts.tolist() == [1] * 5 + [2, 2]
    assert np.isnan(later.validation).all()


def test_a_training_that_diverged_leaves_no_mean():
    runs = [{"loss": [2.0, nan]}, {"loss": [2.0, 1.0]}]
    curves = learning_curves(runs, "loss")
    np.testing.assert_array_equal(curves.train_mean, [2, nan])
    assert curves.counts.tolist() == [2, 2]


def test_the_table_has_a_row_for_each_epoch_that_a_run_has(seeds):
    table = learning_curves(seeds).to_frame()
    assert table.columns.tolist() == ["run", "epoch", "train", "validation"]
    assert len(table) == 8
    assert table.iloc[-1].tolist() == ["seed-2", 2, 0.6, 0.5]


def test_the_picture_tells_mean_runs_and_images_apart(seeds):
    axes = learning_curves(seeds).plot()
    assert axes.get_xlabel() == "epoch"
    assert axes.get_ylabel() == "accuracy in %"
    assert axes.get_title() == "accuracy\n3 runs: mean ± standard deviation"
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels == ["training images", "validation images", "fewer than 3 runs"]
    assert len(axes.collections) == 2
    (validation,) = (line for line in axes.lines if line.get_label() == "validation images")
    np.testing.assert_allclose(validation.get_ydata(), [40, 50, nan])


def test_a_picture_of_a_single_run_has_no_band(tmp_path):
    folder = write_run(tmp_path / "$5_and_$10", scores_of_epochs([0.5], [0.4]))
    axes = learning_curves(folder).plot()
    assert axes.get_title() == "$5_and_$10: accuracy"
    assert not axes.collections
    axes.figure.draw_without_rendering()


def test_runs_of_different_settings_are_drawn_each_by_itself(tmp_path):
    runs = [
        write_run(tmp_path / f"rate-{rate}", scores_of_epochs([rate], [rate]), learning_rate=rate)
        for rate in (0.1, 0.2)
    ]
    curves = learning_curves(runs)
    assert curves.differing == ("learning_rate",)
    axes = curves.plot()
    assert axes.get_title() == "accuracy of 2 runs that differ in learning_rate"
    assert axes.get_legend().get_texts()[0].get_text() == "rate-0.1"
    many = learning_curves(runs * 5).plot()
    assert len(many.lines) == 22
    assert len(many.get_legend().get_texts()) == 2


def test_members_of_a_history_without_a_folder_that_are_other_models_differ():
    scores = {f"{name}_{key}": [0.5] for name in ("cnn", "mlp", "mlp_2")
              for key in ("loss", "accuracy", "learning_rate")}  # fmt: skip
    assert learning_curves(scores | {"loss": [1.0]}).differing == ("model",)
