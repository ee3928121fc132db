import keras
import pytest

import zoo
from zoo.inspect.networks.feature_maps import feature_layer
from zoo.inspect.networks.running import layer_calls

SMALL = {
    "alexnet": {},
    "cnn": {"filters": (4, 4), "hidden": 8, "input_shape": (16, 16, 1)},
    "conv_bn": {},
    "lenet": {},
    "mini_xception": {"width": 2},
    "rep_vgg": {"width": 2},
    "resnet": {"width": 2, "depth": 8},
    "vgg": {"width": 2},
    "wide_resnet": {"width": 1, "depth": 10},
}
"""Arguments that make each convolutional model of the zoo small, where it can be small."""

EXPECTED = {
    "alexnet": (13, "re_lu"),
    "cnn": (8, "re_lu"),
    "conv_bn": (3, "re_lu"),
    "lenet": (10, "re_lu"),
    "mini_xception": (3, "class_maps"),
    "rep_vgg": (6, "stage4_2_relu"),
    "resnet": (8, "stage3_1_relu"),
    "vgg": (6, "block4_2_relu"),
    "wide_resnet": (8, "last_relu"),
}
"""Height of the last feature map before the pooling, and the first words of its layer's name."""


def default_layer(model):
    calls = layer_calls(model, model.input_shape[1:])
    name = feature_layer(model, calls)
    return next(call for call in calls if call.name == name)


def goes_around(model, layer):
    """Whether a path from the output back to the input misses a layer."""
    seen, waiting = set(), [*model.outputs]
    while waiting:
        tensor = waiting.pop()
        operation, node = tensor._keras_history[:2]
        if operation is layer or id(tensor) in seen:
            continue
        if isinstance(operation, keras.layers.InputLayer):
            return True
        seen.add(id(tensor))
        waiting += operation._inbound_nodes[node].input_tensors
    return False


def convolutional_models():
    return [name for name in zoo.list_models() if "conv" in zoo.describe(name).tags]


@pytest.mark.parametrize("name", convolutional_models())
def test_the_default_is_the_last_feature_map_before_the_pooling(name):
    model = zoo.build(name, **SMALL[name])
    call = default_layer(model)
    height, start = EXPECTED[name]
    assert call.shape[1] == height
    assert call.name.startswith(start)
    assert not goes_around(model, call.layer)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("vgg", {"width": 16, "blocks": 2, "squeeze_excitation": True, "conv_dropout": 0.1}),
        ("rep_vgg", {"width": 16, "depths": (1, 1), "squeeze_excitation": True}),
        ("resnet", {"width": 2, "depth": 14}),
    ],
)
def test_no_branch_goes_around_the_default_of_other_arguments(name, arguments):
    model = zoo.build(name, input_shape=(16, 16, 1), **arguments)
    call = default_layer(model)
    assert call.shape[1] > 1
    assert not goes_around(model, call.layer)


def test_branches_that_are_concatenated_count_as_a_whole():
    inputs = keras.Input((8, 8, 1))
    pooled = keras.layers.MaxPooling2D(3, 1, "same")(inputs)
    branches = [keras.layers.Conv2D(2, 3, padding="same")(x) for x in (inputs, pooled)]
    x = keras.layers.Concatenate(name="joined")(branches)
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Dropout(0.5)(x))
    model = keras.Model(inputs, keras.layers.Dense(3, "softmax")(x))
    assert default_layer(model).name == "joined"


def test_a_shortcut_with_a_stride_is_left_for_the_sum():
    inputs = keras.Input((9, 9, 1))
    x = keras.layers.Conv2D(2, 3, padding="same")(inputs)
    x = keras.layers.MaxPooling2D(3, 2, "same")(keras.layers.BatchNormalization()(x))
    shortcut = keras.layers.Conv2D(2, 1, 2, padding="same")(inputs)
    x = keras.layers.Add(name="sum")([x, keras.layers.BatchNormalization()(shortcut)])
    x = keras.layers.Dense(3, "softmax")(keras.layers.GlobalAveragePooling2D()(x))
    assert default_layer(keras.Model(inputs, x)).name == "sum"


def test_images_of_unknown_size_end_the_search_at_the_pooling():
    inputs = keras.Input((None, None, 1))
    x = keras.layers.ReLU(name="rectified")(keras.layers.Conv2D(2, 3)(inputs))
    x = keras.layers.ReLU()(keras.layers.MaxPooling2D()(x))
    x = keras.layers.Dense(3, "softmax")(keras.layers.GlobalAveragePooling2D()(x))
    model = keras.Model(inputs, x)
    assert feature_layer(model, layer_calls(model, (None, None, 1))) == "rectified"
