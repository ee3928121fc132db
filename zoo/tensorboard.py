"""What is written for TensorBoard, and where.

`<run>/<member>/train` and `<run>/<member>/validation` hold `loss` and `accuracy` under the same
tags, so that members and committee share their axes; `train` also holds `learning_rate`.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.plots import figure_pixels
from zoo.text import markdown_table

if TYPE_CHECKING:
    from matplotlib.figure import Figure


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
        for member, values in scores.items():
            seen = {key: value for key, value in values.items() if key.startswith("val_")}
            held_out = {key.removeprefix("val_"): value for key, value in seen.items()}
            trained = {key: value for key, value in values.items() if key not in seen}
            self.scalars(f"{member}/train", trained, number)
            self.scalars(f"{member}/validation", held_out, number)

    def scalars(self, where: str, values: Mapping[str, float], step: int) -> None:
        """Write numbers.

        Args:
            where: Member and part, such as `"committee/validation"`.
            values: Tag → value.
            step: The epoch they belong to.
        """
        import tensorflow as tf

        if values:
            with self._writer(where).as_default(step=step):
                for tag, value in values.items():
                    tf.summary.scalar(tag, value)

    def figure(self, where: str, tag: str, figure: "Figure", step: int) -> None:
        """Write a picture.

        Args:
            where: Member and part.
            tag: Its title.
            figure: A matplotlib figure.
            step: The epoch it belongs to.
        """
        import tensorflow as tf

        with self._writer(where).as_default(step=step):
            tf.summary.image(tag, figure_pixels(figure)[None])

    def text(self, where: str, tag: str, markdown: str) -> None:
        """Write a text.

        Args:
            where: Member and part.
            tag: Its title.
            markdown: The text.
        """
        import tensorflow as tf

        with self._writer(where).as_default(step=0):
            tf.summary.text(tag, markdown)

    def configuration(self, where: str, config: Mapping[str, Any]) -> None:
        """Write a configuration as a table of text.

        Args:
            where: Member and part.
            config: Names and JSON values; nested ones are named `outer.inner`.
        """
        rows = [
            [key, f"`{json.dumps(value, ensure_ascii=False)}`"]
            for key, value in _flat(config).items()
        ]
        self.text(where, "configuration", markdown_table(["setting", "value"], rows))

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
        from tensorboard.plugins.hparams import api as hp

        metrics = [hp.Metric(f"best/{key}", display_name=f"best {key}") for key in sorted(best)]
        with self._writer(member).as_default(step=step):
            hp.hparams_config(hparams=[hp.HParam(key) for key in settings], metrics=metrics)
            hp.hparams(dict(settings), trial_id=f"{self._path.name}/{member}")
        self.scalars(member, {f"best/{key}": value for key, value in best.items()}, step)

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


def log_start(log: TensorBoardLog, config: Mapping[str, Any], members: Sequence[str]) -> None:
    """Write the configuration of a training: each member's recipe, and what they share.

    Args:
        log: Where to.
        config: The whole configuration, with `recipes` by member.
        members: The members' names.
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
