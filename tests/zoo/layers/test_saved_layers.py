"""Models of these layers are saved, loaded and exported, and exchange weights with Keras's."""

import subprocess
import sys

import keras
import numpy as np
import tensorflow as tf

import zoo
import zoo.layers


def small_model(library):
    inputs = keras.Input((8, 8, 2))
    x = library.Conv2D(3, 3, padding="same")(inputs)
    x = zoo.layers.LocalResponseNormalization()(library.BatchNormalization()(x))
    x = library.MaxPooling2D()(library.ReLU()(x))
    x = library.Dropout(0.2, seed=1)(library.Flatten()(x))
    return keras.Model(inputs, library.Softmax()(library.Dense(3)(x)))


LOAD = """
import sys
import numpy as np, zoo  # a process that imports no layers by itself
model = zoo.load(sys.argv[1])
assert type(model.layers[1]).__module__ == "zoo.layers.conv2d", type(model.layers[1])
np.save(sys.argv[3], model.predict(np.load(sys.argv[2]), verbose=0))
"""


def test_a_saved_model_loads_in_a_fresh_process_with_our_layers(tmp_path):
    model, x = small_model(zoo.layers), np.random.default_rng(0).normal(size=(4, 8, 8, 2))
    file, images, predicted = (tmp_path / name for name in ("m.keras", "x.npy", "p.npy"))
    model.save(file)
    np.save(images, x)
    subprocess.run([sys.executable, "-c", LOAD, file, images, predicted], check=True)
    np.testing.assert_allclose(np.load(predicted), model.predict(x, verbose=0), rtol=1e-6)


# test_custom_gradients.py tests that these are the gradients by hand.
def test_an_exported_model_keeps_its_gradients(tmp_path):
    model = small_model(zoo.layers)
    model.export(tmp_path / "saved", verbose=False)
    restored = tf.saved_model.load(tmp_path / "saved")
    x = tf.constant(np.random.default_rng(0).normal(size=(4, 8, 8, 2)), "float32")
    gradients = []
    for function in (lambda x: model(x, training=False), restored.serve):
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.reduce_sum(tf.sin(3 * function(x)))
        gradients.append(tape.gradient(loss, x))
    np.testing.assert_allclose(*gradients, rtol=1e-4, atol=1e-6)


def test_weights_move_both_ways_and_regularisers_and_constraints_work():
    options = {
        "kernel_regularizer": keras.regularizers.L1L2(0.1, 0.2),
        "kernel_constraint": keras.constraints.NonNeg(),
        "kernel_initializer": keras.initializers.GlorotUniform(seed=5),
    }
    results = []
    for library in (keras.layers, zoo.layers):
        model = keras.Sequential([keras.Input((4,)), library.Dense(3, **options)])
        model.compile(keras.optimizers.SGD(0.1), "mse", jit_compile=False)
        x = np.random.default_rng(0).normal(size=(16, 4))
        losses = [model.train_on_batch(x, x[:, :3]) for _ in range(3)]
        results.append([*model.get_weights(), losses])
    for theirs, ours in zip(*results, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5)
    assert (results[1][0] >= 0).all()


def test_a_keras_mask_goes_through():
    inputs = keras.Input((3,), dtype="int32")
    results = []
    for library in (keras.layers, zoo.layers):
        keras.utils.set_random_seed(0)
        x = keras.layers.Embedding(5, 4, mask_zero=True)(inputs)
        model = keras.Model(inputs, library.BatchNormalization()(library.Dense(2)(x)))
        results.append(model(np.array([[1, 2, 0], [3, 0, 0]]), training=True))
    np.testing.assert_allclose(*results, rtol=1e-5, atol=1e-6)
    assert results[1]._keras_mask is not None
