"""The path of a training is recorded, and the plane of the path is that of a PCA."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

import zoo
from zoo.ensembles import Committee, Member
from zoo.errors import ArgumentError
from zoo.inspect import WeightPath
from zoo.inspect.landscapes.weight_path import path_plane


class Variable:
    def __init__(self, shape):
        self.shape = shape


@pytest.fixture
def records():
    rng = np.random.default_rng(0)
    return [[rng.normal(size=(3, 4)), rng.normal(size=5)] for _ in range(7)]


VARIABLES = [Variable((3, 4)), Variable((5,))]


def flattened(arrays):
    return np.concatenate([part.ravel() for part in arrays])


def test_the_axes_are_the_principal_components_of_the_path(records):
    plane, coordinates, shares = path_plane(VARIABLES, records)
    points = np.stack([flattened(record) for record in records])
    pca = PCA(2).fit(points)
    for found, expected in zip(map(flattened, plane.directions), pca.components_, strict=True):
        np.testing.assert_allclose(abs(found @ expected), 1)
        np.testing.assert_allclose(found @ found, 1)
    np.testing.assert_allclose(shares, pca.explained_variance_ratio_)
    directions = np.stack([flattened(direction) for direction in plane.directions])
    np.testing.assert_allclose(coordinates, (points - points[-1]) @ directions.T, atol=1e-12)
    assert (coordinates[0] <= 0).all()


def test_the_plane_contains_the_end_of_the_path_and_all_of_a_flat_path(records):
    plane, coordinates, _ = path_plane(VARIABLES, records)
    np.testing.assert_allclose(coordinates[-1], 0, atol=1e-12)
    np.testing.assert_array_equal(flattened(plane.origin), flattened(records[-1]))
    u, v = records[0], records[1]
    flat = [
        [a * x + b * y for x, y in zip(u, v, strict=True)] for a, b in [(0, 1), (2, 1), (3, -1)]
    ]
    plane, coordinates, shares = path_plane(VARIABLES, flat)
    for record, (a, b) in zip(flat, coordinates, strict=True):
        there = flattened(plane.origin) + a * flattened(plane.directions[0])
        there += b * flattened(plane.directions[1])
        np.testing.assert_allclose(there, flattened(record), atol=1e-12)
    assert shares.sum() == pytest.approx(1)


@pytest.mark.parametrize(("count", "message"), [(2, "three different points"), (4, "straight")])
def test_a_path_that_spans_no_plane_is_refused(count, message):
    line = [[np.full((3, 4), float(k)), np.full(5, 2.0 * k)] for k in range(count)]
    with pytest.raises(ArgumentError, match=message):
        path_plane(VARIABLES, line)


@pytest.fixture(scope="module")
def trained(train_split):
    """A committee, the path of its training, and the initial weights of its members."""
    recipe = zoo.Recipe(learning_rate=0.1, batch_size=50)
    members = [Member("softmax", name=name, recipe=recipe) for name in ("a", "b")]
    committee, path = Committee(members), WeightPath(every=2)
    committee.fit(train_split, epochs=5, callbacks=[path], verbose=0)
    return committee, path


def test_weights_are_recorded_before_the_training_every_other_epoch_and_at_the_end(trained):
    committee, path = trained
    assert path.epochs == [0, 2, 4, 4]
    variables, records = path.weights_of(committee)
    assert len(variables) == 4
    for variable, value in zip(variables, records[-1], strict=True):
        np.testing.assert_array_equal(np.array(variable.value), value)


def test_a_member_has_a_path_of_its_own(trained):
    committee, path = trained
    variables, records = path.weights_of(committee.members[1])
    assert [id(v) for v in variables] == [id(v) for v in committee.members[1].trainable_variables]
    assert len(records) == 4
    with pytest.raises(ArgumentError, match="none of this model"):
        path.weights_of(zoo.build("softmax"))


def test_keras_fit_takes_the_path_too(train_split):
    model = zoo.build("softmax", input_shape=train_split.image_shape, num_classes=3, seed=0)
    model.compile("sgd", "sparse_categorical_crossentropy")
    path = WeightPath()
    model.fit(train_split.images, train_split.labels, epochs=2, callbacks=[path], verbose=0)
    assert path.epochs == [0, 1, 2]


def test_every_must_be_a_number_of_epochs():
    with pytest.raises(ArgumentError, match="every must be a whole number"):
        WeightPath(every=0)
