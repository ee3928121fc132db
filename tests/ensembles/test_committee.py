import subprocess
import sys
from dataclasses import replace

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import zoo
from zoo import Recipe, Teacher
from zoo.datasets.split import as_split
from zoo.ensembles import Committee, Member, compare
from zoo.ensembles.combining.bagging import resample
from zoo.ensembles.combining.rules import Rule
from zoo.ensembles.combining.voting import committee_probabilities, majority_vote, soft_vote
from zoo.errors import ArgumentError, DataError, RunError


def small_members(quick):
    """Members with all that makes training together delicate: three optimisers with state,
    batch normalisation, dropout, penalties, a schedule."""
    momentum = replace(quick, optimizer_arguments={"momentum": 0.9})
    adam = replace(quick, optimizer="adam", learning_rate=0.01, schedule="cosine")
    return [
        Member("bn_mlp", {"hidden": (8,), "dropout": 0.2}, quick),
        Member("lasso_mlp", {"hidden": (8,)}, momentum),
        Member("deep_mlp", {"hidden": (8, 8)}, adam),
    ]


def fit(members, train_split, validation_split=None, **arguments):
    committee = Committee(members, seed=7)
    history = committee.fit(train_split, validation_data=validation_split, verbose=0, **arguments)
    return committee, history


def assert_same_weights(one, other, **tolerance):
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, **tolerance)


def test_together_and_apart_give_the_same_weights(quick, train_split, validation_split):
    together, one = fit(small_members(quick), train_split, validation_split, together=True)
    apart, other = fit(small_members(quick), train_split, validation_split, together=False)
    assert_same_weights(together, apart, rtol=1e-5, atol=1e-6)
    for key in ("bn_mlp_loss", "lasso_mlp_accuracy", "val_deep_mlp_loss"):
        np.testing.assert_allclose(one.history[key], other.history[key], rtol=1e-4)


def test_a_member_learns_what_keras_fit_would_teach_it(quick, train_split):
    committee, _ = fit(small_members(quick), train_split)
    for index, member in enumerate(small_members(quick)):
        model = member.build((6, 6, 1), 3, seed=7 + index)
        steps = int(np.ceil(len(train_split) / 32))
        optimizer = member.recipe.make_optimizer(steps * 3)
        model.compile(optimizer, "sparse_categorical_crossentropy", jit_compile=False)
        batches = train_split.batches(32, shuffle=True, seed=7, epochs=3)
        model.fit(batches.repeat(), epochs=3, steps_per_epoch=steps, shuffle=False, verbose=0)
        assert_same_weights(committee.members[index], model, rtol=1e-4, atol=1e-5)


def test_the_same_seed_gives_the_same_committee(quick, train_split):
    one, _ = fit(small_members(quick), train_split)
    other, _ = fit(small_members(quick), train_split)
    assert_same_weights(one, other, rtol=0)


def test_copies_begin_from_seeds_of_their_own(train_split):
    committee, _ = fit("softmax", train_split, epochs=1)
    copies = Committee("softmax", copies=2, seed=7)
    copies.fit(train_split, epochs=1, verbose=0)
    assert_same_weights(copies.members[0], committee.members[0], rtol=1e-5, atol=1e-6)
    first, second = (model.get_weights()[0] for model in copies.members)
    assert not np.allclose(first, second)


def test_scores_are_those_of_the_models(quick, train_split, validation_split):
    committee, history = fit(small_members(quick), train_split, validation_split)
    for name, votes in zip(committee.member_names, committee.votes(validation_split), strict=True):
        accuracy = (votes == validation_split.labels).mean()
        assert history.history[f"val_{name}_accuracy"][-1] == pytest.approx(accuracy)
    decision = committee.predict(validation_split).argmax(axis=1)
    accuracy = (decision == validation_split.labels).mean()
    assert history.history["val_accuracy"][-1] == pytest.approx(accuracy)
    assert history.epoch == [1, 2, 3]


