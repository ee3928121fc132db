"""Fashion-MNIST: pictures of clothes of 28×28, in files that have the names of MNIST's.

Source: H. Xiao, K. Rasul, R. Vollgraf, "Fashion-MNIST: a Novel Image Dataset for Benchmarking
Machine Learning Algorithms", 2017.
"""

from __future__ import annotations

from zoo.datasets.description import DatasetInfo
from zoo.datasets.registry import ReadRequest, register
from zoo.datasets.sources.mnist import IDX_PATTERN, read_parts, remote_file
from zoo.datasets.split import Split

_MIRRORS = (
    "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
    "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
)

INFO = DatasetInfo(
    name="fashion_mnist",
    summary="70,000 pictures of clothes, 28×28 grey, 10 classes; 60,000 to train, 10,000 to test",
    source="github.com/zalandoresearch/fashion-mnist",
    expected_files="train-images-idx3-ubyte.gz and the three files beside it (gzipped or not)",
    markers=("train-images?idx3-ubyte*",),
    # of torchvision and of Keras
    folders=("FashionMNIST/raw/", "raw/", "fashion-mnist/", "fashion-mnist/data/fashion/"),
    keras_files="fashion-mnist/",
    archive_patterns=("fashion?mnist*", "fashionmnist*"),
    file_pattern=IDX_PATTERN,
    parts={"train": ("train",), "test": ("test",)},
    remote_files=tuple(
        remote_file(_MIRRORS, *file)
        for file in (
            ("train-images-idx3", 26_421_880, "8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
            ("train-labels-idx1", 29_515, "25c81989df183df01b3e8a0aad5dffbe"),
            ("t10k-images-idx3", 4_422_102, "bef4ecab320f06d8554ea6380940ec79"),
            ("t10k-labels-idx1", 5_148, "bb300cfdad3c16e7a12a480ee83cd310"),
        )
    ),
)

CLASS_NAMES = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)


@register(info=INFO)
def read(request: ReadRequest) -> dict[str, Split]:
    """Read the parts "train" and "test" of Fashion-MNIST from its four files, gzipped or not."""
    return read_parts(request, INFO, CLASS_NAMES)
