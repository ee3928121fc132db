"""The committee as a scikit-learn classifier: for pipelines, searches and cross-validation."""

import copy
import numbers
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from zoo.arguments import is_whole
from zoo.datasets.split import as_split
from zoo.ensembles.committee import Committee
from zoo.ensembles.members import Member, make_members
from zoo.errors import ArgumentError, DataError
from zoo.recipes import Recipe
from zoo.seeds import seeded

VOTING = {"hard": "majority", "soft": "soft"}
"""scikit-learn's words for the committee's rules."""

# Their own recipes are for 20,000 images, and leave a few hundred rows all but unlearned.
DEFAULT_MEMBERS = tuple(
    Member(name, recipe=Recipe(optimizer="adam", learning_rate=0.002, batch_size=64))
    for name in ("bn_mlp", "lasso_mlp", "deep_mlp")
)


class CommitteeClassifier(ClassifierMixin, BaseEstimator):
    """A `Committee` as a scikit-learn classifier.

    X is images, [n, height, width, channels] or [n, height, width] without channels, or a table
    [n, features], whose rows are images of 1×features×1, or of `image_shape`. Pixels of uint8 go in
    as they are. Values of any other kind are brought to 256 grey levels: the lowest of the training
    data becomes 0 and the highest 255, one range for all features, so that images stay what they
    are; values beyond it are clipped when predicting. Where features have ranges of their own, put
    a scaler in front, such as `StandardScaler`.

    Args:
        members: Names of registered models, `Member`s with their recipes, or built Keras models,
            of which copies are trained. None: `bn_mlp`, `lasso_mlp` and `deep_mlp`, by Adam at
            0.002 for 100 epochs in batches of 64. A name brings its own recipe, as in `Committee`,
            and those of the perceptrons are for tens of thousands of images.
        copies: So many of a single named member, each from a seed of its own.
        voting: `"hard"`: each member has one vote, ties go to the class with the highest summed
            probability. `"soft"`: the mean of the probabilities.
        weights: What each member counts, [members]; None counts each as one.
        learning_rate: Of every member; None leaves it to the recipes, as with the next three.
        batch_size: Of every member.
        epochs: Of every member.
        patience: Stop a member after so many epochs without a lower validation loss.
        validation_fraction: The share of each class that is held out of the training data where a
            member stops early, and only there.
        image_shape: (height, width) or (height, width, channels) of the rows of a table; None for
            1×features×1.
        random_state: An integer for results that can be repeated, a `numpy.random.RandomState`,
            or None.
        verbose: 1 shows the training's progress, 0 nothing.

    Attributes:
        classes_: The labels, [classes], sorted.
        committee_: The trained `Committee`, whose class ids are positions in `classes_`.
        history_: Name of a score → its value after each epoch.
        image_shape_: (height, width, channels) of what the members see.
        n_features_in_: height · width · channels.
        feature_names_in_: Names of the columns, where X was a data frame with such.
        value_range_: The values that become 0 and 255; None where X was uint8.

    Example:
        >>> from sklearn.datasets import load_iris
        >>> from sklearn.model_selection import cross_val_score
        >>> from sklearn.pipeline import make_pipeline
        >>> from sklearn.preprocessing import StandardScaler
        >>> from zoo.ensembles import CommitteeClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> classifier = CommitteeClassifier(voting="soft", epochs=20, random_state=0)
        >>> pipeline = make_pipeline(StandardScaler(), classifier)
        >>> bool(cross_val_score(pipeline, X, y, cv=2).mean() > 0.8)
        True
    """

    def __init__(
        self,
        members: Any = None,
        *,
        copies: int | None = None,
        voting: str = "hard",
        weights: Sequence[float] | None = None,
        learning_rate: float | None = None,
        batch_size: int | None = None,
        epochs: int | None = None,
        patience: int | None = None,
        validation_fraction: float = 0.1,
        image_shape: Sequence[int] | None = None,
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.members = members
        self.copies = copies
        self.voting = voting
        self.weights = weights
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.epochs = epochs
        self.patience = patience
        self.validation_fraction = validation_fraction
        self.image_shape = image_shape
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X: Any, y: Any) -> "CommitteeClassifier":
        """Train a fresh committee.

        Args:
            X: Images [n, height, width, channels] or [n, height, width], or a table [n, features].
            y: Labels [n], of any kind.

        Returns:
            This classifier.

        Raises:
            ArgumentError: A parameter that is not as described.
            DataError: Images of another shape than `image_shape`, labels of a single class, or
                classes too small to hold out `validation_fraction` of them.
            ValueError: Other data that scikit-learn does not take for a classifier's.
        """
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        members = self._recruit(seed)
        rows, shape = _rows(X)
        rows, y = validate_data(self, rows, y)
        check_classification_targets(y)
        self.classes_, labels = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise DataError(
                "A classifier needs samples of 2 classes or more. Received: one class, "
                f"{self.classes_[0]!r}"
            )
        self.image_shape_ = self._shape_of(shape, rows.shape[1])
        self.value_range_ = (
            None if rows.dtype == np.uint8 else (float(rows.min()), float(rows.max()))
        )
        names = [str(label) for label in self.classes_]
        data = as_split(self._pixels(rows), labels, name="train", class_names=names)
        validation = None
        if any(cast(Recipe, member.recipe).patience for member in members):
            data, validation = data.split(float(self.validation_fraction), seed=seed)
        committee = Committee(members, voting=VOTING[self.voting], weights=self.weights, seed=seed)
        history = committee.fit(data, validation_data=validation, verbose=self.verbose)
        # Only now, so that a fit that was interrupted is none.
        self.committee_, self.history_ = committee, history.history
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """The committee's probabilities; their argmax is its decision, ties included.

        Args:
            X: Images or a table, as for `fit`.

        Returns:
            float32 [n, classes] in the order of `classes_`, rows sum to 1. For hard voting, the
            shares of the vote, none moved by more than 0.001 to break ties.

        Raises:
            NotFittedError: `fit` was not called.
            DataError: Images of another shape, or fractions where it was trained on uint8.
            ValueError: Other data that does not fit what it was trained on.
        """
        check_is_fitted(self, "committee_")
        rows, shape = _rows(X)
        if shape is not None and shape != self.image_shape_:
            raise DataError(
                f"The classifier was trained on images of {self.image_shape_}. "
                f"Received: images of {shape}"
            )
        rows = validate_data(self, rows, reset=False)
        return self.committee_.predict(self._pixels(rows))

    def predict(self, X: Any) -> np.ndarray:
        """Decide on labels.

        Args:
            X: Images or a table, as for `fit`.

        Returns:
            Labels [n] out of `classes_`.

        Raises:
            NotFittedError: `fit` was not called.
            DataError: Images of another shape, or fractions where it was trained on uint8.
            ValueError: Other data that does not fit what it was trained on.
        """
        decisions = self.predict_proba(X).argmax(axis=1)
        return self.classes_[decisions]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags

    def __getstate__(self) -> dict[str, Any]:
        # As a saved file, which `Committee.load` reads without running code that it might carry.
        state = dict(super().__getstate__())
        if "committee_" in state:
            with tempfile.TemporaryDirectory() as folder:
                file = Path(folder, "committee.keras")
                self.committee_.save(file)
                state["committee_"] = file.read_bytes()
        return state

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        state = dict(state)
        if "committee_" in state:
            with tempfile.TemporaryDirectory() as folder:
                file = Path(folder, "committee.keras")
                file.write_bytes(state["committee_"])
                state["committee_"] = Committee.load(file)
        super().__setstate__(state)

    def _recruit(self, seed: int) -> list[Member]:
        """The members with what this classifier changes in their recipes.

        Of built models these are copies, since `fit` leaves parameters as they are. Copies of
        dropout draw new seeds, which follow from `seed`.
        """
        if self.voting not in list(VOTING):
            raise ArgumentError(f'voting is "hard" or "soft". Received: {self.voting!r}')
        share = self.validation_fraction
        if not isinstance(share, numbers.Real) or not 0 < share < 1:
            raise ArgumentError(
                f"validation_fraction is above 0 and below 1, such as 0.1. Received: {share!r}"
            )
        given = DEFAULT_MEMBERS if self.members is None else self.members
        changes = {
            name: getattr(self, name)
            for name in ("learning_rate", "batch_size", "epochs", "patience")
            if getattr(self, name) is not None
        }
        with seeded(seed):
            members = make_members(copy.deepcopy(given), self.copies)
        return [
            replace(member, recipe=replace(cast(Recipe, member.recipe), **changes))
            for member in members
        ]

    def _shape_of(self, shape: tuple[int, ...] | None, features: int) -> tuple[int, ...]:
        """[height, width, channels] of what the members see.

        Args:
            shape: Of the images, None where X is a table.
            features: Columns of the table.
        """
        if self.image_shape is None:
            return shape or (1, features, 1)
        asked = tuple(self.image_shape) if isinstance(self.image_shape, Iterable) else ()
        if len(asked) not in (2, 3) or not all(is_whole(side) and side > 0 for side in asked):
            raise ArgumentError(
                "image_shape is (height, width) or (height, width, channels). "
                f"Received: {self.image_shape!r}"
            )
        asked = tuple(int(side) for side in (*asked, 1)[:3])
        if shape not in (None, asked):
            raise DataError(f"image_shape asks for images of {asked}. Received: {shape}")
        if np.prod(asked) != features:
            raise DataError(
                f"image_shape asks for {np.prod(asked)} features, one for each value of an image "
                f"of {asked}. Received: {features} features"
            )
        return asked

    def _pixels(self, rows: np.ndarray) -> np.ndarray:
        """Values [n, features] as pixels, uint8 [n, height, width, channels]."""
        if self.value_range_ is not None:
            low, high = self.value_range_
            levels = np.interp(rows, (low, high), (0, 255)) if high > low else np.zeros(rows.shape)
            rows = np.rint(levels, out=levels).astype(np.uint8)
        elif rows.dtype.kind not in "iu":
            raise DataError(
                "The classifier was trained on pixels 0..255 as uint8, and these are "
                f"{rows.dtype}: convert them the same way. For values 0..1, "
                '(X * 255).round().astype("uint8").'
            )
        elif rows.dtype != np.uint8:
            rows = rows.clip(0, 255).astype(np.uint8)
        return rows.reshape(-1, *self.image_shape_)


def _rows(X: Any) -> tuple[Any, tuple[int, ...] | None]:
    """Images [n, height, width] or [n, height, width, channels] as rows, and their shape.

    Anything else is as it was, with None, for scikit-learn to look at.
    """
    # What has a shape may be sparse, or a data frame with names of columns.
    images = X if hasattr(X, "shape") else np.asarray(X)
    if len(images.shape) not in (3, 4):
        return X, None
    images = np.asarray(images)
    shape = (*images.shape[1:], 1)[:3]
    return images.reshape(len(images), int(np.prod(shape))), tuple(map(int, shape))
