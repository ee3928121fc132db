"""A Keras model zoo and committee toolkit for image classification."""
