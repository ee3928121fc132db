"""scikit-learn's handwritten digits: 1,797 grey images of 8×8, embedded, no download.

Source: the test part of the Optical Recognition of Handwritten Digits set (E. Alpaydin and
C. Kaynak, 1998, UCI Machine Learning Repository). Its pixels 0..16 are scaled to 0..255.
"""

import numpy as np

from zoo.datasets.description import DatasetInfo
from zoo.datasets.registry import ReadRequest, register
from zoo.datasets.split import Split

INFO = DatasetInfo(
    name="digits",
    summary="1,797 handwritten digits, 8×8 grey, 10 classes",
    source="embedded in scikit-learn",
)


@register(info=INFO)
def read(request: ReadRequest) -> dict[str, Split]:
    """Read the digits: "train" has all of them, since the data set has no test images."""
    from sklearn.datasets import load_digits  # takes a second to import

    digits = load_digits()
    images = np.rint(digits.images[..., None] * (255 / 16)).astype(np.uint8)
    return {"train": request.split("train", images, digits.target, digits.target_names)}
