import io
import json

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.custom_scalar import layout_pb2
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


def test_a_committee_of_three_is_four_runs_and_the_committee_is_the_first(log, tmp_path):
    for name in ("bn_mlp", "cnn", "a_mlp", "committee"):
        log.epoch(1, {name: {**SCORES, **HELD_OUT}})
    log.close()
    assert sorted(runs(tmp_path / "run")) == [
        "committee",
        "models/a_mlp",
        "models/bn_mlp",
        "models/cnn",
    ]


def test_tags_tell_train_and_validation_apart_and_are_equal_in_all_runs(log, tmp_path):
    log.epoch(1, {"cnn": {**SCORES, **HELD_OUT}, "committee": {**SCORES, **HELD_OUT}})
    log.epoch(2, {"cnn": {key: value / 2 for key, value in {**SCORES, **HELD_OUT}.items()}})
    log.close()
    folder = tmp_path / "run"
    assert read(folder / "models/cnn") == {
        "loss/train": [(1, 0.5), (2, 0.25)],
        "accuracy/train": [(1, 0.25), (2, 0.125)],
        "learning_rate": [(1, 0.125), (2, 0.0625)],
        "loss/validation": [(1, 0.75), (2, 0.375)],
        "accuracy/validation": [(1, 0.375), (2, 0.1875)],
    }
    assert read(folder / "committee").keys() == read(folder / "models/cnn").keys()
    assert plugin(folder / "committee", "loss/train").plugin_name == "scalars"


def test_an_epoch_can_be_watched_while_the_training_goes_on(log, tmp_path):
    log.epoch(1, {"cnn": SCORES})
    assert read(tmp_path / "run" / "models/cnn")["loss/train"] == [(1, 0.5)]


def test_a_loss_that_is_nan_is_written(log, tmp_path):
    log.epoch(1, {"cnn": {"loss": float("nan")}})
    ((step, value),) = read(tmp_path / "run" / "models/cnn")["loss/train"]
    assert step == 1
    assert np.isnan(value)


def test_confusion_matrix_is_a_picture(log, tmp_path):
    def figure():  # afresh, since laying out again moves things a little
        return confusion_figure(np.array([[3, 1], [0, 2]]), ["cat", "dog"])

    log.figure("committee", "confusion matrix", figure, step=7)
    log.close()
    folder = tmp_path / "run" / "committee"
    assert plugin(folder, "confusion matrix").plugin_name == "images"
    ((step, (width, height, png)),) = read(folder)["confusion matrix"]
    assert step == 7
    expected = figure_pixels(figure())
    assert (int(height), int(width)) == expected.shape[:2]
    picture = Image.open(io.BytesIO(png))
    assert picture.format == "PNG"
    np.testing.assert_array_equal(np.asarray(picture), expected)


def test_text_is_written(log, tmp_path):
    log.text("committee", "note", "**hello** ü")
    log.close()
    folder = tmp_path / "run" / "committee"
    assert plugin(folder, "note").plugin_name == "text"
    ((step, text),) = read(folder)["note"]
    assert (step, text.item().decode()) == (0, "**hello** ü")


def test_configuration_is_a_table(log, tmp_path):
    config = {"epochs": 3, "patience": None, "classes": ["a|b", "ü"], "recipe": {"momentum": 0.9}}
    log.configuration("committee", "configuration", config)
    log.close()
    ((_, text),) = read(tmp_path / "run" / "committee")["configuration"]
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


def hyperparameters(folder):
    """The columns of TensorBoard's table of hyperparameters, and the row of the run."""
    data = plugin(folder, metadata.EXPERIMENT_TAG)
    columns = metadata.parse_experiment_plugin_data(data.content)
    data = plugin(folder, metadata.SESSION_START_INFO_TAG)
    assert data.plugin_name == "hparams"
    return columns, metadata.parse_session_start_info_plugin_data(data.content)


