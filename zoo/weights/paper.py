"""The paper of trained weights: how they were made, and how good they are, as a TOML file."""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any, TypeVar

from zoo.arguments import real_number, whole_number
from zoo.errors import ArgumentError
from zoo.recipes import Recipe, recipe_from_config

if TYPE_CHECKING:  # `import zoo` does not load NumPy, so that it takes little time
    from zoo.metrics import Accuracy

PARTS = ("validation", "test")
"""The parts of the data on which weights are judged."""

SHA256 = re.compile(r"[0-9a-f]{64}")

FREE_ARGUMENTS = (
    *("classifier_activation", "conv_dropout", "dropout"),
    *("initializer", "l1", "l2"),
)
"""Arguments of builders that may differ from those of the trained network: they do not change what
the trained weights compute."""

Section = TypeVar("Section")


@dataclass(frozen=True)
class Scores:
    """How good the answers of a network are on the images of a part.

    Args:
        correct: The number of images that are classified correctly.
        n: The number of images.
        negative_log_likelihood: The mean of −log p of the right class, in nats.
        calibration_error: The expected calibration error, from 0 to 1, in 15 bins of equal width.

    Raises:
        ArgumentError: A value is out of its range.

    Example:
        >>> print(Scores(942, 1000, 0.21, 0.012).accuracy)
        94.2 % [92.6, 95.5], n = 1,000
    """

    correct: int
    n: int
    negative_log_likelihood: float
    calibration_error: float

    def __post_init__(self) -> None:
        whole_number("n", self.n, 1)
        whole_number("correct", self.correct, 0, self.n)
        real_number("negative_log_likelihood", self.negative_log_likelihood, least=0, example=0.2)
        real_number("calibration_error", self.calibration_error, least=0, most=1, example=0.02)

    @property
    def accuracy(self) -> Accuracy:
        """The accuracy with its 95 % interval, which is that of Wilson."""
        from zoo.metrics import Accuracy, accuracy_interval

        low, high = accuracy_interval(self.correct, self.n)
        return Accuracy(self.correct / self.n, low, high, self.n)

    def __str__(self) -> str:
        return (
            f"{self.accuracy}, NLL {self.negative_log_likelihood:.3f}, "
            f"calibration error {self.calibration_error:.3f}"
        )


@dataclass(frozen=True)
class TrainingData:
    """The images that a network was trained and judged on.

    Args:
        name: The name of the data set for `zoo.datasets.load`.
        options: The other arguments of `zoo.datasets.load`.
        images: Name of a split → the number of its images.
        fingerprint: Name of a split → checksum of its pixels and labels.
        digests_sha256: The SHA-256 of `images.safetensors` in the folder of the set, which has a
            digest of each training image and of each validation image.

    Raises:
        ArgumentError: A value is not as described.
    """

    name: str
    options: Mapping[str, Any]
    images: Mapping[str, int]
    fingerprint: Mapping[str, str]
    digests_sha256: str

    def __post_init__(self) -> None:
        for part in ("train", *PARTS):
            if part not in self.images or part not in self.fingerprint:
                raise ArgumentError(
                    f"data must have the number and the checksum of the images of {part}. "
                    f"Received: {dict(self.images)}, {dict(self.fingerprint)}."
                )
        _check_sha256("data.digests_sha256", self.digests_sha256)


def checksum_of(split: Any) -> str:
    """Compute the checksum that stands in the fingerprint of a paper, a CRC-32.

    Args:
        split: A `Split`.

    Returns:
        Eight hexadecimal digits, of the SHA-256 of every image and of the labels.

    Example:
        >>> import zoo.datasets
        >>> len(checksum_of(zoo.datasets.load("digits").test))
        8
    """
    return f"{zlib.crc32(split.labels.tobytes(), zlib.crc32(split.digests.tobytes())):08x}"


@dataclass(frozen=True)
class Rounding:
    """What changes when the kernels are kept in fewer digits, on the images of `PARTS`.

    Args:
        kernels: `"float16"` or `"float32"`, the type of the kernels in the file. All else is in
            float32.
        largest_difference: The largest difference of a probability from that of the weights as
            they were trained.
        changed: The number of images for which another class is the most probable. The two best
            probabilities of such an image are nearly the same.

    Raises:
        ArgumentError: A value is not as described.
    """

    kernels: str
    largest_difference: float
    changed: int

    def __post_init__(self) -> None:
        if self.kernels not in ("float16", "float32"):
            raise ArgumentError(
                f"rounding.kernels must be float16 or float32. Received: {self.kernels!r}."
            )
        real_number(
            "rounding.largest_difference", self.largest_difference, least=0, most=1, example=0.001
        )
        whole_number("rounding.changed", self.changed, 0)


