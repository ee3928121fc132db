"""Logs for TensorBoard: curves, pictures and texts, and the folders they are written to.

`<run>/<member>/train` and `<run>/<member>/validation` hold `loss` and `accuracy` under the same
tags, so that TensorBoard draws members and committee into the same chart. `train` also holds
`learning_rate`.

What is written here is for looking at. So an error in drawing or in writing becomes a warning, and
the training goes on.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.files import errors_as_warnings
from zoo.plots import figure_pixels
from zoo.text import markdown_table

if TYPE_CHECKING:
    from matplotlib.figure import Figure


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
            scores: Name of a member → name of a score → value. Scores named `val_…` go to the
                folder `validation`, all others to `train`.
        """
        for member, values in scores.items():
            train, validation = {}, {}
            for key, value in values.items():
                if key.startswith("val_"):
                    validation[key.removeprefix("val_")] = value
                else:
                    train[key] = value
            self.scalars(f"{member}/train", train, number)
            self.scalars(f"{member}/validation", validation, number)

    def scalars(self, folder: str, values: Mapping[str, float], step: int) -> None:
        """Write numbers.

        Args:
            folder: Folder inside the run, such as `"committee/validation"`.
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

    def configuration(self, folder: str, config: Mapping[str, Any]) -> None:
        """Write a configuration as a table of text.

        Args:
            folder: Folder inside the run.
            config: Names and JSON values; a value inside another has the name `outer.inner`.
        """
        rows = [
            [key, f"`{json.dumps(value, ensure_ascii=False)}`"]
            for key, value in _flat(config).items()
        ]
        self.text(folder, "configuration", markdown_table(["setting", "value"], rows))

    def hyperparameters(
        self, member: str, settings: Mapping[str, Any], best: Mapping[str, float], step: int
    ) -> None:
        """Write a row for TensorBoard's table of hyperparameters.

        Args:
            member: Name of the member.
            settings: Names of the settings, with numbers, texts or truth values.
            best: The best scores of the member, which the row also shows. They are written as
                scalars `best/…`, since TensorBoard shows the last value of a scalar.
            step: The last epoch.
        """
        from tensorboard.plugins.hparams import api as hp

        metrics = [hp.Metric(f"best/{key}", display_name=f"best {key}") for key in sorted(best)]
        with (
            errors_as_warnings(f"TensorBoard's hyperparameters of {member}"),
            self._writer(member, step),
        ):
            hp.hparams_config(hparams=[hp.HParam(key) for key in settings], metrics=metrics)
            hp.hparams(dict(settings), trial_id=f"{self._path.name}/{member}")
        self.scalars(member, {f"best/{key}": value for key, value in best.items()}, step)

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


def log_start(log: TensorBoardLog, config: Mapping[str, Any], members: Sequence[str]) -> None:
    """Write the configuration of a training: the recipe of each member, and the shared settings.

    Args:
        log: The writer.
        config: The whole configuration, with the recipe of each member in `recipes`.
        members: Names of the members.
    """
    shared = {key: value for key, value in config.items() if key != "recipes"}
    for name in members:
        log.configuration(f"{name}/train", config["recipes"][name])
    log.configuration("committee/train" if len(members) > 1 else f"{members[0]}/train", shared)


def _flat(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in config.items():
        if isinstance(value, Mapping) and value:
            flat.update(_flat(value, f"{prefix}{key}."))
        else:
            flat[f"{prefix}{key}"] = value
    return flat
