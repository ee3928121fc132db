"""What an experiment is: the values in its TOML file, and the checks that the file must pass."""

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, field, fields
from functools import cached_property
from typing import Any, TypeVar

from zoo.arguments import as_names, true_or_false
from zoo.augmentation import Augmentation
from zoo.errors import ArgumentError
from zoo.experiments.published.values import COMMITTEE, SPLITS, Published, value_word
from zoo.experiments.settings import (
    DataSettings,
    FeatureSettings,
    MemberSettings,
    Protocol,
    TeacherSettings,
    refuse_unknown,
)
from zoo.experiments.sweeps.settings import SweepSettings
from zoo.experiments.views.choices import Choice, choices_of
from zoo.experiments.views.drawing import FIGURES
from zoo.experiments.views.measuring import MEASUREMENTS
from zoo.recipes import Recipe
from zoo.text import did_you_mean

Section = TypeVar("Section", bound="Any")


@dataclass(frozen=True)
class Experiment:
    """An experiment: of a report, or of the training of weights.

    Args:
        name: The name for `zoo reproduce`, which is the name of the file.
        title: What was tried, in one line.
        report: The report; `"weights"` for the training of weights.
        place: Where the experiment stands in the report, or the set of the weights.
        minutes: About how long the experiment takes on two cores.
        data: The images. None for an experiment that needs none.
        features: The network whose features the members get in place of the images, or whose
            weights they begin with; None for neither.
        teacher: Trained weights from which the members learn beside the labels; None for the labels
            alone.
        members: The networks. Empty for an experiment that trains nothing.
        protocol: How the networks are trained and judged.
        sweep: Which settings of a member vary; None trains each member as it stands.
        published: The values that the report published.
        figures: What is drawn for each seed; `zoo.experiments.views.drawing.FIGURES` has the names.
        measurements: What else is measured, on the networks of the first seed;
            `zoo.experiments.views.measuring.MEASUREMENTS` has the names.
        differs: What is not known of the report's experiment, or is otherwise here.
        compared: The member that is compared with each of the others, seed by seed, on the test
            images. Empty for none; otherwise there are two seeds or more.

    Raises:
        ArgumentError: A value is unknown, missing or out of its range.

    Example:
        >>> from zoo.experiments import load_experiment
        >>> experiment = load_experiment("inm702-committee")
        >>> experiment.data.name, experiment.protocol.voting
        ('fer2013', 'majority')
    """

    name: str
    title: str
    report: str
    place: str
    minutes: float
    data: DataSettings | None = None
    features: FeatureSettings | None = None
    teacher: TeacherSettings | None = None
    members: Sequence[MemberSettings] = ()
    protocol: Protocol = field(default_factory=Protocol)
    sweep: SweepSettings | None = None
    published: Sequence[Published] = ()
    figures: Sequence[Choice] = ()
    measurements: Sequence[Choice] = ()
    differs: Sequence[str] = ()
    compared: str = ""

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
        for part in self.members:
            part.check_weights(self.protocol.seeds)
        beginning = [member.name for member in self.members if member.begins_with]
        without_layer = self.features is not None and self.features.layer is None
        if bool(beginning) != without_layer:
            raise ArgumentError(
                'Members with begins_with = "features" must come with [features] that has no '
                f"layer. Received: {beginning or 'no such member'}, "
                f"{'no layer' if without_layer else 'a layer, or no [features]'}. Correct the file."
            )
        for choice in (*self.figures, *self.measurements):
            if (member := choice.options.get("member")) is not None and member not in names:
                raise ArgumentError(
                    f"The member of {choice.name} must be a member of the experiment. Received: "
                    f"{member!r}{did_you_mean(str(member), names)} "
                    f"{'The members are ' + ', '.join(names) if names else 'There are none'}."
                )
        known = [*names, *([COMMITTEE] if self.protocol.voting else [])]
        for value in self.published:
            if value.member not in known:
                raise ArgumentError(
                    f"published.member must be one of {', '.join(known)}. Received: "
                    f"{value.member!r}{did_you_mean(str(value.member), known)}"
                )
        self._check_sweep(names)
        self._check_compared(names)

    def _check_compared(self, names: Sequence[str]) -> None:
        """Refuse a comparison that cannot be."""
        if not self.compared:
            return
        if self.compared not in names or len(names) == 1 or self.sweep:
            raise ArgumentError(
                "compared must be one of several members, in an experiment without a sweep. "
                f"Received: {self.compared!r}{did_you_mean(self.compared, names)} "
                f"The members are {', '.join(names)}."
            )
        if len(self.protocol.seeds) == 1:
            raise ArgumentError(
                "compared must come with two seeds or more. Received: protocol.seeds = "
                f"{[*self.protocol.seeds]}. Write more seeds, or leave out compared."
            )

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
        if self.sweep and self.teacher:
            raise ArgumentError(
                "An experiment must have either a sweep or a teacher. Received: both. Leave out "
                "[teacher], or write the trials as members."
            )
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
        parts = [self.data, self.features.data if self.features else None]
        needed = dict.fromkeys(part.needed for part in parts if part)  # each once
        return " and ".join(name for name in needed if name != "nothing") or "nothing"

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
        zoo.errors.ArgumentError: The experiment must have no other keys than compared, data, \
