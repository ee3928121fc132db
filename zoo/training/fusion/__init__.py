"""Running several models as one model: fewer and larger matrix products for the same numbers.

`fusible` tells which models and optimisers can run side by side, and `reasons` why others cannot.
`fused` runs such models as one wide model out of the parts in `wide_layers` and `wide_optimizer`,
whose variables stand for those of the models (`paired_variables`). `model_group` is the way in: it
takes any models, fuses those that can be fused and runs the others one by one. Used by
`zoo.training.lockstep`.
"""

from zoo.training.fusion.model_group import ModelGroup
from zoo.training.fusion.reasons import reasons_apart

__all__ = ["ModelGroup", "reasons_apart"]
