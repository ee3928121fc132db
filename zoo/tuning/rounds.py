"""Rounds: several trials that Optuna proposes together, and Zoo trains in one training."""

import traceback
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from zoo.ensembles.checks import logarithms
from zoo.ensembles.committee import Committee
from zoo.ensembles.members import built_member
from zoo.registry.kept_memory import free_memory
from zoo.training.callbacks import ScoreCallback
from zoo.training.learner import Learner
from zoo.training.lockstep import Graphs
from zoo.training.phases.phase import EVALUATION_BATCH
from zoo.training.phases.small_images import check_small_images
from zoo.training.pieces.in_trainer import MissingMembersError
from zoo.training.scores import LOSS
from zoo.training.train import train
from zoo.tuning.progress import SweepProgress
from zoo.tuning.pruning import Pruning
from zoo.tuning.study import import_optuna, mark_failed
from zoo.tuning.trials import (
    TO_THE_END,
    SweepSetup,
    Trial,
    trial_name,
    trials_of,
    write_trial,
)


def train_round(
    setup: SweepSetup,
    study: Any,
    proposals: Sequence[Any],
    progress: SweepProgress,
    graphs: Graphs | None = None,
    n_jobs: int | None = None,
) -> list[Trial]:
    """Train trials, keep what they learned, and tell Optuna their scores.

    Args:
        setup: What all trials share.
        study: The `optuna.Study`.
        proposals: The trials, `optuna.Trial`s with all settings.
        progress: Shows how the round goes.
        graphs: Keeps the graphs of this round for the next round; None for a single round.
        n_jobs: How many groups of trials train at the same time in other processes, or None.

    Returns:
        The trials of the round that have ended. A trial that cannot be built, or cannot be trained
        in another process, is marked as failed in the study, and the others go on.

    Raises:
        Exception: The training in this process has ended with an error. All trials of the round
            are marked as failed.
    """
    graphs = graphs or Graphs()
    built = _build(setup, study, proposals)
    if not built:
        return []
    every = [learner for _, group in built for learner in group]
    try:
        groups = [group for _, group in built]
        pruning = Pruning([trial for trial, _ in built], groups, setup.metric)
        has_pruner = not isinstance(study.pruner, import_optuna().pruners.NopPruner)
        history, failures = _train(setup, every, pruning, has_pruner, progress, graphs, n_jobs)
        trained = [(trial, group) for trial, group in built if not _failure(group, failures)]
        learned = [learner for _, group in trained for learner in group]
        probabilities = _probabilities(learned, setup, graphs) if learned else np.empty(0)
    except Exception:
        for proposal, _ in built:
            mark_failed(study, proposal, traceback.format_exc())
        raise
    for proposal, group in built:
        if failure := _failure(group, failures):
            mark_failed(study, proposal, failure)
    grouped = probabilities.reshape(len(trained), setup.seeds, *probabilities.shape[1:])
    for (proposal, group), answers in zip(trained, grouped, strict=True):
        histories = [_history_of(history, learner.name, len(every) == 1) for learner in group]
        write_trial(
            setup.file(proposal.number),
            [learner.model.get_weights() for learner in group],
            answers,
            histories,
        )
        score = _keep_scores(setup, proposal, group, answers, histories)
        _tell(study, proposal, None if proposal.number in pruning.pruned else score)
    numbers = {proposal.number for proposal in proposals}
    del built, groups, trained, learned, group, every, pruning
    free_memory()
    return [trial for trial in trials_of(study, setup) if trial.number in numbers]


def _build(
    setup: SweepSetup, study: Any, proposals: Sequence[Any]
) -> list[tuple[Any, list[Learner]]]:
    """Build the models of trials. A trial that cannot be built is marked as failed."""
    built = []
    for proposal in proposals:
        try:
            built.append((proposal, _learners(setup, proposal)))
        except Exception:  # of the function that builds the model
            mark_failed(study, proposal, traceback.format_exc())
    return built


def _failure(group: Sequence[Learner], failures: Mapping[str, str]) -> str:
    """Say how the training of a trial failed; an empty text if it did not."""
    return next((failures[learner.name] for learner in group if learner.name in failures), "")


def _learners(setup: SweepSetup, proposal: Any) -> list[Learner]:
    """Build the models of a trial, one for each seed."""
    name = trial_name(proposal.number)
    member = setup.space.member(setup.space.values_of(proposal.params), name)
    learners = [
        Learner(
            setup.learner_name(proposal.number, seed),
            setup.build(member, seed),
            member.recipe,  # type: ignore[arg-type]  # a `Member` makes a recipe of every name
            arguments=member.all_arguments,
        )
        for seed in setup.all_seeds
    ]
    first = learners[0]
    shape = setup.train.image_shape
    check_small_images(first.name, first.model, first.recipe, shape, taught=False)
    return learners


