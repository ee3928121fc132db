"""A committee as a scikit-learn classifier, for pipelines, searches and cross-validation."""

import copy
import numbers
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
from zoo.datasets.arrays.images import as_array, layout_advice
from zoo.datasets.arrays.labels import check_sample_weight
from zoo.datasets.arrays.streams import is_stream
from zoo.datasets.split import Split, as_split
from zoo.ensembles.committee import Committee
from zoo.ensembles.members import Member, make_members
from zoo.errors import ArgumentError, DataError
from zoo.files import scratch_folder
from zoo.recipes import Recipe
from zoo.registry.class_order import known_classes
from zoo.registry.sources import take_sources
from zoo.registry.specs import describe
from zoo.seeds import seeded

RULE_NAMES = {"hard": "majority", "soft": "soft"}
"""scikit-learn's name of a rule of combination → the committee's name."""

DEFAULT_MEMBERS = ("bn_mlp", "lasso_mlp", "deep_mlp")
"""The members of a classifier without `members`."""


class CommitteeClassifier(ClassifierMixin, BaseEstimator):
    """A `Committee` as a scikit-learn classifier.

    X is images, [n, height, width, channels] or [n, height, width] without channels, or a table
    [n, features]. The rows of a table are images of 1×features×1, or of `image_shape`.

    The members see pixels. Values of uint8 are pixels already. Other values become 256 grey levels:
    the lowest value of the training data becomes 0 and the highest 255. The range is the same for
    all features, so that bright parts of an image stay bright. Later values beyond this range are
    clipped. If the features have different ranges, put a scaler in front, such as `StandardScaler`.

    Args:
        members: Names of registered models, `Member`s with their recipes, or built Keras models,
            of which copies are trained. None takes `bn_mlp`, `lasso_mlp` and `deep_mlp`. A
            model given by name is trained by its default recipe, as in `Committee`; only the rows
            of a table are not brought to mean 0 and deviation 1, as images are.
        copies: The number of copies of a single named member, each from its own seed.
        voting: `"hard"`: each member has one vote, and a tie goes to the class with the highest
            summed probability. `"soft"`: the mean of the probabilities.
        weights: The weight of each member in the vote, [members]; None gives each member the weight
            1. A member that starts from trained weights is `Member("lenet", {"weights": "mnist"})`.
        learning_rate: The learning rate of every member; None takes it from the recipes.
        batch_size: The batch size of every member; None takes it from the recipes.
        epochs: The number of epochs of every member; None takes it from the recipes.
        patience: A member stops after this number of epochs without a lower validation loss; None
            takes the number from the recipes.
        validation_fraction: The share of each class that is held out of the training data for
            validation, if a member stops early, or lowers its rate at a plateau. Otherwise no
            images are held out.
        image_shape: (height, width) or (height, width, channels) of the rows of a table; None for
            1×features×1.
        random_state: An integer for results that can be repeated, a `numpy.random.RandomState`,
            or None.
        verbose: 1 shows the progress of the training, 0 shows nothing.

    Attributes:
        classes_: The labels, [classes], sorted.
        committee_: The trained `Committee`, whose class ids are positions in `classes_`.
        history_: The name of a score → its value after each epoch.
        image_shape_: (height, width, channels) of the images that the members see.
        n_features_in_: height · width · channels.
        feature_names_in_: The names of the columns, if X was a data frame with names.
        value_range_: The values that become 0 and 255; None if X was uint8.

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

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "CommitteeClassifier":
        """Train a fresh committee.

        Args:
            X: Images [n, height, width, channels] or [n, height, width], or a table [n, features].
            y: Labels [n], of any kind.
            sample_weight: How much each image counts, [n], 0 or more; only the ratios matter. An
                image of weight 2 counts as two equal images, and an image of weight 0 is left out.
                None weights all alike.

        Returns:
            This classifier.

        Raises:
            ArgumentError: A parameter is not as described.
            DataError: The images have another shape than `image_shape`, all labels are the same, a
                class is too small to hold out `validation_fraction` of it, or the weights are not
                as described.
            ValueError: scikit-learn does not accept the data for a classifier.
        """
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        rows, shape = _as_rows(X)
        is_table = shape is None and self.image_shape is None
        members = self._make_members(seed, is_table=is_table)
        rows, y = validate_data(self, rows, y)
        check_classification_targets(y)
        if sample_weight is not None:
            sample_weight = check_sample_weight(sample_weight, len(rows))
            kept = sample_weight > 0
            rows, y, sample_weight = rows[kept], y[kept], sample_weight[kept]
            sample_weight = sample_weight / sample_weight.mean(dtype=np.float64)
        self.classes_, labels = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise DataError(
                "y must have labels of 2 classes or more. Received: one class, "
                f"{self.classes_.tolist()[0]!r}. Add images of another class."
            )
        self.image_shape_ = self._shape_of(shape, rows.shape[1])
        self.value_range_ = (
            None if rows.dtype == np.uint8 else (float(rows.min()), float(rows.max()))
        )
        names = [str(label) for label in self.classes_]
        data = as_split(
            self._pixels(rows), labels, name="train", class_names=names, sample_weight=sample_weight
        )
        validation = None
        recipes = [cast(Recipe, member.recipe) for member in members]
        if any(recipe.patience or recipe.plateau for recipe in recipes):
            data, validation = data.split(float(self.validation_fraction), seed=seed)
        committee = Committee(
            members, voting=RULE_NAMES[self.voting], weights=self.weights, seed=seed
        )
        history = committee.fit(data, validation_data=validation, verbose=self.verbose)
        # At the end, so that the classifier is not fitted after an interruption.
        self.committee_, self.history_ = committee, history.history
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Compute the committee's probabilities. Their argmax is its decision, ties included.

        Args:
            X: Images or a table, as for `fit`.

        Returns:
            float32 [n, classes] in the order of `classes_`, rows sum to 1. For hard voting, the
            shares of the vote, of which no value is changed by more than 0.001 to break ties.

        Raises:
            NotFittedError: `fit` was not called.
            DataError: The images have another shape, or are fractions after a training on uint8.
            ValueError: The data is otherwise unlike the training data.
        """
        check_is_fitted(self, "committee_")
        rows, shape = _as_rows(X)
        if shape is not None and shape != self.image_shape_:
            raise DataError(
                f"X must be images of {self.image_shape_}, as in the training. "
                f"Received: images of {shape}. Resize the images to this shape."
            )
        rows = validate_data(self, rows, reset=False)
        return self.committee_.predict(self._pixels(rows))

    def predict(self, X: Any) -> np.ndarray:
        """Choose the label of each image.

        Args:
            X: Images or a table, as for `fit`.

        Returns:
            Labels [n] from `classes_`.

        Raises:
            NotFittedError: `fit` was not called.
            DataError: The images have another shape, or are fractions after a training on uint8.
            ValueError: The data is otherwise unlike the training data.
        """
        decisions = self.predict_proba(X).argmax(axis=1)
        return self.classes_[decisions]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags

    def __getstate__(self) -> dict[str, Any]:
        # The committee as a saved file, which `Committee.load` reads without running code in it.
        state = dict(super().__getstate__())
        if "committee_" in state:
            with scratch_folder() as folder:
                file = Path(folder, "committee.keras")
                self.committee_.save(file)
                state["committee_"] = file.read_bytes()
        return state

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        state = dict(state)
        if "committee_" in state:
            with scratch_folder() as folder:
                file = Path(folder, "committee.keras")
                file.write_bytes(state["committee_"])
                state["committee_"] = Committee.load(file)
        super().__setstate__(state)

    def _make_members(self, seed: int, *, is_table: bool) -> list[Member]:
        """Make the members, with the changes of this classifier in their recipes.

        Built models are copied, since `fit` must not change parameters. The copies of dropout
        layers draw new seeds, which follow from `seed`.
        """
        if self.voting not in list(RULE_NAMES):
            raise ArgumentError(f'voting must be "hard" or "soft". Received: {self.voting!r}.')
        if isinstance(self.weights, str):
            raise ArgumentError(
                "weights must be numbers, one for each member, which weight the votes. Received: "
                f"{self.weights!r}. To start from trained weights, pass members such as "
                f'Member("lenet", {{"weights": {self.weights!a}}}).'
            )
        share = self.validation_fraction
        if not isinstance(share, numbers.Real) or not 0 < share < 1:
            raise ArgumentError(
                f"validation_fraction must be above 0 and below 1. Received: {share!r}. "
                "Pass 0.1 to hold out 10 % of each class."
            )
        given = DEFAULT_MEMBERS if self.members is None else self.members
        changes = {
            name: getattr(self, name)
            for name in ("learning_rate", "batch_size", "epochs", "patience")
            if getattr(self, name) is not None
        }
        with seeded(seed):
            return [
                replace(
                    member,
                    model=_copy_of(member.model),
                    recipe=replace(_recipe_of(member, is_table=is_table), **changes),
                )
                for member in make_members(given, self.copies)
            ]

    def _shape_of(self, shape: tuple[int, ...] | None, features: int) -> tuple[int, ...]:
        """Give the shape of the images that the members see, and check it.

        Args:
            shape: The shape of the images, or None where X is a table.
            features: The number of columns of the table.

        Returns:
            (height, width, channels).
        """
        if self.image_shape is None:
            return shape or (1, features, 1)
        sides = tuple(self.image_shape) if isinstance(self.image_shape, Iterable) else ()
        if len(sides) not in (2, 3) or not all(is_whole(side) and side > 0 for side in sides):
            raise ArgumentError(
                "image_shape must be (height, width) or (height, width, channels). "
                f"Received: {self.image_shape!r}. Pass whole numbers of pixels, such as (28, 28)."
            )
        wanted = tuple(int(side) for side in (*sides, 1)[:3])
        if shape not in (None, wanted):
            raise DataError(
                f"X must be images of {wanted}, the image_shape. Received: {shape}. Leave out "
                "image_shape=, which is for tables."
            )
        if np.prod(wanted) != features:
            raise DataError(
                f"X must have {np.prod(wanted)} features, one for each value of an image of "
                f"{wanted}, the image_shape. Received: {features} features. Pass the image_shape "
                "of the rows, or leave it out."
            )
        return wanted

    def _pixels(self, rows: np.ndarray) -> np.ndarray:
        """Turn values [n, features] into pixels, uint8 [n, height, width, channels]."""
        if self.value_range_ is not None:
            low, high = self.value_range_
            levels = np.interp(rows, (low, high), (0, 255)) if high > low else np.zeros(rows.shape)
            rows = np.rint(levels, out=levels).astype(np.uint8)
        elif rows.dtype.kind not in "iu":
            raise DataError(
                "X must be pixels 0..255 as uint8, as in the training. "
                f"Received: {rows.dtype}. Convert it as the training data; for values 0..1, pass "
                '(X * 255).round().astype("uint8").'
            )
        elif rows.dtype != np.uint8:
            rows = rows.clip(0, 255).astype(np.uint8)
        return rows.reshape(-1, *self.image_shape_)