def test_losses_contain_the_penalties_as_in_keras(quick, train_split, validation_split):
    committee, history = fit(small_members(quick)[1:2], train_split, validation_split)
    (model,) = committee.members
    model.compile(loss="sparse_categorical_crossentropy")
    expected = model.evaluate(validation_split.images, validation_split.labels, verbose=0)
    assert history.history["val_loss"][-1] == pytest.approx(expected, rel=1e-5)


class Snapshots(keras.callbacks.Callback):
    """Weights of every member after every epoch."""

    def __init__(self):
        super().__init__()
        self.weights = []

    def on_epoch_end(self, epoch, logs=None):
        self.weights.append([model.get_weights() for model in self.model.members])


def test_a_stopped_member_keeps_its_best_weights_and_changes_no_more(
    quick, train_split, validation_split
):
    wild = Member("bn_mlp", {"hidden": (8,)}, replace(quick, learning_rate=5.0, patience=1))
    calm = Member("softmax", recipe=replace(quick, learning_rate=0.01))
    snapshots = Snapshots()
    _, history = fit([wild, calm], train_split, validation_split, epochs=12, callbacks=[snapshots])
    losses = history.history["val_bn_mlp_loss"]
    assert len(losses) < 12 == len(history.history["val_softmax_loss"])
    best = snapshots.weights[int(np.argmin(losses))][0]
    # The epoch that stops it puts the best weights back before callbacks look.
    for later in snapshots.weights[len(losses) - 1 :]:
        assert all((a == b).all() for a, b in zip(later[0], best, strict=True))
    last, before = snapshots.weights[-1][1], snapshots.weights[-2][1]
    assert not all((a == b).all() for a, b in zip(last, before, strict=True))


def test_a_member_with_fewer_epochs_is_left_alone_afterwards(quick, train_split):
    short = Member("bn_mlp", {"hidden": (8,)}, replace(quick, epochs=2))
    alone, _ = fit([short], train_split)
    committee, history = fit([short, Member("softmax", recipe=quick)], train_split)
    assert_same_weights(committee.members[0], alone.members[0], rtol=1e-5, atol=1e-6)
    assert [len(history.history[f"{name}_loss"]) for name in committee.member_names] == [2, 3]


def test_a_diverged_member_stops_with_sound_weights_and_the_others_go_on(quick, train_split):
    lost = Member("mlp", {"hidden": (8,)}, replace(quick, learning_rate=1e30))
    committee = Committee([lost, Member("softmax", recipe=quick)])
    with pytest.warns(UserWarning, match="mlp diverged in epoch 1.*Lower its learning rate"):
        history = committee.fit(train_split, epochs=4, verbose=0)
    assert len(history.history["mlp_loss"]) < 4 == len(history.history["softmax_loss"])
    assert np.isfinite(committee.predict(train_split)).all()
    assert committee.report(train_split).members[1].accuracy.n == len(train_split)


def test_callbacks_see_the_committee_and_can_stop_it(quick, train_split):
    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            assert {"loss", "accuracy", "bn_mlp_loss", "bn_mlp_learning_rate"} <= set(logs)
            self.model.stop_training = True

    _, history = fit(small_members(quick), train_split, callbacks=[Stop()])
    assert history.epoch == [1]


def test_arrays_will_do_instead_of_splits(quick, train_split, validation_split):
    arrays = Committee(small_members(quick), seed=7)
    arrays.fit(
        train_split.images,
        train_split.labels,
        validation_data=(validation_split.images, validation_split.labels),
        verbose=0,
    )
    splits, _ = fit(small_members(quick), train_split, validation_split)
    assert arrays.class_names == ("0", "1", "2")
    assert_same_weights(arrays, splits, rtol=0)


def test_silent_is_silent(quick, train_split, capsys):
    fit(small_members(quick), train_split)
    assert capsys.readouterr() == ("", "")


def test_elsewhere_than_on_a_terminal_each_epoch_is_a_line(quick, train_split, capsys):
    Committee(small_members(quick)).fit(train_split)
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("epoch")]
    assert [line.split(" (")[0] for line in lines] == ["epoch 1/3", "epoch 2/3", "epoch 3/3"]
    assert all(f"{name} loss" in lines[0] for name in ("bn_mlp", "deep_mlp", "committee"))


