"""Trained weights that come with the package, each with its paper.

A set of weights is a folder of this room: `set.toml`, and for each member its weights,
`MEMBER.safetensors`, and its paper, `MEMBER.toml`. The paper says how the weights were made, how
good they are and on which images, and what they may be used for. Here the files are found, read and
checked; `zoo.build(weights=)` in `zoo.registry` puts the weights into a model. Nothing here imports
Keras.

Example:
    >>> import zoo
    >>> isinstance(zoo.list_weights(), list)
    True
"""

from zoo.weights.catalogue import list_weights, weight_sets

__all__ = ["list_weights", "weight_sets"]
