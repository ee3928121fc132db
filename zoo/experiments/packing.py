"""Packing: a finished run of an experiment becomes weights that come with the package.

For maintainers, in a checkout: `python -m zoo.experiments.packing RUN_FOLDER --set NAME` writes the
weights and papers of all members and seeds into `zoo/weights/NAME/`, beside `set.toml`, which
people write.
"""

from __future__ import annotations

import argparse
import inspect
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import tomli_w

from zoo.datasets import ImageData, Split, load
from zoo.ensembles import Committee, pretrained
from zoo.ensembles.measures.calibration import expected_calibration_error
from zoo.ensembles.measures.scores import negative_log_likelihood
from zoo.errors import ArgumentError, DataError, RunError, ZooError
from zoo.experiments.environment import fingerprints
from zoo.experiments.features import make_member
from zoo.experiments.images import load_images
from zoo.experiments.settings import DataSettings, MemberSettings
from zoo.files import read_json, values_of_file, write_atomically
from zoo.recipes import Recipe
from zoo.registry import build
from zoo.registry.named_weights import named_weights
from zoo.weights import catalogue
from zoo.weights.catalogue import COMMITTEE, DIGESTS, WeightSet
from zoo.weights.paper import PARTS, Paper, Rounding, Scores, TrainingData, check_name, paper_of
from zoo.weights.tensors import SUFFIX, write_tensors

TIE = 0.01
"""How close the two best probabilities of an image are, if rounding may change its answer."""

MOST_CHANGED = 0.01
"""The largest difference of a probability that rounding the kernels may make."""

SPLIT_BY_DEFAULT = {
    key: inspect.signature(load).parameters[key].default for key in ("validation", "seed")
}
"""How images are held out where an experiment does not say it. Papers always say it."""

_REMEDY = "Run the experiment again, in a new folder."


@dataclass(frozen=True)
class Run:
    """A run of an experiment, as its folder holds it.

    Args:
        folder: The run folder.
        name: The name of the experiment.
        data: How its images are loaded.
        members: Its networks.
        environment: What it ran with.
        teacher: The weights, the temperature and the share of the teacher; empty for none.
    """

    folder: Path
    name: str
    data: DataSettings
    members: Mapping[str, MemberSettings]
    environment: Mapping[str, Any]
    teacher: Mapping[str, Any]

    @classmethod
    def read(cls, folder: Path) -> Run:
        """Read the settings of a run.

        Args:
            folder: The run folder.

        Raises:
            ArgumentError: The run cannot give weights.
            RunError: The folder holds no run, or is damaged.
        """
        path = folder / "experiment.json"
        if not path.is_file():
            raise RunError(
                "RUN_FOLDER must be the folder of a run of `zoo reproduce`. Received: "
                f"{folder}, without {path.name}. Check the path."
            )
        with values_of_file(path, _REMEDY):
            return cls._of_values(folder, read_json(path, _REMEDY))

    @classmethod
    def _of_values(cls, folder: Path, written: Mapping[str, Any]) -> Run:
        """Take the settings of a run from the values that its folder holds."""
        settings = written["settings"]
        for key, reason in (
            ("quick", "which trains on a few images"),
            ("sweep", "whose members are trials"),
            ("features", "whose members take no images"),
        ):
            if settings.get(key):
                raise ArgumentError(
                    f"RUN_FOLDER must be the run of an experiment without {key}. Received: "
                    f"{folder}, {reason}. Name another run."
                )
        if settings["protocol"]["new_splits"]:
            raise ArgumentError(
                "RUN_FOLDER must be a run whose seeds share the images. Received: "
                f"{folder}, with new_splits = true. Name another run."
            )
        members = {part["name"]: MemberSettings(**part) for part in settings["members"]}
        data = DataSettings(**settings["data"])
        teacher = settings["teacher"] or {}
        return cls(folder, settings["name"], data, members, written["environment"], teacher)

    def trainings(self) -> Iterator[tuple[int, Committee]]:
        """Go through the seeds whose training is finished: the seed, and the trained networks.

        Raises:
            ArgumentError: No seed is finished.
        """
        finished = {
            int(match[1]): path
            for path in self.folder.glob("seed-*.json")
            if (match := re.fullmatch(r"seed-(\d+)\.json", path.name))
        }
        if not finished:
            raise ArgumentError(
                f"RUN_FOLDER must hold a seed that is finished. Received: {self.folder}, with "
                "none. Run the experiment to the end of a seed."
            )
        for seed in sorted(finished):
            yield seed, Committee.load(self.folder / f"seed-{seed}" / "committee.keras")

    def images(self, root: Any) -> ImageData:
        """Load the images of the run, and compare them with the checksums in the run folder.

        Args:
            root: As for `zoo.experiments.reproduce`.

        Raises:
            DataError: The images are others.
        """
        data = load_images(self.data, root)
        for path in sorted(self.folder.glob("seed-*[0-9].json")):
            with values_of_file(path, _REMEDY):
                written = read_json(path, _REMEDY)["fingerprint"]
            if written != fingerprints(data):
                raise DataError(
                    f"The images must be those of the run. Received: others than {path} names. "
                    "Name the place of the images with --root."
                )
        if data.validation is None or data.test is None:
            raise DataError(
                "The images must have a validation and a test split, on which weights are judged. "
                f"Received: {', '.join(data.splits)}. Hold out images in the experiment's file."
            )
        return data


