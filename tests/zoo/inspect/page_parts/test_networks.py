import keras
import numpy as np
import pytest

from zoo.inspect.page_parts import networks
from zoo.inspect.page_parts.subject import LeftOut, Subject


def test_maps_have_their_numbers(made, found):
    assert made.summaries["Where it looks"].startswith("sanity check: integrated gradients")
    text = found.text
    assert "Red pixels speak for the answer" in text
    assert "Deletion: while the most important pixels of the map are taken away" in text
    described = [tag["alt"] for tag in found.named("img") if tag.get("class") == "drawn"]
    assert any("sanity check passed: rank correlation" in alt for alt in described) or any(
        "sanity check failed: rank correlation" in alt for alt in described
    )


def test_grad_cam_is_left_out_where_a_network_has_no_convolution(found):
    assert networks.NO_GRAD_CAM in found.text


def test_half_of_the_explained_images_are_mistakes(subject):
    rows, right = networks._rows_to_explain(subject)
    assert len(rows) == networks.MOST_EXPLAINED
    assert subject.is_right[rows].tolist() == [True] * right + [False] * (len(rows) - right)
    assert len(set(rows)) == len(rows)


def test_first_layers_of_several_members(subject, read_page):
    contents = networks.show_weights(subject)
    assert contents.summary == "first layers of 2 of 2 networks"
    text = read_page("".join(contents.parts)).text
    assert "flat_model: all 4 units of the layer." in text
    assert "perceptron: all 3 units of the layer." in text


def test_a_first_layer_that_is_no_image_is_left_out_with_the_reason(split):
    layers = [keras.Input((8, 8, 3)), keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3)]
    model = keras.Sequential(layers, name="mixing")
    with pytest.raises(LeftOut, match=r"No first layer can be shown as images\. mixing: .* image"):
        networks.show_weights(Subject(model, split))


def test_of_many_units_and_members_the_first_are_drawn(split, read_page):
    layers = [keras.Input((8, 8, 3)), keras.layers.Conv2D(60, 3), keras.layers.Flatten()]
    model = keras.Sequential([*layers, keras.layers.Dense(3)], name="wide")
    subject = Subject(model, split)
    assert "wide: the first 48 of 60 units" in networks.show_weights(subject).parts[1]


def test_dead_units_are_counted_for_each_network(subject, read_page):
    contents = networks.show_dead_units(subject)
    found = read_page("".join(contents.parts))
    assert "flat_model: dead units on 40 images" in found.text
    assert "perceptron: dead units on 40 images" in found.text
    assert contents.summary.endswith(" of 21 units are dead")


def test_a_model_without_relu_says_so(single):
    assert "No layer of this model has a ReLU." in networks.show_dead_units(single).parts[0]


def test_the_caption_says_how_faithful_the_maps_are(subject):
    from zoo.inspect.judging.faithfulness import faithfulness

    model = subject.members["perceptron"]
    judged = faithfulness(model, subject.split.images[:2], method="gradient", verbose=0)
    area = judged.area("deletion").value
    assert np.isfinite(area)
    assert f"the mean probability of the answer is {area:.2f} [" in networks._in_words(judged)