def _as_rows(X: Any) -> tuple[Any, tuple[int, ...] | None]:
    """Turn images [n, height, width] or [n, height, width, channels] into rows.

    Returns:
        The rows, and the shape of the images. If `X` is not an array of images, `X` itself and
        None, so that scikit-learn checks `X`.
    """
    if isinstance(X, Split) or is_stream(X):
        raise DataError(
            "X must be an array or a table, as in scikit-learn. "
            f"Received: {type(X).__name__}. Pass split.images and split.labels, or fit a "
            "Committee, which takes splits and datasets."
        )
    # An object with a shape may be a sparse table, or a data frame with names of columns.
    images = X if hasattr(X, "shape") else as_array(X)
    if len(images.shape) not in (3, 4):
        return X, None
    images = np.asarray(images)
    if images.ndim == 4 and images.size and (advice := layout_advice(images.shape)):
        raise DataError(
            "X must be images [n, height, width, channels]. "
            f"Received: the shape {images.shape}. {advice}."
        )
    shape = (*images.shape[1:], 1)[:3]
    return images.reshape(len(images), int(np.prod(shape))), tuple(map(int, shape))


def _recipe_of(member: Member, *, is_table: bool) -> Recipe:
    """Give the recipe of a member.

    The default recipes of models bring each image to mean 0 and deviation 1. The values in a row of
    a table are of different kinds, and stay as they are.
    """
    recipe = cast(Recipe, member.recipe)
    name = member.registered_name
    if is_table and name is not None and recipe == describe(name).recipe:
        return replace(recipe, standardize=None)
    return recipe


def _copy_of(model: Any) -> Any:
    """Copy a Keras model without its optimiser, which Keras cannot copy before the first training.

    The copy also knows the classes and the images that the model knows. The name of a registered
    model stays as it is.
    """
    if isinstance(model, str):
        return model
    is_compiled, model.compiled = model.compiled, False
    try:
        copied = copy.deepcopy(model)
    finally:
        model.compiled = is_compiled
    if names := known_classes(model):
        copied.zoo_class_names = names
    take_sources(copied, model)
    return copied
