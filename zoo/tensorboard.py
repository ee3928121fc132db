"""Logs for TensorBoard: curves, pictures, texts and the table of hyperparameters.

A folder with event files is a run in TensorBoard. The committee has one, `<run>/committee`, and
each model has one, `<run>/models/<name>`, so that TensorBoard lists the committee first. Tags tell
the images apart: `accuracy/train` and `accuracy/validation` are curves, and `test/…` is all that
the report on the test images holds. All runs share the same tags, so that TensorBoard draws the
committee and its members into the same chart.

What is written here is for looking at. So an error in drawing or in writing becomes a warning, and
the training goes on.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.files import errors_as_warnings
from zoo.plots import figure_pixels
from zoo.text import markdown_table

if TYPE_CHECKING:
    from matplotlib.figure import Figure


FIRST_COLUMNS = ("model", "learning_rate")
"""The settings in the first columns of TensorBoard's table of hyperparameters, in their order."""

BUILDER = "builder."
"""The names of settings of the model itself, such as the arguments of its builder, begin so."""

TEST_SCORES = {
    "test/accuracy": "test accuracy",
    "test/macro_f1": "test macro F1",
    "test/negative_log_likelihood": "test loss (NLL)",
}
"""Tag of a score in the report on the test images → its title in the table of hyperparameters."""


class TensorBoardLog:
    """A writer of the curves, pictures, texts and hyperparameters of one run.

    Args:
        path: The run folder.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writers: dict[str, Any] = {}

    def epoch(self, number: int, scores: Mapping[str, Mapping[str, float]]) -> None:
        """Write the scores of an epoch.

        Args:
            number: Number of the epoch, from 1.
            scores: Name of a model, or `"committee"` → name of a score → value. The tag of `loss`
                is `loss/train`, that of `val_loss` is `loss/validation`, and that of
                `learning_rate` is `learning_rate`.
        """
        for name, values in scores.items():
            self.scalars(
                run_folder(name), {_tag(key): value for key, value in values.items()}, number
            )

    def scalars(self, folder: str, values: Mapping[str, float], step: int) -> None:
        """Write numbers.

        Args:
            folder: Folder inside the run, such as `"committee"`.
            values: Tag → value.
            step: The epoch that the numbers belong to.
        """
        import tensorflow as tf

        if values:
            with (
                errors_as_warnings(f"TensorBoard's scores of {folder}"),
                self._writer(folder, step),
            ):
                for tag, value in values.items():
                    tf.summary.scalar(tag, value)

    def figure(self, folder: str, tag: str, draw: "Callable[[], Figure]", step: int) -> None:
        """Write a picture.

        Args:
            folder: Folder inside the run.
            tag: Title of the picture.
            draw: Draws a matplotlib figure.
            step: The epoch that the picture belongs to.
        """
        import tensorflow as tf

        with (
            errors_as_warnings(f"TensorBoard's picture {tag!r} of {folder}"),
            self._writer(folder, step),
        ):
            tf.summary.image(tag, figure_pixels(draw())[None])

    def text(self, folder: str, tag: str, markdown: str) -> None:
        """Write a text.

        Args:
            folder: Folder inside the run.
            tag: Title of the text.
            markdown: The text.
        """
        import tensorflow as tf

        with errors_as_warnings(f"TensorBoard's text {tag!r} of {folder}"), self._writer(folder, 0):
            tf.summary.text(tag, markdown)

    def configuration(self, folder: str, tag: str, config: Mapping[str, Any]) -> None:
        """Write a configuration as a table of text.

        Args:
            folder: Folder inside the run.
            tag: Title of the table.
            config: Names and JSON values; a value inside another has the name `outer.inner`.
        """
        rows = [
            [key, f"`{json.dumps(value, ensure_ascii=False)}`"]
            for key, value in _flat(config).items()
        ]
        self.text(folder, tag, markdown_table(["setting", "value"], rows))

    def charts(self, folder: str, scores: Sequence[str], images: Sequence[str]) -> None:
        """Choose the charts that TensorBoard shows under Custom Scalars.

        Each score has a chart for each kind of images, with a curve for each model and for the
        committee.

        Args:
            folder: Folder inside the run.
            scores: Names of scores, in the order of the charts.
            images: Kinds of images, such as `["validation", "train"]`.
        """
        import tensorflow as tf
        from tensorboard.plugins.custom_scalar import layout_pb2, summary

        categories = [
            layout_pb2.Category(
                title=score,
                chart=[
                    layout_pb2.Chart(
                        title=f"{score} on {'training' if part == 'train' else part} images",
                        multiline=layout_pb2.MultilineChartContent(
                            tag=[f"^{re.escape(f'{score}/{part}')}$"]
                        ),
                    )
                    for part in images
                ],
            )
            for score in scores
        ]
        with errors_as_warnings(f"TensorBoard's charts of {folder}"), self._writer(folder, 0):
            layout = summary.pb(layout_pb2.Layout(category=categories))
            tf.summary.experimental.write_raw_pb(layout.SerializeToString())

    def hyperparameters(
        self,
        settings: Mapping[str, Mapping[str, Any]],
        best: Mapping[str, Mapping[str, float]],
        step: int,
    ) -> None:
        """Write TensorBoard's table of hyperparameters, with a row for each model.

        The first columns are the model, its learning rate, and the settings in which models differ.

        Args:
            settings: Name of a model, or `"committee"` → name of a setting → number, text or truth
                value. `model` and `learning_rate` are such names.
            best: Name of a model, or `"committee"` → name of a score, as in `epoch` → best value.
                The values are also written as scalars `best/…`, since TensorBoard takes the last
                value of a scalar.
            step: The last epoch.
        """
        import tensorflow as tf
        from tensorboard.plugins.hparams import api as hp

        keys = list(dict.fromkeys(_tag(key) for scores in best.values() for key in scores))
        table = _table_of_hyperparameters(settings, keys)
        for name, values in settings.items():
            folder = run_folder(name)
            with (
                errors_as_warnings(f"TensorBoard's hyperparameters of {name}"),
                self._writer(folder, step),
            ):
                tf.summary.experimental.write_raw_pb(table)
                hp.hparams(
                    {_column(key): value for key, value in values.items()},
                    trial_id=f"{self._path.name}/{folder}",
                )
            scores = {f"best/{_tag(key)}": value for key, value in best[name].items()}
            self.scalars(folder, scores, step)

    def close(self) -> None:
        """Write everything to the disk and close the files."""
        for folder, writer in self._writers.items():
            with errors_as_warnings(f"The end of the log of {folder}"):
                writer.close()
        self._writers.clear()

    def _writer(self, folder: str, step: int) -> Any:
        """Give a context in which TensorFlow's summaries go to the folder."""
        import tensorflow as tf

        if folder not in self._writers:
            self._writers[folder] = tf.summary.create_file_writer(str(self._path / folder))
        return self._writers[folder].as_default(step=step)