def _train(
    setup: SweepSetup,
    learners: Sequence[Learner],
    pruning: Pruning,
    has_pruner: bool,
    progress: SweepProgress,
    graphs: Graphs,
    n_jobs: int | None,
) -> tuple[Mapping[str, list[float]], Mapping[str, str]]:
    """Train the learners of a round. Give their scores, and how each that is missing has failed."""

    class Watch(ScoreCallback):
        stops_models = has_pruner

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            pruning.on_epoch_end(epoch, logs)
            is_loss = [key.startswith("val_") and key.endswith(f"_{LOSS}") for key in logs]
            progress.step(sum(is_loss))  # one for each model that has trained in this epoch

    progress.start_round(sum(learner.recipe.epochs for learner in learners))
    with warnings.catch_warnings():
        # A sweep tries high learning rates on purpose: the table names the trials that diverged.
        warnings.filterwarnings("ignore", ".*diverged in epoch")
        try:
            history = train(
                learners,
                setup.train,
                setup.validation,
                seed=setup.seed,
                callbacks=[Watch()],
                graphs=graphs,
                n_jobs=n_jobs,
                verbose=0,
            )
        except MissingMembersError as error:
            return error.history.history, error.failures
    return history.history, {}


def _probabilities(learners: Sequence[Learner], setup: SweepSetup, graphs: Graphs) -> np.ndarray:
    """Give the probabilities of the validation images, float32 [learners, n, classes]."""
    lockstep = graphs.answering([learner.model for learner in learners])
    if lockstep is None:  # trained on different batches, one group after another
        return _committee_of(learners).member_probabilities(setup.validation)
    return lockstep.probabilities(setup.validation.batches(EVALUATION_BATCH)).astype("float32")


def _committee_of(learners: Sequence[Learner]) -> Committee:
    """Make a committee of the models of learners, which gives their probabilities."""
    members = [built_member(learner.model, learner.recipe, learner.name) for learner in learners]
    return Committee(members, voting="soft")


def train_afresh(setup: SweepSetup, trial: Trial, count: int, verbose: str | int) -> Committee:
    """Train a trial again with seeds that the sweep has not used.

    The order of the batches is another one, too.

    Args:
        setup: What all trials share.
        trial: The trial.
        count: The number of seeds.
        verbose: `"auto"` or 1 shows the progress, 0 shows nothing.

    Returns:
        A committee with a member for each seed, with soft voting.
    """
    first = setup.seed + setup.seeds
    member = trial.member
    learners = [
        Learner(f"{trial.name}-seed-{seed}", setup.build(member, seed), trial.recipe)
        for seed in range(first, first + count)
    ]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*diverged in epoch")
        train(learners, setup.train, setup.validation, seed=first, verbose=verbose)
    trained = [(learner.model, member, learner.name) for learner in learners]
    for model, _, _ in trained:
        model.zoo_provenance = setup.provenance
    probabilities = _committee_of(learners).member_probabilities(setup.validation)
    return setup.committee(trained, probabilities)


def _history_of(
    history: Mapping[str, list[float]], name: str, is_single: bool
) -> dict[str, list[float]]:
    """Take the scores of a learner, without its name in theirs."""
    if is_single:
        return dict(history)
    starts = {f"val_{name}_": "val_", f"{name}_": ""}
    return {
        f"{part}{key.removeprefix(start)}": list(values)
        for start, part in starts.items()
        for key, values in history.items()
        if key.startswith(start)
    }


def _keep_scores(
    setup: SweepSetup,
    proposal: Any,
    learners: Sequence[Learner],
    probabilities: np.ndarray,
    histories: Sequence[Mapping[str, Sequence[float]]],
) -> float:
    """Keep the scores of a trial in the study, and give its score."""
    labels = setup.validation.labels
    accuracies = (probabilities.argmax(axis=-1) == labels).mean(axis=-1)
    of_label = probabilities[:, np.arange(len(labels)), labels]
    losses = -logarithms(of_label).mean(axis=-1)
    proposal.set_user_attr("accuracy", accuracies.tolist())
    proposal.set_user_attr("loss", losses.tolist())
    proposal.set_user_attr("outcomes", [learner.stopped or TO_THE_END for learner in learners])
    proposal.set_user_attr("epochs", [len(history[f"val_{LOSS}"]) for history in histories])
    return float((losses if setup.metric == "loss" else accuracies).mean())


def _tell(study: Any, proposal: Any, score: float | None) -> None:
    """Tell Optuna the score of a trial, or that the trial was pruned."""
    states = import_optuna().trial.TrialState
    try:
        if score is None:
            study.tell(proposal, state=states.PRUNED)
        else:
            study.tell(proposal, score)
    except RuntimeError as error:
        # Optuna's own `GridSampler` stops the study after the last combination, which is only
        # possible inside `Study.optimize`. The trial has its score already.
        if "stop" not in str(error):
            raise
