"""Random transforms of training images.

`Augmentation` is the value: which transforms, and how strong. `projective` is the arithmetic: one
projective transform for a whole batch of images. `views` averages a model's answers over several
transforms of an image (test-time augmentation). Recipes, the layer `zoo.layers.Augment` and the
batches of a training come in here.
"""

from zoo.augmentation.augmentation import REPORT, Augmentation

__all__ = ["REPORT", "Augmentation"]
