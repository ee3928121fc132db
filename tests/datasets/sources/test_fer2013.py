import io
import zipfile

import numpy as np
import pytest
from PIL import Image

import zoo.datasets
from zoo.datasets.sources import fer2013
from zoo.errors import DataError

EMOTIONS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")


@pytest.fixture
def faces(image_bytes):
    """Two images an emotion to train and one to test; grey 20·k shows that it is emotion k."""
    files = {}
    for label, emotion in enumerate(EMOTIONS):
        content = image_bytes(np.full((48, 48), 20 * label, np.uint8), "JPEG")
        files[f"train/{emotion}/Training_1.jpg"] = content
        files[f"train/{emotion}/Training_2.jpg"] = content
        files[f"test/{emotion}/PublicTest_3.jpg"] = content
    return files


def check(data):
    assert data.class_names == EMOTIONS
    assert data.image_shape == (48, 48, 1)
    for part, count in ((data.train, 2), (data.test, 1)):
        assert part.class_counts == dict.fromkeys(EMOTIONS, count)
        np.testing.assert_allclose(part.images.mean((1, 2, 3)), 20 * part.labels, atol=1)


# what is written, what is passed as root
PLACES = [
    ("data/fer2013.zip", "data/fer2013.zip"),
    ("data/archive.zip", "data/archive.zip"),
    ("data/fer2013.zip", "data"),
    ("data/fer2013/fer2013.zip", "data"),
    ("data/fer2013", "data/fer2013"),
    ("data/fer2013", "data"),
    ("data", "data"),
]


@pytest.mark.parametrize("cache", [True, False])
@pytest.mark.parametrize(("place", "root"), PLACES)
def test_root_may_be_archive_or_folder(write, faces, tmp_path, place, root, cache):
    write(place, faces)
    for _ in range(2):
        check(zoo.datasets.load("fer2013", tmp_path / root, validation=0, cache=cache))


@pytest.mark.parametrize("place", ["data/fer2013.zip", "data/unpacked"])
def test_files_may_be_below_one_top_folder(write, faces, place):
    path = write(place, {f"images/{name}": content for name, content in faces.items()})
    check(zoo.datasets.load("fer2013", path, validation=0))


def test_variable_and_platform_folder_are_searched(write, faces, tmp_path, monkeypatch):
    path = write("user-data/zoo/fer2013.zip", faces)
    check(zoo.datasets.load("fer2013", validation=0))
    path.rename(tmp_path / "fer2013.zip")
    monkeypatch.setenv("ZOO_DATA", str(tmp_path))
    check(zoo.datasets.load("fer2013", validation=0))


def test_nothing_found_says_where_it_looked_and_where_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_DATA", str(tmp_path / "mine"))
    with pytest.raises(DataError) as raised:
        zoo.datasets.load("fer2013")
    for part in ("mine", "user-data", "fer2013.zip", "train/<emotion>/*.jpg", "by msambare"):
        assert part in str(raised.value)
    with pytest.raises(DataError, match="elsewhere"):
        zoo.datasets.load("fer2013", tmp_path / "elsewhere")


def test_wrong_size_is_refused_by_name(write, faces, image_bytes):
    faces["train/fear/Training_2.jpg"] = image_bytes((48, 47), "JPEG")
    with pytest.raises(DataError, match=r"train/fear/Training_2\.jpg in .*must have 48×48"):
        zoo.datasets.load("fer2013", write("fer2013.zip", faces))


def test_missing_emotion_is_refused(write, faces):
    files = {name: content for name, content in faces.items() if "disgust" not in name}
    with pytest.raises(DataError, match="the emotions angry, disgust"):
        zoo.datasets.load("fer2013", write("fer2013.zip", files))


def test_missing_test_part_is_said_and_held_out(write, faces):
    files = {name: content for name, content in faces.items() if name.startswith("train")}
    root = write("fer2013.zip", files)
    with pytest.warns(UserWarning, match="has no part PublicTest: test images are held out"):
        data = zoo.datasets.load("fer2013", root, validation=0)
    assert (len(data.train), len(data.test)) == (7, 7)
    parts = {"train": "Training", "test": "PrivateTest"}
    with pytest.raises(DataError, match="must have the parts PrivateTest"):
        zoo.datasets.load("fer2013", root, parts=parts)


def test_cache_notices_a_changed_archive(write, faces, image_bytes):
    zoo.datasets.load("fer2013", write("fer2013.zip", faces))
    faces["test/sad/PublicTest_3.jpg"] = image_bytes(np.full((48, 48), 255, np.uint8), "JPEG")
    data = zoo.datasets.load("fer2013", write("fer2013.zip", faces))
    assert data.test.images[EMOTIONS.index("sad")].min() == 255


def csv_of(faces, header, order, rng):
    """The same faces as a CSV file, the rows of all classes mixed."""
    names = {"Training": "Training", "PublicTest": "PublicTest"}
    rows = []
    for name, content in faces.items():
        _, emotion, file = name.split("/")
        pixels = np.asarray(Image.open(io.BytesIO(content))).ravel()
        cells = {
            "emotion": str(EMOTIONS.index(emotion)),
            "pixels": " ".join(map(str, pixels)),
            "Usage": names[file.partition("_")[0]],
        }
        rows.append(",".join(cells[column] for column in order))
    # Mixed between the classes, but not within one.
    labels = [int(row.split(",")[order.index("emotion")]) for row in rows]
    mixed = rng.permutation(labels)
    by_label = {label: iter([r for r, k in zip(rows, labels, strict=True) if k == label])
                for label in labels}  # fmt: skip
    return "\n".join([header, *(next(by_label[label]) for label in mixed)]).encode()