# --- deciding ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trained(train_split, validation_split):
    members = [
        Member(name, {"hidden": (6,)}, zoo.Recipe(learning_rate=0.05, batch_size=32, epochs=2))
        for name in ("bn_mlp", "lasso_mlp", "deep_mlp")
    ]
    committee = Committee(members)
    committee.fit(train_split, validation_data=validation_split, verbose=0)
    return committee


def test_predict_decides_like_the_vote(trained, test_split):
    probabilities = trained.member_probabilities(test_split)
    expected = majority_vote(trained.votes(test_split), 3, probabilities=probabilities)
    predicted = trained.predict(test_split.images)
    assert predicted.dtype == np.float32
    np.testing.assert_allclose(predicted.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_array_equal(predicted.argmax(axis=1), expected)


def test_soft_voting_is_the_mean(trained, test_split):
    soft = Committee(list(trained.members), voting="soft", weights=[1, 2, 3])
    expected = soft_vote(trained.member_probabilities(test_split), weights=[1, 2, 3])
    np.testing.assert_allclose(soft.predict(test_split), expected, rtol=1e-6)


def test_the_committee_is_a_layer_like_any_other(trained, test_split):
    called = trained(test_split.images[:5], training=False)
    np.testing.assert_allclose(called, trained.predict(test_split.images[:5]), rtol=1e-6)


# A grid, so that ties are common.
PROBABILITIES = arrays("float32", (4, 3, 3), elements=st.sampled_from([0.0, 0.25, 0.5, 1.0]))


@given(
    PROBABILITIES,
    st.sampled_from(["majority", "soft", "geometric"]),
    st.one_of(st.none(), st.lists(st.sampled_from([0.1, 0.2, 0.3, 1.0]), min_size=4, max_size=4)),
)
def test_the_graph_combines_like_the_pure_functions(probabilities, voting, weights):
    probabilities = probabilities + np.float32(0.25)
    probabilities /= probabilities.sum(axis=-1, keepdims=True)
    expected = committee_probabilities(probabilities, voting, weights)
    combined = np.asarray(Rule(voting, weights).on_tensors(probabilities))
    np.testing.assert_allclose(combined, expected, atol=1e-7)
    np.testing.assert_array_equal(combined.argmax(axis=1), expected.argmax(axis=1))


def test_a_big_batch_and_a_small_one_say_the_same(trained, test_split):
    one = trained.member_probabilities(test_split, batch_size=7)
    np.testing.assert_allclose(one, trained.member_probabilities(test_split), rtol=1e-5, atol=1e-6)


def test_pixels_that_are_no_uint8_are_refused(trained, test_split):
    for act in (trained.predict, trained.votes, lambda x: trained.report(x, test_split.labels)):
        with pytest.raises(DataError, match=r"uint8.*float64"):
            act(test_split.images / 255)
    with pytest.raises(DataError, match="uint8"):
        trained.predict([[1, 2], [3, 4]])


def test_predict_holds_no_more_than_a_batch_of_members_answers(trained, test_split, monkeypatch):
    expected, sizes, combine = trained.predict(test_split), [], trained._answers
    monkeypatch.setattr(trained, "_answers", lambda part: sizes.append(len(part)) or combine(part))
    np.testing.assert_allclose(trained.predict(test_split, batch_size=7), expected, atol=1e-6)
    assert max(sizes) == 7
    assert sum(sizes) == len(test_split)


def test_datasets_of_batches_are_predicted_too(trained, test_split):
    batches = test_split.batches(7).map(lambda images, labels: images)
    np.testing.assert_allclose(trained.predict(batches), trained.predict(test_split), rtol=1e-6)


def test_images_of_another_shape_are_refused(trained):
    with pytest.raises(DataError, match=r"\(6, 6, 1\).*Received: shape \(2, 5, 6, 1\)"):
        trained.predict(np.zeros((2, 5, 6, 1), "uint8"))
    with pytest.raises(DataError, match="one image or more"):
        trained.votes(np.zeros((0, 6, 6, 1), "uint8"))


# --- members of other origin ------------------------------------------------------------


def foreign(name, outputs=3, activation="softmax", shape=(6, 6, 1)):
    layers = [keras.Input(shape), keras.layers.Flatten()]
    return keras.Sequential([*layers, keras.layers.Dense(outputs, activation)], name=name)


def test_trained_models_of_any_origin_vote_without_fit(test_split):
    committee = Committee(
        [foreign("one"), zoo.build("softmax", input_shape=(6, 6, 1), num_classes=3)]
    )
    assert committee.votes(test_split).shape == (2, 60)
    assert committee.report(test_split).chosen_on == "these images"
    few = committee.report(test_split.images[:2], [0, 1])  # no image of the third class
    assert few.class_names == ("0", "1", "2")


def test_another_number_of_classes_is_refused(test_split):
    committee = Committee([foreign("one", outputs=4)])
    with pytest.raises(DataError, match=r"knows 4 classes\. Received: 3 classes, left, right, top"):
        committee.report(test_split)


def test_members_that_share_a_weight_cannot_be_trained(train_split):
    inputs, base = keras.Input((6, 6, 1)), keras.layers.Dense(4)
    hidden = base(keras.layers.Flatten()(inputs))
    models = [
        keras.Model(inputs, keras.layers.Dense(3, "softmax")(hidden), name=name)
        for name in ("one", "two")
    ]
    with pytest.raises(ArgumentError, match=r"one and two share the weight .*clone_model"):
        Committee(models).fit(train_split, epochs=1, verbose=0)


def test_a_committee_can_sit_in_a_committee(trained, test_split):
    nested = Committee([trained, foreign("one")])
    expected = trained.predict(test_split)
    np.testing.assert_allclose(nested.member_probabilities(test_split)[0], expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (lambda: foreign("other", outputs=4), "other knows 4 classes. Received: 3"),
        (lambda: foreign("other", shape=(5, 6, 1)), "other takes images"),
        (lambda: foreign("other", activation=None), "other must give probabilities.*logits"),
        (lambda: foreign("other", outputs=1, activation="sigmoid"), "2 classes or more"),
        (
            lambda: keras.Sequential([keras.layers.Dense(3)], name="other"),
            "must have a fixed input shape",
        ),
    ],
)
def test_members_that_do_not_fit_each_other(other, message):
    with pytest.raises(ArgumentError, match=message):
        Committee([foreign("one"), other()])


