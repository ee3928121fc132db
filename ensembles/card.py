"""The model card of a committee: members, training data, scores and limits, as Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from importlib.metadata import version
from typing import Any

import numpy as np

from zoo.augmentation.augmentation import Augmentation
from zoo.ensembles.committee import Committee
from zoo.ensembles.reports.report import Report
from zoo.ensembles.reports.tables import class_label, score_table
from zoo.recipes import Recipe
from zoo.text import for_markdown, markdown_table, percent

RECIPE_COLUMNS = ("optimizer", "learning_rate", "schedule", "batch_size", "epochs")
"""Settings that the card gives for every recipe. The card gives other settings only if a recipe
changes the default."""

FEW_IMAGES = 100
"""The recall of a class with fewer test images than this is called uncertain."""


def model_card(committee: Committee, report: Report) -> str:
    """Write a model card (Mitchell et al., 2019) of a committee.

    Args:
        committee: A trained committee.
        report: The report of the committee on images that no member was trained on.

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
    rows = ((row.name, row.values) for row in report.scores)
    scores = score_table("", rows, report.validation, every=True)
    parts = [
        f"# Model card: {', '.join(committee.member_names)}",
        _members(committee),
        "## Data",
        _data(committee, report),
        f"## Scores on {report.split}",
        report.verdict(),
        scores.to_markdown(),
        "## Calibration",
        _calibration(committee, report),
        "## Limits",
        _limits(report),
        f"Written by Zoo with TensorFlow {version('tensorflow')} and Keras {version('keras')}.",
    ]
    return for_markdown("\n\n".join(parts)) + "\n"


def _members(committee: Committee) -> str:
    _, height, width, channels = committee.input_shape
    rule = committee.rule
    method = rule.definition.description or f"{rule.voting} vote"
    if rule.weights:
        method += f" with the weights {', '.join(f'{weight:.3g}' for weight in rule.weights)}"
    classes = ", ".join(map(class_label, committee.label_names))
    sentence = (
        f"The input is an image of pixels 0..255, {height}×{width}×{channels}. The output is one "
        f"of {committee.output_shape[-1]} classes: {classes}."
    )
    if len(committee.members) > 1:
        sentence += f" The {len(committee.members)} members decide by {method}."
    arguments = committee.training.get("arguments") or {}  # none in files of earlier versions
    rows = [
        [
            name,
            model.name,
            *([_listed(arguments.get(name, {}))] if arguments else []),
            f"{model.count_params():,}",
            *(f"{getattr(recipe, key)}" for key in RECIPE_COLUMNS),
            _other_settings(recipe),
        ]
        for name, model, recipe in zip(
            committee.member_names, committee.members, committee.recipes, strict=True
        )
    ]
    columns = [key.replace("_", " ") for key in RECIPE_COLUMNS]
    built_with = ["arguments"] if arguments else []
    header = ["member", "model", *built_with, "parameters", *columns, "other settings"]
    if len(rows) == 1:  # a single model is not called a member
        header, rows = header[1:], [rows[0][1:]]
    parts = [sentence, markdown_table(header, rows)]
    if "resampling" in committee.training:
        parts.append(_training(committee))
    return "\n\n".join(parts)


def _training(committee: Committee) -> str:
    training = {"snapshots": None, "teacher": None, **committee.training}
    sentences = [f"The seed was {committee.seed}."]
    if training["snapshots"]:
        sentences.append(
            f"The members are {training['snapshots']} snapshots of one training in cycles."
        )
    if training["resampling"] == "order":
        sentences.append("Each member saw the images in an order of its own.")
    elif training["resampling"]:
        sentences.append(f"Each member had images of its own: {training['resampling']}.")
    if training["teacher"]:
        settings = ", ".join(f"{key} {value}" for key, value in training["teacher"].items())
        learners = "members" if len(committee.members) > 1 else "model"
        sentences.append(
            f"The {learners} learned from another model as well as from the labels ({settings})."
        )
    return " ".join(sentences)


def _other_settings(recipe: Recipe) -> str:
    """Write the settings of a recipe, except `RECIPE_COLUMNS`, that differ from the default."""
    settings = _differences(recipe, Recipe())
    if recipe.augmentation:
        transforms = _differences(recipe.augmentation, Augmentation())
        words = (key if value is True else f"{key} {value}" for key, value in transforms.items())
        settings["augmentation"] = ", ".join(words)
    return _listed(settings)


def _listed(settings: Mapping[str, Any]) -> str:
    """Write settings in a cell of a table; a tuple as its values, as a list from a file too."""
    cells = {
        key: ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else value
        for key, value in settings.items()
    }
    return "; ".join(f"{key}: {value}" for key, value in cells.items()) or "–"