def test_model_learning_rate_and_what_differs_are_the_first_columns(log, tmp_path):
    same = {"augmentation": False, "optimizer": "sgd"}
    settings = {
        "committee": {"model": "committee"},
        "cnn": {**same, "batch_size": 32, "learning_rate": 0.125, "model": "cnn"},
        "mlp": {**same, "batch_size": 64, "learning_rate": 0.125, "model": "mlp"},
    }
    log.hyperparameters(settings, {name: {"val_loss": 0.5} for name in settings}, step=9)
    log.close()
    for folder in ("committee", "models/cnn", "models/mlp"):
        columns, _ = hyperparameters(tmp_path / "run" / folder)
        # TensorBoard sorts the columns by `differs` first and by the name then.
        shown = sorted(columns.hparam_infos, key=lambda column: (not column.differs, column.name))
        assert list(columns.hparam_infos[:3]) == shown[:3]
        titles = [column.display_name for column in shown]
        assert titles == ["model", "learning_rate", "batch_size", "augmentation", "optimizer"]
        assert [column.differs for column in shown] == [True, True, True, False, False]


def test_each_model_has_a_row_with_its_settings_and_best_scores(log, tmp_path):
    settings = {
        "committee": {"model": "committee"},
        "cnn": {"model": "cnn", "learning_rate": 0.125, "augmentation": False},
    }
    best = {
        "committee": {"val_accuracy": 0.875, "val_loss": 0.25},
        "cnn": {"val_accuracy": 0.75, "val_loss": 0.5},
    }
    log.hyperparameters(settings, best, step=9)
    log.close()
    folder = tmp_path / "run" / "models/cnn"
    assert read(folder)["best/accuracy/validation"] == [(9, 0.75)]
    assert read(folder)["best/loss/validation"] == [(9, 0.5)]
    assert read(tmp_path / "run" / "committee")["best/accuracy/validation"] == [(9, 0.875)]
    columns, row = hyperparameters(folder)
    titles = {column.name: column.display_name for column in columns.hparam_infos}
    shown = {titles[key]: getattr(v, v.WhichOneof("kind")) for key, v in row.hparams.items()}
    assert shown == settings["cnn"]
    assert row.group_name == "run/models/cnn"
    assert [(info.name.tag, info.display_name) for info in columns.metric_infos] == [
        ("best/accuracy/validation", "best validation accuracy"),
        ("best/loss/validation", "best validation loss"),
        ("test/accuracy", "test accuracy"),
        ("test/macro_f1", "test macro F1"),
        ("test/negative_log_likelihood", "test loss (NLL)"),
    ]


def test_custom_charts_show_each_score_on_each_kind_of_images(log, tmp_path):
    log.charts("committee", ["accuracy", "top.5"], ["validation", "train"])
    log.close()
    folder = tmp_path / "run" / "committee"
    ((_, content),) = read(folder)["custom_scalars__config__"]
    layout = layout_pb2.Layout.FromString(content.item())
    assert [category.title for category in layout.category] == ["accuracy", "top.5"]
    charts = [chart for category in layout.category for chart in category.chart]
    assert [(chart.title, *chart.multiline.tag) for chart in charts] == [
        ("accuracy on validation images", "^accuracy/validation$"),
        ("accuracy on training images", "^accuracy/train$"),
        ("top.5 on validation images", r"^top\.5/validation$"),
        ("top.5 on training images", r"^top\.5/train$"),
    ]


def test_histograms_leave_out_what_is_no_number(log, tmp_path):
    log.histograms("models/cnn", {"weights/kernel": np.array([[1.0, np.nan], [3.0, np.inf]])}, 2)
    log.histograms("models/cnn", {"weights/bias": np.array([np.nan])}, 2)
    log.histograms("models/cnn", {"weights/gamma": np.ones((2, 2), "float32")}, 2)
    log.close()
    folder = tmp_path / "run" / "models/cnn"
    ((step, buckets),) = read(folder)["weights/kernel"]
    assert step == 2
    assert (buckets[0, 0], buckets[-1, 1], buckets[:, 2].sum()) == (1, 3, 2)
    assert plugin(folder, "weights/kernel").plugin_name == "histograms"
    ((_, empty),) = read(folder)["weights/bias"]
    assert empty[:, 2].sum() == 0
    ((_, equal),) = read(folder)["weights/gamma"]
    assert (equal[:, :2] == 1).all()
    assert equal[:, 2].sum() == 4


