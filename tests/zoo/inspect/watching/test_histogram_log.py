import keras
import numpy as np
import pytest
import tensorflow as tf

from zoo.errors import ArgumentError, DataError
from zoo.inspect import HistogramLog
from zoo.inspect.watching.histogram_log import names_of_weights


@pytest.mark.parametrize("together", [True, False])
def test_weights_and_gradients_of_each_member_are_written_before_and_after_each_epoch(
    trained, read_events, together
):
    committee, folder = trained[together]
    for name, model in zip(committee.member_names, committee.members, strict=True):
        written = read_events(folder / "models" / name)
        names = names_of_weights(model).values()
        tags = {f"{kind}/{weight}" for kind in ("weights", "gradients") for weight in names}
        assert tags <= set(written)
        steps = [0, 1, 2] if together else [0, 1]
        assert all([step for step, _ in written[tag]] == steps for tag in tags)
        for weight, values in zip(names, model.get_weights(), strict=True):
            _, buckets = written[f"weights/{weight}"][-1]
            assert (buckets[0, 0], buckets[-1, 1]) == (values.min(), values.max())
            assert buckets[:, 2].sum() == values.size


def test_a_training_goes_exactly_as_without_callbacks(
    trained, make_committee, train_split, validation_split
):
    watched, _ = trained[True]
    committee = make_committee()
    committee.fit(train_split, validation_data=validation_split, together=True, verbose=0)
    for model, other in zip(committee.members, watched.members, strict=True):
        for weight, value in zip(model.get_weights(), other.get_weights(), strict=True):
            np.testing.assert_array_equal(weight, value)


@pytest.mark.parametrize("name", ["flat", "handwritten", "mixed", "logits", "sigmoid"])
def test_gradients_are_those_of_the_cross_entropy(models, images, name):
    model = models[name]
    labels = np.array([0, 1, 1, 0, 1])
    histograms = HistogramLog(images, labels, count=5)
    oracle = models["flat"] if name == "mixed" else model  # the same weights in float32
    with tf.GradientTape() as tape:
        outputs = tf.cast(oracle(histograms._images, training=False), tf.float32)
        chosen = tf.cast(histograms._labels, tf.float32)[:, None]
        if name == "sigmoid":
            losses = keras.losses.binary_crossentropy(chosen, outputs)
        else:
            losses = keras.losses.sparse_categorical_crossentropy(
                histograms._labels, outputs, from_logits=name == "logits"
            )
        loss = tf.reduce_mean(losses)
    expected = tape.gradient(loss, [variable.value for variable in oracle.trainable_variables])
    for gradient, value in zip(histograms._gradients(name, model), expected, strict=True):
        np.testing.assert_allclose(gradient, value, rtol=1e-4, atol=1e-6)


def test_penalties_belong_to_the_loss():
    penalised = keras.layers.Dense(
        2, activation="softmax", kernel_regularizer=keras.regularizers.L2(1)
    )
    model = keras.Sequential([keras.Input((2, 2, 1)), keras.layers.Flatten(), penalised])
    histograms = HistogramLog(np.zeros((4, 2, 2, 1), "uint8"), [0, 1, 0, 1])
    kernel, _ = histograms._gradients("model", model)
    np.testing.assert_allclose(kernel, 2 * model.get_weights()[0], rtol=1e-6)


def test_weights_of_the_same_path_get_different_names(models):
    inner = [keras.layers.Dense(2, name="same"), keras.layers.Dense(2, name="other")]
    model = keras.Sequential([keras.Input((3,)), *inner])
    inner[1].kernel._path = inner[0].kernel.path
    assert len(set(names_of_weights(model).values())) == 4
    assert "first/kernel" in names_of_weights(models["flat"]).values()


def test_copies_of_a_model_have_the_same_names_of_weights():
    first, second = (
        keras.Sequential(
            [keras.Input((3,)), *(keras.layers.Dense(2) for _ in range(2)), keras.layers.PReLU()]
        )
        for _ in range(2)
    )
    assert first.layers[0].name != second.layers[0].name
    names = [*names_of_weights(first).values()]
    assert names == [*names_of_weights(second).values()]
    assert names[::2] == ["dense/kernel", "dense_1/kernel", "p_re_lu/alpha"]


def test_labels_are_classes_of_the_members(models, images, tmp_path):
    histograms = HistogramLog(images, [0, 1, 2, 3, 4])
    with pytest.raises(DataError, match=r"must be classes of flat, 0 to 2\. Received: 4"):
        histograms.check_members({"flat": models["flat"]})
    with pytest.raises(ArgumentError, match="every must be a whole number of 1 or more"):
        HistogramLog(images, [0] * 5, every=0)
