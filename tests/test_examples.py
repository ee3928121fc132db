"""Every example in a docstring runs and says what it says."""

import doctest
import importlib
import pkgutil

import pytest

import zoo
import zoo.datasets.registry
import zoo.datasets.sources
import zoo.ensembles


def module_names():
    for package in (zoo, zoo.datasets, zoo.ensembles):
        yield package.__name__
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            if module.name != "zoo.__main__":
                yield module.name
                if module.ispkg:
                    path = importlib.import_module(module.name).__path__
                    yield from (m.name for m in pkgutil.iter_modules(path, f"{module.name}."))


@pytest.mark.parametrize("name", sorted(set(module_names())))
def test_the_examples_of_a_module_run(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    # What an example registers is gone after the example.
    monkeypatch.setattr(zoo.registry.specs, "_specs", dict(zoo.registry.specs._specs))
    monkeypatch.setattr(zoo.datasets.registry, "_datasets", dict(zoo.datasets.registry._datasets))
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_every_public_name_has_an_example():
    lacking = [
        f"{package.__name__}.{name}"
        for package in (zoo, zoo.datasets, zoo.ensembles)
        for name in package.__all__
        if ">>>" not in (getattr(package, name).__doc__ or "")
    ]
    assert lacking == []
