"""Checking gradients against differences; `zoo.gradcheck` is the way in.

One idea a file: `points` are where it is checked; `subject` makes a pure function in float64 of a
layer, model or loss; `differences` measures slopes, `first_order` compares them, `diagnosis` puts a
fault into words; `second_order` and `agreement` look further; `examination` joins these up for one
target, `report` shows what was found, and `check` is the way in.
"""

from zoo.gradients.check import gradcheck
from zoo.gradients.report import GradientReport

__all__ = ["GradientReport", "gradcheck"]
