"""Fixtures for all tests: a private cache, a seed, small images that small networks tell apart."""

import base64
import ctypes
import errno
import gc
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from html.parser import HTMLParser
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock
from hypothesis import HealthCheck, settings

from zoo.datasets import Split
from zoo.recipes import Recipe

CLASSES = ("left", "right", "top")

# The first example of a test pays for TensorFlow's tracing, so time says nothing. The same examples
# in every run, so that a failure comes from a change.
settings.register_profile(
    "zoo", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("zoo")

# A shell starts a program in the background with Ctrl-C ignored, and its children inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# TensorFlow's own allocator of large tensors never gives memory back to the operating system.
os.environ.setdefault("TF_ONEDNN_USE_SYSTEM_ALLOCATOR", "1")

WORKER_BYTES = 2e9
"""The memory that a worker of the suite may take: four workers have to fit on a laptop."""


@pytest.fixture(autouse=True, scope="module")
def freed_memory():
    """After each file of tests, its models are freed, and the operating system gets the memory."""
    gc.freeze()  # so that only what these tests have made is searched
    yield
    gc.collect()
    gc.unfreeze()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", lambda padding: None)  # only in glibc
        trim(0)


@pytest.fixture(autouse=True, scope="session")
def small_worker():
    """One of two or more workers of `make test` never took more than `WORKER_BYTES` of memory."""
    yield
    if int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", 1)) > 1 and sys.platform == "linux":
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        assert peak <= WORKER_BYTES, (
            f"A worker must take at most {WORKER_BYTES / 1e9:g} GB of memory. "
            f"Received: {peak / 1e9:.2f} GB at the peak, in all tests of the worker. "
            "Run the tests by `make test`, or find the test that never frees its models or graphs."
        )


@pytest.fixture(autouse=True)
def private_cache(tmp_path, monkeypatch):
    """No test reads or writes the cache or the data of the user who runs it."""
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("ZOO_DATA", raising=False)
    return tmp_path / "cache"


@pytest.fixture(scope="session")
def real_file():
    """Path of a file of a real data set, which is not part of the repository."""

    def find(name):
        beside = Path(__file__).parents[2] / "shared" / "data"
        path = Path(os.environ.get("ZOO_TEST_DATA", beside)) / name
        if not path.is_file():
            pytest.skip(f"{name} is not here: set ZOO_TEST_DATA to the folder that holds it")
        return path

    return find


@pytest.fixture
def locked(tmp_path, monkeypatch):
    """A folder that must not be entered, also where the tests run as root, whom nobody stops."""
    folder = tmp_path / "locked"
    folder.mkdir()

    def refusing(function):
        def refuse(path, *arguments, **options):
            if not isinstance(path, int) and folder in Path(os.path.abspath(path)).parents:
                raise PermissionError(errno.EACCES, "Permission denied", path)
            return function(path, *arguments, **options)

        return refuse

    for name in ("stat", "lstat"):
        monkeypatch.setattr(os, name, refusing(getattr(os, name)))
    return folder


@pytest.fixture
def seeded():
    """Repeatable weights. Not for every test: importing Keras takes seconds."""
    import keras

    keras.utils.set_random_seed(0)


def make_split(name, n, seed):
    """Noise with a bright half: which half is the class."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 3
    images = rng.integers(0, 160, (n, 6, 6, 1))
    for image, label in zip(images, labels, strict=True):
        half = [np.s_[:, :3], np.s_[:, 3:], np.s_[:3, :]][label]
        image[half] += 60
    return Split(name, images.astype("uint8"), labels, CLASSES)


@pytest.fixture(scope="session")
def train_split():
    return make_split("train", 100, seed=1)  # not a multiple of the batch size


@pytest.fixture(scope="session")
def validation_split():
    return make_split("validation", 48, seed=2)


@pytest.fixture(scope="session")
def test_split():
    return make_split("test", 60, seed=3)


@pytest.fixture
def quick():
    return Recipe(learning_rate=0.1, batch_size=32, epochs=3)


EMPTY = {"meta", "img", "br"}
LOADING = {"script", "link", "iframe", "object", "embed", "base", "form", "audio", "video"}
ADDRESSES = {"src", "srcset", "href", "xlink:href", "poster", "action", "formaction", "data"}


class Page(HTMLParser):
    """An HTML page, which must be well formed and load nothing from outside.

    Attributes:
        tags: Name and attributes of each element.
        text: The text of the page, without that of style sheets.
    """

    def __init__(self, html):
        super().__init__()
        self.tags, self.text, self._open = [], "", []
        self.feed(html.encode().decode())  # no lone surrogates, and plain text of safe HTML
        self.close()
        assert self._open == []
        ids = [tag["id"] for _, tag in self.tags if "id" in tag]
        assert len(ids) == len(set(ids))
        for _, tag in self.tags:
            targets = [tag[name] for name in ("popovertarget", "aria-labelledby") if name in tag]
            if tag.get("href", "").startswith("#"):
                targets.append(tag["href"][1:])
            assert set(targets) <= set(ids)

    def named(self, name):
        """Give the attributes of all elements of a name."""
        return [attributes for tag, attributes in self.tags if tag == name]

    def handle_starttag(self, tag, attrs):
        attributes = {name: value or "" for name, value in attrs}
        assert tag not in LOADING
        assert attributes.get("http-equiv", "").lower() != "refresh"
        assert not [name for name in attributes if name.startswith("on")]
        for name in ADDRESSES & set(attributes):
            assert re.match("#|data:image/(png|svg\\+xml|webp);base64,", attributes[name])
            if attributes[name].startswith("data:image/svg"):
                drawing = base64.b64decode(attributes[name].partition(",")[2]).decode()
                assert "<script" not in drawing
                assert set(re.findall(r'href="(#|data:|.{9})', drawing)) <= {"#", "data:"}
        self._check_style(attributes.get("style", ""))
        self.tags.append((tag, attributes))
        if tag not in EMPTY:
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert tag == self._open.pop()

    def handle_data(self, data):
        if self._open[-1:] == ["style"]:
            self._check_style(data)
        else:
            self.text += data

    def _check_style(self, style):
        assert not re.search(r"url\(|@import|http|expression", style)


PATIENCE = 60
"""Seconds after which a browser that does not answer is a failure."""


@pytest.fixture(scope="session")
def read_page():
    """Parse an HTML page, and check that the page is well formed and loads nothing from outside."""
    return Page


CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)

START = """
import fcntl, os, sys
commands, answers = map(int, sys.argv[1:3])
answers = fcntl.fcntl(answers, fcntl.F_DUPFD, 10)
os.dup2(commands, 3)
os.dup2(answers, 4)
os.execv(sys.argv[3], sys.argv[3:])
"""
"""Starts Chromium, which reads commands from file 3 and writes answers to file 4."""


class Browser:
    """A headless Chromium, driven through a pipe by the protocol of its developer tools."""

    def __init__(self, folder):
        commands, self._commands = os.pipe()
        self._answers, answers = os.pipe()
        options = (
            "--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe",
            "--window-size=1600,1500", f"--user-data-dir={folder}",
        )  # fmt: skip
        self.process = subprocess.Popen(
            [sys.executable, "-c", START, str(commands), str(answers), CHROMIUM, *options],
            pass_fds=(commands, answers),
            stderr=subprocess.DEVNULL,
        )
        os.close(commands)
        os.close(answers)
        self._numbers = count(1)
        self._unread = b""
        self._session = None
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        attached = self.send("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]

    def show(self, url):
        """Open a web page."""
        self.send("Page.navigate", url="about:blank")
        self.send("Page.navigate", url=url)

    def evaluate(self, script):
        """Give the value of a script on the web page, which is a JSON value."""
        answer = self.send("Runtime.evaluate", expression=script, returnByValue=True)
        return answer["result"].get("value")

    def wait_until(self, script):
        """Wait until the value of a script is true."""
        deadline = time.monotonic() + PATIENCE
        while not self.evaluate(script):
            assert time.monotonic() < deadline, f"{script} does not come true"
            time.sleep(0.05)

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self._commands)
        os.close(self._answers)

    def send(self, method, **params):
        """Send a command of the protocol, and give the answer."""
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == number:
                return answer["result"]

    def _read(self):
        while b"\0" not in self._unread:
            received = os.read(self._answers, 2**16)
            assert received, "Chromium has ended"
            self._unread += received
        message, _, self._unread = self._unread.partition(b"\0")
        return json.loads(message)


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    """A headless Chromium; without one, the test is skipped."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed, in which pages are looked at")
    browser = Browser(tmp_path_factory.mktemp("browser"))
    yield browser
    browser.close()


