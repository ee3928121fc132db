import pickle
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo import Augmentation
from zoo.augmentation import graphs, projective
from zoo.augmentation.augmentation import FILL_MODES, METHODS
from zoo.errors import ArgumentError

# Keras's ImageDataGenerator asks SciPy under an old name.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Please import `affine_transform`:DeprecationWarning"
)

RANGES = {
    "rotation_range": 45,
    "width_shift_range": 0.25,
    "height_shift_range": 0.4,
    "shear_range": 20,
    "zoom_range": 0.3,
    "horizontal_flip": True,
    "vertical_flip": True,
}
HEIGHT, WIDTH = 6, 9  # not square, so that a swapped axis shows


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (5, HEIGHT, WIDTH, 3), dtype=np.uint8)


@contextmanager
def eagerly():
    """Run the operations one by one, without a graph and without XLA."""
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(False)


@pytest.fixture
def without_xla():
    """For tests whose promise is not about XLA.

    XLA takes seconds to compile each augmentation, for each dtype and number of images.
    """
    with eagerly():
        yield


@contextmanager
def same_random_state():
    """NumPy's global state, which ImageDataGenerator draws from, is as before at the end."""
    state = np.random.get_state()  # noqa: NPY002
    try:
        yield pickle.dumps(state), lambda: pickle.dumps(np.random.get_state())  # noqa: NPY002
    finally:
        np.random.set_state(state)  # noqa: NPY002


def keras_generator(**arguments):
    return tf.keras.preprocessing.image.ImageDataGenerator(**arguments)


def drawn(augmentation, seed, count, height=HEIGHT, width=WIDTH):
    words = np.random.SeedSequence(seed).generate_state(2).astype("int64")
    numbers = projective.draw(words, count)
    columns = projective.parameters(augmentation, numbers, height, width)
    columns = {key: value.numpy() for key, value in columns.items()}
    return [{key: value[row] for key, value in columns.items()} for row in range(count)]


def by_keras(images, parameters, fill_mode="nearest", cval=0.0):
    """`ImageDataGenerator.apply_transform`, image by image."""
    generator = keras_generator(fill_mode=fill_mode, cval=cval)
    return np.stack(
        [
            generator.apply_transform(image.astype("float32"), row)
            for image, row in zip(images, parameters, strict=True)
        ]
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"rotation_range": -1},
            "rotation_range must be an angle of 0 to 180 degrees. Received: -1",
        ),
        ({"rotation_range": 181}, "rotation_range must be an angle"),
        ({"rotation_range": np.nan}, "rotation_range must be an angle"),
        ({"rotation_range": "45"}, "rotation_range must be an angle"),
        ({"shear_range": 200}, "shear_range must be an angle of 0 to 180 degrees. Received: 200"),
        (
            {"width_shift_range": 1},
            "width_shift_range must be a share of 0 or more and below 1. Received: 1",
        ),
        ({"height_shift_range": -0.1}, "height_shift_range must be a share"),
        ({"width_shift_range": 5}, "width_shift_range must be a share"),  # pixels, for Keras
        ({"zoom_range": 1.0}, "zoom_range must be a share"),
        (
            {"zoom_range": (0.8, 1.2)},
            "zoom_range must be a share",
        ),  # Keras takes a pair, this does not
        (
            {"fill_mode": "mirror"},
            'fill_mode must be "nearest", "constant", "reflect" or "wrap". Received',
        ),
        ({"fill_mode": None}, 'fill_mode must be "nearest"'),
        (
            {"method": "keras"},
            """method must be "projective" or "ImageDataGenerator". Received: 'keras'. Leave""",
        ),
        ({"horizontal_flip": "yes"}, "horizontal_flip must be True or False. Received: 'yes'"),
        ({"vertical_flip": None}, "vertical_flip must be True or False"),
        ({"mixup": -0.1}, "mixup must be 0, or the α of a Beta distribution, from 0.01 to 100"),
        ({"cutmix": "much"}, "cutmix must be 0, or the α .* Received: 'much'"),
        ({"random_erasing": 1.5}, "random_erasing .* up to 1. Received: 1.5"),
        ({"horizontal_flip": np.array([1, 0])}, "horizontal_flip must be True or False"),
        ({"rotation_range": True}, "rotation_range must be an angle"),
        ({"mixup": True}, "mixup must be 0, or the α"),
        ({"crop_padding": 10**6}, "crop_padding .pixels. must be a whole number of 1,000 or less"),
        ({"crop_padding": 0.1}, "crop_padding .pixels. must be a whole number of 0 or more"),
        ({"brightness_range": (0.5, 1.5)}, "brightness_range must be a share"),
        ({"contrast_range": 1}, "contrast_range must be a share of 0 or more and below 1"),
        (
            {"method": "ImageDataGenerator", "cutmix": 1, "crop_padding": 4},
            "cutmix and crop_padding must be 0 with method='ImageDataGenerator'",
        ),
        ({"cval": None}, "cval must be a finite number. Received: None"),
        ({"cval": np.inf}, "cval must be a finite number"),
    ],
)
def test_value_out_of_range_is_rejected(arguments, message):
    with pytest.raises(ArgumentError, match=message):
        Augmentation(**arguments)


