"""The registry of models: names, and the functions that build a Keras model for each name.

`specs` holds the registered models, `building` builds a model, `standardization` adds a layer that
standardises pixels to a model, and `hardware` says in which precision the machine is fast.
`zoo.register`, `zoo.build`, `zoo.describe` and `zoo.list_models` are defined here. The models in
`zoo.models` and a user's own models use `register`.
"""

from zoo.registry.building import build
from zoo.registry.specs import REQUIRED, ModelSpec, describe, list_models, register

__all__ = ["REQUIRED", "ModelSpec", "build", "describe", "list_models", "register"]
