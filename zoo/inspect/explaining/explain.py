"""Explaining answers: from a model or committee and images to maps of the pixels."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import tensorflow as tf

from zoo.arguments import argument_error, as_names
from zoo.datasets.split import Split
from zoo.ensembles.models.voting_model import VotingModel
from zoo.inspect.explaining.agreement import Sanity, combined, dependence, mean_estimate
from zoo.inspect.explaining.catalogue import Settings, check_request, find_method
from zoo.inspect.explaining.explanation import Explanation
from zoo.inspect.explaining.gradients import check_maps
from zoo.inspect.explaining.methods import Method
from zoo.inspect.explaining.network import Network
from zoo.inspect.explaining.targets import as_targets
from zoo.inspect.networks.progress import progress_bar
from zoo.inspect.networks.randomizing import RandomizedModel
from zoo.inspect.networks.recording import names_known_to

BATCH = 32
"""The number of images in a run by default."""

CHECKED_IMAGES = 16
"""The number of images with which the sanity of an explanation is measured."""

CHECKED_STEPS = 8
"""The most steps from the last layer to the first, with which it is measured."""


def explain(
    model_or_committee: Any,
    images: Any,
    labels: Any = None,
    method: str = "integrated_gradients",
    *,
    layer: Any = None,
    of: str = "logits",
    class_names: Any = None,
    batch_size: int = BATCH,
    verbose: str | int = "auto",
    **options: Any,
) -> Explanation:
    """Show on which pixels an answer rests.

    Args:
        model_or_committee: A built `keras.Model` of any kind, or a `zoo.ensembles.Committee`. The
            vote of a committee cannot be differentiated: its members are explained, for the class
            that the committee decides for.
        images: A `Split`, uint8 [n, height, width, channels], or a dataset, as `predict` takes
            them.
        labels: The class that is explained: None for the class that the model answers; a class
            id; a class id for each image, [n]; several classes for each image, [n, k], or for all
            images, [1, k]; or `"all"`.
        method: `"gradient"`, `"gradient_times_input"`, `"smooth_grad"`, `"integrated_gradients"`,
            `"guided_backpropagation"`, `"deconvolution"`, `"grad_cam"`, `"grad_cam_plus_plus"`,
            `"layer_cam"`, `"score_cam"`, `"occlusion"` or `"rise"`. The functions with these names
            in `zoo.inspect.explaining` say what each computes.
        layer: For methods of class activation, the name of a layer, such as `"vgg/block3_conv1"`;
            None takes the last feature map before the pooling: the activation or the sum of
            branches behind the last convolution with more than one position. For a committee, also
            a dict from the name of a member.
        of: `"logits"` explains the number before the softmax or sigmoid; `"probabilities"`
            explains the output of the model.
        class_names: The names of the classes, for pictures; None takes them from the `Split` or
            the committee.
        batch_size: The largest number of images in a run, which bounds the memory. Runs without
            gradients take up to 8 times as many small images.
        verbose: `"auto"` or 1 shows a progress bar on a terminal for slow methods, 0 does not.
        **options: Options of the method, such as `steps=64` or `baseline="mean"`.

    Returns:
        The `Explanation`. Its `maps` are signed, float32 [n, height, width], or [n, k, height,
        width] for several classes; positive where pixels speak for the class.

    Raises:
        ArgumentError: The method, layer or an option does not exist, the labels are out of range,
            or the method finds nothing to work with, such as a convolution or a ReLU.
        DataError: The images do not fit.

    Example:
        >>> import zoo
        >>> images = np.zeros((2, 28, 28, 1), "uint8")
        >>> explain(zoo.build("softmax"), images, method="gradient").maps.shape
        (2, 28, 28)
    """
    pixels, settings = check_request(
        model_or_committee, images, method,
        layer=layer, of=of, batch_size=batch_size, verbose=verbose, options=options,
    )  # fmt: skip
    if class_names is None:
        if isinstance(images, Split):
            class_names = images.class_names
        elif isinstance(model_or_committee, VotingModel):
            class_names = model_or_committee.known_class_names
        else:
            class_names = names_known_to(model_or_committee)
    names = None if class_names is None else as_names("class_names", class_names)
    is_committee = isinstance(model_or_committee, VotingModel)
    explained = _of_committee if is_committee else _of_model
    return explained(model_or_committee, pixels, labels, replace(settings, class_names=names))


def make_explainer(
    model: Any,
    image_shape: tuple[int, ...],
    method: str = "integrated_gradients",
    *,
    layer: Any = None,
    of: str = "logits",
    batch_size: int = BATCH,
    **options: Any,
) -> "Explainer":
    """Compile a method for a model once, for many calls: see `Explainer`.

    The arguments are those of `explain`; `image_shape` is (height, width, channels).
    """
    found = find_method(method, options, layer)
    network = Network(model, image_shape, layer=layer, of=of, batch_size=batch_size)
    return Explainer(network, found, options)


class Explainer:
    """A method that is compiled for a model, and computes the maps of blocks of images.

    The weights of the model are read at each call, so that its graphs serve as well after
    `model.set_weights`, as in `zoo.inspect.sanity_check`.

    Args:
        network: The network.
        method: The method.
        options: Options of the method.
    """

    def __init__(self, network: Network, method: Method, options: Mapping[str, Any]) -> None:
        self.network = network
        self.method = method
        self.options = dict(options)

    def targets(self, images: np.ndarray, labels: Any) -> np.ndarray:
        """Give the classes that are explained, int32 [n, k]; `labels` are those of `explain`."""
        if labels is None:
            return self._answers(images)[:, None]
        return as_targets(labels, len(images), self.network.classes)

    def maps(self, images: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Compute maps.

        Args:
            images: uint8 [n, height, width, channels].
            targets: Classes, int32 [n, k].

        Returns:
            float32 [n, k, height, width].

        Raises:
            ArgumentError: The model gives probabilities whose logits cannot be found.
        """
        parts: list[np.ndarray] = []
        for block in self._blocks(images):
            pixels, classes = self._tensor(images[block]), tf.constant(targets[block], tf.int32)
            maps = self.method.function(self.network, pixels, classes, **self.options)
            if not parts:
                self.network.check_ending(pixels)
            parts.append(tf.convert_to_tensor(maps).numpy())
        return np.concatenate(parts)

    def completeness_gap(
        self, images: np.ndarray, targets: np.ndarray, maps: np.ndarray
    ) -> np.ndarray | None:
        """Compute by how much the sums of maps differ from the sums that the method promises.

        Args:
            images: uint8 [n, height, width, channels].
            targets: Classes, int32 [n, k].
            maps: float32 [n, k, height, width].

        Returns:
            float32 [n, k]; None for a method that promises no sum.
        """
        if self.method.expected_sum is None:
            return None
        sums = []
        for block in self._blocks(images):
            pixels, classes = self._tensor(images[block]), tf.constant(targets[block], tf.int32)
            sums.append(self.method.expected_sum(self.network, pixels, classes, **self.options))
        return maps.sum(axis=(2, 3)) - np.concatenate(sums)

    def _answers(self, images: np.ndarray) -> np.ndarray:
        blocks = [
            self.network.scores(self._tensor(images[block])).numpy().argmax(axis=1)
            for block in self._blocks(images)
        ]
        return np.concatenate(blocks).astype("int32")

    def _blocks(self, images: np.ndarray) -> list[slice]:
        size = self.network.batch_size
        return [slice(start, start + size) for start in range(0, len(images), size)]

    def _tensor(self, images: np.ndarray) -> Any:
        return tf.cast(tf.convert_to_tensor(images), tf.float32)


