"""Operations are counted as a person counts them."""

import keras
import pytest

import zoo
from zoo.errors import ArgumentError
from zoo.registry.flops import flops, multiply_adds

L = keras.layers

# A layer, the shape of an image, and the multiply-adds of the layer: numbers of the kernel times
# the positions of the output.
COUNTED = {
    "dense": (L.Dense(5), (7,), 7 * 5),
    "dense at each position": (L.Dense(5), (3, 4, 7), 3 * 4 * 7 * 5),
    "convolution": (L.Conv2D(5, 3), (8, 9, 2), 6 * 7 * 3 * 3 * 2 * 5),
    "strides": (L.Conv2D(5, 3, strides=2, padding="same"), (8, 9, 2), 4 * 5 * 3 * 3 * 2 * 5),
    "groups": (L.Conv2D(6, 3, groups=2), (8, 9, 4), 6 * 7 * 3 * 3 * 2 * 6),
    "channels first": (
        L.Conv2D(5, 3, padding="same", data_format="channels_first"), (2, 8, 9),
        8 * 9 * 3 * 3 * 2 * 5,
    ),
    "depthwise": (L.DepthwiseConv2D(3, depth_multiplier=2), (8, 9, 4), 6 * 7 * 3 * 3 * 4 * 2),
    "separable": (L.SeparableConv2D(5, 3), (8, 9, 4), 6 * 7 * (3 * 3 * 4 + 4 * 5)),
    "along one axis": (L.Conv1D(5, 3), (8, 2), 6 * 3 * 2 * 5),
    "separable along one axis": (L.SeparableConv1D(5, 3), (8, 4), 6 * (3 * 4 + 4 * 5)),
    "three axes": (L.Conv3D(5, 3), (8, 9, 4, 2), 6 * 7 * 2 * 27 * 2 * 5),
    "transposed": (L.Conv2DTranspose(5, 3, strides=2), (8, 9, 2), 8 * 9 * 3 * 3 * 2 * 5),
    "inside a model": (
        keras.Sequential([L.Input((7,)), keras.Sequential([L.Input((7,)), L.Dense(5)])]), (7,),
        7 * 5,
    ),
    "normalisation": (L.BatchNormalization(), (8, 9, 4), 0),
}  # fmt: skip


@pytest.mark.parametrize(("layer", "shape", "expected"), COUNTED.values(), ids=list(COUNTED))
def test_multiply_adds_of_a_layer(layer, shape, expected):
    inputs = keras.Input(shape)
    model = keras.Model(inputs, layer(inputs))
    assert isinstance(layer, keras.Model) or multiply_adds(layer) == expected
    assert flops(model) == 2 * expected


def test_layers_by_hand_count_as_those_of_keras():
    counted = [
        flops(zoo.build("mini_xception", input_shape=(9, 9, 1), gradients=gradients))
        for gradients in ("auto", "handwritten")
    ]
    assert counted[0] == counted[1] > 0


def test_operations_of_a_model_without_a_graph_are_not_counted():
    class Own(keras.Model):
        def call(self, x):
            return x

    with pytest.raises(ArgumentError, match="must be a built graph of layers, to count"):
        flops(Own())


def test_a_model_of_any_size_inside_a_model_counts_as_nothing():
    inner = keras.Sequential([keras.Input((None, None, 3)), L.Conv2D(4, 3)])
    assert flops(keras.Sequential([keras.Input((9, 9, 3)), inner])) == 0
