"""Values that a notebook shows as their picture."""

from typing import Any

from zoo.pages.frame import fragment
from zoo.pages.parts import figure


class ShownAsPicture:
    """A value with a method `plot`, whose picture a notebook shows at the end of a cell.

    Example:
        >>> from zoo.plots import new_figure
        >>> class Curve(ShownAsPicture):
        ...     def plot(self):
        ...         return new_figure(2, 1)
        >>> '<img class="drawn"' in Curve()._repr_html_()
        True
    """

    def _repr_html_(self: Any) -> str:
        """Show the picture in a notebook."""
        return fragment(figure(self.plot()))
