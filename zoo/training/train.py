"""Training: run folder, curves, early stopping, interruption and resuming.

Models whose recipes ask for the same batches train together; one model alone is the same
with a list of one.
"""

import contextlib
import signal
import threading
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import keras

from zoo.arguments import whole_number
from zoo.datasets.split import Split
from zoo.errors import ArgumentError, DataError
from zoo.tensorboard import TensorBoardLog, log_start
from zoo.training.distillation import Teacher
from zoo.training.learner import Learner, check_model
from zoo.training.lockstep import Combine
from zoo.training.loop import Session
from zoo.training.progress import Progress
from zoo.training.run_folder import RunFolder
from zoo.training.standardize import learn_statistics


def train(
    learners: Sequence[Learner],
    data: Split,
    validation: Split | None = None,
    *,
    together: bool | None = None,
    combine: Combine | None = None,
    teacher: Teacher | None = None,
    seed: int = 0,
    log_dir: str | Path | None = None,
    resume: bool = False,
    settings: Mapping[str, Any] | None = None,
    callbacks: Iterable[Any] = (),
    owner: Any = None,
    verbose: str | int = "auto",
) -> Any:
    """Train one model or several.

    Args:
        learners: The models with their recipes.
        data: Training images.
        validation: Images for early stopping and for the curves, or None.
        together: True trains all of them in one graph, from the same batches; False one after
            another. None joins those whose recipes ask for the same batch size and augmentation.
        combine: Combines the models' probabilities, for the committee's own curves.
        teacher: Whom the models learn from beside the labels, or None.
        seed: Seed of the batches' order and of augmentation.
        log_dir: The run folder, for TensorBoard and for resuming; None writes nothing.
        resume: Whether to go on with the run in `log_dir`.
        settings: Further configuration to log, and to compare when resuming.
        callbacks: Keras callbacks. The scores of a model among several carry its name
            (`val_cnn_accuracy`), those of the committee or of a single model do not. With
            callbacks that look at batches each batch is a step of its own, which is slower.
        owner: The model that callbacks see; None for the first learner's.
        verbose: `"auto"` or 1 for progress, 0 for silence.

    Returns:
        A `keras.callbacks.History`.

    Raises:
        ArgumentError: Recipes that cannot be followed together, or not without validation data.
        DataError: Images or classes that do not fit, or the test split for validation.
        RunError: The run folder is in use, or cannot be resumed.

    Example:
        >>> import zoo
        >>> from zoo.training.learner import Learner
        >>> from zoo.training.train import train
        >>> data = zoo.datasets.load("digits")
        >>> model = zoo.build("softmax", input_shape=data.image_shape, num_classes=10, seed=0)
        >>> recipe = zoo.Recipe(optimizer="adam", learning_rate=0.01, batch_size=64, epochs=3)
        >>> learner = Learner("softmax", model, recipe)
        >>> history = train([learner], data.train, data.validation, verbose=0)
        >>> history.history["val_accuracy"][-1] > 0.8
        True
    """
    whole_number("seed", seed, 0)
    if resume and log_dir is None:
        raise ArgumentError("resume=True needs log_dir=, the folder of the run to go on with.")
    callbacks = [callbacks] if isinstance(callbacks, keras.callbacks.Callback) else list(callbacks)
    _check(learners, data, validation)
    _check_callbacks(callbacks)
    if teacher:
        check_model("The teacher", teacher.model, data.image_shape, data.num_classes)
    groups = _groups(learners, together)
    for learner in learners:
        learn_statistics(learner.model, learner.own(data))
    own_images = {
        learner.name: [learner.seed, len(learner.rows), zlib.crc32(learner.rows.tobytes())]
        for learner in learners
        if learner.rows is not None
    }
    config = {
        **(settings or {}),
        "recipes": {learner.name: asdict(learner.recipe) for learner in learners},
        "groups": [[learner.name for learner in group] for group in groups],
        "seed": seed,
        **({"own images": own_images} if own_images else {}),
        **({"teacher": teacher.fingerprint()} if teacher else {}),
        "train": _fingerprint(data),
        "validation": _fingerprint(validation) if validation else None,
    }
    run = RunFolder(log_dir, config, resume=resume) if log_dir is not None else None
    log = TensorBoardLog(run.path) if run else None
    history = keras.callbacks.History()
    history.epoch = []
    rows = {learner.name: learner.recipe.epochs for learner in learners}
    if combine:
        rows["committee"] = max(rows.values())
    with Progress(rows, verbose=verbose) as progress, _interrupts() as interrupts:
        session = Session(
            data=data,
            validation=validation,
            seed=seed,
            run=run,
            log=log,
            progress=progress,
            interrupts=interrupts,
            history=history,
            callbacks=callbacks,
            owner=owner or learners[0].model,
            prefixed=len(learners) > 1,
            teacher=teacher,
        )
        policies = {learner.name: learner.model.dtype_policy.name for learner in learners}
        for policy in sorted({*policies.values()} - {"float32"}):
            names = [name for name, its in policies.items() if its == policy]
            progress.say(f"In {policy}: {', '.join(names)}. Recipe(precision=) chooses another.")
        if log:
            log_start(log, {**config, "computes in": policies}, list(policies))
        try:
            for group in groups:
                session.fit(group, combine if len(groups) == 1 else None)
            if len(groups) > 1 and combine and validation:
                session.score_committee(learners, combine)
            if log:
                session.log_end(log, learners, combine)
        except BaseException:
            if run:
                run.finish("stopped")
            raise
        finally:
            if log:
                log.close()
    if run:
        run.finish("finished")
    return history


