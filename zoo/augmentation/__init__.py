"""Random transforms of training images.

`augmentation` has the value `Augmentation`, which says what the transforms are and how strong they
are. `projective` has the arithmetic: a single projective transform for a whole batch of images. It
does not know `Augmentation`. `views` averages a model's answers over several transforms of an image
(test-time augmentation). Recipes, the layer `zoo.layers.Augment` and the batches of a training
use this package.
"""

from zoo.augmentation.augmentation import REPORT, Augmentation

__all__ = ["REPORT", "Augmentation"]