@pytest.mark.usefixtures("without_xla")
def test_no_transform_leaves_the_pixels_as_they_are(images):
    transformed = Augmentation()(images, seed=0)
    assert transformed.dtype == np.float32
    np.testing.assert_array_equal(transformed, images)


@settings(max_examples=10)
@given(seed=st.integers(0, 2**32 - 1), dtype=st.sampled_from(["uint8", "float32", "int64"]))
def test_same_seed_gives_the_same_pixels(seed, dtype):
    images = np.arange(2 * 4 * 5).reshape(2, 4, 5, 1).astype(dtype)
    augmentation = Augmentation(**RANGES)
    transformed = augmentation(images, seed)
    assert (transformed.shape, transformed.dtype) == (images.shape, np.float32)
    np.testing.assert_array_equal(transformed, augmentation(images, seed))
    np.testing.assert_array_equal(transformed, Augmentation(**RANGES)(images.copy(), seed))


@pytest.mark.usefixtures("without_xla")
def test_different_seeds_give_different_pixels(images):
    augmentation = Augmentation(**RANGES)
    assert not np.array_equal(augmentation(images, seed=0), augmentation(images, seed=1))


@pytest.mark.usefixtures("without_xla")
def test_images_of_a_batch_are_transformed_differently(images):
    same = np.repeat(images[:1], 5, axis=0)
    transformed = Augmentation(rotation_range=45)(same, seed=0)
    assert len({image.tobytes() for image in transformed}) == 5


@pytest.mark.usefixtures("without_xla")
def test_given_images_stay_as_they_are(images):
    before = images.copy()
    Augmentation(**RANGES)(images, seed=0)
    np.testing.assert_array_equal(images, before)


@pytest.mark.usefixtures("without_xla")
def test_global_random_state_is_left_alone(images):
    with same_random_state() as (before, now):
        Augmentation(**RANGES)(images, seed=0)
        assert now() == before


@pytest.mark.parametrize("fill_mode", FILL_MODES)
def test_by_name_it_is_image_data_generator(images, fill_mode):
    augmentation = Augmentation(**RANGES, fill_mode=fill_mode, cval=7, method="ImageDataGenerator")
    expected = by_keras(images, drawn(augmentation, 3, len(images)), fill_mode, cval=7)
    np.testing.assert_array_equal(augmentation(images, seed=3), expected)


@pytest.mark.parametrize("fill_mode", FILL_MODES)
def test_the_same_seed_gives_the_same_by_both_methods(images, fill_mode):
    ours = Augmentation(**RANGES, fill_mode=fill_mode, cval=7)
    theirs = replace(ours, method="ImageDataGenerator")
    np.testing.assert_allclose(ours(images, seed=3), theirs(images, seed=3), rtol=0, atol=1e-3)


NUMBERS = st.lists(st.floats(0, 1, exclude_max=True), min_size=8, max_size=8)


