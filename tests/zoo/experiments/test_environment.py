import subprocess

import numpy as np

from zoo.datasets import ImageData, Split
from zoo.experiments import environment


def test_versions_cores_and_machine_are_described():
    described = environment.describe_environment()
    assert described["cores"] >= 1
    assert set(environment.PACKAGES) < set(described["versions"])


def test_a_checksum_tells_pixels_and_labels_apart():
    images = np.zeros((2, 4, 4, 1), "uint8")
    first = ImageData("a", Split("train", images, np.array([0, 1]), ("x", "y")))
    again = ImageData("b", Split("train", images.copy(), np.array([0, 1]), ("x", "y")))
    labels = ImageData("a", Split("train", images, np.array([1, 0]), ("x", "y")))
    pixels = ImageData("a", Split("train", images + 1, np.array([0, 1]), ("x", "y")))
    sums = [environment.fingerprints(data)["train"] for data in (first, again, labels, pixels)]
    assert sums[0] == sums[1]
    assert len({*sums}) == 3


def test_without_git_there_is_no_commit(monkeypatch):
    def fail(*words, **options):
        raise FileNotFoundError("git")

    monkeypatch.setattr(subprocess, "run", fail)
    assert environment.describe_environment()["commit"] is None