def run_folder(name: str) -> str:
    """Give the folder of a model or of the committee, inside the folder of a training.

    Args:
        name: Name of a model, or `"committee"`.

    Returns:
        The folder, which is a run in TensorBoard.

    Example:
        >>> run_folder("cnn"), run_folder("committee")
        ('models/cnn', 'committee')
    """
    return name if name == "committee" else f"models/{name}"


def log_start(
    log: TensorBoardLog,
    config: Mapping[str, Any],
    members: Sequence[str],
    scores: Sequence[str],
) -> None:
    """Write the configuration of a training, and which charts TensorBoard shows.

    Args:
        log: The writer.
        config: The whole configuration, with the recipe of each member in `recipes`, and
            `validation`, which is None without validation images.
        members: Names of the members.
        scores: Names of the scores.
    """
    shared = {key: value for key, value in config.items() if key != "recipes"}
    folder = run_folder("committee" if len(members) > 1 else members[0])
    for name in members:
        log.configuration(run_folder(name), "configuration/recipe", config["recipes"][name])
    log.configuration(folder, "configuration/shared", shared)
    log.charts(folder, scores, ["validation", "train"] if config["validation"] else ["train"])


def _tag(key: str) -> str:
    """Give the tag of a score, such as `accuracy/validation` for `val_accuracy`."""
    if key == "learning_rate":  # the learning rate belongs to no images
        return key
    part = "validation" if key.startswith("val_") else "train"
    return f"{key.removeprefix('val_')}/{part}"


def _column(setting: str) -> str:
    """Give the name of a setting's column.

    TensorBoard sorts the columns by their names, whatever their order in the log. So the names
    begin with a number: after the first columns come the settings of the training, and then those
    of the model itself, which often differ between models.
    """
    if setting in FIRST_COLUMNS:
        group = FIRST_COLUMNS.index(setting) + 1
    else:
        group = 4 if setting.startswith(BUILDER) else 3
    return f"{group}. {setting}"


def _table_of_hyperparameters(
    settings: Mapping[str, Mapping[str, Any]], score_tags: Sequence[str]
) -> bytes:
    """Describe the columns of TensorBoard's table of hyperparameters, as a summary's bytes."""
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2

    values: dict[str, set[Any]] = {key: set() for key in FIRST_COLUMNS}
    for row in settings.values():
        for key, value in row.items():
            values.setdefault(key, set()).add(value)
    columns = [
        api_pb2.HParamInfo(
            name=_column(key),
            display_name=key,
            differs=key in FIRST_COLUMNS or len(different) > 1,  # TensorBoard puts these first
        )
        for key, different in values.items()
    ]
    titles = {f"best/{tag}": f"best {_title(tag)}" for tag in score_tags}
    scores = [
        api_pb2.MetricInfo(name=api_pb2.MetricName(tag=tag), display_name=title)
        for tag, title in (titles | TEST_SCORES).items()
    ]
    experiment = api_pb2.Experiment(
        hparam_infos=sorted(columns, key=lambda column: not column.differs), metric_infos=scores
    )
    content = plugin_data_pb2.HParamsPluginData(experiment=experiment)
    summary = Summary()
    summary.value.add(
        tag=metadata.EXPERIMENT_TAG,
        metadata=metadata.create_summary_metadata(content),
        tensor=metadata.NULL_TENSOR,
    )
    return summary.SerializeToString()


def _title(tag: str) -> str:
    """Write a score's tag in words, such as `validation accuracy`."""
    return " ".join(reversed(tag.split("/")))


def _flat(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in config.items():
        if isinstance(value, Mapping) and value:
            flat.update(_flat(value, f"{prefix}{key}."))
        else:
            flat[f"{prefix}{key}"] = value
    return flat
