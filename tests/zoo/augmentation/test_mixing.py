import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

from zoo import Augmentation
from zoo.augmentation.mixing import draw_mixing, mix_targets, pixel_weights
from zoo.errors import ArgumentError
from zoo.seeds import seed_words

COUNT = 12
RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (COUNT, 10, 7, 2), dtype="uint8")
SHARES = np.eye(COUNT, dtype="float32")  # each image has a class of its own


def drawn(augmentation, count, seed=0):
    return draw_mixing(augmentation, [[seed, number] for number in range(4)], count)


@pytest.mark.parametrize("alpha", [0.2, 1, 5])
@pytest.mark.parametrize("name", ["mixup", "cutmix"])
def test_shares_are_of_the_beta_distribution(name, alpha):
    shares = drawn(Augmentation(**{name: alpha}), 2000)["share"].numpy()
    assert scipy.stats.kstest(shares, scipy.stats.beta(alpha, alpha).cdf).pvalue > 1e-3


def test_every_image_is_a_partner_once():
    partners = drawn(Augmentation(mixup=1), 50)["partners"].numpy()
    assert sorted(partners) == list(range(50))
    assert (partners != np.arange(50)).sum() > 40


def partners_of(shares):
    """The partner of each image, which the mixed shares tell, and how much the image counts."""
    own = np.diagonal(shares)
    others = shares - np.diag(own)
    partners = np.where(others.any(axis=1), others.argmax(axis=1), np.arange(COUNT))
    return partners, own


def test_a_mixed_image_is_the_convex_combination_with_the_shares_of_the_target():
    mixed, shares = Augmentation(mixup=1).mix(IMAGES, SHARES, seed=3)
    partners, own = partners_of(shares)
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-6)
    weights = own[:, None, None, None]
    expected = weights * IMAGES + (1 - weights) * IMAGES[partners].astype("float32")
    np.testing.assert_allclose(mixed, expected, rtol=1e-5)
    assert ((own > 0.05) & (own < 0.95)).sum() > COUNT / 2
    assert mixed.dtype == shares.dtype == np.float32


def test_cutmix_takes_one_rectangle_whose_area_is_the_partners_share():
    numbers = np.arange(COUNT, dtype="uint8")[:, None, None, None]
    images = np.broadcast_to(numbers, (COUNT, 10, 7, 1))
    mixed, shares = Augmentation(cutmix=1).mix(images, SHARES, seed=1)
    partners, own = partners_of(shares)
    for row in range(COUNT):
        cut = mixed[row, ..., 0] != row
        assert (mixed[row, ..., 0][cut] == partners[row]).all()
        assert cut.mean() == pytest.approx(1 - own[row], abs=1e-6)
        rows, columns = np.flatnonzero(cut.any(axis=1)), np.flatnonzero(cut.any(axis=0))
        assert cut.sum() == len(rows) * len(columns)
        for side in (rows, columns):
            assert not len(side) or np.ptp(side) + 1 == len(side)
    assert (own < 1).sum() > COUNT / 2


def test_with_both_each_batch_takes_one_of_the_two():
    both = Augmentation(mixup=1, cutmix=1)
    kinds = []
    for seed in range(24):
        numbers = drawn(both, 6, seed)
        weights, share = pixel_weights(numbers, both, 8, 8)
        kinds.append(bool(numbers["by_cutmix"]))
        only_whole = set(np.unique(weights)) <= {0.0, 1.0}
        assert only_whole == kinds[-1]
        np.testing.assert_allclose(share, np.mean(weights, axis=(1, 2, 3)))
    assert 4 < sum(kinds) < 20


def test_the_same_seed_mixes_in_the_same_way_and_another_seed_does_not():
    augmentation = Augmentation(mixup=0.4, cutmix=1, horizontal_flip=True)
    first, again, other = (augmentation.mix(IMAGES, SHARES, seed) for seed in (5, 5, 6))
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])
    assert not np.array_equal(first[1], other[1])


def test_the_transforms_of_single_images_are_the_same_with_and_without_mixing():
    augmentation = Augmentation(cutmix=1, horizontal_flip=True, crop_padding=2)
    mixed, shares = augmentation.mix(IMAGES, SHARES, seed=3)
    partners, _ = partners_of(shares)
    alone = augmentation.without_mixing()(IMAGES, seed=3)
    for row, partner in enumerate(partners):
        assert ((mixed[row] == alone[row]) | (mixed[row] == alone[partner])).all()


