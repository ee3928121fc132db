"""The weights of the package are as good on real images as their papers say.

The images are not part of the repository: without them, the tests are skipped.
"""

import numpy as np
import pytest

import zoo
from zoo.ensembles import pretrained
from zoo.experiments.environment import fingerprints
from zoo.metrics import LEAST_PROBABILITY
from zoo.weights.catalogue import weight_sets

FILES = {
    "cifar10": ["cifar10-train.zip"],
    "fer2013": ["fer2013.zip"],
    "ferplus": ["fer2013new.csv", "fer2013.zip"],
    "mnist": ["train-images-idx3-ubyte.gz", "t10k-images-idx3-ubyte.gz"],
}
"""Name of a data set → files that it needs, in one folder."""

SLOW = ("fer2013", "fer2013-voted", "ferplus")
"""Sets that need more than ten seconds for all their test images: they answer every third."""


@pytest.fixture(scope="module")
def images_of(real_file):
    """Load the real images of a paper. Sets with the same images share them."""
    loaded = {}

    def load(data):
        folders = [real_file(name).parent for name in FILES[data.name]]
        key = f"{data.name} {data.options}"
        if key not in loaded:
            loaded[key] = zoo.datasets.load(data.name, folders[0], **data.options)
        return loaded[key]

    return load


def check_scores(scores, probabilities, labels):
    """Compare answers about some of the test images with the scores of a paper, which are of all.

    Four standard errors are allowed. They are 0 if the images are all test images.
    """
    unseen = (scores.n - len(labels)) / (scores.n - 1) / len(labels)
    share = scores.correct / scores.n
    right = (probabilities.argmax(axis=1) == labels).mean()
    one_image = 1.01 / scores.n  # with two best classes that are equally probable
    assert right == pytest.approx(share, abs=4 * (unseen * share * (1 - share)) ** 0.5 + one_image)
    of_labels = probabilities[np.arange(len(labels)), labels].astype(float)
    losses = -np.log(np.maximum(of_labels, LEAST_PROBABILITY))
    tolerance = 4 * unseen**0.5 * losses.std() + 2e-5  # of which 0.5e-5 are the paper's rounding
    assert losses.mean() == pytest.approx(scores.negative_log_likelihood, abs=tolerance)


@pytest.mark.filterwarnings("ignore:2 faces of Training that were voted on:UserWarning")
@pytest.mark.parametrize("weight_set", weight_sets(), ids=lambda weight_set: weight_set.name)
def test_a_set_is_as_good_as_its_papers_say(weight_set, images_of):
    papers = [weights.paper for weights in weight_set.weights]
    data = images_of(papers[0].data)
    for paper in papers:
        assert paper.data.fingerprint == fingerprints(data)
        assert paper.class_names == tuple(data.class_names)
    test = data.test.take(slice(None, None, 3 if weight_set.name in SLOW else 1))
    committee = pretrained(weight_set.name, precision="float32")
    answers = committee.member_probabilities(test, batch_size=32)
    for paper, probabilities in zip(papers, answers, strict=True):
        check_scores(paper.scores["test"], probabilities, test.labels)
    check_scores(weight_set.committee.scores["test"], committee.rule(answers), test.labels)
