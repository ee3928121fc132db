import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.special import log_softmax

import zoo
from zoo import Recipe, Teacher
from zoo.ensembles import Committee, Member, Rule
from zoo.errors import ArgumentError, RunError

RECIPE = Recipe("adam", 0.01, batch_size=64, epochs=3)
MLP = Member("mlp", {"hidden": (16,)}, RECIPE)


@pytest.fixture(scope="module")
def data():
    return zoo.datasets.load("digits", classes=["1", "7", "8"])


@pytest.fixture(scope="module")
def teacher(data):
    committee = Committee([MLP, Member("softmax", recipe=RECIPE)])
    committee.fit(data.train, verbose=0)
    return committee


def test_the_loss_is_that_of_the_paper(teacher):
    rng = np.random.default_rng(0)
    teacher_probabilities, student = rng.dirichlet(np.ones(3), (2, 5))
    labels_loss = 0.7
    target, answer = (log_softmax(np.log(p) / 3, axis=-1) for p in (teacher_probabilities, student))
    divergence = (np.exp(target) * (target - answer)).sum(axis=-1).mean()
    expected = 0.4 * labels_loss + 0.6 * 9 * divergence
    found = Teacher(teacher, temperature=3, share=0.6).loss(
        tf.constant(teacher_probabilities, "float32"),
        tf.constant(np.log(student), "float32"),
        tf.constant(labels_loss),
    )
    assert float(found) == pytest.approx(expected, rel=1e-4)


def test_a_committee_that_counts_votes_teaches_the_mean_of_its_members(teacher, data):
    images = data.test.images[:9]
    found = Teacher(teacher).probabilities(images).numpy()
    expected = teacher.member_probabilities(images).mean(axis=0)
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("rule", ["geometric", Rule("soft", (1, 3), temperature=2)])
def test_a_committee_teaches_by_its_rule(teacher, data, rule):
    committee = teacher.with_rule(rule)
    found = Teacher(committee).probabilities(data.test.images[:9]).numpy()
    np.testing.assert_allclose(found, committee.predict(data.test.images[:9]), atol=1e-6)


def test_a_student_learns_from_the_teacher_alone(data):
    """Labels that mean nothing, and a teacher who knows better and has all of the loss."""
    knows = Committee(MLP)
    knows.fit(data.train, epochs=10, verbose=0)
    wrong = zoo.datasets.split.as_split(
        data.train.images, (data.train.labels + 1) % 3, class_names=data.class_names
    )
    student = Committee(Member("softmax", recipe=RECIPE), voting="soft")
    student.fit(wrong, teacher=Teacher(knows, share=1), epochs=15, verbose=0)
    right = knows.predict(data.test).argmax(axis=-1)
    assert (student.predict(data.test).argmax(axis=-1) == right).mean() > 0.9


