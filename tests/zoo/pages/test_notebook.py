import importlib

import pytest

from zoo.pages.notebook import ShownAsPicture
from zoo.plots import new_figure

SHOWN = {
    "curves.learning": "LearningCurves",
    "curves.reliability": "ReliabilityCurves",
    "curves.risk": "RiskCoverageCurves",
    "curves.sweep": "SweepCurve",
    "judging.faithfulness": "Faithfulness",
    "landscapes.barrier": "Barrier",
    "landscapes.landscape": "Landscape",
    "pictures.neighbours": "Neighbours",
    "units.activations": "Activations",
    "units.kernels": "KernelImages",
    "units.maximizing": "MaximizedUnits",
}


class Curve(ShownAsPicture):
    def plot(self, ax=None):
        axes = ax or new_figure(2, 1).add_subplot()
        axes.set_title("$x$ < y")
        return axes


def test_a_notebook_shows_the_picture(read_page):
    found = read_page(Curve()._repr_html_())
    (image,) = found.named("img")
    assert (image["width"], image["height"]) == ("160", "80")


@pytest.mark.parametrize("module", SHOWN)
def test_values_with_a_picture_are_shown(module):
    kind = getattr(importlib.import_module(f"zoo.inspect.{module}"), SHOWN[module])
    assert issubclass(kind, ShownAsPicture)
    assert callable(kind.plot)
