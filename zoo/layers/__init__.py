"""Keras layers whose gradients are written by hand, each in a file of its own.

Most are twins of the Keras layer of the same name: they have the same arguments, weights and
configuration, so `twin.set_weights(layer.get_weights())` moves weights in both directions.
`LocalResponseNormalization`, `Augment` and the two standardisations have no twin in Keras. Layers
without a gradient to write are Keras's own. The builders in `zoo.models` take this package or
`keras.layers` as their layer library, and `zoo.gradients` checks the gradients.

Example:
    >>> import keras
    >>> import zoo.layers
    >>> inputs = keras.Input((4,))
    >>> model = keras.Model(inputs, zoo.layers.Dense(2, activation="softmax")(inputs))
    >>> model.count_params()
    10
"""

from keras.layers import Flatten, Input, Rescaling, ZeroPadding2D

from zoo.layers.activations import Activation
from zoo.layers.augment import Augment
from zoo.layers.average_pooling2d import AveragePooling2D, GlobalAveragePooling2D
from zoo.layers.batch_normalization import BatchNormalization
from zoo.layers.conv2d import Conv2D
from zoo.layers.dense import Dense
from zoo.layers.depthwise_conv2d import DepthwiseConv2D, SeparableConv2D
from zoo.layers.dropout import Dropout
from zoo.layers.local_response_normalization import LocalResponseNormalization
from zoo.layers.max_pooling2d import MaxPooling2D
from zoo.layers.merging import Add, Multiply
from zoo.layers.relu import ReLU
from zoo.layers.softmax import Softmax
from zoo.layers.standardization import MeanImageStandardization, PerImageStandardization

__all__ = [
    "Activation",
    "Add",
    "Augment",
    "AveragePooling2D",
    "BatchNormalization",
    "Conv2D",
    "Dense",
    "DepthwiseConv2D",
    "Dropout",
    "Flatten",
    "GlobalAveragePooling2D",
    "Input",
    "LocalResponseNormalization",
    "MaxPooling2D",
    "MeanImageStandardization",
    "Multiply",
    "PerImageStandardization",
    "ReLU",
    "Rescaling",
    "SeparableConv2D",
    "Softmax",
    "ZeroPadding2D",
]
