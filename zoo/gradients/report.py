"""What a check of gradients found: numbers, and a verdict in words."""

import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from zoo.gradients.differences import STEPS

EXECUTIONS = ("eager", "graph", "xla")
"""The ways to run that are compared."""


@dataclass(frozen=True)
class TensorCheck:
    """The gradient of one input or weight, in training or in inference.

    Attributes:
        name: Of the input, or the weight's path in its layer or model.
        role: `"input"` or `"weight"`.
        training: Training or inference; None where the target knows no difference.
        shape: Of the tensor.
        dtype: Of the gradient that came back; None for no gradient.
        checked: How many elements (full mode) or random directions (fast mode) were compared.
        size: How many elements the tensor has.
        kinks: How many of the checked were left out, because the two sides have other slopes.
        step: The step of the differences, best in the sweep.
        max_absolute_error: Largest |analytic − numeric|.
        max_relative_error: Largest |analytic − numeric| / max(|analytic|, |numeric|, floor); the
            floor is a thousandth of the tensor's largest slope, or what rounding leaves.
        index: Where the relative error is largest; None for directions.
        analytic: The analytic gradient there.
        numeric: The difference there.
        scale: The c that brings c · numeric closest to analytic, in least squares; None where
            all slopes are zero.
        sweep: For each of the steps 1e-1, 1e-2 … 1e-9 the relative error over random directions.
        problem: What is wrong, in words; empty if nothing is.
    """

    name: str
    role: str
    training: bool | None
    shape: tuple[int, ...]
    dtype: str | None
    checked: int
    size: int
    kinks: int
    step: float
    max_absolute_error: float | None = None
    max_relative_error: float | None = None
    index: tuple[int, ...] | None = None
    analytic: float | None = None
    numeric: float | None = None
    scale: float | None = None
    sweep: tuple[float, ...] = ()
    problem: str = ""


@dataclass(frozen=True)
class SecondOrderCheck:
    """A product of the Hessian with a random vector, against differences of first gradients.

    Attributes:
        name: Of the input or weight whose part of the product it is.
        training: Training or inference; None where the target knows no difference.
        max_relative_error: Largest error, as in `TensorCheck`; None where there was nothing.
        kinks: Elements left out.
        problem: What is wrong, in words.
    """

    name: str
    training: bool | None
    max_relative_error: float | None
    kinks: int
    problem: str = ""


@dataclass(frozen=True)
class AgreementCheck:
    """Outputs and gradients of one way to run, against the twin's or against float64.

    Attributes:
        training: Training or inference; None where the target knows no difference.
        policy: Keras dtype policy.
        execution: `"eager"`, `"graph"` or `"xla"`.
        max_error: Largest |a − b| of a tensor by the largest |b|, in half precision of their root
            mean squares; infinite for a gradient of None and the like; None where it cannot run.
        tolerance: What it may be in this precision.
        problem: What is wrong, in words.
        note: Why nothing could be compared, where that is no fault.
    """

    training: bool | None
    policy: str
    execution: str
    max_error: float | None
    tolerance: float
    problem: str = ""
    note: str = ""

    @property
    def far(self) -> bool:
        """Whether the error is above the tolerance."""
        return self.max_error is not None and not self.max_error <= self.tolerance


