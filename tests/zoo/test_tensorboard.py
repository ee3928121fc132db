import io
import json

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import metadata

from zoo.plots import confusion_figure, figure_pixels
from zoo.tensorboard import TensorBoardLog

SCORES = {"loss": 0.5, "accuracy": 0.25, "learning_rate": 0.125}
HELD_OUT = {"val_loss": 0.75, "val_accuracy": 0.375}


@pytest.fixture
def log(tmp_path):
    log = TensorBoardLog(tmp_path / "run")
    yield log
    log.close()


def read(folder):
    """Tag → [(step, value)] of all that TensorBoard finds in a folder."""
    events = EventAccumulator(str(folder), size_guidance={"tensors": 0})
    events.Reload()
    return {
        tag: [(event.step, tf.make_ndarray(event.tensor_proto)) for event in events.Tensors(tag)]
        for tag in events.Tags()["tensors"]
    }


def plugin(folder, tag):
    events = EventAccumulator(str(folder), size_guidance={"tensors": 0})
    events.Reload()
    return events.SummaryMetadata(tag).plugin_data


def runs(folder):
    """The folders in which TensorBoard finds a run."""
    return {str(path.parent.relative_to(folder)) for path in folder.rglob("*.tfevents.*")}


def test_curves_of_train_and_validation_share_their_tags(log, tmp_path):
    log.epoch(1, {"cnn": {**SCORES, **HELD_OUT}, "committee": {**SCORES, **HELD_OUT}})
    log.epoch(2, {"cnn": {key: value / 2 for key, value in {**SCORES, **HELD_OUT}.items()}})
    log.close()
    folder = tmp_path / "run"
    assert runs(folder) == {
        "cnn/train",
        "cnn/validation",
        "committee/train",
        "committee/validation",
    }
    assert read(folder / "cnn/train") == {
        "loss": [(1, 0.5), (2, 0.25)],
        "accuracy": [(1, 0.25), (2, 0.125)],
        "learning_rate": [(1, 0.125), (2, 0.0625)],
    }
    assert read(folder / "cnn/validation") == {
        "loss": [(1, 0.75), (2, 0.375)],
        "accuracy": [(1, 0.375), (2, 0.1875)],
    }
    assert read(folder / "committee/validation") == {
        "loss": [(1, 0.75)],
        "accuracy": [(1, 0.375)],
    }
    assert plugin(folder / "cnn/train", "loss").plugin_name == "scalars"


def test_without_validation_there_is_no_such_run(log, tmp_path):
    log.epoch(1, {"cnn": SCORES})
    log.close()
    assert runs(tmp_path / "run") == {"cnn/train"}


def test_an_epoch_can_be_watched_while_the_training_goes_on(log, tmp_path):
    log.epoch(1, {"cnn": SCORES})
    assert read(tmp_path / "run" / "cnn/train")["loss"] == [(1, 0.5)]


def test_a_loss_that_is_nan_is_written(log, tmp_path):
    log.epoch(1, {"cnn": {"loss": float("nan")}})
    ((step, value),) = read(tmp_path / "run" / "cnn/train")["loss"]
    assert step == 1
    assert np.isnan(value)


def test_confusion_matrix_is_a_picture(log, tmp_path):
    def figure():  # afresh, since laying out again moves things a little
        return confusion_figure(np.array([[3, 1], [0, 2]]), ["cat", "dog"])

    log.figure("cnn/validation", "confusion matrix", figure, step=7)
    log.close()
    folder = tmp_path / "run" / "cnn/validation"
    assert plugin(folder, "confusion matrix").plugin_name == "images"
    ((step, (width, height, png)),) = read(folder)["confusion matrix"]
    assert step == 7
    expected = figure_pixels(figure())
    assert (int(height), int(width)) == expected.shape[:2]
    picture = Image.open(io.BytesIO(png))
    assert picture.format == "PNG"
    np.testing.assert_array_equal(np.asarray(picture), expected)


