"""What a run wrote for TensorBoard before it was killed: the part that is written again goes.

A run that is resumed begins again at its last saved state. The epochs after that state are in its
event files already, and TensorBoard would show these epochs twice.
"""

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from zoo.files import write_atomically


def event_files(folder: Path, inside: str = ".") -> list[Path]:
    """List the event files of a folder, the oldest first.

    Args:
        folder: The folder, which may be missing.
        inside: The pattern of the folders inside it; `"**"` takes all of them.
    """
    return sorted(folder.glob(f"{inside}/events.out.tfevents.*"))


def drop_events(files: Iterable[Path], is_dropped: Callable[[str, int], bool]) -> None:
    """Delete events from event files. A file in which nothing is deleted stays as it is.

    Args:
        files: The files, which no process writes now.
        is_dropped: A function of the tag and the step of an event, which tells whether the event is
            deleted. A graph has the tag `"graph"`.

    Raises:
        RunError: A file cannot be written.
    """
    import tensorflow as tf

    for file in files:
        if all(keeps for keeps, _ in _records(file, is_dropped)):
            continue

        def write(path: Path, file: Path = file) -> None:
            with tf.io.TFRecordWriter(os.fsencode(path)) as writer:
                for keeps, record in _records(file, is_dropped):
                    if keeps:
                        writer.write(record)

        write_atomically(file, write)


def _records(file: Path, is_dropped: Callable[[str, int], bool]) -> Iterator[tuple[bool, bytes]]:
    """Read the records of a file, and tell of each whether it stays.

    A process that was killed may leave half a record at the end, which every reader passes over.
    """
    import tensorflow as tf
    from tensorboard.compat.proto.event_pb2 import Event

    with contextlib.suppress(tf.errors.DataLossError, StopIteration):
        for record in tf.data.TFRecordDataset(os.fsencode(file)):
            content = record.numpy()
            event = Event.FromString(content)
            tags = [value.tag for value in event.summary.value]
            tags += ["graph"] if event.HasField("graph_def") else []
            # The first record has the version of the file only.
            yield not tags or not all(is_dropped(tag, event.step) for tag in tags), content
