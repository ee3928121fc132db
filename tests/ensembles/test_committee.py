"""A committee as a value: its arguments, its memory of images, and its saved file."""

import json
import zipfile

import keras
import numpy as np
import pytest

from zoo import Recipe
from zoo.datasets.split import as_split
from zoo.ensembles import Committee, Member, compare
from zoo.ensembles.provenance import Overlap, record_exposure
from zoo.errors import ArgumentError, DataError


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
def test_arguments_that_are_not_as_described_are_refused(arguments, message):
    with pytest.raises(ArgumentError, match=message):
        Committee(["softmax", "mlp"], **arguments)


def test_before_fit_there_are_no_members_to_ask(test_split, tmp_path):
    committee = Committee(["softmax"])
    for act in (
        lambda: committee.predict(test_split),
        lambda: committee.report(test_split),
        lambda: committee.save(tmp_path / "a.keras"),
    ):
        with pytest.raises(ArgumentError, match=r"not built yet.*Call fit first"):
            act()


def test_each_class_has_a_name(built_model):
    with pytest.raises(ArgumentError, match=r"class_names must be 3 names.*Received: 2 names"):
        Committee(built_model("mine"), class_names=["left", "right"])


def test_classes_in_another_order_are_refused(trained_committee, test_split):
    renamed = as_split(test_split.images, test_split.labels, class_names=("top", "left", "right"))
    with pytest.raises(DataError, match=r"in this order: left, right, top\. Received: top"):
        trained_committee.report(renamed)


# --- which images a committee knows -------------------------------------------------------


def test_images_that_were_trained_on_are_counted(
    trained_committee, train_split, test_split, tmp_path
):
    assert trained_committee.report(test_split).trained_on == 0
    trained_committee.save(tmp_path / "c.keras")
    loaded = Committee.load(tmp_path / "c.keras")
    report = loaded.report(train_split.take(range(10)))
    assert report.trained_on == 10
    assert report.verdict().startswith("Caution: 10 of these 10 images were trained on")


def test_members_tell_every_committee_which_images_they_were_trained_on(train_split, built_model):
    first, second = Committee(built_model("a")), Committee(built_model("b"))
    record_exposure([first], "trained_on", train_split.digests[:50])
    record_exposure([second], "trained_on", train_split.digests[40:70])
    both = Committee([first.members[0], second.members[0]])
    assert both.overlap_with(train_split) == Overlap(images=100, trained_on=70)
    assert Committee(second.members).report(train_split).trained_on == 30
    nested = Committee([first, second.members[0]])
    assert nested.report(train_split).trained_on == 70
    assert compare({"a": first, "b": second}, train_split).trained_on == 70


def test_overlap_is_counted_for_whatever_a_report_takes(train_split, built_model):
    import tensorflow as tf

    committee = Committee(built_model("a"))
    record_exposure([committee], "trained_on", train_split.digests[:50])
    expected = Overlap(images=100, trained_on=50)
    images, labels = train_split.images, train_split.labels
    dataset = tf.data.Dataset.from_tensor_slices((images.astype("float32"), labels)).batch(32)
    for x in (train_split, (images, labels), images, dataset, [*images]):
        assert committee.overlap_with(x) == expected
    assert committee.overlap_with(images, labels) == expected
    with pytest.raises(DataError, match="be uint8 pixels"):
        committee.overlap_with(images / 255)
    with pytest.raises(DataError, match="one label for each of 100 images"):
        committee.overlap_with(images, labels[:7])


def test_images_that_chose_the_rule_are_remembered(
    trained_committee, validation_split, test_split, tmp_path
):
    chosen = trained_committee.with_rule("soft", tuned_on=validation_split)
    assert trained_committee.overlap_with(validation_split).tuned_on == 0
    by_array = trained_committee.with_rule("soft", tuned_on=validation_split.images)
    np.testing.assert_array_equal(by_array.tuned_on, chosen.tuned_on)
    chosen.save(tmp_path / "c.keras")
    loaded = Committee.load(tmp_path / "c.keras")
    assert loaded.overlap_with(validation_split) == Overlap(images=48, tuned_on=48)
    assert loaded.overlap_with(test_split) == Overlap(images=60)


# --- saving -------------------------------------------------------------------------------


