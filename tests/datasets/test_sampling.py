import collections

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import StratifiedShuffleSplit
from sklearn.utils.class_weight import compute_class_weight

from zoo.datasets import load
from zoo.datasets.sampling import stratified_split
from zoo.datasets.split import as_split
from zoo.errors import ArgumentError, DataError


@pytest.fixture
def data(rng):
    """Of class k 10·(k + 1) images; the first pixel tells the row."""
    labels = rng.permutation(np.repeat([0, 1, 2], [10, 20, 30]))
    images = np.zeros((60, 2, 2, 1), np.uint8)
    images[:, 0, 0, 0] = np.arange(60)
    return as_split(images, labels, class_names=("a", "b", "c"))


def rows(split):
    return split.images[:, 0, 0, 0].tolist()


@pytest.mark.parametrize("stratified", [False, True])
def test_a_sample_has_each_image_at_most_once(data, stratified):
    sample = data.sample(25, stratified=stratified, seed=1)
    assert len(set(rows(sample))) == 25
    assert sample.labels.tolist() == data.labels[rows(sample)].tolist()
    assert sample.store is data.store
    assert rows(sample) == rows(data.sample(25, stratified=stratified, seed=1))
    assert rows(sample) != rows(data.sample(25, stratified=stratified, seed=2))


@given(st.integers(1, 30), st.integers(0, 5))
def test_a_stratified_sample_has_as_many_of_each_class(count, seed):
    data = as_split(np.zeros((30, 1, 1, 1), np.uint8), np.arange(30) % 3)
    counts = data.sample(count, stratified=True, seed=seed).class_counts.values()
    assert sum(counts) == count
    assert max(counts) - min(counts) <= 1


def test_samples_that_cannot_be_drawn_are_refused(data):
    with pytest.raises(ArgumentError, match=r"at most 60, the number of images\. Received: 61"):
        data.sample(61)
    with pytest.raises(ArgumentError, match="takes 11 images of each class, and a has 10"):
        data.sample(33, stratified=True)
    for count in (0, 2.5, True):
        with pytest.raises(ArgumentError, match="count must be a whole number of 1 or more"):
            data.sample(count)


def test_split_parts_by_fraction_or_by_number(data):
    kept, held_out = data.split(0.2, seed=3)
    assert held_out.class_counts == {"a": 2, "b": 4, "c": 6}
    assert sorted(rows(kept) + rows(held_out)) == list(range(60))
    assert data.split(7)[1].class_counts == {"a": 7, "b": 7, "c": 7}
    assert rows(data.split(7, seed=1)[1]) != rows(data.split(7, seed=2)[1])
    with pytest.raises(DataError, match=r"at least 11 images of class 'a' .* Received: 10"):
        data.split(10)
    for share in (0, 0.0, 1.0, -1, "a", True):
        with pytest.raises(ArgumentError, match="share must be"):
            data.split(share)


def test_load_holds_out_so_many_of_every_class():
    data = load("digits", validation=10, test=20)
    assert set(data.validation.class_counts.values()) == {10}
    assert set(data.test.class_counts.values()) == {20}


def test_folds_are_stratified_and_seeded(data):
    folds = list(data.folds(5, repeats=2, seed=1))
    assert len(folds) == 10
    for repeat in (folds[:5], folds[5:]):
        assert sorted(row for _, rest in repeat for row in rows(rest)) == list(range(60))
    for kept, rest in folds:
        assert rest.class_counts == {"a": 2, "b": 4, "c": 6}
        assert not set(rows(kept)) & set(rows(rest))
    again = list(data.folds(5, repeats=2, seed=1))
    assert [rows(rest) for _, rest in folds] == [rows(rest) for _, rest in again]
    assert rows(folds[0][1]) != rows(folds[5][1])


