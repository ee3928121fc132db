"""The checker of one target: calls each part of the check, and collects numbers and findings."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from zoo.errors import ArgumentError
from zoo.gradients.agreement import WITH_TWIN, MakeFunction, compare, loss_twin
from zoo.gradients.finite_differences import FiniteDifferences
from zoo.gradients.first_order import FirstOrder, analytic_gradients
from zoo.gradients.precision_copies import copy_of_layer, copy_of_loss
from zoo.gradients.pure_function import PureFunction, compiled, stops_gradient
from zoo.gradients.report import AgreementCheck, SecondOrderCheck, TensorCheck
from zoo.gradients.second_order import second_order
from zoo.layers.twins import consists_of_twins
from zoo.layers.unsafe_kernels import unsafe_layers
from zoo.text import first_line


@dataclass
class Checker:
    """Checks one target in training, in inference or both, and collects what is found.

    Args:
        function: The target as a pure function in float64.
        method: `"full"` or `"fast"`.
        tolerance: The largest relative error that counts as right.
        limit: How many elements of a tensor the full method checks.
        batch_size: How many samples the inputs hold.
        seed: Seed of the directions and of the upstream gradient.

    Attributes:
        tensors: Checks of the first-order gradients.
        products: Checks of the second-order gradients.
        reference: What other precisions are compared with.
        compared: Checks of the agreement with the reference.
        findings: Every fault, as a sentence.
        notes: What was left out, and why.
        unjudged: Every gradient that cannot be judged at this point, as a sentence.
    """

    function: PureFunction
    method: str
    tolerance: float
    limit: int
    batch_size: int
    seed: int
    tensors: list[TensorCheck] = field(default_factory=list)
    products: list[SecondOrderCheck] = field(default_factory=list)
    reference: str = ""
    compared: list[AgreementCheck] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    unjudged: list[str] = field(default_factory=list)
    _upstream: list[np.ndarray] = field(default_factory=list)
    _right: bool = False
    _stops: bool = False

    def note_hidden_faults(self) -> None:
        """Note why a fault might not show at this point."""
        plain = [
            name
            for name, value in zip(self.function.names, self.function.values, strict=True)
            if np.isin(value, (0, 1)).all()
        ]
        if plain:
            self.notes.append(
                f"All elements of {', '.join(plain)} are 0 or 1, where a forgotten factor may not "
                "show. Pass a layer that is not built yet: it is checked with random weights."
            )
        if self.batch_size == 1:
            self.notes.append("With one sample, a forgotten factor of the batch size is 1.")

    def first_order(self, mode: bool | None) -> None:
        """Check the gradient of every tensor.

        Args:
            mode: True for training, False for inference, None where there is no difference.
        """
        training, where = bool(mode), _where(mode)
        # The same draws in both modes, so that a fault in one mode belongs to that mode. They
        # differ from the draws of the inputs, which would be a special upstream gradient.
        rng = np.random.default_rng([self.seed, 1])
        self._right = False
        values = self.function.values
        forward = self._forward(training, where)
        outputs = self._checked_outputs(forward, where)
        if outputs is None:
            return
        self._upstream = [rng.standard_normal(y.shape) for y in outputs]
        gradients = analytic_gradients(self.function, self._upstream, training)
        self.findings += [f"{fault}{where}" for fault in gradients.faults]
        if not gradients.results:
            return
        if any(not _same(outputs, under_tape, 1e-9) for under_tape in gradients.outputs):
            self.findings.append(f"outputs under a tape differ from outputs without a tape{where}")
        first = FirstOrder(
            self.function,
            FiniteDifferences(forward, values, self._upstream, self.tolerance),
            self.method,
            self.tolerance,
            self.limit,
            _factors(outputs, self.batch_size),
            rng,
        )
        found = [first.check(k, gradients, mode) for k in range(len(values))]
        self.tensors += found
        self.notes += first.notes
        self._right = not any(check.problem for check in found)
        if not self._right and self._stops:
            self.notes.append(
                "The target stops gradients (tf.stop_gradient). Finite differences do not stop, so "
                "a gradient that the target leaves out on purpose counts as wrong here."
            )

    def second_order(self, mode: bool | None) -> None:
        """Check the second-order gradients where the first-order gradients are right."""
        if not self._right:
            self.notes.append("Second order not checked, since the first order is not right.")
            return
        try:
            self.products += second_order(
                self.function,
                self._upstream,
                mode,
                10 * self.tolerance,
                np.random.default_rng([self.seed, 2]),
            )
        except Exception as error:
            self.notes.append(
                f"Second order{_where(mode)} cannot be computed: {type(error).__name__}: "
                f"{first_line(error)}"
            )

    def summarise(self, modes: Sequence[bool | None], *, count_second_order: bool) -> None:
        """Report each tensor's fault once, with the mode if it is wrong in only one mode."""
        self.findings += _summary(self.tensors, modes)
        self.unjudged += _summary(self.tensors, modes, "unjudged", "not judged")
        second = _summary(self.products, modes)
        if count_second_order:
            self.findings += second
        else:
            self.notes += second

    def agreement(
        self,
        target: Any,
        twin: Any,
        arrays: Sequence[np.ndarray],
        names: Sequence[str],
        mask: Any,
        modes: Sequence[bool | None],
    ) -> None:
        """Compare with a twin, or with float64, in every precision and way to run.

        Args:
            target: The layer, model or loss that is checked.
            twin: A layer, model or loss that should behave the same, or None.
            arrays: The inputs.
            names: Their names.
            mask: The `mask` argument of the layer's call, or None.
            modes: The modes to compare in.
        """
        layer, policies = self.function.layer, list(WITH_TWIN)

        def maker(source: Any, *, as_keras: bool = False) -> MakeFunction:
            def make(policy: str) -> PureFunction:
                dtype = "float64" if policy == "float64" else "float32"
                cast = [x.astype(dtype) if x.dtype.kind == "f" else x for x in arrays]
                if layer is None:
                    return copy_of_loss(source, cast, names, policy)
                return copy_of_layer(
                    source, cast, names, policy=policy, mask=mask, as_keras=as_keras
                )

            return make

        make_twin = None
        if twin is not None:
            make_twin, self.reference = maker(twin), "the twin"
        elif layer is None and (keras_loss := loss_twin(target, *arrays)):
            make_twin, self.reference = maker(keras_loss), "the Keras twin"
        elif layer is not None and consists_of_twins(layer):
            make_twin, self.reference = maker(layer, as_keras=True), "the Keras twin"
        elif self.findings:
            self.notes.append("Not compared in other precisions, since it is wrong in float64.")
            return
        else:
            self.reference = "float64"
        deep = isinstance(target, keras.Model)
        if layer is None and not isinstance(target, keras.losses.Loss):
            policies = ["float64", "float32"]  # a function has no policy
        if deep and self.reference == "float64":
            policies = ["float64", "float32"]
            self.notes.append(
                "Not compared in half precision, in which a deep network only rounds."
            )
        if self.function.random and self.reference != "the Keras twin":
            # Layers of Zoo draw the same numbers as Keras's. Others, and other precisions, do not.
            modes = [mode for mode in modes if not mode]
            self.notes.append(
                f"Compared with {self.reference} in inference only, since training is random."
            )
        try:
            make_checked = maker(target if layer is None else layer)
            if unsafe := self._unsafe_layers(make_twin if twin is not None else None):
                policies = [policy for policy in policies if policy != "float32"]
                self.notes.append(
                    "Not compared in float32, in which TensorFlow computes the gradient of a "
                    f"strided 1×1 convolution of few channels outside of memory: {unsafe}."
                )
            self.compared = list(
                compare(
                    self.function, make_checked, make_twin, policies, modes, self.seed, deep=deep
                )
            )
        except Exception as error:
            self.notes.append(
                f"Not compared with {self.reference}: {type(error).__name__}: {first_line(error)}"
            )
            return
        self._report_agreement(has_twin=make_twin is not None)

    def _unsafe_layers(self, make_twin: MakeFunction | None) -> str:
        """Name the layers, checked or of a twin, whose gradient in float32 ends Python."""
        found: list[str] = []
        if self.function.layer is not None:
            as_keras = self.reference == "the Keras twin"
            found += unsafe_layers(self.function.layer, precision="float32", as_keras=as_keras)
        if make_twin and (twin := make_twin("float32").layer) is not None:
            found += unsafe_layers(twin)
        return ", ".join(found)

    def _report_agreement(self, *, has_twin: bool) -> None:
        """Turn the checks of the agreement into findings and notes."""
        for check in self.compared:
            where = (
                f"against {self.reference}, {check.policy}, {check.execution}"
                f"{_where(check.training)}"
            )
            if check.problem:
                self.findings.append(f"{where}: {check.problem}")
            if check.note:
                self.notes.append(f"{where}: {check.note}")
        far = [
            check for check in self.compared if check.far and not check.problem and not check.note
        ]
        if far:
            policies = " and ".join(dict.fromkeys(check.policy for check in far))
            largest = max(check.max_error or 0 for check in far)
            reason = "by rounding" if has_twin else "by rounding or a fault"
            self.notes.append(
                f"In {policies} the largest difference from {self.reference} is {largest:.2g}, "
                f"{reason}: smaller faults cannot be judged here, because the target magnifies "
                "rounding. Use a larger batch to see them."
            )

    def _forward(self, training: bool, where: str) -> Any:
        """Make the function whose differences are taken: a graph, or eager where tracing fails."""
        values = [tf.constant(value) for value in self.function.values]
        try:
            graph = compiled(lambda values: self.function.outputs(values, training), values)
            self._stops = stops_gradient(graph)
            return graph
        except Exception as error:
            self.findings.append(
                f"cannot run in a graph{where}: {type(error).__name__}: {first_line(error)}"
            )
            return lambda values: self.function.outputs(values, training)

    def _checked_outputs(self, forward: Any, where: str) -> list[np.ndarray] | None:
        """Compute the outputs, or give None after a finding that rules out differences."""
        values = self.function.values
        outputs, again = (
            [np.asarray(y) for y in forward(list(map(tf.constant, values)))] for _ in range(2)
        )
        if not outputs:
            raise ArgumentError(
                "The target must have a floating-point output. Received: a target without one. "
                "Its gradients cannot be checked."
            )
        # Outputs that are whole numbers say nothing about the precision.
        fractions = any(np.any(y != np.round(y)) for y in outputs)
        if fractions and not any(map(_fits_float32, values)) and all(map(_fits_float32, outputs)):
            raise ArgumentError(
                "The target must compute in float64 under the policy float64, since differences in "
                "float32 cannot tell a right gradient from a wrong gradient. Received: a target "
                "that computes in float32 inside. Remove the cast to float32."
            )
        if not all(np.isfinite(y).all() for y in outputs):
            self.findings.append(f"outputs are not finite{where}, so they have no differences")
            return None
        if not _same(outputs, again, 1e-12):
            self.findings.append(
                f"two passes with the same random state differ{where}, so differences say "
                "nothing: is there randomness without a SeedGenerator?"
            )
            return None
        return outputs


