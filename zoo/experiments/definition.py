"""What an experiment is: the values in its TOML file, and the checks that the file must pass."""

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields, replace
from functools import cached_property
from typing import Any, TypeVar

from zoo.arguments import as_names, whole_number
from zoo.datasets import load
from zoo.datasets.registry import get_dataset
from zoo.errors import ArgumentError
from zoo.experiments.choices import Choice, choices_of
from zoo.experiments.drawing import FIGURES
from zoo.experiments.measuring import MEASUREMENTS
from zoo.experiments.published.values import COMMITTEE, SPLITS, Published, value_word
from zoo.experiments.sweeps.settings import SweepSettings
from zoo.recipes import Recipe
from zoo.registry import describe
from zoo.text import did_you_mean

Section = TypeVar("Section", bound="Any")


@dataclass(frozen=True)
class DataSettings:
    """The images of an experiment.

    Args:
        name: The name of the data set for `zoo.datasets.load`.
        archive: The name of the file that holds the images, where the data set has no name of its
            own. Empty for a data set that `zoo.datasets.load` finds by itself.
        options: Other arguments of `zoo.datasets.load`.
        training_images: The number of training images that are taken, as many of each class. None
            takes all.
        fingerprint: Name of a split → checksum of its pixels and labels, on the files with which
            the experiment was run for this project.
    """

    name: str
    archive: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    training_images: int | None = None
    fingerprint: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        get_dataset(self.name)
        _, *known = inspect.signature(load).parameters
        _refuse_unknown("data.options", self.options, set(known) - {"root", "cache", "download"})
        _refuse_unknown("data.fingerprint", self.fingerprint, SPLITS)
        if self.training_images is not None:
            whole_number("data.training_images", self.training_images, 1)

    @property
    def needed(self) -> str:
        """Which files a user has to bring, in a word."""
        info = get_dataset(self.name).info
        return self.archive or (self.name if info.needs_root else "nothing")


@dataclass(frozen=True)
class MemberSettings:
    """A network of an experiment, and how it is trained.

    Args:
        name: The name in the table of results.
        model: The name of a registered model.
        arguments: Arguments of the model's builder.
        recipe: Values of `zoo.Recipe` that replace those of the base. `batch_size = "all"` takes
            all training images in one step.
        base: The name of a recipe of the model, which the values change. Empty for `zoo.Recipe()`.
        summed_loss: Whether the learning rate is for a loss that is summed over the images of a
            batch. The rate r on the sum is the rate r · batch size on the mean.
    """

    name: str
    model: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    recipe: Mapping[str, Any] = field(default_factory=dict)
    base: str = ""
    summed_loss: bool = False

    def __post_init__(self) -> None:
        known = {*describe(self.model).parameters} - {"input_shape", "num_classes"}
        _refuse_unknown(f"The arguments of {self.name}", self.arguments, known)
        names = {part.name for part in fields(Recipe)}
        _refuse_unknown(f"The recipe of {self.name}", self.recipe, names)
        self.recipe_for(images=1)

    def recipe_for(self, images: int) -> Recipe:
        """Make the recipe of a training.

        Args:
            images: The number of training images.

        Returns:
            The recipe, in which the batch size is a number.

        Raises:
            ArgumentError: A value is out of its range.
        """
        base = describe(self.model).recipe_named(self.base) if self.base else Recipe()
        values = dict(self.recipe)
        if values.get("batch_size") == "all":
            values["batch_size"] = images
        recipe = replace(base, **values)
        if self.summed_loss:
            return replace(recipe, learning_rate=recipe.learning_rate * recipe.batch_size)
        return recipe


@dataclass(frozen=True)
class Protocol:
    """How the members are trained and judged.

    Args:
        seeds: The seeds of the trainings. Each member is trained once with each.
        new_splits: Whether each seed also holds out other images, by the `seed` of
            `zoo.datasets.load`.
        voting: The rule by which the members vote. Empty if they do not vote.
        tolerance: A difference of this many points of accuracy, or less, counts as none: the test
            says *consistent* where the difference is certainly smaller.
    """

    seeds: Sequence[int] = (0,)
    new_splits: bool = False
    voting: str = ""
    tolerance: float = 5.0

    def __post_init__(self) -> None:
        if not isinstance(self.seeds, Sequence) or not self.seeds:
            raise ArgumentError(
                f"protocol.seeds must be a list of seeds. Received: {self.seeds!r}. Write [0, 1]."
            )
        for seed in self.seeds:
            whole_number("protocol.seeds", seed, 0)


