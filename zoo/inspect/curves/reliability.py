"""Reliability: whether the confidence of a model or a committee agrees with its accuracy."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zoo.ensembles.measures.bootstrap import Estimate
from zoo.ensembles.measures.calibration import BINS, ReliabilityCurve, reliability_curve
from zoo.ensembles.measures.scores import scores
from zoo.ensembles.reports.figures import draw_reliability
from zoo.inspect.curves.drawing import draw_members, plain_title
from zoo.inspect.curves.judged import judged_answers
from zoo.inspect.pictures.predictions import BATCH
from zoo.pages.notebook import ShownAsPicture
from zoo.plots import take_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, eq=False, repr=False)
class ReliabilityCurves(ShownAsPicture):
    """The reliability curves of a model, or of a committee and its members.

    Attributes:
        curve: The curve of the model or committee: `confidence`, `accuracy`, `low`, `high`,
            float64 [bins], and `count`, int64 [bins].
        error: The expected calibration error (ECE), with a 95 % interval: a bootstrap over the
            images. Resampling raises the error, so that the interval may lie above it.
        members: Name of a member → its curve; empty for a single model.
        bins: The number of bins of equal width, of which those without images are left out.
        title: Whose answers to which images these are.

    Example:
        >>> import zoo
        >>> data = zoo.datasets.load("digits")
        >>> model = zoo.build("softmax", input_shape=data.image_shape, num_classes=10)
        >>> curves = zoo.inspect.reliability(model, data.validation)
        >>> 0 <= curves.error.value <= 1, curves.members
        (True, {})
    """

    curve: ReliabilityCurve
    error: Estimate
    members: Mapping[str, ReliabilityCurve]
    bins: int
    title: str

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.title}; ECE {self.error})"

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw accuracy over confidence, and how many images have each confidence.

        Args:
            ax: The axes to draw into. None makes a figure.

        Returns:
            The axes. The members of a committee are thin lines.
        """
        axes = take_axes(ax, 5, 4.4)
        draw_reliability(axes, self.curve)
        lines = [(100 * curve.confidence, 100 * curve.accuracy) for curve in self.members.values()]
        draw_members(axes, lines)
        ends = (self.error.value, self.error.low, self.error.high)
        value, low, high = (f"{100 * end:.1f}" for end in ends)
        title = f"{self.title}\nECE {value} % [{low}, {high}], {self.bins} bins of equal width"
        plain_title(axes, title)
        return axes


def reliability(
    model_or_committee: Any,
    data: Any = None,
    labels: Any = None,
    *,
    split: str | None = None,
    bins: int = BINS,
    batch_size: int = BATCH,
) -> ReliabilityCurves:
    """Compare the confidence of answers with their accuracy, bin by bin.

    Of all answers with a confidence of about 80 %, 80 % should be right. The confidence is the
    highest probability; of a committee that counts votes it is the share of the votes. The curve is
    that of `zoo.ensembles.measures.calibration.reliability_curve`.

    Args:
        model_or_committee: As for `risk_coverage`.
        data: As for `risk_coverage`.
        labels: As for `risk_coverage`.
        split: As for `risk_coverage`.
        bins: The number of bins of confidence, of equal width.
        batch_size: The number of images at a time.

    Returns:
        The `ReliabilityCurves`.

    Raises:
        ArgumentError: The model is not built, or an argument is not as described.
        DataError: The file, the images, labels or classes do not fit.
        RunError: The run folder holds no saved committee.

    Example:
        >>> import zoo
        >>> data = zoo.datasets.load("digits")
        >>> model = zoo.build("softmax", input_shape=data.image_shape, num_classes=10)
        >>> int(reliability(model, data.validation).curve.count.sum())
        143
    """
    answers = judged_answers(model_or_committee, data, labels, split, batch_size)
    return ReliabilityCurves(
        reliability_curve(answers.probabilities, answers.labels, bins),
        scores(answers.probabilities, answers.labels, bins=bins).calibration_error,
        {
            name: reliability_curve(probabilities, answers.labels, bins)
            for name, probabilities in answers.members.items()
        },
        bins,
        answers.title,
    )
