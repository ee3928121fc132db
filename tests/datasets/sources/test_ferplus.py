import zipfile

import numpy as np
import pytest

import zoo.datasets
from zoo.datasets.sources.ferplus import CLASS_NAMES, majority_labels
from zoo.errors import DataError

HEADER = (
    "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"
)


@pytest.fixture
def votes():
    """Three images of each emotion to train and one to test; every third has no majority."""
    rows = []
    for usage, count in (("Training", 3), ("PublicTest", 1)):
        for number in range(count * len(CLASS_NAMES)):
            label = number % len(CLASS_NAMES)
            counts = [0] * 10
            counts[label] = 8
            counts[9] = 2
            if number >= 2 * len(CLASS_NAMES):
                counts[9] = 8
            rows.append((usage, counts))
    return rows


def grey(row):
    """The grey level of the face in that row."""
    return 5 * row


def table(votes):
    lines = [
        f"{usage},fer{row:07d}.png,{','.join(map(str, counts))}"
        for row, (usage, counts) in enumerate(votes)
    ]
    return "\r\n".join([HEADER, *lines, ""]).encode()


def rows_of_pixels(votes):
    return [(usage, " ".join([str(grey(row))] * 2304)) for row, (usage, _) in enumerate(votes)]


def pixels(votes):
    lines = [f"0,{text},{usage}" for usage, text in rows_of_pixels(votes)]
    return "\n".join(["emotion,pixels,Usage", *lines, ""]).encode()


def pixels_of_icml(votes):
    """The same rows with the columns of `icml_face_data.csv`."""
    lines = [f"0,{usage},{text}" for usage, text in rows_of_pixels(votes)]
    return "\n".join(["emotion, Usage, pixels", *lines, ""]).encode()


def faces(votes, image_bytes, name):
    return {
        name(usage, row): image_bytes(np.full((48, 48), grey(row), np.uint8))
        for row, (usage, _) in enumerate(votes)
    }


def beside_csv(write, votes, image_bytes):
    return write("data", {"fer2013new.csv": table(votes), "fer2013.csv": pixels(votes)})


def beside_icml_csv(write, votes, image_bytes):
    files = {"fer2013new.csv": table(votes), "icml_face_data.csv": pixels_of_icml(votes)}
    return write("data", files)


def beside_archive_of_csv(write, votes, image_bytes):
    root = write("data", {"fer2013new.csv": table(votes)})
    write("data/fer2013.tar.gz", {"fer2013/fer2013.csv": pixels(votes), "fer2013/README": b"-"})
    return root


def beside_archive_of_icml_csv(write, votes, image_bytes):
    root = write("data", {"fer2013new.csv": table(votes)})
    files = {"icml_face_data.csv": pixels_of_icml(votes), "fer2013.tar.gz": b"", "test.csv": b"-"}
    name = "challenges-in-representation-learning-facial-expression-recognition-challenge"
    write(f"data/{name}.zip", files)
    return root


def in_an_archive_with_csv(write, votes, image_bytes):
    files = {"fer/fer2013new.csv": table(votes), "fer/fer2013.csv": pixels(votes)}
    return write("ferplus.zip", files)


def in_an_archive_with_icml_csv(write, votes, image_bytes):
    files = {"fer2013new.csv": table(votes), "icml_face_data.csv": pixels_of_icml(votes)}
    return write("data/ferplus.tar.gz", files).parent


def beside_folders(write, votes, image_bytes):
    def name(usage, row):
        return f"{'train' if usage == 'Training' else 'test'}/happy/{usage}_{row}.png"

    return write("data", {"fer2013new.csv": table(votes), **faces(votes, image_bytes, name)})


def beside_archive(write, votes, image_bytes):
    files = faces(votes, image_bytes, lambda usage, row: f"train/sad/{usage}_{row}.png")
    root = write("data", {"fer2013new.csv": table(votes)})
    write("data/fer2013.zip", files)
    return root


def own_folders(write, votes, image_bytes):
    folders = {"Training": "FER2013Train", "PublicTest": "FER2013Valid"}
    files = faces(votes, image_bytes, lambda usage, row: f"{folders[usage]}/fer{row:07d}.png")
    for part, folder in folders.items():
        lines = [
            f'fer{row:07d}.png,"(0, 0, 48, 48)",{",".join(map(str, counts))}'
            for row, (usage, counts) in enumerate(votes)
            if usage == part
        ]
        files[f"{folder}/label.csv"] = "\n".join(lines).encode()
    return write("data", files)


WAYS = [
    beside_csv,
    beside_icml_csv,
    beside_archive_of_csv,
    beside_archive_of_icml_csv,
    in_an_archive_with_csv,
    in_an_archive_with_icml_csv,
    beside_folders,
    beside_archive,
    own_folders,
]


@pytest.mark.parametrize("way", WAYS)
def test_every_place_of_the_faces_gives_the_same_images(write, votes, image_bytes, way):
    root = way(write, votes, image_bytes)
    for _ in range(2):  # from the files, from the cache
        data = zoo.datasets.load("ferplus", root, validation=0)
        assert data.class_names == CLASS_NAMES
        assert data.train.class_counts == dict.fromkeys(CLASS_NAMES, 2)
        assert data.test.class_counts == dict.fromkeys(CLASS_NAMES, 1)
        rows = np.arange(16).reshape(2, 8).T.ravel()  # class after class
        np.testing.assert_array_equal(data.train.images[:, 0, 0, 0], grey(rows))
        np.testing.assert_array_equal(data.train.label_shares, np.eye(8)[data.train.labels])


