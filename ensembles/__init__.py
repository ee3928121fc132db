"""Committees: several models that decide by vote, and measures of how good the decisions are.

Importing this package loads neither TensorFlow nor scikit-learn: each name is imported when it is
first used.

Example:
    >>> import zoo.ensembles
    >>> zoo.ensembles.Member("bn_mlp").name
    'bn_mlp'
"""

import importlib
from typing import TYPE_CHECKING, Any

from zoo.starting.start_up_notes import without_start_up_notes

if TYPE_CHECKING:
    from zoo.ensembles.answering.answer import Answer
    from zoo.ensembles.card import model_card
    from zoo.ensembles.choosing import calibrate, select
    from zoo.ensembles.classifier import CommitteeClassifier
    from zoo.ensembles.combining.rules import Rule
    from zoo.ensembles.committee import Committee
    from zoo.ensembles.comparing import compare
    from zoo.ensembles.loading.sets import pretrained
    from zoo.ensembles.members import Member
    from zoo.ensembles.reports.leaderboard import Leaderboard
    from zoo.ensembles.reports.report import Report
    from zoo.ensembles.stacking import stack

_HOMES = {
    "Answer": "answering.answer",
    "Committee": "committee",
    "CommitteeClassifier": "classifier",
    "Leaderboard": "reports.leaderboard",
    "Member": "members",
    "Report": "reports.report",
    "Rule": "combining.rules",
    "calibrate": "choosing",
    "compare": "comparing",
    "model_card": "card",
    "pretrained": "loading.sets",
    "select": "choosing",
    "stack": "stacking",
}
__all__ = [
    "Answer",
    "Committee",
    "CommitteeClassifier",
    "Leaderboard",
    "Member",
    "Report",
    "Rule",
    "calibrate",
    "compare",
    "model_card",
    "pretrained",
    "select",
    "stack",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: TensorFlow takes seconds."""
    if name in _HOMES:
        with without_start_up_notes():
            return getattr(importlib.import_module(f"zoo.ensembles.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'zoo.ensembles' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
