"""The gradient checker: it compares gradients with finite differences. `zoo.gradcheck` calls it.

Each module has one part of the work. `sample_inputs` draws the arrays at which a target is checked,
and `catalogue` makes the target for a name on the command line. `precision_copies` makes a copy of
a layer, model or loss under a precision policy, as a `pure_function`. `finite_differences` measures
slopes, `first_order` compares the gradients with them, and `diagnosis` puts a fault into words.
`second_order` and `agreement` check the second derivatives and the other precisions. `checker`
calls these parts for one target, `report` shows the results, and `check` holds `gradcheck` itself.
The command line, benchmarks and tests use this package.
"""

from zoo.gradients.check import gradcheck
from zoo.gradients.report import GradientReport

__all__ = ["GradientReport", "gradcheck"]
