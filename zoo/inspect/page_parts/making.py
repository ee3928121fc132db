"""Making the page of a model, part by part."""

from __future__ import annotations

import contextlib
import logging
import os
import platform
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.arguments import as_path
from zoo.files import write_atomically
from zoo.inspect.networks.progress import progress_bar
from zoo.inspect.page_parts.contents import PARTS, PagePart
from zoo.inspect.page_parts.paths import check_page_path
from zoo.inspect.page_parts.subject import Contents, LeftOut, Subject
from zoo.inspect.pictures.predictions import labelled_split
from zoo.pages.frame import Section, whole_page
from zoo.pages.parts import note
from zoo.text import as_plain_text, first_line, rich_table, shortened

if TYPE_CHECKING:
    from rich.table import Table

PACKAGES = ("committee-zoo", "tensorflow", "keras")
"""The packages whose versions stand on the page."""


@dataclass(frozen=True)
class ModelPage:
    """The page of a model or a committee. Prints as a table of its parts.

    Attributes:
        html: The text of the HTML file, which loads nothing else.
        summaries: Title of a part → what the part shows, or why it is left out, in a few words.

    Example:
        >>> print(ModelPage("<!DOCTYPE html>", {"Report": "accuracy 62.0 %"}))
        part    what it shows
        Report  accuracy 62.0 %
    """

    html: str
    summaries: Mapping[str, str]

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the page.

        Args:
            path: The path of the file, which ends in `.html`. A page that Zoo wrote is replaced.

        Returns:
            The path.

        Raises:
            ArgumentError: The path ends in another suffix, or another file is there.
            RunError: The file could not be written.
        """
        path = check_page_path(path)
        return write_atomically(path, lambda file: file.write_text(self.html, "utf-8"))

    def __rich__(self) -> Table:
        return rich_table(("part", "what it shows"), [*self.summaries.items()], right=False)

    def __str__(self) -> str:
        return as_plain_text(self)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self.html):,} characters: {', '.join(self.summaries)})"


def model_page(
    model_or_committee: Any,
    data: Any,
    labels: Any = None,
    *,
    run_folder: str | os.PathLike[str] | None = None,
    facts: Mapping[str, str] | None = None,
    verbose: str | int = "auto",
) -> ModelPage:
    """Make a page with all that can be seen of a model or a committee.

    The page has the report, the confusion matrix with the pictures of its cells, confidence,
    saliency with its sanity and faithfulness, weights, dead units, labels that may be wrong,
    confident mistakes, disputed images, and the members side by side. A part that a model cannot
    have is left out, and the page says why. An error in a part costs this part only.

    Args:
        model_or_committee: A built `keras.Model` of any kind, or a `zoo.ensembles.Committee`.
        data: A `Split`; images uint8 [n, height, width, channels]; a tuple (images, labels); or a
            dataset of such pairs. The images must not be those of the training.
        labels: Class ids, int [n], if `data` is an array.
        run_folder: The run folder of the training, for its learning curves, or None.
        facts: What else stands at the head of the page: name → value. None for nothing else.
        verbose: `"auto"` or 1 shows a progress bar on a terminal, 0 does not.

    Returns:
        The `ModelPage`: `save` it, or take its `html`.

    Raises:
        ArgumentError: The model is not built.
        DataError: The images, labels or classes do not fit.

    Example:
        >>> import zoo
        >>> data = zoo.datasets.load("digits")
        >>> model = zoo.build("softmax", input_shape=(8, 8, 1), num_classes=10, seed=0)
        >>> made = model_page(model, data.test.take(range(40)), verbose=0)
        >>> made.summaries["Disputed images"]
        'left out: A single model has no members that can disagree.'
    """
    split = labelled_split(model_or_committee, data, labels)
    folder = None if run_folder is None else as_path("run_folder", run_folder)
    subject = Subject(model_or_committee, split, folder)
    sections, summaries = [], {}
    total = sum(part.work for part in PARTS)
    with quiet_tracing(), progress_bar("Answers", total, verbose=verbose) as advance:
        _ = subject.predictions  # images that do not fit are an error of the page, not of a part
        for part in PARTS:
            section, summaries[part.title] = _made(part, subject, advance)
            sections.append(section)
    html = whole_page(
        f"Inside {_name(subject)}",
        sections,
        subtitle="What it answers, where it looks, what it has learned, and where it errs.",
        facts=dict(facts or {}) | _facts(subject),
    )
    return ModelPage(html, summaries)


def _made(part: PagePart, subject: Subject, advance: Any) -> tuple[Section, str]:
    """Make a part; or say on the page why there is none."""
    done = 0.0

    def advance_to(share: float) -> None:
        nonlocal done
        advance(part.work * (share - done))
        done = share

    advance(0, part.title)
    subject.advance = advance_to
    try:
        contents = part.show(subject)
    except LeftOut as reason:
        contents = Contents([note(f"Left out. {reason}")], f"left out: {reason}")
    except Exception as error:
        why = f"{type(error).__name__}: {first_line(error)}"
        warnings.warn(
            f"The part {part.title!r} of the page could not be made ({why}). Everything else goes "
            "on.",
            RuntimeWarning,
            stacklevel=3,
        )
        contents = Contents([note(f"This part could not be made ({why}).")], f"failed: {why}")
    advance_to(1.0)
    return Section(part.key, part.title, contents.parts), contents.summary


@contextlib.contextmanager
def quiet_tracing() -> Iterator[None]:
    """Silence TensorFlow's advice about graphs that are made again: each model has its own."""
    logger = logging.getLogger("tensorflow")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


def _name(subject: Subject) -> str:
    names = [*subject.members]
    return f"a committee of {len(names)}" if subject.is_committee else names[0]


def _facts(subject: Subject) -> dict[str, str]:
    """Say what the page is about, and how it came about."""
    split = subject.split
    height, width, channels = split.image_shape
    networks = ", ".join(
        f"{name} ({model.count_params():,} weights)" for name, model in subject.members.items()
    )
    facts = {
        "Networks" if subject.is_committee else "Network": networks,
        "Images": f"{len(split):,} of the split {split.name!r}, {height}×{width}×{channels}",
        "Classes": _listed(split.class_names),
        "Versions": ", ".join(
            [
                f"Python {platform.python_version()}",
                *(f"{name} {version(name)}" for name in PACKAGES),
            ]
        ),
        "Date": datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z"),
    }
    if subject.run_folder is not None:
        facts["Run folder"] = str(subject.run_folder)
    return facts


def _listed(names: Sequence[str], most: int = 20) -> str:
    """List names; of many, the first."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(shortened(name, 30) for name in names[:most]) + more