def pack(run_folder: Path, set_name: str, root: Any = None) -> list[str]:
    """Write the weights and the papers of a run into a set, and score the committee of the set.

    Args:
        run_folder: The folder of `zoo reproduce weights/…`.
        set_name: The name of the set, whose folder in `zoo/weights` holds `set.toml`.
        root: Where the images are, as for `zoo reproduce`.

    Returns:
        The names of the weights, such as `"fer2013/vgg-0"`.

    Raises:
        ArgumentError: The run cannot give weights, or does not fit the other weights of the set.
        DataError: The images are others, or `set.toml` is missing or not as described.
        RunError: The run folder is damaged.
    """
    check_name(f"{set_name}/member")
    weights = WeightSet(catalogue.FOLDER / set_name)
    assert weights.about  # which reads and checks the file
    run = Run.read(Path(run_folder))
    data = run.images(root)
    trainings = dict(run.trainings())
    facts = _describe_images(run, data, weights, trainings.values())
    packed = []
    for seed, committee in trainings.items():
        models = dict(zip(committee.member_names, committee.members, strict=True))
        seconds = committee.training.get("seconds") or {}
        for name, settings in run.members.items():
            paper = _pack_member(
                weights, f"{name}-{seed}", settings, models[name], data,
                {
                    "data": asdict(facts), "seed": seed, "experiment": run.name,
                    "environment": run.environment, "seconds": round(seconds.get(name, 0.0), 1),
                    "teacher": run.teacher.get("weights", ""),
                    "teaching": {k: v for k, v in run.teacher.items() if k != "weights"},
                },
            )  # fmt: skip
            packed.append(paper.name)
    _score_committee(WeightSet(weights.folder), data)
    return packed


def _describe_images(
    run: Run, data: ImageData, weights: WeightSet, trained: Iterable[Committee]
) -> TrainingData:
    """Write the digests of the images of a set, and compare the images with its other papers.

    Networks also know the images of the weights that they began with, and of their teacher. People
    choose by the validation images.
    """
    assert data.validation is not None
    known_to = [committee.provenance for committee in trained]
    digests = {
        kind: np.unique(np.concatenate([own, *(getattr(part, kind) for part in known_to)]))
        for kind, own in (
            ("trained_on", data.train.digests),
            ("tuned_on", data.validation.digests),
        )
    }
    known = [member.paper for member in weights.weights]
    before = weights.digests() if known else digests
    shape, classes = data.image_shape, tuple(data.class_names)
    for paper in known:
        if (
            (paper.input_shape, paper.class_names) != (shape, classes)
            or paper.data.fingerprint != fingerprints(data)
            or not all(np.array_equal(before[kind], digests[kind]) for kind in digests)
        ):
            raise ArgumentError(
                f"All weights of a set must be of the same images. Received: {run.folder}, whose "
                f"images differ from those of {paper.name}. Name another set."
            )
    file = write_tensors(weights.folder / DIGESTS, digests)
    return TrainingData(
        name=run.data.name,
        options={**SPLIT_BY_DEFAULT, **run.data.options},
        images={name: len(split) for name, split in data.splits.items()},
        fingerprint=fingerprints(data),
        digests_sha256=file.sha256,
    )


