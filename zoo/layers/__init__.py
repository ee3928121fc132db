"""Keras layers of the zoo, one file a layer."""

from zoo.layers.local_response_normalization import LocalResponseNormalization

__all__ = ["LocalResponseNormalization"]
