import keras
import pytest

from zoo.errors import ArgumentError
from zoo.inspect.networks.layer_names import find_layer, layers_by_path


def test_paths_lead_through_models_and_layers_of_layers(models):
    assert list(layers_by_path(models["nested"]))[:4] == [
        "scaled",
        "backbone",
        "backbone/trunk",
        "backbone/trunk/first",
    ]
    assert "block/shared" in layers_by_path(models["shared"])
    assert "second" in layers_by_path(models["subclassed"])


def test_a_layer_is_found_by_path_by_its_end_or_by_itself(models):
    model = models["nested"]
    found = find_layer(model, "backbone/trunk/second")
    assert find_layer(model, "second") == find_layer(model, found.layer) == found
    assert find_layer(model, "second:1").number == 1


def test_an_unknown_layer_is_answered_with_the_closest_names(models):
    with pytest.raises(ArgumentError, match=r"Received: 'secnd'; did you mean 'second'\? The lay"):
        find_layer(models["flat"], "secnd")
    with pytest.raises(ArgumentError, match="or a layer that it contains"):
        find_layer(models["flat"], keras.layers.ReLU())


def test_a_name_that_several_layers_have_is_refused():
    parts = [
        keras.Sequential([keras.layers.Dense(2, name="inner")], name=name) for name in ("a", "b")
    ]
    model = keras.Sequential([keras.Input((2,)), *parts])
    with pytest.raises(ArgumentError, match=r"2 layers have\. Pass one of 'a/inner', 'b/inner'"):
        find_layer(model, "inner")
