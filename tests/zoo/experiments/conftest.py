"""Small files in the real formats of the data sets, and an experiment on the embedded digits."""

import gzip
import io
import struct
import zipfile

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

EMOTIONS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")

DIGITS = """
title = "softmax regression on digits"
report = "a test"
place = "here"
minutes = 0.1
figures = ["report", "curves", "weights"]

[data]
name = "digits"

[protocol]
seeds = [0, 1]
voting = "soft"

[[members]]
name = "softmax"
model = "softmax"
recipe = {optimizer = "adam", batch_size = 64, epochs = 2}
vary = {learning_rate = [0.01, 0.1]}

[[published]]
member = "softmax_0.1"
split = "test"
value = "50"
n = 400
source = "made up"

[[published]]
member = "committee"
split = "test"
value = "99"
source = "made up"
chosen_on_test = true
"""


RATES = """
title = "rates on digits"
report = "a test"
place = "here"
minutes = 0.1

[data]
name = "digits"

[protocol]
seeds = [0, 1]

[[members]]
name = "net"
model = "softmax"
recipe = {optimizer = "adam", batch_size = "all", epochs = 3}
summed_loss = true

[[members]]
name = "other"
model = "softmax"
recipe = {epochs = 1}

[sweep]
member = "net"
vary = {learning_rate = [1e-7, 5e-5]}

[[published]]
member = "net"
at = {learning_rate = 1e-7}
split = "train"
value = "72"
source = "made up"

[[published]]
member = "net"
at = {learning_rate = 1e-7}
split = "validation"
value = "42"
source = "made up"

[[published]]
member = "net"
split = "test"
value = "90"
source = "made up"

[[published]]
member = "net"
split = "test"
measure = "f1"
value = "90"
source = "made up"

[[published]]
member = "net"
split = "test"
measure = "recall"
of = "7"
value = "unknown"
source = "made up"
"""


@pytest.fixture(scope="session")
def rates_file(tmp_path_factory):
    """The file of an experiment on digits with a sweep."""
    path = tmp_path_factory.mktemp("mine") / "rates.toml"
    path.write_text(RATES, "utf-8")
    return path


@pytest.fixture(scope="session")
def digits_file(tmp_path_factory):
    """The file of an experiment on digits."""
    path = tmp_path_factory.mktemp("mine") / "digits.toml"
    path.write_text(DIGITS, "utf-8")
    return path


def picture(rng, shape, format):
    """The bytes of a picture of noise."""
    stream = io.BytesIO()
    Image.fromarray(rng.integers(0, 256, shape, "uint8")).save(stream, format)
    return stream.getvalue()


def write_zip(path, files):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)


def idx(array, magic):
    return struct.pack(f">{1 + array.ndim}I", magic, *array.shape) + array.tobytes()


@pytest.fixture(scope="session")
def report_data(tmp_path_factory):
    """A folder with a few images of noise for each data set of the experiments."""
    folder = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    for prefix, each in (("train", 12), ("t10k", 4)):
        labels = np.tile(np.arange(10, dtype="uint8"), each)
        images = rng.integers(0, 256, (len(labels), 28, 28), "uint8")
        for kind, array, magic in (("images-idx3", images, 2051), ("labels-idx1", labels, 2049)):
            (folder / f"{prefix}-{kind}-ubyte.gz").write_bytes(gzip.compress(idx(array, magic)))
    votes = ["Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,"
             "unknown,NF"]  # fmt: skip
    faces = {}
    for split, part, count in (("train", "Training", 12), ("test", "PublicTest", 4)):
        for number in range(count * len(EMOTIONS)):
            name = f"{split}/{EMOTIONS[number // count]}/{part}_{number}.png"
            faces[name] = picture(rng, (48, 48), "PNG")
            of_ten = [10 * (vote == number % 8) for vote in range(10)]
            votes.append(f"{part},fer{number:07d}.png,{','.join(map(str, of_ten))}")
    write_zip(folder / "fer2013.zip", faces)
    (folder / "fer2013new.csv").write_text("\n".join(votes), "utf-8")
    actors = {
        f"{actor}/{actor}{k}.png": picture(rng, (32, 32), "PNG")
        for actor in ("baldwin", "bracco", "carell", "gilpin", "hader", "harmon")
        for k in range(12)
    }
    write_zip(folder / "facescrub-faces.zip", actors)
    photos = {
        f"{part}/{label}/{k}.png": picture(rng, (32, 32, 3), "PNG")
        for part in ("train", "test")
        for label in ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse",
                      "ship", "truck")
        for k in range(12)
    }  # fmt: skip
    write_zip(folder / "cifar10-train.zip", photos)
    for part, each in (("train", 12), ("test", 4)):
        digits = np.tile(np.arange(1, 11, dtype="uint8"), each)  # the digit 0 is written as 10
        numbers = rng.integers(0, 256, (32, 32, 3, len(digits)), "uint8")
        savemat(folder / f"{part}_32x32.mat", {"X": numbers, "y": digits[:, None]})
    return folder


@pytest.fixture(scope="session")
def digits_run(digits_file, tmp_path_factory):
    """The experiment on digits, run once: the results, and the run folder."""
    from zoo.experiments import reproduce

    folder = tmp_path_factory.mktemp("run") / "digits"
    return reproduce(str(digits_file), log_dir=folder, verbose=0), folder


@pytest.fixture(scope="session")
def rates_run(rates_file, tmp_path_factory):
    """The experiment with a sweep, run once: the results, and the run folder."""
    from zoo.experiments import reproduce

    folder = tmp_path_factory.mktemp("run") / "rates"
    return reproduce(str(rates_file), log_dir=folder, verbose=0), folder
