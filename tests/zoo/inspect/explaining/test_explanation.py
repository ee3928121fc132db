import numpy as np
import pytest

from zoo.ensembles import Committee
from zoo.ensembles.measures.bootstrap import Estimate
from zoo.errors import ArgumentError
from zoo.inspect import Explanation, explain
from zoo.inspect.explaining.agreement import Sanity, scaled
from zoo.plots import figure_pixels, new_figure


@pytest.fixture(scope="module")
def committee(models):
    members = [models["functional"], models["handwritten"], models["nested"]]
    names = [model.name for model in members]
    members[1].name = "by_hand"
    yield Committee(members, voting="soft", weights=[1, 1, 2], class_names=["a$_1$", "b", "c"])
    for model, name in zip(members, names, strict=True):
        model.name = name


def test_a_committee_has_the_mean_of_the_members_maps(committee, images):
    explanation = explain(committee, images, method="grad_cam")
    answers = committee.predict(images).argmax(axis=1)
    assert np.array_equal(explanation.labels, answers)
    for member, maps in zip(committee.members, explanation.member_maps, strict=True):
        assert np.allclose(maps, explain(member, images, answers, "grad_cam").maps)
    first, second, third = scaled(explanation.member_maps)
    assert np.allclose(explanation.maps, (first + second + 2 * third) / 4, atol=1e-6)
    assert explanation.maps.dtype == np.float32
    assert np.allclose(explanation.disagreement, np.std([first, second, third], axis=0), atol=1e-6)
    assert explanation.rank_correlations.shape == (3, 3)
    assert explanation.layer == "rectified, backbone/trunk/rectified"
    assert np.array_equal(explanation.votes, committee.votes(images))


def test_a_committee_counts_the_relus_of_all_members(committee, images):
    explanation = explain(committee, images, "all", "guided_backpropagation")
    assert explanation.changed_relus == 9
    assert explanation.maps.shape == (5, 3, 8, 8)
    assert explanation.rank_correlations.shape == (3, 3)
    assert "mean of 3 members" in explanation.caption
    assert "9 ReLUs changed" in explanation.caption


def test_members_can_have_layers_of_their_own(committee, images):
    layers = {committee.member_names[0]: "first"}
    explanation = explain(committee, images, 0, "layer_cam", layer=layers)
    assert explanation.layer == "first, rectified, backbone/trunk/rectified"
    with pytest.raises(ArgumentError, match="layer must have names of members: 'functional'"):
        explain(committee, images, 0, "layer_cam", layer={"functionl": "first"})


def test_a_committee_is_drawn_with_its_disagreement(committee, images):
    explanation = explain(committee, images, method="gradient")
    figure = explanation.plot(most=3)
    assert len(figure.axes) == 3 * 3 + 1
    figure_pixels(figure)
    both = explanation.plot_members()
    right = new_figure(8, 4).subfigures(1, 2)[1]
    assert explanation.plot_members(right) is right
    assert len(right.axes) == len(both.axes)
    assert both.axes[0].get_title() == "rank correlation of the maps"
    figure_pixels(both)


def test_the_members_of_a_single_model_are_refused(models, images):
    explanation = explain(models["flat"], images, 0, "gradient")
    for ask in (lambda: explanation.disagreement, explanation.plot_members):
        with pytest.raises(ArgumentError, match="must be that of a committee"):
            ask()


@pytest.mark.parametrize("channels", [1, 3])
def test_maps_of_zeros_are_drawn(channels):
    images = np.zeros((2, 4, 4, channels), "uint8")
    maps = np.zeros((2, 4, 4), "float32")
    explanation = Explanation(maps, "gradient", np.array([0, 1], "int32"), images, ("$a_", "b"))
    pixels = figure_pixels(explanation.plot())
    assert pixels.shape[-1] == 4


def test_the_caption_counts_maps_of_zeros():
    maps = np.zeros((3, 2, 2), "float32")
    maps[1] = 1
    explanation = Explanation(maps, "rise", np.zeros(3, "int32"), np.zeros((3, 2, 2, 1), "uint8"))
    assert explanation.caption.startswith("RISE, 2 of 3 maps are zero everywhere\n")
    with pytest.raises(ArgumentError, match=r"must come from zoo\.inspect\.explain"):
        explanation.with_sanity()


def test_the_caption_tells_what_was_measured(models, images):
    explanation = explain(models["flat"], images, [[0, 1]], "integrated_gradients", steps=9)
    assert explanation.caption.startswith(
        "integrated gradients, compared with black, sums are off by "
    )
    assert explanation.caption.endswith("sanity check: not checked")
    sanity = Sanity(Estimate(0.123, 0.1, 0.2), images=5)
    measured = Explanation(
        explanation.maps, "grad_cam", explanation.labels, images, layer="second", sanity=sanity
    )
    assert measured.caption.split("\n") == [
        "Grad-CAM, layer second",
        "sanity check passed: rank correlation 0.12 [0.10, 0.20] with randomised networks, "
        "5 images",
    ]


def test_a_single_map_is_drawn_into_given_axes(models, images):

    axes = new_figure(2, 2).add_subplot()
    explanation = explain(models["flat"], images, "all", "gradient", class_names=["x", "y", "z"])
    assert explanation.plot(axes, index=1, column=2) is axes
    assert axes.get_title() == "z"
    figure_pixels(axes.figure)