def test_copies_of_an_image_are_in_the_same_fold():
    images = np.random.default_rng(0).integers(0, 256, (60, 4, 4, 1), "uint8")
    images[40:] = images[:20]
    data = as_split(images, np.arange(60) % 2)
    folds = list(data.folds(4, repeats=2))
    assert all(rest.count_among(kept.digests) == 0 for kept, rest in folds)
    assert sum(len(rest) for _, rest in folds) == 2 * 60
    assert all(len(kept) + len(rest) == 60 for kept, rest in folds)


def test_copies_of_an_image_are_held_out_together():
    images = np.random.default_rng(0).integers(0, 256, (20, 4, 4, 1), "uint8").repeat(3, axis=0)
    data = as_split(images, np.arange(60) // 3 % 2)
    kept, held_out = data.split(0.2)
    assert held_out.count_among(kept.digests) == 0
    assert held_out.class_counts == {"0": 6, "1": 6}
    assert len(kept) == 48


def test_folds_that_cannot_be_made_are_refused(data):
    with pytest.raises(DataError, match=r"at least 11 different images for 11 folds\. .*: 10"):
        next(data.folds(11))
    for wrong in ({"count": 1}, {"repeats": 0}, {"seed": -1}):
        with pytest.raises(ArgumentError, match="must be a whole number"):
            next(data.folds(**wrong))


def test_class_weights_are_scikit_learns(data):
    expected = compute_class_weight("balanced", classes=np.arange(3), y=data.labels)
    np.testing.assert_allclose(list(data.class_weights.values()), expected)
    some = data.take(data.labels != 1)
    assert some.class_weights == {0: 2.0, 1: 0.0, 2: pytest.approx(2 / 3)}


@given(
    counts=st.lists(st.integers(2, 30), min_size=1, max_size=6),
    fraction=st.floats(0.01, 0.99),
    seed=st.integers(0, 2**32),
)
def test_stratified_split_parts_every_class(counts, fraction, seed):
    labels = np.repeat(np.arange(len(counts)), counts)
    np.random.default_rng(0).shuffle(labels)
    kept, held_out = stratified_split(labels, fraction, seed)
    assert kept.dtype == held_out.dtype == np.int64
    assert sorted([*kept, *held_out]) == list(range(len(labels)))
    assert (np.diff(kept) > 0).all()
    assert (np.diff(held_out) > 0).all()
    held = collections.Counter(labels[held_out].tolist())
    for label, count in enumerate(counts):
        assert 1 <= held[label] <= count - 1
        assert abs(held[label] - fraction * count) <= 1
    again = stratified_split(labels, fraction, seed)
    np.testing.assert_array_equal(again[1], held_out)


def test_stratified_split_counts_agree_with_scikit_learn_within_one(rng):
    labels = rng.choice(7, 3000, p=[0.14, 0.02, 0.14, 0.25, 0.17, 0.11, 0.17])
    _, held_out = stratified_split(labels, 0.1, seed=3)
    _, oracle = next(StratifiedShuffleSplit(1, test_size=0.1).split(labels, labels))
    difference = np.bincount(labels[held_out]) - np.bincount(labels[oracle])
    assert np.abs(difference).max() <= 1


def test_stratified_split_of_a_class_does_not_depend_on_the_others():
    labels = np.repeat([0, 1, 2], 20)
    _, all_held = stratified_split(labels, 0.25, seed=1)
    without_first = np.flatnonzero(labels > 0)
    _, held = stratified_split(labels[without_first], 0.25, seed=1)
    np.testing.assert_array_equal(without_first[held], all_held[labels[all_held] > 0])


def test_stratified_split_differs_by_seed():
    labels = np.repeat([0, 1], 50)
    held = [stratified_split(labels, 0.5, seed)[1].tolist() for seed in (0, 1)]
    assert held[0] != held[1]


def test_stratified_split_names_the_class_that_is_too_small():
    with pytest.raises(DataError, match=r"at least 2 images of class 'dog'.* Received: 1"):
        stratified_split(np.array([0, 0, 1]), 0.5, 0, class_names=("cat", "dog"))
    with pytest.raises(DataError, match="class '1'"):
        stratified_split(np.array([0, 0, 1]), 0.5, 0)
