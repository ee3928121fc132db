"""A split of a data set: uint8 images with integer labels, to train, validate or test on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.arguments import argument_error, whole_number
from zoo.datasets.arrays.images import check_images
from zoo.datasets.arrays.labels import (
    check_class_names,
    check_label_shares,
    check_labels,
    check_sample_weight,
)
from zoo.datasets.arrays.streams import is_stream, separate_labels
from zoo.datasets.files.mapped import release
from zoo.datasets.pipeline import StreamPosition, Transform, batches
from zoo.datasets.sampling import (
    check_share,
    first_copies,
    rows_of_folds,
    sample_rows,
    stratified_split,
)
from zoo.errors import ArgumentError
from zoo.text import visible

if TYPE_CHECKING:
    import tensorflow as tf


@dataclass(repr=False, eq=False)
class Split:
    """Images of a data set, their labels and the names of the classes.

    A split may be a selection of rows of a larger array, which copies no pixels. The class checks
    nothing: `zoo.datasets.load` and `zoo.datasets.as_split` make splits and check the arrays.

    Args:
        name: "train", "validation", "test" or any other name.
        store: Images, uint8 [N, height, width, channels], in memory or memory-mapped.
        labels: Class ids of the images of this split, int64 [n].
        class_names: The name of each class id.
        rows: The place of each image in `store`, int64 [n]. None: the store whole.
        settings: How `load` made the split: its arguments without classes and cache, and the
            number of images that each split lost by `exclude`. None for a split that was made
            otherwise.
        label_shares: The share of each class in the votes of several people for each image,
            float32 [n, classes]; rows sum to 1. None for a data set without votes.
            `Recipe(targets="shares")` trains on the shares.
        sample_weight: How much each image counts in a training, float32 [n]. None: all count alike.

    Example:
        >>> import numpy as np
        >>> images = np.zeros((4, 8, 8, 1), "uint8")
        >>> split = as_split(images, [0, 1, 1, 1], class_names=("cat", "dog"))
        >>> split
        Split('data', 4 images of 8×8×1: cat 1, dog 3)
        >>> split.take([0, 3]).labels
        array([0, 1])
    """

    name: str
    store: np.ndarray
    labels: np.ndarray
    class_names: tuple[str, ...]
    rows: np.ndarray | None = None
    settings: dict[str, Any] | None = None
    label_shares: np.ndarray | None = None
    sample_weight: np.ndarray | None = None

    @cached_property
    def digests(self) -> np.ndarray:
        """Hashes of the images' pixels, uint64 [n], which tell whether two splits share images."""
        hashes = (
            blake2b(image.tobytes(), digest_size=8) for block in self.blocks() for image in block
        )
        return np.array([int.from_bytes(digest.digest()) for digest in hashes], np.uint64)

    def count_among(self, digests: np.ndarray) -> int:
        """Count the images of this split whose digests are among the `digests` of other images."""
        return int(np.isin(self.digests, digests).sum())

    @cached_property
    def images(self) -> np.ndarray:
        """Images, uint8 [n, height, width, channels]: the store, or a copy of the selected rows."""
        return self.store if self.rows is None else self.store.take(self.rows, axis=0)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of each image."""
        height, width, channels = self.store.shape[1:]
        return height, width, channels

    @property
    def num_classes(self) -> int:
        """Number of classes, also of those that have no image in this split."""
        return len(self.class_names)

    @property
    def class_counts(self) -> dict[str, int]:
        """Number of images of each class, by name."""
        counts = np.bincount(self.labels, minlength=self.num_classes).tolist()
        return dict(zip(self.class_names, counts, strict=True))

    @property
    def class_weights(self) -> dict[int, float]:
        """Weight of an image of each class id, with which all classes count alike, for Keras.

        The weight is n / (number of classes · images of the class), as scikit-learn's "balanced"
        (King and Zeng, 2001); 0 without images. `sample_weight` is summed in place of the images.
        """
        counts = np.bincount(self.labels, self.sample_weight, minlength=self.num_classes)
        present = np.count_nonzero(counts)
        weights = np.divide(
            counts.sum(), present * counts, where=counts > 0, out=np.zeros(len(counts))
        )
        return dict(enumerate(weights.tolist()))

    def blocks(self, size: int = 1024) -> Iterator[np.ndarray]:
        """Go through the images in blocks of `size` or fewer, with one block in memory at a time.

        Yields uint8 [size or fewer, height, width, channels].
        """
        for start in range(0, len(self), whole_number("size", size, 1)):
            rows: Any = slice(start, start + size)
            yield self.store[rows if self.rows is None else self.rows[rows]]
            release(self.store)

    def take(self, rows: Any, *, name: str | None = None) -> Split:
        """Select images by position, in the given order, without copying pixels.

        Args:
            rows: An index of one axis, as NumPy takes it: int [k], bool [n], or a slice.
            name: Name of the selection. None: the name of this split.

        Returns:
            A split of k images over the same store.

        Raises:
            ArgumentError: `rows` does not fit this split.
        """
        try:
            selected = np.arange(len(self))[rows]
        except (IndexError, TypeError, ValueError, OverflowError) as error:
            expected = f"select among {len(self)} images: integers, a mask or a slice"
            raise argument_error("rows", expected, rows, f"NumPy says: {error}") from error
        if selected.ndim != 1:
            raise argument_error("rows", "have one axis", rows, "Pass a list")
        store_rows = selected if self.rows is None else self.rows[selected]
        shares = None if self.label_shares is None else self.label_shares[selected]
        weights = None if self.sample_weight is None else self.sample_weight[selected]
        return replace(
            self,
            name=name or self.name,
            labels=self.labels[selected],
            rows=store_rows,
            label_shares=shares,
            sample_weight=weights,
        )

    def sample(self, count: int, *, stratified: bool = False, seed: int = 0) -> Split:
        """Draw images at random, each at most once.

        Args:
            count: Number of images to draw.
            stratified: Draw the same number of each class; if `count` cannot be divided, some
                classes give one image more. False: the classes come as chance has it.
            seed: Seed of the draw; 0 or more.

        Returns:
            A split of `count` images over the same store, in the order that they have here.

        Raises:
            ArgumentError: There are fewer images, in all or of a class.

        Example:
            >>> import zoo.datasets
            >>> zoo.datasets.load("digits").train.sample(50, stratified=True).class_counts["3"]
            5
        """
        rows = sample_rows(self.labels, self.class_names, count, stratified=stratified, seed=seed)
        return self.take(rows)

    def split(self, share: float | int, *, seed: int = 0) -> tuple[Split, Split]:
        """Divide the images into two splits at random, with the same share of every class.

        Copies of an image stay together, and count as one image.

        Args:
            share: Size of the second split: a fraction, or a whole number of images, of each class.
            seed: Seed of the choice; 0 or more. Another seed makes other splits.

        Returns:
            The images that stay, and the images that are held out.

        Raises:
            ArgumentError: The share is out of range.
            DataError: A class has too few images.

        Example:
            >>> import zoo.datasets
            >>> kept, held_out = zoo.datasets.load("digits").train.split(20, seed=1)
            >>> len(held_out)
            200
        """
        whole_number("seed", seed, 0)
        share = check_share("share", share)
        if not share:
            raise argument_error("share", "be above 0", share, "Pass 0.2 to hold out a fifth")
        originals, origin = first_copies(self.digests)
        _, held_out = stratified_split(self.labels[originals], share, seed, self.class_names)
        outside = np.isin(origin, originals[held_out])
        return self.take(~outside), self.take(outside)

    def folds(
        self, count: int = 5, *, repeats: int = 1, seed: int = 0
    ) -> Iterator[tuple[Split, Split]]:
        """Go through a stratified cross-validation (scikit-learn's `RepeatedStratifiedKFold`).

        Copies of an image stay together.

        Args:
            count: Number of folds. Every image is in the second split of exactly one fold.
            repeats: How many times the folds are made, each time different folds.
            seed: Seed of the folds; 0 or more.

        Yields:
            `count` · `repeats` pairs: images to train on, and images to validate on.

        Raises:
            ArgumentError: A number is out of range.
            DataError: A class has fewer images than there are folds.

        Example:
            >>> import zoo.datasets
            >>> train = zoo.datasets.load("digits").train
            >>> [len(held_out) for _, held_out in train.folds(3)]
            [432, 432, 431]
        """
        for kept, held_out in self.fold_rows(count, repeats=repeats, seed=seed):
            yield self.take(kept), self.take(held_out)

    def fold_rows(
        self, count: int = 5, *, repeats: int = 1, seed: int = 0
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Go through the same cross-validation as `folds`, as row numbers.

        Yields rows to train on and rows to validate on, int64, each ascending.
        """
        whole_number("count", count, 2)
        whole_number("repeats", repeats, 1)
        whole_number("seed", seed, 0, 2**32 - 1)
        return rows_of_folds(self.labels, self.digests, self.class_names, count, repeats, seed)

    def batches(
        self,
        batch_size: int,
        *,
        shuffle: bool = False,
        seed: int = 0,
        epochs: int | None = None,
        first_epoch: int = 0,
        first_batch: int = 0,
        transform: Transform | None = None,
        label_shares: bool = False,
        model_weights: np.ndarray | None = None,
    ) -> tf.data.Dataset:
        """Feed the images to TensorFlow, batch by batch, still as uint8.

        The order of an epoch depends on `seed` and its number only, so a resumed training sees the
        same batches. No batch has images of two epochs; the last of an epoch may be smaller.

        Args:
            batch_size: Number of images in a batch.
            shuffle: Give every epoch its own random order.
            seed: Seed of the orders, and of `transform`; 0 or more.
            epochs: Number of epochs in one pass over the dataset. None: each iteration of the
                dataset is one epoch, and the next iteration is the next epoch.
            first_epoch: The number of the first epoch.
            first_batch: How many batches of the first epoch are left out; only with `epochs`.
            transform: `transform(images, seed)`, a NumPy function or a `zoo.Augmentation` for each
                batch, uint8 [b, height, width, channels], that returns uint8 or float32 of the same
                shape. Its seed depends on `seed` and on the numbers of epoch and batch only.
            label_shares: Give the label shares beside the labels.
            model_weights: Weights for several models, float32 [n, models]: a last element.

        Returns:
            A `tf.data.Dataset` of pairs: images [b, height, width, channels], uint8 or the dtype
            that `transform` returns, and labels int64 [b]; with `sample_weight`, of triples with
            the weights float32 [b], as Keras's `fit` takes them. With `label_shares=True`, or an
            augmentation that mixes images, a pair (labels, shares float32 [b, classes]) takes the
            place of the labels: a mixed image has the label of its larger share.

        Raises:
            ArgumentError: A number is out of range, or another argument is not as described.

        Example:
            >>> split = as_split(np.zeros((5, 8, 8, 1), "uint8"), [0, 1, 1, 0, 1])
            >>> [labels.numpy().tolist() for _, labels in split.batches(2)]
            [[0, 1], [1, 0], [1]]
        """
        if label_shares and self.label_shares is None:
            remedy = "Pass label_shares= to as_split first"
            expected = "be False for a split without shares"
            raise argument_error("label_shares", expected, label_shares, remedy)
        if model_weights is not None and getattr(transform, "mixer", None):
            expected = "be None with mixup or cutmix, which would mix in images that a model omits"
            raise argument_error("model_weights", expected, "weights", "Train the models apart")
        targets: Any = (self.labels, self.label_shares) if label_shares else self.labels
        weights = (self.sample_weight, model_weights)
        return batches(
            self.store,
            self.rows,
            (targets, *(array for array in weights if array is not None)),
            self.num_classes,
            batch_size,
            shuffle=shuffle,
            seed=seed,
            epochs=epochs,
            start=StreamPosition(first_epoch, first_batch),
            transform=transform,
        )

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        counts = visible(", ".join(f"{name} {n:,}" for name, n in self.class_counts.items()))
        shape = "×".join(map(str, self.image_shape))
        return f"Split({self.name!r}, {len(self):,} images of {shape}: {counts})"


def as_split(
    images: Any,
    labels: Any = None,
    *,
    name: str = "data",
    class_names: Any = None,
    sample_weight: Any = None,
    label_shares: Any = None,
) -> Split:
    """Take a `Split`, or make a split of arrays or of a dataset.

    Args:
        images: A `Split`, which is returned unchanged; uint8 [n, height, width, channels]; a tuple
            (images, labels) or (images, labels, sample_weight); or a `tf.data.Dataset` or a
            `keras.utils.PyDataset` of such pairs or triples, which is read once into memory.
        labels: Class ids, integers [n]. None where `images` has the labels.
        name: Name of the new split.
        class_names: The name of each class id. None: the names that a dataset of
            `keras.utils.image_dataset_from_directory` has; else "0", "1", …, and each of the labels
            up to the highest must occur.
        sample_weight: How much each image counts in a training, [n], 0 or more. None: all count
            alike.
        label_shares: The share of each class in the votes of several people, numbers [n, classes];
            rows sum to 1. None: there are no votes.

    Returns:
        A `Split` over the images, of which arrays are not copied.

    Raises:
        DataError: An array has another dtype or shape, a label has no class name, or a dataset has
            no end or does not fit into memory.
        ArgumentError: Labels, class names or weights are given twice.

    Example:
        >>> as_split(np.zeros((3, 8, 8, 1), "uint8"), [0, 1, 1])
        Split('data', 3 images of 8×8×1: 0 1, 1 2)
    """
    if isinstance(images, Split):
        if labels is not None or class_names is not None:
            raise ArgumentError(
                "labels and class_names must be None beside a Split, which has its own labels and "
                f"class names. Received: labels={labels!r:.80}, class_names={class_names!r:.80}. "
                "Pass the Split alone."
            )
        split = images
    else:
        stream = images if is_stream(images) else None
        if class_names is None and stream is not None:
            class_names = getattr(stream, "class_names", None)
        images, labels, sample_weight = separate_labels(images, labels, sample_weight)
        if stream is None:  # the images of a stream were checked when they were collected
            images = check_images(images)
        labels = check_labels(labels, len(images), named=class_names is not None)
        names = check_class_names(class_names, labels)
        split = Split(name, images, labels.astype(np.int64, copy=False), names)
    if sample_weight is not None:
        split = replace(split, sample_weight=check_sample_weight(sample_weight, len(split)))
    if label_shares is not None:
        shares = check_label_shares(label_shares, len(split), split.num_classes)
        split = replace(split, label_shares=shares)
    return split
