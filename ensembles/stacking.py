"""Stacking: a logistic regression that learns how to combine what members say."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from zoo.datasets.split import Split
from zoo.ensembles.checks import FLOOR, checked_labels, checked_probabilities
from zoo.ensembles.combining.rules import STACKING, Rule
from zoo.ensembles.committee import Committee
from zoo.ensembles.members import entry_of, make_members
from zoo.ensembles.provenance import known_images
from zoo.errors import ArgumentError, DataError


def stack(
    members: Any,
    data: Split,
    *,
    copies: int | None = None,
    folds: int = 5,
    penalty: float = 1.0,
    seed: int = 0,
    log_dir: str | Path | None = None,
    resume: bool = False,
    **training: Any,
) -> Committee:
    """Train a committee whose rule is learned from out-of-fold answers (Wolpert, 1992).

    In each of the folds, members are trained on the other folds and asked about this one. From
    these answers, which none of those asked had seen the labels of, a multinomial logistic
    regression on the logarithms of the probabilities learns the rule. Then the members that stay
    are trained on all images.

    Args:
        members: as for `Committee`, by name or as `Member`s: they are trained folds + 1 times.
        data: the training images.
        copies: as for `Committee`.
        folds: how many, each with the same share of every class; at least 2.
        penalty: inverse strength of the regression's L2 penalty, scikit-learn's `C`.
        seed: of the folds and of the members.
        log_dir: folder of the runs, `fold-1` … and `all`, for TensorBoard and for resuming.
        resume: whether to go on with the runs in `log_dir`.
        **training: other arguments of `Committee.fit`, such as `validation_data` and `epochs`.

    Returns:
        The committee, with `rule.voting` `"stacking"`.

    Raises:
        ArgumentError: arguments that are not as described.
        DataError: the test split, classes with fewer images than folds, or a teacher that was
            trained on some of these images.

    Example:
        >>> import zoo
        >>> from zoo.ensembles import stack
        >>> data = zoo.datasets.load("digits")
        >>> options = {"epochs": 2, "batch_size": 64, "verbose": 0}
        >>> stack(["softmax", "bn_mlp"], data.train, folds=2, **options).voting
        'stacking'
    """
    if data.name == "test":
        raise DataError("The test split chooses nothing and trains nothing: pass training images.")
    # A built model would be trained on fold after fold, and know all images in the end.
    if built := [one for one in make_members(members, copies) if entry_of(one) is None]:
        raise ArgumentError(
            "stack trains each member anew in every fold, so members are names of registered "
            f"models or Members with such names. Received: the built model {built[0].name}"
        )

    teacher = training.get("teacher")
    if teacher and (known := data.count_among(known_images([teacher.model], "trained_on"))):
        raise DataError(
            f"The teacher was trained on {known:,} of these {len(data):,} images, so that members "
            "would know something of every fold: take a teacher that was trained on others."
        )

    def trained(part: Split, name: str) -> Committee:
        committee = Committee(members, copies=copies, class_names=data.class_names, seed=seed)
        run = None if log_dir is None else Path(log_dir) / name
        there = run is not None and run.exists()
        committee.fit(part, log_dir=run, resume=resume and there, **training)
        return committee

    answers: np.ndarray | None = None
    for number, (kept, held_out) in enumerate(_folds(data, folds, seed), 1):
        asked = trained(data.take(kept), f"fold-{number}").member_probabilities(data.take(held_out))
        if answers is None:
            answers = np.empty((len(asked), len(data), data.num_classes), np.float32)
        answers[:, held_out] = asked
    assert answers is not None
    rule = fit_stacking(answers, data.labels, penalty)
    return trained(data, "all").with_rule(rule)


def fit_stacking(probabilities: ArrayLike, labels: ArrayLike, penalty: float = 1.0) -> Rule:
    """Learn a rule of stacking.

    Args:
        probabilities: float [members, n, classes], of images that no member was trained on; below
            1.2e-38 they count as that.
        labels: int [n], with every class among them.
        penalty: inverse strength of the L2 penalty, scikit-learn's `C`.

    Returns:
        The rule.

    Raises:
        ArgumentError: for arrays that are not as described.
        DataError: a class has no image.

    Example:
        >>> members = np.array([[[0.9, 0.1], [0.1, 0.9], [0.8, 0.2], [0.2, 0.8]]])
        >>> fit_stacking(members, labels=[1, 0, 1, 0])(members).argmax(axis=1)  # always wrong
        array([1, 0, 1, 0])
    """
    from sklearn.linear_model import LogisticRegression  # a second to import

    if not isinstance(penalty, numbers.Real) or not 0 < float(penalty) < np.inf:
        raise ArgumentError(f"penalty is above 0 and finite. Received: {penalty!r}")
    probabilities = checked_probabilities(probabilities)
    members, n, num_classes = probabilities.shape
    labels = checked_labels(labels, n, num_classes)
    if missing := sorted({*range(num_classes)} - {*labels.tolist()}):
        raise DataError(f"expected images of every class, got none of class {missing[0]}")
    features = np.log(np.maximum(probabilities, FLOOR)).transpose(1, 0, 2).reshape(n, -1)
    model = LogisticRegression(C=penalty, max_iter=2000).fit(features, labels)
    coefficients, intercept = model.coef_, model.intercept_
    if num_classes == 2:  # one row, of the second class against the first
        coefficients = np.concatenate([0 * coefficients, coefficients])
        intercept = np.concatenate([0 * intercept, intercept])
    shape = (num_classes, members, num_classes)
    return Rule.from_config(
        {
            "voting": STACKING,
            "coefficients": coefficients.reshape(shape).tolist(),
            "intercept": intercept.tolist(),
        }
    )


def _folds(data: Split, folds: int, seed: int) -> Sequence[tuple[np.ndarray, np.ndarray]]:
    return list(data.fold_rows(folds, seed=seed))