@dataclass(frozen=True)
class Paper:
    """The paper of the weights of a single network.

    Args:
        name: The set and the member, such as `"mnist/lenet-0"`, which are also the folder and the
            name of the files.
        model: The name of the registered model.
        arguments: All arguments of the model's builder.
        input_shape: (height, width, channels) of the images.
        class_names: The names of the classes.
        data: The images.
        recipe: The recipe as it was trained.
        seed: The seed of the weights, the batches and the augmentation.
        seconds: How long the training took; of networks that trained together, each one's share.
        scores: Name of a part of `PARTS` → the scores on its images.
        rounding: What the type of the weights in the file changes.
        experiment: The experiment that makes the weights again, for `zoo reproduce`.
        environment: The machine, its cores and the versions of the software.
        sha256: The SHA-256 of the file of the weights, 64 hexadecimal digits.
        began_with: The name of the weights that the training began with; empty for random ones.
        teacher: The name of the weights that the network learned from beside the labels, or empty.
        teaching: The `temperature` and the `share` of the teacher, as in `zoo.Teacher`; empty where
            there is no teacher.

    Raises:
        ArgumentError: A value is not as described.
    """

    name: str
    model: str
    arguments: Mapping[str, Any]
    input_shape: Sequence[int]
    class_names: Sequence[str]
    data: TrainingData
    recipe: Recipe
    seed: int
    seconds: float
    scores: Mapping[str, Scores]
    rounding: Rounding
    experiment: str
    environment: Mapping[str, Any]
    sha256: str
    began_with: str = ""
    teacher: str = ""
    teaching: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_name(self.name)
        shape, names = tuple(self.input_shape), tuple(self.class_names)
        for side in shape if len(shape) == 3 else (0,):
            whole_number("input_shape (height, width, channels)", side, 1)
        if len(set(names)) != len(names) or len(names) < 2:
            raise ArgumentError(
                f"class_names must be two different names or more. Received: {names}."
            )
        check_parts(self.scores)
        whole_number("seed", self.seed, 0)
        real_number("seconds", self.seconds, least=0, example=60)
        _check_sha256("sha256", self.sha256)
        if self.teaching and not (self.teacher and {*self.teaching} == {"temperature", "share"}):
            raise ArgumentError(
                "teaching must have the temperature and the share of a teacher. Received: "
                f"{dict(self.teaching)}, teacher {self.teacher!r}."
            )
        for key in self.teaching:
            real_number(f"teaching.{key}", self.teaching[key], least=0, example=0.9)
        for key in ("began_with", "teacher"):
            if not isinstance(getattr(self, key), str):
                raise ArgumentError(f"{key} must be a name. Received: {getattr(self, key)!r}.")
        for key, value in (("input_shape", shape), ("class_names", names)):
            object.__setattr__(self, key, value)

    @property
    def set(self) -> str:
        """The name of the set."""
        return self.name.partition("/")[0]

    @property
    def member(self) -> str:
        """The name of the member in the set."""
        return self.name.partition("/")[2]

    @property
    def building(self) -> dict[str, Any]:
        """All that the network was built with, as `zoo.build` takes it, but for its interface."""
        return {**self.arguments, "standardize": self.recipe.standardize}

    def contradiction(self, arguments: Mapping[str, Any]) -> str:
        """Name an argument that would make another network than that which was trained.

        Args:
            arguments: Arguments for `zoo.build`. Those that the trained network does not have, and
                those of `FREE_ARGUMENTS`, contradict nothing.

        Returns:
            The name of the first such argument; empty where there is none.
        """
        trained = self.building
        return next(
            (
                name
                for name, value in arguments.items()
                if name in trained and name not in FREE_ARGUMENTS and _plain(value) != trained[name]
            ),
            "",
        )

    def to_table(self) -> dict[str, Any]:
        """Give the values of the TOML file, as `paper_of` takes them. TOML has no None."""
        left_out = ("name",) if self.teaching else ("name", "teaching")
        return {
            key: value for key, value in _without_none(asdict(self)).items() if key not in left_out
        }


