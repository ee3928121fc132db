import pytest

from tests.zoo.inspect.curves.conftest import write_run
from zoo.errors import ArgumentError, RunError
from zoo.inspect.curves.histories import model_histories
from zoo.training.run_folder import RunFolder


def test_scores_go_to_the_member_with_the_longest_fitting_name(tmp_path):
    scores = {
        f"{part}{name}_{score}": [value]
        for part, name, value in (("", "cnn", 1.0), ("val_", "cnn", 2.0), ("", "cnn_loss", 3.0))
        for score in ("loss", "accuracy")
    }
    folder = write_run(tmp_path / "a", {**scores, "loss": [4.0]}, names=("cnn", "cnn_loss"))
    first, second = model_histories(folder)
    assert first.scores == {"loss": [1], "accuracy": [1], "val_loss": [2], "val_accuracy": [2]}
    assert second.scores == {"loss": [3], "accuracy": [3]}
    (own,) = model_histories(folder, "committee")
    assert own.scores == {"loss": [4]}
    assert own.settings["learning_rate"] == 0.001


def test_losses_of_one_model_are_no_members():
    (history,) = model_histories({"loss": [3.0], "kl_loss": [1.0], "rate_loss": [2.0]})
    assert history.scores == {"loss": [3], "kl_loss": [1], "rate_loss": [2]}


def test_settings_come_from_recipe_builder_and_data(tmp_path):
    folder = write_run(
        tmp_path / "a", {"loss": [1.0]}, seed=7, arguments={"dropout": 0.3}, optimizer="sgd",
        optimizer_arguments={"momentum": 0.9},
    )  # fmt: skip
    settings = model_histories(folder)[0].settings
    assert settings["model"] == "mlp"
    assert settings["seed"] == 7
    assert settings["momentum"] == 0.9
    assert settings["builder.dropout"] == 0.3
    assert settings["builder.hidden"] == (512, 512, 512)
    assert settings["train.images"] == 100


def test_a_run_under_way_has_the_epochs_so_far(tmp_path):
    folder = tmp_path / "a"
    run = RunFolder(folder, {"recipes": {"mlp": {}}})
    with pytest.raises(RunError, match=r"must have finished an epoch. Received: .*a, which has"):
        model_histories(folder)
    run.save_state("mlp", {}, {"history": {"epoch": [1], "history": {"loss": [2.0]}}})
    run.save_state("mlp_2", {}, {"history": {"epoch": [1, 2], "history": {"loss": [2.0, 1.0]}}})
    assert model_histories(str(folder))[0].scores == {"loss": [2, 1]}


@pytest.mark.parametrize(
    ("runs", "member", "message"),
    [
        ([], None, r"runs must hold one run or more. Received: none"),
        (3, None, r"runs must be run folders, histories .* Received: 3"),
        ({"loss": 2.0}, None, r"names of scores with lists of numbers.* Received: 'loss': 2.0"),
        ({"loss": ["a"]}, None, r"Received: 'loss': \['a'\]"),
        ({"loss": [1.0]}, "cnn", r"member must be left out for a single model. Received: 'cnn'"),
    ],
)
def test_other_values_are_refused(runs, member, message):
    with pytest.raises(ArgumentError, match=message):
        model_histories(runs, member)


def test_a_folder_without_a_run_is_refused_with_a_hint(tmp_path, seeds, trained_run):
    with pytest.raises(RunError, match=r"holds no run.json. Its runs are below: pass \[\*Path"):
        model_histories(tmp_path)
    with pytest.raises(RunError, match=r"gone, which is no folder. Name a folder"):
        model_histories(tmp_path / "gone")
    with pytest.raises(ArgumentError, match=r"'softmax_3'; did you mean 'softmax"):
        model_histories(trained_run[0], "softmax_3")


def test_members_that_trained_apart_have_no_common_curve(tmp_path):
    scores = {"a_loss": [1.0, 2], "b_loss": [1.0, 2], "val_loss": [1.0]}
    folder = write_run(tmp_path / "apart", scores, names=("a", "b"))
    with pytest.raises(ArgumentError, match="apart, whose members trained one after another"):
        model_histories(folder, "committee")
