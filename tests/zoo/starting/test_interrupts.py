"""Ctrl-C before a command can handle anything."""

import signal
import subprocess
import sys

import pytest

STARTS = {
    "zoo": "sys.argv = ['/usr/bin/zoo', 'models']",
    "zoo.exe": "sys.argv = ['zoo.exe', 'models']",
    "python -m zoo": "sys.argv, sys.orig_argv = ['-m'], ['python', '-m', 'zoo', 'models']",
}
INTERRUPT = "; import signal, zoo; signal.raise_signal(signal.SIGINT); print('not reached')"


@pytest.mark.parametrize("start", STARTS)
def test_ctrl_c_while_a_command_is_imported_is_exit_code_130(start):
    code = f"import sys; {STARTS[start]}{INTERRUPT}"
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "stopped\n")


def test_ctrl_c_in_another_program_that_imports_zoo_raises():
    code = f"import sys{INTERRUPT}"
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert ended.returncode == -signal.SIGINT
    assert ended.stderr.endswith("KeyboardInterrupt\n")
