"""The shelf of data sets: one file for each, with its description and the function that reads it.

Importing this package registers all of them. Used by `zoo.datasets.loading`.
"""

from zoo.datasets.sources import (  # noqa: F401  importing a module registers its data set
    cifar10,
    digits,
    facescrub,
    fashion_mnist,
    fer2013,
    ferplus,
    folder,
    mnist,
    svhn,
)
