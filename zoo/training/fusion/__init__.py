"""Running several models as one model: fewer and larger matrix products for the same numbers.

`fusible` tells which models and optimisers can run side by side, `fused` runs such models as one
wide model out of the parts in `wide_layers`, and `model_group` is the way in: it takes any models,
fuses those that can be fused and runs the others one by one. Used by `zoo.training.lockstep`.
"""

from zoo.training.fusion.model_group import ModelGroup

__all__ = ["ModelGroup"]