def test_without_a_share_it_is_learning_from_labels(data, teacher):
    def weights(**arguments):
        student = Committee(Member("softmax", recipe=RECIPE))
        student.fit(data.train, verbose=0, **arguments)
        return student.get_weights()

    for one, other in zip(weights(teacher=Teacher(teacher, share=0)), weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_a_student_has_seen_what_its_teacher_has(data, teacher):
    student = Committee(Member("softmax", recipe=RECIPE))
    student.fit(data.validation.take(slice(None), name="more"), teacher=Teacher(teacher), verbose=0)
    assert data.train.count_among(student.trained_on) == len(data.train)
    assert data.test.count_among(student.trained_on) == data.test.count_among(teacher.trained_on)


def test_the_teacher_stays_as_it_is(data, teacher):
    before = teacher.get_weights()
    Committee(MLP).fit(data.train, teacher=Teacher(teacher), verbose=0)
    for one, other in zip(before, teacher.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_students_that_learn_together_have_one_teacher(data, teacher):
    def weights(together):
        students = Committee([MLP, Member("softmax", recipe=RECIPE)])
        students.fit(data.train, teacher=Teacher(teacher), together=together, verbose=0)
        return students.get_weights()

    for one, other in zip(weights(True), weights(False), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_penalties_count_in_full_beside_a_teacher_together_and_apart(data, teacher):
    def weights(together, share):
        students = Committee(
            [Member("lasso_mlp", {"hidden": (5,), "l2": 0.1}, RECIPE, name) for name in "ab"]
        )
        students.fit(
            data.train, teacher=Teacher(teacher, share=share), together=together, verbose=0
        )
        return students.get_weights()

    for share in (0.5, 1.0):
        for one, other in zip(weights(True, share), weights(False, share), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_another_teacher_is_another_run(data, teacher, tmp_path):
    def fit(share, **arguments):
        student = Committee(Member("softmax", recipe=RECIPE))
        student.fit(
            data.train, teacher=Teacher(teacher, share=share), log_dir=tmp_path, verbose=0,
            **arguments,
        )  # fmt: skip

    fit(0.5)
    fit(0.5, resume=True)
    with pytest.raises(RunError, match="teacher"):
        fit(0.6, resume=True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"temperature": 0}, "must be a finite number, above 0. Received: 0. Pass 4"),
        ({"temperature": float("nan")}, "temperature of the teacher must be a finite number"),
        ({"share": 1.5}, "share of the teacher must be .* 0 or more and up to 1. Received: 1.5"),
        ({"share": "half"}, "share of the teacher must be a finite number"),
        ({"model": "cnn"}, "a Committee or a keras.Model. Received: 'cnn'"),
    ],
)
def test_bad_teachers_are_refused(teacher, arguments, message):
    with pytest.raises(ArgumentError, match=message):
        Teacher(**{"model": teacher, **arguments})


def test_a_teacher_of_other_classes_is_refused(data):
    other = Teacher(zoo.build("softmax", input_shape=data.image_shape, num_classes=4))
    with pytest.raises(
        ArgumentError, match=r"The teacher must be given images of 4 classes\. Received: 3"
    ):
        Committee("softmax").fit(data.train, teacher=other, verbose=0)


def test_a_teacher_that_is_not_built_is_refused(data):
    with pytest.raises(ArgumentError, match=r"The teacher must be built\. Received: <Committee"):
        Committee("softmax").fit(data.train, teacher=Teacher(Committee("softmax")), verbose=0)


def test_a_teacher_of_logits_is_refused(data):
    model = keras.Sequential([keras.Input(data.image_shape), keras.layers.Flatten()])
    model.add(keras.layers.Dense(3, bias_initializer="ones"))
    with pytest.raises(ArgumentError, match="The teacher must give probabilities"):
        Committee("softmax").fit(data.train, teacher=Teacher(model), verbose=0)


def test_a_teacher_of_the_same_classes_in_another_order_is_refused(data, teacher):
    names = data.class_names[::-1]
    other = zoo.datasets.split.as_split(data.train.images, 2 - data.train.labels, class_names=names)
    message = r"order of the training images: 8, 7, 1\. Received: a teacher that knows 1, 7, 8\."
    with pytest.raises(ArgumentError, match=message):
        Committee("softmax").fit(other, teacher=Teacher(teacher), verbose=0)
    model = zoo.build("softmax", input_shape=data.image_shape, num_classes=3)
    model.zoo_class_names = data.class_names  # as of a model with trained weights
    with pytest.raises(ArgumentError, match=message):
        Committee("softmax").fit(other, teacher=Teacher(model), verbose=0)


@pytest.mark.parametrize(
    ("names", "is_told"),
    [(["one", "seven", "eight"], True), (None, False), (["1", "7", "8"], False)],
)
def test_a_teacher_of_other_names_is_told(data, teacher, caplog, names, is_told):
    some = zoo.datasets.split.as_split(
        data.train.images[:64], data.train.labels[:64], class_names=names
    )
    student = Committee(Member("softmax", recipe=RECIPE))
    student.fit(some, teacher=Teacher(teacher), epochs=1, verbose=0)
    told = "The teacher knows other classes: 1, 7, 8. The classes of the data are one, seven, eight"
    assert (told in caplog.text) is is_told
