"""Stacking: a logistic regression that learns how to combine the members' probabilities."""

from __future__ import annotations

import numbers
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zoo.arguments import as_path
from zoo.augmentation.views import TestTimeAugmentation, augmented_views
from zoo.datasets.split import Split
from zoo.ensembles.checks import checked_labels, checked_probabilities, logarithms
from zoo.ensembles.combining.logistic_regression import DEFINITION
from zoo.ensembles.combining.rules import Rule
from zoo.ensembles.committee import Committee
from zoo.ensembles.fit_arguments import models_of_teacher, training_split
from zoo.ensembles.members import make_members
from zoo.ensembles.provenance import provenance_of
from zoo.errors import ArgumentError, DataError


def stack(
    members: Any,
    data: Any,
    *,
    copies: int | None = None,
    folds: int = 5,
    penalty: float = 1.0,
    seed: int = 0,
    log_dir: str | Path | None = None,
    resume: bool = False,
    augmentation: TestTimeAugmentation = None,
    **training: Any,
) -> Committee:
    """Train a committee whose rule is learned from out-of-fold probabilities (Wolpert, 1992).

    For each fold, members are trained on the other folds, and give probabilities for this fold,
    whose labels they do not know. On the logarithms of these probabilities, a multinomial logistic
    regression learns the rule. Finally, the members of the committee are trained on all images.

    Args:
        members: As in `Committee`, by name or as `Member`s. They are trained folds + 1 times.
        data: The training images: a `Split`, a tuple (images, labels) or (images, labels, weights),
            or a dataset of such, as in `Committee.fit`.
        copies: As in `Committee`.
        folds: The number of folds, 2 or more. Each fold has the same share of every class.
        penalty: The inverse strength of the regression's L2 penalty, scikit-learn's `C`.
        seed: The seed of the folds and of the members.
        log_dir: The folder of the runs `fold-1`, … and `all`, for TensorBoard and for resuming;
            None writes nothing.
        resume: Whether to continue the runs in `log_dir`.
        augmentation: The test-time augmentation with which the committee is to answer, as for
            `Committee.predict`: the rule is then learned from means over several views.
        **training: Other arguments of `Committee.fit`, such as `validation_data`, `sample_weight`
            and `epochs`.

    Returns:
        The committee, with the rule `"stacking"`.

    Raises:
        ArgumentError: The arguments are not as described.
        DataError: The images are the test split, a class has fewer images than there are folds, or
            the teacher was trained on some of these images.

    Example:
        >>> import zoo
        >>> from zoo.ensembles import stack
        >>> data = zoo.datasets.load("digits")
        >>> options = {"epochs": 2, "batch_size": 64, "verbose": 0}
        >>> stack(["softmax", "bn_mlp"], data.train, folds=2, **options).voting
        'stacking'
    """
    _check_penalty(penalty)
    data = training_split(data, None, training.pop("sample_weight", None), None)
    if data.name == "test":
        raise DataError(
            "data must be training images. Received: the test split, which is for the report only. "
            "Pass the train split."
        )
    options = {"copies": copies, "seed": seed, "log_dir": log_dir, "resume": resume, **training}
    probabilities = out_of_fold_probabilities(
        members, data, folds=folds, augmentation=augmentation, **options
    )
    rule = fit_stacking(probabilities, data.labels, penalty, data.sample_weight)
    return _trained_committee(members, data, "all", **options).with_rule(rule)


