"""The values from which random transforms are drawn."""

from typing import Protocol

ANGLES = ("rotation_range", "shear_range")
SHARES = ("width_shift_range", "height_shift_range", "zoom_range")
FLIPS = ("horizontal_flip", "vertical_flip")


class Ranges(Protocol):
    """The values that the transforms read. `zoo.Augmentation` has them, and any other class may.

    Its docstring says what they are.
    """

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

    @property
    def mixup(self) -> float:
        """The α of the shares of mixup; 0 for none."""

    @property
    def cutmix(self) -> float:
        """The α of the shares of CutMix; 0 for none."""

    @property
    def random_erasing(self) -> float:
        """The probability that a rectangle of an image is erased."""

    @property
    def crop_padding(self) -> int:
        """Largest shift in whole pixels."""

    @property
    def brightness_range(self) -> float:
        """Largest change of all pixels, as a share of 255."""

    @property
    def contrast_range(self) -> float:
        """Largest difference of the contrast's factor from 1."""