def test_buckets_are_those_of_tensorflow(log, tmp_path):
    values = np.random.default_rng(0).standard_normal((50, 20)).astype("float32")
    log.histograms("models/cnn", {"weights/kernel": values}, 1)
    log.close()
    with tf.summary.create_file_writer(str(tmp_path / "other")).as_default(step=1):
        tf.summary.histogram("weights/kernel", values)
    ((_, buckets),) = read(tmp_path / "run" / "models/cnn")["weights/kernel"]
    ((_, expected),) = read(tmp_path / "other")["weights/kernel"]
    np.testing.assert_allclose(buckets[:, :2], expected[:, :2], atol=1e-6)
    np.testing.assert_allclose(buckets[:, 2], expected[:, 2], atol=1)


def test_precision_and_recall_have_a_curve_for_each_class(log, tmp_path):
    right, wrong = np.array([[4, 3, 0], [2, 0, 0]]), np.array([[2, 1, 0], [4, 0, 0]])
    log.precision_recall("committee", "test/pr", ["cat", "dog/wolf"], right, wrong, step=3)
    log.close()
    folder = tmp_path / "run" / "committee"
    curves = read(folder)
    assert list(curves) == ["test/pr/cat", "test/pr/dog/wolf"]
    ((step, rows),) = curves["test/pr/cat"]
    assert step == 3
    np.testing.assert_allclose(
        rows,
        [
            [4, 3, 0],  # true positives
            [2, 1, 0],  # false positives
            [0, 1, 2],  # true negatives
            [0, 1, 4],  # false negatives
            [2 / 3, 3 / 4, 0],  # precision
            [1, 3 / 4, 0],  # recall
        ],
    )
    assert plugin(folder, "test/pr/cat").plugin_name == "pr_curves"


def test_names_and_folders_that_are_no_utf8_are_written_too(tmp_path):
    folder = tmp_path / "caf\udce9"
    log = TensorBoardLog(folder)
    log.text("committee", "note", "a\udce9\n\x1b[31m")
    log.precision_recall("committee", "pr", ["\udce9"], np.ones((1, 2)), np.ones((1, 2)), step=1)
    log.hyperparameters({"committee": {"model": "a"}}, {"committee": {"loss": 0.5}}, step=1)
    log.rewind("committee", 0)
    log.close()
    TensorBoardLog(folder).rewind("committee", 0)  # what is of epoch 1 goes
    found = read(folder.rename(tmp_path / "cafe") / "committee")
    assert found["note"][0][1].item().decode() == "a\\udce9\n\\x1b[31m"
    assert "pr/\\udce9" not in found


def test_a_graph_is_written(log, tmp_path):
    graph = tf.compat.v1.GraphDef()
    graph.node.add(name="hidden", op="Dense")
    log.graph("models/cnn", graph)
    log.close()
    events = EventAccumulator(str(tmp_path / "run" / "models/cnn"))
    events.Reload()
    assert [node.name for node in events.Graph().node] == ["hidden"]


def test_an_epoch_without_scores_writes_no_file(log, tmp_path):
    log.epoch(1, {})
    log.close()
    assert not (tmp_path / "run").exists()


def test_log_may_go_on_after_closing(log, tmp_path):
    log.epoch(1, {"cnn": {"loss": 1.0}})
    log.close()
    log.epoch(2, {"cnn": {"loss": 0.5}})
    log.close()
    assert read(tmp_path / "run" / "models/cnn")["loss/train"] == [(1, 1.0), (2, 0.5)]


def test_an_error_in_drawing_or_writing_is_a_warning_and_the_rest_is_written(tmp_path):
    log = TensorBoardLog(tmp_path)
    with pytest.warns(RuntimeWarning, match=r"picture 'broken' .*ParseError: \$5.*goes on"):
        log.figure("models/cnn", "broken", lambda: raise_error(ParseError("$5")), step=1)
    (tmp_path / "models/mlp").write_text("a file where a folder should be")
    with pytest.warns(RuntimeWarning, match="scores of models/mlp could not be written"):
        log.epoch(1, {"mlp": {"loss": 0.5}, "cnn": {"loss": 0.25}})
    log.close()
    assert read(tmp_path / "models/cnn")["loss/train"] == [(1, 0.25)]


class ParseError(Exception):
    pass


def raise_error(error):
    raise error