@dataclass(frozen=True)
class Experiment:
    """An experiment of a report.

    Args:
        name: The name for `zoo reproduce`, which is the name of the file.
        title: What was tried, in one line.
        report: The report.
        place: Where the experiment stands in the report.
        minutes: About how long the experiment takes on two cores.
        data: The images. None for an experiment that needs none.
        members: The networks. Empty for an experiment that trains nothing.
        protocol: How the networks are trained and judged.
        sweep: Which settings of a member vary; None trains each member as it stands.
        published: The values that the report published.
        figures: What is drawn for each seed; `zoo.experiments.drawing.FIGURES` has the names.
        measurements: What else is measured, on the networks of the first seed;
            `zoo.experiments.measuring.MEASUREMENTS` has the names.
        differs: What is not known of the report's experiment, or is otherwise here.

    Raises:
        ArgumentError: A value is unknown, missing or out of its range.
    """

    name: str
    title: str
    report: str
    place: str
    minutes: float
    data: DataSettings | None = None
    members: Sequence[MemberSettings] = ()
    protocol: Protocol = field(default_factory=Protocol)
    sweep: SweepSettings | None = None
    published: Sequence[Published] = ()
    figures: Sequence[Choice] = ()
    measurements: Sequence[Choice] = ()
    differs: Sequence[str] = ()

    def __post_init__(self) -> None:
        names = [member.name for member in self.members]
        if len({*names, COMMITTEE}) <= len(names):
            raise ArgumentError(
                f"members must each have a name of their own, which is not {COMMITTEE!r}. "
                f"Received: {names}. Rename a member."
            )
        if not (names or self.figures or self.measurements):
            raise ArgumentError(
                "An experiment must have members, figures or measurements. Received: none of "
                "them. Write [[members]]."
            )
        if names and self.data is None:
            raise ArgumentError(
                "data must name the images that the members are trained on. Received: nothing. "
                "Write [data]."
            )
        for choice in (*self.figures, *self.measurements):
            if (member := choice.options.get("member")) is not None and member not in names:
                raise ArgumentError(
                    f"The member of {choice.name} must be one of {', '.join(names) or 'none'}. "
                    f"Received: {member!r}{did_you_mean(str(member), names)}"
                )
        known = [*names, *([COMMITTEE] if self.protocol.voting else [])]
        for value in self.published:
            if value.member not in known:
                raise ArgumentError(
                    f"published.member must be one of {', '.join(known)}. Received: "
                    f"{value.member!r}{did_you_mean(str(value.member), known)}"
                )
        self._check_sweep(names)

    def _check_sweep(self, names: Sequence[str]) -> None:
        """Refuse a sweep that cannot be, and published values of trials that it does not have."""
        swept = self.sweep.member if self.sweep else None
        if swept is not None and swept not in names:
            raise ArgumentError(
                f"sweep.member must be one of {', '.join(names)}. Received: {swept!r}"
                f"{did_you_mean(swept, names)}"
            )
        for value in self.published:
            if value.at and (self.sweep is None or value.member != swept):
                raise ArgumentError(
                    "published.at must come with a sweep of the member. Received: "
                    f"{dict(value.at)} for {value.member!r}. Leave it out, or write [sweep]."
                )
            if value.at and self.sweep:
                self.sweep.check_point(value.at)
        seeds = [*self.protocol.seeds]
        are_in_a_row = seeds == [*range(seeds[0], seeds[0] + len(seeds))]
        if self.sweep and (self.protocol.new_splits or not are_in_a_row):
            raise ArgumentError(
                "The protocol of a sweep must have seeds that follow one another, on the same "
                f"images. Received: seeds {seeds}, new_splits = {self.protocol.new_splits}. The "
                "trainings of all seeds share the images."
            )

    @cached_property
    def plain_members(self) -> tuple[MemberSettings, ...]:
        """The members that train as they stand: all but the member of the sweep."""
        return tuple(
            member for member in self.members if not self.sweep or member.name != self.sweep.member
        )

    @cached_property
    def swept_member(self) -> MemberSettings:
        """The member whose settings the sweep varies."""
        (member,) = (member for member in self.members if member not in self.plain_members)
        return member

    @cached_property
    def points(self) -> dict[str, Mapping[str, Any]]:
        """Name of the result of a trial → its settings, for which the report published a value."""
        return {value.result: value.at for value in self.published if value.at}

    @property
    def data_needed(self) -> str:
        """Which files a user has to bring, in a word."""
        return self.data.needed if self.data else "nothing"

    @cached_property
    def judged_splits(self) -> tuple[str, ...]:
        """The splits on which the members are judged: the test split, and those published."""
        wanted = {"test", *(value.split for value in self.published)}
        return tuple(split for split in SPLITS if split in wanted)


