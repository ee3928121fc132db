"""Fixtures for all tests: a private cache, a seed, small images that small networks tell apart."""

import ctypes
import gc
import os
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
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


class Page(HTMLParser):
    """An HTML page, taken apart.

    Attributes:
        ids: The identifiers, in order.
        links: The identifiers to which links and buttons lead.
        loaded: Addresses that a browser would load.
        tags: The names of the tags, in order.
        text: All text outside of the style.
    """

    EMPTY = ("meta", "img", "br", "link", "input")

    def __init__(self, html):
        super().__init__()
        self.ids, self.links, self.loaded, self.tags, self.text = [], [], [], [], ""
        self._open = []
        self.feed(html)
        assert self._open == [], "a tag is not closed"

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.tags.append(tag)
        if tag not in self.EMPTY:
            self._open.append(tag)
        self.ids += [values["id"]] if "id" in values else []
        self.links += [values[name] for name in ("popovertarget",) if name in values]
        for name in ("src", "href", "srcset", "data", "action", "poster"):
            value = values.get(name)
            if value is not None and name == "href" and value.startswith("#"):
                self.links.append(value[1:])
            elif value is not None and not value.startswith("data:image/"):
                self.loaded.append(value)
        assert not [name for name in values if name.startswith("on")], "a script in an attribute"
        assert "url(" not in values.get("style", "")

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, text):
        if self._open and self._open[-1] == "style":
            assert "@import" not in text
            assert "url(" not in text
        else:
            self.text += text


@pytest.fixture(scope="session")
def read_page():
    """Take an HTML page apart, and check that it is whole, loads nothing and runs nothing."""

    def read(html):
        page = Page(html)
        assert page.loaded == []
        assert not {"script", "link", "iframe", "object", "base", "form"} & {*page.tags}
        assert len(page.ids) == len({*page.ids})
        assert {*page.links} <= {*page.ids}
        return page

    return read


@pytest.fixture(scope="session")
def hostile_names():
    """Names of classes, as a stranger's folders may have them."""
    return ("<script>alert(1)</script>", 'a & "b"\n\x1b[31mred\x1b[0m', "x" * 3000)


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
