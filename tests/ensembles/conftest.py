"""Fixtures for the tests of committees: small committees that are trained once."""

import pytest


@pytest.fixture(scope="session")
def trained_committee(train_split, validation_split):
    """Three small members after two epochs, which decide by majority. No test may train it on."""
    from zoo.ensembles import Committee, Member
    from zoo.recipes import Recipe

    members = [
        Member(name, {"hidden": (6,)}, Recipe(learning_rate=0.05, batch_size=32, epochs=2))
        for name in ("bn_mlp", "lasso_mlp", "deep_mlp")
    ]
    committee = Committee(members)
    committee.fit(train_split, validation_data=validation_split, verbose=0)
    return committee


@pytest.fixture
def built_model():
    """A function that builds a Keras model which does not come from the registry."""
    import keras

    def build(name, outputs=3, activation="softmax", shape=(6, 6, 1)):
        layers = [keras.Input(shape), keras.layers.Flatten()]
        return keras.Sequential([*layers, keras.layers.Dense(outputs, activation)], name=name)

    return build
