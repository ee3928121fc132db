"""The ranges from which the parameters of a random transform are drawn."""

from typing import Protocol


class Ranges(Protocol):
    """The values that `projective` reads. `zoo.Augmentation` has them, and any other class may."""

    @property
    def rotation_range(self) -> float:
        """Largest angle in degrees."""

    @property
    def width_shift_range(self) -> float:
        """Largest shift as a share of the width."""

    @property
    def height_shift_range(self) -> float:
        """Largest shift as a share of the height."""

    @property
    def shear_range(self) -> float:
        """Largest shear in degrees."""

    @property
    def zoom_range(self) -> float:
        """Largest difference of the zoom from 1."""

    @property
    def horizontal_flip(self) -> bool:
        """Whether images are flipped left to right with probability 1/2."""

    @property
    def vertical_flip(self) -> bool:
        """Whether images are flipped top to bottom with probability 1/2."""

    @property
    def fill_mode(self) -> str:
        """`"nearest"`, `"constant"`, `"reflect"` or `"wrap"`."""

    @property
    def cval(self) -> float:
        """The value of points outside of the image for `"constant"`."""
