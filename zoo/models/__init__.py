"""The models of Zoo: builders, one family of networks a file.

Importing this package registers the models. A new file is registered once it is imported here.
Builders come from `zoo.registry`, which `zoo.build` uses; nothing else imports them.
"""

from zoo.models import alexnet, cnn, mlp, softmax

__all__ = ["alexnet", "cnn", "mlp", "softmax"]
