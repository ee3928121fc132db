"""`TensorBoardLog`: the writer of the event files of a run."""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.files import errors_as_warnings, is_locked
from zoo.plots import figure_pixels
from zoo.tensorboard.earlier_events import drop_events, event_files
from zoo.tensorboard.hyperparameters import column, score_tag, table_of_hyperparameters
from zoo.text import for_terminal, json_text, markdown_table, visible

if TYPE_CHECKING:
    from matplotlib.figure import Figure


_AT_START_AND_END = (
    *("configuration/", "custom_scalars__config__", "validation/confusion matrix"),
    *("_hparams_/", "best/"),
)
"""The beginnings of the tags that a training writes once, at its start or at its end."""
BUCKETS = 30
"""The number of buckets of a histogram, as in TensorFlow."""


class TensorBoardLog:
    """A writer of the curves, pictures, histograms, texts and hyperparameters of a run.

    Each folder of the run gets a single event file, since TensorBoard reads the files of a folder
    one after another, and never returns to an earlier file. So all that is written while a training
    runs goes through the log of the training.

    Args:
        path: The run folder.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writers: dict[str, Any] = {}
        self._earlier = event_files(path, "**")

    def rewind(self, folder: str, epoch: int) -> None:
        """Delete what a run wrote before it was stopped, and writes again now that it goes on.

        Args:
            folder: Folder inside the run.
            epoch: The epoch after which the run goes on: later events are deleted, and all that is
                written at the start and at the end of a training. -1 deletes everything.
        """
        files = [file for file in self._earlier if file.parent == self._path / folder]
        with errors_as_warnings(f"TensorBoard's log of {folder} before the run was stopped"):
            drop_events(files, lambda tag, step: step > epoch or tag.startswith(_AT_START_AND_END))

    def forget(self, start: str, step: int) -> None:
        """Delete what an earlier process wrote under a tag, since it is written again.

        Args:
            start: The beginning of the tags.
            step: The epoch that the events belong to; texts belong to the epoch 0.
        """
        if is_locked(self._path):  # by a training that writes these files
            return
        with errors_as_warnings(f"TensorBoard's {start!r} of epoch {step}"):
            drop_events(self._earlier, lambda tag, at: at in (0, step) and tag.startswith(start))

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
                run_folder(name), {score_tag(key): value for key, value in values.items()}, number
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

    def histograms(self, folder: str, values: Mapping[str, np.ndarray], step: int) -> None:
        """Write histograms. Values that are not finite numbers are left out.

        Args:
            folder: Folder inside the run.
            values: Tag → numbers of any shape.
            step: The epoch that the numbers belong to.
        """
        import tensorflow as tf
        from tensorboard.plugins.histogram.metadata import create_summary_metadata

        with (
            errors_as_warnings(f"TensorBoard's histograms of {folder}"),
            self._writer(folder, step),
        ):
            for tag, numbers in values.items():
                metadata = create_summary_metadata(display_name=None, description=None)
                # tf.summary.histogram would take 240 bytes of memory for each number.
                tf.summary.write(tag, _buckets(numbers), metadata=metadata)

    def graph(self, folder: str, graph: Any) -> None:
        """Write the graph that TensorBoard shows under Graphs.

        Args:
            folder: Folder inside the run.
            graph: A `tf.compat.v1.GraphDef`.
        """
        import tensorflow as tf

        with errors_as_warnings(f"TensorBoard's graph of {folder}"), self._writer(folder, 0):
            tf.summary.graph(graph)

    def precision_recall(
        self,
        folder: str,
        tag: str,
        class_names: Sequence[str],
        right: np.ndarray,
        wrong: np.ndarray,
        step: int,
    ) -> None:
        """Write curves of precision and recall, a curve for each class.

        Args:
            folder: Folder inside the run.
            tag: Beginning of the titles; the name of the class follows.
            class_names: The name of each class.
            right: Images of the class whose probability of the class is at least the threshold,
                int [classes, thresholds]. The thresholds go from 0 to 1 in equal steps.
            wrong: Images of other classes whose probability of the class is at least the
                threshold, int [classes, thresholds].
            step: The epoch that the curves belong to.
        """
        import tensorflow as tf
        from tensorboard.plugins.pr_curve import summary

        with (
            errors_as_warnings(f"TensorBoard's precision and recall of {folder}"),
            self._writer(folder, step),
        ):
            for name, found, mistaken in zip(class_names, right, wrong, strict=True):
                title = f"{tag}/{visible(name)}"
                curve = summary.raw_data_pb(
                    title,
                    true_positive_counts=found,
                    false_positive_counts=mistaken,
                    true_negative_counts=mistaken[0] - mistaken,
                    false_negative_counts=found[0] - found,
                    precision=found / np.maximum(found + mistaken, 1),
                    recall=found / max(found[0], 1),
                    num_thresholds=len(found),
                )
                curve.value[0].tag = title  # without the end that TensorBoard adds
                tf.summary.experimental.write_raw_pb(curve.SerializeToString())

    def text(self, folder: str, tag: str, markdown: str) -> None:
        """Write a text.

        Args:
            folder: Folder inside the run.
            tag: Title of the text.
            markdown: The text.
        """
        import tensorflow as tf

        with errors_as_warnings(f"TensorBoard's text {tag!r} of {folder}"), self._writer(folder, 0):
            tf.summary.text(tag, for_terminal(markdown))

    def configuration(self, folder: str, tag: str, config: Mapping[str, Any]) -> None:
        """Write a configuration as a table of text.

        Args:
            folder: Folder inside the run.
            tag: Title of the table.
            config: Names and JSON values; a value inside another has the name `outer.inner`.
        """
        rows = [[key, f"`{json_text(value)}`"] for key, value in _flat(config).items()]
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

        keys = list(dict.fromkeys(score_tag(key) for scores in best.values() for key in scores))
        table = table_of_hyperparameters(settings, keys)
        for name, values in settings.items():
            folder = run_folder(name)
            with (
                errors_as_warnings(f"TensorBoard's hyperparameters of {name}"),
                self._writer(folder, step),
            ):
                tf.summary.experimental.write_raw_pb(table)
                hp.hparams(
                    {column(key): value for key, value in values.items()},
                    trial_id=visible(f"{self._path.name}/{folder}"),
                )
            scores = {f"best/{score_tag(key)}": value for key, value in best[name].items()}
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
            self._writers[folder] = tf.summary.create_file_writer(os.fsencode(self._path / folder))
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


def _buckets(values: np.ndarray) -> np.ndarray:
    """Count the finite values in buckets: left end, right end and count, float64 [buckets, 3]."""
    finite = values if np.isfinite(values).all() else values[np.isfinite(values)]
    if not finite.size:
        return np.zeros((BUCKETS, 3))
    counts, edges = np.histogram(finite, BUCKETS)
    if finite.min() == finite.max():  # else NumPy makes up a width
        counts, edges = finite.size * np.eye(1, BUCKETS)[0], np.full(BUCKETS + 1, finite.min())
    return np.stack([edges[:-1], edges[1:], counts], axis=1).astype("float64")


def _flat(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in config.items():
        if isinstance(value, Mapping) and value:
            flat.update(_flat(value, f"{prefix}{key}."))
        else:
            flat[f"{prefix}{key}"] = value
    return flat
