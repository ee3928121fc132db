import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
from zoo import Augmentation
from zoo.augmentation.augmentation import FILL_MODES
from zoo.errors import ArgumentError
from zoo.layers import Augment

RANGES = {"rotation_range": 45, "width_shift_range": 0.25, "zoom_range": 0.3, "vertical_flip": True}


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (4, 6, 9, 3), dtype=np.uint8)


@pytest.fixture
def without_xla():
    """Runs the operations one by one: XLA takes seconds to compile an augmentation."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"augmentation": {"rotation": 5}}, r"its fields by name\. Received: \{'rotation': 5\}"),
        ({"augmentation": None}, "must be a zoo.Augmentation with method"),
        ({"augmentation": {"method": "ImageDataGenerator"}}, 'method="projective"'),
        ({"augmentation": {"zoom_range": 2}}, "zoom_range must be a share"),
        ({"augmentation": {"cutmix": 1}}, "cutmix must be 0 for a layer, which has no targets"),
        ({"augmentation": {}, "seed": -1}, "seed must be a whole number of 0 or more"),
        ({"augmentation": {}, "seed": 0.5}, "seed must be a whole number"),
    ],
)
def test_wrong_arguments_are_rejected(arguments, message):
    with pytest.raises(ArgumentError, match=message):
        Augment(**arguments)


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_in_inference_it_is_the_identity(images, dtype):
    layer = Augment(RANGES)
    for output in (layer(images.astype(dtype)), layer(images.astype(dtype), training=False)):
        assert output.dtype == "float32"
        np.testing.assert_array_equal(output, images)


@pytest.mark.parametrize("fill_mode", FILL_MODES)
def test_it_is_the_augmentation_of_its_seeds(images, fill_mode):
    augmentation = Augmentation(**RANGES, fill_mode=fill_mode)
    seed = keras.random.SeedGenerator(7).next()
    expected = zoo.augmentation.graphs.augmenter(augmentation)(
        images.astype("float32"), tf.cast(seed, "int64")
    )
    np.testing.assert_array_equal(Augment(augmentation, seed=7)(images, training=True), expected)


def test_each_call_draws_anew_and_a_seed_repeats_them(images):
    layers = [Augment(RANGES, seed=3) for _ in range(2)]
    first, second = ([layer(images, training=True).numpy() for _ in range(2)] for layer in layers)
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(*first)


def test_graph_and_eager_give_the_same(images):
    eager = Augment(RANGES, seed=3)(images, training=True)
    layer = Augment(RANGES, seed=3)
    graph = tf.function(lambda x: layer(x, training=True))(images)
    np.testing.assert_array_equal(graph, eager)


def test_xla_compiles_it_with_what_is_around_it(images):
    layer = Augment(RANGES, seed=3)
    compiled = tf.function(lambda x: layer(x, training=True) / 255, jit_compile=True)(images)
    assert compiled.shape == images.shape
    assert not np.array_equal(compiled, images / np.float32(255))


@pytest.mark.parametrize(
    ("policy", "dtype", "most"),
    [
        ("mixed_bfloat16", "bfloat16", 0.51),
        ("mixed_float16", "float16", 0.07),
        ("float64", "float64", 1e-3),
    ],
)
def test_other_precisions_round_only_the_result(images, policy, dtype, most):
    # Pixels up to 255: bfloat16 has steps of 1 there, float16 of 1/8.
    expected = Augment(RANGES, seed=3)(images, training=True)
    layer = Augment(RANGES, seed=3, dtype=policy)
    output = layer(images.astype("float64") if policy == "float64" else images, training=True)
    assert output.dtype == dtype
    assert layer(images).dtype == dtype
    assert layer.compute_output_spec(keras.KerasTensor((None, 6, 9, 3))).dtype == dtype
    np.testing.assert_allclose(tf.cast(output, "float32"), expected, rtol=0, atol=most)


@pytest.mark.usefixtures("without_xla")
def test_shapes_may_be_unknown(images):
    layer = Augment(RANGES, seed=3)
    assert layer.compute_output_shape((None, 6, 9, 3)) == (None, 6, 9, 3)
    inputs = keras.Input((None, None, 3))
    model = keras.Model(inputs, layer(inputs))
    assert model.output_shape == (None, None, None, 3)
    for count in (0, 1, 4):
        assert model(images[:count], training=True).shape == (count, 6, 9, 3)
        assert model(images[:count]).shape == (count, 6, 9, 3)


def test_it_works_in_a_data_pipeline(images):
    layer = Augment(RANGES, seed=3)
    dataset = tf.data.Dataset.from_tensor_slices(images).batch(2)
    dataset = dataset.map(lambda batch: layer(batch, training=True))
    assert dataset.element_spec == tf.TensorSpec([None, 6, 9, 3], "float32")
    first, second = (np.concatenate(list(dataset)) for _ in range(2))
    assert not np.array_equal(first, images)
    assert not np.array_equal(first, second)


@pytest.mark.usefixtures("without_xla")
def test_configuration_is_plain_values_and_comes_back(images):
    layer = Augment(Augmentation(rotation_range=np.float32(30)), seed=np.int64(5), name="turn")
    config = layer.get_config()
    assert config["augmentation"]["rotation_range"] == 30
    assert {type(value) for value in config["augmentation"].values()} == {float, int, bool, str}
    again = Augment.from_config(config)
    assert (again.augmentation, again.seed, again.name) == (layer.augmentation, 5, "turn")
    np.testing.assert_array_equal(again(images, training=True), layer(images, training=True))


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_a_model_with_it_trains_and_comes_back_from_a_file(images, tmp_path, policy, seeded):
    model = keras.Sequential(
        [
            keras.Input((6, 9, 3)),
            Augment(RANGES, seed=3, dtype=policy),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Flatten(),
            keras.layers.Dense(2, activation="softmax"),
        ]
    )
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(images, np.array([0, 1, 1, 0]), batch_size=3, epochs=2, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.layers[0].augmentation == model.layers[0].augmentation
    np.testing.assert_array_equal(loaded(images), model(images))
    # As with Keras's own layers, the file does not keep how often it has drawn.
    fresh = Augment(RANGES, seed=3)(images, training=True)
    np.testing.assert_array_equal(
        tf.cast(loaded.layers[0](images, training=True), "float32"),
        tf.cast(tf.cast(fresh, loaded.layers[0].compute_dtype), "float32"),
    )


@pytest.mark.parametrize("fill_mode", sorted({*FILL_MODES} - {"nearest"}))
@pytest.mark.usefixtures("without_xla")
def test_its_gradient_is_right(fill_mode):  # for "nearest", test_every_layer.py tests it
    layer = Augment({**RANGES, "fill_mode": fill_mode, "cval": 0.5}, seed=3)
    options = {"training": True, "second_order": False, "twin": False, "mode": "fast"}
    report = zoo.gradcheck(layer, input_shape=(3, 4, 1), **options)
    assert report.ok, str(report)
