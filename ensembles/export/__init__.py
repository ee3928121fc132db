"""Export: a committee as one graph, from pixels to votes, which runs without Zoo.

`formats` has a writer and a runner for each file format; `exporting` writes a committee in one of
them, and compares the graph with the committee. Used by `Committee.export`.
"""

from zoo.ensembles.export.exporting import export
from zoo.ensembles.export.formats import FORMATS

__all__ = ["FORMATS", "export"]
