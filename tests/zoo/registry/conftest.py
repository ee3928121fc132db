"""A registry that each test may change."""

import pytest

from zoo import registry

# The tests see only these models, so that a new model does not change their results.
ENTRIES = ["alexnet", "bn_mlp", "cnn", "conv_bn", "deep_mlp", "lasso_mlp", "mlp", "softmax"]


@pytest.fixture(autouse=True)
def registry_as_before(monkeypatch, request):
    """After each test, the registry is as before."""
    specs = registry.specs._specs
    names = ENTRIES if request.module.__name__.endswith("test_specs") else [*specs]
    monkeypatch.setattr(registry.specs, "_specs", {name: specs[name] for name in names})