def paper_of(name: str, table: Mapping[str, Any]) -> Paper:
    """Make a paper of the table of its file.

    Args:
        name: The set and the member, such as `"mnist/lenet-0"`.
        table: The table, as `tomllib` reads it.

    Returns:
        The paper.

    Raises:
        ArgumentError: A key is unknown or missing, or a value is out of its range.
    """
    values = {"name": name, **table}
    needed = {
        part.name
        for part in fields(Paper)
        if part.default is MISSING and part.default_factory is MISSING
    }
    known = {part.name for part in fields(Paper)}
    if not needed <= {*values} <= known:
        optional = ", ".join(sorted(known - needed))
        raise ArgumentError(
            f"The paper must have the keys {', '.join(sorted(needed - {'name'}))}, and may have "
            f"{optional}. Received: {', '.join(sorted(table))}."
        )
    for key in ("data", "rounding", "recipe", "scores", "arguments", "environment", "teaching"):
        if not isinstance(values.get(key, {}), Mapping):
            raise ArgumentError(f"{key} must be a table. Received: {values[key]!r}.")
    values["data"] = section("data", TrainingData, values["data"])
    values["rounding"] = section("rounding", Rounding, values["rounding"])
    values["scores"] = {
        part: section(f"scores.{part}", Scores, scores) for part, scores in values["scores"].items()
    }
    try:
        values["recipe"] = recipe_from_config(values["recipe"])
    except TypeError as error:
        raise ArgumentError(f"recipe must have values of zoo.Recipe. {error}") from error
    try:
        return Paper(**values)
    except TypeError as error:
        raise ArgumentError(f"The paper must have values of the right types. {error}") from error


def section(where: str, kind: type[Section], table: Any) -> Section:
    """Make a dataclass of a table of a file.

    Args:
        where: The name of the table, for the error.
        kind: The dataclass.
        table: The table.

    Returns:
        The value.

    Raises:
        ArgumentError: A key is unknown or missing, or a value is out of its range.

    Example:
        >>> section("rounding", Rounding, {"kernels": "float16"})
        Traceback (most recent call last):
        zoo.errors.ArgumentError: rounding must have the keys kernels, largest_difference, \
changed. Received: kernels.
    """
    known = [part.name for part in fields(kind)]  # type: ignore[arg-type]
    if not isinstance(table, Mapping) or {*table} != {*known}:
        received = ", ".join(table) if isinstance(table, Mapping) else repr(table)
        raise ArgumentError(f"{where} must have the keys {', '.join(known)}. Received: {received}.")
    try:
        return kind(**table)
    except (TypeError, AttributeError) as error:
        raise ArgumentError(f"{where} must have values of the right types. {error}") from error


def check_parts(scores: Mapping[str, Scores]) -> None:
    """Refuse scores that are not those on each part of `PARTS`.

    Example:
        >>> check_parts({"test": Scores(942, 1000, 0.21, 0.012)})
        Traceback (most recent call last):
        zoo.errors.ArgumentError: scores must be those on validation and test. Received: ['test'].
    """
    if {*scores} != {*PARTS}:
        raise ArgumentError(
            f"scores must be those on {' and '.join(PARTS)}. Received: {[*scores]}."
        )


def check_name(name: str) -> None:
    """Refuse a name that is not a set and a member, each a plain word.

    The words become the names of folders and files.

    Example:
        >>> check_name("../vgg-0")
        Traceback (most recent call last):
        zoo.errors.ArgumentError: The name of weights must be a set and a member, such as \
mnist/lenet-0, of letters, digits, '_', '.' and '-'. Received: '../vgg-0'.
    """
    if not re.fullmatch(r"\w[\w.-]*/\w[\w.-]*", name, re.ASCII):
        raise ArgumentError(
            "The name of weights must be a set and a member, such as mnist/lenet-0, of letters, "
            f"digits, '_', '.' and '-'. Received: {name!r}."
        )


def _plain(value: Any) -> Any:
    """Turn tuples into lists, as TOML reads them."""
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _without_none(table: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out the values that are None, also in the tables in a table."""
    return {
        key: _without_none(value) if isinstance(value, Mapping) else value
        for key, value in table.items()
        if value is not None
    }


def _check_sha256(name: str, value: Any) -> None:
    if not isinstance(value, str) or not SHA256.fullmatch(value):
        raise ArgumentError(f"{name} must be 64 hexadecimal digits. Received: {value!r}.")
