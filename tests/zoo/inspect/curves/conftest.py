"""Run folders as training writes them, but without the training."""

from dataclasses import asdict

import numpy as np
import pytest

from zoo.ensembles import Committee
from zoo.recipes import Recipe
from zoo.training.run_folder import RunFolder


def write_run(folder, scores, *, seed=0, arguments=None, names=("mlp",), **recipe):
    """Write a run folder with these scores."""
    config = {
        "members": {name: {"entry": "mlp", "arguments": arguments or {}} for name in names},
        "recipes": {name: asdict(Recipe(**recipe)) for name in names},
        "seed": seed,
        "train": {"name": "train", "images": 100, "classes": ["a", "b"], "crc32": seed},
    }
    run = RunFolder(folder, config)
    epochs = [*range(1, 1 + max(map(len, scores.values())))]
    facts = {"epoch": epochs[-1], "history": {"epoch": epochs, "history": scores}}
    run.save_state(names[0], {"weights": np.zeros(3)}, facts)
    run.finish("finished")
    return folder


def scores_of_epochs(train, validation):
    """Accuracies, with losses that fall as they rise."""
    return {
        "accuracy": train,
        "val_accuracy": validation,
        "loss": [1 - value for value in train],
        "val_loss": [1 - value for value in validation],
    }


@pytest.fixture
def seeds(tmp_path):
    """Three runs of the same training, of which the last ended early."""
    curves = ([0.5, 0.7, 0.9], [0.4, 0.5, 0.6]), ([0.3, 0.5, 0.7], [0.2, 0.5, 0.8])
    curves += (([0.4, 0.6], [0.6, 0.5]),)
    return [
        write_run(tmp_path / f"seed-{number}", scores_of_epochs(*pair), seed=number)
        for number, pair in enumerate(curves)
    ]


@pytest.fixture(scope="session")
def trained_run(tmp_path_factory):
    """The run folder of two members that trained together, with the saved committee, and history.

    The committee counts votes.
    """
    import zoo

    folder = tmp_path_factory.mktemp("trained") / "digits"
    data = zoo.datasets.load("digits")
    committee = Committee("softmax", copies=2)
    history = committee.fit(
        data.train, validation_data=data.validation, epochs=2, batch_size=128, log_dir=folder,
        verbose=0,
    )  # fmt: skip
    committee.save(folder / "committee.keras")
    return folder, history, committee, data
