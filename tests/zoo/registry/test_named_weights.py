import tomllib

import numpy as np
import pytest
import tomli_w

import zoo
from zoo.ensembles import Committee, Member
from zoo.errors import ArgumentError
from zoo.registry.named_weights import named_weights
from zoo.weights.catalogue import find_weights
from zoo.weights.tensors import write_tensors


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(0, 256, (5, 8, 8, 1), "uint8")


def answers(model, images):
    return np.asarray(model(images, training=False))


def test_names_are_those_of_layers_in_both_libraries_and_do_not_count_models():
    first, second = zoo.build("cnn"), zoo.build("cnn", gradients="handwritten")
    names = list(named_weights(first))
    assert names == list(named_weights(second))
    assert names[:3] == ["conv2d/kernel", "conv2d/bias", "conv2d_1/kernel"]
    normalised = named_weights(zoo.build("vgg", width=4))
    assert "block1_1_norm/moving_variance" in normalised


def test_a_model_with_trained_weights_takes_raw_pixels_with_the_arguments_of_the_paper(
    tiny_weights, images, caplog
):
    model = zoo.build("vgg", weights="tiny")
    assert (model.input_shape, model.output_shape) == ((None, 8, 8, 1), (None, 10))
    assert any(layer.name == "standardization" for layer in model.layers)
    data = zoo.datasets.load("digits", validation=0.2)
    found = answers(model, data.test.images).argmax(axis=1) == data.test.labels
    best = find_weights("tiny", "vgg")[0].paper
    assert found.sum() == best.scores["test"].correct
    assert not caplog.records  # Nothing differs from the trained network.
    twin = zoo.build("vgg", weights="tiny", gradients="handwritten")
    assert np.allclose(answers(twin, images), answers(model, images), atol=1e-5)
    low = zoo.build("vgg", weights="tiny", precision="mixed_bfloat16")
    assert np.allclose(answers(low, images), answers(model, images), atol=0.05)


@pytest.mark.parametrize("name", ["vgg", "mlp"])
def test_a_grey_picture_repeated_thrice_has_the_same_answer(tiny_weights, images, caplog, name):
    grey = answers(zoo.build(name, weights="tiny"), images)
    colour = zoo.build(name, weights="tiny", input_shape=(8, 8, 3))
    assert np.allclose(answers(colour, images.repeat(3, axis=3)), grey, atol=1e-5)
    assert "the kernel on the pixels repeated for each channel" in caplog.text


def test_kernels_of_colour_images_are_summed_for_grey_images(changeable_weights, images):
    colour = zoo.build("vgg", input_shape=(8, 8, 3), num_classes=10, width=4, blocks=2,
                       standardize="per_image", seed=0)  # fmt: skip
    _replace(changeable_weights, "vgg-0", colour)
    grey = zoo.build("vgg", weights="tiny/vgg-0", input_shape=(8, 8, 1))
    wanted = answers(colour, images.repeat(3, axis=3))
    assert np.allclose(answers(grey, images), wanted, atol=1e-4)


def test_another_number_of_classes_gets_a_new_last_layer_and_everything_else(tiny_weights, caplog):
    model = zoo.build("vgg", weights="tiny/vgg-0", num_classes=3, seed=0)
    fresh = zoo.build("vgg", num_classes=3, seed=0, width=4, blocks=2, input_shape=(8, 8, 1))
    trained, found = named_weights(zoo.build("vgg", weights="tiny/vgg-0")), named_weights(model)
    for name, variable in found.items():
        expected = named_weights(fresh)[name] if name.startswith("logits/") else trained[name]
        assert np.array_equal(variable, expected), name
    assert [record.message for record in caplog.records] == [
        "vgg starts from tiny/vgg-0: a new last layer for 3 classes in place of 10."
    ]


