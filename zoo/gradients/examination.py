"""One target, examined part by part: what is found, in numbers and in words."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from zoo.errors import ArgumentError
from zoo.gradients.agreement import WITH_TWIN, Make, compare, loss_twin
from zoo.gradients.differences import Differences
from zoo.gradients.first_order import FirstOrder, analytic_gradients
from zoo.gradients.report import AgreementCheck, SecondOrderCheck, TensorCheck
from zoo.gradients.second_order import second_order
from zoo.gradients.subject import (
    Subject,
    compiled,
    first_line,
    is_all_twins,
    layer_subject,
    loss_subject,
    stops_gradient,
)


class Examination:
    """One target, checked in one or two modes; gathers what is found.

    Args:
        subject: What is checked.
        mode: `"full"` or `"fast"`.
        tolerance: Relative error that counts as right.
        limit: Elements of a tensor that the full mode checks.
        batch_size: Of the inputs.
        seed: Of directions and upstream gradient.

    Attributes:
        tensors: The first gradients.
        products: The second order.
        reference: What other precisions are compared with.
        compared: The agreement with that.
        findings: Faults, in words.
        notes: What was left out, and why.
    """

    def __init__(
        self,
        subject: Subject,
        mode: str,
        tolerance: float,
        limit: int,
        batch_size: int,
        seed: int,
    ) -> None:
        self.tensors: list[TensorCheck] = []
        self.products: list[SecondOrderCheck] = []
        self.reference = ""
        self.compared: list[AgreementCheck] = []
        self.findings: list[str] = []
        self.notes: list[str] = []
        self._subject = subject
        self._mode = mode
        self._tolerance = tolerance
        self._limit = limit
        self._batch_size = batch_size
        self._seed = seed
        self._upstream: list[np.ndarray] = []
        self._right = False
        self._stops = False

    def note_what_hides_faults(self) -> None:
        """Note where a fault would not show at this point."""
        plain = [
            name
            for name, value in zip(self._subject.names, self._subject.values, strict=True)
            if np.isin(value, (0, 1)).all()
        ]
        if plain:
            self.notes.append(
                f"All of {', '.join(plain)} is 0 or 1, where a factor that is forgotten may not "
                "show. A layer that is not built yet is checked with weights of its own."
            )
        if self._batch_size == 1:
            self.notes.append("With one sample, a forgotten factor of the batch size is 1.")

    def first_order(self, label: bool | None) -> None:
        """Check every tensor, in training, in inference, or (None) where there is no such thing."""
        training, where = bool(label), _where(label)
        # The same in both modes, so that what is wrong in one only is that mode's; other draws than
        # the inputs', which are no general upstream gradient.
        rng = np.random.default_rng([self._seed, 1])
        self._right = False
        subject, values = self._subject, self._subject.values
        forward = self._forward(training, where)
        outputs, again = (
            [np.asarray(y) for y in forward(list(map(tf.constant, values)))] for _ in range(2)
        )
        if not outputs:
            raise ArgumentError("The target has no floating-point output.")
        broken = any(np.any(y != np.round(y)) for y in outputs)  # whole numbers say nothing
        if broken and not any(map(_single, values)) and all(map(_single, outputs)):
            raise ArgumentError(
                "The target computes in float32 inside, even under the policy float64, so "
                "differences cannot tell a right gradient from a wrong one."
            )
        if not all(np.isfinite(y).all() for y in outputs):
            self.findings.append(f"outputs are not finite{where}, so they have no differences")
            return
        if not _same(outputs, again, 1e-12):
            self.findings.append(
                f"two passes with the same random state differ{where}, so differences say "
                "nothing: is there randomness without a SeedGenerator?"
            )
            return
        self._upstream = [rng.standard_normal(y.shape) for y in outputs]
        gradients = analytic_gradients(subject, self._upstream, training)
        self.findings += [f"{fault}{where}" for fault in gradients.faults]
        if not gradients.ways:
            return
        if any(not _same(outputs, seen, 1e-9) for seen in gradients.outputs):
            self.findings.append(f"outputs under a tape differ from those without{where}")
        first = FirstOrder(
            subject,
            Differences(forward, values, self._upstream, self._tolerance),
            self._mode,
            self._tolerance,
            self._limit,
            _factors(outputs, self._batch_size),
            rng,
        )
        found = [first.check(k, gradients, label) for k in range(len(values))]
        self.tensors += found
        self.notes += first.notes
        self._right = not any(one.problem for one in found)
        if not self._right and self._stops:
            self.notes.append(
                "The target stops gradients (tf.stop_gradient). Differences do not stop, so what "
                "it leaves out on purpose is found as wrong here."
            )

    def second_order(self, label: bool | None) -> None:
        """Check the second order where the first is right."""
        if not self._right:
            self.notes.append("Second order not checked, since the first is not right.")
            return
        try:
            self.products += second_order(
                self._subject,
                self._upstream,
                bool(label),
                label,
                10 * self._tolerance,
                np.random.default_rng([self._seed, 2]),
            )
        except Exception as error:
            self.notes.append(
                f"Second order{_where(label)} is not to be had: {type(error).__name__}: "
                f"{first_line(error)}"
            )

    def summarise(self, modes: Sequence[bool | None], *, count_second_order: bool) -> None:
        """Tell each tensor's fault once, with the mode where it is in one only."""
        self.findings += _summary(self.tensors, modes)
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
        """Compare with a twin, or with float64, in every precision and way to run."""
        layer, policies = self._subject.rebuilt, list(WITH_TWIN)

        def made(of: Any, *, as_keras: bool = False) -> Make:
            def make(policy: str) -> Subject:
                dtype = "float64" if policy == "float64" else "float32"
                cast = [x.astype(dtype) if x.dtype.kind == "f" else x for x in arrays]
                if layer is None:
                    return loss_subject(of, cast, names, policy)
                return layer_subject(of, cast, names, policy=policy, mask=mask, as_keras=as_keras)

            return make

        theirs = None
        if twin is not None:
            theirs, self.reference = made(twin), "the twin"
        elif layer is None and (keras_loss := loss_twin(target, *arrays)):
            theirs, self.reference = made(keras_loss), "the Keras twin"
        elif layer is not None and is_all_twins(layer):
            theirs, self.reference = made(layer, as_keras=True), "the Keras twin"
        elif self.findings:
            self.notes.append("Not compared in other precisions: it is not right in float64.")
            return
        else:
            self.reference = "float64"
        if layer is None and not isinstance(target, keras.losses.Loss):
            policies = ["float64", "float32"]  # a function has no policy
        if isinstance(target, keras.Model) and self.reference == "float64":
            policies = ["float64", "float32"]
            self.notes.append(
                "Not compared in half precision, where a deep network is all rounding."
            )
        if self._subject.random and self.reference != "the Keras twin":
            # Keras's layers and ours draw the same; others, and other precisions, need not.
            modes = [one for one in modes if not one]
            self.notes.append(f"Compared with {self.reference} in inference only: it is random.")
        try:
            ours = made(target if layer is None else layer)
            deep = isinstance(target, keras.Model)
            self.compared = list(
                compare(self._subject, ours, theirs, policies, modes, self._seed, deep=deep)
            )
        except Exception as error:
            self.notes.append(
                f"Not compared with {self.reference}: {type(error).__name__}: {first_line(error)}"
            )
            return
        for one in self.compared:
            where = f"against {self.reference}, {one.policy}, {one.execution}{_where(one.training)}"
            if one.problem:
                self.findings.append(f"{where}: {one.problem}")
            if one.note:
                self.notes.append(f"{where}: {one.note}")
        far = [one for one in self.compared if one.far and not one.problem and not one.note]
        if far:
            low = " and ".join(dict.fromkeys(one.policy for one in far))
            most = max(one.max_error or 0 for one in far)
            why = ", which is no nearer to float64" if theirs else ", by rounding or a fault there"
            self.notes.append(f"In {low} it is up to {most:.2g} from {self.reference}{why}.")

    def _forward(self, training: bool, where: str) -> Any:
        """The function whose differences are taken: a graph, or eager where that fails."""
        values = [tf.constant(value) for value in self._subject.values]
        try:
            graph = compiled(lambda values: self._subject.outputs(values, training), values)
            self._stops = stops_gradient(graph)
            return graph
        except Exception as error:
            self.findings.append(
                f"cannot run in a graph{where}: {type(error).__name__}: {first_line(error)}"
            )
            return lambda values: self._subject.outputs(values, training)


