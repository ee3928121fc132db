"""The registry of models: names, and the functions that build a Keras model for each name.

`specs` knows what is registered, `building` builds a model, `standardization` puts a layer that
standardises pixels into it, and `hardware` says which precision the machine computes fast.
`zoo.register`, `zoo.build`, `zoo.describe` and `zoo.list_models` come from here.
"""

from zoo.registry.building import build
from zoo.registry.specs import REQUIRED, ModelSpec, describe, list_models, register

__all__ = ["REQUIRED", "ModelSpec", "build", "describe", "list_models", "register"]
