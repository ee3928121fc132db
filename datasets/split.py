"""What a data set is: `ImageData`, made of `Split`s of uint8 images with integer labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cached_property
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.arguments import whole_number
from zoo.datasets.files.mapped import release
from zoo.errors import ArgumentError, DataError

if TYPE_CHECKING:
    import tensorflow as tf

    from zoo.datasets.pipeline import Transform

MOST_CLASSES = 100_000
"""As many as there may be without names; more are rather numbers of something else."""


class Split:
    """One part of a data set: images, their labels and the names of the classes.

    A split may be a selection of rows of a larger array, so that a validation part or a
    choice of classes never copies pixels. It trusts what it is given: `load` and `as_split`
    make splits and check what goes in.

    Args:
        name: "train", "validation", "test" or any other name.
        store: uint8 [N, height, width, channels], in memory or memory-mapped.
        labels: int64 [n], one class id for each image of this split.
        class_names: the name of each class id.
        rows: int64 [n], the place of each image in `store`; None takes the store whole.
        settings: how `load` made it, its arguments but for root, classes and cache; or None.

    Example:
        >>> import numpy as np
        >>> images = np.zeros((4, 8, 8, 1), "uint8")
        >>> split = as_split(images, [0, 1, 1, 1], class_names=("cat", "dog"))
        >>> split
        Split('data', 4 images of 8×8×1: cat 1, dog 3)
        >>> split.take([0, 3]).labels
        array([0, 1])
    """

    def __init__(
        self,
        name: str,
        store: np.ndarray,
        labels: np.ndarray,
        class_names: tuple[str, ...],
        rows: np.ndarray | None = None,
        settings: dict[str, Any] | None = None,
    ) -> None:
        self.name = name
        self.labels = labels
        self.class_names = class_names
        self.store = store
        self.rows = rows
        self.settings = settings

    @cached_property
    def digests(self) -> np.ndarray:
        """Uint64 [n]: a hash of each image's pixels, to tell whether two splits share some."""
        hashes = (blake2b(image.tobytes(), digest_size=8) for one in self.blocks() for image in one)
        return np.array([int.from_bytes(one.digest()) for one in hashes], np.uint64)

    def count_among(self, digests: np.ndarray) -> int:
        """Count the images that are, pixel for pixel, among others.

        Args:
            digests: uint64, `digests` of the others.
        """
        return int(np.isin(self.digests, digests).sum())

    @cached_property
    def images(self) -> np.ndarray:
        """Uint8 [n, height, width, channels]: the store itself, or the selected rows, kept."""
        return self.store if self.rows is None else self.store.take(self.rows, axis=0)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of each image."""
        height, width, channels = self.store.shape[1:]
        return height, width, channels

    @property
    def num_classes(self) -> int:
        """How many classes there are, whether or not each has an image in this split."""
        return len(self.class_names)

    @property
    def class_counts(self) -> dict[str, int]:
        """How many images each class has."""
        counts = np.bincount(self.labels, minlength=self.num_classes).tolist()
        return dict(zip(self.class_names, counts, strict=True))

    @property
    def class_weights(self) -> dict[int, float]:
        """How much an image of each class id counts so that all classes count alike.

        n / (classes · images of the class), as scikit-learn's "balanced" (King and Zeng, 2001) and
        as Keras's `fit(class_weight=)` takes it; 0 for a class without images.
        """
        counts = np.bincount(self.labels, minlength=self.num_classes)
        present = np.count_nonzero(counts)
        weights = np.divide(
            len(self), present * counts, where=counts > 0, out=np.zeros(len(counts))
        )
        return dict(enumerate(weights.tolist()))

    def blocks(self, size: int = 1024) -> Iterator[np.ndarray]:
        """Go through the images, some at a time, without keeping more than those in memory.

        Args:
            size: how many.

        Yields:
            Uint8 [size or fewer, height, width, channels].
        """
        for start in range(0, len(self), size):
            rows: Any = slice(start, start + size)
            yield self.store[rows if self.rows is None else self.rows[rows]]
            release(self.store)

    def take(self, rows: Any, *, name: str | None = None) -> Split:
        """Select images by position, in the order given, without copying pixels.

        Args:
            rows: what NumPy takes as an index of one axis: int [k], bool [n], or a slice.
            name: of the selection; None keeps this split's.

        Returns:
            A split of k images over the same store.

        Raises:
            ArgumentError: `rows` does not fit this split.
        """
        try:
            selected = np.arange(len(self))[rows]
        except (IndexError, TypeError, ValueError) as error:
            raise ArgumentError(
                f"rows must select among {len(self)} images: integers, a mask or a slice. "
                f"Received: {rows!r} ({error})"
            ) from error
        if selected.ndim != 1:
            raise ArgumentError(f"rows must have one axis; pass a list. Received: {rows!r}")
        store_rows = selected if self.rows is None else self.rows[selected]
        labels = self.labels[selected]
        return Split(
            name or self.name, self.store, labels, self.class_names, store_rows, self.settings
        )

    def sample(self, count: int, *, stratified: bool = False, seed: int = 0) -> Split:
        """Draw images at random, each at most once.

        Args:
            count: how many.
            stratified: draw as many of each class, or one more of some where `count` cannot be
                divided; otherwise classes come as they fall.
            seed: of the draw; at least 0.

        Returns:
            A split of `count` images over the same store, in the order that they have here.

        Raises:
            ArgumentError: there are not so many, in all or of a class.

        Example:
            >>> import zoo.datasets
            >>> zoo.datasets.load("digits").train.sample(50, stratified=True).class_counts["3"]
            5
        """
        from zoo.datasets.sampling import sample

        return self.take(sample(self, count, stratified=stratified, seed=seed))

    def split(self, share: float | int, *, seed: int = 0) -> tuple[Split, Split]:
        """Part the images in two at random, each class alike; other seeds give other parts.

        Copies of an image stay together, and count as one.

        Args:
            share: what the second part gets: a fraction of every class, or a whole number of
                images of every class.
            seed: of the choice; at least 0.

        Returns:
            What stays, and what is held out.

        Raises:
            ArgumentError: the share is out of range.
            DataError: a class has too few images.

        Example:
            >>> import zoo.datasets
            >>> some, others = zoo.datasets.load("digits").train.split(20, seed=1)
            >>> len(others)
            200
        """
        from zoo.datasets.sampling import check_share, originals_of, stratified_split

        whole_number("seed", seed, 0)
        check_share("share", share)
        if not share:
            raise ArgumentError(f"share must be above 0. Received: {share!r}")
        originals, origin = originals_of(self)
        _, held_out = stratified_split(self.labels[originals], share, seed, self.class_names)
        outside = np.isin(origin, originals[held_out])
        return self.take(~outside), self.take(outside)

    def folds(
        self, count: int = 5, *, repeats: int = 1, seed: int = 0
    ) -> Iterator[tuple[Split, Split]]:
        """Go through a stratified cross-validation (scikit-learn's `RepeatedStratifiedKFold`).

        Copies of an image stay together.

        Args:
            count: of folds; every image is in the second part of just one.
            repeats: how often, each time with other folds.
            seed: of the folds; at least 0.

        Yields:
            `count` · `repeats` pairs: what to train on, and what to validate on.

        Raises:
            ArgumentError: a number is out of range.
            DataError: a class has fewer images than there are folds.

        Example:
            >>> import zoo.datasets
            >>> train = zoo.datasets.load("digits").train
            >>> [len(rest) for _, rest in train.folds(3)]
            [432, 432, 431]
        """
        from zoo.datasets.sampling import folds

        for kept, held_out in folds(self, count, repeats=repeats, seed=seed):
            yield self.take(kept), self.take(held_out)

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
    ) -> tf.data.Dataset:
        """Feed the images to TensorFlow, batch by batch, still as uint8.

        The order of an epoch depends on `seed` and the epoch's number only, so training
        resumed at some epoch and batch sees what it would have seen. Batches never cross
        epochs; the last one of an epoch may be smaller.

        Args:
            batch_size: images in a batch.
            shuffle: give every epoch its own random order.
            seed: of the orders, and of `transform`; at least 0.
            epochs: how many epochs one pass over the dataset holds. None: each iteration of
                the dataset is one epoch, the next iteration the next epoch.
            first_epoch: the number of the first epoch.
            first_batch: how many batches of the first epoch to leave out; only with `epochs`.
            transform: `transform(images, seed)`, a NumPy function applied to each batch, uint8
                [b, height, width, channels], that returns uint8 or float32 of the same shape.
                Its seed depends on `seed` and the numbers of epoch and batch only.

        Returns:
            A `tf.data.Dataset` of pairs: images [b, height, width, channels], uint8 or what
            `transform` returns, and labels int64 [b].

        Raises:
            ArgumentError: a number is out of range, or `transform` returns something else.

        Example:
            >>> import numpy as np
            >>> split = as_split(np.zeros((5, 8, 8, 1), "uint8"), [0, 1, 1, 0, 1])
            >>> [labels.numpy().tolist() for _, labels in split.batches(2)]
            [[0, 1], [1, 0], [1]]
        """
        from zoo.datasets.pipeline import batches

        return batches(
            self,
            batch_size,
            shuffle=shuffle,
            seed=seed,
            epochs=epochs,
            first_epoch=first_epoch,
            first_batch=first_batch,
            transform=transform,
        )

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        counts = ", ".join(f"{name} {count:,}" for name, count in self.class_counts.items())
        shape = "×".join(map(str, self.image_shape))
        return f"Split({self.name!r}, {len(self):,} images of {shape}: {counts})"


def as_split(
    images: Any,
    labels: Any = None,
    *,
    name: str = "data",
    class_names: Any = None,
) -> Split:
    """Take a `Split`, or plain arrays as one.

    Args:
        images: a `Split`, returned as it is, or uint8 [n, height, width, channels].
        labels: integers [n]; not for a `Split`, which has its own.
        name: of the new split.
        class_names: the name of each class id; by default "0", "1", … up to the highest label.

    Returns:
        A `Split` over the images, which are not copied.

    Raises:
        DataError: the arrays are not what they should be; the message says how to mend them.
        ArgumentError: labels or class names were given beside a `Split`.

    Example:
        >>> import numpy as np
        >>> as_split(np.zeros((3, 8, 8, 1), "uint8"), [0, 1, 1])
        Split('data', 3 images of 8×8×1: 0 1, 1 2)
    """
    if isinstance(images, Split):
        if labels is not None or class_names is not None:
            raise ArgumentError("a Split has its own labels and class names; pass it alone")
        return images
    images = _checked_images(images)
    labels = _checked_labels(labels, len(images))
    if class_names is None:
        class_names = range(min(int(labels.max()) + 1, MOST_CLASSES))
    elif isinstance(class_names, str) or not isinstance(class_names, Iterable):
        raise DataError(f"expected a list of class names, got {class_names!r:.80}")
    names = tuple(str(class_name) for class_name in class_names)
    if labels.max() >= len(names):
        raise DataError(
            f"expected labels below {len(names):,}, the number of classes, got "
            f"{labels.max()}; number the classes from 0 or pass every class name"
        )
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise DataError(f"expected each class name once, got {twice[0]!r} more than once")
    return Split(name, images, labels.astype(np.int64, copy=False), names)


def _checked_images(images: Any) -> np.ndarray:
    images = np.asanyarray(images)
    if images.dtype != np.uint8:
        remedy = '`.astype("uint8")`'
        if images.dtype.kind == "f" and images.size and images.max() <= 1:
            remedy = f"multiply by 255 and {remedy}"
        raise DataError(f"expected uint8 pixels 0..255, got {images.dtype}; {remedy}")
    if images.ndim == 3:
        raise DataError(
            "expected images [n, height, width, channels], got the shape "
            f"{images.shape}; add a channel axis to grey images: `images[..., None]`"
        )
    if images.ndim != 4 or not images.size:
        raise DataError(
            "expected at least one image as [n, height, width, channels], got the shape "
            f"{images.shape}"
        )
    return images


def _checked_labels(labels: Any, count: int) -> np.ndarray:
    if labels is None:
        raise DataError(f"expected integer labels [{count}], got None; pass `labels`")
    labels = np.asarray(labels)
    if labels.ndim == 2:
        remedy = "labels.ravel()" if labels.shape[1] == 1 else "labels.argmax(-1)"
        raise DataError(f"expected labels [n], got the shape {labels.shape}; pass `{remedy}`")
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise DataError(
            f"expected integer labels [n], got {labels.dtype} of the shape {labels.shape}"
        )
    if len(labels) != count:
        raise DataError(f"expected one label for each of {count} images, got {len(labels)}")
    if labels.min() < 0:
        raise DataError(f"expected labels from 0 up, got {labels.min()}")
    return labels
