"""What is written for TensorBoard, and where.

`<run>/<member>/train` and `<run>/<member>/validation` hold `loss` and `accuracy` under the same
tags, so that members and committee share their axes; `train` also holds `learning_rate`.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.plots import figure_pixels

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PARTS = ("train", "validation")


class TensorBoardLog:
    """Write one run's curves, pictures, texts and hyperparameters.

    Args:
        path: The run folder.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writers: dict[str, Any] = {}

    def epoch(self, number: int, scores: Mapping[str, Mapping[str, float]]) -> None:
        """Write what an epoch reached.

        Args:
            number: The epoch, from 1.
            scores: Member → score → value; a score `val_…` goes to the validation part.
        """
        import tensorflow as tf

        for member, values in scores.items():
            for key, value in values.items():
                part = "validation" if key.startswith("val_") else "train"
                with self._writer(f"{member}/{part}").as_default(step=number):
                    tf.summary.scalar(key.removeprefix("val_"), value)
        self.flush()

    def figure(self, where: str, tag: str, figure: "Figure", step: int) -> None:
        """Write a picture.

        Args:
            where: Member and part, such as `"committee/validation"`.
            tag: Its title.
            figure: A matplotlib figure.
            step: The epoch it belongs to.
        """
        import tensorflow as tf

        with self._writer(where).as_default(step=step):
            tf.summary.image(tag, figure_pixels(figure)[None])

    def configuration(self, where: str, config: Mapping[str, Any]) -> None:
        """Write a configuration as a table of text.

        Args:
            where: Member and part.
            config: Names and JSON values.
        """
        import tensorflow as tf

        lines = ["| setting | value |", "| --- | --- |"]
        for key, value in config.items():
            shown = json.dumps(value, ensure_ascii=False).replace("|", "\\|")
            lines.append(f"| {key} | `{shown}` |")
        with self._writer(where).as_default(step=0):
            tf.summary.text("configuration", "\n".join(lines))

    def hyperparameters(
        self, member: str, settings: Mapping[str, Any], best: Mapping[str, float], step: int
    ) -> None:
        """Write a row for TensorBoard's table of hyperparameters.

        Args:
            member: Whose.
            settings: Names and numbers, words or truth values.
            best: The best scores it reached, shown beside them. They are written as scalars
                `best/…`, since TensorBoard shows a scalar's last value.
            step: The last epoch.
        """
        import tensorflow as tf
        from tensorboard.plugins.hparams import api as hp

        metrics = [hp.Metric(f"best/{key}", display_name=f"best {key}") for key in sorted(best)]
        with self._writer(member).as_default(step=step):
            hp.hparams_config(hparams=[hp.HParam(key) for key in settings], metrics=metrics)
            hp.hparams(dict(settings), trial_id=f"{self._path.name}/{member}")
            for key, value in best.items():
                tf.summary.scalar(f"best/{key}", value)

    def flush(self) -> None:
        """Bring everything to the disk."""
        for writer in self._writers.values():
            writer.flush()

    def close(self) -> None:
        """Bring everything to the disk and close the files."""
        for writer in self._writers.values():
            writer.close()
        self._writers.clear()

    def _writer(self, where: str) -> Any:
        import tensorflow as tf

        if where not in self._writers:
            self._writers[where] = tf.summary.create_file_writer(str(self._path / where))
        return self._writers[where]
