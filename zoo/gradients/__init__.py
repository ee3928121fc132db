"""Checking gradients against differences; `zoo.gradcheck` is the way in.

One idea a file: `subject` makes a pure function in float64 of a layer, model or loss;
`differences` measures slopes; `probes` looks beyond the first gradient (second order, agreement
with a twin); `diagnosis` puts a fault into words; `report` shows it; `check` joins them up.
"""

from zoo.gradients.check import gradcheck
from zoo.gradients.report import GradientReport

__all__ = ["GradientReport", "gradcheck"]