SMALL_NETWORKS = """
title = "small networks on digits"
report = "weights"
place = "the set tiny"
minutes = 0.1
data = {name = "digits", options = {validation = 0.2}}
protocol = {seeds = [0, 1]}

[[members]]
name = "vgg"
model = "vgg"
arguments = {width = 4, blocks = 2}

[members.recipe]
optimizer = "adam"
learning_rate = 0.01
epochs = 1
batch_size = 64
standardize = "per_image"
augmentation = {rotation_range = 5}

[[members]]
name = "mlp"
model = "mlp"
arguments = {hidden = [16], dropout = 0.0}
recipe = {optimizer = "adam", learning_rate = 0.01, epochs = 2, batch_size = 64}
"""

ABOUT_SET = """
title = "Digits, 8×8 grey"
test_part = "a fifth of the digits"
chosen = "Nothing was chosen."
licence = "Apache-2.0"
terms = "Free."
limits = "For tests."
rule = {voting = "soft"}
"""


@pytest.fixture(scope="session")
def weights_folder(tmp_path_factory):
    """A run that trains four small networks on digits, and the set `tiny` that it was packed into.

    The workers of the suite share the folder: the first worker that needs it fills it.
    """
    from zoo.experiments import reproduce
    from zoo.experiments.packing import pack
    from zoo.weights import catalogue

    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "weights"
    with FileLock(f"{folder}.lock"):
        if not (folder / "sets" / "tiny" / "committee.toml").exists():
            (folder / "sets" / "tiny").mkdir(parents=True)
            (folder / "sets" / "tiny" / "set.toml").write_text(ABOUT_SET, "utf-8")
            (folder / "small.toml").write_text(SMALL_NETWORKS, "utf-8")
            reproduce(str(folder / "small.toml"), log_dir=folder / "run", verbose=0)
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(catalogue, "FOLDER", folder / "sets")
                pack(folder / "run", "tiny")
    return folder