def _pack_member(
    weights: WeightSet,
    member: str,
    settings: MemberSettings,
    trained: Any,
    data: ImageData,
    facts: Mapping[str, Any],
) -> Paper:
    """Write the weights of a network, rounded where that changes no answer, and the paper."""
    made = make_member(settings, len(data.train), facts["seed"])
    recipe = cast(Recipe, made.recipe)
    arguments = json.loads(json.dumps(made.all_arguments))
    began_with = arguments.pop("weights", "")
    model = build(
        settings.model, input_shape=data.image_shape, num_classes=data.num_classes,
        standardize=recipe.standardize, **arguments,
    )  # fmt: skip
    network = Committee(model, voting="soft")
    arrays = {name: weight.numpy() for name, weight in named_weights(trained).items()}
    if not all(np.isfinite(array).all() for array in arrays.values()):
        raise ArgumentError(
            f"Weights must be finite numbers. Received: {weights.name}/{member}, with others. "
            "Train with a lower learning rate."
        )
    exact, splits = _answers(network, arrays, data), _splits(data)
    halves = {name: _rounded(array) for name, array in arrays.items()}
    answers = _answers(network, halves, data)
    rounding = _effect_of_rounding(exact, answers)
    if rounding is None:
        rounding, halves, answers = Rounding("float32", 0.0, 0), arrays, exact
    scores = {part: _scores(answers[part], splits[part].labels) for part in PARTS}
    file = write_tensors(weights.folder / f"{member}{SUFFIX}", halves)
    table = {
        "model": settings.model,
        "arguments": arguments,
        "input_shape": list(data.image_shape),
        "class_names": list(data.class_names),
        "recipe": asdict(recipe),
        "scores": {part: asdict(value) for part, value in scores.items()},
        "rounding": asdict(rounding),
        "sha256": file.sha256,
        "began_with": began_with,
        **facts,
    }
    paper = paper_of(f"{weights.name}/{member}", table)
    _write_toml(weights.folder / f"{member}.toml", paper.to_table())
    return paper


def _splits(data: ImageData) -> dict[str, Split]:
    """Name of each part on which weights are judged → its images."""
    return {part: data.splits[part] for part in PARTS}


def _answers(
    network: Committee, arrays: Mapping[str, np.ndarray], data: ImageData
) -> dict[str, np.ndarray]:
    """Compute the probabilities of a network with the given weights: name of a part → [n, classes].

    The network computes in float32, as a machine without bfloat16 does.
    """
    for name, variable in named_weights(network.members[0]).items():
        variable.assign(arrays[name].astype(np.float32))
    return {part: network.predict(split) for part, split in _splits(data).items()}


def _rounded(array: np.ndarray) -> np.ndarray:
    """Round a kernel to float16. Vectors, such as moving statistics, are small and stay."""
    with np.errstate(over="ignore"):
        half = array.astype(np.float16)
    return half if array.ndim > 1 and np.isfinite(half).all() else array


def _effect_of_rounding(
    exact: Mapping[str, np.ndarray], answers: Mapping[str, np.ndarray]
) -> Rounding | None:
    """Say what rounding changes; None if it changes more than rounding may."""
    before = np.concatenate([exact[part] for part in PARTS])
    after = np.concatenate([answers[part] for part in PARTS])
    difference = float(abs(before - after).max())
    changed = before.argmax(axis=1) != after.argmax(axis=1)
    best = np.sort(before[changed], axis=1)
    are_ties = bool((best[:, -1] - best[:, -2] <= TIE).all())
    if not difference <= MOST_CHANGED or not are_ties:
        return None
    return Rounding("float16", round(difference, 6), int(changed.sum()))


def _scores(probabilities: np.ndarray, labels: np.ndarray) -> Scores:
    return Scores(
        int((probabilities.argmax(axis=1) == labels).sum()),
        len(labels),
        round(negative_log_likelihood(probabilities, labels), 5),
        round(expected_calibration_error(probabilities, labels), 5),
    )


def _score_committee(weights: WeightSet, data: ImageData) -> None:
    """Judge all members of a set together, from the files that were written."""
    committee = pretrained(weights.name)
    scores = {
        part: asdict(_scores(committee.predict(split), split.labels))
        for part, split in _splits(data).items()
    }
    table = {"members": list(weights.members), "scores": scores}
    _write_toml(weights.folder / COMMITTEE, table)


def _write_toml(path: Path, table: Mapping[str, Any]) -> None:
    write_atomically(path, lambda temporary: temporary.write_text(tomli_w.dumps(table), "utf-8"))


def main(words: Sequence[str] | None = None) -> None:
    """Pack the run that the command line names, and print what was written."""
    parser = argparse.ArgumentParser("python -m zoo.experiments.packing", description=__doc__)
    parser.add_argument("run_folder", type=Path, metavar="RUN_FOLDER")
    parser.add_argument("--set", required=True, dest="set_name", help="the name of the set")
    parser.add_argument("--root", type=Path, help="where the images are, as for zoo reproduce")
    given = parser.parse_args(words)
    try:
        for name in pack(given.run_folder, given.set_name, given.root):
            print(name)
    except ZooError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
