"""The command line as a function, and runs that several tests look at."""

import contextlib
import io
import os
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image

from zoo.cli import app, main


class Output(NamedTuple):
    """What a command gave: exit code, standard output and standard error."""

    code: int
    out: str
    err: str


def call(folder, *words, stdout=None):
    """Call the command line in a folder. What it prints goes to `stdout` if there is one."""
    out, err, before = io.StringIO(), io.StringIO(), os.getcwd()
    os.chdir(folder)
    try:
        with contextlib.redirect_stdout(stdout or out), contextlib.redirect_stderr(err):
            main(list(map(str, words)))
    except SystemExit as end:
        return Output(end.code, out.getvalue(), err.getvalue())
    finally:
        os.chdir(before)


def command_names(group=app, before=""):
    """Name all commands of the command line, such as `"data"` and `"data show"`."""
    names = []
    for word in group:
        if not word.startswith("-"):
            names += [f"{before}{word}", *command_names(group[word], f"{before}{word} ")]
    return names


@pytest.fixture(autouse=True, scope="session")
def terminal():
    """The terminal has 100 columns."""
    with pytest.MonkeyPatch.context() as patch:
        yield patch.setenv("COLUMNS", "100")


@pytest.fixture
def zoo_command(tmp_path):
    """Call the command line in a folder of the test's own."""
    return lambda *words: call(tmp_path, *words)


@pytest.fixture(scope="session")
def zoo_command_in():
    """Call the command line in a folder: the folder, then the words."""
    return call


COMMITTEE = (
    *("committee", "softmax", "bn_mlp", "--epochs", 2, "--batch-size", 64),
    *("--learning-rate", 0.1, "--optimizer", "adam", "--log-dir", "my run"),
)


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """A committee that the command line trained: the folder around the run, and the output."""
    folder = tmp_path_factory.mktemp("committee")
    return folder, call(folder, *COMMITTEE)


@pytest.fixture(scope="session")
def train_again(trained):
    """Train the same committee again in the same run folder, with more options."""
    return lambda *words: call(trained[0], *COMMITTEE, *words)


@pytest.fixture(scope="session")
def quiet_run(tmp_path_factory):
    """A single model trained with unusual options: the folder around the run, and the output."""
    folder = tmp_path_factory.mktemp("model")
    words = (
        *("train", "softmax", "--epochs", 1, "--standardize", "mean_image", "--quiet"),
        *("--class-weight", "balanced", "--precision", "mixed_bfloat16"),
        *("--augmentation", "ImageDataGenerator"),
    )
    return folder, call(folder, *words)


@pytest.fixture(scope="session")
def photos(tmp_path_factory):
    """A folder of colour photos in three classes; a cat is also a dog, and a test image."""
    root = tmp_path_factory.mktemp("photos")
    for split, count in (("train", 20), ("test", 8)):
        for name, level in (("cat", 0), ("dog", 100), ("odd", 200)):
            folder = root / split / name
            folder.mkdir(parents=True)
            for index in range(count):
                value = level + index + 25 * (split == "test")
                Image.fromarray(np.full((10, 12, 3), value, "uint8")).save(folder / f"{index}.png")
    for name in ("train/dog", "test/cat"):
        Image.fromarray(np.zeros((10, 12, 3), "uint8")).save(root / name / "again.png")
    return root
