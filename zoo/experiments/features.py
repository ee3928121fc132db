"""A network that learned other images: its features in place of images, or its weights."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from zoo.datasets import ImageData, Split
from zoo.ensembles import Committee, Member
from zoo.ensembles.members import built_member
from zoo.errors import DataError
from zoo.experiments.images import data_folder, load_images
from zoo.experiments.settings import FeatureSettings, MemberSettings
from zoo.inspect import features
from zoo.recipes import Recipe
from zoo.registry import build
from zoo.training.transfer.freezing import copy_features

FOLDER = "features"
"""The run folder of the network in the run folder of the experiment."""


def frozen_features(
    settings: FeatureSettings,
    data: ImageData,
    root: Any,
    folder: Path,
    *,
    quick: bool = False,
    verbose: str | int = "auto",
) -> ImageData:
    """Replace images by the outputs of a layer, for a network that only has to learn a head.

    Args:
        settings: The network and its layer.
        data: The images.
        root: As for `zoo.experiments.reproduce`.
        folder: The run folder of the experiment, which keeps the trained network.
        quick: Whether to train the network on a few images for one epoch.
        verbose: As for `zoo.experiments.reproduce`.

    Returns:
        The same splits with images of 1×1 pixel and a channel for each feature. A feature is
        written in 256 steps from its lowest to its highest value on the training images.

    Raises:
        DataError: The file of the network is missing or damaged, or the images do not fit it.
    """
    shape = data.train.image_shape
    model = features_network(settings, root, folder, shape, quick=quick, verbose=verbose)
    assert settings.layer is not None
    layer = model.layers[settings.layer] if isinstance(settings.layer, int) else settings.layer
    outputs = {
        name: features(model, split, layer).reshape(len(split), -1)
        for name, split in data.splits.items()
    }
    low, high = outputs["train"].min(axis=0), outputs["train"].max(axis=0)
    step = np.where(high > low, high - low, 1) / 255
    splits: dict[str, Split] = {}
    for name, split in data.splits.items():
        pixels = np.rint((outputs[name] - low) / step).clip(0, 255).astype(np.uint8)
        splits[name] = replace(split, store=pixels[:, None, None, :], rows=None)
    return ImageData(data.name, **splits)


def make_member(
    settings: MemberSettings, images: int, seed: int = 0, *, quick: bool = False
) -> Member:
    """Make a member with the recipe for a number of training images.

    Args:
        settings: The network, and how it is trained.
        images: The number of training images.
        seed: The seed of the training.
        quick: Whether to train for a single epoch, or for two where the second is another training.
    """
    recipe = settings.recipe_for(images)
    if quick:
        unfreeze_at = recipe.unfreeze_at and 1
        warm_up = None if unfreeze_at else recipe.warm_up and 1  # two epochs have no room for both
        full_size_at = recipe.full_size_at and 1
        recipe = replace(
            recipe,
            epochs=2 if warm_up or unfreeze_at or full_size_at else 1,
            warm_up=warm_up,
            unfreeze_at=unfreeze_at,
            full_size_at=full_size_at,
            cycles=1,
            batch_size=min(recipe.batch_size, images),
        )
    return Member(settings.model, settings.arguments_for(seed), recipe, name=settings.name)


def make_beginning_member(
    settings: MemberSettings, network: Any, data: Split, seed: int, *, quick: bool = False
) -> Member:
    """Make a member that begins with the weights of a network, and with a new head.

    Args:
        settings: The member, with the same layers as the network.
        network: The trained network.
        data: The training images of the member.
        seed: The seed of the new head.
        quick: As for `make_member`.
    """
    member = make_member(settings, len(data), quick=quick)
    model = member.build(data.image_shape, data.num_classes, seed)
    copy_features(network, model)
    assert isinstance(member.recipe, Recipe)
    return built_member(model, member.recipe, settings.name)


def features_network(
    settings: FeatureSettings,
    root: Any,
    folder: Path,
    image_shape: Sequence[int] | None = None,
    *,
    quick: bool = False,
    verbose: str | int = "auto",
) -> Any:
    """Read the network from a file, take its trained weights, or train it unless that was done.

    Args:
        settings: The network.
        root: As for `zoo.experiments.reproduce`.
        folder: The run folder of the experiment, which keeps the trained network.
        image_shape: (height, width, channels) of the images that a network with trained weights
            has to take. None: those that it was trained with.
        quick: Whether to train the network on a few images for one epoch.
        verbose: As for `zoo.experiments.reproduce`.

    Returns:
        The `keras.Model`.

    Raises:
        DataError: The file of the network is missing or damaged.
    """
    if settings.file:
        path = (data_folder(root) or Path()) / settings.file
        try:
            return keras.saving.load_model(path, compile=False)
        except (OSError, ValueError) as error:
            raise DataError(
                f"The features need the saved Keras model {settings.file} in the folder of the "
                f"data. Received: {path}, which cannot be read. Put the file there, or write "
                "[features.member] and [features.data] to train a network."
            ) from error
    assert settings.member is not None  # FeatureSettings makes sure of it.
    if settings.data is None:
        arguments = settings.member.arguments_for(0)
        if image_shape is not None:
            arguments["input_shape"] = image_shape
        return build(settings.member.model, **arguments)
    path = folder / FOLDER / "committee.keras"
    if path.exists():
        return Committee.load(path).members[0]
    images = load_images(settings.data, root, quick=quick)
    committee = Committee([make_member(settings.member, len(images.train), quick=quick)])
    committee.fit(
        images.train,
        validation_data=images.validation,
        log_dir=folder / FOLDER,
        resume=True,
        verbose=verbose,
    )
    committee.save(path)
    return committee.members[0]
