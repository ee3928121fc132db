"""Logs for TensorBoard: curves, pictures, texts, histograms, graphs and embeddings.

A folder with event files is a run in TensorBoard. The committee has one, `<run>/committee`, and
each model has one, `<run>/models/<name>`, so that TensorBoard lists the committee first. Tags tell
the images apart: `accuracy/train` and `accuracy/validation` are curves, and `test/…` is all that
the report on the test images holds. All runs share the same tags, so that TensorBoard draws the
committee and its members into the same chart.

`event_log` writes a run, `hyperparameters` makes the table of the HPARAMS tab, and `projector`
writes the files of the PROJECTOR tab. What is written here is for looking at. So an error in
drawing or in writing becomes a warning, and the training goes on. Every room above may come in.
"""

from zoo.tensorboard.event_log import TensorBoardLog, log_start, run_folder
from zoo.tensorboard.hyperparameters import BUILDER, FIRST_COLUMNS, TEST_SCORES

__all__ = [
    "BUILDER",
    "FIRST_COLUMNS",
    "TEST_SCORES",
    "TensorBoardLog",
    "log_start",
    "run_folder",
]