@dataclass(frozen=True)
class GradientReport:
    """What `zoo.gradcheck` found.

    Attributes:
        target: What was checked.
        mode: `"full"` or `"fast"`.
        batch_size: Of the inputs.
        seed: Of inputs, directions and upstream gradient.
        tolerance: Relative error that counts as right.
        tensors: A `TensorCheck` for each input and trainable weight, in each mode.
        second_order: A `SecondOrderCheck` for each of them; empty where it was not to be had.
        reference: What outputs and gradients are compared with in each precision and way to run:
            `"the Keras twin"`, `"the twin"` that was given, `"float64"`; empty for nothing.
        agreement: An `AgreementCheck` for each of these.
        findings: Every fault, in words.
        notes: What was left out, and why.

    Example:
        >>> import keras, zoo
        >>> report = zoo.gradcheck(keras.layers.Conv1D(2, 3), input_shape=(5, 1))
        >>> report.ok, report.findings
        (True, ())
        >>> [(one.name, one.shape) for one in report.tensors]
        [('input', (3, 5, 1)), ('kernel', (3, 1, 2)), ('bias', (2,))]
    """

    target: str
    mode: str
    batch_size: int
    seed: int
    tolerance: float
    tensors: tuple[TensorCheck, ...]
    second_order: tuple[SecondOrderCheck, ...]
    reference: str
    agreement: tuple[AgreementCheck, ...]
    findings: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings

    def verdict(self) -> str:
        """The result in a sentence, and every fault in one of its own."""
        kinks = sum(one.kinks for one in self.tensors)
        checked = sum(one.checked for one in self.tensors)
        what = "elements" if self.mode == "full" else "random directions"
        counted = f"{checked:,} {what}, {kinks:,} of them left out at kinks"
        if self.ok:
            return f"{self.target}: gradients agree with the differences in float64 ({counted})."
        faults = "\n".join(f"  - {finding}" for finding in self.findings)
        return f"{self.target}: WRONG ({counted}).\n{faults}"

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON values; what is no finite number is None."""
        values = {"ok": self.ok, "steps": STEPS, **asdict(self)}
        return _plain(values)

    def to_json(self) -> str:
        """The report as JSON text."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False, allow_nan=False)

    def __rich__(self) -> RenderableType:
        parts: list[RenderableType] = []
        for title, header, rows in self._tables():
            table = Table(box=None, padding=(0, 1, 0, 0))
            for column, name in enumerate(header):
                table.add_column(name, justify="right" if column else "left", overflow="fold")
            for row, wrong in rows:
                table.add_row(*map(Text, row), style="red" if wrong else "")
            parts += [Text(title, style="bold"), table, Text()]
        parts.append(Text(self.verdict(), style="" if self.ok else "red"))
        parts += [Text(f"Note: {note}") for note in self.notes]
        return Group(*parts)

    def __str__(self) -> str:
        console = Console(file=io.StringIO(), width=140, color_system=None)
        console.print(self)
        return console.file.getvalue()  # type: ignore[attr-defined]

    def _tables(self) -> list[tuple[str, list[str], list[tuple[list[str], bool]]]]:
        """Title, header, and rows as text with whether they are wrong."""
        tables = []
        for training in dict.fromkeys(one.training for one in self.tensors):
            rows = [one for one in self.tensors if one.training is training]
            where = {None: "", True: ", training", False: ", inference"}[training]
            header = ["", "shape", "checked", "kinks", "step", "abs.err", "rel.err", "at"]
            header += ["analytic", "numeric", "scale"]
            tables.append(
                (
                    f"{self.target}: gradients against central differences{where}",
                    header,
                    [(_tensor_row(one, self.mode), bool(one.problem)) for one in rows],
                )
            )
            tables.append(
                (
                    "Relative error over the step",
                    ["", *(f"{step:.0e}" for step in STEPS)],
                    [([one.name, *(f"{e:.0e}" for e in one.sweep)], False) for one in rows],
                )
            )
        if self.second_order:
            second = [
                (
                    [
                        one.name,
                        _mode(one.training),
                        _error(one.max_relative_error),
                        f"{one.kinks:,}",
                    ],
                    bool(one.problem),
                )
                for one in self.second_order
            ]
            title = "Second order: Hessian-vector products against differences of gradients"
            tables.append((title, ["", "mode", "rel. error", "kinks"], second))
        if self.agreement:
            title = f"Agreement with {self.reference}: the largest error of outputs and gradients"
            tables.append((title, ["", "mode", "allowed", *EXECUTIONS], self._agreement_rows()))
        return tables

    def _agreement_rows(self) -> list[tuple[list[str], bool]]:
        """One row a precision and mode, one column a way to run."""
        rows: dict[Any, dict[str, AgreementCheck]] = {}
        for one in self.agreement:
            key = one.policy, _mode(one.training), _error(one.tolerance)
            rows.setdefault(key, {})[one.execution] = one
        return [
            (
                [
                    *key,
                    *(_error(found[way].max_error if way in found else None) for way in EXECUTIONS),
                ],
                any(one.problem for one in found.values()),
            )
            for key, found in rows.items()
        ]


def _tensor_row(one: TensorCheck, mode: str) -> list[str]:
    checked = f"{one.checked:,}/{one.size:,}" if mode == "full" else f"{one.checked:,}"
    return [
        one.name,
        "×".join(map(str, one.shape)) or "scalar",
        checked,
        f"{one.kinks:,}",
        f"{one.step:.0e}",
        _error(one.max_absolute_error),
        _error(one.max_relative_error),
        "–" if one.index is None else ",".join(map(str, one.index)),
        _value(one.analytic),
        _value(one.numeric),
        "–" if one.scale is None else f"{one.scale:.4g}",
    ]


def _error(value: float | None) -> str:
    return "–" if value is None else f"{value:.1e}"


def _value(value: float | None) -> str:
    return "–" if value is None else f"{value:.5g}"


def _mode(training: bool | None) -> str:
    return {None: "–", True: "training", False: "inference"}[training]


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(part) for part in value]
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value
