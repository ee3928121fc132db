"""The zoo's own entries, one file a family. Importing this registers them."""

from zoo.models import alexnet, cnn, mlp, softmax

__all__ = ["alexnet", "cnn", "mlp", "softmax"]