@pytest.fixture(scope="session")
def weights_run(weights_folder):
    """The run folder of an experiment that trains four small networks on digits."""
    return weights_folder / "run"


@pytest.fixture(scope="session")
def packed_sets(weights_folder):
    """A folder with the set `tiny`, which `weights_run` was packed into."""
    return weights_folder / "sets"


@pytest.fixture
def tiny_weights(packed_sets, monkeypatch):
    """The only trained weights are those of the set `tiny`; gives its folder."""
    from zoo.weights import catalogue

    monkeypatch.setattr(catalogue, "FOLDER", packed_sets)
    return packed_sets / "tiny"


@pytest.fixture
def changeable_weights(packed_sets, tmp_path, monkeypatch):
    """A copy of the set `tiny` that a test may change; gives its folder."""
    from zoo.weights import catalogue

    shutil.copytree(packed_sets / "tiny", tmp_path / "sets" / "tiny")
    monkeypatch.setattr(catalogue, "FOLDER", tmp_path / "sets")
    return tmp_path / "sets" / "tiny"


class Death(BaseException):
    """Ends a piece as the death of its worker does: without a word."""


class WorkHere:
    """Takes the place of `joblib.Parallel`: runs tasks in this process, and breaks as loky does."""

    def __init__(self, **options):
        assert options["batch_size"] == 1

    def __call__(self, tasks):
        for function, arguments, _ in tasks:
            try:
                function(*arguments)
            except Death as error:
                raise RuntimeError("a worker was killed") from error


@pytest.fixture
def work_here(monkeypatch):
    """Pieces run in this process, whose TensorFlow has started already, but talk by a connection.

    Real workers are in tests/zoo/training/pieces/test_in_trainer.py.
    """
    monkeypatch.setattr("joblib.Parallel", WorkHere)
    WorkHere.Death = Death
    return WorkHere
