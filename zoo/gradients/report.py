"""The report of a gradient check: numbers, and a verdict in words."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from zoo.gradients.finite_differences import STEPS
from zoo.text import as_plain_text, json_text, terminal_text

EXECUTIONS = ("eager", "graph", "xla")
"""The ways to run a function that are compared."""


@dataclass(frozen=True)
class TensorCheck:
    """The gradient of one input or weight, in training or in inference.

    Attributes:
        name: Name of the input, or path of the weight in its layer or model.
        role: `"input"` or `"weight"`.
        training: True for training, False for inference, None where there is no difference.
        shape: Shape of the tensor.
        dtype: Dtype of the gradient, or None if there is no gradient.
        checked: How many elements (full mode) or random directions (fast mode) were compared.
        size: How many elements the tensor has.
        kinks: How many of the checked were left out, because the slopes on the two sides differ.
        step: The best step of the sweep, with which the differences were measured.
        max_absolute_error: Largest |analytic − numeric|.
        max_relative_error: Largest |analytic − numeric| / max(|analytic|, |numeric|, floor). The
            floor is a thousandth of the tensor's largest slope, or the size of the rounding.
        index: Index of the largest relative error, or None for directions.
        analytic: The analytic gradient at this index.
        numeric: The difference at this index.
        scale: The c for which c · numeric is closest to analytic, in least squares, or None if
            all slopes are zero.
        sweep: The relative error over random directions for each of the steps 1e-1, 1e-2 … 1e-9.
        problem: The fault in words, or an empty string.
        unjudged: The reason why the gradient cannot be judged at this point, or an empty string.
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
    unjudged: str = ""


@dataclass(frozen=True)
class SecondOrderCheck:
    """A product of the Hessian and a random vector, against differences of first-order gradients.

    Attributes:
        name: Name of the input or weight whose part of the product was compared.
        training: True for training, False for inference, None where there is no difference.
        max_relative_error: Largest error, as in `TensorCheck`, or None if nothing was compared.
        kinks: How many elements were left out.
        problem: The fault in words, or an empty string.
    """

    name: str
    training: bool | None
    max_relative_error: float | None
    kinks: int
    problem: str = ""


