"""Loading saved models safely.

A `.keras` file is a zip archive with the weights and a description of the model, `config.json`,
that names classes and functions. Keras calls many of them while it loads. So before Keras reads the
file, `archive` looks at the members of the archive, their sizes and checksums, and `names` compares
each name in the description with the modules that models are made of. While Keras builds the model,
`weight_budget` compares the weights with those that the file holds. Training and committees, which
load and save models, may come in.
"""

from zoo.saving.loading import load, model_file, saved_description
from zoo.saving.names import foreign_names

__all__ = ["foreign_names", "load", "model_file", "saved_description"]
