"""Trials: what a sweep keeps of each trial, with the curves, weights and answers in a file."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from zoo.datasets.split import Split
from zoo.ensembles.committee import Committee
from zoo.ensembles.measures.bootstrap import percentile_interval, resampled_means
from zoo.ensembles.members import Member, built_member
from zoo.ensembles.provenance import Provenance
from zoo.errors import RunError
from zoo.files import open_plain, values_of_file, write_atomically
from zoo.files.packing import read_packed, write_packed
from zoo.inspect.curves.sweep_runs import value_text
from zoo.metrics import Accuracy, accuracy
from zoo.recipes import Recipe
from zoo.registry.class_order import take_classes
from zoo.tuning.space import SearchSpace
from zoo.tuning.study import STUDY_FILE


@dataclass(frozen=True, eq=False)
class SweepSetup:
    """What all trials of a sweep share.

    Args:
        space: The search space.
        train: The training images.
        validation: The validation images, which choose among the trials.
        metric: `"accuracy"` or `"loss"`, on the validation images.
        seeds: The number of seeds with which each trial is trained.
        seed: The first of these seeds, and the seed of the order of the batches.
        folder: The folder with the files of the trials.
        held_out: Whether the validation images were held out of the training images, since the data
            had none.
    """

    space: SearchSpace
    train: Split
    validation: Split
    metric: str
    seeds: int
    seed: int
    folder: Path
    held_out: bool = False

    @property
    def all_seeds(self) -> tuple[int, ...]:
        """The seed of the initial weights of each repetition of a trial."""
        return tuple(range(self.seed, self.seed + self.seeds))

    def file(self, number: int) -> Path:
        """The file of a trial."""
        return self.folder / "trials" / f"{number:04d}.npz"

    @property
    def provenance(self) -> Provenance:
        """The images that each trained model knows."""
        known = Provenance(self.train.digests, self.validation.digests, self.train.settings)
        return Provenance().joined_with(known)  # in ascending order

    def learner_name(self, number: int, seed: int) -> str:
        """The name of the model of a trial with a seed."""
        name = trial_name(number)
        return name if self.seeds == 1 else f"{name}-seed-{seed}"

    def committee(
        self, trained: Sequence[tuple[Any, Member, str]], probabilities: NDArray[np.float32]
    ) -> Committee:
        """Make a committee of trained models, with soft voting.

        Args:
            trained: For each model the model, its member and its name.
            probabilities: Its probabilities of the validation images, float32 [models, n, classes].
        """
        members = [
            built_member(model, cast(Recipe, member.recipe), name)
            for model, member, name in trained
        ]
        names = self.train.class_names
        committee = Committee(members, voting="soft", class_names=names, seed=self.seed)
        named = dict(zip(committee.member_names, probabilities, strict=True))
        committee.record_validation(self.validation.labels, named, committee.rule(probabilities))
        return committee

    def build(self, member: Member, seed: int) -> Any:
        """Build the model of a member for the images of this sweep."""
        model = member.build(self.train.image_shape, self.train.num_classes, seed)
        take_classes([model], self.train.class_names)
        return model


_START_ANEW = "Start the sweep anew in another folder."

TO_THE_END = "trained to the end"
"""What stands in the study for a training that did not end early."""


@dataclass(frozen=True, eq=False)
class Trial:
    """A trial of a sweep: a model with settings that Optuna proposed, trained with each seed.

    Attributes:
        number: The number of the trial, from 0.
        parameters: Name of each setting that varies → value.
        accuracies: The accuracy on the validation images with each seed, float64 [seeds].
        losses: The cross-entropy on the validation images with each seed, float64 [seeds], in nats.
        state: `"finished"`, or `"pruned"` for a trial that left the training early.
        outcomes: How the training with each seed ended early; an empty text if it did not.
        epochs: The number of epochs with each seed.
        setup: What all trials of the sweep share.
    """

    number: int
    parameters: dict[str, Any]
    accuracies: NDArray[np.float64]
    losses: NDArray[np.float64]
    state: str
    outcomes: tuple[str, ...]
    epochs: tuple[int, ...]
    setup: SweepSetup

    @property
    def name(self) -> str:
        """The name of the trial, such as `"trial-3"`."""
        return trial_name(self.number)

    @property
    def score(self) -> float:
        """The mean accuracy over the seeds, or the mean loss if the sweep is by loss."""
        return float((self.losses if self.setup.metric == "loss" else self.accuracies).mean())

    @property
    def mean_accuracy(self) -> float:
        """The mean accuracy on the validation images over the seeds."""
        return float(self.accuracies.mean())

    @cached_property
    def accuracy(self) -> Accuracy:
        """The mean accuracy on the validation images, with its 95 % interval.

        The interval tells what other images of the same kind would give: for a single seed it is
        the Wilson interval, for several seeds a bootstrap over the images. `deviation` tells what
        other seeds would give.
        """
        return mean_accuracy(self.right)

    @property
    def deviation(self) -> float:
        """The standard deviation of the accuracy over the seeds (n − 1); NaN of a single seed."""
        return float(self.accuracies.std(ddof=1)) if len(self.accuracies) > 1 else float("nan")

    @property
    def member(self) -> Member:
        """The member with the settings of this trial, to train it again."""
        return self.setup.space.member(self.parameters, self.name)

    @property
    def recipe(self) -> Recipe:
        """The recipe with the settings of this trial."""
        return cast(Recipe, self.member.recipe)

    @property
    def text(self) -> str:
        """The settings in words, such as `"learning_rate=0.003, dropout=0.2"`."""
        return ", ".join(f"{name}={value_text(value)}" for name, value in self.parameters.items())

    @cached_property
    def histories(self) -> list[dict[str, list[float]]]:
        """The scores of each epoch with each seed, as Keras names them: `"val_accuracy"`."""
        facts = self._facts
        with self._values_of_file():
            return [
                {name: [*map(float, values)] for name, values in facts["histories"][k].items()}
                for k in range(self.setup.seeds)
            ]

    @property
    def mean_history(self) -> dict[str, list[float]]:
        """The means of the scores over the seeds, as long as the shortest training."""
        means = {}
        for key in self.histories[0]:
            length = min(len(history[key]) for history in self.histories)
            rows = [history[key][:length] for history in self.histories]
            means[key] = np.mean(rows, axis=0).tolist()
        return means

    @property
    def probabilities(self) -> NDArray[np.float32]:
        """The probabilities of the validation images, float32 [seeds, n, classes]."""
        array = self._read(["probabilities"])[0]["probabilities"]
        setup = self.setup
        with self._values_of_file():
            shape = (setup.seeds, len(setup.validation), setup.train.num_classes)
            if array.shape != shape or array.dtype.kind != "f":
                raise ValueError(f"probabilities are {array.dtype} {array.shape}, not {shape}")
            return cast(NDArray[np.float32], array)

    @property
    def right(self) -> NDArray[np.bool_]:
        """Whether each validation image is classified correctly, bool [seeds, n]."""
        right: NDArray[np.bool_] = (
            self.probabilities.argmax(axis=-1) == self.setup.validation.labels
        )
        return right

    @property
    def model(self) -> Any:
        """The trained Keras model of the first seed, built anew from the file."""
        return self.models([0])[0]

    def models(self, repetitions: Sequence[int] | None = None) -> list[Any]:
        """Build the trained models from the file.

        The models know which images trained them, and that the validation images chose them.

        Args:
            repetitions: The positions of the seeds, from 0; None takes all.

        Returns:
            A `keras.Model` for each seed.

        Raises:
            RunError: The file of the trial is missing or damaged.
        """
        wanted = range(self.setup.seeds) if repetitions is None else repetitions
        models = []
        for repetition in wanted:
            model = self.setup.build(self.member, self.setup.all_seeds[repetition])
            names = [f"weights/{repetition}/{k}" for k in range(len(model.weights))]
            arrays, _ = self._read(names)
            with self._values_of_file():
                model.set_weights([arrays[name] for name in names])
            model.zoo_provenance = self.setup.provenance
            models.append(model)
        return models

    def committee(self, repetitions: Sequence[int] | None = None) -> Committee:
        """Make a committee of the trained models, which can be saved, judged and asked.

        Args:
            repetitions: The positions of the seeds, from 0; None takes all. `[0]` is a committee
                with one member.

        Returns:
            The committee, with soft voting.

        Raises:
            RunError: The file of the trial is missing or damaged.
        """
        wanted = [*range(self.setup.seeds)] if repetitions is None else list(repetitions)
        models = self.models(wanted)
        names = [self.setup.learner_name(self.number, self.setup.all_seeds[k]) for k in wanted]
        return self.setup.committee(
            [(model, self.member, name) for model, name in zip(models, names, strict=True)],
            self.probabilities[wanted],
        )

    def _values_of_file(self) -> AbstractContextManager[None]:
        """Turn the errors of using values of the file into an error that names the file."""
        return values_of_file(self.setup.file(self.number), _START_ANEW)

    @cached_property
    def _facts(self) -> Any:
        return self._read(())[1]

    def _read(self, names: Sequence[str]) -> tuple[dict[str, Any], Any]:
        """Read arrays and the facts of the file."""
        path = self.setup.file(self.number)
        try:
            with open_plain(path) as stream:
                return read_packed(stream, names)
        except Exception as error:  # a damaged zip file raises many kinds of errors
            fault = "does not exist" if not path.exists() else f"is damaged ({error})"
            raise RunError(
                f"The curves and weights of {self.name} must be in a file as the sweep wrote it. "
                f"Received: {path}, which {fault}. Name the folder of the sweep as log_dir=, or "
                "start the sweep anew in another folder."
            ) from error


def mean_accuracy(right: NDArray[np.bool_]) -> Accuracy:
    """Measure the mean accuracy of several models on the same images, with its 95 % interval.

    Args:
        right: Whether a model classifies an image correctly, bool [models, n].

    Returns:
        The mean accuracy. Its interval is over images: of a single model the Wilson interval, of
        several models a percentile bootstrap.

    Example:
        >>> print(mean_accuracy(np.array([[True, True, True, False]])))
        75.0 % [30.1, 95.4], n = 4
    """
    models, n = right.shape
    if models == 1:
        return accuracy(np.ones(n, int), right[0].astype(int))
    means = right.mean(axis=0)
    low, high = percentile_interval(resampled_means(means[:, np.newaxis])[:, 0])
    return Accuracy(float(means.mean()), float(low), float(high), n)


def rank(trials: Sequence[Trial]) -> list[Trial]:
    """Sort trials, the best first: by state, by score, then by loss, then by number.

    Args:
        trials: The trials.
    """

    def key(trial: Trial) -> tuple[bool, float, float, int]:
        score = trial.score if trial.setup.metric == "loss" else -trial.score
        return trial.state == "pruned", score, float(trial.losses.mean()), trial.number

    return sorted(trials, key=key)


def trial_name(number: int) -> str:
    """Give the name of a trial.

    Example:
        >>> trial_name(3)
        'trial-3'
    """
    return f"trial-{number}"


def write_trial(
    path: Path,
    weights: Sequence[Sequence[NDArray[Any]]],
    probabilities: NDArray[np.float32],
    histories: Sequence[Mapping[str, Sequence[float]]],
) -> None:
    """Write the file of a trial.

    Args:
        path: The file.
        weights: The weights of the model of each seed.
        probabilities: The probabilities of the validation images, float32 [seeds, n, classes].
        histories: The scores of each epoch with each seed.
    """
    arrays = {
        f"weights/{repetition}/{k}": array.astype("float32") if array.dtype.kind == "V" else array
        for repetition, group in enumerate(weights)
        for k, array in enumerate(map(np.asarray, group))
    }
    facts = {"histories": [dict(history) for history in histories]}

    def write(temporary: Path) -> None:
        with open(temporary, "wb") as stream:
            write_packed(stream, {"probabilities": probabilities, **arrays}, facts)

    write_atomically(path, write)


def trials_of(study: Any, setup: SweepSetup) -> list[Trial]:
    """List the trials of a study that have ended, pruned trials too.

    Args:
        study: The `optuna.Study`.
        setup: What all trials share.

    Returns:
        The trials, in the order of their numbers.

    Raises:
        RunError: The study has other values than a sweep writes.
    """
    ended = [
        frozen
        for frozen in study.get_trials(deepcopy=False)
        if frozen.state.name in ("COMPLETE", "PRUNED") and "accuracy" in frozen.user_attrs
    ]
    with values_of_file(setup.folder / STUDY_FILE, _START_ANEW):
        return [_trial_of(frozen, setup) for frozen in ended]


def _trial_of(frozen: Any, setup: SweepSetup) -> Trial:
    """Make a trial of the `optuna.trial.FrozenTrial`."""
    attributes = frozen.user_attrs
    outcomes = [str(attributes["outcomes"][k]) for k in range(setup.seeds)]
    return Trial(
        frozen.number,
        setup.space.values_of({name: frozen.params[name] for name in setup.space.names}),
        np.array(attributes["accuracy"], np.float64).reshape(setup.seeds),
        np.array(attributes["loss"], np.float64).reshape(setup.seeds),
        "pruned" if frozen.state.name == "PRUNED" else "finished",
        tuple("" if text == TO_THE_END else text for text in outcomes),
        tuple(int(attributes["epochs"][k]) for k in range(setup.seeds)),
        setup,
    )
