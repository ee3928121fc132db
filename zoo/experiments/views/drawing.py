"""The figures of an experiment, as the reports drew them.

Each function draws a figure, and writes it beside `stem`, the beginning of the pictures' paths:
`seed-0` gives `seed-0-report.png`. The keyword-only arguments are the options in an experiment's
file. `member` names a member; without it all members are drawn.
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from zoo.experiments.published.confusion_figure import draw_beside
from zoo.experiments.views import backpropagation
from zoo.experiments.views.choices import TrainedSeed
from zoo.files import write_atomically


def draw_report(trained: TrainedSeed, stem: Path) -> None:
    """Draw accuracies, the confusion matrix, and precision, recall and F1 of each class."""
    committee, data = trained.committee, trained.data
    if committee is not None and data is not None and data.test is not None:
        report = committee.report(data.test)
        for suffix in ("png", "json", "md"):
            report.save(f"{stem}-report.{suffix}")


def draw_confusion(
    trained: TrainedSeed, stem: Path, *, member: str = "", published: Sequence[Any] = ()
) -> None:
    """Draw the confusion matrix on the test images, beside a published matrix if it is known.

    Args:
        trained: The trained networks.
        stem: The beginning of the pictures' paths.
        member: The member; empty takes all members.
        published: The matrix of the report, counts or percent, with a row for each true class.
    """
    from zoo.experiments.published.confusion import confusions

    if trained.committee is None or trained.test is None or trained.data is None:
        return
    counted = confusions(trained.committee, trained.data, ["test"])
    for name in [member] if member else trained.committee.member_names:
        figure = draw_beside(published, counted[name]["test"], trained.class_names)
        _save(figure, f"{stem}-confusion-{name}.png")


def draw_curves(trained: TrainedSeed, stem: Path) -> None:
    """Draw the loss and the accuracy after each epoch."""
    from zoo.inspect import learning_curves

    _save(learning_curves(trained.run).plot(), f"{stem}-curves.png")


def draw_samples(trained: TrainedSeed, stem: Path, *, samples: int = 10) -> None:
    """Draw some training images of each class, their mean, and the sizes of the splits."""
    if trained.data is not None:
        trained.data.show(f"{stem}-samples.png", samples=samples)


def draw_weights(trained: TrainedSeed, stem: Path, *, member: str = "") -> None:
    """Draw the weights of the first layer as images."""
    from zoo.inspect import weights

    for name, model in trained.models(member).items():
        kernels = weights(model)
        names = trained.class_names if len(kernels.units) == model.output.shape[-1] else None
        _save(kernels.plot(names=names), f"{stem}-weights-{name}.png")


def draw_trajectories(
    trained: TrainedSeed,
    stem: Path,
    *,
    member: str,
    weights: Sequence[Sequence[Any]],
    learning_rate: float,
    momentum: Sequence[float] = (0.0, 0.9),
    offset: Sequence[float] = (-2.0, 2.0),
    steps: int = 20,
    images: int = 1000,
) -> None:
    """Draw the loss over two weights, and the paths of gradient descent with and without momentum.

    Args:
        trained: The trained networks.
        stem: The beginning of the picture's path.
        member: The member; all its other weights stay as trained.
        weights: The path and the place of each of the two weights.
        learning_rate: The learning rate of gradient descent on the mean loss.
        momentum: The momentum of each path; 0 is plain gradient descent.
        offset: How far from the trained weights the paths begin.
        steps: The number of steps of each path.
        images: The number of training images.
    """
    import keras

    from zoo.inspect import descend, landscape
    from zoo.inspect.landscapes.planes import value_of

    if trained.data is None:
        return
    model = trained.models(member)[member]
    pair = [tuple(weight) for weight in weights]
    split = trained.data.train
    split = split.sample(min(images, len(split)), seed=trained.seed)
    optimizers = {
        f"momentum {value:g}" if value else "gradient descent": keras.optimizers.SGD(
            learning_rate, momentum=value
        )
        for value in momentum
    }
    first, second = (value_of(model, weight) + by for weight, by in zip(pair, offset, strict=True))
    paths = descend(model, split, pair, optimizers, start=(first, second), steps=steps)
    points = 5 if trained.quick else 31
    valley = landscape(model, split, weights=pair, trajectories=paths, points=points, verbose=0)
    _save(valley.plot(), f"{stem}-trajectories-{member}.png")


def draw_saliency(
    trained: TrainedSeed, stem: Path, *, member: str = "", method: str = "smooth_grad"
) -> None:
    """Draw on which pixels the answer rests, for a test image of each class.

    The image of a class is the first that the member classifies correctly, or else the first.
    """
    from zoo.inspect import explain

    test = trained.test
    if test is None:
        return
    for name, model in trained.models(member).items():
        few = test.sample(min(len(test), 500), seed=trained.seed)
        is_right = model.predict(few.images, verbose=0).argmax(-1) == few.labels
        order = np.argsort(~is_right, kind="stable")
        _, first = np.unique(few.labels[order], return_index=True)
        explained = explain(model, few.take(order[first]), method=method, verbose=0)
        _save(explained.plot(most=len(first)), f"{stem}-saliency-{name}.png")


def draw_filters(
    trained: TrainedSeed,
    stem: Path,
    *,
    member: str = "",
    convolutions: Sequence[int] = (),
    units: int = 32,
    steps: int = 128,
) -> None:
    """Draw for some units of each layer the image that makes the unit most active.

    Args:
        trained: The trained networks.
        stem: The beginning of the pictures' paths.
        member: The member; empty takes all members.
        convolutions: The numbers of convolutions, from 1; empty takes the last layer, which has a
            unit for each class.
        units: The number of units of each layer.
        steps: The number of steps of gradient ascent.
    """
    import keras

    from zoo.inspect import maximize

    for name, model in trained.models(member).items():
        found = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
        layers = {
            f"convolution-{k}": found[k - 1] for k in convolutions[: 1 if trained.quick else None]
        }
        for word, layer in (layers or {"classes": None}).items():
            count = layer.filters if layer else model.output.shape[-1]
            names = None if layer or count > units else trained.class_names
            numbers = range(min(count, units))
            taken = 2 if trained.quick else steps
            with warnings.catch_warnings():
                # The picture says which units stayed silent.
                warnings.simplefilter("ignore", UserWarning)
                maximized = maximize(model, layer, numbers, steps=taken, verbose=0)
            drawn = maximized.plot(names=names)
            _save(drawn, f"{stem}-filters-{name}-{word}.png")


def draw_mistakes(trained: TrainedSeed, stem: Path, *, member: str = "", most: int = 24) -> None:
    """Draw the test images that are classified wrongly, the most confident mistake first."""
    from zoo.inspect import mistakes

    if trained.test is None:
        return
    for name, model in trained.models(member).items():
        ranked = mistakes(model, trained.test)
        if len(ranked):
            _save(ranked.plot(most=most), f"{stem}-mistakes-{name}.png")


def draw_suspects(trained: TrainedSeed, stem: Path, *, most: int = 24) -> None:
    """Draw the test images whose labels are probably wrong, by the answers of all members.

    Test images that are training images too are left out: the members have learned their labels.
    """
    from zoo.inspect import label_suspects

    data = trained.data
    if trained.committee is None or data is None or data.test is None:
        return
    known = [split.digests for split in (data.train, data.validation) if split]
    rows = np.flatnonzero(~np.isin(data.test.digests, np.concatenate(known)))
    found = label_suspects(trained.committee, data.test.take(rows))
    # The numbers of the images are those in the test split.
    numbered = replace(found, indices=rows[found.indices], split=data.test)
    _save(numbered.plot(most=most), f"{stem}-suspects.png")


def draw_backpropagation(trained: TrainedSeed, stem: Path) -> None:
    """Draw the seconds of a gradient path by path, by Jacobians and by backpropagation."""
    sides = backpropagation.measure_sides(0 if trained.quick else 0.2)
    _save(backpropagation.draw(*sides), f"{stem}-backpropagation.png")


FIGURES: dict[str, Callable[..., None]] = {
    "report": draw_report,
    "confusion": draw_confusion,
    "curves": draw_curves,
    "samples": draw_samples,
    "weights": draw_weights,
    "trajectories": draw_trajectories,
    "saliency": draw_saliency,
    "filters": draw_filters,
    "mistakes": draw_mistakes,
    "suspects": draw_suspects,
    "backpropagation": draw_backpropagation,
}
"""Name of a figure → the function; its keyword-only arguments are the options."""


def _save(drawn: Any, path: str) -> None:
    """Write a figure, or the figure of axes, as PNG."""
    figure = getattr(drawn, "figure", drawn)
    write_atomically(path, lambda file: figure.savefig(file, format="png"))