def _summary(
    checks: Sequence[TensorCheck] | Sequence[SecondOrderCheck],
    modes: Sequence[bool | None],
    attribute: str = "problem",
    what: str = "wrong",
) -> list[str]:
    """Write a sentence for each tensor with a problem, from that attribute of its checks."""
    problems: dict[str, dict[bool | None, str]] = {}
    for check in checks:
        if problem := getattr(check, attribute):
            problems.setdefault(check.name, {})[check.training] = problem
    lines = []
    for name, by_mode in problems.items():
        (mode, problem), *_ = by_mode.items()
        only = f"; {what} only in {'training' if mode else 'inference'} mode"
        lines.append(f"{name}: {problem}{only if len(by_mode) < len(modes) else ''}")
    return lines


def _factors(outputs: Sequence[np.ndarray], batch_size: int) -> dict[str, int]:
    """Numbers that a mean may have divided by, by name."""
    shape = outputs[0].shape
    return {
        "the batch size": batch_size,
        "the number of features or classes": shape[-1] if shape else 1,
        "the number of positions": int(np.prod(shape[:-1])),
        "the number of elements": int(np.prod(shape)),
    }


def _same(first: Sequence[np.ndarray], second: Sequence[np.ndarray], tolerance: float) -> bool:
    return all(
        a.shape == b.shape and np.allclose(a, b, rtol=tolerance, atol=tolerance, equal_nan=True)
        for a, b in zip(first, second, strict=True)
    )


def _fits_float32(values: np.ndarray) -> bool:
    """Whether float32 would hold these values without loss."""
    return bool(np.all(values == values.astype("float32")))


def _where(mode: bool | None) -> str:
    return {None: "", True: " (training)", False: " (inference)"}[mode]
