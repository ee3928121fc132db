"""Stacking: a logistic regression on the logarithms of the members' probabilities.

This is the rule `"stacking"`. `zoo.ensembles.stacking` learns the coefficients, and this module
applies them.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zoo.ensembles.checks import checked_probabilities, logarithms
from zoo.ensembles.combining.definition import Definition
from zoo.errors import ArgumentError
from zoo.metrics import LEAST_PROBABILITY


def stacked_probabilities(
    probabilities: ArrayLike, coefficients: ArrayLike, intercept: ArrayLike
) -> NDArray[np.float64]:
    """Combine the members by learned coefficients.

    The logit of class k is intercept_k + Σ_m Σ_c coefficient_kmc log p_mc.

    Args:
        probabilities: float [members, n, classes].
        coefficients: float [classes, members, classes].
        intercept: float [classes].

    Returns:
        float64 [n, classes]; rows sum to 1.

    Raises:
        ArgumentError: The probabilities are not as described.

    Example:
        >>> believe_the_member = [[[1.0, 0.0]], [[0.0, 1.0]]]
        >>> stacked_probabilities([[[0.9, 0.1]]], believe_the_member, [0.0, 0.0]).round(3)
        array([[0.9, 0.1]])
    """
    from scipy.special import softmax  # imported here, since the import is slow

    features = logarithms(checked_probabilities(probabilities))
    logits = np.einsum("kmc,mnc->nk", np.asarray(coefficients), features)
    return softmax(logits + np.asarray(intercept), axis=1)


def _on_tensors(probabilities: Any, coefficients: Any, intercept: Any) -> Any:
    from keras import ops

    coefficients, intercept = (
        ops.convert_to_tensor(np.asarray(values), probabilities.dtype)
        for values in (coefficients, intercept)
    )
    features = ops.log(ops.maximum(probabilities, LEAST_PROBABILITY))
    return ops.softmax(ops.einsum("kmc,mnc->nk", coefficients, features) + intercept)


def _check_shapes(members: int, num_classes: int | None, coefficients: Any, intercept: Any) -> None:
    shape, constants = np.shape(coefficients), np.shape(intercept)
    classes = shape[0] if num_classes is None else num_classes
    if shape != (classes, members, classes) or constants != (classes,):
        raise ArgumentError(
            "coefficients must be [classes, members, classes] and intercept [classes], for "
            f"{members} members. Received: {shape} and {constants}. Learn them for these members "
            "with zoo.ensembles.stack."
        )


DEFINITION = Definition(
    "stacking",
    stacked_probabilities,
    _on_tensors,
    parameters=("coefficients", "intercept"),
    description=(
        "a logistic regression on their probabilities for images that they were not trained on"
    ),
    learned_by="zoo.ensembles.stack",
    check_learned=_check_shapes,
)
