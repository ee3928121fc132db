"""A model card: what a committee is, what it was trained on, how good it is, and where it ends."""

from __future__ import annotations

from dataclasses import fields
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.augmentation.augmentation import Augmentation
from zoo.ensembles.combining.rules import STACKING
from zoo.ensembles.reports.leaderboard import caution
from zoo.recipes import Recipe
from zoo.text import markdown_table, percent

if TYPE_CHECKING:
    from zoo.ensembles.committee import Committee
    from zoo.ensembles.reports.report import Report

TOLD = ("optimizer", "learning_rate", "schedule", "batch_size", "epochs")
"""What the card says of every recipe; of the rest only what was changed."""

FEW = 100
"""Test images of a class below which its recall is called uncertain."""


def model_card(committee: Committee, report: Report) -> str:
    """Write a model card (Mitchell et al., 2019) from a committee and its report.

    Args:
        committee: A trained committee.
        report: Its report, on images that no member was trained on.

    Returns:
        Markdown: members with their recipes, data, scores with intervals, calibration, limits.

    Example:
        >>> import zoo
        >>> from zoo.ensembles import Committee, model_card
        >>> data = zoo.datasets.load("digits")
        >>> committee = Committee(["softmax", "bn_mlp"])
        >>> history = committee.fit(data.train, epochs=1, batch_size=64, verbose=0)
        >>> print(model_card(committee, committee.report(data.test)).splitlines()[0])
        # Model card: softmax, bn_mlp
    """
    parts = [
        f"# Model card: {', '.join(committee.member_names)}",
        _what_it_is(committee),
        "## Data",
        _data(committee, report),
        f"## Scores on {report.split}",
        report.verdict(),
        markdown_table(
            ["", "accuracy", "95 % interval", "images", "macro F1"],
            (
                [
                    score.name,
                    percent(score.accuracy.value),
                    f"{100 * score.accuracy.low:.1f} – {100 * score.accuracy.high:.1f}",
                    f"{score.accuracy.n:,}",
                    percent(score.macro_f1),
                ]
                for score in report.scores
            ),
        ),
        "## Calibration",
        _calibration(committee, report),
        "## Limits",
        _limits(report),
        f"Written by Zoo with TensorFlow {version('tensorflow')} and Keras {version('keras')}.",
    ]
    return "\n\n".join(parts) + "\n"


def _what_it_is(committee: Committee) -> str:
    _, height, width, channels = committee.input_shape
    rule = committee.rule
    if rule.voting == STACKING:
        how = "by a logistic regression on what they say of images that they were not trained on"
    else:
        how = f"by {rule.voting} vote" + (
            f" with the weights {', '.join(f'{weight:.3g}' for weight in rule.weights)}"
            if rule.weights
            else ""
        )
    several = len(committee.members) > 1
    lines = [
        f"It takes pixels 0..255, {height}×{width}×{channels}, and tells "
        f"{committee.output_shape[-1]} classes apart: {', '.join(committee.label_names)}."
        + (f" Its {len(committee.members)} members decide {how}." if several else "")
    ]
    names = committee.member_names
    rows = []
    for name, model, recipe in zip(names, committee.members, committee.recipes, strict=True):
        told = [f"{getattr(recipe, key)}" for key in TOLD]
        rows.append([name, model.name, f"{model.count_params():,}", *told, _rest(recipe)])
    told = [key.replace("_", " ") for key in TOLD]
    lines.append(markdown_table(["member", "model", "parameters", *told, "other settings"], rows))
    if committee.training:
        lines.append(_how_it_was_trained(committee))
    return "\n\n".join(lines)


def _how_it_was_trained(committee: Committee) -> str:
    how = committee.training
    sentences = [f"The seed was {committee.seed}."]
    if how["snapshots"]:
        sentences.append(f"The members are {how['snapshots']} snapshots of one training in cycles.")
    if how["resampling"] == "order":
        sentences.append("Each member saw the images in an order of its own.")
    elif how["resampling"]:
        sentences.append(f"Each member had images of its own: {how['resampling']}.")
    if how["teacher"]:
        told = ", ".join(f"{key} {value}" for key, value in how["teacher"].items())
        sentences.append(f"Beside the labels they learned from another model ({told}).")
    return " ".join(sentences)


