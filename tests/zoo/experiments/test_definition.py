import copy
import tomllib
from dataclasses import replace

import pytest

import zoo
from zoo.augmentation import Augmentation
from zoo.errors import ZooError
from zoo.experiments.definition import MemberSettings, experiment_of

TABLE = tomllib.loads("""
title = "a title"
report = "a report"
place = "a page"
minutes = 1

[data]
name = "digits"

[[members]]
name = "net"
model = "mlp"

[[published]]
member = "net"
split = "test"
value = "46.9"
source = "page 3"
""")


def changed(path, value):
    """The table with another value; None takes the key out."""
    table = copy.deepcopy(TABLE)
    *parents, key = path.split(".")
    inner = table
    for parent in parents:
        inner = inner[int(parent) if parent.isdigit() else parent]
    if value is None:
        del inner[key]
    else:
        inner[key] = value
    return table


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("titel", "x", "did you mean 'title'"),
        ("title", None, "must have the key 'title'"),
        ("data.size", 3, "The table data must have no other keys"),
        ("data.name", "mnits", "did you mean 'mnist'"),
        ("members.0.begins_with", "network", 'begins_with must be "features" or left out'),
        ("members.0.summed_loss", "no", "members.summed_loss must be True or False"),
        (
            "protocol",
            {"new_splits": "false"},
            "protocol.new_splits must be True or False. Received",
        ),
        ("members.0.begins_with", "features", "must come with \\[features\\] that has no layer"),
        ("features", {"file": "a.keras"}, "Received: no such member, no layer"),
        ("data.options", {"validaton": 0}, "did you mean 'validation'"),
        ("data.options", {"root": "x"}, "Received: 'root'"),
        ("data.fingerprint", {"tset": "x"}, "did you mean 'test'"),
        ("data.training_images", 0, "data.training_images must be a whole number"),
        ("data", 3, "data must be a table"),
        ("members", {}, "members must be a list of tables"),
        ("members", [], "must have members, figures or measurements"),
        ("data", None, "data must name the images"),
        ("members.0.name", "committee", "which is not 'committee'"),
        ("members.0.model", "mpl", "did you mean 'mlp'"),
        ("members.0.arguments", {"hiden": [3]}, "did you mean 'hidden'"),
        ("members.0.recipe", {"epoch": 3}, "did you mean 'epochs'"),
        ("members.0.recipe", {"epochs": 0}, "epochs must be a whole number"),
        ("members.0.recipe", {"augmentation": {"zoom_rang": 0.1}}, "did you mean 'zoom_range'"),
        ("members.0.recipe", {"augmentation": {"cutmix": -1}}, "cutmix must be 0, or"),
        ("members.0.base", "CO359", "did you mean 'CO395'"),
        ("members.0.vary", {"epochs": 3}, "members.vary must be a single setting"),
        ("published.0.member", "nett", "did you mean 'net'"),
        ("published.0.member", "committee", "published.member must be one of net"),
        ("published.0.split", "tests", "did you mean 'test'"),
        ("published.0.value", 46.9, "published.value must be a text"),
        ("published.0.value", "much", "published.value must be a text"),
        ("published.0.n", 0, "published.n must be a whole number"),
        ("figures", "curves", "figures must be a list of names"),
        ("figures", ["curvs"], "did you mean 'curves'"),
        ("figures", [{"name": "filters", "unit": 3}], "did you mean 'units'"),
        ("figures", [{"name": "filters", "member": "nett"}], "did you mean 'net'"),
        ("measurements", ["gradient"], "did you mean 'gradients'"),
        ("measurements", ["backpropagation"], "must hold sizes"),
        ("published.0.measure", "F1", "did you mean 'f1'"),
        ("published.0.of", "7", "published.of must come with a measure"),
        ("published.0.at", {"l2": 0}, "published.at must come with a sweep"),
        ("sweep", {"member": "nett", "vary": {"l2": [0]}}, "did you mean 'net'"),
        ("sweep", {"member": "net"}, "must have the key 'vary'"),
        ("teacher", {"weights": "mnits"}, "did you mean 'mnist'"),
        ("teacher", {"weights": "mnist", "share": 2}, "teacher.share must be a finite number"),
        ("teacher", {"weights": "mnist", "temperature": 0}, "teacher.temperature must be"),
        ("members.0.arguments", {"weights": "mnist/lenet-0"}, "must be of the model"),
        ("compared", "nett", "did you mean 'net'"),
        ("compared", "net", "compared must be one of several members"),
        ("protocol", {"seeds": []}, "protocol.seeds must be a list"),
        ("protocol", {"seeds": [-1]}, "protocol.seeds must be a whole number"),
    ],
)
def test_a_wrong_value_is_an_error_that_says_where(path, value, words):
    with pytest.raises(ZooError, match=words):
        experiment_of("mine", changed(path, value))


