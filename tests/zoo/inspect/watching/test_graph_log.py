import keras
import pytest

from zoo.inspect.watching.graph_log import layer_graph


def edges(model):
    return {node.name: list(node.input) for node in layer_graph(model).node}


def test_a_node_stands_for_a_layer_with_its_settings_and_the_shape_of_its_output(models):
    graph = layer_graph(models["flat"])
    (node,) = [node for node in graph.node if node.name == "first"]
    assert (node.op, list(node.input)) == ("Conv2D", ["scaled"])
    assert node.attr["filters"].s == b"4"
    assert node.attr["kernel_size"].s == b"(3, 3)"
    assert node.attr["activation"].s == b"relu"
    assert node.attr["parameters"].s == b"112"
    (shape,) = node.attr["_output_shapes"].list.shape
    assert [length.size for length in shape.dim] == [-1, 8, 8, 4]


def test_layers_of_nested_models_have_the_name_of_the_model_before_their_own(models):
    found = edges(models["nested"])
    assert found["backbone/trunk/first"] == ["scaled"]
    assert found["flat"] == ["backbone/trunk/pooled"]
    assert found["answer"] == ["hidden"]
    assert found["answers"] == ["answer"]


def test_a_subclassed_model_has_a_graph_too(models):
    found = edges(models["subclassed"])
    assert [found[name] for name in ("first", "second", "hidden")] == [
        ["pixels"],
        ["first"],
        ["second"],
    ]


def test_branches_join_and_a_layer_that_is_called_twice_has_two_nodes():
    inputs = keras.Input((4, 4, 1))
    shared = keras.layers.Conv2D(2, 3, padding="same", name="shared")
    first = shared(inputs)
    second = shared(keras.ops.concatenate([inputs[..., :1]], axis=-1) * 2.0)
    joined = keras.layers.Add(name="joined")([first, second])
    outputs = keras.layers.Dense(2, name="logits")(keras.layers.Flatten(name="flat")(joined))
    found = edges(keras.Model(inputs, outputs))
    assert sorted(found["joined"]) == ["shared", "shared_call_2"]
    assert found["shared"] == ["pixels"]


def test_tracing_changes_no_weight_and_no_seed():
    model = keras.Sequential(
        [
            keras.Input((4, 4, 1)),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.5, seed=1, name="dropout"),
            keras.layers.Flatten(),
            keras.layers.Dense(2),
        ]
    )
    before = [variable.numpy().copy() for variable in model.variables]
    assert "dropout" in edges(model)
    for variable, value in zip(model.variables, before, strict=True):
        assert (variable.numpy() == value).all()


@pytest.mark.parametrize("name", ["shared", "logits", "sigmoid", "mixed", "handwritten"])
def test_every_node_is_reached_from_the_images(models, name):
    found = edges(models[name])
    assert [node for node, sources in found.items() if not sources] == ["pixels"]
    assert set(found) >= {source for sources in found.values() for source in sources}
