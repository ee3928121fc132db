"""A training writes its files, whatever streams the shell or the program has closed."""

import io
import os
import subprocess
import sys

import pytest

from zoo.starting.streams import ensure_streams, write_every_letter

CODE = """
import os, sys
for number in (0, 1, 2):
    os.close(number)
from zoo.starting.streams import ensure_streams
ensure_streams()
numbers = os.open("a", os.O_CREAT | os.O_WRONLY), os.open("b", os.O_CREAT | os.O_WRONLY)
print("lost", numbers)
sys.exit(0 if min(numbers) > 2 else 1)
"""


def test_no_file_gets_the_number_of_a_closed_stream(tmp_path):
    assert subprocess.run([sys.executable, "-c", CODE], cwd=tmp_path, check=False).returncode == 0


@pytest.mark.parametrize("is_closed", [True, False])  # else there is none
def test_what_is_written_to_a_closed_stream_is_dropped(monkeypatch, is_closed):
    before = len(os.listdir("/dev/fd"))
    for name in ("stdout", "stderr"):
        stream = io.StringIO()
        stream.close()
        monkeypatch.setattr(sys, name, stream if is_closed else None)
    ensure_streams()
    for stream in (sys.stdout, sys.stderr):
        stream.write("dropped")
        stream.close()
    assert len(os.listdir("/dev/fd")) == before


def test_an_open_stream_is_kept(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stdout", stream)
    ensure_streams()
    assert sys.stdout is stream


def test_letters_that_the_encoding_lacks_are_written_with_a_backslash(monkeypatch):
    content = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(content, "ascii", errors="surrogateescape"))
    write_every_letter()
    print("a – b", flush=True)
    assert content.getvalue() == b"a \\u2013 b\n"
