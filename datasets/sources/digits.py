"""scikit-learn's handwritten digits: 1,797 grey images of 8×8, embedded, no download.

Source: the test part of the Optical Recognition of Handwritten Digits set (E. Alpaydin and
C. Kaynak, 1998, UCI Machine Learning Repository). Its pixels 0..16 are scaled to 0..255.
"""

import numpy as np

from zoo.datasets.description import DatasetInfo
from zoo.datasets.formats.conversion import ImageConversion
from zoo.datasets.split import Split

INFO = DatasetInfo(
    name="digits",
    summary="1,797 handwritten digits, 8×8 grey, 10 classes",
    source="embedded in scikit-learn",
)


def read(conversion: ImageConversion) -> dict[str, Split]:
    """Read the digits.

    Args:
        conversion: what the images are to become.

    Returns:
        {"train": all the digits}: the set has no test part of its own.

    Example:
        >>> read(ImageConversion())["train"].image_shape
        (8, 8, 1)
    """
    from sklearn.datasets import load_digits  # a second to import

    digits = load_digits()
    images = np.rint(digits.images[..., None] * (255 / 16)).astype(np.uint8)
    class_names = tuple(str(digit) for digit in digits.target_names)
    labels = digits.target.astype(np.int64)
    return {"train": Split("train", conversion.convert("train", images), labels, class_names)}