differs, features, figures, measurements, members, minutes, place, protocol, published, report, \
sweep, teacher, title. Received: 'titel'; did you mean 'title'? Correct the file.
    """
    values = {"name": name, **table}
    _check_keys("The experiment", Experiment, values, hidden={"name"})
    if "data" in values:
        values["data"] = _section("data", DataSettings, values["data"])
    if "features" in values:
        values["features"] = _features(values["features"])
    if "teacher" in values:
        values["teacher"] = _section("teacher", TeacherSettings, values["teacher"])
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


def _features(table: Any) -> FeatureSettings:
    """Make the settings of frozen features, with the tables of their network and their images."""
    table = dict(table) if isinstance(table, Mapping) else table
    for key, kind in (("member", MemberSettings), ("data", DataSettings)):
        if isinstance(table, dict) and key in table:
            table[key] = _section(f"features.{key}", kind, table[key])
    return _section("features", FeatureSettings, table)


def _varied(table: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Make a table for each value of a member's `vary`, a single setting with several values.

    The setting belongs to the recipe if the recipe has it, else to the augmentation of the recipe
    if that has it, and otherwise to the model.
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
    return [
        {
            **others,
            **_with_setting(others, setting, value),
            "name": f"{others.get('name', '')}_{value_word(value)}",
        }
        for value in choices
    ]


def _with_setting(table: Mapping[str, Any], setting: str, value: Any) -> dict[str, Any]:
    """Give the part of a member's table that has a setting, with a value of the setting."""
    part = "recipe"
    if setting in {item.name for item in fields(Augmentation)}:
        recipe = _section("members", MemberSettings, table).recipe_for(images=1)
        transforms = asdict(recipe.augmentation or Augmentation())
        setting, value = "augmentation", {**transforms, setting: value}
    elif setting not in {item.name for item in fields(Recipe)}:
        part = "arguments"
    return {part: {**table.get(part, {}), setting: value}}


def _section(where: str, kind: type[Section], table: Any) -> Section:
    """Make a value of a table of the file."""
    if not isinstance(table, Mapping):
        raise ArgumentError(f"{where} must be a table. Received: {table!r}. Write [{where}].")
    _check_keys(f"The table {where}", kind, table)
    for part in fields(kind):
        if part.type is bool and part.name in table:
            true_or_false(f"{where}.{part.name}", table[part.name])
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
    refuse_unknown(where, {key: table[key] for key in table if key not in hidden}, known - hidden)
    for part in fields(kind):
        is_required = part.default is MISSING and part.default_factory is MISSING
        if is_required and part.name not in table:
            raise ArgumentError(
                f"{where} must have the key {part.name!r}. Received: {', '.join(table)}. Add the "
                "key to the file."
            )
