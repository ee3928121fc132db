"""Whatever the bytes: what they were before or a DataError, soon and in little memory.

What has no checksum may change the images that are stored in the damaged bytes, and nothing else.
"""

import functools
import gzip
import hashlib
import io
import itertools
import os
import pickle
import struct
import tarfile
import tempfile
import unicodedata
import warnings
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.io import savemat

import zoo.datasets
from zoo.datasets.files import tree
from zoo.datasets.formats import image_file
from zoo.datasets.formats.face_list import COLUMNS
from zoo.datasets.sources import fer2013
from zoo.datasets.sources.cifar10 import BATCHES
from zoo.errors import DataError

SOME = np.random.default_rng(0)


def images(*shape):
    return SOME.integers(0, 256, shape, dtype=np.uint8)


def encoded(pixels, format):
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, format)
    return content.getvalue()


def idx(array, magic):
    return struct.pack(f">{1 + array.ndim}I", magic, *array.shape) + array.tobytes()


def mnist_files():
    files = {}
    for prefix in ("train", "t10k"):
        files[f"{prefix}-images-idx3-ubyte.gz"] = gzip.compress(idx(images(10, 28, 28), 2051))
        files[f"{prefix}-labels-idx1-ubyte.gz"] = gzip.compress(
            idx(np.arange(10, dtype="u1"), 2049)
        )
    return files


def svhn_files():
    files = {}
    for part in ("train", "test"):
        labels = np.arange(1, 11, dtype=np.uint8)[:, None]
        content = io.BytesIO()
        savemat(content, {"X": images(32, 32, 3, 10), "y": labels}, do_compression=True)
        files[f"{part}_32x32.mat"] = content.getvalue()
    return files


def cifar_files(*, pickled):
    files = {}
    for name in [name for names in BATCHES.values() for name in names]:
        labels, planes = np.arange(10, dtype=np.uint8), images(10, 3072)
        if pickled:
            files[name] = pickle.dumps({"data": planes, "labels": labels.tolist()}, 2)
        else:
            files[f"{name}.bin"] = np.hstack([labels[:, None], planes]).tobytes()
    return files


def fer2013_csv():
    rows = [b"emotion,pixels,Usage"]
    for usage in (b"Training", b"PublicTest"):
        for label in range(7):
            pixels = " ".join(map(str, images(2304).tolist())).encode()
            rows.append(b"%d,%s,%s" % (label, pixels, usage))
    return {"fer2013.csv": b"\n".join(rows) + b"\n"}


def fer2013_folders():
    return {
        f"{part}/{emotion}/{name}_1.jpg": encoded(images(48, 48), "JPEG")
        for part, name in (("train", "Training"), ("test", "PublicTest"))
        for emotion in fer2013.CLASS_NAMES
    }


def class_folders():
    # Of one colour each, which PNG packs so well that half of all damage goes through its zlib.
    return {
        f"{name}/{number}.{format.lower()}": encoded(np.tile(images(3), (100, 100, 1)), format)
        for name in ("cat", "dog")
        for number, format in enumerate(("PNG", "JPEG", "BMP", "WEBP"))
    }


def facescrub_files():
    lists, pictures = {}, {}
    for name, actors in (("actors", ("Al", "Bo")), ("actresses", ("Cy", "Di"))):
        rows = [COLUMNS]
        for number in range(6):
            content = encoded(images(40, 40), ("PNG", "JPEG", "BMP")[number % 3])
            sha256 = hashlib.sha256(content).hexdigest()
            rows.append([actors[number % 2], str(number), "7", "http://x.org", "4,4,36,36", sha256])
            pictures[f"pictures/{sha256}"] = content
        lists[f"facescrub_{name}.txt"] = "".join("\t".join(row) + "\n" for row in rows).encode()
    return lists | pictures