@settings(max_examples=60)
@given(
    numbers=st.lists(NUMBERS, min_size=1, max_size=3),
    height=st.integers(1, 20),
    width=st.integers(1, 20),
    channels=st.sampled_from([1, 3]),
    fill_mode=st.sampled_from(FILL_MODES),
    cval=st.floats(-300, 300),
    span=st.sampled_from([0.0, 0.3, 0.9]),
    angle=st.sampled_from([0.0, 45.0, 180.0]),
    shear=st.sampled_from([0.0, 20.0, 180.0]),
    seed=st.integers(0, 99),
)
def test_pixels_are_those_of_image_data_generator(
    numbers, height, width, channels, fill_mode, cval, span, angle, shear, seed
):
    augmentation = Augmentation(angle, span, span, shear, span, True, True)
    columns = projective.parameters(augmentation, numbers, height, width)
    rows = [{key: value[i].numpy() for key, value in columns.items()} for i in range(len(numbers))]
    shape = (len(numbers), height, width, channels)
    images = np.random.default_rng(seed).uniform(0, 255, shape).astype("float32")
    transforms = projective.matrices(columns, height, width)
    ours = projective.transform(tf.constant(images), transforms, fill_mode, cval).numpy()
    theirs = by_keras(images, rows, fill_mode, cval)
    # Rounding decides where the value jumps: at the border of "constant", at each seam of "wrap".
    jumps = at_a_jump(transforms.numpy(), height, width, fill_mode)
    assert np.abs(ours - theirs)[~jumps].max(initial=0) < 1e-3


def at_a_jump(transforms, height, width, fill_mode):
    """Pixels that come from a place, of which rounding tells on which side of a jump it is."""
    y, x = np.mgrid[:height, :width]
    jumps = np.zeros((len(transforms), height, width), bool)
    if fill_mode in ("nearest", "reflect"):  # continuous
        return jumps
    for (a0, a1, a2), last in ((transforms.T[:3], width - 1), (transforms.T[3:6], height - 1)):
        place = a0[:, None, None] * x + a1[:, None, None] * y + a2[:, None, None]
        if fill_mode == "constant":
            jumps |= (np.abs(place) < 1e-6) | (np.abs(place - last) < 1e-6)
        elif last:
            turns = place / last
            jumps |= np.abs(turns - np.round(turns)) < 1e-6
    return jumps


def test_hardly_a_pixel_is_at_a_jump():
    columns = projective.parameters(Augmentation(**RANGES), projective.draw([0, 0], 50), 48, 48)
    transforms = projective.matrices(columns, 48, 48).numpy()
    for fill_mode in FILL_MODES:
        assert at_a_jump(transforms, 48, 48, fill_mode).mean() < 1e-4


@pytest.mark.parametrize("count", [0, 1, 3])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.usefixtures("without_xla")
def test_batches_of_any_size_will_do(images, count, method):
    augmentation = Augmentation(**RANGES, method=method)
    assert augmentation(images[:count], seed=0).shape == (count, *images.shape[1:])


def test_an_image_is_transformed_the_same_whatever_follows_in_its_batch(images):
    augmentation = Augmentation(**RANGES)
    np.testing.assert_allclose(
        augmentation(images[:2], seed=5), augmentation(images, seed=5)[:2], rtol=0, atol=1e-3
    )


@pytest.mark.parametrize("fill_mode", FILL_MODES)
@pytest.mark.usefixtures("without_xla")
def test_gradient_of_the_transform_is_exact(fill_mode):
    # It is linear in the images but for cval, so <upstream, T x> = <T' upstream, x>.
    rng = np.random.default_rng(0)
    images, upstream = (tf.constant(rng.normal(size=(3, 3, 4, 2))) for _ in range(2))
    augment = graphs.augmenter(Augmentation(**RANGES, fill_mode=fill_mode), "float64")
    with tf.GradientTape() as tape:
        tape.watch(images)
        transformed = augment(images, tf.constant([1, 2], "int64"))
    gradient = tape.gradient(transformed, images, output_gradients=upstream)
    np.testing.assert_allclose(
        tf.reduce_sum(gradient * images), tf.reduce_sum(upstream * transformed), rtol=1e-12
    )


def test_gradient_under_xla_is_that_in_float64_without_xla():
    images = np.random.default_rng(0).normal(size=(2, 3, 4, 1))

    def gradient(dtype):
        x = tf.constant(images, dtype)
        augment = graphs.augmenter(Augmentation(**RANGES, fill_mode="wrap"), dtype)
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.reduce_sum(tf.sin(augment(x, tf.constant([1, 2], "int64"))))
        return tape.gradient(loss, x)

    with eagerly():
        expected = gradient("float64")
    np.testing.assert_allclose(gradient("float32"), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("axis", "flip"), [(2, "horizontal_flip"), (1, "vertical_flip")])
@pytest.mark.usefixtures("without_xla")
def test_flip_turns_the_image_around(images, axis, flip):
    many = np.repeat(images, 4, axis=0)
    transformed = Augmentation(**{flip: True})(many, seed=0)
    same = (transformed == many).all(axis=(1, 2, 3))
    flipped = (transformed == np.flip(many, axis)).all(axis=(1, 2, 3))
    np.testing.assert_array_equal(flipped, ~same)
    assert set(same) == {True, False}


