"""Planes in the space of the weights: filter norms, chosen weights, three points."""

import keras
import numpy as np
import pytest

import zoo
from zoo.errors import ArgumentError
from zoo.inspect.landscapes.planes import (
    Plane,
    filter_axes,
    random_plane,
    through_points,
    value_of,
    weight_plane,
)


@pytest.fixture(scope="module")
def model():
    layers = [
        keras.layers.Conv2D(4, 3, name="conv"),
        keras.layers.DepthwiseConv2D(2, depth_multiplier=2, name="depthwise"),
        keras.layers.BatchNormalization(name="norm"),
        keras.layers.Conv2DTranspose(3, 2, name="transposed"),
        keras.layers.Flatten(),
        keras.layers.Dense(3, name="dense"),
    ]
    return keras.Sequential([keras.Input((6, 6, 2)), *layers])


def norms(values, axes):
    """The norm of each filter; `axes` number the filters."""
    numbered = {axis % values.ndim for axis in axes}
    return np.sqrt(np.square(values).sum(tuple(k for k in range(values.ndim) if k not in numbered)))


def test_each_filter_of_a_random_direction_has_the_norm_of_the_filter(model):
    plane = random_plane(model, seed=4)
    axes = {"conv": [-1], "depthwise": [-2, -1], "transposed": [-2], "dense": [-1]}
    assert [variable.path.split("/")[1] for variable in plane.variables] == list(axes)
    for direction in plane.directions:
        for part, weights, numbered in zip(direction, plane.origin, axes.values(), strict=True):
            np.testing.assert_allclose(norms(part, numbered), norms(weights, numbered), rtol=1e-5)
            assert part.dtype == "float32"


def test_a_seed_gives_the_same_directions_and_another_seed_others(model):
    first, again, other = (random_plane(model, seed).directions[0][0] for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert abs(first - other).max() > 0.01


def test_a_filter_of_zeros_does_not_move(model):
    kernel = model.get_layer("dense").kernel
    before = np.array(kernel)
    try:
        kernel.assign(before * [0, 1, 1])
        direction = random_plane(model, 0).directions[0][-1]
        assert (direction[:, 0] == 0).all()
        assert (direction[:, 1] != 0).any()
    finally:
        kernel.assign(before)


def test_frozen_layers_do_not_move(model):
    model.get_layer("dense").trainable = False
    try:
        paths = [variable.path for variable in random_plane(model, 0).variables]
    finally:
        model.get_layer("dense").trainable = True
    assert [path.split("/")[1] for path in paths] == ["conv", "depthwise", "transposed"]


def test_filters_of_an_ordinary_kernel_are_numbered_by_the_last_axis(model):
    conv = model.get_layer("conv")
    assert filter_axes(conv, conv.kernel) == (-1,)


def test_a_model_without_kernels_is_refused():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Softmax()])
    with pytest.raises(ArgumentError, match="must have a kernel"):
        random_plane(model, 0)


def test_coordinates_of_two_weights_are_their_values(model):
    names = [("dense/kernel", 5, 1), ("conv/bias", 2)]
    plane = weight_plane(model, names)
    paths = [variable.path.partition("/")[2] for variable in plane.variables]
    assert paths == ["dense/kernel", "conv/bias"]
    values = [value_of(model, name) for name in names]
    for k, variable in enumerate(plane.variables):
        there = plane.origin[k] + sum(
            value * direction[k] for value, direction in zip(values, plane.directions, strict=True)
        )
        np.testing.assert_array_equal(there, np.array(variable.value))


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([("dense/kernels", 0, 0), ("conv/bias", 0)], r"did you mean 'sequential.*/dense/kernel'"),
        ([("kernel", 0), ("conv/bias", 0)], "that of a single weight. Received: 'kernel'"),
        ([("dense/kernel", 0), ("conv/bias", 0)], "must be 2 whole numbers"),
        ([("dense/kernel", 0, 3), ("conv/bias", 0)], "must be 2 whole numbers"),
        ([("dense/kernel", 0, 1.5), ("conv/bias", 0)], "must be 2 whole numbers"),
        ([("conv/bias", 0), ("conv/bias", 0)], "two different weights"),
        ([("conv/bias", 0)], "two different weights"),
        (["conv/bias", ("conv/bias", 0)], "must be 1 whole numbers"),
    ],
)
def test_a_weight_that_there_is_not_is_refused(model, names, message):
    with pytest.raises(ArgumentError, match=message):
        weight_plane(model, names)


def test_weights_of_several_members_need_a_member():
    committee = zoo.ensembles.Committee(
        [zoo.build("softmax", seed=k) for k in range(2)], class_names=list("abcdefghij")
    )
    with pytest.raises(ArgumentError, match=r"committee.members\[0\]"):
        weight_plane(committee, [("logits/bias", 0), ("logits/bias", 1)])


def test_the_plane_through_three_points_goes_through_them():
    points = [[np.array(p), np.array([q])] for p, q in [((1.0, 2), 3.0), ((4, 2), -1), ((0, 5), 2)]]
    plane, coordinates = through_points(["a", "b"], points)
    assert isinstance(plane, Plane)
    for point, place in zip(points, coordinates, strict=True):
        for k, expected in enumerate(point):
            there = plane.origin[k] + place[0] * plane.directions[0][k]
            np.testing.assert_allclose(there + place[1] * plane.directions[1][k], expected)
    u, v = (np.concatenate(direction) for direction in plane.directions)
    np.testing.assert_allclose([u @ u, v @ v, u @ v], [1, 1, 0], atol=1e-12)
    with pytest.raises(ArgumentError, match="do not lie on a line"):
        through_points(["a"], [[np.array([float(k)])] for k in range(3)])
