"""What a killed run wrote after its last saved state does not stand in TensorBoard twice."""

import contextlib
from collections import Counter

import pytest
import tensorflow as tf
from tensorboard.compat.proto.event_pb2 import Event

from zoo.tensorboard import TensorBoardLog
from zoo.tensorboard.earlier_events import drop_events, event_files


def events(folder):
    found = []
    for file in event_files(folder):
        with contextlib.suppress(tf.errors.DataLossError):
            for record in tf.data.TFRecordDataset(str(file)):
                event = Event.FromString(record.numpy())
                found += [(value.tag, event.step) for value in event.summary.value]
    return found


@pytest.fixture
def stopped_run(tmp_path):
    log = TensorBoardLog(tmp_path)
    log.text("models/cnn", "configuration/recipe", "before")
    for step in range(1, 6):
        log.scalars("models/cnn", {"loss/train": step, "loss/validation": step}, step)
    log.scalars("models/cnn", {"best/loss/train": 1.0}, 5)
    log.close()
    (file,) = event_files(tmp_path / "models/cnn")
    with file.open("ab") as stream:
        stream.write(b"half a record")
    return tmp_path


def test_later_epochs_and_what_is_written_once_are_deleted(stopped_run):
    log = TensorBoardLog(stopped_run)
    log.text("models/cnn", "configuration/recipe", "after")
    log.rewind("models/cnn", 3)
    for step in (4, 5):
        log.scalars("models/cnn", {"loss/train": step, "loss/validation": step}, step)
    log.close()
    counts = Counter(events(stopped_run / "models/cnn"))
    assert {*counts.values()} == {1}
    expected = {(f"loss/{part}", step) for part in ("train", "validation") for step in range(1, 6)}
    assert {*counts} == expected | {("configuration/recipe", 0)}


def test_a_run_without_a_state_begins_anew(stopped_run):
    TensorBoardLog(stopped_run).rewind("models/cnn", -1)
    assert events(stopped_run / "models/cnn") == []


def test_a_file_in_which_nothing_is_deleted_stays_as_it_is(stopped_run):
    (file,) = event_files(stopped_run / "models/cnn")
    before = file.stat().st_mtime_ns, file.read_bytes()
    drop_events([file], lambda tag, step: step > 9)
    assert (file.stat().st_mtime_ns, file.read_bytes()) == before


def test_a_report_that_is_written_again_replaces_the_earlier(stopped_run):
    for value in (0.5, 0.6):
        log = TensorBoardLog(stopped_run)
        log.forget("test/", 5)
        log.scalars("models/cnn", {"test/accuracy": value}, 5)
        log.close()
    assert events(stopped_run / "models/cnn").count(("test/accuracy", 5)) == 1
