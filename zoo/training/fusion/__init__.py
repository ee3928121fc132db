"""Running several models as one model: fewer and larger matrix products for the same numbers.

`fusible` tells which models and optimisers can run side by side, and `reasons` why others cannot.
`fused` runs such models as one wide model: a shared first product, then a `branch` for each
architecture, made of `wide_layers`; with `penalties`, and with the optimiser of `wide_optimizer`.
Its variables stand for those of the models (`paired_variables`). `model_group` is the way in: it
takes any models, fuses those that can be fused and runs the others one by one. `graph_key` tells
which models can be trained by the same graph, one after another, and `steps` makes a graph of many
steps. Used by `zoo.training.lockstep`.
"""

from zoo.training.fusion.fusible import fusible_rows
from zoo.training.fusion.graph_key import graph_key
from zoo.training.fusion.model_group import ModelGroup
from zoo.training.fusion.reasons import reasons_apart
from zoo.training.fusion.steps import loop_over_batches

__all__ = ["ModelGroup", "fusible_rows", "graph_key", "loop_over_batches", "reasons_apart"]
