"""Landscapes say what they show, and leave the model as it was."""

import warnings

import keras
import numpy as np
import pytest
from matplotlib.collections import QuadMesh

import zoo
from zoo.ensembles import Committee
from zoo.errors import ArgumentError
from zoo.inspect import Trajectory, WeightPath, descend, landscape
from zoo.inspect.landscapes.drawing import contour_levels, draw_contours, draw_paths
from zoo.inspect.landscapes.views import architecture, matching_weights
from zoo.plots import new_figure

WAY = Trajectory("a", np.zeros((1, 2)), np.zeros(1))


def built(name, seed, **options):
    return zoo.build(name, input_shape=(6, 6, 1), num_classes=3, seed=seed, **options)


@pytest.fixture(scope="module")
def path():
    return WeightPath()


@pytest.fixture(scope="module")
def committee(path, train_split):
    """Three trained members of one architecture, with batch normalisation."""
    members = [built("bn_mlp", seed, hidden=(5,)) for seed in range(3)]
    committee = Committee(members, voting="soft")
    committee.fit(train_split, epochs=4, batch_size=20, verbose=0, callbacks=[path])
    return committee


@pytest.fixture
def member(committee):
    """A member, whose weights must be the same at the end of the test."""
    model = committee.members[0]
    before = model.get_weights()
    yield model
    assert all((a == b).all() for a, b in zip(before, model.get_weights(), strict=True))


def test_the_centre_has_the_loss_of_the_model(member, test_split):
    found = landscape(member, test_split, points=3, verbose=0)
    member.compile(loss="sparse_categorical_crossentropy")
    expected = member.evaluate(test_split.images, test_split.labels, verbose=0)
    assert found.losses[1, 1] == pytest.approx(expected, rel=1e-5)
    assert found.losses.dtype == "float64"
    assert (found.x[1], found.y[1]) == (0, 0)
    assert found.losses.min() < found.losses.max()


def test_the_centre_of_a_committee_has_the_loss_of_the_committee(committee, test_split):
    before = committee.get_weights()
    found = landscape(committee, test_split, points=3, verbose=0)
    expected = committee.evaluate(test_split, return_dict=True)["loss"]
    assert found.losses[1, 1] == pytest.approx(expected, rel=1e-5)
    assert all((a == b).all() for a, b in zip(before, committee.get_weights(), strict=True))


def test_the_caption_says_how_many_images_and_what_was_frozen(member, test_split):
    found = landscape(member, test_split, points=3, verbose=0)
    assert found.images == 60
    assert found.statistics == "kept"
    assert {path.rpartition("/")[2] for path in found.frozen} == {
        *("bias", "gamma", "beta", "moving_mean", "moving_variance")
    }
    assert found.caption == (
        "Mean over 60 images. Frozen: biases and batch normalisation. Batch statistics are kept."
    )


def test_statistics_of_a_frozen_normalisation_are_listed_as_frozen(test_split):
    model = built("bn_mlp", 0, hidden=(5, 4))
    first, second = (
        layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)
    )
    first.trainable = False  # so a training does not change its statistics, nor does "anew"
    found = landscape(model, test_split, points=3, verbose=0, batch_statistics="anew")
    statistics = {path for path in found.frozen if "/moving_" in path}
    assert statistics == {first.moving_mean.path, first.moving_variance.path}
    assert second.gamma.path in found.frozen


def test_chosen_weights_have_their_own_values_on_the_axes(member, test_split):
    names = [("logits/kernel", 2, 1), ("logits/bias", 0)]
    own = [float(np.array(member.get_layer("logits").kernel)[2, 1])]
    own.append(float(np.array(member.get_layer("logits").bias)[0]))
    found = landscape(
        member, test_split, weights=names, points=3, verbose=0,
        x=(own[0] - 1, own[0] + 1), y=(own[1] - 2, own[1] + 2),
    )  # fmt: skip
    centre = landscape(member, test_split, points=3, verbose=0).losses[1, 1]
    assert found.losses[1, 1] == pytest.approx(centre, rel=1e-5)
    assert found.labels == ("logits/kernel[2, 1]", "logits/bias[0]")
    assert found.marks[member.name] == pytest.approx(own)
    assert "All other weights are frozen." in found.caption


