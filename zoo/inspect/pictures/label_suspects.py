"""Labels that are probably wrong, by the answers of members that never saw the image."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zoo.arguments import whole_number
from zoo.datasets.split import Split, as_split
from zoo.ensembles.checks import checked_labels, checked_probabilities
from zoo.ensembles.fit_arguments import training_split
from zoo.ensembles.models.voting_model import VotingModel
from zoo.ensembles.stacking import out_of_fold_probabilities
from zoo.errors import ArgumentError, DataError
from zoo.inspect.pictures.label_quality import confident_classes, find_score
from zoo.inspect.pictures.predictions import BATCH, Predictions, labelled_split, predict_split
from zoo.inspect.pictures.ranked_images import RankedImages, ranked

_FOLDS = 5


@dataclass(frozen=True, eq=False, repr=False)
class LabelSuspects(RankedImages):
    """All images of a data set, the image whose label is most probably wrong first.

    It has the attributes of `RankedImages`, and:

    Attributes:
        scores: How well label and probabilities agree, float64 [n], ascending, from 0 to 1.
        issues: Whether confident learning takes the label for wrong, bool [n]. Their number
            estimates how many labels are wrong.

    Example:
        >>> suspects = LabelSuspects.from_probabilities([[0.9, 0.1], [0.75, 0.25]], labels=[0, 1])
        >>> suspects.indices, suspects.scores
        (array([1, 0]), array([0.25, 0.9 ]))
    """

    scores: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    issues: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, bool))

    @classmethod
    def from_probabilities(
        cls,
        probabilities: ArrayLike,
        labels: ArrayLike,
        *,
        data: Any = None,
        score: str = "normalized_margin",
        class_names: Any = None,
    ) -> "LabelSuspects":
        """Rank images by probabilities of models that were not trained on these images.

        Args:
            probabilities: float [n, classes], or float [members, n, classes], whose mean ranks the
                images.
            labels: Class ids, int [n].
            data: The images, as a `Split` or uint8 [n, height, width, channels], for pictures; or
                None.
            score: `"normalized_margin"`, the distance of the label's probability from that of the
                most probable other class, or `"self_confidence"`, the probability of the label
                (Northcutt et al., 2021). docs/label-errors.md has the trial.
            class_names: The names of the classes; None takes them from `data`, or numbers them.

        Returns:
            The suspects.

        Raises:
            ArgumentError: The arguments are not as described.

        Example:
            >>> suspects = LabelSuspects.from_probabilities(
            ...     [[0.9, 0.1], [0.2, 0.8], [0.9, 0.1]], labels=[0, 1, 1]
            ... )
            >>> suspects.indices, suspects.issues
            (array([2, 1, 0]), array([ True, False, False]))
        """
        values = np.asarray(probabilities)
        members = checked_probabilities(values[None] if values.ndim == 2 else values)
        _, n, num_classes = members.shape
        checked = checked_labels(labels, n, num_classes)
        names = class_names
        split = None
        if data is not None:
            given = list(map(str, range(num_classes))) if names is None else names
            is_split = isinstance(data, Split)
            split = data if is_split else as_split(data, checked, class_names=given)
            if len(split) != n or not np.array_equal(split.labels, checked):
                raise ArgumentError(
                    "data must have the images of the labels, in their order. Received: "
                    f"{len(split):,} images for {n:,} labels, or other labels. Pass the Split that "
                    "the probabilities belong to."
                )
            names = split.class_names if names is None else names
        names = range(num_classes) if names is None else names
        class_names = () if isinstance(names, str) else tuple(map(str, names))
        if len(class_names) != num_classes:
            raise ArgumentError(
                f"class_names must be {num_classes} names, one for each class. Received: "
                f"{names!r:.80}. Name the classes in the order of their ids."
            )
        means = members.mean(axis=0)
        found = Predictions(members, means, means.argmax(axis=1))
        return _rank(found, checked, class_names, split, score)

    def exclusion(self, count: int | None = None) -> list[int]:
        """List the first images, for `zoo.datasets.load(..., exclude=…)`.

        Args:
            count: How many of the images to list; None lists those whose labels confident learning
                takes for wrong.

        Returns:
            Digests of the images, which JSON can hold. `load` recognises the images by them in any
            order and selection, if they have the same size and colour.

        Raises:
            ArgumentError: There are no images, or `count` is out of range.
        """
        digests = self._split().digests[self.indices]
        if count is None:
            return cast(list[int], digests[self.issues].tolist())
        return cast(list[int], digests[: whole_number("count", count, 0, len(self))].tolist())

    def _more_columns(self) -> dict[str, Any]:
        return {"score": self.scores, "is_label_issue": self.issues}


def label_suspects(
    members_or_committee: Any,
    data: Any,
    labels: Any = None,
    *,
    folds: int = _FOLDS,
    score: str = "normalized_margin",
    copies: int | None = None,
    seed: int = 0,
    log_dir: str | Path | None = None,
    resume: bool = False,
    **training: Any,
) -> LabelSuspects:
    """Rank images by how probably their labels are wrong.

    Members that were trained on an image have learned its label, also if it is wrong. So the
    members are trained once for each fold, on the other folds, and asked about this fold. The mean
    of their probabilities ranks the images by a score of confident learning (Northcutt et al.,
    2021).

    The ranking has an error too: an image that is only hard stands high in it. Look at the images
    before they are left out, and do not leave images out of the test split.

    Args:
        members_or_committee: Members as in `Committee`: names of registered models or `Member`s,
            which are trained `folds` times. Or a trained committee that knows none of the images,
            which is asked as it is.
        data: A `Split`; images uint8 [n, height, width, channels]; a tuple (images, labels); or a
            dataset of such pairs.
        labels: Class ids, int [n], if `data` is an array.
        folds: The number of folds, 2 or more.
        score: `"normalized_margin"` or `"self_confidence"`, as in
            `LabelSuspects.from_probabilities`.
        copies: The number of copies of a single named member.
        seed: The seed of the folds and of the members.
        log_dir: The folder of the runs `fold-1`, …; None writes nothing.
        resume: Whether to continue the runs in `log_dir`.
        **training: Other arguments of `Committee.fit`, such as `epochs`.

    Returns:
        The suspects. `plot` draws them, `to_frame` makes a table, `exclusion` lists images for
        `zoo.datasets.load(exclude=…)`.

    Raises:
        ArgumentError: The arguments are not as described, or the members are built models.
        DataError: The images do not fit, the committee was trained on some of them, or a class has
            fewer images than there are folds.

    Example:
        >>> import zoo
        >>> data = zoo.datasets.load("digits", classes=["3", "8"])
        >>> options = {"folds": 2, "epochs": 1, "batch_size": 64, "verbose": 0}
        >>> len(label_suspects("softmax", data.train, **options)) == len(data.train)
        True
    """
    find_score(score)
    if isinstance(members_or_committee, VotingModel):
        split = labelled_split(members_or_committee, data, labels)
        _check_unknown(members_or_committee, split)
        others = {"copies": copies, "log_dir": log_dir, **training}
        is_given = {"folds": folds != _FOLDS, "seed": seed != 0, "resume": resume}
        is_given |= {name: value is not None for name, value in others.items()}
        if given := [name for name in is_given if is_given[name]]:
            raise ArgumentError(
                "With a trained committee, which is not trained again, there must be no options of "
                f"a training. Received: {given[0]}. Leave it out, or pass names of members."
            )
        found = predict_split(members_or_committee, split, BATCH)
        return _rank(found, split.labels, split.class_names, split, score)
    split = training_split(data, labels, training.pop("sample_weight", None), None)
    members = out_of_fold_probabilities(
        members_or_committee,
        split,
        copies=copies,
        folds=folds,
        seed=seed,
        log_dir=log_dir,
        resume=resume,
        **training,
    )
    return LabelSuspects.from_probabilities(members, split.labels, data=split, score=score)


def _rank(
    found: Predictions,
    labels: NDArray[np.int64],
    class_names: tuple[str, ...],
    split: Split | None,
    score: str,
) -> LabelSuspects:
    function: Any = find_score(score)
    scores = function(found.probabilities, labels)
    order = np.argsort(scores, kind="stable")
    classes = confident_classes(found.probabilities, labels)
    issues = (classes >= 0) & (classes != labels)
    title = "labels that may be wrong, the most suspect first"
    more = {"scores": scores[order], "issues": issues[order]}
    return cast(
        LabelSuspects,
        ranked(found, labels, order, class_names, title, split, LabelSuspects, **more),
    )


def _check_unknown(committee: VotingModel, split: Split) -> None:
    """Refuse a committee that was trained on some of the images."""
    known = committee.overlap_with(split).trained_on
    if known:
        raise DataError(
            "The committee must know none of the images, because it has learned their labels. "
            f"Received: a committee that was trained on {known:,} of these {len(split):,} images. "
            "Pass the names of its members, which are then trained anew in each fold."
        )
