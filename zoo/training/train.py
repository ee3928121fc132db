"""The way into training: the arguments are checked, then models are trained group by group.

Models whose recipes ask for the same batches train together. A single model is a group by itself.
"""

import contextlib
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from zoo.arguments import as_path, check_verbose, true_or_false, whole_number
from zoo.datasets.arrays.labels import check_any_label
from zoo.datasets.split import Split
from zoo.errors import ArgumentError, DataError
from zoo.layers.unsafe_kernels import check_kernels
from zoo.spreading import check_jobs
from zoo.starting.signals import CollectedSignals
from zoo.tensorboard import TensorBoardLog, log_start
from zoo.training.built_models.interface import check_model
from zoo.training.built_models.statistics import learn_mean_image
from zoo.training.callbacks import MemberCallback, as_list, check_callbacks, choose_directions
from zoo.training.checkpoint import Checkpoint
from zoo.training.distillation import Teacher
from zoo.training.grouping import (
    group_learners,
    grouped_as_before,
    independent_groups,
    tell_what_is_apart,
)
from zoo.training.learner import Learner
from zoo.training.lockstep import Combine, Graphs
from zoo.training.loop import Loop
from zoo.training.phases.small_images import check_small_images
from zoo.training.pieces.describing import check_travel
from zoo.training.pieces.in_trainer import SpreadTraining, check_spreading
from zoo.training.progress import Progress
from zoo.training.recording import Recorder
from zoo.training.run_folder import MANIFEST, RunFolder, read_manifest
from zoo.training.scores import SCORES


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
    callbacks: Any = (),
    owner: Any = None,
    graphs: Graphs | None = None,
    n_jobs: int | None = None,
    verbose: str | int = "auto",
) -> Any:
    """Train one model or several.

    The graphs of a training stay with the models, so that another training of the same models on
    batches of the same form begins at once; not with small images, for which each training makes
    the graphs of both sizes.

    Args:
        learners: The models with their recipes.
        data: Training images.
        validation: Images for early stopping and for the curves, or None.
        together: True trains all models in one graph, from the same batches. False trains one
            model after another. None trains those models together whose recipes ask for the same
            batch size, augmentation and size of images, but a model with frozen layers and images
            that no augmentation changes apart from others, or goes on as the resumed run began.
            Models with their own images train together only if `Learner.takes_weights`, and if
            they have no batch normalisation, mixup or CutMix, which would see the images that a
            model leaves out.
        combine: Combines the models' probabilities, for the committee's own curves. Another
            function object counts as another computation, for which the graph is made anew.
        teacher: The model that all learn from beside the labels, or None.
        seed: Seed of the batches' order and of augmentation.
        log_dir: The run folder, for TensorBoard and for resuming; None writes nothing. If files
            are in the folder, the run gets a new folder beside it, with a warning.
        resume: Whether to go on with the run in `log_dir`, perhaps for more epochs than before.
        settings: Further configuration to log, and to compare when resuming.
        callbacks: Keras callbacks. The scores of a model among several carry the model's name
            (`val_cnn_accuracy`), those of the committee or of a single model do not. With
            callbacks that look at batches each batch is a step by itself, which is slower.
        owner: The model that callbacks get as `self.model`; None for the first learner's model.
        graphs: Keeps the graphs for a training of other models of the same kind, such as the next
            round of a sweep; None keeps them for another training of the same models.
        n_jobs: How many groups of models train at the same time in other processes, on joblib's
            backend; -1 for the number of cores. Models that are computed as one wide model stay
            together. Callbacks must not look at epochs. None trains in this process.
        verbose: `"auto"` or 1 shows the progress, 0 shows nothing.

    Returns:
        A `keras.callbacks.History`, whose `log_dir` is the run folder, or None. Its `seconds` are
        how long each model has trained, by name; see `Learner.seconds`. After a training in other
        processes, its `spreading` has the numbers of workers and bytes.

    Raises:
        ArgumentError: The recipes cannot be followed together, or they need validation data
            or label shares that are not there.
        DataError: The images or classes do not fit, or the validation images are the test split.
        RunError: The run folder cannot be written, or cannot be resumed; or models could not be
            trained in other processes.

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
    check_verbose(verbose)
    _check_folder(log_dir, resume)
    callbacks = as_list(callbacks)
    _check_images(learners, data, validation, teacher)
    check_callbacks(callbacks)
    if check_jobs(n_jobs) is not None:
        check_spreading(callbacks)
    members = {learner.name: learner.model for learner in learners}
    watchers = [callback for callback in callbacks if isinstance(callback, MemberCallback)]
    for watcher in watchers:
        watcher.check_run(log_dir is not None, members)
    choose_directions(callbacks, [*members], has_validation=validation is not None)
    groups = _groups_of(learners, together, n_jobs, log_dir if resume else None)
    if n_jobs is not None and len(groups) > 1:
        check_travel({**members, **({"the teacher": teacher.model} if teacher else {})})
    for learner in learners:
        learn_mean_image(learner.model, learner.training_images(data))
    config = {
        **(settings or {}),
        **_configuration(groups, learners, teacher, seed),
        "train": _fingerprint(data, any(learner.recipe.targets for learner in learners)),
        "validation": _fingerprint(validation) if validation else None,
    }
    with contextlib.ExitStack() as stack:
        stack.enter_context(_freezing(learners))
        signals = stack.enter_context(CollectedSignals())
        run = RunFolder(log_dir, config, resume=resume) if log_dir is not None else None
        log = TensorBoardLog(run.path) if run else None
        if run and log:
            stack.enter_context(_closing(run, log, signals))
            for watcher in watchers:
                stack.enter_context(watcher.writing_to(log))
        progress = stack.enter_context(Progress(_progress_rows(learners, combine), verbose=verbose))
        signals.say = progress.say
        recorder = Recorder(progress, log, prefixed=len(learners) > 1)
        recorder.history.log_dir = run.path if run else None
        _record_start(learners, config, progress, log)
        if together is not False:
            tell_what_is_apart(groups, progress)
        loop = Loop(
            data,
            validation,
            recorder,
            Checkpoint(run, recorder, is_validated=validation is not None),
            signals,
            seed=seed,
            teacher=teacher,
            callbacks=callbacks,
            owner=owner or learners[0].model,
            graphs=graphs,
        )
        _train_groups(groups, loop, combine, n_jobs, log)
        recorder.history.seconds = {learner.name: learner.seconds for learner in learners}
        if log:
            recorder.end(learners, validation, loop.predictions(learners, combine))
        loop.stop_if_asked()
    return recorder.history


def _check_folder(log_dir: str | Path | None, resume: bool) -> None:
    if true_or_false("resume", resume) and log_dir is None:
        raise ArgumentError(
            "With resume=True, log_dir must be the folder of a run. Received: log_dir=None. Pass "
            "the folder of the run that is to go on."
        )


def _progress_rows(learners: Sequence[Learner], combine: Combine | None) -> dict[str, int]:
    """Give the rows of the progress: name → epochs."""
    rows = {learner.name: learner.recipe.epochs for learner in learners}
    return {**rows, "committee": max(rows.values())} if combine else rows


def _configuration(
    groups: Sequence[Sequence[Learner]],
    learners: Sequence[Learner],
    teacher: Teacher | None,
    seed: int,
) -> dict[str, Any]:
    """Describe a training without its images as JSON values, which are compared on resuming."""
    own_images = {
        learner.name: [learner.seed, len(learner.rows), zlib.crc32(learner.rows.tobytes())]
        for learner in learners
        if learner.rows is not None
    }
    return {
        "recipes": {learner.name: asdict(learner.recipe) for learner in learners},
        "groups": [[learner.name for learner in group] for group in groups],
        "seed": seed,
        **({"own images": own_images} if own_images else {}),
        **({"teacher": teacher.fingerprint()} if teacher else {}),
    }


def _record_start(
    learners: Sequence[Learner],
    config: Mapping[str, Any],
    progress: Progress,
    log: TensorBoardLog | None,
) -> None:
    """Say which models compute in another precision than float32, and log the configuration."""
    policies = {learner.name: learner.model.dtype_policy.name for learner in learners}
    for policy in sorted({*policies.values()} - {"float32"}):
        names = ", ".join(name for name, other in policies.items() if other == policy)
        progress.say(
            f"Computed in {policy}: {names}. The precision of the recipe (on the command line, "
            "--precision) changes this."
        )
    if log:
        log_start(log, {**config, "computes in": policies}, list(policies), sorted(SCORES))


@contextlib.contextmanager
def _freezing(learners: Sequence[Learner]) -> Iterator[None]:
    """Freeze layers as the recipes ask for it, and let them learn again after the training."""
    try:
        for learner in learners:
            if learner.recipe.freeze:
                learner.freeze()
        yield
    finally:
        for learner in learners:
            learner.release()


@contextlib.contextmanager
def _closing(run: RunFolder, log: TensorBoardLog, signals: CollectedSignals) -> Iterator[None]:
    """Close the log at the end, and write in the run folder how the run ended."""
    try:
        with contextlib.closing(log):
            yield
        signals.raise_received()
    except BaseException:
        run.finish("stopped")
        raise
    run.finish("finished")


def _check_images(
    learners: Sequence[Learner], data: Split, validation: Split | None, teacher: Teacher | None
) -> None:
    """Check that models and recipes fit the images, and that no image is for the report only."""
    for learner in learners:
        check_any_label(learner.training_images(data).labels, data.name)
    if validation is not None:
        check_any_label(validation.labels, validation.name)
    if teacher:
        check_model("The teacher", teacher.model, data.image_shape, data.num_classes)
        teacher.check_classes(data.class_names)
    for learner in learners:
        check_model(learner.name, learner.model, data.image_shape, data.num_classes)
        check_kernels(learner.name, learner.model)
        check_small_images(
            learner.name, learner.model, learner.recipe, data.image_shape, taught=bool(teacher)
        )
        learner.recipe.make_optimizer(steps=1)
        for setting, use in (("patience", "to stop early"), ("plateau", "to lower its rate")):
            if (value := getattr(learner.recipe, setting)) and validation is None:
                raise ArgumentError(
                    f"{learner.name} must have validation data {use}. Received: {setting}={value} "
                    "and no validation data. Pass validation_data=, or "
                    f"{setting}=None in the recipe."
                )
        if learner.recipe.targets == "shares" and data.label_shares is None:
            raise ArgumentError(
                "targets must be left out for images without label shares, the votes of several "
                f'people. Received: targets="shares" in the recipe of {learner.name}, and images '
                "with labels only. Load a data set with votes, such as ferplus, or pass votes as "
                "zoo.datasets.as_split(images, labels, label_shares=...)."
            )
    _check_shared_weights(learners)
    if "test" in (data.name, validation.name if validation is not None else ""):
        raise DataError(
            "Training and validation images must not be images of the test split, which is for the "
            "report only. Received: the test split. Train on the training split, and hold out some "
            "images of the training split for validation."
        )
    if validation is not None and (validation.image_shape, validation.class_names) != (
        data.image_shape,
        data.class_names,
    ):
        raise DataError(
            f"Validation images must be like the training images: {data.image_shape} with the "
            f"classes {', '.join(data.class_names)}. Received: {validation.image_shape} with "
            f"{', '.join(validation.class_names)}. Load both with the same options."
        )


def _check_shared_weights(learners: Sequence[Learner]) -> None:
    """Refuse models that share a weight, which each of them would train."""
    owners: dict[int, str] = {}
    for learner in learners:
        for variable in learner.model.variables:
            other = owners.setdefault(id(variable), learner.name)
            if other != learner.name:
                raise ArgumentError(
                    f"Each member must have weights of its own. Received: {other} and "
                    f"{learner.name} share the weight {variable.path}. Give one of them a copy "
                    "(keras.models.clone_model)."
                )


def _groups_of(
    learners: Sequence[Learner],
    together: bool | None,
    n_jobs: int | None,
    resumed: str | Path | None,
) -> list[list[Learner]]:
    """Group the models that train together, or go on in the groups of the run that is resumed."""
    if (
        together is None
        and resumed is not None
        and (as_path("log_dir", resumed) / MANIFEST).exists()
    ):
        config = read_manifest(resumed).get("config")
        names = config.get("groups") if isinstance(config, dict) else None
        if groups := grouped_as_before(learners, names):
            return groups
    groups = group_learners(learners, together)
    return groups if together or n_jobs is None else independent_groups(groups)


def _train_groups(
    groups: Sequence[Sequence[Learner]],
    loop: Loop,
    combine: Combine | None,
    n_jobs: int | None,
    log: TensorBoardLog | None,
) -> None:
    """Train one group after another, or several at the same time in other processes."""
    learners = [learner for group in groups for learner in group]
    if n_jobs is not None and len(groups) > 1:
        SpreadTraining(groups, loop, n_jobs, log).run()
    else:
        if n_jobs is not None:
            loop.recorder.progress.say(_why_not_spread(len(learners)))
        for group in groups:
            loop.fit(group, combine if len(groups) == 1 else None)
    if len(groups) > 1 and combine and loop.validation:
        loop.score_committee(learners, combine)


def _why_not_spread(count: int) -> str:
    """Say why all models train in this process, although other processes may be used."""
    if count == 1:
        return "Trained in this process: a single training cannot be divided."
    return (
        "Trained in this process: all members learn together in one graph, which is faster than "
        "apart where members are computed as one wide model. together=False (on the command line, "
        "--apart) trains them apart, in other processes."
    )


def _fingerprint(split: Split, with_shares: bool = False) -> dict[str, Any]:
    """Describe a split as JSON values, by which a resumed training recognises its images."""
    weights, shares = split.sample_weight, split.label_shares if with_shares else None
    return {
        "name": split.name,
        "images": len(split),
        "image_shape": list(split.image_shape),
        "classes": list(split.class_names),
        "crc32": zlib.crc32(split.digests.tobytes(), zlib.crc32(split.labels.tobytes())),
        **({} if weights is None else {"weights": zlib.crc32(weights.tobytes())}),
        **({} if shares is None else {"label shares": zlib.crc32(shares.tobytes())}),
    }