@dataclass
class Format:
    """Files, what they hold, and which bytes of them are an image's that nothing watches over.

    `spans` has (image, first byte, end) by file, with the images' numbers in the order of loading.
    """

    files: dict
    shape: tuple
    classes: int
    spans: dict = field(default_factory=dict)


def spans(files, of):
    """Of files whose images are loaded one after another; `of` gives those of a file's content."""
    found, count = {}, 0
    for name, content in files.items():
        found[name] = [(count + k, *span) for k, span in enumerate(of(content))]
        count += len(found[name])
    return found


def batch(content):
    return [(start, start + 3073) for start in range(0, len(content), 3073)]


def rows(content):
    ends = [place for place, byte in enumerate(content) if byte == ord("\n")]
    return [(start + 1, end) for start, end in itertools.pairwise(ends)]


def whole(content):
    return [(0, 0 if content.startswith(b"\x89PNG") else len(content))]


def made(files, shape, classes, of=lambda content: []):
    return Format(files, shape, classes, spans(files, of))


def facescrub_format():
    files = facescrub_files()
    own = spans({name: content for name, content in files.items() if name.endswith(".txt")}, rows)
    pictures = [name for name in files if name.startswith("pictures/")]
    own |= {name: [(k, 0, len(files[name]))] for k, name in enumerate(pictures)}
    return Format(files, (32, 32, 1), 4, own)


FORMATS = {
    "mnist": made(mnist_files(), (28, 28, 1), 10),
    "svhn": made(svhn_files(), (32, 32, 3), 10),
    "cifar10 binary": made(cifar_files(pickled=False), (32, 32, 3), 10, batch),
    "cifar10 python": made(
        cifar_files(pickled=True), (32, 32, 3), 10, lambda content: [(0, len(content))] * 10
    ),
    "fer2013 csv": made(fer2013_csv(), (48, 48, 1), 7, rows),
    "fer2013 folders": made(fer2013_folders(), (48, 48, 1), 7, whole),
    "folder": made(class_folders(), (100, 100, 3), 2, whole),
    "facescrub": facescrub_format(),
}


def load(name, root):
    """The data set, or None where it says what is wrong with it."""
    message = ""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # a part that has gone
            return zoo.datasets.load(name.split()[0], root, cache=False, validation=0, test=0)
    except DataError as error:
        message = str(error)
    assert not {unicodedata.category(letter) for letter in message} & {"Cc", "Cs"}
    return None


def check(data, shape):
    assert data.image_shape == shape
    for split in (data.train, data.test):
        if split is not None:
            assert split.images.dtype == np.uint8
            assert split.labels.dtype == np.int64
            assert split.images.shape == (len(split.labels), *shape)
            assert 0 <= split.labels.min() <= split.labels.max() < data.num_classes


def content_of(data):
    """Part, pixels and class of each image."""
    return [
        (split.name, image.tobytes(), data.class_names[label])
        for split in (data.train, data.test)
        if split is not None
        for image, label in zip(split.images, split.labels, strict=True)
    ]


@functools.cache
def original(name):
    with tempfile.TemporaryDirectory() as folder:
        return content_of(load(name, written(Path(folder), FORMATS[name].files)))


def check_content(found, before, harmed):
    """All is as it was, but for the images that are harmed, which may be others or gone."""
    sound = [image for number, image in enumerate(before) if number not in harmed]
    known = {*sound}
    found = content_of(found)
    assert [image for image in found if image in known] == sound
    assert len(found) - len(sound) <= len(harmed)


def harmed_by(spans, before, after):
    return {image for image, start, end in spans if before[start:end] != after[start:end]}


def damaged(content, draw):
    """Some bytes other than they were, and perhaps an end that comes too soon."""
    content = bytearray(content)
    for _ in range(draw(st.integers(0, 3))):
        # Headers are at the beginning and the end.
        place = draw(st.integers(0, len(content) - 1) | st.integers(0, 200) | st.integers(-100, -1))
        content[place % len(content)] = draw(st.integers(0, 255))
    return bytes(content[: draw(st.just(len(content)) | st.integers(0, len(content)))])


