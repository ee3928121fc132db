"""The models of Zoo: builders, one family of networks a file.

Importing this package registers the models. A new file is registered once it is imported here.
Each builder registers itself with `zoo.registry`, and `zoo.build` finds it there. No other module
imports the builders.
"""

from zoo.models import alexnet, cnn, mlp, softmax

__all__ = ["alexnet", "cnn", "mlp", "softmax"]
