"""The nearest images of a data set in the feature space of a network."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from zoo.arguments import is_among, whole_number
from zoo.datasets.image_batches import image_batches
from zoo.datasets.split import Split
from zoo.ensembles.checks import as_labelled, as_unlabelled
from zoo.ensembles.committee import Committee
from zoo.errors import ArgumentError
from zoo.inspect.networks.layer_names import find_layer
from zoo.inspect.networks.recording import image_shape_of, record_blocks
from zoo.inspect.networks.running import layer_calls
from zoo.inspect.pictures.predictions import BATCH, check_built
from zoo.inspect.pictures.sheet import draw_sheet, new_sheet
from zoo.pages.notebook import ShownAsPicture

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

METRICS = ("cosine", "euclidean")
"""The distances between features."""


@dataclass(frozen=True, eq=False, repr=False)
class Neighbours(ShownAsPicture):
    """The nearest images of a data set for some images.

    Attributes:
        indices: Rows of the nearest images in the data, the nearest first, int64 [n, k].
        distances: Their distances in feature space, float32 [n, k], ascending.
        labels: The labels of the nearest images, int64 [n, k].
        layer: The name of the layer whose output the features are.
        metric: `"cosine"`: 1 less the cosine of the angle between features; or `"euclidean"`.
        images: The images that were looked for, uint8 [n, height, width, channels].
        split: The data that was searched.

    Example:
        >>> import zoo
        >>> data, model = zoo.datasets.load("digits").test, zoo.build("mlp", input_shape=(8, 8, 1))
        >>> found = zoo.inspect.neighbours(model, data.images[:2], data, k=3)
        >>> found.indices.shape, found.indices[:, 0]  # an image is its own nearest neighbour
        ((2, 3), array([0, 1]))
    """

    indices: NDArray[np.int64]
    distances: NDArray[np.float32]
    labels: NDArray[np.int64]
    layer: str
    metric: str
    images: NDArray[np.uint8]
    split: Split

    def __repr__(self) -> str:
        n, k = self.indices.shape
        return f"Neighbours({n:,} images, {k:,} nearest of {len(self.split):,}, layer {self.layer})"

    def plot(self, ax: "Axes | None" = None, *, most: int = 8) -> "Axes | Figure":
        """Draw a row for each image: the image, and its neighbours with labels and distances.

        Args:
            ax: Axes to draw into; None makes a figure.
            most: The largest number of images.

        Returns:
            The axes or the figure.
        """
        count = min(whole_number("most", most, 1), len(self.indices))
        pictures: list[np.ndarray] = []
        captions = []
        for number in range(count):
            pictures += [self.images[number], *self.split.take(self.indices[number]).images]
            captions.append(f"image {number}")
            names = [self.split.class_names[label] for label in self.labels[number]]
            captions += [
                f"#{index}\n{name}\ndistance {distance:.3g}"
                for index, name, distance in zip(
                    self.indices[number], names, self.distances[number], strict=True
                )
            ]
        title = f"the nearest images in layer {self.layer}, by {self.metric} distance"
        columns = self.indices.shape[1] + 1
        if ax is None:
            return new_sheet(pictures, captions, title, columns)
        draw_sheet(ax, pictures, captions, title, columns)
        return ax


def neighbours(
    model: Any,
    images: Any,
    data: Any,
    labels: Any = None,
    *,
    layer: Any = None,
    k: int = 5,
    metric: str = "cosine",
    batch_size: int = BATCH,
) -> Neighbours:
    """Find the nearest images of a data set in feature space: what the network takes for alike.

    The search is exact. The data is read block by block, so that the memory does not grow with it.

    Args:
        model: A built `keras.Model` of any kind, such as a member of a committee.
        images: The images to look for: a `Split`, uint8 [n, height, width, channels], or a dataset.
        data: The images to search, such as `data.train`: a `Split`, an array, a tuple (images,
            labels), or a dataset of such pairs.
        labels: Class ids, int [N], if `data` is an array.
        layer: The layer whose output the features are, as for `zoo.inspect.explain`; None takes the
            last layer before the classifier.
        k: How many images to find for each image.
        metric: `"cosine"` or `"euclidean"`.
        batch_size: The number of images at a time.

    Returns:
        The `Neighbours`. An image that is in `data` itself is its own nearest image.

    Raises:
        ArgumentError: The model is not built, a layer does not exist, or an argument is out of
            range.
        DataError: The images do not fit.

    Example:
        >>> import zoo
        >>> images = np.arange(3, dtype="uint8").reshape(3, 1, 1, 1).repeat(48, 1).repeat(48, 2)
        >>> found = neighbours(zoo.build("mlp"), images, images, [0, 1, 2], k=1, metric="euclidean")
        >>> found.indices[:, 0]
        array([0, 1, 2])
    """
    check_built(model)
    if isinstance(model, Committee) and layer is None:
        raise ArgumentError(
            "model must be a single model without layer=, since each member of a committee has "
            "features of its own. Received: a committee. Pass a member, committee.members[0]."
        )
    if not is_among(metric, METRICS):
        expected = " or ".join(map(repr, METRICS))
        raise ArgumentError(f"metric must be {expected}. Received: {metric!r}. Leave it out.")
    ids = np.asarray(labels)
    names = tuple(map(str, range(ids.max() + 1))) if ids.size and ids.dtype.kind in "iu" else None
    searched = as_labelled(data, labels, "data", names)
    k = whole_number("k", k, 1, len(searched))
    whole_number("batch_size", batch_size, 1)
    path = feature_layer(model, searched) if layer is None else find_layer(model, layer).path
    name = layer if isinstance(layer, str) else path
    wanted = as_unlabelled(images)
    shape = image_shape_of(model)
    pixels = np.concatenate(list(image_batches(wanted, shape, batch_size)))
    queries = np.concatenate(list(_features(model, pixels, name, batch_size)))
    indices, distances = _search(queries, _features(model, searched, name, batch_size), k, metric)
    return Neighbours(indices, distances, searched.labels[indices], path, metric, pixels, searched)


def feature_layer(model: Any, split: Split) -> str:
    """Name the last layer before the classifier, which is the last layer with a kernel.

    Args:
        model: A built `keras.Model`.
        split: Images that the model takes.

    Returns:
        The name of the layer, as `zoo.inspect.networks.layer_names` takes it.

    Raises:
        ArgumentError: No layer stands before the classifier.

    Example:
        >>> import zoo
        >>> from zoo.datasets import as_split
        >>> images = as_split(np.zeros((1, 48, 48, 1), "uint8"), [0])
        >>> feature_layer(zoo.build("cnn", dropout=0), images).startswith("dropout")
        True
    """
    calls = layer_calls(model, split.image_shape)
    classifier = next(
        (i for i in reversed(range(len(calls))) if _has_kernel(calls[i].layer)), len(calls)
    )
    before = [call.name for call in calls[:classifier] if call.shape and len(call.shape) > 1]
    if not before:
        raise ArgumentError(
            f"{model.name} must have a layer before its classifier, whose output are the features. "
            "Received: a model without one. Pass layer= with the name of a layer."
        )
    return before[-1]


def _has_kernel(layer: Any) -> bool:
    """Whether a layer multiplies by a kernel of its own, and contains no other layers."""
    inside = layer._flatten_layers(include_self=False, recursive=False)
    return next(iter(inside), None) is None and getattr(layer, "kernel", None) is not None


def _features(model: Any, images: Any, layer: str, batch_size: int) -> Any:
    """Go through the outputs of a layer block by block, float32 [block, features]."""
    for block in record_blocks(model, images, [layer], batch_size=batch_size):
        (outputs,) = block.outputs.values()
        yield outputs.reshape(len(outputs), -1)


def _search(
    queries: np.ndarray, blocks: Any, k: int, metric: str
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Find the k nearest of the features in all blocks, exactly, with one block in memory.

    Args:
        queries: float32 [n, features].
        blocks: Arrays float32 [block, features], one after another.
        k: How many to find.
        metric: As for `neighbours`.

    Returns:
        Indices int64 [n, k] and distances float32 [n, k], the nearest first; of equally near
        features, the first come first.
    """
    from sklearn.neighbors import NearestNeighbors  # imported here, since the import is slow

    indices = np.zeros((len(queries), 0), np.int64)
    distances = np.zeros((len(queries), 0), np.float32)
    start = 0
    for block in blocks:
        search = NearestNeighbors(
            n_neighbors=min(k, len(block)), algorithm="brute", metric=metric
        ).fit(block)
        near, rows = search.kneighbors(queries)
        distances = np.concatenate([distances, near.astype(np.float32)], axis=1)
        indices = np.concatenate([indices, rows + start], axis=1)
        keys: Any = (indices, distances)
        order = np.lexsort(keys, axis=1)[:, :k]
        distances = np.take_along_axis(distances, order, axis=1)
        indices = np.take_along_axis(indices, order, axis=1)
        start += len(block)
    return indices, distances