@pytest.mark.parametrize("name", FORMATS)
def test_undamaged_files_are_read(name, tmp_path):
    data_set = FORMATS[name]
    found = load(name, written(tmp_path, data_set.files))
    check(found, data_set.shape)
    assert found.num_classes == data_set.classes
    images = content_of(found)
    assert len({*images}) == len(images)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(data=st.data())
@pytest.mark.parametrize("name", FORMATS)
def test_damaged_files_are_as_they_were_or_an_error(name, data, tmp_path_factory):
    data_set = FORMATS[name]
    which = data.draw(st.sampled_from(sorted(data_set.files)))
    before = data_set.files[which]
    after = damaged(before, data.draw)
    found = load(name, written(tmp_path_factory.mktemp("any"), {**data_set.files, which: after}))
    if found:
        check(found, data_set.shape)
        check_content(found, original(name), harmed_by(data_set.spans[which], before, after))
        if which.startswith("pictures/"):
            assert {*content_of(found)} <= {*original(name)}


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(data=st.data())
@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz", "tar.bz2", "tar.xz"])
def test_damaged_archives_are_as_they_were_or_an_error(kind, data, tmp_path_factory):
    content = ARCHIVES[kind]
    path = tmp_path_factory.mktemp("any") / f"pets.{kind}"
    path.write_bytes(damaged(content, data.draw))
    found = load("folder", path)
    if found:
        check(found, (100, 100, 3))
        harmed = harmed_by(members(content), content, path.read_bytes()) if kind == "tar" else ()
        check_content(found, original("folder"), harmed)


def members(content):
    """Of a tar archive, which has checksums of names only, the span of each image."""
    with tarfile.open(fileobj=io.BytesIO(content)) as found:
        return [
            (
                k,
                member.offset,
                member.offset_data + (0 if member.name.endswith("png") else member.size),
            )
            for k, member in enumerate(found)
        ]


@pytest.mark.parametrize(
    ("kind", "before", "after"),
    [
        ("tar", b"dog/0.png", b"dog/0.pnx"),
        ("zip", b"dog/0.png", b"dog/0.pnx"),
        ("zip", b"dog/0.png", b"dog/0.\x07ng"),
        ("zip", b"dog/0.png", b".og/0.png"),
    ],
)
def test_an_image_is_not_lost_with_its_name(kind, before, after, tmp_path):
    start, found, end = ARCHIVES[kind].rpartition(before)
    assert found
    path = tmp_path / f"pets.{kind}"
    path.write_bytes(start + after + end)
    with pytest.raises(DataError, match=r"and header .* differ|a damaged header"):
        zoo.datasets.load("folder", path)


def test_an_image_is_not_lost_from_the_directory_of_a_zip_archive(tmp_path):
    content = bytearray(ARCHIVES["zip"])
    # The last but one's comment is to have the length of all that is said of the last one.
    last = content.rfind(b"PK\1\2")
    content[content.rfind(b"PK\1\2", 0, last) + 32] = content.rfind(b"PK\5\6") - last
    (tmp_path / "pets.zip").write_bytes(content)
    with pytest.raises(DataError, match="7 files where there should be 8"):
        zoo.datasets.load("folder", tmp_path / "pets.zip")


def test_a_tar_archive_without_an_end_is_not_whole(tmp_path):
    content = ARCHIVES["tar"]
    path = tmp_path / "pets.tar"
    path.write_bytes(content[: members(content)[-1][1]])
    with pytest.raises(DataError, match="breaks off"):
        zoo.datasets.load("folder", path)


@settings(max_examples=60, deadline=None)
@given(content=st.binary(max_size=300))
@pytest.mark.parametrize("name", FORMATS)
def test_any_bytes_are_an_error(name, content, tmp_path_factory):
    files = dict.fromkeys(FORMATS[name].files, content)
    assert load(name, written(tmp_path_factory.mktemp("any"), files)) is None