def _rest(recipe: Recipe) -> str:
    """What a recipe has beside `TOLD`, where it is not as by default."""
    found = _changed(recipe, Recipe())
    if recipe.augmentation:
        transforms = _changed(recipe.augmentation, Augmentation())
        words = (key if one is True else f"{key} {one}" for key, one in transforms.items())
        found["augmentation"] = ", ".join(words)
    return "; ".join(f"{key}: {value}" for key, value in found.items()) or "–"


def _changed(value: Any, plain: Any) -> dict[str, Any]:
    """The fields of a dataclass that differ from those of another, but for `TOLD`."""
    return {
        field.name.replace("_", " "): getattr(value, field.name)
        for field in fields(value)
        if field.name not in TOLD and getattr(value, field.name) != getattr(plain, field.name)
    }


def _data(committee: Committee, report: Report) -> str:
    settings = committee.data_settings
    trained = f"Trained on {committee.trained_images:,} different images"
    if not committee.trained_images:
        sentences = ["It is not known what images it was trained on."]
    elif not settings:
        sentences = [f"{trained}, given as arrays."]
    else:
        sentences = [f"{trained} of the data set {settings['name']}."]
        told = {key: value for key, value in settings.items() if value and key != "name"}
        asked = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in told.items())
        sentences.append(f"Loaded with {asked}." if asked else "")
    n = report.committee.accuracy.n
    sentences.append(caution(n, report.trained_on, report.tuned_on).strip())
    if committee.out_of_bag:
        sentences.append(f"Accuracy out of bag: {committee.out_of_bag}.")
    return " ".join(filter(None, sentences))


def _calibration(committee: Committee, report: Report) -> str:
    board = report.leaderboard
    entry = board[board.committee]
    mean = np.average(
        report.analysis.reliability.confidence, weights=report.analysis.reliability.count
    )
    words = [
        f"Log loss {entry.negative_log_likelihood} nats, Brier score {entry.brier}; expected "
        f"calibration error {entry.calibration_error} in bins of equal width, "
        f"{entry.calibration_error_mass} in bins of equal mass, from 0 to 1 (in brackets 95 % "
        f"bootstrap intervals). Its mean confidence is {100 * mean:.1f} %, its accuracy "
        f"{100 * report.committee.accuracy.value:.1f} %."
    ]
    if committee.rule.temperature is not None:
        words.append(
            f"Probabilities are calibrated with the temperature {committee.rule.temperature:.3g}."
        )
    if committee.rule.voting == "majority":
        words.append("They are shares of the vote, not probabilities of being right.")
    return " ".join(words)


def _limits(report: Report) -> str:
    tried = [one for one in report.classes if one.support]
    worst = min(tried, key=lambda one: one.recall)
    confusion = np.where(np.eye(len(report.confusion), dtype=bool), 0, report.confusion)
    true, taken = np.unravel_index(confusion.argmax(), confusion.shape)
    items = [
        f"It recognises {worst.name} worst: {100 * worst.recall:.1f} % of {worst.support:,} "
        "images.",
    ]
    if confusion.any():
        items.append(
            f"Its commonest mistake is to take {report.class_names[true]} for "
            f"{report.class_names[taken]}: {confusion[true, taken]:,} images."
        )
    few = [one.name for one in report.classes if one.support < FEW]
    if few:
        items.append(f"There are fewer than {FEW} images to judge it by of: {', '.join(few)}.")
    surest = report.analysis.coverage_accuracy
    items.append(
        "Of the images that it is surest of, it gets right "
        + ", ".join(f"{100 * value:.1f} % of {100 * part:.0f} %" for part, value in surest.items())
        + "."
    )
    if report.analysis.detection:
        told = ", ".join(
            f"{area} by its {name}" for name, area in report.analysis.detection.items()
        )
        items.append(f"It tells images of another data set from these with an AUROC of {told}.")
    else:
        items.append(
            "It was not tried on images of another kind; for these too it names one of its classes."
        )
    return "\n".join(f"- {item}" for item in items)
