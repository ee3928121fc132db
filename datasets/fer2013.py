"""FER2013: faces of 48×48 with one of seven emotions.

Source: I. Goodfellow et al., "Challenges in Representation Learning: A report on three
machine learning contests", 2013. Read from the image folders of Kaggle's copy of it,
`train/<emotion>/*.jpg` and `test/<emotion>/*.jpg`, whose test part is the contest's public one.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from zoo.datasets.base import Split
from zoo.datasets.cache import remember
from zoo.datasets.decode import decode
from zoo.datasets.info import DatasetInfo
from zoo.datasets.layout import class_folders
from zoo.datasets.tree import fingerprint, open_tree
from zoo.errors import DataError

INFO = DatasetInfo(
    name="fer2013",
    summary="32,298 faces, 48×48 grey, 7 emotions; 28,709 to train, 3,589 to test",
    source=(
        "Kaggle: 'FER-2013' by msambare, or the 'Challenges in Representation Learning: "
        "Facial Expression Recognition' competition"
    ),
    options=("root", "cache"),
)

# In the order of the class ids in the contest's fer2013.csv. Folders sort neutral fifth.
CLASS_NAMES = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")


def read(root: Path | None, *, cache: bool) -> dict[str, Split]:
    """Read FER2013 from `fer2013.zip` or from its unpacked folders.

    Args:
        root: the archive, the folder that holds it, or the unpacked folder. None: `$ZOO_DATA`
            and the platform's data folder are searched.
        cache: keep the decoded images on disk.

    Returns:
        The splits "train" and "test", images uint8 [n, 48, 48, 1].

    Raises:
        DataError: nothing is found, an emotion is missing, or an image is damaged or not 48×48.
    """
    path = _find(root)

    def read_folders() -> dict[str, Split]:
        splits = {}
        with open_tree(path) as tree:
            parts = class_folders(tree)
            for part, emotions in parts.items():
                if "test" not in parts or sorted(emotions) != sorted(CLASS_NAMES):
                    raise DataError(
                        f"{path}: expected train/ and test/ with the emotions "
                        f"{', '.join(CLASS_NAMES)}; got {', '.join(emotions)} in "
                        f"{', '.join(parts)}. Fetch it again from {INFO.source}"
                    )
                files = [name for emotion in CLASS_NAMES for name in emotions[emotion]]
                counts = [len(emotions[emotion]) for emotion in CLASS_NAMES]
                labels = np.repeat(np.arange(len(CLASS_NAMES), dtype=np.int64), counts)
                images = decode(tree, files, (48, 48), 1, resize=False)
                splits[part] = Split(part, images, labels, CLASS_NAMES)
        return splits

    if not cache:
        return read_folders()
    return remember(INFO.name, {"content": fingerprint(path)}, read_folders)


def _find(root: Path | None) -> Path:
    if root is None:
        import platformdirs

        folders = [os.environ.get("ZOO_DATA"), platformdirs.user_data_path("zoo")]
        bases = [Path(folder).expanduser() for folder in folders if folder]
    elif os.path.isfile(root):
        return root
    else:
        bases = [root]
    for base in bases:
        for archive in (base / "fer2013.zip", base / "fer2013" / "fer2013.zip"):
            if os.path.isfile(archive):
                return archive
        for folder in (base / "fer2013", base):
            if os.path.isdir(folder / "train") or any(folder.glob("*/train/")):
                return folder
    raise DataError(
        "fer2013: expected fer2013.zip, or a folder with train/<emotion>/*.jpg and "
        f"test/<emotion>/*.jpg, in {' or '.join(map(str, bases))} or in a folder fer2013 there; "
        f"got neither. Fetch it ({INFO.source}) and pass root=, or set ZOO_DATA"
    )