def _check(learners: Sequence[Learner], data: Split, validation: Split | None) -> None:
    for learner in learners:
        check_model(learner.name, learner.model, data.image_shape, data.num_classes)
        learner.recipe.make_optimizer(steps=1)
        if learner.recipe.patience and validation is None:
            raise ArgumentError(
                f"{learner.name} stops early (patience={learner.recipe.patience}), which needs "
                "validation data. Pass validation_data=, or patience=None."
            )
    _check_weights_of_their_own(learners)
    if "test" in (data.name, validation.name if validation is not None else ""):
        raise DataError(
            "The test split chooses nothing, not even when to stop, and is for the report: train "
            "on the training split, and hold images of it out for validation."
        )
    if validation is not None and (validation.image_shape, validation.class_names) != (
        data.image_shape,
        data.class_names,
    ):
        raise DataError(
            f"Validation images should be like the training images: {data.image_shape} with the "
            f"classes {', '.join(data.class_names)}. Received: {validation.image_shape} with "
            f"{', '.join(validation.class_names)}"
        )


def _check_weights_of_their_own(learners: Sequence[Learner]) -> None:
    owners: dict[int, str] = {}
    for learner in learners:
        for variable in learner.model.variables:
            other = owners.setdefault(id(variable), learner.name)
            if other != learner.name:
                raise ArgumentError(
                    f"{other} and {learner.name} share the weight {variable.path}, and each would "
                    "train it. Give one of them a copy of its own (keras.models.clone_model)."
                )


def _check_callbacks(callbacks: Sequence[Any]) -> None:
    """Refuse Keras callbacks that could not do their work here."""
    instead = {
        "BackupAndRestore": "log_dir= and resume=True",
        "LearningRateScheduler": "Recipe(schedule=...)",
        "ReduceLROnPlateau": "Recipe(schedule=...)",
        "TensorBoard": "log_dir=",
    }
    for callback in callbacks:
        for name, other in instead.items():
            if isinstance(callback, getattr(keras.callbacks, name)):
                raise ArgumentError(
                    f"keras.callbacks.{name} needs the one optimiser or loop of keras.Model.fit. "
                    f"Use {other} instead."
                )


def _groups(learners: Sequence[Learner], together: bool | None) -> list[list[Learner]]:
    """Those that train together, in the order of the first of each group."""
    if together is False:
        return [[learner] for learner in learners]
    groups: list[list[Learner]] = []
    for learner in learners:
        for group in groups:
            if not _disagreements(group[0], learner):
                group.append(learner)
                break
        else:
            groups.append([learner])
    if together and len(groups) > 1:
        first, other = groups[0][0], groups[1][0]
        raise ArgumentError(
            f"Members that train together see the same batches, and {first.name} and "
            f"{other.name} differ in {' and '.join(_disagreements(first, other))}. Make them "
            "agree, or leave together= out."
        )
    return groups


def _disagreements(one: Learner, other: Learner) -> list[str]:
    """What of their recipes would make their batches differ."""
    own = ["their own images"] if one.rows is not None or other.rows is not None else []
    return own + [
        what
        for what in ("batch_size", "augmentation")
        if getattr(one.recipe, what) != getattr(other.recipe, what)
    ]


def _fingerprint(split: Split) -> dict[str, Any]:
    """What tells one split from another when resuming."""
    return {
        "name": split.name,
        "images": len(split),
        "image_shape": list(split.image_shape),
        "classes": list(split.class_names),
        "crc32": zlib.crc32(split.digests.tobytes(), zlib.crc32(split.labels.tobytes())),
    }


@contextlib.contextmanager
def _interrupts() -> Iterator[list[int]]:
    """Note Ctrl-C and SIGTERM instead of falling over them; the second one acts at once."""
    received: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield received
        return

    def note(number: int, frame: Any) -> None:
        received.append(number)
        for other, handler in before.items():
            signal.signal(other, handler)

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, note)
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
