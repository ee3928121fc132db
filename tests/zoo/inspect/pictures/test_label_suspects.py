import json
from dataclasses import replace

import numpy as np
import pytest

import zoo
from zoo.ensembles import Committee, Member
from zoo.errors import ArgumentError, DataError
from zoo.inspect import LabelSuspects, label_suspects
from zoo.recipes import Recipe

QUICK = Recipe("adam", 0.03, batch_size=16, epochs=20)


@pytest.fixture(scope="module")
def wrong_labels(train_split):
    """The training images, of which nine have a wrong label, and the rows of the nine."""
    rows = np.arange(3, 99, 11)
    labels = train_split.labels.copy()
    labels[rows] = (labels[rows] + 1) % 3
    return replace(train_split, labels=labels), rows


@pytest.fixture(scope="module")
def suspects(wrong_labels):
    split, _ = wrong_labels
    members = [Member("softmax", recipe=QUICK)]
    return label_suspects(members, split, folds=3, verbose=0)


def test_wrong_labels_stand_first(suspects, wrong_labels):
    split, rows = wrong_labels
    first = suspects.indices[: len(rows)]
    assert np.isin(first, rows).sum() >= 7
    assert np.isin(suspects.indices[suspects.issues], rows).mean() >= 0.75
    assert len(suspects) == len(split)
    assert (np.diff(suspects.scores) >= 0).all()


def test_the_list_of_suspects_is_taken_by_load():
    data = zoo.datasets.load("digits", classes=["3", "8"])
    probabilities = np.full((len(data.train), 2), 0.5)
    probabilities[[5, 9]] = np.eye(2)[1 - data.train.labels[[5, 9]]]
    suspects = LabelSuspects.from_probabilities(probabilities, data.train.labels, data=data.train)
    excluded = json.loads(json.dumps(suspects.exclusion(2)))
    less = zoo.datasets.load("digits", classes=["3", "8"], exclude=excluded)
    assert sorted(set(data.train.rows) - set(less.train.rows)) == data.train.rows[[5, 9]].tolist()
    assert len(suspects.exclusion()) == suspects.issues.sum()


def test_the_table_has_the_columns_of_cleanlab(suspects):
    pytest.importorskip("pandas")
    frame = suspects.to_frame()
    assert frame["is_label_issue"].sum() == suspects.issues.sum()
    assert frame["score"].is_monotonic_increasing


def test_members_of_probabilities_are_averaged():
    members = np.array([[[0.6, 0.4], [0.2, 0.8]], [[0.2, 0.8], [0.2, 0.8]]])
    suspects = LabelSuspects.from_probabilities(members, [0, 0])
    np.testing.assert_array_equal(suspects.indices, [1, 0])
    np.testing.assert_allclose(suspects.scores, [0.2, 0.4])
    np.testing.assert_allclose(suspects.quality, [0.2, 0.4])
    assert suspects.measures["mutual_information"][0] == pytest.approx(0)
    assert suspects.class_names == ("0", "1")
    with pytest.raises(ArgumentError, match="There must be images for a picture"):
        suspects.plot()


def test_a_committee_that_knows_the_images_is_refused(train_split, test_split):
    committee = Committee([Member("softmax", recipe=QUICK)], voting="soft")
    committee.fit(train_split, epochs=1, verbose=0)
    with pytest.raises(DataError, match="trained on 100 of these 100 images"):
        label_suspects(committee, train_split)
    with pytest.raises(ArgumentError, match=r"no options of a training\. Received: epochs"):
        label_suspects(committee, test_split, epochs=3)
    for option in ({"folds": 3}, {"seed": 1}, {"resume": True}, {"copies": 2}, {"log_dir": "x"}):
        with pytest.raises(ArgumentError, match=f"Received: {next(iter(option))}"):
            label_suspects(committee, test_split, **option)
    found = label_suspects(committee, test_split, score="self_confidence")
    np.testing.assert_array_equal(found.scores, found.quality)
    expected = committee.predict(test_split)[np.arange(60), test_split.labels]
    np.testing.assert_allclose(found.scores, np.sort(expected), atol=1e-6)


def test_other_images_than_those_of_the_probabilities_are_refused(test_split):
    probabilities = np.full((2, 3), 1 / 3)
    with pytest.raises(ArgumentError, match="data must have the images of the labels"):
        LabelSuspects.from_probabilities(probabilities, [0, 1], data=test_split)
    with pytest.raises(ArgumentError, match="class_names must be 3 names"):
        LabelSuspects.from_probabilities(probabilities, [0, 1], class_names=["a"])
    with pytest.raises(ArgumentError, match="class_names must be 3 names"):
        LabelSuspects.from_probabilities(probabilities, [0, 1], class_names="abc")
    names = np.array(["a", "b", "c"])
    assert LabelSuspects.from_probabilities(
        probabilities, [0, 1], class_names=names
    ).class_names == ("a", "b", "c")
    with pytest.raises(ArgumentError, match="score must be"):
        label_suspects("softmax", test_split, score="best")
