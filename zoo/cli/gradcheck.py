"""The command `zoo gradcheck`."""

import os
from typing import Annotated, Literal

from cyclopts import Parameter

from zoo.cli.application import app
from zoo.cli.console import print_table, start_tensorflow
from zoo.cli.words.values import Arguments, Modules, Seed, Shapes
from zoo.text import json_text


@app.command
def gradcheck(
    *names: str,
    mode: Literal["full", "fast"] | None = None,
    gradients: Literal["handwritten", "auto"] = "handwritten",
    input_shape: Shapes | None = None,
    arguments: Annotated[Arguments | None, Parameter(name="--set")] = None,
    modules: Modules | None = None,
    second_order: bool = False,
    seed: Seed = 0,
    as_json: Annotated[bool, Parameter(name="--json")] = False,
) -> int:
    """Check gradients against differences; exit code 1 if one is wrong or cannot be judged.

    Without a name: all of zoo.layers and zoo.losses. Models are built for 3 classes and for the
    smallest of some image sizes that they take, 8 pixels upwards; layers for small inputs. That
    is changed by `--input-shape 48,48,1 --set num_classes=7`.

    Args:
        names: Models of `zoo models`, layers such as `Dense`, or losses.
        mode: Check every element, or random directions; by default by size.
        gradients: `handwritten` takes Zoo's layers where there are any, `auto` Keras's.
        input_shape: Such as `48,48,1`, without the batch; once for each input.
        arguments: An argument of the layer or model: `groups=2`, `padding=same`; may be repeated.
        modules: Import a module of yours first, which registers models or layers: `my_models`, or
            `./my_models.py`; may be repeated.
        second_order: A wrong second-order gradient is a fault too.
        seed: Seed of weights, inputs and directions.
        as_json: Print the reports as JSON.

    Returns:
        The exit code.
    """
    # XLA compiles every network several times. Its last stage, LLVM, takes half of that time to
    # make code fast that runs once here.
    os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")
    start_tensorflow(verbose=not as_json)
    from zoo.gradients import catalogue
    from zoo.gradients import gradcheck as check

    targets = [
        catalogue.target(name, gradients, seed, input_shape or [], dict(arguments or []))
        for name in names or catalogue.own_gradients()
    ]
    reports = []
    for target, point in targets:
        report = check(target, **point, mode=mode, second_order=second_order or None, seed=seed)
        reports.append(report)
        if not as_json:
            # The tables are wide: a terminal may wrap them, but they are not squeezed.
            print_table(report, least=110)
            print()
    ok = all(report.ok for report in reports)
    if as_json:
        values = {"ok": ok, "reports": [report.to_dict() for report in reports]}
        print(json_text(values, indent=2))
    return 0 if ok else 1
