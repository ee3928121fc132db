"""Looking inside: pictures and numbers of what networks and committees have learned.

Each function gives numbers first, as a value with arrays, and a picture of them by its `plot`
method. Users call these functions, and the command `zoo inspect` writes a page with them. Importing
this package does not load TensorFlow: each name is imported when it is first used.

Example:
    >>> import zoo.inspect
    >>> zoo.inspect.explain.__name__
    'explain'
"""

import importlib
from typing import Any

from zoo.starting.start_up_notes import without_start_up_notes

_HOMES = {
    "Activations": "units.activations",
    "Barrier": "landscapes.barrier",
    "DeadUnits": "units.dead",
    "Explanation": "explaining.explanation",
    "Faithfulness": "judging.faithfulness",
    "GraphLog": "watching.graph_log",
    "HistogramLog": "watching.histogram_log",
    "KernelImages": "units.kernels",
    "LabelSuspects": "pictures.label_suspects",
    "Landscape": "landscapes.landscape",
    "Leaks": "pictures.leaks",
    "LearningCurves": "curves.learning",
    "MaximizedUnits": "units.maximizing",
    "ModelPage": "page_parts.making",
    "Neighbours": "pictures.neighbours",
    "RankedImages": "pictures.ranked_images",
    "ReliabilityCurves": "curves.reliability",
    "RiskCoverageCurves": "curves.risk",
    "SaliencyLog": "watching.saliency_log",
    "SanityCheck": "judging.sanity",
    "SweepCurve": "curves.sweep",
    "Trajectory": "landscapes.descent",
    "WeightPath": "landscapes.weight_path",
    "activations": "units.activations",
    "barrier": "landscapes.barrier",
    "dead_units": "units.dead",
    "descend": "landscapes.descent",
    "disputed": "pictures.mistakes",
    "explain": "explaining.explain",
    "faithfulness": "judging.faithfulness",
    "features": "units.activations",
    "label_suspects": "pictures.label_suspects",
    "landscape": "landscapes.landscape",
    "leaks": "pictures.leaks",
    "learning_curves": "curves.learning",
    "log_features": "watching.feature_log",
    "maximize": "units.maximizing",
    "mistakes": "pictures.mistakes",
    "model_page": "page_parts.making",
    "neighbours": "pictures.neighbours",
    "reliability": "curves.reliability",
    "risk_coverage": "curves.risk",
    "sanity_check": "judging.sanity",
    "sweep_curve": "curves.sweep",
    "weights": "units.kernels",
}
"""Public name → module that defines it, below `zoo.inspect`."""

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    if name in _HOMES:
        with without_start_up_notes():
            return getattr(importlib.import_module(f"zoo.inspect.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'zoo.inspect' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