def test_the_axes_reach_as_far_as_the_trajectories(member, test_split):
    names = [("logits/bias", 0), ("logits/bias", 1)]
    path = Trajectory("descent", np.array([[-4.0, 0.0], [2.0, 3.0]]), np.zeros(2))
    found = landscape(member, test_split, weights=names, trajectories=[path], points=3, verbose=0)
    assert found.x[0] < -4
    assert found.y[-1] > 3
    assert "descent" in found.plot().get_legend().get_texts()[0].get_text()


def test_trajectories_over_other_weights_are_refused(member, test_split):
    names = [("logits/bias", 0), ("logits/bias", 1)]
    (path,) = descend(member, test_split, names, {"descent": keras.optimizers.SGD(0.1)}, steps=1)
    assert path.weights == ("logits/bias[0]", "logits/bias[1]")
    with pytest.raises(ArgumentError, match=r"over logits/bias\[0\] and logits/bias\[1\]"):
        landscape(member, test_split, weights=names[::-1], trajectories=[path], points=3)


def test_the_plane_of_a_training_has_the_path_and_its_variance(member, path, test_split):
    found = landscape(member, test_split, path=path, points=3, verbose=0)
    (steps,) = found.paths.values()
    assert len(steps) == 5
    assert found.x[0] < steps[:, 0].min() < steps[:, 0].max() < found.x[-1]
    assert found.y[0] < steps[:, 1].min() < steps[:, 1].max() < found.y[-1]
    assert all("% of the path's variance" in label for label in found.labels)
    assert found.statistics == "anew"
    assert found.frozen == ()
    assert found.caption == (
        "Mean over 60 images. Nothing is frozen. Batch statistics are taken anew at each point. "
        "Paths lead from a square to a star."
    )


def test_the_plane_through_members_has_their_losses(committee, test_split):
    names = committee.member_names
    found = landscape(committee, test_split, through=(names[0], 1, 2), points=3, verbose=0)
    assert list(found.marks) == list(names)
    for model, (x, y) in zip(committee.members, found.marks.values(), strict=True):
        place = {"x": (x, x + 1), "y": (y, y + 1), "points": 3, "verbose": 0}
        there = landscape(committee, test_split, through=np.arange(3), **place)
        zero = landscape(model, test_split, points=3, verbose=0, batch_statistics="anew")
        assert there.losses[0, 0] == pytest.approx(zero.losses[1, 1], rel=1e-4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"weights": [], "through": (0, 1, 2)}, "single kind of axes. Received: weights and thr"),
        ({"through": (0, 1, 2)}, "must be a committee"),
        ({"path": "logs/run"}, "must be a zoo.inspect.WeightPath"),
        ({"x": (1, 0)}, "x must be a lower and a higher number"),
        ({"y": 3}, "y must be a lower"),
        ({"points": 2}, "points must be a whole number of 3 or more"),
        ({"seed": -1}, "seed must be"),
        ({"batch_size": 0}, "batch_size must be"),
        ({"batch_statistics": "new"}, 'must be "kept" or "anew"'),
        ({"trajectories": [WAY]}, "without weights="),
        ({"trajectories": ["a"]}, "must be a list of Trajectory"),
        ({"trajectories": 2 * [WAY]}, "different names. Received: a, a"),
        ({"trajectories": WAY}, "must be a list of Trajectory"),
        ({"weights": 3}, "weights must be two different weights. Received: 3"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(options, message, member, test_split):
    with pytest.raises(ArgumentError, match=message):
        landscape(member, test_split, **options)


@pytest.mark.parametrize("model", ["softmax", keras.Sequential(), Committee(["softmax"])])
def test_only_built_models_have_a_landscape(model, test_split):
    with pytest.raises(ArgumentError, match="model must be a built"):
        landscape(model, test_split)


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ((0, 1), "three different members"),
        ((0, 1, 1), "three different members"),
        ((0, 1, "bn_mlp_4"), "did you mean 'bn_mlp"),
        ((0, 1, 7), "names or numbers of members"),
        (3, "names or numbers of members. Received: 3"),
        ("bn_mlp", "three different members. Received: 'bn_mlp'"),
    ],
)
def test_members_that_there_are_not_are_refused(chosen, message, committee, test_split):
    with pytest.raises(ArgumentError, match=message):
        landscape(committee, test_split, through=chosen)