# --- what is refused --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"voting": "loud"}, "Received: 'loud'"),
        ({"weights": [1]}, "each of the 2 members"),
        ({"weights": [-1, 1]}, "none below 0"),
        ({"weights": [0, 0]}, "not all 0"),
        ({"weights": ["a", "b"]}, "must be numbers"),
        ({"seed": None}, "seed"),
        ({"seed": -1}, "seed"),
    ],
)
def test_rules_that_are_none(arguments, message):
    with pytest.raises(ArgumentError, match=message):
        Committee(["softmax", "mlp"], **arguments)


def test_before_fit_there_is_nothing_to_ask(test_split, tmp_path):
    committee = Committee(["softmax"])
    for act in (
        lambda: committee.predict(test_split),
        lambda: committee.report(test_split),
        lambda: committee.save(tmp_path / "a.keras"),
    ):
        with pytest.raises(ArgumentError, match=r"not built yet.*Call fit first"):
            act()


def test_the_test_split_is_no_validation(quick, train_split, test_split):
    with pytest.raises(DataError, match="test split chooses nothing"):
        fit(small_members(quick), train_split, test_split)


def test_the_test_split_is_no_training_data(quick, test_split):
    with pytest.raises(DataError, match=r"test split chooses nothing.*is for the report"):
        fit(small_members(quick), test_split)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"resume": True}, "Pass log_dir="),
        ({"callbacks": [keras.callbacks.ReduceLROnPlateau()]}, "ReduceLROnPlateau.*schedule"),
        ({"callbacks": keras.callbacks.TensorBoard()}, r"TensorBoard.*log_dir="),
    ],
)
def test_what_could_not_work_is_refused(quick, train_split, arguments, message):
    with pytest.raises(ArgumentError, match=message):
        fit(small_members(quick), train_split, **arguments)


