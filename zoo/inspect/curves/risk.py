"""Risk and coverage: the accuracy of a model or a committee on its most confident answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zoo.ensembles.measures import uncertainty
from zoo.ensembles.measures.bootstrap import Estimate
from zoo.ensembles.measures.uncertainty import RiskCoverage, risk_coverage_area
from zoo.ensembles.reports.figures import draw_risk
from zoo.inspect.curves.drawing import draw_members, plain_title
from zoo.inspect.curves.judged import judged_answers
from zoo.inspect.pictures.predictions import BATCH
from zoo.pages.notebook import ShownAsPicture
from zoo.plots import take_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, eq=False, repr=False)
class RiskCoverageCurves(ShownAsPicture):
    """The risk–coverage curves of a model, or of a committee and its members.

    Attributes:
        curve: The curve of the model or committee: `coverage` and `risk`, float64 [n].
        area: The area under this curve (AURC), with a 95 % interval: a bootstrap over the images.
        members: Name of a member → its curve; empty for a single model.
        title: Whose answers to which images these are.

    Example:
        >>> import zoo
        >>> data = zoo.datasets.load("digits")
        >>> model = zoo.build("softmax", input_shape=data.image_shape, num_classes=10)
        >>> curves = zoo.inspect.risk_coverage(model, data.validation)
        >>> 0 <= curves.area.value <= 1, curves.members
        (True, {})
    """

    curve: RiskCoverage
    area: Estimate
    members: Mapping[str, RiskCoverage]
    title: str

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.title}; AURC {self.area})"

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw the accuracy on the most confident images, over the share that is answered.

        Args:
            ax: The axes to draw into. None makes a figure.

        Returns:
            The axes. The members of a committee are thin lines.
        """
        axes = take_axes(ax, 5, 4.4)
        draw_risk(axes, self.curve)
        lines = [(100 * curve.coverage, 100 * (1 - curve.risk)) for curve in self.members.values()]
        draw_members(axes, lines)
        title = f"{self.title}\nAURC {self.area}"
        plain_title(axes, title)
        return axes


def risk_coverage(
    model_or_committee: Any,
    data: Any = None,
    labels: Any = None,
    *,
    split: str | None = None,
    batch_size: int = BATCH,
) -> RiskCoverageCurves:
    """Measure the error on the most confident answers, for each share of images that is answered.

    A model that knows when it is wrong has few errors among its confident answers. The confidence
    is the probability of the answer; of a committee that counts votes it is the share of the votes,
    with ties ordered by the mean probability. The curve is that of
    `zoo.ensembles.measures.uncertainty.risk_coverage`.

    Args:
        model_or_committee: A built `keras.Model`, a committee, a saved one (`.keras`), or a run
            folder in which `zoo train` or `zoo committee` saved one.
        data: A `Split`; images uint8 [n, height, width, channels]; a tuple (images, labels); or a
            dataset of such pairs. For a file or a run folder, None loads the data as it was loaded
            for the training.
        labels: Class ids, int [n], if `data` is an array.
        split: The split that is loaded: `"validation"`, `"test"` or `"train"`. None takes the
            validation split.
        batch_size: The number of images at a time.

    Returns:
        The `RiskCoverageCurves`.

    Raises:
        ArgumentError: The model is not built, or an argument is not as described.
        DataError: The file, the images, labels or classes do not fit.
        RunError: The run folder holds no saved committee.

    Example:
        >>> import zoo
        >>> data = zoo.datasets.load("digits")
        >>> model = zoo.build("softmax", input_shape=data.image_shape, num_classes=10)
        >>> risk_coverage(model, data.validation).curve.risk.shape
        (143,)
    """
    answers = judged_answers(model_or_committee, data, labels, split, batch_size)

    def confidence_of(probabilities: Any) -> tuple[Any, Any]:
        return probabilities.max(axis=1), probabilities.argmax(axis=1) == answers.labels

    confidence, correct = confidence_of(answers.probabilities)
    return RiskCoverageCurves(
        uncertainty.risk_coverage(confidence, correct),
        risk_coverage_area(confidence, correct),
        {
            name: uncertainty.risk_coverage(*confidence_of(probabilities))
            for name, probabilities in answers.members.items()
        },
        answers.title,
    )
