"""Importing TensorFlow through Zoo is silent; each case is a process of its own."""

import os
import subprocess
import sys

import pytest

from zoo.starting.start_up_notes import LEVEL


def run(code, **environment):
    """Run Python code in a new process, and give what it writes on standard error."""
    inherited = {name: value for name, value in os.environ.items() if name != LEVEL}
    words = [sys.executable, "-c", code]
    done = subprocess.run(
        words, capture_output=True, text=True, check=True, env={**inherited, **environment}
    )
    return done.stderr


@pytest.mark.parametrize(
    "code",
    [
        "import zoo; zoo.build('softmax')",
        "from zoo.ensembles import Committee; import tensorflow; tensorflow.zeros(1)",
        "import zoo; zoo.layers; zoo.gradcheck",
    ],
)
def test_tensorflow_starts_silently(code):
    assert run(code) == ""


def test_the_level_of_the_user_stays_as_it_is():
    code = f"import os; import zoo; zoo.layers; assert os.environ['{LEVEL}'] == '0'"
    assert "TensorFlow" in run(code, **{LEVEL: "0"})


def test_what_python_writes_while_tensorflow_is_imported_is_kept():
    code = """
import sys
from zoo.starting.start_up_notes import without_start_up_notes
with without_start_up_notes():
    import tensorflow
    print("mine", file=sys.stderr)
"""
    assert run(code) == "mine\n"


def test_an_error_while_tensorflow_is_imported_is_raised():
    code = """
import sys
from zoo.starting.start_up_notes import without_start_up_notes
try:
    with without_start_up_notes():
        raise ImportError("broken")
except ImportError as error:
    print(error, file=sys.stderr)
"""
    assert run(code) == "broken\n"


def test_a_logger_that_was_made_during_the_import_writes_afterwards():
    code = """
import logging
from zoo.registry.start_up import without_start_up_notes
with without_start_up_notes():
    logging.basicConfig(format="%(message)s")
logging.warning("later")
"""
    assert run(code) == "later\n"