def written(folder, files):
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def archive(kind, files):
    """An archive's bytes; files are contents, or `tarfile.TarInfo`s, by name."""
    content = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as target:
            for name, file in files.items():
                target.writestr(name, file)
    else:
        with tarfile.open(fileobj=content, mode=f"w:{kind[4:]}") as target:
            for name, file in files.items():
                member = file if isinstance(file, tarfile.TarInfo) else tarfile.TarInfo(name)
                member.size = 0 if isinstance(file, tarfile.TarInfo) else len(file)
                target.addfile(member, None if member is file else io.BytesIO(file))
    return content.getvalue()


ARCHIVES = {
    kind: archive(kind, FORMATS["folder"].files)
    for kind in ("zip", "tar", "tar.gz", "tar.bz2", "tar.xz")
}


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
def test_paths_that_lead_outside_are_never_followed(kind, tmp_path):
    files = {"../outside/1.png": encoded(images(100, 100), "PNG"), "/etc/passwd": b"root"}
    path = tmp_path / f"pets.{kind}"
    path.write_bytes(archive(kind, {**class_folders(), **files}))
    before = sorted(tmp_path.parent.rglob("*"))
    with tree.open_tree(path) as found:
        assert not any(".." in name or name.startswith("/") for name in found.sizes)
    load("folder", path)
    assert sorted(tmp_path.parent.rglob("*")) == before


def link(name, target, kind=tarfile.SYMTYPE):
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE]
)
def test_links_and_devices_in_a_tar_archive_are_left_alone(kind, tmp_path):
    path = tmp_path / "pets.tar"
    files = class_folders()
    path.write_bytes(archive("tar", {**files, "cat/9.png": link("cat/9.png", "/etc/passwd", kind)}))
    with tree.open_tree(path) as found:
        assert found.sizes.keys() == files.keys()


def test_a_link_in_a_zip_archive_is_no_image(tmp_path):
    member = zipfile.ZipInfo("cat/9.png")
    member.external_attr = 0o120777 << 16
    path = tmp_path / "pets.zip"
    with zipfile.ZipFile(path, "w") as target:
        target.writestr(member, "/etc/passwd")
        for name, content in class_folders().items():
            target.writestr(name, content)
    with pytest.raises(DataError, match=r"cat/9\.png in .* must be a readable image"):
        zoo.datasets.load("folder", path)


def test_a_zip_bomb_is_not_unpacked(tmp_path):
    path = tmp_path / "pets.zip"
    path.write_bytes(archive("zip", {**class_folders(), "cat/9.png": bytes(tree.MAX_BYTES + 1)}))
    assert path.stat().st_size < 2**20
    with pytest.raises(DataError, match=r"cat/9\.png in .* at most 268,435,456 bytes"):
        zoo.datasets.load("folder", path)


def test_a_zip_archive_that_understates_a_size_gives_no_more(tmp_path):
    content = archive("zip", {"cat/1.png": bytes(10**7)})
    lie = content.replace(struct.pack("<I", 10**7), struct.pack("<I", 10))
    assert lie != content
    path = tmp_path / "pets.zip"
    path.write_bytes(lie)
    with tree.open_tree(path) as found, pytest.raises(DataError, match=r"cat/1\.png in"):
        found.read("cat/1.png")


@pytest.mark.parametrize("kind", ["tar.gz", "tar.bz2", "tar.xz"])
def test_a_tar_bomb_is_not_unpacked(kind, tmp_path, monkeypatch):
    monkeypatch.setattr("zoo.datasets.files.archive.MAX_TAR_BYTES", 2**22)
    path = tmp_path / f"pets.{kind}"
    path.write_bytes(archive(kind, {**class_folders(), "cat/9.png": bytes(2**25)}))
    assert path.stat().st_size < 2**20
    with pytest.raises(DataError, match="at most 4,194,304 bytes unpacked"):
        zoo.datasets.load("folder", path)