@dataclass(frozen=True)
class AgreementCheck:
    """Outputs and gradients of one way to run, against those of the twin or of float64.

    Attributes:
        training: True for training, False for inference, None where there is no difference.
        policy: Keras dtype policy.
        execution: `"eager"`, `"graph"` or `"xla"`.
        max_error: Largest |a − b| of a tensor divided by the largest |b|; in half precision, the
            ratio of their root mean squares. Infinite if a gradient is None or has a wrong shape.
            None if the target cannot run this way.
        tolerance: The largest error that counts as right in this precision.
        problem: The fault in words, or an empty string.
        note: The reason why nothing was compared, where this is not a fault.
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
    """The report of `zoo.gradcheck`.

    Attributes:
        target: Name of the checked layer, model or loss.
        mode: `"full"` or `"fast"`.
        batch_size: How many samples the inputs hold.
        seed: Seed of inputs, directions and upstream gradient.
        tolerance: The largest relative error that counts as right.
        tensors: A `TensorCheck` for each input and trainable weight, in training and inference.
        second_order: A `SecondOrderCheck` for each of them, or nothing where it was not computed.
        reference: The name of the reference for outputs and gradients in each precision and way to
            run: `"the Keras twin"`, `"the twin"` that was given, or `"float64"`. Empty if nothing
            was compared.
        agreement: An `AgreementCheck` for each precision, way to run and mode.
        findings: Every fault, as a sentence.
        notes: What was left out, and why.
        unjudged: Every gradient that cannot be judged at this point, with the reason and a remedy.

    Example:
        >>> import keras, zoo
        >>> report = zoo.gradcheck(keras.layers.Conv1D(2, 3), input_shape=(5, 1))
        >>> report.ok, report.findings
        (True, ())
        >>> [(check.name, check.shape) for check in report.tensors]
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
    unjudged: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether every gradient could be judged, and no fault was found."""
        return not self.findings and not self.unjudged

    def verdict(self) -> str:
        """Say the result in a sentence, and each fault in a line."""
        kinks = sum(check.kinks for check in self.tensors)
        checked = sum(check.checked for check in self.tensors)
        unit = "elements" if self.mode == "full" else "random directions"
        counted = f"{checked:,} {unit}, {kinks:,} of them left out at kinks"
        if self.ok:
            return f"{self.target}: gradients agree with the differences in float64 ({counted})."
        lines = "".join(f"\n  - {line}" for line in [*self.findings, *self.unjudged])
        result = "WRONG" if self.findings else "NOT JUDGED in full, and nothing wrong was found"
        return f"{self.target}: {result} ({counted}).{lines}"

    def to_dict(self) -> dict[str, Any]:
        """Give the report as JSON values. A number that is not finite becomes None."""
        values = {"ok": self.ok, "steps": STEPS, **asdict(self)}
        return _plain(values)

    def to_json(self) -> str:
        """Give the report as JSON text."""
        return json_text(self.to_dict(), indent=2, allow_nan=False)

    def __rich__(self) -> RenderableType:
        parts: list[RenderableType] = []
        for training in dict.fromkeys(check.training for check in self.tensors):
            parts += self._tensor_tables(training)
        if self.second_order:
            rows = [
                ([c.name, _mode(c.training), _error(c.max_relative_error), f"{c.kinks:,}"], c)
                for c in self.second_order
            ]
            title = "Second order: Hessian-vector products against differences of gradients"
            parts += _table(title, ["", "mode", "rel. error", "kinks"], rows)
        if self.agreement:
            title = f"Agreement with {self.reference}: the largest error of outputs and gradients"
            parts += _table(title, ["", "mode", "allowed", *EXECUTIONS], self._agreement_rows())
        parts.append(terminal_text(self.verdict(), style="" if self.ok else "red"))
        parts += [terminal_text(f"Note: {note}") for note in self.notes]
        return Group(*parts)

    def __str__(self) -> str:
        return as_plain_text(self, width=140)

    def _tensor_tables(self, training: bool | None) -> list[RenderableType]:
        """Draw the tables of the first-order gradients in training or inference."""
        checks = [check for check in self.tensors if check.training is training]
        where = "" if training is None else f", {_mode(training)}"
        header = ["", "shape", "checked", "kinks", "step", "abs.err", "rel.err", "at"]
        header += ["analytic", "numeric", "scale"]
        return [
            *_table(
                f"{self.target}: gradients against central differences{where}",
                header,
                [(_tensor_row(check, self.mode), check) for check in checks],
            ),
            *_table(
                "Relative error over the step",
                ["", *(f"{step:.0e}" for step in STEPS)],
                [([check.name, *(f"{e:.0e}" for e in check.sweep)], None) for check in checks],
            ),
        ]

    def _agreement_rows(self) -> Iterator[tuple[list[str], AgreementCheck]]:
        """Give a row for each precision and mode, with a column for each way to run."""
        rows: dict[Any, dict[str, AgreementCheck]] = {}
        for check in self.agreement:
            key = check.policy, _mode(check.training), _error(check.tolerance)
            rows.setdefault(key, {})[check.execution] = check
        for key, checks in rows.items():
            errors = {way: check.max_error for way, check in checks.items()}
            worst = max(checks.values(), key=lambda check: bool(check.problem))
            yield [*key, *(_error(errors.get(way)) for way in EXECUTIONS)], worst


def _table(
    title: str, header: Sequence[str], rows: Iterable[tuple[list[str], Any]]
) -> list[RenderableType]:
    """Draw a table from the cells of each row and its check; a check with a problem is red."""
    table = Table(box=None, padding=(0, 1, 0, 0))
    for column, name in enumerate(header):
        table.add_column(name, justify="right" if column else "left", overflow="fold")
    for cells, check in rows:
        table.add_row(*map(terminal_text, cells), style="red" if check and check.problem else "")
    return [terminal_text(title, style="bold"), table, Text()]


def _tensor_row(check: TensorCheck, mode: str) -> list[str]:
    checked = f"{check.checked:,}/{check.size:,}" if mode == "full" else f"{check.checked:,}"
    return [
        check.name,
        "×".join(map(str, check.shape)) or "scalar",
        checked,
        f"{check.kinks:,}",
        f"{check.step:.0e}",
        _error(check.max_absolute_error),
        _error(check.max_relative_error),
        "–" if check.index is None else ",".join(map(str, check.index)),
        _value(check.analytic),
        _value(check.numeric),
        "–" if check.scale is None else f"{check.scale:.4g}",
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
