"""Trained weights go on with data whose classes stand in another order."""

from dataclasses import replace

import numpy as np
import pytest

import zoo
from zoo.datasets.split import as_split
from zoo.ensembles import Committee, Member, pretrained
from zoo.errors import ArgumentError, DataError

ORDER = [3, 0, 9, 1, 7, 2, 8, 4, 6, 5]
"""For each class of the shuffled data, the digit."""

STILL = zoo.Recipe(learning_rate=1e-9, epochs=1, batch_size=256)
"""A training that changes next to nothing."""


def shuffled(split, order=ORDER):
    """The same images of the same digits, whose classes stand in another order."""
    names = [str(digit) for digit in order]
    labels = np.argsort(order)[split.labels]
    return as_split(split.images, labels, name=split.name, class_names=names)


@pytest.fixture(scope="module")
def data():
    return zoo.datasets.load("digits", validation=0.2)


def accuracy(committee, split):
    return committee.evaluate(split, return_dict=True)["accuracy"]


def test_digits_in_another_order_go_on_where_mnist_ended(caplog):
    digits = zoo.datasets.load("digits", image_size=28)
    before = accuracy(Committee(zoo.build("lenet", weights="mnist/lenet-0")), digits.test)
    assert before > 0.7
    committee = Committee([Member("lenet", {"weights": "mnist/lenet-0"}, STILL)])
    committee.fit(shuffled(digits.train.take(range(300))), verbose=0)
    assert accuracy(committee, shuffled(digits.test)) == pytest.approx(before, abs=0.01)
    names = tuple(map(str, ORDER))
    assert committee.class_names == committee.members[0].zoo_class_names == names
    told = [record.message for record in caplog.records if "order of the data" in record.message]
    assert told == [
        "lenet takes the classes of mnist/lenet-0 in the order of the data: 3, 0, 9, 1, 7, 2, 8, "
        "4, 6, 5. Each class keeps its weights in the last layer."
    ]
    assert "keeps the last layer of" not in caplog.text


@pytest.mark.parametrize(
    "arguments",
    [
        {"members": ["mlp", "mlp"], "weights": "tiny"},  # computed as one wide model
        {"members": "mlp", "snapshots": 2, "weights": "tiny"},
        {"members": ["vgg"], "weights": "tiny"},
        {"members": ["vgg"], "weights": "tiny", "class_names": [*map(str, ORDER)]},
    ],
)
def test_all_members_follow(tiny_weights, data, arguments):
    members = arguments.pop("members")
    known = pretrained("tiny/vgg-0" if members == ["vgg"] else "tiny/mlp-0")
    names = [members] if isinstance(members, str) else members
    recipe = replace(STILL, epochs=2)
    if "vgg" in names:  # frozen normalisation keeps its statistics
        recipe = replace(recipe, freeze="features", standardize="per_image")
    members = [Member(name, recipe=recipe) for name in names]
    committee = Committee(members, **arguments)
    committee.fit(shuffled(data.train), verbose=0)
    answers = committee.member_probabilities(data.test.images)
    sources = [member.arguments["weights"] for member in committee._specs if not member.is_built]
    for found, source in zip(answers, sources, strict=True):
        expected = pretrained(source).predict(data.test.images)[:, ORDER]
        np.testing.assert_allclose(found, expected, atol=1e-4)
    assert accuracy(known, data.test) > 0.3  # far above chance, so that the order counts


