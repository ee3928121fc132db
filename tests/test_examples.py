"""Every example in a docstring runs, and prints what the docstring says."""

import doctest
import importlib
import pkgutil

import pytest

import zoo
import zoo.augmentation
import zoo.datasets.registry
import zoo.datasets.sources
import zoo.ensembles
import zoo.experiments
import zoo.inspect
import zoo.layers
import zoo.weights

PACKAGES = (
    *(zoo, zoo.datasets, zoo.ensembles, zoo.inspect, zoo.experiments, zoo.weights),
    *(zoo.augmentation, zoo.layers),
)


def module_names():
    """Name every module; the folders datasets and ensembles stand beside zoo, not inside it."""
    names = set()
    for package in (zoo, zoo.datasets, zoo.ensembles):
        found = pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
        names |= {package.__name__, *(module.name for module in found)}
    return sorted(names - {"zoo.__main__"})


@pytest.mark.parametrize("name", module_names())
def test_the_examples_of_a_module_run(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    # What an example registers is gone after the example.
    monkeypatch.setattr(zoo.registry.specs, "_specs", dict(zoo.registry.specs._specs))
    monkeypatch.setattr(zoo.datasets.registry, "_datasets", dict(zoo.datasets.registry._datasets))
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_every_public_name_has_an_example():
    lacking = []
    for package in PACKAGES:
        for name in package.__all__:
            public = getattr(package, name)
            is_of_keras = getattr(public, "__module__", "").startswith("keras.")
            if not is_of_keras and ">>>" not in (public.__doc__ or ""):
                lacking.append(f"{package.__name__}.{name}")
    assert lacking == []