def test_a_pixel_bomb_is_not_decoded(tmp_path):
    width = height = 40_000
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = zlib.compress(bytes(1000))

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(
            ">I", zlib.crc32(kind + content)
        )  # fmt: skip

    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
    assert width * height > image_file.MAX_PIXELS_OF_OTHERS
    root = written(tmp_path / "pets", {**class_folders(), "cat/9.png": png})
    with pytest.raises(DataError, match=r"cat/9\.png in .* Received: .*(pixels|40000|Bomb)"):
        zoo.datasets.load("folder", root, image_size=8)


@pytest.mark.parametrize("kind", ["folder", "tar"])
def test_names_that_are_no_utf_8_are_refused(kind, tmp_path):
    name = os.fsdecode(b"caf\xe9/1.png")
    if kind == "folder":
        root = tmp_path / "pets"
        try:
            written(root, {**class_folders(), name: encoded(images(100, 100), "PNG")})
        except (OSError, UnicodeEncodeError):
            pytest.skip("this file system takes no such names")
    else:
        root = tmp_path / "pets.tar"
        root.write_bytes(
            archive("tar", {**class_folders(), name: encoded(images(100, 100), "PNG")})
        )
    with pytest.raises(
        DataError, match=r"folders that have a name in UTF-8 .* Received: 'caf\\udce9"
    ):
        zoo.datasets.load("folder", root)


CSV = fer2013_csv()["fer2013.csv"]
ROW = CSV.split(b"\n")[1]

# what is put in the place of the first row, and what is said
ROWS = [
    (
        ROW.replace(b" ", b"", 1),
        r"row 2, must have (2,304 pixels\. Received: 2,303|pixels 0\.\.255)",
    ),
    (ROW.rpartition(b" ")[0] + b",Training", r"row 2, must have 2,304 pixels\. Received: 2,303"),
    (ROW.replace(b",Training", b" 7,Training"), r"row 2, must have 2,304 pixels\. Received: 2,305"),
    (
        b"0,256 " + ROW[2:].partition(b" ")[2],
        r"row 2, must have pixels 0\.\.255 .* Received: b'256'",
    ),
    (b"0,-1 " + ROW[2:].partition(b" ")[2], r"row 2, must have pixels 0\.\.255 .* Received: b'-1'"),
    (b"0,1.5 " + ROW[2:].partition(b" ")[2], r"Received: b'1\.5'"),
    (b"0,1\t" + ROW[2:].partition(b" ")[2], r"Received: b'1\\t"),
    (b"0,nan " + ROW[2:].partition(b" ")[2], "Received: b'nan'"),
    (b"7" + ROW[1:], r"row 2, must have an emotion 0\.\.6\. Received: b'7'"),
    (b"" + ROW[1:], r"row 2, must have an emotion 0\.\.6\. Received: b''"),
    (ROW.replace(b"Training", b"Elsewhere"), "Usage in .* must be Training, PublicTest"),
    (ROW + b",more", "row 2, must have 3 columns .* Received: 4 columns"),
    (b"", "row 2, must have 3 columns .* Received: 1 columns"),
]


@pytest.mark.parametrize(("row", "words"), ROWS)
def test_csv_rows_that_are_wrong_are_named(row, words, tmp_path):
    root = written(tmp_path, {"fer2013.csv": CSV.replace(ROW, row, 1)})
    with pytest.raises(DataError, match=words):
        zoo.datasets.load("fer2013", root)


def test_a_csv_without_end_is_not_read_to_it(tmp_path):
    root = written(tmp_path, {"fer2013.csv": CSV + b"1" * 10**7})
    with pytest.raises(DataError, match="row 16, must have 3 columns and at most 9,280 bytes"):
        zoo.datasets.load("fer2013", root)
