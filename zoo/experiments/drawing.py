"""The figures of an experiment, as the reports drew them."""

from collections.abc import Callable, Sequence
from pathlib import Path

from zoo.datasets import ImageData
from zoo.ensembles import Committee
from zoo.files import errors_as_warnings, write_atomically
from zoo.inspect import learning_curves, weights


def draw_figures(
    figures: Sequence[str], committee: Committee, data: ImageData, run: Path, stem: Path
) -> None:
    """Draw the figures of a seed. A picture that cannot be drawn is a warning.

    Args:
        figures: What to draw: `"report"`, `"curves"`, `"weights"`.
        committee: The trained members.
        data: The images.
        run: The run folder of the training.
        stem: The beginning of the pictures' paths: `seed-0` gives `seed-0-report.png`.
    """
    drawings: dict[str, Callable[[], None]] = {
        "report": lambda: _draw_report(committee, data, stem),
        "curves": lambda: _draw_curves(run, stem),
        "weights": lambda: _draw_weights(committee, stem),
    }
    for name in figures:
        with errors_as_warnings(f"The figure {name}"):
            drawings[name]()


def _draw_report(committee: Committee, data: ImageData, stem: Path) -> None:
    """Draw accuracies, the confusion matrix, and precision, recall and F1 of each class."""
    if data.test is not None:
        report = committee.report(data.test)
        for suffix in ("png", "json", "md"):
            report.save(f"{stem}-report.{suffix}")


def _draw_curves(run: Path, stem: Path) -> None:
    """Draw the accuracy after each epoch."""
    _save(learning_curves(run).plot().figure, f"{stem}-curves.png")


def _draw_weights(committee: Committee, stem: Path) -> None:
    """Draw the weights of each member's first layer as images."""
    for name, model in zip(committee.member_names, committee.members, strict=True):
        drawn = weights(model).plot()
        _save(getattr(drawn, "figure", drawn), f"{stem}-weights-{name}.png")


def _save(figure: object, path: str) -> None:
    write_atomically(path, lambda file: figure.savefig(file, format="png"))  # type: ignore[attr-defined]
