"""Random transforms of training images.

`augmentation` has the value `Augmentation`, which says what the transforms are and how strong they
are. `graphs` applies all of them to a batch of images, in one graph: `projective` has the
arithmetic of a single projective transform for the whole batch, `intensity` brightness and
contrast, `erasing` rectangles of random pixels, and `mixing` mixup and CutMix, which also mix the
targets. They know `Augmentation` as `ranges.Ranges` only. `views` averages a model's answers over
several views of an image (test-time augmentation). Recipes, the layer `zoo.layers.Augment` and the
batches of a training use this package.
"""

from zoo.augmentation.augmentation import REPORT, Augmentation

__all__ = ["REPORT", "Augmentation"]