def experiment_of(name: str, table: Mapping[str, Any]) -> Experiment:
    """Make an experiment of the table of its file.

    Args:
        name: The name of the experiment.
        table: The table, as `tomllib` reads it.

    Returns:
        The experiment.

    Raises:
        ArgumentError: A key is unknown or missing, or a value is out of its range.

    Example:
        >>> experiment_of("mine", {"titel": "a title"})
        Traceback (most recent call last):
        zoo.errors.ArgumentError: The experiment must have no other keys than data, differs, \
figures, measurements, members, minutes, place, protocol, published, report, sweep, title. \
Received: 'titel'; did you mean 'title'? Correct the file.
    """
    values = {"name": name, **table}
    _check_keys("The experiment", Experiment, values, hidden={"name"})
    if "data" in values:
        values["data"] = _section("data", DataSettings, values["data"])
    values["protocol"] = _section("protocol", Protocol, values.get("protocol", {}))
    if "sweep" in values:
        values["sweep"] = _section("sweep", SweepSettings, values["sweep"])
    members = _tables("members", values.get("members", []))
    values["members"] = tuple(
        _section("members", MemberSettings, row) for table in members for row in _varied(table)
    )
    published = _tables("published", values.get("published", []))
    values["published"] = tuple(_section("published", Published, row) for row in published)
    values["figures"] = choices_of("figures", values.get("figures", []), FIGURES)
    measurements = values.get("measurements", [])
    values["measurements"] = choices_of("measurements", measurements, MEASUREMENTS)
    values["differs"] = as_names("differs", values.get("differs", []))
    return Experiment(**values)


def _varied(table: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Make a table for each value of a member's `vary`, a single setting with several values.

    The setting belongs to the recipe if the recipe has it, and otherwise to the model.
    """
    if "vary" not in table:
        return [table]
    others = {key: value for key, value in table.items() if key != "vary"}
    vary = table["vary"]
    lists = [*vary.values()] if isinstance(vary, Mapping) else []
    if len(lists) != 1 or not isinstance(lists[0], list) or not lists[0]:
        raise ArgumentError(
            "members.vary must be a single setting with a list of values. Received: "
            f"{vary!r}. Write vary = {{learning_rate = [0.01, 0.1]}}."
        )
    ((setting, choices),) = vary.items()
    part = "recipe" if setting in {item.name for item in fields(Recipe)} else "arguments"
    rows: list[Mapping[str, Any]] = []
    for value in choices:
        changed = {**others.get(part, {}), setting: value}
        name = f"{others.get('name', '')}_{value_word(value)}"
        rows.append({**others, "name": name, part: changed})
    return rows


def _section(where: str, kind: type[Section], table: Any) -> Section:
    """Make a value of a table of the file."""
    if not isinstance(table, Mapping):
        raise ArgumentError(f"{where} must be a table. Received: {table!r}. Write [{where}].")
    _check_keys(f"The table {where}", kind, table)
    return kind(**table)


def _tables(where: str, value: Any) -> list[Mapping[str, Any]]:
    """Take a list of tables."""
    if not isinstance(value, list) or not all(isinstance(row, Mapping) for row in value):
        raise ArgumentError(
            f"{where} must be a list of tables. Received: {value!r}. Write [[{where}]]."
        )
    return value


def _check_keys(
    where: str, kind: Any, table: Mapping[str, Any], hidden: frozenset[str] | set[str] = frozenset()
) -> None:
    """Refuse keys that a table must not have, and miss keys that it must have."""
    known = {part.name for part in fields(kind)}
    _refuse_unknown(where, {key: table[key] for key in table if key not in hidden}, known - hidden)
    for part in fields(kind):
        is_required = part.default is MISSING and part.default_factory is MISSING
        if is_required and part.name not in table:
            raise ArgumentError(
                f"{where} must have the key {part.name!r}. Received: {', '.join(table)}. Add the "
                "key to the file."
            )


def _refuse_unknown(where: str, table: Mapping[str, Any], known: Any) -> None:
    """Refuse keys that are not known."""
    for key in table:
        if key not in known:
            raise ArgumentError(
                f"{where} must have no other keys than {', '.join(sorted(known))}. Received: "
                f"{key!r}{did_you_mean(key, known)} Correct the file."
            )
