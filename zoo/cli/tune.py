"""The command `zoo tune`."""

from __future__ import annotations

import json
import shlex
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Group, Parameter

from zoo.cli.application import app
from zoo.cli.console import print_note, print_table, print_text, start_tensorflow
from zoo.cli.options import (
    MODEL,
    DataName,
    ModelOptions,
    ProcessOptions,
    RecipeOptions,
    SplitOptions,
    SpreadOptions,
)
from zoo.cli.runs.members import check_weights, check_words, members_from_words
from zoo.cli.runs.resuming import MANIFEST
from zoo.cli.train import missing_name
from zoo.cli.words.values import Count, Name, Positive, Settings
from zoo.ensembles.members import with_weights
from zoo.errors import ArgumentError
from zoo.files import errors_as_warnings, write_atomically
from zoo.text import json_text

if TYPE_CHECKING:
    from zoo.tuning.confirming import Confirmation
    from zoo.tuning.sweep import Sweep

SWEEP = Parameter(group=Group("Sweep", sort_key=0))


@app.command
def tune(
    name: str | None = None,
    /,
    *,
    weights: Annotated[Name | None, Parameter(group=MODEL)] = None,
    vary: Annotated[Settings | None, SWEEP] = None,
    trials: Annotated[Positive | None, SWEEP] = None,
    sampler: Annotated[Literal["grid", "random", "tpe", "qmc"] | None, SWEEP] = None,
    pruner: Annotated[Literal["median", "halving", "hyperband"] | None, SWEEP] = None,
    seeds: Annotated[Positive, SWEEP] = 1,
    metric: Annotated[Literal["accuracy", "loss"], SWEEP] = "accuracy",
    round_size: Annotated[Positive, SWEEP] = 16,
    confirm: Annotated[Count, SWEEP] = 3,
    storage: Annotated[Name | None, SWEEP] = None,
    study_name: Annotated[Name | None, SWEEP] = None,
    as_json: Annotated[bool, Parameter(name="--json")] = False,
    model: ModelOptions = ModelOptions(),
    data: DataName = "digits",
    images: SplitOptions = SplitOptions(),
    recipe: RecipeOptions = RecipeOptions(),
    run: ProcessOptions = ProcessOptions(),
    spread: SpreadOptions = SpreadOptions(),
) -> None:
    """Train a model with many settings, and find the best on validation images.

    If a trial cannot be trained, the others go on. The command names the trial at its end, and its
    exit code is 2.

    Args:
        name: A name from `zoo models`.
        weights: Trained weights from which each trial starts, by their name in `zoo weights`, such
            as `mnist`.
        vary: A setting and its values: a range `learning_rate=1e-5..1e-2:log`, or values
            `dropout=0,0.2,0.5`; may be repeated. Settings are those of recipes, of their random
            transforms (`cutmix`), of the optimiser (`momentum`), and of the model
            (`zoo describe MODEL`).
        trials: Number of trials; by default 16, or all combinations of a grid.
        sampler: How settings are proposed; by default `grid` if all have values, else `tpe`.
        pruner: Stop trials that are worse than others after some epochs.
        seeds: Train each trial with this number of seeds.
        metric: The score on the validation images that chooses.
        round_size: Trials that train together. The sampler learns between rounds.
        confirm: Train the best trial again with this number of fresh seeds, and judge it on the
            test split; 0 leaves this out.
        storage: Where Optuna keeps the study: `sqlite:///sweeps.db`, or a journal file; by default
            `study.db` in the run folder. optuna-dashboard opens it.
        study_name: Name of the study in the storage; by default that of the run folder.
        as_json: Print JSON instead of the table.
        model: How the model is built.
        data: Name of the data set.
        images: Which images to load.
        recipe: Changes to the model's recipe, for all trials.
        run: How the sweep runs.
        spread: Which trials train in other processes.
    """
    if name is None:
        raise missing_name("tune", run)
    if not vary:
        raise ArgumentError(
            "--vary must be given, for each setting that varies. Received: no --vary. Write, for "
            "example, --vary dropout=0,0.2,0.5."
        )
    check_words([name])
    check_weights(weights, model.arguments, None if name.endswith(".keras") else name)
    member, *others = members_from_words([name], model.arguments or [], recipe.change)
    if others or member.registered_name is None:
        raise ArgumentError(
            "NAME must be a name from `zoo models`, since each trial builds the model anew. "
            f"Received: {name!r}. `zoo models` lists the names."
        )
    if weights is not None:
        (member,) = with_weights([member], weights)
    loaded = images.load(data)
    start_tensorflow(verbose=not (run.quiet or as_json))
    import zoo
    from zoo.training.run_folder import free_folder, write_in_manifest
    from zoo.tuning.study import check_complete

    now = datetime.now().strftime("%Y%m%d-%H%M%S")
    folder = run.log_dir or Path("logs") / f"tune-{loaded.name}-{now}"
    if not run.resume:
        folder = free_folder(folder)
    command = json.loads(run.options_of_run)
    try:
        with spread.place():
            sweep = zoo.tune(
                member, loaded, dict(vary), trials=trials, round_size=round_size, sampler=sampler,
                pruner=pruner, seeds=seeds, metric=metric, seed=run.seed, storage=storage,
                study_name=study_name, log_dir=folder, resume=run.resume,
                callbacks=[lambda sweep: write_in_manifest(sweep.log_dir, command=command)],
                n_jobs=spread.n_jobs, verbose=0 if run.quiet else "auto",
            )  # fmt: skip
    except KeyboardInterrupt:
        if (folder / MANIFEST).is_file():
            print_note(f"Go on with: zoo tune --resume --log-dir {shlex.quote(str(folder))}")
        raise
    confirmation = None
    if confirm:
        shown = 0 if run.quiet else "auto"
        confirmation = sweep.confirm(loaded.test, seeds=confirm, verbose=shown)
    _report(sweep, confirmation, storage, as_json)
    check_complete(sweep.failed, folder)


def _report(
    sweep: Sweep, confirmation: Confirmation | None, storage: str | None, as_json: bool
) -> None:
    """Save the best model, the table and the pictures in the folder of the sweep, and print."""
    folder = sweep.log_dir
    values = sweep.to_dict()
    if confirmation is not None:
        values["confirmation"] = confirmation.to_dict()
    text = json_text(values, indent=2, default=str)
    best = folder / "best.keras"
    sweep.best.committee([0]).save(best)
    write_atomically(folder / "sweep.json", lambda path: path.write_text(text, "utf-8"))
    with errors_as_warnings("trials.png"):
        figure = sweep.plot_parallel_coordinates().get_figure(root=True)
        write_atomically(folder / "trials.png", figure.savefig)  # type: ignore[union-attr]
    for setting in sweep.names:
        with errors_as_warnings(f"{setting}.png"):
            if len({str(trial.parameters[setting]) for trial in sweep.trials}) > 1:
                figure = sweep.plot(setting).get_figure(root=True)
                write_atomically(folder / f"{setting}.png", figure.savefig)  # type: ignore[union-attr]
    if as_json:
        print(text)
        return
    print_table(sweep)
    if confirmation is not None:
        print_text(f"\n{confirmation}")
    print_text(f"\nSaved: {best}, and a picture for each setting in {folder}")
    storage = storage or f"sqlite:///{folder / 'study.db'}"
    print_text(f"All trials: optuna-dashboard {shlex.quote(storage)}")