def test_saving_keeps_rule_names_recipes_and_scores(trained_committee, test_split, tmp_path):
    trained_committee.save(tmp_path / "c.keras")
    loaded = Committee.load(tmp_path / "c.keras")
    config, expected = loaded.get_config(), trained_committee.get_config()
    keys = "rule out_of_bag class_names seed validation_accuracy data_settings tuned_on training"
    for key in keys.split():
        assert config[key] == expected[key]
    assert [member["recipe"] for member in config["members"]] == [
        member["recipe"] for member in expected["members"]
    ]
    predicted, again = trained_committee.predict(test_split), loaded.predict(test_split)
    np.testing.assert_allclose(again, predicted, rtol=1e-6)


def test_a_loaded_committee_can_be_trained_on(train_split, tmp_path):
    committee = Committee(Member("softmax", recipe=Recipe(batch_size=32, epochs=1)))
    committee.fit(train_split, verbose=0)
    committee.save(tmp_path / "c.keras")
    loaded = Committee.load(tmp_path / "c.keras")
    before = loaded.get_weights()
    loaded.fit(train_split, epochs=1, verbose=0)
    assert not all((a == b).all() for a, b in zip(before, loaded.get_weights(), strict=True))


def test_recipes_still_tell_how_built_members_were_built(train_split, tmp_path):
    recipe = Recipe(batch_size=32, epochs=1, precision="mixed_bfloat16", standardize="per_image")
    committee = Committee(Member("softmax", recipe=recipe))
    committee.fit(train_split, verbose=0)
    committee.with_rule("soft").save(tmp_path / "a.keras")
    assert Committee.load(tmp_path / "a.keras").recipes == committee.recipes == (recipe,)


def test_a_plain_model_loads_as_a_committee_of_one_member(test_split, built_model, tmp_path):
    model = built_model("mine")
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
        ("gone.keras", None, "gone.keras.*does not exist"),
        ("report.json", b"{}", "report.json.*not a .keras file"),
        ("noise.keras", b"noise", "noise.keras.*cannot be read.*Copy or download"),
    ],
)
def test_files_that_are_no_committee_are_refused(tmp_path, name, content, message):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        Committee.load(tmp_path / name)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"training": 7}, "training in the file .* Received: 7"),
        ({"training": None}, "training in the file .* Received: None"),
        ({"training": {"seconds": 5}}, "Received: 'seconds': 5"),
        ({"training": {"seconds": {"softmax": "x"}}}, "Received: 'seconds': {'softmax': 'x'}"),
        ({"training": {"milliseconds": {"softmax": []}}}, "Received: 'milliseconds':"),
        ({"training": {"arguments": {"softmax": 3}}}, "Received: 'arguments':"),
        ({"training": {"copies": 3}}, "Received: 'copies': 3"),
        ({"training": {"teacher": 3}}, "Received: 'teacher': 3"),
        ({"training": {"optimizer": "sgd"}}, "training in the file .* Received: 'optimizer'"),
        ({"class_namse": ["a"]}, "and nothing else. Received: 'class_namse'"),
        ({"validation_accuracy": ["x"]}, "cannot be loaded .*'x'"),
        ({"validation_scores": {"softmax": {"value": 1}}}, "cannot be loaded .*'low'"),
        ({"out_of_bag": {"value": None}}, "cannot be loaded"),
    ],
    ids=str,
)
def test_a_saved_committee_with_other_values_is_refused(tmp_path, built_model, values, message):
    Committee(built_model("softmax")).save(tmp_path / "c.keras")
    with zipfile.ZipFile(tmp_path / "c.keras") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    description = json.loads(members["config.json"])
    description["config"] |= values
    members["config.json"] = json.dumps(description).encode()
    with zipfile.ZipFile(tmp_path / "c.keras", "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    with pytest.raises(DataError, match=message):
        Committee.load(tmp_path / "c.keras")


def test_only_keras_files_are_saved(trained_committee, tmp_path):
    with pytest.raises(ArgumentError, match=r"filepath must end in \.keras"):
        trained_committee.save(tmp_path / "c.h5")


def test_members_that_share_a_weight_cannot_be_trained(train_split):
    inputs, base = keras.Input((6, 6, 1)), keras.layers.Dense(4)
    hidden = base(keras.layers.Flatten()(inputs))
    models = [
        keras.Model(inputs, keras.layers.Dense(3, "softmax")(hidden), name=name)
        for name in ("first", "second")
    ]
    with pytest.raises(ArgumentError, match=r"first and second share the weight .*clone_model"):
        Committee(models).fit(train_split, epochs=1, verbose=0)