def out_of_fold_probabilities(
    members: Any,
    data: Split,
    *,
    copies: int | None = None,
    folds: int = 5,
    seed: int = 0,
    log_dir: str | Path | None = None,
    resume: bool = False,
    augmentation: TestTimeAugmentation = None,
    **training: Any,
) -> NDArray[np.float32]:
    """Ask members about each image that were trained without this image and its copies.

    Args:
        members: As in `stack`. They are trained once for each fold.
        data: The training images.
        copies: As in `Committee`.
        folds: The number of folds, 2 or more.
        seed: The seed of the folds and of the members.
        log_dir: As in `stack`.
        resume: As in `stack`.
        augmentation: As in `stack`.
        **training: Other arguments of `Committee.fit`.

    Returns:
        float32 [members, n, classes].

    Raises:
        ArgumentError: A member is a built model.
        DataError: A class has fewer images than there are folds, or the teacher was trained on some
            of these images.
    """
    # A built model would be trained on one fold after another, and know all images in the end.
    for member in make_members(members, copies):
        if member.registered_name is None:
            raise ArgumentError(
                "members must be names of registered models or Members with such names, since each "
                "member is trained anew in every fold. "
                f"Received: the built model {member.name}. Pass its name in `zoo models`."
            )
    teachers = models_of_teacher(training.get("teacher"))
    if known := data.count_among(provenance_of(teachers).trained_on):
        raise DataError(
            "The teacher must be trained on other images than data, because the members learn the "
            f"teacher's answers. Received: a teacher that was trained on {known:,} of these "
            f"{len(data):,} images. Train the teacher on images that are held out of data."
        )
    views = augmented_views(augmentation)
    options = {"copies": copies, "seed": seed, "log_dir": log_dir, "resume": resume, **training}
    parts, rows = [], []
    splits = data.fold_rows(folds, seed=seed)
    for number, (kept, held_out) in enumerate(list(splits), 1):
        committee = _trained_committee(members, data.take(kept), f"fold-{number}", **options)
        parts.append(committee.member_probabilities(data.take(held_out), augmentation=views))
        rows.append(held_out)
    order = np.argsort(np.concatenate(rows))
    return np.concatenate(parts, axis=1)[:, order]


def _trained_committee(
    members: Any,
    images: Split,
    run_name: str,
    *,
    copies: int | None,
    seed: int,
    log_dir: str | Path | None,
    resume: bool,
    **training: Any,
) -> Committee:
    """Train a committee, in a run folder of this name in `log_dir`."""
    committee = Committee(members, copies=copies, class_names=images.class_names, seed=seed)
    run = None if log_dir is None else as_path("log_dir", log_dir) / run_name
    exists = run is not None and run.exists()
    committee.fit(images, log_dir=run, resume=resume and exists, **training)
    return committee


def fit_stacking(
    probabilities: ArrayLike,
    labels: ArrayLike,
    penalty: float = 1.0,
    sample_weight: ArrayLike | None = None,
) -> Rule:
    """Learn a rule of stacking.

    Args:
        probabilities: float [members, n, classes], of images that no member was trained on.
            Probabilities below 1.2e-38 are raised to it.
        labels: int [n], with an image of every class.
        penalty: The inverse strength of the L2 penalty, scikit-learn's `C`.
        sample_weight: The weight of each image, [n]; None weights all alike.

    Returns:
        The rule.

    Raises:
        ArgumentError: The arguments are not as described.
        DataError: A class has no image.

    Example:
        >>> members = np.array([[[0.9, 0.1], [0.1, 0.9], [0.8, 0.2], [0.2, 0.8]]])
        >>> fit_stacking(members, labels=[1, 0, 1, 0])(members).argmax(axis=1)  # always wrong
        array([1, 0, 1, 0])
    """
    from sklearn.linear_model import LogisticRegression  # imported here, since the import is slow

    _check_penalty(penalty)
    probabilities = checked_probabilities(probabilities)
    members, n, num_classes = probabilities.shape
    labels = checked_labels(labels, n, num_classes)
    if missing := sorted({*range(num_classes)} - {*labels.tolist()}):
        raise DataError(
            f"labels must have images of every class. Received: no image of class {missing[0]}. "
            "Add images of this class, or leave the class out of the probabilities."
        )
    features = logarithms(probabilities).transpose(1, 0, 2).reshape(n, -1)
    model = LogisticRegression(C=penalty, max_iter=2000).fit(features, labels, sample_weight)
    coefficients, intercept = model.coef_, model.intercept_
    if num_classes == 2:  # a single row, of the second class against the first
        coefficients = np.concatenate([0 * coefficients, coefficients])
        intercept = np.concatenate([0 * intercept, intercept])
    shape = (num_classes, members, num_classes)
    return Rule(DEFINITION.name, coefficients=coefficients.reshape(shape), intercept=intercept)


def _check_penalty(penalty: Any) -> None:
    if not isinstance(penalty, numbers.Real) or not 0 < float(penalty) < np.inf:
        raise ArgumentError(
            f"penalty must be above 0 and finite. Received: {penalty!r}. The default is 1; a "
            "smaller number draws the coefficients closer to 0."
        )