def _of_model(model: Any, images: np.ndarray, labels: Any, settings: Settings) -> Explanation:
    """Explain a model."""
    method = settings.method
    network = Network(
        model, images.shape[1:],
        layer=settings.layer, of=settings.of, batch_size=settings.batch_size,
    )  # fmt: skip
    explainer = Explainer(network, method, settings.options)
    targets = explainer.targets(images, labels)
    shown = settings.verbose if method.slow else 0
    with progress_bar(f"{method.title} of {model.name}", len(images), verbose=shown) as advance:
        network.advance = advance
        maps = explainer.maps(images, targets)
    gap = explainer.completeness_gap(images, targets, maps)
    baseline = method.baseline_of(settings.options)
    check_maps(maps, gap, baseline, model.name)
    if _is_single(labels):
        maps, targets, gap = maps[:, 0], targets[:, 0], None if gap is None else gap[:, 0]
    return Explanation(
        maps=maps,
        method=method.name,
        labels=targets,
        images=images,
        class_names=settings.class_names,
        layer=network.layer_name if method.uses_layer else None,
        changed_relus=network.changed_relus,
        baseline=baseline,
        completeness_gap=gap,
        measure_sanity=_SanityOf(model, settings),
    )


def _of_committee(
    committee: Any, images: np.ndarray, labels: Any, settings: Settings
) -> Explanation:
    """Explain each member for the class of the committee, and combine the maps."""
    if labels is None:
        labels = np.asarray(committee.predict(images)).argmax(axis=1)
    chosen = layers_of_members(committee, settings.layer)
    explanations = [
        _of_model(member, images, labels, replace(settings, layer=layer))
        for member, layer in zip(committee.members, chosen, strict=True)
    ]
    member_maps = np.stack([explanation.maps for explanation in explanations])
    first = explanations[0]
    layers = [explanation.layer for explanation in explanations]
    counts = [explanation.changed_relus for explanation in explanations]
    return replace(
        first,
        maps=combined(member_maps, committee.rule.weights),
        layer=None if layers[0] is None else ", ".join(map(str, dict.fromkeys(layers))),
        changed_relus=None if counts[0] is None else sum(count or 0 for count in counts),
        completeness_gap=None,
        member_maps=member_maps,
        member_names=tuple(committee.member_names),
        votes=committee.votes(images),
        measure_sanity=_SanityOf(committee, settings),
    )