def test_another_size_is_taken_by_pooling_and_refused_without(tiny_weights, caplog):
    assert zoo.build("vgg", weights="tiny", input_shape=(13, 16, 1)).output_shape == (None, 10)
    assert "images of 13×16 grey in place of 8×8 grey" in caplog.text
    with pytest.raises(ArgumentError, match=r"trained on 8×8 grey images\. Received: \(9, 9, 1\)"):
        zoo.build("mlp", weights="tiny", input_shape=(9, 9, 1))


def test_features_are_those_of_the_trained_network(tiny_weights, images):
    whole, cut = zoo.build("vgg", weights="tiny"), zoo.build("vgg", weights="tiny", features=True)
    logits = answers(cut, images) @ np.asarray(whole.get_layer("logits").kernel)
    shares = np.exp(logits + np.asarray(whole.get_layer("logits").bias))
    shares /= shares.sum(axis=1, keepdims=True)
    assert np.allclose(shares, answers(whole, images), atol=1e-4)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"width": 8}, r"width must be 4 with weights='tiny/vgg-\d'.*Received: 8"),
        ({"standardize": "mean_image"}, "standardize must be 'per_image'"),
        ({"widht": 4}, "did you mean 'width'"),
    ],
)
def test_arguments_that_contradict_the_trained_network_are_refused(tiny_weights, arguments, words):
    with pytest.raises(ArgumentError, match=words):
        zoo.build("vgg", weights="tiny", **arguments)


def test_of_several_weights_those_of_the_asked_width_are_taken(changeable_weights, images):
    wide = zoo.build("vgg", input_shape=(8, 8, 1), num_classes=10, width=8, blocks=2, seed=5)
    paper = tomllib.loads((changeable_weights / "vgg-0.toml").read_text("utf-8"))
    _replace(changeable_weights, "vgg-0", wide, arguments={**paper["arguments"], "width": 8})
    for width, name in ((8, "tiny/vgg-0"), (4, "tiny/vgg-1")):
        model = zoo.build("vgg", weights="tiny", width=width)
        assert model.zoo_sources == (name,)
        member = Member("vgg", {"weights": "tiny", "width": width})
        assert member.arguments["weights"] == name
        member = Member("vgg", {"width": width})
        (model,) = Committee([member], weights="tiny")._specs
        assert model.arguments["weights"] == name
    with pytest.raises(ArgumentError, match=r"width must be \d with weights='tiny/vgg-"):
        zoo.build("vgg", weights="tiny", width=2)


def test_arguments_that_say_the_same_or_change_no_answer_are_taken(tiny_weights, images):
    model = zoo.build("vgg", weights="tiny", width=4, standardize="per_image", dropout=0.5)
    assert np.allclose(answers(model, images), answers(zoo.build("vgg", weights="tiny"), images))
    assert zoo.build("mlp", weights="tiny", hidden=(16,)).output_shape == (None, 10)
    logits = zoo.build("vgg", weights="tiny", classifier_activation=None)
    assert not np.allclose(answers(logits, images).sum(axis=1), 1)


def test_a_model_that_is_only_a_last_layer_needs_its_classes(changeable_weights):
    model = zoo.build("softmax", input_shape=(8, 8, 1), num_classes=10)
    _replace(
        changeable_weights, "vgg-0", model, model="softmax", arguments={}, recipe={"epochs": 1}
    )
    with pytest.raises(ArgumentError, match="has no layer but the last"):
        zoo.build("softmax", weights="tiny/vgg-0", num_classes=3)


def _replace(folder, member, network, **values):
    """Let a member of a set have the weights and the shape of a network, and other values."""
    arrays = {name: np.asarray(value) for name, value in named_weights(network).items()}
    file = write_tensors(folder / f"{member}.safetensors", arrays)
    path = folder / f"{member}.toml"
    table = tomllib.loads(path.read_text("utf-8")) | values
    table |= {"input_shape": network.input_shape[1:], "sha256": file.sha256}
    path.write_text(tomli_w.dumps(table), "utf-8")