def test_weighted_targets_have_the_loss_of_the_two_images():
    weights, own = np.array([2.0, 1.0, 0.5], "float32"), np.array([0.75, 0.5, 0.2], "float32")
    partners = np.array([1, 2, 0])
    costs = RNG.random((3, 3)).astype("float32")  # −log p of each image and class
    shares, mixed_weights = mix_targets(tf.eye(3), partners, own, tf.constant(weights))
    losses = mixed_weights * tf.reduce_sum(shares * costs, axis=1)
    rows = np.arange(3)
    expected = (
        own * weights * costs[rows, rows] + (1 - own) * weights[partners] * costs[rows, partners]
    )
    np.testing.assert_allclose(losses, expected, rtol=1e-6)
    np.testing.assert_allclose(tf.reduce_sum(shares, axis=1), 1, rtol=1e-6)


@pytest.mark.parametrize("name", ["mixup", "cutmix"])
def test_an_image_of_weight_0_is_mixed_with_no_other(name):
    augmentation = Augmentation(**{name: 1})
    weights = np.ones(COUNT, "float32")
    weights[::3] = 0
    images, shares, mixed_weights = augmentation.mixer(IMAGES, seed_words(0), SHARES, weights)
    left_out = weights == 0
    np.testing.assert_array_equal(images[left_out], IMAGES[left_out])
    np.testing.assert_array_equal(shares.numpy()[:, left_out], SHARES[:, left_out])
    np.testing.assert_allclose(mixed_weights, weights, rtol=1e-6)
    assert (np.diagonal(shares.numpy())[~left_out] < 1).any()


def test_mixed_images_are_float32_also_from_float64():
    images = np.random.default_rng(0).uniform(0, 255, (4, 6, 6, 1))
    mixed, shares = Augmentation(mixup=0.5, rotation_range=5).mix(images, np.eye(4), seed=0)
    assert mixed.dtype == shares.dtype == np.float32


def test_mixing_needs_targets():
    with pytest.raises(
        ArgumentError, match=r"mixup and cutmix must be 0 for a call .*without_mixing"
    ):
        Augmentation(mixup=1)(IMAGES, seed=0)
    with pytest.raises(ArgumentError, match="mixup or cutmix must be above 0 to mix images"):
        Augmentation(rotation_range=5).mix(IMAGES, SHARES, seed=0)
    with pytest.raises(ArgumentError, match=r"shares must be \[batch, classes\] for 12 images"):
        Augmentation(mixup=1).mix(IMAGES, np.zeros(COUNT), seed=0)


@pytest.mark.parametrize("shares", [2 * SHARES, -SHARES, np.nan * SHARES, SHARES - 0.5])
def test_shares_are_0_or_more_and_1_together(shares):
    with pytest.raises(ArgumentError, match=r"shares must be 0 or more, and 1 together .*image 0"):
        Augmentation(mixup=1).mix(IMAGES, shares, seed=0)


@pytest.mark.parametrize(
    ("images", "seed", "message"),
    [
        (IMAGES[0], 0, r"images must be \[batch, height, width, channels\]. Received: the shape"),
        (IMAGES[..., 0], 0, r"Received: the shape .*images\[\.\.\., None\]"),
        (IMAGES, -1, "seed must be a whole number of 0 or more. Received: -1"),
        (IMAGES, 1.5, "seed must be a whole number of 0 or more. Received: 1.5"),
        (IMAGES, None, "seed must be a whole number of 0 or more. Received: None"),
    ],
)
def test_images_and_seed_are_checked_at_both_doors(images, seed, message):
    with pytest.raises(ArgumentError, match=message):
        Augmentation(horizontal_flip=True)(images, seed=seed)
    with pytest.raises(ArgumentError, match=message):
        Augmentation(mixup=1).mix(images, SHARES, seed=seed)


@pytest.mark.parametrize("count", [0, 1])
def test_a_batch_without_a_partner_stays_as_it_is(count):
    mixed, shares = Augmentation(mixup=1).mix(IMAGES[:count], SHARES[:count], seed=0)
    np.testing.assert_allclose(mixed, IMAGES[:count], rtol=1e-6)
    np.testing.assert_allclose(shares, SHARES[:count], rtol=1e-6)
