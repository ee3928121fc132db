"""The models of Zoo: builders, in a file for each family of networks.

Importing this package registers the models with `zoo.registry`, where `zoo.build` finds them. A new
file must be imported here. No other module imports the builders.
"""

from zoo.models import alexnet, cnn, lenet, mini_xception, mlp, residual, softmax, vgg

__all__ = ["alexnet", "cnn", "lenet", "mini_xception", "mlp", "residual", "softmax", "vgg"]