def _summary(
    checks: Sequence[TensorCheck] | Sequence[SecondOrderCheck], modes: Sequence[bool | None]
) -> list[str]:
    lines = []
    for name in dict.fromkeys(one.name for one in checks):
        wrong = {one.training: one.problem for one in checks if one.name == name and one.problem}
        if wrong:
            (mode, problem), *_ = wrong.items()
            only = f"; wrong only in {'training' if mode else 'inference'} mode"
            lines.append(f"{name}: {problem}{only if len(wrong) < len(modes) else ''}")
    return lines


def _factors(outputs: Sequence[np.ndarray], batch_size: int) -> dict[str, int]:
    """What a mean may have divided by."""
    shape = outputs[0].shape
    return {
        "the batch size": batch_size,
        "the number of features or classes": shape[-1] if shape else 1,
        "the number of positions": int(np.prod(shape[:-1])),
        "the number of elements": int(np.prod(shape)),
    }


def _same(one: Sequence[np.ndarray], other: Sequence[np.ndarray], tolerance: float) -> bool:
    return all(
        a.shape == b.shape and np.allclose(a, b, rtol=tolerance, atol=tolerance, equal_nan=True)
        for a, b in zip(one, other, strict=True)
    )


def _single(values: np.ndarray) -> bool:
    """Whether float32 would hold these values without loss."""
    return bool(np.all(values == values.astype("float32")))


def _where(label: bool | None) -> str:
    return {None: "", True: " (training)", False: " (inference)"}[label]