def test_only_models_of_the_same_architecture_match():
    models = [built("mlp", 0, hidden=(4,), activation=name) for name in ("relu", "tanh", "relu")]
    assert architecture(models[0]) == architecture(models[2]) != architecture(models[1])
    with pytest.raises(ArgumentError, match=r"same architecture.*Received: a and b"):
        matching_weights({"a": models[0], "b": models[1]})


@pytest.mark.parametrize("failure", [KeyboardInterrupt, ValueError])
def test_weights_are_as_before_after_a_failure(failure, member, test_split, monkeypatch):
    calls = []

    def fail(*words):
        calls.append(words)
        raise failure

    monkeypatch.setattr(
        "zoo.inspect.landscapes.point_losses.PointLosses.means", lambda self, points: fail(points)
    )
    with pytest.raises(failure):
        landscape(member, test_split, points=3, verbose=0)
    assert calls


def test_a_picture_is_labelled_and_shows_names_as_they_are(member, test_split):
    names = [("logits/bias", 0), ("logits/bias", 1)]
    path = Trajectory("$x_1$", np.array([[0.0, 0.0], [0.5, 0.1]]), np.zeros(2))
    found = landscape(member, test_split, weights=names, trajectories=[path], points=5, verbose=0)
    axes = found.plot()
    assert axes.get_xlabel() == "logits/bias[0]"
    assert "60 images" in axes.get_title(loc="left")
    assert not axes.get_legend().get_texts()[0].get_parse_math()
    assert axes.figure.axes[1].get_ylabel() == "cross-entropy [nats]"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        axes.figure.canvas.draw()
    own = new_figure(3, 3).add_subplot()
    assert found.plot(own) is own


@pytest.mark.parametrize(
    ("losses", "is_flat"),
    [(np.zeros((3, 3)), True), (np.full((3, 3), np.nan), True), (np.eye(3) / 0.1, False)],
)
def test_any_losses_can_be_drawn(losses, is_flat):
    axes = new_figure(3, 3).add_subplot()
    draw_contours(axes, np.arange(3.0), np.arange(3.0), losses, "loss")
    draw_paths(axes, {"_hidden": np.zeros((1, 2))})
    axes.figure.canvas.draw()
    assert axes.figure.axes[1].get_ylabel() == "loss"
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [" _hidden"]
    # Contours need two levels. Losses without two levels are a mesh, with NaN left transparent.
    (drawn, *lines) = axes.collections
    assert isinstance(drawn, QuadMesh) == is_flat
    assert bool(lines) != is_flat
    if is_flat:
        np.testing.assert_array_equal(np.ma.getmaskarray(drawn.get_array()), np.isnan(losses))


def test_levels_ascend_and_reach_from_the_lowest_to_the_highest_loss():
    for losses in ([0.5, 900.0], [0.0, 3.0], [2.0, 2.5]):
        levels = contour_levels(np.array(losses))
        assert (np.diff(levels) > 0).all()
        np.testing.assert_allclose([levels[0], levels[-1]], losses)


def test_mixed_precision_is_drawn_like_float32(test_split):
    twins = [built("bn_mlp", 0, hidden=(5,), precision=p) for p in ("mixed_bfloat16", "float32")]
    twins[1].set_weights(twins[0].get_weights())
    rough, exact = (
        landscape(model, test_split, points=3, verbose=0, batch_statistics="anew").losses
        for model in twins
    )
    np.testing.assert_allclose(rough, exact, rtol=1e-5)
    assert isinstance(twins[0], keras.Model)
