"""Augmentation against Keras's `ImageDataGenerator`, and training with it against without.

The contestants take turns in one run, so that a drift of the machine's speed affects all of them;
a figure is the median of the ratios, turn by turn. The transforms are those of the recipe of `cnn`,
and the images have the size of FER2013's. In a turn each contestant goes through the same images,
batch by batch:

- `apply_transform`: Keras draws and transforms image by image, in a loop, without a queue;
- `flow`: Keras's own iterator does so, with batches of NumPy arrays;
- `ImageDataGenerator`: `zoo.Augmentation(method="ImageDataGenerator")`;
- `TensorFlow's kernel`: Zoo draws parameters and matrices, `ImageProjectiveTransformV3` transforms;
- `zoo, projective`: `zoo.Augmentation`, from NumPy to NumPy as in training.

A further table has each transform of `zoo.Augmentation` by itself, as tensors, beside the
projective transform.
"""

import os
import warnings
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import tensorflow as tf

import zoo
from benchmarks.measure import SPEED, Row, bars, keep, rows_of, show, show_ceilings, take_turns
from zoo.augmentation import projective
from zoo.augmentation.augmentation import FILL_MODES, OF_TENSORS
from zoo.datasets import Split
from zoo.training.learner import Learner
from zoo.training.lockstep import Lockstep

SHAPE = (48, 48, 1)
BATCHES = (64, 256)
TURN = 1024  # images

AUGMENTATION = zoo.describe("cnn").recipe_named("CO395").augmentation