def test_a_resumed_run_takes_the_order_once(tiny_weights, data, tmp_path):
    def fit(epochs, **arguments):
        recipe = zoo.Recipe(learning_rate=0.01, epochs=epochs, batch_size=256)
        committee = Committee([Member("mlp", {"weights": "tiny/mlp-0"}, recipe)])
        committee.fit(shuffled(data.train), verbose=0, **arguments)
        return committee.get_weights()

    whole = fit(2)
    fit(1, log_dir=tmp_path / "run")
    for one, other in zip(whole, fit(2, log_dir=tmp_path / "run", resume=True), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_built_models_follow_and_a_second_fit_changes_no_order(tiny_weights, data):
    committee = Committee([Member(zoo.build("mlp", weights="tiny/mlp-0"), recipe=STILL)])
    expected = committee.predict(data.test.images)[:, ORDER]
    for _ in range(2):
        committee.fit(shuffled(data.train), verbose=0)
        np.testing.assert_allclose(committee.predict(data.test.images), expected, atol=1e-4)
    again = Committee([Member(committee.members[0], recipe=STILL)])
    again.fit(data.train, verbose=0)
    found = again.predict(data.test.images)[:, ORDER]
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_images_without_names_keep_the_order_of_the_weights(tiny_weights, data):
    committee = Committee([Member("mlp", {"weights": "tiny/mlp-0"}, STILL)], voting="soft")
    committee.fit(data.train.images, data.train.labels, verbose=0)
    expected = pretrained("tiny/mlp-0").predict(data.test.images)
    np.testing.assert_allclose(committee.predict(data.test.images), expected, atol=1e-4)


def test_ready_and_saved_committees_refuse_another_order(tiny_weights, data, tmp_path):
    ready = pretrained("tiny/mlp-0")
    ready.save(tmp_path / "ready.keras")
    for committee in (ready, Committee.load(tmp_path / "ready.keras")):
        before = committee.get_weights()
        with pytest.raises(DataError, match="the committee knows, in this order"):
            committee.fit(shuffled(data.train), epochs=1, verbose=0)
        for one, other in zip(before, committee.get_weights(), strict=True):
            assert np.array_equal(one, other)


def test_members_that_know_other_classes_do_not_answer_together(tiny_weights, data, tmp_path):
    digits = tuple(map(str, range(10)))
    other, renamed, nameless = (zoo.build("mlp", weights="tiny/mlp-0") for _ in range(3))
    other.zoo_class_names = tuple(map(str, ORDER))
    renamed.zoo_class_names = ("zero", *digits[1:])
    del nameless.zoo_class_names
    known, twin = (zoo.build("mlp", weights="tiny/mlp-1") for _ in range(2))
    committee = Committee([known, other], voting="soft")
    assert committee.known_class_names is None
    for answer in (
        lambda committee: committee.predict(data.test),
        lambda committee: committee.classify(data.test.images[:2]),
        lambda committee: committee.report(data.test),
        lambda committee: committee(data.test.images[:2]),
        lambda committee: committee.save(tmp_path / "committee.keras"),
        lambda committee: committee.export(tmp_path / "exported"),
    ):
        with pytest.raises(ArgumentError, match=r"know the same classes, in the same order"):
            answer(committee)
    assert not [*tmp_path.iterdir()]
    with pytest.raises(ArgumentError, match=r"Received: class_names: 3, 0, 9, .*; mlp: 0, 1, 2,"):
        Committee([known], class_names=[*map(str, ORDER)]).predict(data.test.images)
    later = Committee([known, twin], voting="soft")
    later.predict(data.test.images)
    twin.zoo_class_names = tuple(map(str, ORDER))
    with pytest.raises(ArgumentError, match="know the same classes"):
        later.predict(data.test.images)
    # New names for all, and a member without names, are no contradiction.
    german = ["null", *digits[1:]]
    assert Committee([known, renamed], class_names=german).classify(data.test.images[:1])
    together = Committee([known, nameless], voting="soft")
    assert together.known_class_names == digits
    with pytest.raises(DataError, match="the committee knows, in this order"):
        together.report(shuffled(data.test))
    # Training gives all members the classes of the data.
    members = [Member(model, recipe=STILL) for model in (known, other)]
    trained = Committee(members, voting="soft")
    trained.fit(data.train, verbose=0)
    assert accuracy(trained, data.test) > 0.2
