"""Stacking: a logistic regression on the logarithms of the members' probabilities.

`zoo.ensembles.stacking` learns the coefficients; this module applies them.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zoo.ensembles.checks import LEAST_PROBABILITY, checked_probabilities
from zoo.ensembles.combining.definition import Definition


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

    logarithms = np.log(np.maximum(checked_probabilities(probabilities), LEAST_PROBABILITY))
    logits = np.einsum("kmc,mnc->nk", np.asarray(coefficients), logarithms)
    return softmax(logits + np.asarray(intercept), axis=1)


def _on_tensors(probabilities: Any, coefficients: Any, intercept: Any) -> Any:
    from keras import ops

    coefficients, intercept = (
        ops.convert_to_tensor(np.asarray(values), probabilities.dtype)
        for values in (coefficients, intercept)
    )
    logarithms = ops.log(ops.maximum(probabilities, LEAST_PROBABILITY))
    return ops.softmax(ops.einsum("kmc,mnc->nk", coefficients, logarithms) + intercept)


DEFINITION = Definition(
    "stacking", stacked_probabilities, _on_tensors, parameters=("coefficients", "intercept")
)
