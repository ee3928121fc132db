"""A model in training: its weights through divergence, interruption and averaging."""

import signal
from dataclasses import replace

import keras
import numpy as np
import pytest

import zoo
from zoo.datasets.split import Split
from zoo.training import train
from zoo.training.learner import Learner

RECIPE = zoo.Recipe("sgd", 0.01, batch_size=8, epochs=3)


@pytest.fixture(scope="module")
def split():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (24, 4, 4, 1), dtype=np.uint8)
    return Split("train", images, np.arange(24) % 2, ("a", "b"))


def learner(**changes):
    model = zoo.build("softmax", input_shape=(4, 4, 1), num_classes=2, seed=0,
                      standardize=changes.get("standardize"))  # fmt: skip
    return Learner("softmax", model, replace(RECIPE, **changes))


class Interrupt(keras.callbacks.Callback):
    """Make the weights no numbers within an epoch, and interrupt the training there."""

    def __init__(self, epoch):
        super().__init__()
        self.at, self.epoch = epoch, 0

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if self.epoch == self.at and batch == 1:
            kernel = self.model.trainable_variables[0]
            kernel.assign(kernel * np.nan)
            signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("epoch", [0, 1])
def test_a_model_that_diverged_before_it_was_interrupted_gets_its_weights_back(
    epoch, split, tmp_path
):
    interrupted = learner()
    kept = [interrupted.model.get_weights()]
    keeping = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda *_: kept.append(interrupted.model.get_weights())
    )
    with (
        pytest.raises(KeyboardInterrupt),
        pytest.warns(UserWarning, match="was diverging, and has the weights of the epoch before"),
    ):
        train([interrupted], split, log_dir=tmp_path, callbacks=[Interrupt(epoch), keeping],
              verbose=0)  # fmt: skip
    resumed = learner()
    with pytest.warns(UserWarning, match=f"diverged in epoch {epoch + 1}"):
        train([resumed], split, log_dir=tmp_path, resume=True, verbose=0)
    for model in (interrupted.model, resumed.model):
        for weight, expected in zip(model.get_weights(), kept[epoch], strict=True):
            np.testing.assert_array_equal(weight, expected)


def test_weights_without_dimensions_are_averaged_too(split):
    averaged = learner(standardize="mean_image", average_from=0.0)
    train([averaged], split, verbose=0)
    layer = averaged.model.get_layer("standardization")
    np.testing.assert_allclose(layer.deviation, split.images.std() / 255, rtol=0.1)
    assert np.isfinite(averaged.model.get_weights()[-1]).all()
