import signal
import socket
import subprocess
import sys
import urllib.request

import pytest

from zoo.cli.runs.serving import serve
from zoo.errors import ArgumentError, RunError


def test_tensorboard_answers_at_the_address_and_ends_with_ctrl_c(tmp_path):
    command = [sys.executable, "-m", "zoo", "logs", str(tmp_path), "--serve", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline().startswith("No runs in")
            word, address, *_ = process.stdout.readline().split()
            assert word == "TensorBoard:"
            with urllib.request.urlopen(address + "data/runs") as answer:
                assert answer.status == 200
            process.send_signal(signal.SIGINT)
            assert process.stdout.read() == "TensorBoard has ended.\n"
            assert process.wait() == 0
            with pytest.raises(OSError, match="refused"):
                urllib.request.urlopen(address)
        finally:
            process.kill()


def test_a_port_that_is_taken_is_an_error_that_says_so(tmp_path):
    with socket.socket() as other:
        other.bind(("localhost", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(ArgumentError, match=rf"--port must be a free port\. Received: {port}"):
            serve(tmp_path, port, print)


def test_a_server_that_ends_by_itself_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(RunError, match="it ended with the exit code 1"):
        serve(tmp_path, None, print)