def test_a_comparison_asks_for_two_seeds():
    members = [{**TABLE["members"][0], "name": name} for name in ("net", "other")]
    table = {**TABLE, "members": members, "compared": "net"}
    with pytest.raises(ZooError, match="compared must come with two seeds or more"):
        experiment_of("mine", {**table, "protocol": {"seeds": [3]}})
    assert experiment_of("mine", {**table, "protocol": {"seeds": [3, 4]}}).compared == "net"


def test_the_weights_of_every_seed_must_exist_before_any_training():
    member = {"name": "net", "model": "lenet", "arguments": {"weights": "mnist/lenet-{seed}"}}
    table = {**TABLE, "members": [member], "protocol": {"seeds": [0, 9]}}
    (found,) = experiment_of("mine", table).members
    assert found.arguments_for(9) == {"weights": "mnist/lenet-9"}
    with pytest.raises(ZooError, match="mnist/lenet-10"):
        experiment_of("mine", {**table, "protocol": {"seeds": [0, 10]}})


def test_a_member_begins_with_features_or_with_trained_weights():
    with pytest.raises(ZooError, match="begin with one set of weights"):
        MemberSettings("net", "lenet", {"weights": "mnist/lenet-0"}, begins_with="features")


def test_the_test_split_and_published_splits_are_judged():
    experiment = experiment_of("mine", changed("published.0.split", "train"))
    assert experiment.judged_splits == ("train", "test")


def test_one_setting_of_a_member_can_vary():
    experiment = experiment_of("mine", {**TABLE, "published": [], "members": [
        {"name": "net", "model": "mlp", "vary": {"hidden": [[25], [200, 10]]}},
        {"name": "rate", "model": "mlp", "vary": {"learning_rate": [0.1]}, "base": "CO395"},
    ]})  # fmt: skip
    names = [member.name for member in experiment.members]
    assert names == ["net_25", "net_200-10", "rate_0.1"]
    assert experiment.members[1].arguments == {"hidden": [200, 10]}
    assert experiment.members[2].recipe_for(10).learning_rate == 0.1
    assert experiment.members[2].recipe_for(10).optimizer_arguments == {"momentum": 0.9}


def test_a_transform_of_the_augmentation_can_vary():
    def augmentations(member):
        table = {**TABLE, "published": [], "members": [{"name": "net", "model": "cnn", **member}]}
        return [found.recipe_for(10).augmentation for found in experiment_of("mine", table).members]

    vary = {"vary": {"cutmix": [0, 1.0]}}
    assert augmentations(vary) == [Augmentation(), Augmentation(cutmix=1)]
    own = {"recipe": {"augmentation": {"zoom_range": 0.1}}}
    assert augmentations({**vary, **own})[1] == Augmentation(zoom_range=0.1, cutmix=1)
    of_model = zoo.describe("cnn").recipe_named("CO395").augmentation
    assert augmentations({**vary, "base": "CO395"}) == [of_model, replace(of_model, cutmix=1)]
    with pytest.raises(ZooError, match="cutmix must be 0, or"):
        augmentations({"vary": {"cutmix": [-1]}})


def test_all_images_in_a_step_and_a_summed_loss_make_full_gradient_descent():
    settings = MemberSettings(
        "plain", "softmax", recipe={"batch_size": "all", "learning_rate": 1e-4}, summed_loss=True
    )
    recipe = settings.recipe_for(images=50_000)
    assert recipe.batch_size == 50_000
    assert recipe.learning_rate == pytest.approx(5)


def test_a_table_is_an_augmentation():
    table = {"rotation_range": 10, "cutmix": 1.0}
    settings = MemberSettings("net", "cnn", recipe={"augmentation": table})
    assert settings.recipe_for(10).augmentation == Augmentation(rotation_range=10, cutmix=1.0)


@pytest.mark.parametrize("protocol", [{"seeds": [0, 2]}, {"new_splits": True}])
def test_the_seeds_of_a_sweep_train_together(protocol):
    sweep = {"member": "net", "vary": {"l2": [0.0, 0.1]}}
    with pytest.raises(ZooError, match="seeds that follow one another"):
        experiment_of("mine", {**TABLE, "sweep": sweep, "protocol": protocol})