def layers_of_members(committee: Any, layer: Any) -> tuple[Any, ...]:
    """Give the argument `layer` of each member: see `explain`."""
    if isinstance(layer, Mapping):
        if others := [name for name in layer if name not in committee.member_names]:
            expected = f"have names of members: {', '.join(map(repr, committee.member_names))}"
            raise argument_error("layer", expected, others[0], "Leave other names out")
        return tuple(layer.get(name) for name in committee.member_names)
    return (layer,) * len(committee.members)


class RandomizableMaps:
    """The maps of a model or committee whose layers can be given random weights.

    The model is not changed: see `RandomizedModel`.

    Args:
        model_or_committee: As in `explain`.
        image_shape: (height, width, channels).
        settings: The arguments of `explain`.

    Attributes:
        models: The models, each with copies of its weights.
    """

    def __init__(
        self, model_or_committee: Any, image_shape: tuple[int, ...], settings: Settings
    ) -> None:
        is_committee = isinstance(model_or_committee, VotingModel)
        members, layers = [model_or_committee], (settings.layer,)
        self._weights = None
        if is_committee:
            members = model_or_committee.members
            layers = layers_of_members(model_or_committee, settings.layer)
            self._weights = model_or_committee.rule.weights
        self._committee = model_or_committee if is_committee else None
        self.models = [RandomizedModel(model, image_shape) for model in members]
        options: dict[str, Any] = {"of": settings.of, "batch_size": settings.batch_size}
        self._explainers = [
            Explainer(
                Network(model, image_shape, layer=layer, **options),
                settings.method,
                settings.options,
            )
            for model, layer in zip(self.models, layers, strict=True)
        ]

    def targets(self, images: np.ndarray, labels: Any) -> np.ndarray:
        """Give the classes that are explained: arguments as `Explainer.targets`."""
        if labels is None and self._committee is not None:
            labels = np.asarray(self._committee.predict(images)).argmax(axis=1)
        return self._explainers[0].targets(images, labels)

    @property
    def steps(self) -> int:
        """The number of layers that can be made random; of a committee, of the deepest member."""
        return max(len(model.learned) for model in self.models)

    def randomize(self, positions: Collection[int], seed: int) -> None:
        """Make layers of every model random: arguments as `RandomizedModel.randomize`."""
        for model in self.models:
            model.randomize(positions, seed)

    def maps(self, images: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Compute maps, [n, k, height, width]: arguments as `Explainer.maps`."""
        maps = [explainer.maps(images, targets) for explainer in self._explainers]
        return maps[0] if len(maps) == 1 else combined(np.stack(maps), self._weights)


@dataclass(frozen=True)
class _SanityOf:
    """Measures the sanity of an explanation: the arguments with which the explanation was made."""

    model_or_committee: Any
    settings: Settings

    def __call__(self, explanation: Explanation) -> Sanity:
        images = explanation.images[:CHECKED_IMAGES]
        targets = explanation.labels[:CHECKED_IMAGES].reshape(len(images), -1)
        randomizable = RandomizableMaps(self.model_or_committee, images.shape[1:], self.settings)
        maps = randomizable.maps(images, targets)  # of the weights of now
        last = randomizable.steps - 1
        steps = np.unique(np.linspace(0, last, CHECKED_STEPS).round().astype(int))
        found = []
        for step in steps:
            randomizable.randomize(range(step + 1), seed=0)
            others = randomizable.maps(images, targets)
            pair = (values.reshape(targets.size, *maps.shape[2:]) for values in (maps, others))
            found.append(dependence(*pair))
        of_images = np.mean(found, axis=0).reshape(targets.shape)
        means = np.ma.masked_invalid(of_images).mean(axis=1).compressed()  # over the classes
        return Sanity(mean_estimate(means), len(means))


def _is_single(labels: Any) -> bool:
    """Whether each image is explained for a single class, so that maps are [n, height, width]."""
    return labels is None or not (isinstance(labels, str) or np.ndim(labels) == 2)
