"""Measurements of an experiment beside accuracies: gradients, dead units, costs of a gradient."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from zoo.errors import ArgumentError
from zoo.experiments.views import backpropagation
from zoo.experiments.views.choices import TrainedSeed

HEADER = ("", "measured", "here", "bound", "on", "verdict")


@dataclass(frozen=True)
class Measurement:
    """A value that was measured, with its unit.

    Attributes:
        subject: What was measured, such as a layer.
        quantity: The name of the quantity.
        value: The value; None if there is none.
        unit: The unit; empty for a ratio.
        bound: The largest value that counts as right, or None.
        basis: How many things the value was measured on.
        verdict: What the value says, in a word or two; empty if there is no bound.
    """

    subject: str
    quantity: str
    value: float | None
    unit: str = ""
    bound: float | None = None
    basis: str = ""
    verdict: str = ""

    @property
    def cells(self) -> list[str]:
        """The cells of the table below `HEADER`."""
        here = "–"
        if self.value is not None:
            here = f"{self.value:{',.0f' if self.value >= 100 else '.3g'}} {self.unit}".strip()
        bound = "–" if self.bound is None else f"{self.bound:.3g}"
        return [self.subject, self.quantity, here, bound, self.basis, self.verdict or "–"]


def measure_gradients(
    trained: TrainedSeed,
    *,
    member: str = "",
    targets: Sequence[str] = (),
    arguments: Mapping[str, Any] | None = None,
    images: int = 20,
    elements: int = 500,
) -> list[Measurement]:
    """Compare gradients with finite differences in float64, by `zoo.gradcheck`.

    Args:
        trained: The trained networks.
        member: A member, whose loss on training images is checked at the trained weights.
        targets: Names of layers and losses with hand-written gradients.
        arguments: Arguments of the layers and losses.
        images: The number of training images for a member.
        elements: The number of elements of each weight that are checked, each by itself. In a quick
            run a few random directions are checked instead.

    Returns:
        For each weight of the member, or for each target, the largest relative error.
    """
    if bool(member) == bool(targets):
        raise ArgumentError(
            "The measurement of gradients must have a member or targets. Received: "
            f"{'both' if member else 'neither'}. Correct the file."
        )
    if targets:
        return [_gradients_of_target(name, arguments or {}, trained.seed) for name in targets]
    return _gradients_of_member(trained, member, images, elements)


def _gradients_of_target(name: str, arguments: Mapping[str, Any], seed: int) -> Measurement:
    """Check a layer or a loss of Zoo."""
    from zoo.gradients import gradcheck
    from zoo.gradients.catalogue import target

    checked, where = target(name, "handwritten", seed, arguments=arguments)
    report = gradcheck(checked, **where, twin=False, second_order=False, seed=seed)
    options = ", ".join(f"{key} {value}" for key, value in arguments.items())
    return _largest_error(f"{name}, {options}" if options else name, report.tensors, report)


def _gradients_of_member(
    trained: TrainedSeed, member: str, images: int, elements: int
) -> list[Measurement]:
    """Check the loss of a trained member on training images, at the trained weights."""
    import keras

    from zoo.gradients import gradcheck

    if trained.data is None:
        return []
    split = trained.data.train
    split = split.sample(min(images, len(split)), seed=trained.seed)
    model = trained.models(member)[member]
    labels = keras.Input((), dtype="int32", name="labels")
    loss = keras.ops.sparse_categorical_crossentropy(labels, model.output)
    report = gradcheck(
        keras.Model([model.input, labels], loss),
        inputs=[split.images.astype("float64"), split.labels.astype("int32")],
        mode="fast" if trained.quick else "full",
        limit=elements,
        twin=False,
        second_order=False,
        seed=trained.seed,
    )
    weights = [check for check in report.tensors if check.role == "weight"]
    return [
        _largest_error(f"{member}: {name}", [check for check in weights if check.name == name],
                       report, f", {len(split)} images")
        for name in dict.fromkeys(check.name for check in weights)
    ]  # fmt: skip


def _largest_error(subject: str, checks: Iterable[Any], report: Any, more: str = "") -> Measurement:
    """Give the largest relative error of the gradients of some tensors."""
    checks = list(checks)
    errors = [check.max_relative_error for check in checks if check.max_relative_error is not None]
    slopes = sum(check.checked - check.kinks for check in checks)
    is_wrong = any(check.problem for check in checks)
    if not checks:
        is_wrong = bool(report.findings)
    word = "wrong" if is_wrong else "right" if errors else "not judged"
    return Measurement(
        subject=subject,
        quantity="largest relative error",
        value=max(errors, default=None),
        bound=report.tolerance,
        basis=f"{slopes:,} slopes{more}",
        verdict=word,
    )


def measure_dead_units(trained: TrainedSeed, *, member: str = "") -> list[Measurement]:
    """Count the units of each rectified layer that are active on no test image.

    Args:
        trained: The trained networks.
        member: The member; empty takes all members.

    Returns:
        For each layer the number of dead units.
    """
    from zoo.inspect import dead_units

    test = trained.data and trained.data.test
    if test is None:
        return []
    rows = []
    for name, model in trained.models(member).items():
        found = dead_units(model, test, verbose=0)
        for layer in found.layers:
            basis = f"{len(layer.shares):,} units, {found.images:,} test images"
            count = float(layer.dead.sum())
            subject = f"{name}: {layer.layer}"
            rows.append(Measurement(subject, "active on no image", count, "units", basis=basis))
    return rows


def measure_backpropagation(
    trained: TrainedSeed, *, sizes: Sequence[Sequence[int]]
) -> list[Measurement]:
    """Time a gradient path by path, by Jacobians and by backpropagation, and count its products.

    Args:
        trained: The seed; in a quick run each number takes less time.
        sizes: Pairs of the number of layers and the number of units of a layer.

    Returns:
        For each size and way the milliseconds for a single sample.
    """
    rows = []
    for depth, width in sizes:
        for way in backpropagation.WAYS:
            taken = backpropagation.seconds(way, depth, width, 0 if trained.quick else 0.5)
            count = backpropagation.products(way, depth, width)
            rows.append(
                Measurement(
                    subject=f"{depth} layers of {width} units: {way}",
                    quantity="time of a sample",
                    value=None if math.isnan(taken) else 1000 * taken,
                    unit="ms",
                    basis=f"{count:,} products" if count < 1e9 else f"{count:.2g} products",
                    verdict="too many paths" if math.isnan(taken) else "",
                )
            )
    return rows


MEASUREMENTS: dict[str, Callable[..., list[Measurement]]] = {
    "gradients": measure_gradients,
    "dead_units": measure_dead_units,
    "backpropagation": measure_backpropagation,
}
"""Name of a measurement → the function; its keyword-only arguments are the options."""
