"""The options of a teacher: a trained model from which others learn beside the labels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cyclopts import Group, Parameter

from zoo.arguments import real_number
from zoo.cli.words.values import Number
from zoo.ensembles.loading.names import settings_of
from zoo.errors import ArgumentError, DataError

if TYPE_CHECKING:
    from zoo.training.distillation import Teacher


@Parameter(name="*", group=Group("Teacher", sort_key=2))
@dataclass(frozen=True)
class TeacherOptions:
    """A trained model from which the models learn beside the labels.

    Args:
        teacher: Learn from the probabilities of this model too: trained weights by their name in
            `zoo weights`, a saved model, `.keras`, or the folder of a run.
        teacher_temperature: The higher, the more the less probable classes count; by default 4.
        teacher_share: The teacher's share of the loss, from 0 to 1; by default 0.9.
    """

    teacher: Path | None = None
    teacher_temperature: Number | None = None
    teacher_share: Number | None = None

    def __post_init__(self) -> None:
        for name in ("teacher_temperature", "teacher_share"):
            option, value = f"--{name.replace('_', '-')}", getattr(self, name)
            if value is not None and self.teacher is None:
                raise ArgumentError(
                    f"{option} must come with --teacher. Received: {option} {value:g} and no "
                    f"--teacher. Name a teacher, or leave {option} out."
                )
        if self.teacher_temperature is not None:
            real_number("--teacher-temperature", self.teacher_temperature, above=0, example=4)
        if self.teacher_share is not None:
            real_number("--teacher-share", self.teacher_share, least=0, most=1, example=0.9)
        if self.teacher is not None:  # said before the images are read
            try:
                settings_of(self.teacher)
            except DataError as error:
                fault = str(error).partition(" must ")[2]
                raise ArgumentError(f"--teacher must {fault}") from None

    def load(self) -> Teacher | None:
        """Load the teacher.

        Returns:
            The `zoo.Teacher`; None without `--teacher`.
        """
        if self.teacher is None:
            return None
        from zoo.ensembles.loading.names import committee_of
        from zoo.training.distillation import Teacher

        values = {"temperature": self.teacher_temperature, "share": self.teacher_share}
        given = {name: value for name, value in values.items() if value is not None}
        return Teacher(committee_of(self.teacher), **given)


NO_TEACHER = TeacherOptions()
"""The default of commands: the models learn from the labels alone."""
