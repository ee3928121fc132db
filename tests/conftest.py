import pytest
from hypothesis import settings

# The first example of a test pays for TensorFlow's tracing, so time says nothing.
settings.register_profile("zoo", deadline=None)
settings.load_profile("zoo")


@pytest.fixture(autouse=True)
def private_cache(tmp_path, monkeypatch):
    """No test reads or writes the cache or the data of the user who runs it."""
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("ZOO_DATA", raising=False)
    return tmp_path / "cache"


@pytest.fixture
def seeded():
    """Repeatable weights. Not for every test: importing Keras takes seconds."""
    import keras

    keras.utils.set_random_seed(0)
