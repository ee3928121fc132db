"""How well suspects of wrong labels in FER2013 agree with the ten people of FER+.

Needs the faces of FER2013 and the votes of FER+ in `$ZOO_DATA`. The scores of cleanlab are measured
beside ours where it is installed.
"""

from dataclasses import replace
from typing import Any

import numpy as np

import zoo.datasets
from benchmarks.measure import keep, show
from zoo.ensembles.measures.bootstrap import Estimate, percentile_interval
from zoo.ensembles.stacking import out_of_fold_probabilities
from zoo.inspect.pictures.label_quality import SCORES

MEMBERS = ["bn_mlp", "lasso_mlp", "deep_mlp"]
FIRST = 500
NAMES_IN_FER = {
    "happiness": "happy",
    "sadness": "sad",
    "anger": "angry",
    **{name: name for name in ("neutral", "surprise", "disgust", "fear")},
}
"""Emotion in FER+ → emotion in FER2013, which does not have contempt."""


def labels_of_people(faces: Any, votes: Any) -> np.ndarray:
    """Give the label of the majority of FER+ for each face of FER2013.

    Args:
        faces: A split of FER2013.
        votes: The split of FER+ with the same faces.

    Returns:
        Class ids of FER2013, int64 [n]; -1 for contempt, -2 where the people have no majority.
    """
    ids = [
        faces.class_names.index(NAMES_IN_FER[name]) if name in NAMES_IN_FER else -1
        for name in votes.class_names
    ]
    digests, first = np.unique(votes.digests, return_index=True)
    rows = np.searchsorted(digests, faces.digests).clip(0, len(digests) - 1)
    labels = np.array(ids)[votes.labels[first[rows]]]
    return np.where(digests[rows] == faces.digests, labels, -2)


def agreement(
    suspicion: np.ndarray, wrong: np.ndarray, resamples: int = 1000, first: int = FIRST
) -> dict[str, Estimate]:
    """Measure how well a score finds wrong labels.

    Args:
        suspicion: float [n], high for labels that may be wrong.
        wrong: Whether the label is wrong, bool [n].
        resamples: How many times the images are drawn again for the 95 % intervals.
        first: The number of images at the top of the ranking whose precision is measured.

    Returns:
        The average precision, and the precision among the first images.
    """
    from sklearn.metrics import average_precision_score

    def measured(rows: Any) -> tuple[float, float]:
        scores, truth = suspicion[rows], wrong[rows]
        top = np.argsort(-scores, kind="stable")[:first]
        return average_precision_score(truth, scores), truth[top].mean()

    rng = np.random.default_rng(0)
    drawn = [measured(rng.integers(len(wrong), size=len(wrong))) for _ in range(resamples)]
    low, high = percentile_interval(drawn)
    names = ("average precision", f"precision at {first}")
    values = measured(slice(None))
    return {name: Estimate(*row) for name, *row in zip(names, values, low, high, strict=True)}


def rankings(probabilities: np.ndarray, labels: np.ndarray) -> dict[str, np.ndarray]:
    """Compute the suspicion of each label by our scores, by cleanlab's, and by chance.

    Args:
        probabilities: float [n, classes], of members that never saw the image.
        labels: int [n].
    """
    found = {f"zoo, {name}": -score(probabilities, labels) for name, score in SCORES.items()}
    try:
        from cleanlab.rank import get_label_quality_scores
    except ImportError:
        print("cleanlab is missing: pip install cleanlab. Zoo is measured alone.")
    else:
        for name in (*SCORES, "confidence_weighted_entropy"):
            scores = get_label_quality_scores(labels, probabilities, method=name)
            found[f"cleanlab, {name}"] = -scores
    return found | {"chance": np.random.default_rng(0).random(len(labels))}


def main(*, quick: bool = False) -> None:
    """Train the members in five folds, print the table, and write results/label_errors.json."""
    if quick:
        data = zoo.datasets.load("digits", validation=0).train
        people = data.labels
        data = replace(data, labels=np.where(np.arange(len(data)) % 10, people, (people + 1) % 10))
        members = out_of_fold_probabilities("softmax", data, folds=2, epochs=1, verbose=0)
    else:
        data = zoo.datasets.load("fer2013", validation=0).train
        people = labels_of_people(data, zoo.datasets.load("ferplus", validation=0).train)
        members = out_of_fold_probabilities(MEMBERS, data, folds=5)
    judged = people > -2
    wrong = (people != data.labels)[judged]
    print(f"{judged.sum():,} of {len(data):,} labels are judged, {wrong.mean():.1%} are wrong.")
    probabilities = members.mean(axis=0).astype(np.float64)[judged]
    resamples = 20 if quick else 1000
    rows = {
        name: {key: str(value) for key, value in agreement(suspicion, wrong, resamples).items()}
        for name, suspicion in rankings(probabilities, data.labels[judged]).items()
    }
    show("suspects of wrong labels", rows, dict.fromkeys(rows["chance"], ""))
    keep("label_errors", {"rows": rows, "images": int(judged.sum())})