def test_validation_data_is_a_pair(quick, train_split):
    with pytest.raises(DataError, match=r"a pair \(images, labels\)\. Received: 1"):
        fit(small_members(quick), train_split, [train_split.images])


def test_callbacks_that_look_at_batches_see_every_one(quick, train_split):
    class Count(keras.callbacks.Callback):
        batches = ()

        def on_train_batch_end(self, batch, logs=None):
            self.batches += (batch,)

    count = Count()
    fit(small_members(quick), train_split, callbacks=count, epochs=2)
    assert count.batches == (0, 1, 2, 3) * 2


def test_an_interrupt_after_the_last_step_is_not_swallowed(quick, train_split, tmp_path):
    class Late(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 2:
                interrupt()

    run = {"log_dir": tmp_path / "run"}
    with pytest.raises(KeyboardInterrupt):
        fit(small_members(quick), train_split, callbacks=[Late()], **run)
    whole, _ = fit(small_members(quick), train_split)
    resumed, _ = fit(small_members(quick), train_split, resume=True, **run)
    assert_same_weights(resumed, whole, rtol=0)


def test_images_that_were_trained_on_are_counted(quick, train_split, test_split, tmp_path):
    committee, _ = fit(small_members(quick), train_split)
    assert committee.report(test_split).trained_on == 0
    committee.save(tmp_path / "c.keras")
    report = Committee.load(tmp_path / "c.keras").report(train_split.take(range(10)))
    assert report.trained_on == 10
    assert report.verdict().startswith("Caution: 10 of these 10 images are among those")


def test_members_tell_every_committee_what_they_were_trained_on(quick, train_split):
    first, _ = fit(small_members(quick), train_split.take(range(50)))
    second, _ = fit("softmax", train_split.take(range(40, 70)))
    both = Committee([first.members[0], second.members[0]])
    assert both.report(train_split).trained_on == 70
    assert Committee(second.members).report(train_split).trained_on == 30
    inner = Committee([first, second.members[0]])
    assert inner.report(train_split).trained_on == 70
    assert compare({"a": first, "b": second}, train_split).trained_on == 70


def test_each_member_knows_its_own_images_only(train_split):
    committee, _ = fit(["softmax", "mlp"], train_split, epochs=1, resampling="folds")
    assert committee.trained_images == len(train_split)
    rows = resample(train_split, 2, "folds", seed=7)
    for model, own in zip(committee.members, rows, strict=True):
        assert Committee([model]).trained_images == len(own) == 50


def test_images_that_said_when_to_stop_are_remembered(quick, train_split, validation_split):
    for patience, tuned in ((None, 0), (2, len(validation_split))):
        recipe = replace(quick, patience=patience)
        committee, _ = fit(small_members(recipe), train_split, validation_split)
        assert committee.report(validation_split).tuned_on == tuned
        assert Committee(committee.members).report(validation_split).tuned_on == tuned
        student = Committee("softmax")
        student.fit(train_split, epochs=1, teacher=Teacher(committee.members[0]), verbose=0)
        assert student.report(validation_split).tuned_on == tuned


def test_validation_images_of_an_earlier_training_are_warned_of_too(quick, train_split):
    committee, _ = fit(small_members(quick), train_split.take(range(50)))
    rest, known = train_split.take(range(60, 100)), train_split.take(range(40, 60))
    with pytest.warns(UserWarning, match="^10 of the 20 validation images are training"):
        committee.fit(rest, validation_data=known, verbose=0)


def test_images_that_a_teacher_knows_are_not_out_of_bag(train_split):
    teacher, _ = fit("mlp", train_split.take(range(9)), epochs=1)
    taught = Committee("softmax", copies=2)
    taught.fit(
        train_split, epochs=1, resampling="folds", teacher=Teacher(teacher.members[0]), verbose=0
    )
    assert taught.out_of_bag.n == 91


def test_recipes_still_tell_how_built_members_were_built(train_split, tmp_path):
    recipe = Recipe(batch_size=32, epochs=1, precision="mixed_bfloat16", standardize="per_image")
    committee, _ = fit(Member("softmax", recipe=recipe), train_split)
    committee.with_rule("soft").save(tmp_path / "a.keras")
    assert Committee.load(tmp_path / "a.keras").recipes == committee.recipes == (recipe,)


def test_validation_images_that_are_training_images_are_warned_of(quick, train_split):
    committee = Committee(small_members(quick))
    with pytest.warns(UserWarning, match="^7 of the 7 validation images are training") as warned:
        committee.fit(train_split, validation_data=train_split.take(range(7)), verbose=0)
    assert warned[0].filename == __file__


def test_images_of_an_interrupted_training_are_remembered_and_refused_ones_not(
    quick, train_split, test_split
):
    committee = Committee(small_members(quick))
    with pytest.raises(DataError):
        committee.fit(test_split, verbose=0)
    with pytest.raises(KeyboardInterrupt):
        committee.fit(train_split, callbacks=[Crash(interrupt)], verbose=0)
    assert committee.report(train_split).trained_on == len(train_split)
    assert committee.report(test_split).trained_on == 0


def test_the_best_member_is_forgotten_when_a_fit_has_no_validation(
    quick, train_split, validation_split, test_split
):
    committee, _ = fit(small_members(quick), train_split, validation_split)
    assert committee.report(test_split).chosen_on == "validation"
    committee.fit(train_split, epochs=1, verbose=0)
    assert committee.report(test_split).chosen_on == "these images"


def test_resuming_with_other_pixels_is_refused(quick, train_split, tmp_path):
    fit(small_members(quick), train_split, log_dir=tmp_path)
    other = as_split(
        255 - train_split.images, train_split.labels, class_names=train_split.class_names,
        name="train",
    )  # fmt: skip
    with pytest.raises(RunError, match=r"train\.crc32 was"):
        fit(small_members(quick), other, log_dir=tmp_path, resume=True)


def test_early_stopping_needs_validation(quick, train_split):
    with pytest.raises(ArgumentError, match="must have validation data"):
        fit([Member("softmax", recipe=replace(quick, patience=2))], train_split)


def test_together_needs_the_same_batches(quick, train_split):
    members = [Member("softmax", recipe=quick), Member("mlp", recipe=replace(quick, batch_size=8))]
    with pytest.raises(ArgumentError, match="softmax and mlp differ in batch_size"):
        fit(members, train_split, together=True)


def test_those_that_agree_on_the_batches_train_together(quick, train_split, validation_split):
    other = replace(quick, batch_size=8)
    recipes = {"softmax": quick, "bn_mlp": other, "mlp": quick}
    members = [
        Member(name, {"hidden": (4,)} if name != "softmax" else {}, recipe)
        for name, recipe in recipes.items()
    ]
    mixed, history = fit(members, train_split, validation_split)
    apart, _ = fit(members, train_split, validation_split, together=False)
    assert_same_weights(mixed, apart, rtol=1e-5, atol=1e-6)
    assert len(history.history["val_accuracy"]) == 1  # scored once, after the last of them


def test_other_classes_are_refused(trained, test_split):
    renamed = as_split(test_split.images, test_split.labels, class_names=("top", "left", "right"))
    with pytest.raises(DataError, match="knows the classes left, right, top, in this order"):
        trained.report(renamed)


# --- run folders ------------------------------------------------------------------------


class Crash(keras.callbacks.Callback):
    """Fall over, or be interrupted, at a step of the second epoch."""

    def __init__(self, action, step=1):
        super().__init__()
        self.action = action
        self.step = step
        self.epoch = 0

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if self.epoch == 1 and batch >= self.step:
            self.action()


def interrupt():
    import signal

    signal.raise_signal(signal.SIGINT)


def terminate():
    import signal

    signal.raise_signal(signal.SIGTERM)


def fall():
    raise RuntimeError("power cut")


@pytest.mark.parametrize(
    ("action", "error"),
    [(interrupt, KeyboardInterrupt), (terminate, SystemExit), (fall, RuntimeError)],
)
@pytest.mark.parametrize("together", [True, False])
def test_a_killed_training_resumes_as_if_nothing_had_been(
    quick, train_split, validation_split, tmp_path, action, error, together
):
    members = [replace(one, recipe=replace(one.recipe, patience=2)) for one in small_members(quick)]
    whole, history = fit(members, train_split, validation_split, together=together)
    options = {"together": together, "log_dir": tmp_path / "run"}
    with pytest.raises(error):
        fit(members, train_split, validation_split, **options, callbacks=[Crash(action)])
    resumed, again = fit(members, train_split, validation_split, **options, resume=True)
    assert_same_weights(resumed, whole, rtol=0)
    assert again.history.keys() == history.history.keys()
    for key, values in history.history.items():
        assert again.history[key] == pytest.approx(values, rel=1e-6)
    assert again.epoch == history.epoch


def test_stopped_by_a_callback_a_member_still_takes_its_best_weights(
    quick, train_split, validation_split
):
    class Stop(Snapshots):
        def on_epoch_end(self, epoch, logs=None):
            super().on_epoch_end(epoch, logs)
            self.model.stop_training = epoch == 5

    snapshots = Stop()
    member = Member("bn_mlp", {"hidden": (8,)}, replace(quick, learning_rate=3.0, patience=99))
    committee, history = fit(
        [member], train_split, validation_split, epochs=99, callbacks=[snapshots]
    )
    best = int(np.argmin(history.history["val_loss"]))
    assert best < 5
    kept = snapshots.weights[best][0]
    assert all((a == b).all() for a, b in zip(committee.get_weights(), kept, strict=True))


def test_interrupted_at_the_last_step_of_an_epoch(quick, train_split, tmp_path):
    whole, _ = fit(small_members(quick), train_split)
    run = {"log_dir": tmp_path / "run"}
    with pytest.raises(KeyboardInterrupt):
        fit(small_members(quick), train_split, callbacks=[Crash(interrupt, step=3)], **run)
    resumed, _ = fit(small_members(quick), train_split, resume=True, **run)
    assert_same_weights(resumed, whole, rtol=0)


@pytest.mark.parametrize(
    "augmentation",
    [zoo.Augmentation(rotation_range=20, horizontal_flip=True), "ImageDataGenerator"],
)
def test_augmented_training_resumes_too(quick, train_split, tmp_path, augmentation):
    recipe = replace(quick, augmentation=augmentation)
    members = [Member("softmax", recipe=recipe)]
    whole, _ = fit(members, train_split)
    with pytest.raises(KeyboardInterrupt):
        fit(members, train_split, log_dir=tmp_path / "run", callbacks=[Crash(interrupt)])
    resumed, _ = fit(members, train_split, log_dir=tmp_path / "run", resume=True)
    assert_same_weights(resumed, whole, rtol=0)


def test_a_used_run_folder_is_refused(quick, train_split, tmp_path):
    fit(small_members(quick), train_split, epochs=1, log_dir=tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(RunError, match="not empty"):
        fit(small_members(quick), train_split, epochs=1, log_dir=tmp_path)
    with pytest.raises(RunError, match=r"recipes\.bn_mlp\.epochs was 1 and is now 2"):
        fit(small_members(quick), train_split, epochs=2, log_dir=tmp_path, resume=True)
    assert before == {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}


def test_resuming_a_finished_run_gives_its_result(quick, train_split, tmp_path):
    done, history = fit(small_members(quick), train_split, log_dir=tmp_path)
    again, same = fit(small_members(quick), train_split, log_dir=tmp_path, resume=True)
    assert_same_weights(done, again, rtol=0)
    assert same.history == history.history


# --- saving -----------------------------------------------------------------------------

LOAD = """
import sys
import numpy as np
from zoo.ensembles import Committee
committee = Committee.load(sys.argv[1])
assert committee.class_names == ("left", "right", "top"), committee.class_names
np.save(sys.argv[3], committee.predict(np.load(sys.argv[2])))
"""


def test_one_file_holds_all_of_it_for_a_fresh_process(trained, test_split, tmp_path):
    file, images, predicted = (tmp_path / name for name in ("c.keras", "i.npy", "p.npy"))
    trained.save(file)
    np.save(images, test_split.images)
    subprocess.run([sys.executable, "-c", LOAD, file, images, predicted], check=True)
    np.testing.assert_allclose(np.load(predicted), trained.predict(test_split), rtol=1e-6)


def test_saving_keeps_rule_names_recipes_and_scores(trained, tmp_path):
    trained.save(tmp_path / "c.keras")
    loaded = Committee.load(tmp_path / "c.keras")
    config, expected = loaded.get_config(), trained.get_config()
    keys = "rule out_of_bag class_names seed validation_accuracy data_settings tuned_on training"
    for key in keys.split():
        assert config[key] == expected[key]
    assert [one["recipe"] for one in config["members"]] == [
        one["recipe"] for one in expected["members"]
    ]


def test_a_loaded_committee_can_be_trained_on(trained, train_split, tmp_path):
    trained.save(tmp_path / "c.keras")
    loaded = Committee.load(tmp_path / "c.keras")
    before = loaded.get_weights()
    loaded.fit(train_split, epochs=1, verbose=0)
    assert not all((a == b).all() for a, b in zip(before, loaded.get_weights(), strict=True))


def test_a_plain_model_loads_as_a_committee_of_one(test_split, tmp_path):
    model = foreign("mine")
    model.save(tmp_path / "m.keras")
    committee = Committee.load(tmp_path / "m.keras")
    assert committee.member_names == ("mine",)
    np.testing.assert_allclose(
        committee.predict(test_split),
        model.predict(test_split.images, verbose=0),
        rtol=1e-5,
        atol=1e-6,
    )


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("gone.keras", None, "gone.keras does not exist"),
        ("report.json", b"{}", "report.json is another"),
        ("noise.keras", b"noise", "noise.keras cannot be loaded"),
    ],
)
def test_files_that_are_no_committee(tmp_path, name, content, message):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        Committee.load(tmp_path / name)