def test_labels_are_those_of_the_majority():
    counts = [
        [5, 4, 0, 0, 0, 0, 0, 0, 0, 0],  # more than half
        [5, 5, 0, 0, 0, 0, 0, 0, 0, 0],  # a half
        [3, 1, 1, 1, 1, 1, 1, 1, 0, 0],  # single votes do not count
        [0, 0, 0, 0, 0, 0, 0, 0, 9, 1],  # unknown
        [4, 0, 0, 0, 0, 0, 0, 0, 0, 6],  # not a face
        [0, 0, 0, 0, 0, 0, 0, 6, 2, 2],
        [1, 1, 1, 1, 1, 1, 1, 1, 1, 1],
    ]
    labels, shares = majority_labels(np.array(counts))
    assert labels.tolist() == [0, -1, 0, -1, -1, 7, -1]
    np.testing.assert_allclose(shares[0, :2], [5 / 9, 4 / 9])
    assert shares[2, 0] == shares[5, 7] == 1


def test_votes_of_other_rows_are_refused_beside_every_table(write, votes, image_bytes):
    votes_of_others = [("PublicTest", counts) for _, counts in votes]
    files = {"fer2013new.csv": table(votes_of_others), "icml_face_data.csv": pixels_of_icml(votes)}
    with pytest.raises(DataError, match=r"have the same rows as icml_face_data\.csv"):
        zoo.datasets.load("ferplus", write("data", files))


def test_shares_follow_rows_and_classes(write, votes, image_bytes):
    votes = [(usage, [5, 4, *counts[2:8], 0, 0]) for usage, counts in votes[:8]] + votes
    root = beside_csv(write, votes, image_bytes)
    classes = ["happiness", "neutral"]
    data = zoo.datasets.load("ferplus", root, validation=0, classes=classes)
    np.testing.assert_allclose(data.train.label_shares.sum(1), 1)
    assert (data.train.label_shares.argmax(1) == data.train.labels).all()
    assert data.train.take([0]).label_shares.shape == (1, 2)


def test_rows_that_were_taken_out_are_left_out(write, votes, image_bytes):
    content = table(votes).replace(b"fer0000000.png", b"")
    root = write("data", {"fer2013new.csv": content, "fer2013.csv": pixels(votes)})
    assert zoo.datasets.load("ferplus", root, validation=0).train.class_counts["neutral"] == 1


@pytest.mark.parametrize(
    ("way", "name"),
    [(beside_folders, "train/happy/Training_{}.png"), (own_folders, "FER2013Train/fer{:07d}.png")],
)
def test_faces_without_a_file_are_counted(write, votes, image_bytes, way, name):
    root = way(write, votes, image_bytes)
    for row in (3, 5, 20):  # of the last, no label is known
        (root / name.format(row)).unlink()
    for _ in range(2):  # from the files, from the cache
        match = r"2 faces of Training that were voted on, such as fer0000003\.png, are left out"
        with pytest.warns(UserWarning, match=match):
            data = zoo.datasets.load("ferplus", root, validation=0)
        assert len(data.train) == 14


@pytest.mark.parametrize("way", [beside_csv, own_folders])
def test_a_byte_order_mark_of_windows_is_no_part_of_a_table(write, votes, image_bytes, way):
    root = way(write, votes, image_bytes)
    for path in root.rglob("*.csv"):
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert len(zoo.datasets.load("ferplus", root, validation=0).train) == 16


# changes of the table of votes, what the message has to say
CHANGES = [
    (lambda text: text[: text.rindex(b"PublicTest")], "have the same rows as fer2013.csv"),
    (lambda text: text.replace(b"Usage", b"Use", 1), "have the columns Usage, Image name"),
    (lambda text: text.replace(b",8,", b",x,", 1), "row 2, must have 10 numbers of votes"),
    (lambda text: text.replace(b",0,0", b",0", 1), "row 2, must have 10 numbers of votes"),
    (lambda text: text + b"9" * 1000, "at most 400 bytes"),
]


@pytest.mark.parametrize(("change", "message"), CHANGES)
def test_damaged_votes_are_refused(write, votes, change, message):
    files = {"fer2013new.csv": change(table(votes)), "fer2013.csv": pixels(votes)}
    with pytest.raises(DataError, match=message):
        zoo.datasets.load("ferplus", write("data", files))


def test_faces_with_other_numbers_are_refused(write, votes, image_bytes):
    face = image_bytes((48, 48))
    files = {"fer2013new.csv": table(votes), "train/sad/Training_10118481.jpg": face}
    with pytest.raises(DataError, match=r"Training_10118481\.jpg .* must have the number"):
        zoo.datasets.load("ferplus", write("data", files))


def test_the_real_faces_have_their_votes(real_file):
    root = real_file("fer2013new.csv").parent
    with zipfile.ZipFile(real_file("fer2013.zip")) as archive:
        assert archive.namelist()
    with pytest.warns(UserWarning, match="2 faces of Training that were voted on"):
        data = zoo.datasets.load("ferplus", root, validation=0)
    assert (len(data.train), len(data.test)) == (25_058, 3_199)
    assert data.test.class_counts["happiness"] == 865
    assert (data.train.label_shares.argmax(1) == data.train.labels).all()
