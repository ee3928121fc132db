"""Small trainings that all callbacks look at."""

import warnings

import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from zoo.ensembles import Committee, Member
from zoo.inspect import GraphLog, HistogramLog, SaliencyLog
from zoo.recipes import Recipe

RECIPE = Recipe("adam", learning_rate=0.01, batch_size=32, epochs=2)


def new_committee():
    """A committee of two networks with dropout, which differ in their seeds."""
    members = [
        Member("mlp", {"hidden": (8,), "dropout": 0.25}, RECIPE, name="first"),
        Member("mlp", {"hidden": (8,), "dropout": 0.25}, RECIPE, name="second"),
    ]
    return Committee(members, seed=3)


def callbacks_for(train, validation):
    return [
        GraphLog(),
        HistogramLog(train, count=20),
        SaliencyLog(validation.take(range(2)), method="gradient"),
    ]


@pytest.fixture(scope="session")
def read_events():
    """A function of a folder: tag → [(step, value)] of all that TensorBoard finds there."""

    def read(folder):
        events = EventAccumulator(str(folder), size_guidance={"tensors": 0})
        events.Reload()
        return {
            tag: [
                (event.step, tf.make_ndarray(event.tensor_proto)) for event in events.Tensors(tag)
            ]
            for tag in events.Tags()["tensors"]
        }

    return read


@pytest.fixture(scope="session")
def make_committee():
    return new_committee


@pytest.fixture(scope="session")
def trained(train_split, validation_split, tmp_path_factory):
    """Whether members train together → (the committee, its run folder)."""
    runs = {}
    for together in (True, False):
        folder = tmp_path_factory.mktemp("run") / ("together" if together else "apart")
        committee = new_committee()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            committee.fit(
                train_split,
                validation_data=validation_split,
                together=together,
                epochs=2 if together else 1,
                callbacks=callbacks_for(train_split, validation_split),
                log_dir=folder,
                verbose=0,
            )
        runs[together] = committee, folder
    return runs