def test_only_keras_files_are_saved(trained, tmp_path):
    with pytest.raises(ArgumentError, match=r"\.keras file"):
        trained.save(tmp_path / "c.h5")


def test_test_time_augmentation_is_the_mean_over_versions_of_the_image(train_split, test_split):
    flips = zoo.Augmentation(horizontal_flip=True)
    committee = Committee(["softmax", "mlp"])
    committee.fit(train_split, epochs=1, verbose=0)
    plain = committee.member_probabilities(test_split)
    flipped = committee.member_probabilities(test_split.images[:, :, ::-1])
    found = committee.member_probabilities(test_split, augmentation=flips, times=5, seed=1)
    # Each of the four random versions is the image or its mirror image.
    share = (found - plain) / np.where(flipped == plain, 1, flipped - plain) * 5
    assert np.abs(share - share.round()).max() < 0.05
    assert {0, 1, 2, 3, 4} >= set(share.round().ravel().astype(int).tolist()) > {0}
    again = committee.member_probabilities(test_split, augmentation=flips, times=5, seed=1)
    np.testing.assert_array_equal(found, again)
    other = committee.member_probabilities(test_split, augmentation=flips, times=5, seed=2)
    assert not np.allclose(found, other)


@pytest.mark.parametrize("voting", ["majority", "soft", "geometric"])
def test_the_committee_votes_on_what_its_members_see_in_all_versions(
    train_split, test_split, voting
):
    shifts = zoo.Augmentation(width_shift_range=0.2)
    committee = Committee(["softmax", "mlp", "bn_mlp"], voting=voting, weights=(2, 1, 1))
    committee.fit(train_split, epochs=1, verbose=0)
    members = committee.member_probabilities(test_split, augmentation=shifts, times=3)
    expected = committee_probabilities(members, voting, (2, 1, 1))
    found = committee.predict(test_split, augmentation=shifts, times=3)
    np.testing.assert_array_equal(found, expected)
    report = committee.report(test_split, augmentation=shifts, times=3)
    right = (expected.argmax(axis=-1) == test_split.labels).mean()
    assert report.committee.accuracy.value == pytest.approx(right)


def test_test_time_augmentation_takes_two_versions_or_more(train_split, test_split):
    committee = Committee("softmax")
    committee.fit(train_split, epochs=1, verbose=0)
    with pytest.raises(ArgumentError, match="times must be a whole number of 2 or more"):
        committee.predict(test_split, augmentation=zoo.Augmentation(), times=1)