CSVS = {
    "fer2013.csv": ("emotion,pixels,Usage", ["emotion", "pixels", "Usage"]),
    "icml_face_data.csv": ("emotion, Usage, pixels", ["emotion", "Usage", "pixels"]),
}


@pytest.fixture
def noisy_faces(image_bytes):
    """Faces that are all different; PNG files, which lose nothing."""
    return {
        f"{part}/{emotion}/{name}_{number}.png": image_bytes((48, 48))
        for part, name, count in (("train", "Training", 3), ("test", "PublicTest", 2))
        for emotion in EMOTIONS
        for number in range(count)
    }


@pytest.mark.parametrize("name", CSVS)
@pytest.mark.parametrize(
    "place", ["data", "data/fer2013", "data/fer2013.tar.gz", "data/fer2013.zip"]
)
def test_every_form_gives_the_same_arrays(write, noisy_faces, rng, tmp_path, name, place):
    expected = zoo.datasets.load("fer2013", write("folders", noisy_faces), validation=0)
    inside = f"fer2013/{name}" if "." in place else name
    write(place, {inside: csv_of(noisy_faces, *CSVS[name], rng)})
    data = zoo.datasets.load("fer2013", tmp_path / "data", validation=0)
    assert data.class_names == expected.class_names == EMOTIONS
    for part in ("train", "test"):
        found, wanted = getattr(data, part), getattr(expected, part)
        np.testing.assert_array_equal(found.images, wanted.images)
        np.testing.assert_array_equal(found.labels, wanted.labels)


@pytest.mark.parametrize("name", CSVS)
def test_windows_line_ends_and_quotes_are_read(write, faces, rng, name):
    content = csv_of(faces, *CSVS[name], rng).replace(b"\n", b"\r\n").replace(b",", b'","')
    content = b"\r\n".join(b'"' + line + b'"' for line in content.split(b"\r\n"))
    check(zoo.datasets.load("fer2013", write("data", {name: content}), validation=0))


VARIANTS = [
    lambda name: name.replace("train/", "Training/").replace("test/", "PublicTest/"),
    lambda name: "images/" + name.title().replace("_1.Jpg", "_1.jpg"),
    lambda name: name.replace("angry", "anger").replace("sad", "sadness"),
]


@pytest.mark.parametrize("variant", VARIANTS)
def test_kaggles_other_folders_are_read(write, faces, variant):
    renamed = {variant(name): content for name, content in faces.items()}
    check(zoo.datasets.load("fer2013", write("archive.zip", renamed), validation=0))


def test_the_three_parts_are_chosen_by_name(write, faces):
    private = {
        name.replace("PublicTest", "PrivateTest"): content for name, content in faces.items()
    }
    root = write("fer2013", {**private, **faces})
    parts = {"train": "Training", "validation": "PublicTest", "test": "PrivateTest"}
    data = zoo.datasets.load("fer2013", root, parts=parts)
    assert [len(split) for split in data.splits.values()] == [14, 7, 7]
    both = zoo.datasets.load("fer2013", root, parts={"train": ["Training", "PrivateTest"]}, test=0)
    assert len(both.train) + len(both.validation) == 21


def test_test_images_that_tell_no_part_have_to_be_asked_for(write, faces):
    unnamed = {name.replace("PublicTest_", "im"): content for name, content in faces.items()}
    root = write("fer2013", unnamed)
    with pytest.raises(DataError, match=r"Training, test\. .* pass parts=.*\"test\": \"test\""):
        zoo.datasets.load("fer2013", root)
    parts = {"train": "Training", "test": "test"}
    check(zoo.datasets.load("fer2013", root, parts=parts, validation=0))


def test_the_archive_of_faces_has_its_counts_and_pixels(real_file):
    path = real_file("fer2013.zip")
    # 99.5 % of the official rows: rows that are no faces are left out of this archive.
    counts = {
        "train": [3969, 435, 4079, 7185, 4795, 3161, 4932],
        "test": [466, 56, 496, 891, 652, 414, 604],
    }
    data = zoo.datasets.load("fer2013", path, validation=0)
    assert data.class_names == EMOTIONS
    with zipfile.ZipFile(path) as archive:
        for split in (data.train, data.test):
            assert list(split.class_counts.values()) == counts[split.name]
            for row in (0, len(split) // 2, len(split) - 1):
                folder = f"{split.name}/{EMOTIONS[split.labels[row]]}/"
                names = sorted(name for name in archive.namelist() if name.startswith(folder))
                number = row - int(np.searchsorted(split.labels, split.labels[row]))
                with Image.open(archive.open(names[number])) as oracle:
                    np.testing.assert_array_equal(split.images[row, :, :, 0], np.asarray(oracle))


def test_description_names_the_source():
    assert fer2013.INFO.needs_root
    assert "Kaggle" in fer2013.INFO.source