def ways(batch: int) -> dict[str, Callable[[], Any]]:
    """Make the contestants: each augments `TURN` images in batches."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (TURN, *SHAPE), dtype=np.uint8)
    parts = [images[start : start + batch] for start in range(0, TURN, batch)]
    ranges = asdict(AUGMENTATION)
    del ranges["method"]
    for name in OF_TENSORS:
        del ranges[name]
    generator = tf.keras.preprocessing.image.ImageDataGenerator(**ranges)
    flow = generator.flow(images, batch_size=batch, shuffle=False)
    by_name = replace(AUGMENTATION, method="ImageDataGenerator")

    def by_loop() -> None:
        for part in parts:
            transformed = np.empty(part.shape, "float32")
            for row, image in enumerate(part):
                drawn = generator.get_random_transform(image.shape)
                transformed[row] = generator.apply_transform(image.astype("float32"), drawn)

    @tf.function(autograph=False)
    def kernel(pixels: Any, seed: Any) -> Any:
        drawn = projective.parameters(AUGMENTATION, projective.draw(seed, batch), *SHAPE[:2])
        return tf.raw_ops.ImageProjectiveTransformV3(
            images=pixels,
            transforms=tf.cast(projective.matrices(drawn, *SHAPE[:2]), "float32"),
            output_shape=SHAPE[:2],
            fill_value=0.0,
            interpolation="BILINEAR",
            fill_mode=AUGMENTATION.fill_mode.upper(),
        )

    def by_kernel() -> None:
        for seed, part in enumerate(parts):
            kernel(part.astype("float32"), tf.constant([seed, 0], "int64")).numpy()

    def by(augmentation: zoo.Augmentation) -> Callable[[], None]:
        def augment() -> None:
            for seed, part in enumerate(parts):
                augmentation(part, seed)

        return augment

    others = [mode for mode in FILL_MODES if mode != AUGMENTATION.fill_mode]
    return {
        "apply_transform": by_loop,
        "flow": lambda: [flow[index] for index in range(len(parts))],
        "ImageDataGenerator": by(by_name),
        "TensorFlow's kernel": by_kernel,
        "zoo, projective": by(AUGMENTATION),
        **{
            f"zoo, projective, {mode}": by(replace(AUGMENTATION, fill_mode=mode)) for mode in others
        },
    }


def kinds(batch: int) -> dict[str, Callable[[], Any]]:
    """Make the contestants with a transform each: each augments `TURN` images in batches."""
    rng = np.random.default_rng(0)
    images = tf.constant(rng.integers(0, 256, (batch, *SHAPE), dtype=np.uint8))
    shares = tf.one_hot(rng.integers(0, 7, batch), 7)

    def by(**values: Any) -> Callable[[], None]:
        augmentation = zoo.Augmentation(**values)

        def augment() -> None:
            for number in range(TURN // batch):
                words = tf.constant([number, 0], "int64")
                if augmentation.mixes:
                    augmentation.mixer(images, words, shares)[0].numpy()
                else:
                    augmentation.on_tensors(images, words).numpy()

        return augment

    projective_values = {key: value for key, value in asdict(AUGMENTATION).items() if value}
    mixed = {"mixup": 0.2, "cutmix": 1.0}
    single = {
        "horizontal_flip": True, "crop_padding": 4, "brightness_range": 0.2, "contrast_range": 0.2,
        "random_erasing": 0.5, **mixed,
    }  # fmt: skip
    return {
        "zoo, projective": by(**projective_values),
        **{name: by(**{name: value}) for name, value in single.items()},
        "projective and crop_padding": by(**projective_values, crop_padding=4),
        "projective and cutmix": by(**projective_values, cutmix=1.0),
        "all": by(**{**projective_values, **single}),
    }


def training(
    batch: int, steps: int, entry: str = "cnn", shape: tuple[int, ...] = SHAPE
) -> dict[str, Callable[[], Any]]:
    """Make contestants that train a model for some steps, without augmentation and with it."""
    rng = np.random.default_rng(0)
    count = batch * 20
    images = rng.integers(0, 256, (count, *shape), dtype=np.uint8)
    split = Split("random", images, rng.integers(0, 7, count), tuple("abcdefg"))

    def piece(augmentation: zoo.Augmentation | None) -> Callable[[], None]:
        recipe = replace(
            zoo.describe(entry).recipe, batch_size=batch, augmentation=augmentation,
            standardize=None,
        )  # fmt: skip
        model = zoo.build(
            entry, input_shape=shape, num_classes=7, seed=0, precision=recipe.precision
        )
        learner = Learner(entry, model, recipe)
        learner.start(steps)
        lockstep = Lockstep([learner], compiled=True)  # as in a long training
        batches = iter(
            split.batches(batch, shuffle=True, seed=0, epochs=1000, transform=augmentation)
        )

        def train() -> None:
            lockstep.train(batches, steps, [True])
            lockstep.totals  # noqa: B018  reading the totals waits for the last step

        return train

    return {
        "without": piece(None),
        "zoo, projective": piece(AUGMENTATION),
        "ImageDataGenerator": piece(replace(AUGMENTATION, method="ImageDataGenerator")),
        "zoo, cutmix": piece(replace(AUGMENTATION, cutmix=1.0)),
    }


def in_turns(ways: Mapping[str, Callable[[], Any]], turns: int, images: int) -> dict[str, Row]:
    """Let contestants take turns, and compare each with the first.

    Args:
        ways: Name → contestant.
        turns: Number of turns of each, 2 or more.
        images: Number of images that a contestant goes through in a turn.

    Returns:
        Name → row, with the median of the images a second.
    """
    silent = {name: lambda way=way: way() and None for name, way in ways.items()}
    rows = rows_of(take_turns(silent, turns, warm_up=2), next(iter(ways)))
    for row in rows.values():
        row["images a second"] = images / row["seconds"]
    return rows


def main() -> None:
    """Measure, print the tables, and write results/augmentation.json and .png."""
    # Keras's ImageDataGenerator imports from SciPy by a deprecated name.
    warnings.filterwarnings("ignore", "Please import `affine_transform`", DeprecationWarning)
    shape = "×".join(map(str, SHAPE))
    tables = {
        f"Augmentation of images {shape}, batches of {batch}": in_turns(ways(batch), 15, TURN)
        for batch in BATCHES
    }
    for rows in tables.values():
        rows["zoo, projective"]["asked for"] = "6 × Keras's"
    for batch in BATCHES:
        title = f"Each transform by itself, images {shape}, batches of {batch}"
        tables[title] = in_turns(kinds(batch), 15, TURN)
    trained = in_turns(training(64, 20), 9, 20 * 64)
    trained["zoo, projective"]["asked for"] = "0.95"
    tables["Training of the cnn entry, batches of 64"] = trained
    for title, rows in tables.items():
        show(title, rows, {"images a second": ",.0f", **SPEED})
    figure = bars(tables, "images a second", "images a second")
    keep("augmentation", {**tables, "ceilings": show_ceilings()}, figure)


if __name__ == "__main__":
    main()
