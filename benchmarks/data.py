"""Reading data sets: each format for the first time and from the cache, beside the usual readers.

The benchmark writes the files itself: FER2013's faces, or random ones where FER2013 is missing, as
a CSV file of full size, as folders and in a zip archive; and random MNIST, SVHN and CIFAR-10 of
full size in their formats.
"""

import gzip
import importlib.util
import io
import os
import pickle
import struct
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import keras
import numpy as np
from PIL import Image

import zoo.datasets
from benchmarks.fits import fer2013
from benchmarks.measure import SPEED, Row, Way, bars, keep, rows_of, show, show_ceilings, take_turns
from zoo.datasets.sources import fer2013 as fer2013_module

STREAM = """
import re, sys
from pathlib import Path
import zoo.datasets
import tensorflow
def mebibytes():
    # Not ru_maxrss, which starts at the peak of the parent process.
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) / 1024
before = mebibytes()
data = zoo.datasets.load("folder", sys.argv[1], image_size=int(sys.argv[2]), test=0, validation=0)
total = 0
for images, labels in data.train.batches(64, shuffle=True, seed=0):
    total += len(labels)
data.train.digests
print(before, mebibytes(), total, data.train.store.nbytes)
"""


def faces(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Take `count` faces of FER2013, or random ones: uint8 [count, 48, 48], and labels [count]."""
    train, test, _ = fer2013(classes=None)
    images = np.concatenate([train.images, *([test.images] if test else [])])[..., 0]
    labels = np.concatenate([train.labels, *([test.labels] if test else [])])
    order = np.random.default_rng(0).permutation(len(labels))
    rows = np.resize(order, count)
    return images[rows], labels[rows]


def write_csv(path: Path, images: np.ndarray, labels: np.ndarray) -> None:
    """Write FER2013's CSV file: 80 % of the rows to train, and two test parts of 10 %."""
    usages = np.repeat(["Training", "PublicTest", "PrivateTest"], [8, 1, 1])
    with path.open("w") as file:
        file.write("emotion,pixels,Usage\n")
        for row, (image, label) in enumerate(zip(images, labels, strict=True)):
            usage = usages[10 * row // len(labels)]
            file.write(f"{label},{' '.join(map(str, image.ravel().tolist()))},{usage}\n")


def write_folders(root: Path, images: np.ndarray, labels: np.ndarray) -> None:
    """Write FER2013 as folders of JPEG files, nine tenths of them to train."""
    for number, (image, label) in enumerate(zip(images, labels, strict=True)):
        part, name = ("train", "Training") if number % 10 else ("test", "PublicTest")
        folder = root / part / fer2013_module.CLASS_NAMES[label]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / f"{name}_{number}.jpg", quality=90)


def by_pandas(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read the CSV file in the usual way: pandas, then NumPy on each string."""
    import pandas

    table = pandas.read_csv(path)
    pixels = np.array([np.array(text.split(), np.uint8) for text in table["pixels"]])
    return pixels.reshape(-1, 48, 48, 1), table["emotion"].to_numpy()


def by_keras(root: Path) -> None:
    """Read folders once through with Keras's own reader."""
    for part in ("train", "test"):
        for _ in keras.utils.image_dataset_from_directory(
            root / part, color_mode="grayscale", image_size=(48, 48), batch_size=256, verbose=False
        ):
            pass


def write_others(root: Path, scale: int) -> dict[str, Path]:
    """Write MNIST, SVHN and CIFAR-10 with random pixels, in their own formats."""
    from scipy.io import savemat

    rng = np.random.default_rng(0)

    def random(*shape: int) -> np.ndarray:
        return rng.integers(0, 256, shape, dtype=np.uint8)

    paths = {name: root / name for name in ("mnist", "svhn", "cifar10 binary", "cifar10 python")}
    for path in paths.values():
        path.mkdir()
    for prefix, count in (("train", 60_000 // scale), ("t10k", 10_000 // scale)):
        header = struct.pack(">4I", 2051, count, 28, 28)
        # Most pixels are black, so that the file compresses as well as digits do.
        pixels = random(count, 28, 28) * (random(count, 28, 28) < 50)
        (paths["mnist"] / f"{prefix}-images-idx3-ubyte.gz").write_bytes(
            gzip.compress(header + pixels.tobytes())
        )
        labels = np.arange(count, dtype=np.uint8) % 10
        (paths["mnist"] / f"{prefix}-labels-idx1-ubyte.gz").write_bytes(
            gzip.compress(struct.pack(">2I", 2049, count) + labels.tobytes())
        )
    for part, count in (("train", 73_257 // scale), ("test", 26_032 // scale)):
        labels = (np.arange(count, dtype=np.uint8) % 10 + 1)[:, None]
        arrays = {"X": random(32, 32, 3, count), "y": labels}
        savemat(paths["svhn"] / f"{part}_32x32.mat", arrays, do_compression=True)
    for name in (*(f"data_batch_{k}" for k in range(1, 6)), "test_batch"):
        count = 10_000 // scale
        labels, planes = np.arange(count, dtype=np.uint8) % 10, random(count, 3072)
        (paths["cifar10 binary"] / f"{name}.bin").write_bytes(
            np.hstack([labels[:, None], planes]).tobytes()
        )
        batch = {"labels": labels.tolist(), "data": planes}
        (paths["cifar10 python"] / name).write_bytes(pickle.dumps(batch, 2))
    return paths


def stream(root: Path, images: int, side: int) -> dict[str, float]:
    """Measure the peak memory of an epoch over images that are never all in memory.

    Args:
        root: Folder to write the images to.
        images: Number of images.
        side: Height and width of the images.

    Returns:
        MiB of pixels, at the peak, that are asked for, and of TensorFlow alone.
    """
    rng = np.random.default_rng(0)
    for k in range(2):
        (root / f"class {k}").mkdir(parents=True)
    content = io.BytesIO()
    Image.fromarray(rng.integers(0, 256, (side, side, 3), dtype=np.uint8)).save(content, "BMP")
    # Only 64 bytes differ from image to image: writing images is not what is measured.
    for number in range(images):
        noise = rng.integers(0, 256, 64, dtype=np.uint8).tobytes()
        path = root / f"class {number % 2}" / f"{number}.bmp"
        path.write_bytes(content.getvalue()[:1000] + noise + content.getvalue()[1064:])
    words = [sys.executable, "-c", STREAM, str(root), str(side)]
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    before, peak, total, size = map(float, done.stdout.split()[-4:])
    assert total == images
    return {
        "MiB of pixels": size / 2**20,
        "peak MiB": peak,
        "asked for, at most": 1.5 * 2**10,
        "TensorFlow's": before,
    }


def silent(work: Callable[..., Any], *arguments: Any, **keywords: Any) -> Callable[[], None]:
    """Make a contestant that does the work and returns None, so that all of it is timed."""

    def way() -> None:
        work(*arguments, **keywords)

    return way


def write_fer2013(root: Path, images: np.ndarray, labels: np.ndarray) -> dict[str, Path]:
    """Write faces as a CSV file, as folders of JPEG files, and these folders as a zip archive."""
    paths = {
        "fer2013 csv": root / "csv",
        "fer2013 zip": root / "fer2013.zip",
        "fer2013 folders": root / "folders",
    }
    paths["fer2013 csv"].mkdir()
    write_csv(paths["fer2013 csv"] / "fer2013.csv", images, labels)
    folders = paths["fer2013 folders"]
    write_folders(folders, images, labels)
    with zipfile.ZipFile(paths["fer2013 zip"], "w") as archive:
        for path in sorted(folders.rglob("*.jpg")):
            archive.write(path, path.relative_to(folders))
    return paths


def read(name: str, root: Path, **options: Any) -> Callable[[], None]:
    """Make a contestant that loads a data set with Zoo."""
    return silent(zoo.datasets.load, name, root, validation=0, **options)


def compare_csv(csv: Path, turns: int) -> dict[str, Row]:
    """Read the CSV file with pandas, where it is installed, and with Zoo."""
    ways = {"pandas.read_csv, strings split": silent(by_pandas, csv / "fer2013.csv")}
    if not importlib.util.find_spec("pandas"):
        print("Without a peer: there is no pandas.")
        ways.clear()
    ways["zoo, fer2013 csv"] = read("fer2013", csv, cache=False)
    rows = rows_of(take_turns(ways, turns), next(iter(ways)))
    rows["zoo, fer2013 csv"]["asked for"] = "5"
    return rows


def compare_folders(folders: Path, turns: int) -> dict[str, Row]:
    """Read the folders of JPEG files with Keras and with Zoo."""

    def first_time() -> float:
        with (
            tempfile.TemporaryDirectory(dir=os.environ["ZOO_CACHE"]) as empty,
            mock.patch.dict(os.environ, ZOO_CACHE=empty),
        ):
            started = time.perf_counter()
            zoo.datasets.load("folder", folders, validation=0)
            return time.perf_counter() - started  # without deleting the cache

    ways: dict[str, Way] = {
        "image_dataset_from_directory": silent(by_keras, folders),
        "zoo, without a cache": read("folder", folders, cache=False),
        "zoo, the first time, cache written": first_time,
        "zoo, cached": read("folder", folders),
    }
    rows = rows_of(take_turns(ways, turns), next(iter(ways)))
    for name in ("zoo, without a cache", "zoo, the first time, cache written"):
        rows[name]["asked for"] = "1.5"
    return rows


def main(*, quick: bool = False) -> None:
    """Measure, print the tables, and write results/data.json and .png."""
    turns, scale = (1, 200) if quick else (5, 1)
    with (
        tempfile.TemporaryDirectory() as folder,
        mock.patch.dict(os.environ, ZOO_CACHE=str(Path(folder) / "cache")),
    ):
        root = Path(folder)
        (root / "cache").mkdir()
        count = 35_887 // scale
        if quick:  # few images, but of every class in every part
            images = np.random.default_rng(0).integers(0, 256, (count, 48, 48), dtype=np.uint8)
            labels = np.arange(count) % 7
        else:
            images, labels = faces(count)
        paths = write_fer2013(root, images, labels) | write_others(root, scale)
        title = f"FER2013's CSV, {len(labels):,} rows"
        rows = compare_csv(paths["fer2013 csv"], turns)
        show(title, rows, SPEED)
        folders = compare_folders(paths["fer2013 folders"], turns)
        show(f"{len(labels):,} images in folders, once through", folders, SPEED)
        formats: dict[str, Row] = {}
        for name, path in paths.items():
            short = name.split()[0]
            ways = {"first": read(short, path, cache=False), "cached": read(short, path)}
            formats[f"zoo, {name}"] = {
                kind: float(np.median(seconds)) for kind, seconds in take_turns(ways, turns).items()
            }
        show("Seconds to read each format", formats, {"first": ".2f", "cached": ".4f"})
        big = stream(root / "big", 64 if quick else 22_000, 256)
        show("A set larger than memory", {"streamed": big}, dict.fromkeys(big, ",.0f"))
        results = {"csv": rows, "folders": folders, "formats": formats, "stream": big}
        figure = bars({title: rows, "Images in folders": folders}, "seconds")
        keep("data", {**results, "ceilings": {} if quick else show_ceilings()}, figure)