def test_text_is_written(log, tmp_path):
    log.text("committee/train", "note", "**hello** ü")
    log.close()
    folder = tmp_path / "run" / "committee/train"
    assert plugin(folder, "note").plugin_name == "text"
    ((step, text),) = read(folder)["note"]
    assert (step, text.item().decode()) == (0, "**hello** ü")


def test_configuration_is_a_table(log, tmp_path):
    config = {"epochs": 3, "patience": None, "classes": ["a|b", "ü"], "recipe": {"momentum": 0.9}}
    log.configuration("cnn/train", config)
    log.close()
    ((_, text),) = read(tmp_path / "run" / "cnn/train")["configuration"]
    lines = text.item().decode().splitlines()
    assert lines[:2] == ["| setting | value |", "| --- | ---: |"]
    rows = [line.removeprefix("| ").removesuffix("` |").split(" | `") for line in lines[2:]]
    assert {key: json.loads(value.replace("\\|", "|")) for key, value in rows} == {
        "epochs": 3,
        "patience": None,
        "classes": ["a|b", "ü"],
        "recipe.momentum": 0.9,
    }
    assert "a\\|b" in lines[4]  # a bare | would begin a new column


def test_hyperparameters_are_a_session_with_its_best_scores(log, tmp_path):
    settings = {"optimizer": "sgd", "learning_rate": 0.125, "batch_size": 32, "augmentation": False}
    log.hyperparameters("cnn", settings, {"accuracy": 0.75, "loss": 0.5}, step=9)
    log.close()
    folder = tmp_path / "run" / "cnn"
    found = read(folder)
    assert found["best/accuracy"] == [(9, 0.75)]
    assert found["best/loss"] == [(9, 0.5)]
    data = plugin(folder, metadata.SESSION_START_INFO_TAG)
    assert data.plugin_name == "hparams"
    session = metadata.parse_session_start_info_plugin_data(data.content)
    shown = {key: getattr(v, v.WhichOneof("kind")) for key, v in session.hparams.items()}
    assert shown == settings
    assert session.group_name == "run/cnn"
    data = plugin(folder, metadata.EXPERIMENT_TAG)
    experiment = metadata.parse_experiment_plugin_data(data.content)
    assert [info.name for info in experiment.hparam_infos] == list(settings)
    tags = {info.name.tag: info.display_name for info in experiment.metric_infos}
    assert tags == {"best/accuracy": "best accuracy", "best/loss": "best loss"}


def test_each_member_is_a_session_of_its_own(log, tmp_path):
    for member in ("cnn", "mlp"):
        log.hyperparameters(member, {"model": member}, {"loss": 1.0}, step=1)
    log.close()
    names = set()
    for member in ("cnn", "mlp"):
        data = plugin(tmp_path / "run" / member, metadata.SESSION_START_INFO_TAG)
        names.add(metadata.parse_session_start_info_plugin_data(data.content).group_name)
    assert len(names) == 2


def test_an_epoch_without_scores_writes_no_file(log, tmp_path):
    log.epoch(1, {})
    log.close()
    assert not (tmp_path / "run").exists()


def test_log_may_go_on_after_closing(log, tmp_path):
    log.epoch(1, {"cnn": {"loss": 1.0}})
    log.close()
    log.epoch(2, {"cnn": {"loss": 0.5}})
    log.close()
    assert read(tmp_path / "run" / "cnn/train")["loss"] == [(1, 1.0), (2, 0.5)]


def test_an_error_in_drawing_or_writing_is_a_warning_and_the_rest_is_written(tmp_path):
    log = TensorBoardLog(tmp_path)
    with pytest.warns(RuntimeWarning, match=r"picture 'broken' .*ParseError: \$5.*goes on"):
        log.figure("cnn/train", "broken", lambda: raise_error(ParseError("$5")), step=1)
    (tmp_path / "mlp").write_text("a file where a folder should be")
    with pytest.warns(RuntimeWarning, match="scores of mlp/train could not be written"):
        log.epoch(1, {"mlp": {"loss": 0.5}, "cnn": {"loss": 0.25}})
    log.close()
    assert read(tmp_path / "cnn/train")["loss"] == [(1, 0.25)]


class ParseError(Exception):
    pass


def raise_error(error):
    raise error