def _differences(value: Any, default: Any) -> dict[str, Any]:
    """Find the fields of a dataclass, except `RECIPE_COLUMNS`, that differ from the default."""
    names = (field.name for field in fields(value) if field.name not in RECIPE_COLUMNS)
    return {
        name.replace("_", " "): getattr(value, name)
        for name in names
        if getattr(value, name) != getattr(default, name)
    }


def _data(committee: Committee, report: Report) -> str:
    settings = committee.data_settings
    trained = f"Trained on {committee.trained_images:,} different images"
    if not committee.trained_images:
        sentences = ["The training images are not known."]
    elif not settings:
        sentences = [f"{trained}, given as arrays."]
    else:
        sentences = [f"{trained} of the data set {settings['name']}."]
        options = ", ".join(
            f"{key.replace('_', ' ')} {value}"
            for key, value in settings.items()
            # A path says nothing to others.
            if key not in ("name", "root", "exclude")
            and value not in (None, False, 0, "stretch", "raise")
        )
        sentences.append(f"Loaded with {options}." if options else "")
        if excluded := settings.get("exclude"):
            counts = ", ".join(f"{count:,} of {split}" for split, count in excluded.items())
            sentences.append(
                f"Left out by a list: {sum(excluded.values()):,} images ({counts}), for example "
                "because their labels are probably wrong."
            )
    sentences.append(report.leaderboard.verdict.overlap.warning())
    sentences.append(report.leak_search.sentence())
    if committee.out_of_bag:
        sentences.append(f"Accuracy out of bag: {committee.out_of_bag}.")
    return " ".join(filter(None, sentences))


def _calibration(committee: Committee, report: Report) -> str:
    row = report.leaderboard[report.leaderboard.committee]
    mean = np.average(
        report.analysis.reliability.confidence, weights=report.analysis.reliability.count
    )
    words = [
        f"Log loss (NLL) {row.negative_log_likelihood} nats, Brier score {row.brier}; expected "
        f"calibration error (ECE) {row.calibration_error} in bins of equal width, "
        f"{row.calibration_error_mass} in bins of equal mass, from 0 to 1. In brackets stand 95 % "
        f"bootstrap intervals. The mean confidence is {percent(mean)}, the accuracy "
        f"{percent(report.committee.accuracy.value)}."
    ]
    if committee.rule.temperature is not None:
        words.append(
            "The probabilities are calibrated with the temperature "
            f"{committee.rule.temperature:.3g}."
        )
    if committee.rule.definition.counts_votes and report.comparison:
        words.append("The outputs are shares of the vote, not probabilities of being right.")
    return " ".join(words)


def _limits(report: Report) -> str:
    classes = [replace(score, name=class_label(score.name)) for score in report.classes]
    tested = [score for score in classes if score.support]
    worst = min(tested, key=lambda score: score.recall)
    confusion = np.where(np.eye(len(report.confusion), dtype=bool), 0, report.confusion)
    true, taken = np.unravel_index(confusion.argmax(), confusion.shape)
    items = [
        f"The class with the lowest recall is {worst.name}: {percent(worst.recall)} of "
        f"{worst.support:,} images."
    ]
    if confusion.any():
        items.append(
            f"The commonest mistake is to take {class_label(report.class_names[true])} for "
            f"{class_label(report.class_names[taken])}: {confusion[true, taken]:,} images."
        )
    if absent := [score.name for score in classes if not score.support]:
        items.append(
            f"No image was there to judge these classes by: {', '.join(absent)}. The macro F1 is "
            "the mean over the classes that are the true or the predicted class of an image."
        )
    few = [score.name for score in tested if score.support < FEW_IMAGES]
    if few:
        items.append(
            f"Fewer than {FEW_IMAGES} images were there to judge these classes by: "
            f"{', '.join(few)}."
        )
    coverage = ", ".join(
        f"{percent(value)} on the most confident {100 * part:.0f} %"
        for part, value in report.analysis.coverage_accuracy.items()
    )
    items.append(f"Accuracy where only the most confident answers count: {coverage}.")
    if report.analysis.detection:
        areas = ", ".join(f"{area} by {name}" for name, area in report.analysis.detection.items())
        items.append(f"Out-of-distribution images are told from these with an AUROC of {areas}.")
    else:
        items.append(
            f"The {'committee' if report.comparison else 'model'} was not tested on "
            "out-of-distribution images, to which it also gives one of its classes."
        )
    return "\n".join(f"- {item}" for item in items)
