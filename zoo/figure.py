"""A matplotlib figure that a notebook displays without pyplot."""

import io

from matplotlib.figure import Figure


class Picture(Figure):
    """A figure; IPython displays those of matplotlib's own class only once pyplot is imported."""

    def _repr_png_(self) -> bytes:
        content = io.BytesIO()
        self.savefig(content, format="png")
        return content.getvalue()