@pytest.mark.parametrize("name", ["width_shift_range", "height_shift_range"])
@pytest.mark.parametrize("across", ["rows", "columns"])
@pytest.mark.usefixtures("without_xla")
def test_shift_goes_the_way_that_it_goes_in_image_data_generator(name, across):
    # Stripes change only where the shift goes across them.
    stripes = np.zeros((HEIGHT, WIDTH, 1), "float32")
    stripes += (
        np.arange(WIDTH)[:, None] if across == "columns" else np.arange(HEIGHT)[:, None, None]
    )
    with same_random_state():
        theirs = keras_generator(**{name: 0.5}).random_transform(stripes, seed=0)
    (ours,) = Augmentation(**{name: 0.5})(stripes[None], seed=0)
    assert np.allclose(ours, stripes) == np.allclose(theirs, stripes)


# The distribution of the drawn parameters, against ImageDataGenerator's own

COUNT = 3000
EXACT_BOUNDS = {
    "theta": (-45, 45),
    "tx": (-0.4 * HEIGHT, 0.4 * HEIGHT),
    "ty": (-0.25 * WIDTH, 0.25 * WIDTH),
    "shear": (-20, 20),
    "zx": (0.7, 1.3),
    "zy": (0.7, 1.3),
}


@pytest.fixture(scope="module")
def ours():
    parameters = drawn(Augmentation(**RANGES), 0, COUNT)
    return {key: np.array([row[key] for row in parameters]) for key in parameters[0]}


@pytest.fixture(scope="module")
def theirs():
    generator = keras_generator(**RANGES)
    with same_random_state():
        parameters = [
            generator.get_random_transform((HEIGHT, WIDTH, 3), seed=seed) for seed in range(COUNT)
        ]
    return {key: np.array([row[key] for row in parameters]) for key in parameters[0]}


@pytest.mark.parametrize(("name", "bounds"), EXACT_BOUNDS.items())
def test_parameter_is_distributed_as_in_image_data_generator(ours, theirs, name, bounds):
    lowest, highest = bounds
    for sample in (ours[name], theirs[name]):
        assert lowest <= sample.min() < lowest + 0.01 * (highest - lowest)
        assert highest >= sample.max() > highest - 0.01 * (highest - lowest)
    assert scipy.stats.ks_2samp(ours[name], theirs[name]).pvalue > 1e-4
    uniform = scipy.stats.uniform(lowest, highest - lowest)
    assert scipy.stats.kstest(ours[name], uniform.cdf).pvalue > 1e-4


@pytest.mark.parametrize("name", ["flip_horizontal", "flip_vertical"])
def test_every_second_image_is_flipped(ours, theirs, name):
    for sample in (ours[name], theirs[name]):
        assert scipy.stats.binomtest(int(sample.sum()), COUNT, 0.5).pvalue > 1e-4


def test_parameters_are_drawn_independently(ours):
    correlation = np.corrcoef(np.stack([ours[name].astype(float) for name in sorted(ours)]))
    assert np.abs(correlation - np.eye(len(ours))).max() < 0.1


def test_parameters_of_what_is_off_do_nothing():
    for row in drawn(Augmentation(), 0, 20):
        expected = keras_generator().get_random_transform((HEIGHT, WIDTH, 3))
        assert row == {key: expected[key] for key in row}


@settings(max_examples=50)
@given(
    rotation=st.floats(0, 180),
    width_shift=st.floats(0, 1, exclude_max=True),
    zoom=st.floats(0, 1, exclude_max=True),
    height=st.integers(1, 30),
    width=st.integers(1, 30),
    seed=st.integers(0, 2**32 - 1),
)
def test_parameters_stay_within_their_ranges(rotation, width_shift, zoom, height, width, seed):
    augmentation = Augmentation(
        rotation_range=rotation, width_shift_range=width_shift, zoom_range=zoom
    )
    for row in drawn(augmentation, seed, 3, height, width):
        assert abs(row["theta"]) <= rotation
        assert abs(row["ty"]) <= width_shift * width
        assert row["tx"] == row["shear"] == 0
        assert 1 - zoom <= row["zx"] <= 1 + zoom
        assert 1 - zoom <= row["zy"] <= 1 + zoom
        assert not row["flip_horizontal"]
        assert not row["flip_vertical"]
